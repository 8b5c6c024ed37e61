"""Op: one operation, forward and backward, on plain arrays.

    class Scale(Op):
        def __init__(self, factor):              # parameters here
            self.factor = factor

        def forward(self, x):                    # plain arrays (numpy or cupy) in and out
            return self.factor * x

        def backward(self, gy):                  # one gradient per input; a tuple if several;
            return self.factor * gy              # None where an input has no gradient

    y = Scale(2.0)(t)                            # t a Tensor or an array; y a Tensor

Where forward returns a tuple, y is a tuple of Tensors, and backward gets one: the gradient of each
result, None for one that nothing was made of.

An op may keep arrays on `self` between forward and backward (its own output too), never a Tensor:
that would be a reference cycle. `self.needs[i]` says whether the gradient of input i is wanted, so
that a costly one can be left out.

Who may write to an array: `forward` and `backward` only read what they are given and what they have
returned. So they may return it, a view of it, an array that they keep, or one array twice: nor does
the engine write there. It adds gradients in arrays of its own, and copies them into `.grad`. A
backward decorated with `@hands_over` promises more: each array that it returns was made in this
call, is not part of a larger one, stands there once and is kept nowhere. The engine adds to those
in place, and they become the `.grad` of a leaf without a copy: worth it for weights.

Differentiation is first-order only: backward works on plain arrays and leaves no graph behind. The
lecture's systems need no more, and each op stays one class.
"""

import contextlib
import functools
import numbers
import operator
import re
import threading

import numpy as np

from minicnn.engine.devices import check_one_device
from minicnn.engine.dtypes import check_floating, together
from minicnn.engine.profiling import timed

OPS = {}  # name -> class, filled by subclassing


class _OfThread(threading.local):
    """Whether a graph is recorded, in each thread for itself: who predicts beside a training must
    not switch off the gradients of the training."""

    recording = True
    follower = None  # sees every operation, see `followed`


_of_thread = _OfThread()


@contextlib.contextmanager
def no_grad():
    """Inside, this thread records no graph: predictions need less memory."""
    before, _of_thread.recording = _of_thread.recording, False
    try:
        yield
    finally:
        _of_thread.recording = before


@contextlib.contextmanager
def followed(follower):
    """Inside, each operation of this thread gives follower(op, input Tensors, output Tensor, or a
    tuple of several) in the place of its output: a Tensor of the same numbers, which may know more
    (interchange)."""
    before, _of_thread.follower = _of_thread.follower, follower
    try:
        yield
    finally:
        _of_thread.follower = before


def is_followed():
    """Whether somebody writes down the operations of this thread."""
    return _of_thread.follower is not None


def hands_over(backward):
    """Decorator of a backward whose arrays the engine may take over, see above. A backward that
    takes its place, in a class derived from the op, promises nothing."""
    backward.hands_over = True
    return backward


class Op:
    """Base class of every operation."""

    inputs = ()  # the input Tensors, while the graph lives
    needs = ()
    results = None  # how many there are, where forward returned a tuple
    name = ""  # for the sentences of errors, where it is not that of the class
    floating = ()  # the names of the inputs that must not be whole numbers; None for one that may
    mixes = False  # whether whole numbers become floating where they meet floating ones

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        OPS[cls.__name__] = cls

    def forward(self, *arrays):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, gy):
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def window_of(self):
        """((kernel), (stride), (dilation)), each (vertical, horizontal): how much of its input one
        output element sees. Element by element unless an op says otherwise."""
        return (1, 1), (1, 1), (1, 1)

    def called(self):
        """The name in the sentences of errors: that of the function, as max_pool2d."""
        return self.name or _in_small_letters(type(self).__name__)

    def check(self, *arrays):
        """Raises ValueError, in a sentence with names and numbers, before any kernel runs."""

    def __call__(self, *inputs):
        from minicnn.engine.tensor import Tensor

        if self.inputs is None or self.inputs:
            raise RuntimeError(
                f"{type(self).__name__}: this op was already used; make a new one for each call"
            )
        name = self.called()
        tensors = _as_tensors(inputs, Tensor)
        check_floating(name, self.floating, tensors)
        if self.mixes:
            tensors = together(tensors)
        check_one_device(name, [t.data for t in tensors])
        _check_dtypes(name, tensors)
        arrays = [t.data for t in tensors]
        self.check(*arrays)
        self.needs = tuple(_of_thread.recording and t.requires_grad for t in tensors)
        y = timed(self, "forward", self.forward, *arrays)
        results = [Tensor(a) for a in (y if isinstance(y, tuple) else (y,))]
        if any(self.needs):
            self.inputs, self.versions = tuple(tensors), [t.version for t in tensors]
            self.results = len(y) if isinstance(y, tuple) else None
            for place, result in enumerate(results):
                if result.dtype.kind == "f":  # of several some may be places or counts
                    result.requires_grad, result.op, result.place = True, self, place
        out = tuple(results) if isinstance(y, tuple) else results[0]
        return out if _of_thread.follower is None else _of_thread.follower(self, tensors, out)

    def release(self):
        """Forgets inputs and saved arrays once backward has used them."""
        self.__dict__.clear()
        self.inputs = None


@functools.cache
def _in_small_letters(name):
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _as_tensors(inputs, Tensor):
    """Tensors as they are; arrays and numbers as constants of the dtype and device of the first
    Tensor."""
    like = next((i for i in inputs if isinstance(i, Tensor)), None)
    return [i if isinstance(i, Tensor) else Tensor.constant(i, like) for i in inputs]


def _check_dtypes(name, tensors):
    dtypes = {t.dtype for t in tensors if t.dtype.kind == "f"}
    if len(dtypes) > 1:
        dtypes = [dtype.name for dtype in dtypes]
        raise TypeError(
            f"{name}: the inputs are {' and '.join(sorted(dtypes))}; "
            f"bring them to one dtype with .to(dtype=np.{max(dtypes)})"
        )


def contiguous(*arrays):
    """The arrays, each C-contiguous as kernels need them (a copy only where one is not)."""
    result = tuple(a if a is None or a.flags.c_contiguous else a.copy(order="C") for a in arrays)
    return result[0] if len(result) == 1 else result


def pair(value, name, minimum=0):
    """(vertical, horizontal) from one int or a pair, as PyTorch takes them."""
    if type(value) is int and value >= minimum:
        return value, value
    values = value if isinstance(value, list | tuple) else np.ravel(value).tolist()
    if len(values) == 1:
        values = (*values, *values)
    if len(values) != 2 or not all(is_whole(v) and v >= minimum for v in values):
        raise ValueError(f"{name}={value!r}: expected an int of at least {minimum}, or two of them")
    return int(values[0]), int(values[1])


def as_int(value):
    """A whole number as an int; one that is an int stays what it is, also of a class derived from
    it. Raises TypeError for others."""
    return value if isinstance(value, int) else operator.index(value)


def is_whole(value):
    """Whether it is a whole number; 3.0 is one."""
    if type(value) is int:  # as nearly always: the other question takes longer
        return True
    return isinstance(value, numbers.Real) and float(value).is_integer()


def axes_of(name, dim, shape):
    """The dimensions `dim`, an int or several, as a tuple of numbers from 0; None and () are all
    of them. Raises ValueError for one that does not exist and for one that comes twice."""
    try:
        dims = dim if dim is None or np.iterable(dim) else (dim,)
        axes = range(len(shape)) if dims is None else [operator.index(d) for d in dims]
    except TypeError:
        raise TypeError(f"{name}: dim={dim!r}: expected an int, or several") from None
    for d in axes:
        if not -len(shape) <= d < len(shape):
            raise ValueError(f"{name}: dim {d} does not exist in shape {shape}")
    axes = tuple(d % len(shape) for d in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"{name}: dim={dim!r} names a dimension of {shape} twice")
    return axes or tuple(range(len(shape)))
