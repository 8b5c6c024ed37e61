"""An enlarged map on top of another one: where maps of several sizes meet, as levels of a pyramid.

    y = onto + interpolate(input), as far as onto reaches

Gradient: gy itself for `onto`, and what `interpolate` makes of gy for `input`.

So there is nothing new to know, and step by step this is interpolate, a slice and a sum. It saves
time where maps are large: on the CPU the enlarged ones are, as a rule, neither written nor read.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import chosen_algorithm
from minicnn.engine.op import contiguous, is_followed
from minicnn.engine.tensor import Tensor
from minicnn.ops.fast.interpolate import resample_onto
from minicnn.ops.interpolate import Interpolate, interpolation


class InterpolateOnto(Interpolate):
    """As Interpolate; the size is that of `onto`."""

    floating = ("onto", "input")

    def forward(self, onto, x):
        self.x_shape = x.shape
        y = empty_like(x, onto.shape)
        if array_module(x) is np and y.size and chosen_algorithm() != "simple":
            resample_onto(contiguous(onto), contiguous(x), *self.tables(x, transposed=False), y)
            return y
        self.run(x, y, transposed=False)
        return onto + y

    def backward(self, gy):
        gx = super().backward(gy) if self.needs[1] else None
        return gy if self.needs[0] else None, gx


def interpolate_onto(
    onto: Tensor,
    input: Tensor,
    scale_factor: float | tuple | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """onto + interpolate(input), as far as onto reaches.

    onto           (N, C, OH, OW)
    input          (N, C, H, W)
    scale_factor   of interpolate, which gives at least OH rows and OW columns; None: OH, OW of them
    mode, align_corners   of interpolate

    Returns (N, C, OH, OW). Raises ValueError where shapes do not fit.
    """
    onto, input = (t if isinstance(t, Tensor) else Tensor(t) for t in (onto, input))
    size = onto.shape[2:]
    if onto.ndim != 4 or input.ndim != 4 or onto.shape[:2] != input.shape[:2] or 0 in size:
        raise ValueError(
            f"interpolate_onto: onto {onto.shape} and input {input.shape}: expected "
            "(N, C, OH, OW), not empty, and (N, C, H, W), of the same N and C"
        )
    given = size if scale_factor is None else None
    op = interpolation(input, given, scale_factor, mode, align_corners, name="interpolate_onto")
    if any(wanted > there for wanted, there in zip(size, op.size, strict=True)):
        raise ValueError(
            f"interpolate_onto: input {input.shape} enlarged by {scale_factor} has {op.size} "
            f"pixels, and onto {onto.shape} more of them; take a larger scale_factor"
        )
    if is_followed() or _is_cut_differently(op, input.shape[2:], size):
        return onto + op(input)[:, :, : size[0], : size[1]]
    return InterpolateOnto(size, op.ratio, op.mode, op.align_corners)(onto, input)


def _is_cut_differently(op, before, size):
    """Whether some rows or columns of the enlarged map are others where fewer are asked for: the
    corners lie elsewhere, or there are just as many as in the input, or by nearest twice as many,
    which have a rule of their own (interpolate.py)."""
    for of, few, all_of_them in zip(before, size, op.size, strict=True):
        both = few, all_of_them
        special = op.align_corners or of in both or (op.mode == "nearest" and 2 * of in both)
        if few != all_of_them and special:
            return True
    return False


def cases():
    onto, x = normal(2, 3, 7, 10), normal(2, 3, 4, 5, seed=1)
    for mode in ("nearest", "bilinear"):
        options = {"scale_factor": 2, "mode": mode}
        yield Case(interpolate_onto, (onto, x), options, label=f"{mode}-scale")
        yield Case(interpolate_onto, (onto, x), {"mode": mode}, label=f"{mode}-size")
    options = {"scale_factor": 2, "mode": "bilinear"}
    yield Case(interpolate_onto, (x, normal(2, 3, 4, 5, seed=2)), options, label="as-large")
    options = {"scale_factor": 1.1, "mode": "bilinear"}  # five rows of five, of which four
    cut = normal(2, 3, 4, 7), normal(2, 3, 5, 7, seed=1)
    yield Case(interpolate_onto, cut, options, label="as-it-was")
    options, cut = {"scale_factor": 2.3}, (normal(2, 1, 5, 4), normal(2, 1, 3, 4, seed=1))
    yield Case(interpolate_onto, cut, options, label="twice")
    options = {"mode": "bilinear", "align_corners": True}
    yield Case(interpolate_onto, (onto, x), options, label="corners")
