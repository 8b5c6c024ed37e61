r"""The logistic loss: for every class on its own, is it there or not?

With p = sigmoid(x) and t the truth, 1 or 0 (or a probability between them), each element loses

    l = -w (P t log p + (1 - t) log(1 - p))

w is its weight, P (pos_weight) the weight of what is there beside what is not. Unlike softmax, the
classes do not compete: a picture may hold several of them, or none.

Shapes: x and target any, the same; w and P any shape that broadcasts to theirs, P mostly one number
for each class. reduction: 'none' gives l, 'sum' its sum, 'mean' the sum divided by the number of
elements (not by the weights).

As 1 - sigmoid(x) = sigmoid(-x), everything is said by one function, the softplus
s = -log p = log(1 + e^-x), and -log(1 - p) = x + s:

    l = w ((1 - t) x + q s),    q = 1 + (P - 1) t

s itself is computed as max(-x, 0) + log(1 + e^-|x|), in which no exponential exceeds 1: where p has
become 0 in floating point, its logarithm is still known.

Gradient: ds/dx = -e^-x / (1 + e^-x) = -sigmoid(-x), so

    gx = gl w ((1 - t) - q sigmoid(-x))        (for P = 1 it is w (p - t): predicted minus true)
    gt = gl w ((P - 1) s - x)

Source: Cox 1958; as a loss of networks Baum, Wilczek 1988.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.op import Op, contiguous
from minicnn.engine.tensor import Tensor
from minicnn.ops.losses import (
    as_tensors,
    check_reduction,
    check_same_shape,
    constant,
    reduced,
    unreduced,
)
from minicnn.ops.sigmoid import sigmoid_forward

NAME = "binary_cross_entropy_with_logits"


class BinaryCrossEntropyWithLogits(Op):
    """A few operations on whole arrays, the same on both devices: no kernel of its own."""

    floating = ("input", "target", "weight", "pos_weight")

    def __init__(self, reduction):
        self.reduction = reduction

    def check(self, x, target, w, P):
        check_same_shape(NAME, x, target)
        for name, a in (("weight", w), ("pos_weight", P)):
            fits = all(m in (1, n) for m, n in zip(a.shape[::-1], x.shape[::-1], strict=False))
            if a.ndim > x.ndim or not fits:
                raise ValueError(f"{NAME}: {name} {a.shape} does not broadcast to input {x.shape}")

    def forward(self, x, target, w, P):
        xp = array_module(x)
        self.x, self.target, self.w, self.P = x, target, w, P
        self.softplus = xp.maximum(-x, 0) + xp.log1p(xp.exp(-abs(x)))
        q = 1 + (P - 1) * target
        with np.errstate(invalid="ignore"):  # infinite scores: a NaN, not a warning
            return reduced(w * ((1 - target) * x + q * self.softplus), self.reduction)

    def backward(self, gy):
        x, target, w, P = self.x, self.target, self.w, self.P
        gl = unreduced(gy, x.shape, self.reduction) * w
        gx = gt = None
        if self.needs[0]:
            absent = empty_like(x)  # the probability that the class is not there
            sigmoid_forward(contiguous(-x).reshape(-1), absent.reshape(-1))
            gx = gl * (1 - target - (1 + (P - 1) * target) * absent)
        if self.needs[1]:
            gt = gl * ((P - 1) * self.softplus - x)
        return gx, gt, None, None


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | list | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | list | None = None,
) -> Tensor:
    """Sigmoid and the logistic loss in one, PyTorch's arguments (pass them by name).

    input       scores of any shape, mostly one for each class: positive says that it is there
    target      of input's shape: 1 where it is there, 0 where not, or a probability
    weight      of each element, broadcast to input's shape, or None
    reduction   'mean' (over the elements), 'sum' or 'none'
    pos_weight  what an element with target 1 counts beside one with 0, broadcast too, or None

    Returns a number, or for 'none' an array of input's shape. Raises ValueError where shapes do not
    fit.
    """
    check_reduction(NAME, reduction)
    input, target = as_tensors(input, target)
    if target.dtype.kind != "f":
        target = target.to(dtype=input.dtype)
    weights = (constant(1.0 if w is None else w, input) for w in (weight, pos_weight))
    return BinaryCrossEntropyWithLogits(reduction)(input, target, *weights)


def cases():
    x, target = 2 * normal(2, 4, 3, 5), np.random.default_rng(0).uniform(size=(2, 4, 3, 5))
    w, P = [0.5, 2.0, 1.5, 3.0, 1.0], [[[0.5]], [[2.0]], [[1.0]], [[3.0]]]
    function = binary_cross_entropy_with_logits
    yield Case(function, (x, target))
    for reduction in ("mean", "sum", "none"):
        options = {"weight": w, "pos_weight": P, "reduction": reduction}
        yield Case(function, (x, target), options, label=f"weighted-{reduction}")
