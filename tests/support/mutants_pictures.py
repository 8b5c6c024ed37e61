"""Wrong backwards of convolution, pooling and interpolation."""

import numpy as np
from support.mutants import changed, plant, replace, turn, without

from minicnn.engine.cases import normal, separated
from minicnn.ops import (
    avg_pool2d,
    conv2d,
    conv2d_table,
    interpolate,
    interpolate_onto,
    log_sum_exp_pool,
    lp_pool2d,
    max_pool2d,
    max_pool_maps,
    subsample2d,
)

# ------------------------------------------------------------------------------------ convolution
X, W, B = normal(2, 3, 6, 5), normal(4, 3, 3, 2), normal(4)
plant(conv2d.Conv2d, X, W, B)(
    "conv2d: kernel not flipped", changed(0, w=lambda op: turn(op.w)), "kernel not flipped"
)(
    "conv2d: bias over the wrong axis",
    replace(2, lambda op, gy, gb, right: gy.sum(axis=(0, 1, 3))),
    "a wrong axis",
)(
    "conv2d: mean for the bias",
    replace(2, lambda op, gy, gb, right: gy.mean(axis=(0, 2, 3))),
    "mean was taken in place of their sum",
)("conv2d: a picture forgotten", replace(1, lambda op, gy, gw, right: right(without(gy, 1))[1]),
  "the gy of the last picture is not used")(
    "conv2d: factor 2", replace(1, lambda op, gy, gw, right: 2 * gw), "2 times what it should be"
)("conv2d: filter turned", replace(1, lambda op, gy, gw, right: turn(gw)), "flipped")(
    "conv2d: padding off by one in gx",
    changed(0, geometry=lambda op: (1, 1, 1, 0, 1, 1)),
    "shifted",
)  # fmt: skip
plant(lambda: conv2d.Conv2d(stride=2, padding=1), normal(2, 2, 9, 8), normal(3, 2, 3, 2))(
    "conv2d: stride ignored in gx", changed(0, geometry=lambda op: (1, 1, 1, 1, 1, 1)), "stride"
)("conv2d: stride ignored in gw", changed(1, geometry=lambda op: (1, 1, 1, 1, 1, 1)), "stride")(
    "conv2d: padding off by one in gw",
    changed(1, geometry=lambda op: (2, 2, 1, 0, 1, 1)),
    "shifted",
)
plant(lambda: conv2d.Conv2d(dilation=2), normal(2, 2, 8, 7), normal(3, 2, 3, 2))(
    "conv2d: dilation ignored", changed(0, geometry=lambda op: (1, 1, 0, 0, 1, 1)), "wrong elements"
)
plant(lambda: conv2d.Conv2d(padding=1), X, normal(4, 3, 3, 3))(
    "conv2d: weight gradient transposed",
    replace(1, lambda op, gy, gw, right: gw.swapaxes(2, 3)),
    "transposed",
)(
    "conv2d: border lost",
    replace(0, lambda op, gy, gx, right: np.pad(gx[:, :, 1:-1, 1:-1], [(0, 0)] * 2 + [(1, 1)] * 2)),
    "border",
)
TABLE = np.array([[0, 0], [2, 0], [1, 1], [2, 3], [0, 3], [1, 2], [1, 0]])
plant(lambda: conv2d_table.Conv2dTable(TABLE, True, True), X, normal(7, 3, 2), B, normal(7))(
    "conv2d_table: gain forgotten in gw",
    replace(1, lambda op, gy, gw, right: gw / op.g[:, None, None]),
    "the factor input 3 is forgotten",
)(
    "conv2d_table: gain forgotten in gx",
    changed(0, f=lambda op: op.w),
    "the factor input 3 is forgotten",
)(
    "conv2d_table: an edge read backwards",
    changed(0, f=lambda op: turn(op.f)),
    "kernel not flipped",
)("conv2d_table: gain gradient of the sum of weights",
  replace(3, lambda op, gy, gg, right: right(gy, w=np.ones_like(op.w))[3]),
  "the factor input 1 is forgotten")  # fmt: skip


# ----------------------------------------------------------------------------------------- pooling
def wins(op, gx):
    """How often each pixel wins."""
    count = np.zeros_like(gx)
    for n, c in np.ndindex(*gx.shape[:2]):
        np.add.at(count[n, c].reshape(-1), op.where[n, c].reshape(-1), 1)
    return np.maximum(count, 1)


def overwrite(op, gy, right):
    gx = np.zeros(op.shape)
    for n, c, i, j in np.ndindex(*gy.shape):
        gx[n, c].flat[op.where[n, c, i, j]] = gy[n, c, i, j]
    return gx


def overwrite_maps(op, gy, right):
    gx = np.zeros(op.shape)
    for n, c, i, j in np.ndindex(*gy.shape):
        gx[n].flat[op.where[n, c, i, j]] = gy[n, c, i, j]
    return gx


def shared_evenly(op, gy, right):
    x = np.zeros(op.shape)
    even = avg_pool2d.AvgPool2d(op.window, op.stride)
    even.forward(x)
    return even.backward(gy)


P = separated(2, 3, 7, 5)
plant(lambda: max_pool2d.MaxPool2d((3, 2), (2, 1), 1), P)(
    "max_pool2d: overlapping windows overwritten", overwrite, "overwritten"
)(
    "max_pool2d: mean of overlapping windows",
    lambda op, gy, right: right(gy) / wins(op, right(gy)),
    "the mean of the outputs",
)(
    "max_pool2d: last row lost",
    lambda op, gy, right: right(without(gy, slice(None), slice(None), -1)),
    "the gy of the last row is not used",
)
plant(lambda: max_pool2d.MaxPool2d(2), P)(
    "max_pool2d: gradient of the mean", shared_evenly, "shared out evenly"
)("max_pool2d: one column off", lambda op, gy, right: np.roll(right(gy), 1, -1), "shifted")
plant(lambda: avg_pool2d.AvgPool2d(2), normal(2, 3, 7, 5))(
    "avg_pool2d: sum in place of mean", lambda op, gy, right: 4 * right(gy), "division of a mean"
)(
    "avg_pool2d: last column lost",
    lambda op, gy, right: right(without(gy, ..., -1)),
    "the gy of the last column is not used",
)
plant(lambda: avg_pool2d.AvgPool2d(3, 1, 1, count_include_pad=False), normal(2, 3, 7, 5))(
    "avg_pool2d: padding counted",
    lambda op, gy, right: right(gy, divisor=np.full_like(op.divisor, 9)),
    "border",
)
plant(lambda: lp_pool2d.LpPool2d(3, 2), abs(normal(2, 3, 7, 5)) + 0.1)(
    "lp_pool2d: power not lowered",
    lambda op, gy, right: right(gy) * op.x,
    "multiplied too much by x",
)("lp_pool2d: no power of x", lambda op, gy, right: right(gy) / op.x**2, "multiplied too little")
G = normal(3)
plant(lambda: subsample2d.Subsample2d(2), normal(2, 3, 7, 5), G, normal(3, seed=1))(
    "subsample2d: gain forgotten",
    changed(0, a=lambda op: np.ones_like(op.a)),
    "the factor input 1 is forgotten",
)(
    "subsample2d: gain gets the gradient of the bias",
    replace(1, lambda op, gy, ga, right: right(gy)[2]),
    "the gradient of the other input, number 2",
)
plant(lambda: log_sum_exp_pool.LogSumExpPool(2.0, (2, 3), False), normal(2, 5, 3, 4))(
    "log_sum_exp_pool: r forgotten", lambda op, gy, right: right(gy, r=1.0)
)("log_sum_exp_pool: r once more", lambda op, gy, right: op.r * right(gy), "2 times what it should")
plant(lambda: max_pool_maps.MaxPoolMaps(3, (3, 2), (2, 1), 1, False, 2), separated(2, 7, 5, 4))(
    "max_pool_maps: overlapping groups overwritten", overwrite_maps, "overwritten"
)("max_pool_maps: one map off", lambda op, gy, right: np.roll(right(gy), 1, 1), "shifted")
plant(
    lambda: interpolate.Interpolate((7, 9), (5 / 7, 4 / 9), "bilinear", False), normal(2, 3, 5, 4)
)(
    "interpolate: border halved",
    lambda op, gy, right: right(gy) * np.array([1, 1, 1, 1, 0.5])[:, None],
    "only the last row of x is wrong",
)(
    "interpolate: last row lost",
    lambda op, gy, right: right(without(gy, slice(None), slice(None), -1)),
    "the gy of the last row is not used",
)("interpolate: one off", lambda op, gy, right: np.roll(right(gy), 1, 2), "shifted")
plant(
    lambda: interpolate_onto.InterpolateOnto((6, 7), (0.5, 0.5), "bilinear", False),
    normal(2, 3, 6, 7),
    normal(2, 3, 3, 4),
)(
    "interpolate_onto: input gets what onto gets",
    replace(1, lambda op, gy, g, right: gy[:, :, :3, :4]),
    "input 1",
)("interpolate_onto: onto gets half", replace(0, lambda op, gy, g, right: g / 2), "1/2 of what")
