"""Bilinear upsampling: backward.

About 60 minutes; chapter 10.

Maps of a coarse scale are brought to the size of a fine one. Pixels are little squares; the centre
of row i of the result lies at row t of the source,

    t = (i + 1/2) H / OH - 1/2,   at least 0

and there y mixes two rows: row p = floor(t) with the weight 1 - f, f = t - p, and row p + 1 with
weight f. In the last row there is no next one: it takes that place itself. Columns alike:

    y[n,c,i,j] = (1-f)(1-h) x[p,q] + (1-f) h x[p,q+1] + f (1-h) x[p+1,q] + f h x[p+1,q+1]

Given gy, find gx: each pixel of x gets from every y in which it was mixed, with the weight that it
had there.

    gy       array (N, C, OH, OW)
    x_shape  (N, C, H, W)

Returns gx, an array of the shape x_shape and of gy's dtype.

By hand, one row of 2 pixels becomes 4: t = 0, 0.25, 0.75, 1.25. With gy = (4, 8, 12, 16)
gx = (4 + 6 + 3, 2 + 9 + 16) = (13, 27).
"""

import numpy as np

from minicnn.course.exercises import todo


def upsample_backward(gy, x_shape):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
import functools

from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.nn.module import Module
from minicnn.ops.interpolate import Interpolate

RETURNS = ("gx",)
HINTS = (
    "Write forward for one pixel first, with p, f, q, h as numbers. Then turn the line round: "
    "four += in the place of four products.",
    "min(p + 1, H - 1) is the next row, or the last one.",
    "Check yourself: the weights of one y add up to 1, so the sum of gx is the sum of gy.",
)
OWN = Interpolate.backward


def truth(gy, x_shape):
    size = gy.shape[2:]
    ratio = tuple(a / b for a, b in zip(x_shape[2:], size, strict=True))
    op = Interpolate(size, ratio, "bilinear", False)
    op.forward(np.zeros(x_shape, gy.dtype))
    return OWN(op, gy)


def by_hand():
    return (np.array([[[[4.0, 8, 12, 16]]]]), (1, 1, 1, 2)), np.array([[[[13.0, 27]]]])


def cases():
    yield "twice as large", (normal(2, 3, 6, 4), (2, 3, 3, 2))
    yield "odd sizes", (normal(1, 2, 7, 5), (1, 2, 3, 4))
    yield "the same size", (normal(1, 2, 3, 4), (1, 2, 3, 4))
    yield "from one pixel", (normal(1, 2, 3, 4), (1, 2, 1, 1))
    yield "smaller", (normal(1, 1, 2, 3), (1, 1, 4, 5))


def plug(answer):
    return replaced(Interpolate, backward=lambda op, gy: answer(gy, op.x_shape))


def gradient():
    return lambda x: functions.interpolate(x, (5, 7), mode="bilinear"), (normal(1, 2, 3, 4),)


class Upsampled(Module):
    """A convolution on a coarse map, brought back to a finer one."""

    def __init__(self):
        self.first, self.last = nn.Conv2d(1, 3, 3, 2), nn.Conv2d(3, 3, 3)

    def forward(self, x):
        coarse = functions.tanh(self.first(x))
        return self.last(functions.interpolate(coarse, (4, 5), mode="bilinear"))


def train():
    return fit(Upsampled)


def key(gy, x_shape):
    H, W = x_shape[2:]
    OH, OW = gy.shape[2:]
    gx = np.zeros(x_shape, gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        t, r = max((i + 0.5) * H / OH - 0.5, 0), max((j + 0.5) * W / OW - 0.5, 0)
        p, q = int(np.floor(t)), int(np.floor(r))
        below, right = min(p + 1, H - 1), min(q + 1, W - 1)
        f, h = t - p, r - q
        gx[n, c, p, q] += (1 - f) * (1 - h) * gy[n, c, i, j]
        gx[n, c, p, right] += (1 - f) * h * gy[n, c, i, j]
        gx[n, c, below, q] += f * (1 - h) * gy[n, c, i, j]
        gx[n, c, below, right] += f * h * gy[n, c, i, j]
    return gx


def one_pixel(gy, x_shape, offset):
    """The gradient of taking the nearest pixel."""
    gx = np.zeros(x_shape, gy.dtype)
    (H, W), (OH, OW) = x_shape[2:], gy.shape[2:]
    for n, c, i, j in np.ndindex(gy.shape):
        gx[n, c, int((i + offset) * H / OH), int((j + offset) * W / OW)] += gy[n, c, i, j]
    return gx


def past_the_end(gy, x_shape):
    """What would go to a row or a column after the last one is thrown away."""

    def weights(n, size):
        t = np.maximum((np.arange(size) + 0.5) * n / size - 0.5, 0)
        return np.maximum(1 - np.abs(t[:, None] - np.arange(n)), 0)

    down, across = map(weights, x_shape[2:], gy.shape[2:])
    return (down.T @ gy @ across).astype(gy.dtype)


MUTANTS = {
    "corners on corners": (
        "max((i + 0.5) * H / OH - 0.5, 0), max((j + 0.5) * W / OW - 0.5, 0)",
        "i * (H - 1) / max(OH - 1, 1), j * (W - 1) / max(OW - 1, 1)",
        "You put the corners on the corners (align_corners). Here pixels are squares, whose "
        "borders lie on each other.",
    ),
    "half a pixel off": (
        "max((i + 0.5) * H / OH - 0.5, 0), max((j + 0.5) * W / OW - 0.5, 0)",
        "i * H / OH, j * W / OW",
        "Everything lies half a pixel too far up and left: where is the centre of a pixel?",
    ),
    "nearest": (
        "f, h = t - p, r - q",
        "f = h = 0",
        "Each y gives to one pixel only. It has been mixed from up to four.",
    ),
    "nearest by the centre": (
        functools.partial(one_pixel, offset=0.5),
        "Each y gives to the one pixel in which it lies: that is the nearest neighbour. Bilinear y "
        "are mixed from up to four.",
    ),
    "nearest by the corner": (
        functools.partial(one_pixel, offset=0.0),
        "Each y gives to one pixel only, as the nearest neighbour does. It has been mixed from up "
        "to four, with weights.",
    ),
    "weights exchanged": (
        "f, h = t - p, r - q",
        "f, h = 1 - (t - p), 1 - (r - q)",
        "The pixel that is nearer should have the larger weight.",
    ),
    "below the first": (
        "max((i + 0.5) * H / OH - 0.5, 0), max((j + 0.5) * W / OW - 0.5, 0)",
        "(i + 0.5) * H / OH - 0.5, (j + 0.5) * W / OW - 0.5",
        "Only the border is wrong: t is below 0 there, and a negative index counts from the end.",
    ),
    "overwritten": (
        "gx[n, c, p, q] += ",
        "gx[n, c, p, q] = ",
        "A pixel has been mixed into several y. What becomes of what was there before?",
    ),
    "past the end": (
        past_the_end,
        "In the last row the weights add up to less than 1: where does f go if there is no next "
        "row?",
    ),
    "a corner forgotten": (
        "gx[n, c, below, right] += f * h * gy[n, c, i, j]",
        "pass",
        "The sum of gx should be the sum of gy. Count the pixels that one y was mixed from.",
    ),
    "rows and columns exchanged": (
        "f, h = t - p, r - q",
        "h, f = t - p, r - q",
        "The weight of the rows and that of the columns have changed places.",
    ),
}
