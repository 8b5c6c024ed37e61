r"""Kullback-Leibler divergence: how far predicted probabilities are from a distribution d.

    l = d (log d - x),    x = log p

for every class; summed over the classes of a pixel it is sum d log(d / p), which is 0 where p is d
and positive elsewhere. A class with d = 0 adds nothing (0 log 0 = 0), unless its x is -infinity: a
NaN, as in PyTorch. With log_target the target holds log d in place of d: l = e^t (t - x).

Shapes: x and target any, the same; l too. reduction: 'none' gives l, 'sum' its sum, 'batchmean' the
sum divided by the length of the first dimension, 'mean' the sum divided by the number of elements.

Trap: 'mean', the default as in PyTorch, divides by the number of classes too; the divergence of the
formula is 'batchmean' (or 'sum' divided by the number of pixels). x holds logarithms, d does not.

Gradient: l is linear in x, and d appears twice:

    gx = -gl d        gd = gl (log d + 1 - x)        with log_target  gt = gl e^t (t - x + 1)

Together with log_softmax below it, the scores get p - d, as from cross_entropy; the two losses
differ by sum d log d, which does not depend on the scores. At d = 0 gd would be minus infinity; it
is a NaN there, as in PyTorch: who learns a distribution that has zeros should see it.

Source: Kullback, Leibler 1951; for distributions of segments Farabet et al. 2013, section 4.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module
from minicnn.engine.op import Op
from minicnn.engine.tensor import Tensor
from minicnn.ops.losses import as_tensors, check_reduction, check_same_shape, reduced, unreduced


class KLDiv(Op):
    """A few operations on whole arrays, the same on both devices: no kernel is needed."""

    name, floating = "kl_div", ("input", "target")

    def __init__(self, reduction, log_target):
        self.reduction, self.log_target = reduction, log_target

    def check(self, x, target):
        check_same_shape("kl_div", x, target)

    def forward(self, x, target):
        xp = array_module(x)
        self.x, self.target = x, target
        if self.log_target:
            return reduced(xp.exp(target) * (target - x), self.reduction)
        with np.errstate(invalid="ignore"):  # a probability below 0: a NaN, not a warning
            log_target = xp.log(xp.where(target == 0, target.dtype.type(1), target))
        return reduced(target * log_target - target * x, self.reduction)

    def backward(self, gy):
        xp, x, target = array_module(gy), self.x, self.target
        gl = unreduced(gy, x.shape, self.reduction)
        d = xp.exp(target) if self.log_target else target
        gt = None
        if self.needs[1] and self.log_target:
            gt = gl * d * (target - x + 1)
        elif self.needs[1]:
            with np.errstate(invalid="ignore"):
                gt = gl * (xp.log(xp.where(target == 0, target.dtype.type(np.nan), target)) + 1 - x)
        return -gl * d if self.needs[0] else None, gt


def kl_div(
    input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """How far the probabilities e^input are from the distributions `target`, PyTorch's arguments
    (pass them by name).

    input       log-probabilities, as log_softmax gives them, of any shape
    target      probabilities of input's shape; or their logarithms, with log_target
    reduction   'mean' (over all elements, classes included), 'batchmean' (over the first
                dimension), 'sum' or 'none'
    log_target  whether target holds logarithms

    Returns a number, or for 'none' an array of input's shape. Raises ValueError where shapes do not
    fit.
    """
    check_reduction("kl_div", reduction, also=["batchmean"])
    return KLDiv(reduction, log_target)(*as_tensors(input, target))


def cases():
    x, d = normal(2, 4, 3, 5) - 2, abs(normal(2, 4, 3, 5, seed=1)) + 0.1
    for reduction in ("mean", "batchmean", "sum", "none"):
        yield Case(kl_div, (x, d), {"reduction": reduction}, label=reduction)
        options = {"reduction": reduction, "log_target": True}
        yield Case(kl_div, (x, np.log(d)), options, label=f"{reduction}-log")
