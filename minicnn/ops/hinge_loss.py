r"""Hinge loss: what a linear support vector machine minimises.

With a truth t of 1 (it is one) or -1 (it is none), a score x loses what it lacks to be right by 1:

    l = P max(0, 1 - x)      where t = 1         P (pos_weight): what a positive counts
    l = max(0, 1 + x)        where t = -1        beside a negative
    l = 0                    where t = 0: it is not said whether it is one

What is right by a margin of 1 costs nothing and teaches nothing, so only the examples near the
border, and beyond it, hold a classifier: the support vectors. Which of millions of negatives these
are one has to look for («hard negatives», learning/region_classifiers.py).

Shapes: x and t any, the same; l too. reduction: 'none' gives l, 'sum' its sum, 'mean' the sum
divided by the number of those with a truth.

Gradient: l is made of straight lines, with a kink where t x = 1; there we take 0, as everybody:

    gx = -gl P     where t = 1 and x < 1
    gx = gl        where t = -1 and x > -1
    gx = 0         elsewhere

A NaN stays a NaN in the loss.

Source: Cortes, Vapnik 1995; with positives that count more, for regions: Hariharan et al. 2014.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.op import Op, contiguous
from minicnn.engine.tensor import Tensor
from minicnn.ops.losses import as_tensors, check_reduction, check_same_shape

hinge_loss_forward = Kernel("hinge_loss_forward", "x[size], t[size], P, loss[size]")
hinge_loss_backward = Kernel("hinge_loss_backward", "gl[size], x[size], t[size], P, gx[size]")


@hinge_loss_forward.cpu
def hinge_loss_forward_cpu(x, t, P, loss):
    for i in prange(len(x)):
        lacks, w = 1 - t[i] * x[i], P if t[i] > 0 else x.dtype.type(1)
        loss[i] = 0 if t[i] == 0 or lacks <= 0 else w * lacks


@hinge_loss_backward.cpu
def hinge_loss_backward_cpu(gl, x, t, P, gx):
    for i in prange(len(x)):
        lacks, w = 1 - t[i] * x[i], P if t[i] > 0 else x.dtype.type(1)
        gx[i] = 0 if t[i] == 0 or lacks <= 0 else -gl[i] * w * t[i]


hinge_loss_forward.gpu(
    r"""
extern "C" __global__ void hinge_loss_forward(
        const T* x, const T* t, T P, T* loss, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    T lacks = 1 - t[i] * x[i], w = t[i] > 0 ? P : T(1);
    loss[i] = t[i] == 0 || lacks <= 0 ? T(0) : w * lacks;
}
"""
)

hinge_loss_backward.gpu(
    r"""
extern "C" __global__ void hinge_loss_backward(
        const T* gl, const T* x, const T* t, T P, T* gx, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    T lacks = 1 - t[i] * x[i], w = t[i] > 0 ? P : T(1);
    gx[i] = t[i] == 0 || lacks <= 0 ? T(0) : -gl[i] * w * t[i];
}
"""
)


class HingeLoss(Op):
    name, floating = "hinge_loss", ("input", "target")

    def __init__(self, pos_weight, reduction):
        self.P, self.reduction = float(pos_weight), reduction

    def check(self, x, target):
        check_same_shape("hinge_loss", x, target)

    def forward(self, x, target):
        self.shape, self.x, self.t = x.shape, contiguous(x).ravel(), contiguous(target).ravel()
        loss = empty_like(self.x)
        hinge_loss_forward(self.x, self.t, self.P, loss)
        if self.reduction == "none":
            return loss.reshape(self.shape)
        if self.reduction == "sum":
            return loss.sum()
        self.known = (self.t != 0).sum().astype(x.dtype)
        with np.errstate(invalid="ignore"):  # the mean of nothing is a NaN
            return loss.sum() / self.known

    def backward(self, gy):
        gl, gx = empty_like(self.x), empty_like(self.x)
        with np.errstate(invalid="ignore", divide="ignore"):
            gl[...] = (gy / self.known if self.reduction == "mean" else gy).ravel()
        hinge_loss_backward(gl, self.x, self.t, self.P, gx)
        return gx.reshape(self.shape), None


def hinge_loss(
    input: Tensor, target: Tensor, pos_weight: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """What scores lack to be right by 1 (pass the options by name).

    input       scores of any shape: positive says that it is one
    target      of input's shape: 1 where it is one, -1 where it is none, 0 where nobody knows
    pos_weight  what a target of 1 counts beside one of -1
    reduction   'mean' (over those with a truth), 'sum' or 'none'

    Returns a number, or for 'none' an array of input's shape. Raises ValueError where shapes do not
    fit.
    """
    check_reduction("hinge_loss", reduction)
    if not pos_weight >= 0:
        raise ValueError(f"hinge_loss: pos_weight={pos_weight}: expected a number from 0 on")
    input, target = as_tensors(input, target)
    if target.dtype != input.dtype:  # it holds 1, 0 and -1, which every dtype does
        target = target.to(dtype=input.dtype)
    return HingeLoss(pos_weight, reduction)(input, target.detach())


def cases():
    x, target = 2 * normal(4, 3, 5), np.arange(60).reshape(4, 3, 5) * 7 % 3 - 1.0
    for reduction in ("mean", "sum", "none"):
        options = {"target": target, "pos_weight": 2.0, "reduction": reduction}
        yield Case(hinge_loss, (x,), options, label=reduction)
    yield Case(hinge_loss, (x[0],), {"target": target[0]}, label="plain")
