"""What the losses share: which arguments they take, and how their numbers become one."""

import math

import numpy as np

from minicnn.engine.devices import array_module
from minicnn.engine.op import Op, contiguous, hands_over
from minicnn.engine.tensor import Tensor


def as_tensors(input, target):
    """Both as Tensors. A target that is a plain array, as labels come from the loader, goes to the
    device of the input; a Tensor stays where it is."""
    input = input if isinstance(input, Tensor) else Tensor(input)
    if isinstance(target, list | tuple | int | float):  # whole numbers stay what they are: classes
        target = np.asarray(target)
        target = target.astype(input.dtype) if target.dtype.kind == "f" else target
    target = target if isinstance(target, Tensor) else Tensor(target).to(input.device)
    return input, target


def constant(weight, like):
    """A weight as a Tensor of the dtype and device of `like`, that is not learnt."""
    if isinstance(weight, Tensor):
        return weight.detach()
    return Tensor.constant(weight, like).to(like.device, dtype=like.dtype)


def check_reduction(name, reduction, also=()):
    """Raises ValueError for a reduction that this loss does not know."""
    known = ("none", "mean", "sum", *also)
    if reduction not in known:
        *most, last = map(repr, known)
        raise ValueError(f"{name}: reduction {reduction!r}: choose {', '.join(most)} or {last}")


def check_same_shape(name, x, target):
    """Raises ValueError where there is not one target for each number of the input. Broadcasting a
    target of another shape would hide a mistake."""
    if x.shape != target.shape:
        raise ValueError(f"{name}: input {x.shape} needs a target of its shape, got {target.shape}")


def counted(shape, reduction):
    """What the sum of the losses is divided by."""
    if reduction == "batchmean":
        return shape[0] if shape else 1
    return 1 if reduction == "sum" else math.prod(shape)


def reduced(loss, reduction):
    """An array of losses as it is ('none'), or as one number."""
    if reduction == "none":
        return loss
    with np.errstate(invalid="ignore"):  # the mean of nothing is a NaN, not a warning
        return loss.sum() / loss.dtype.type(counted(loss.shape, reduction))


def unreduced(gy, shape, reduction):
    """The gradient of every single loss, from the one of what `reduced` made of them."""
    if reduction == "none":
        return gy
    with np.errstate(invalid="ignore", divide="ignore"):
        share = gy / gy.dtype.type(counted(shape, reduction))
    return array_module(gy).broadcast_to(share, shape)


class ClassLoss(Op):
    """What cross_entropy and nll_loss share: the shapes, the labels, the reduction. `losses` and
    `gradient` are theirs."""

    floating = ("input", None, "weight")

    def __init__(self, ignore_index, reduction):
        self.ignore, self.reduction = int(ignore_index), reduction

    def check(self, x, target, w=None):
        if target.dtype.kind not in "iu":
            raise TypeError(f"{self.name}: target must hold whole numbers, not {target.dtype}")
        expected = x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()
        if x.ndim < 1 or target.shape != expected:
            raise ValueError(
                f"{self.name}: input {x.shape} needs a target of shape {expected}, "
                f"got {target.shape}"
            )
        C = x.shape[min(x.ndim - 1, 1)]
        if w is not None and w.shape != (C,):
            raise ValueError(f"{self.name}: weight {w.shape} for {C} classes")
        target = target.astype(np.int64, copy=False)
        wrong = ((target < 0) | (target >= C)) & (target != self.ignore)
        if wrong.any():
            raise ValueError(
                f"{self.name}: target holds {int(target[wrong][0])}, but the input scores {C} "
                f"classes (0 to {C - 1}) and ignore_index is {self.ignore}"
            )

    def forward(self, x, target, w=None):
        xp = array_module(x)
        N, C = x.shape[:2] if x.ndim > 1 else (1, *x.shape)
        self.shape, self.view = x.shape, (N, C, math.prod(x.shape[2:]))
        self.target = xp.ascontiguousarray(target, dtype=np.int64).reshape(N, self.view[2])
        self.w = xp.ones(C, dtype=x.dtype) if w is None else w
        loss = self.losses(contiguous(x).reshape(self.view))
        if self.reduction == "none":
            return loss.reshape(target.shape)
        if self.reduction == "sum":
            return loss.sum()
        counted = self.target != self.ignore
        self.divisor = (
            counted.sum().astype(x.dtype) if w is None else self.w[self.target[counted]].sum()
        )
        with np.errstate(invalid="ignore"):  # nothing but void: 0 / 0
            return loss.sum() / self.divisor

    @hands_over
    def backward(self, gy):
        xp, shape = array_module(gy), self.target.shape
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.reduction == "mean":
                gy = gy / self.divisor
            g = gy.reshape(shape) if self.reduction == "none" else xp.broadcast_to(gy, shape)
            return (self.gradient(xp.ascontiguousarray(g)), None, None)[: len(self.inputs)]
