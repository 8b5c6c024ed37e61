"""Tensor: an array, its gradient, and the op that made it.

    a = Tensor([1.0, 2.0], requires_grad=True)
    y = (a * a).sum()
    y.backward()
    a.grad                                       # array([2., 4.])

A Tensor points to its op and the op to its inputs, never the other way: no reference cycles, so
memory is freed the moment nobody holds the result. The gradients travel in a dict, in topological
order: b = a + a; c = b + b needs both gradients of b before b may pass one on.
"""

from collections import Counter

import numpy as np

from minicnn.engine import devices
from minicnn.engine.devices import array_module, device_of, empty_like
from minicnn.engine.dtypes import as_array, beside, is_number
from minicnn.engine.graph import Gradients, in_order
from minicnn.engine.profiling import timed


class Tensor:
    """An array of numbers that remembers how it was made.

    data           numpy array (CPU), cupy array (GPU) or one of the emulator, of any dtype; lists
                   and plain numbers become float32 (see dtypes.py)
    requires_grad  True for what is learnt; results inherit it
    grad           array of the same shape, added to by every backward(); None at first
    """

    place = 0  # among the results of its op
    version = 0  # raised where `data` is written to in place, as by a step of SGD
    __array_ufunc__ = None  # numpy_array * tensor becomes tensor.__rmul__

    def __init__(self, data, requires_grad=False):
        if isinstance(data, Tensor):
            data = data.data
        self.data = as_array(data)
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only floating tensors can require gradients, not {self.data.dtype}")
        self.requires_grad = requires_grad
        self.grad = None
        self.op = None
        self._retain = False

    @classmethod
    def constant(cls, value, like=None):
        """A Tensor without gradient. Plain numbers and lists take the dtype and device of `like`;
        but 0.5 does not become a whole number."""
        if like is not None and (is_number(value) or isinstance(value, list | tuple)):
            return cls(beside(value, like))
        return cls(value)

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    device = property(lambda self: device_of(self.data), doc="'cpu', 'gpu' or 'emulated'")

    def __len__(self):
        if not self.ndim:
            raise TypeError("a Tensor of shape () is one number and has no length")
        return len(self.data)

    def __array__(self, dtype=None, copy=None):
        """np.asarray(t): the values, as `numpy` gives them. They have no history."""
        return np.array(self.numpy(), dtype, copy=copy) if copy else np.asarray(self.numpy(), dtype)

    def __bool__(self):
        return bool(self.item())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if self.dtype.kind not in "iu":
            raise TypeError(f"a Tensor of {self.dtype} is no index; it takes whole numbers")
        return int(self.item())

    def __format__(self, form):
        """f"{loss:.3f}" of a tensor with one element."""
        return format(self.item(), form) if form else str(self)

    def describe(self):
        """Its shape, dtype and device as text, without the numbers."""
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"{type(self).__name__} {self.shape} {self.dtype}, {self.device}{grad}"

    def __repr__(self):
        if self.size > 100:  # who wants to see all numbers prints t.data
            return f"<{self.describe()}>"
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({self.data}{grad})"

    def _repr_html_(self):
        from minicnn.basics import displays

        about = displays.paragraphs(self.describe())
        return f"<div>{about}{displays.numbers(self.numpy())}</div>"

    def numpy(self):
        """The values as a numpy array (copied from the GPU if they lie there), without their
        history, whether or not they require a gradient. On the CPU it is `data` itself."""
        return devices.move(self.data, "cpu")

    def item(self):
        """The value of a tensor with one element, as a Python number."""
        if self.size != 1:
            raise ValueError(
                f"a Tensor of shape {self.shape} is not one number; reduce it with .sum() or "
                ".mean(), or ask .data.any() or .data.all()"
            )
        return self.data.item()

    def detach(self):
        """The same array without its history."""
        return Tensor(self.data)

    def to(self, device=None, dtype=None):
        """A tensor on another device or of another dtype. It starts a graph of its own: move
        parameters and inputs, not results."""
        data = self.data if device is None else devices.move(self.data, device)
        data = data if dtype is None else data.astype(dtype, copy=False)
        return self if data is self.data else Tensor(data, self.requires_grad)

    def retain_grad(self):
        """Keeps `.grad` of an intermediate result, which backward() otherwise drops."""
        self._retain = True

    # --------------------------------------------------------------------------------- backward
    def backward(self, gradient=None):
        """Adds d(self)/d(leaf) to `.grad` of every leaf that requires it.

        gradient  array of self's shape, d(loss)/d(self); may be left out for a single number
        The graph is freed on the way. Raises RuntimeError on a second call.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward: nothing here requires a gradient; make a leaf with requires_grad=True, "
                "and do not compute the loss inside no_grad()"
            )
        order = in_order(self, lambda tensor: tensor.requires_grad, last_first=True)
        for op in (t.op for t in order if t.op is not None):
            if op.versions != [t.version for t in op.inputs]:
                raise RuntimeError(
                    f"backward: step() has changed what {op.called()} was computed from; call "
                    "backward() of every loss before step(), or compute the loss again after it"
                )
        # of each op, how many results wait for their gradients; of one with several, what has come
        waiting, of_op = Counter(id(t.op) for t in order), {}
        grads = Gradients()
        grads.add(self, _first_gradient(self, gradient), handed_over=gradient is None)
        while order:
            tensor = order.pop()
            gy, ours = grads.pop(tensor)
            op = tensor.op
            if gy is not None and (op is None or tensor._retain):
                _add_to_leaf(tensor, gy, take_over=ours and op is None)
            waiting[id(op)] -= 1
            if op is not None and op.results is not None:
                gys = of_op.setdefault(id(op), [None] * op.results)
                gys[tensor.place] = gy
                gy = None if all(g is None for g in gys) else tuple(gys)
            if op is not None and not waiting[id(op)]:
                if gy is not None:  # None: every op that used this tensor had no gradient for it
                    _pass_on(op, gy, grads)
                op.release()

    # -------------------------------------------------------------------- assignment is refused
    def __setitem__(self, index, value):
        raise TypeError(
            "a Tensor cannot be assigned to in place: the graph would back-propagate through "
            "values that are gone. Compute a new Tensor (concat, pad, arithmetic with a mask), "
            "or write to tensor.data before the tensor is used"
        )


def _pass_on(op, gy, grads):
    """Gives the gradients of an op to its inputs."""
    handed_over = getattr(op.backward, "hands_over", False)
    for tensor, gx in zip(op.inputs, _call_backward(op, gy), strict=True):
        if gx is not None and tensor.requires_grad:
            grads.add(tensor, gx, handed_over)


def _first_gradient(tensor, gradient):
    xp = array_module(tensor.data)
    if gradient is None:
        if tensor.size != 1:
            raise RuntimeError(
                f"backward: the result has shape {tensor.shape}, not one number; reduce it with "
                ".sum() or .mean(), or pass gradient= of that shape"
            )
        return xp.ones_like(tensor.data)
    gradient = gradient.data if isinstance(gradient, Tensor) else gradient
    if devices.is_array(gradient) and device_of(gradient) != "cpu":
        devices.check_one_device("backward", [tensor.data, gradient])
    gradient = xp.asarray(gradient, dtype=tensor.dtype)
    if gradient.shape != tensor.shape:
        raise ValueError(
            f"backward: gradient has shape {gradient.shape}, but the result has {tensor.shape}"
        )
    return gradient


def _call_backward(op, gy):
    """The op's gradients as a tuple, checked: a student's backward is called here too."""
    name = type(op).__name__
    gradients = timed(op, "backward", op.backward, gy)
    if not isinstance(gradients, tuple):
        gradients = (gradients,)
    if len(gradients) != len(op.inputs):
        raise ValueError(
            f"{name}.backward returned {len(gradients)} gradients for {len(op.inputs)} inputs"
        )
    for k, (gx, x) in enumerate(zip(gradients, op.inputs, strict=True)):
        if gx is None or not x.requires_grad:
            continue
        if isinstance(gx, Tensor) or not hasattr(gx, "dtype"):
            raise TypeError(
                f"{name}.backward: the gradient of input {k} is a {type(gx).__name__}, not an array"
            )
        if gx.shape != x.shape or gx.dtype != x.dtype:
            raise ValueError(
                f"{name}.backward: the gradient of input {k} is {gx.dtype}{gx.shape}, "
                f"but the input is {x.dtype}{x.shape}"
            )
    return gradients


def _add_to_leaf(tensor, gy, take_over):
    if tensor.grad is None:
        if take_over and gy.flags.c_contiguous:
            tensor.grad = gy
        else:
            tensor.grad = empty_like(gy)
            tensor.grad[...] = gy
        return
    if tensor.grad.shape != gy.shape:  # broadcasting would add wrong numbers without a word
        raise ValueError(
            f"backward: a gradient of shape {gy.shape} meets .grad of {tensor.grad.shape}; "
            "set .grad to None"
        )
    tensor.grad += gy
