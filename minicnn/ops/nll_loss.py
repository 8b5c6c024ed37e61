"""Negative log-likelihood, the second half of cross_entropy: x holds log p already.

    l = -w_t x[t]

for each pixel, with t its true class and w_t the weight of that class.

Shapes, void pixels, reduction: as in cross_entropy, with whole numbers as targets.

Gradient: one number is read for each pixel, so gx[t] = -w_t gl, and 0 for all other classes.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module
from minicnn.engine.tensor import Tensor
from minicnn.ops.losses import ClassLoss, as_tensors, check_reduction, constant


class NLLLoss(ClassLoss):
    """Numpy's indexing reads the one number of each pixel: no kernel is needed."""

    name = "nll_loss"

    def losses(self, x):
        self.counted = self.target != self.ignore
        self.classes = self.target * self.counted  # an ignored pixel reads class 0, and drops it
        xp = array_module(x)
        read = xp.take_along_axis(x, self.classes[:, None], axis=1)[:, 0]
        return xp.where(self.counted, -self.w[self.classes] * read, x.dtype.type(0))

    def gradient(self, g):
        xp = array_module(g)
        gx = xp.zeros(self.view, dtype=g.dtype)
        value = xp.where(self.counted, -self.w[self.classes] * g, g.dtype.type(0))
        xp.put_along_axis(gx, self.classes[:, None], value[:, None], axis=1)
        return gx.reshape(self.shape)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | list | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the log-probability of the true class.

    input  log-probabilities, as log_softmax gives them, (N, C), (N, C, H, W) or (C,)
    target, weight, ignore_index, reduction as in cross_entropy; target holds whole numbers

    Returns a number, or for 'none' an array of target's shape. Raises ValueError where shapes do
    not fit or a target is no class.
    """
    check_reduction("nll_loss", reduction)
    input, target = as_tensors(input, target)
    op = NLLLoss(ignore_index, reduction)
    return op(input, target) if weight is None else op(input, target, constant(weight, input))


def cases():
    x, target = 2 * normal(2, 4, 3, 5), np.arange(30).reshape(2, 3, 5) * 7 % 4
    target[0, 1, 2] = target[1, 0, 0] = 255
    plain = {"target": target, "ignore_index": 255}
    for reduction in ("none", "sum"):
        yield Case(nll_loss, (x,), {**plain, "reduction": reduction}, label=reduction)
    yield Case(nll_loss, (x,), {**plain, "weight": [0.5, 2.0, 1.0, 3.0]}, label="weighted")
