"""What the losses share: which arguments they take, and how their numbers become one."""

import math

import numpy as np

from minicnn.devices import array_module
from minicnn.tensor import Tensor


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
