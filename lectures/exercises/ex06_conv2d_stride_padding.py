"""Convolution with stride and padding: gradient by input.

About 60 minutes; chapter 05.

The picture gets a frame of zeros, `padding` wide, and the filter moves on by `stride` pixels:

    y[n,c,i,j] = b[c] + sum over k, u, v of  w[c,k,u,v] x~[n, k, s i + u - p, s j + v - p]

with s the stride, p the padding, and x~ = x inside of the picture, 0 outside. For each output pixel
ask which pixels of x it has read; those get a share of its gy. What it read outside gets nothing.

    gy       array (N, F, OH, OW)
    w        array (F, C, K, L)
    x_shape  (N, C, H, W); the last rows and columns may have been read by nobody
    stride, padding   whole numbers

Returns gx, an array of the shape x_shape and of gy's dtype.

By hand, one picture, one map, stride 2, padding 1:

    gy  1 2    w  1 2    gx   4  6  8
        3 4       3 4         6  4  8
                             12 12 16
"""

import numpy as np

from minicnn.course.exercises import todo


def grad_input(gy, w, x_shape, stride, padding):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d import Conv2d

RETURNS = ("gx",)
HINTS = (
    "Write forward for one output pixel first: which row of x does it read for u? Then turn the "
    "line round.",
    "Two tests are needed for each place: a row may lie above the picture, and it may lie below.",
    "Or make gx with its frame, add everything, and cut the frame off at the end.",
)
OWN = Conv2d.backward


def truth(gy, w, x_shape, stride, padding):
    op = Conv2d(stride, padding)
    op.needs = (True, False)
    op.forward(np.zeros(x_shape, gy.dtype), w)
    return OWN(op, gy)[0]


def by_hand():
    gy, w = np.array([[1.0, 2], [3, 4]])[None, None], np.array([[1.0, 2], [3, 4]])[None, None]
    return (gy, w, (1, 1, 3, 3), 2, 1), np.array([[[[4.0, 6, 8], [6, 4, 8], [12, 12, 16]]]])


def cases():
    yield "stride 2, padding 1", (normal(2, 3, 3, 2), normal(3, 2, 3, 3), (2, 2, 5, 4), 2, 1)
    yield "neither", (normal(1, 2, 3, 2), normal(2, 1, 2, 3), (1, 1, 4, 4), 1, 0)
    yield "stride alone", (normal(1, 2, 2, 2), normal(2, 3, 3, 2), (1, 3, 7, 6), 3, 0)
    yield "padding alone", (normal(1, 1, 4, 6), normal(1, 2, 3, 3), (1, 2, 4, 6), 1, 1)
    yield "wide padding", (normal(1, 2, 6, 7), normal(2, 1, 3, 2), (1, 1, 4, 4), 1, 2)


def plug(answer):
    def backward(op, gy):
        gx, *others = OWN(op, gy)
        if op.needs[0]:
            gx = answer(gy, op.w, op.x.shape, op.geometry[0], op.geometry[2])
        return gx, *others

    return replaced(Conv2d, backward=backward)


def gradient():
    def f(x, w):
        return functions.conv2d(x, w, None, stride=2, padding=1)

    return f, (normal(1, 2, 5, 4), normal(3, 2, 3, 2))


def train():
    def network():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3, 2, 1))

    return fit(network)


def key(gy, w, x_shape, stride, padding):
    _, C, K, L = w.shape
    H, W = x_shape[2:]
    gx = np.zeros(x_shape, gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        for k, u, v in np.ndindex(C, K, L):
            p = stride * i + u - padding
            q = stride * j + v - padding
            if 0 <= p < H and 0 <= q < W:
                gx[n, k, p, q] += w[c, k, u, v] * gy[n, c, i, j]
    return gx


MUTANTS = {
    "stride forgotten": (
        "stride * i + u - padding\n            q = stride * j + v",
        "i + u - padding\n            q = j + v",
        "The outputs lie side by side, but forward moved on by more than one pixel each time.",
    ),
    "stride on the filter": (
        "stride * i + u - padding\n            q = stride * j + v",
        "i + stride * u - padding\n            q = j + stride * v",
        "The stride moves the filter as a whole. Here it pulls the filter apart (that is "
        "dilation).",
    ),
    "padding forgotten": (
        "u - padding\n            q = stride * j + v - padding",
        "u\n            q = stride * j + v",
        "Everything lies too far down and to the right: by how much?",
    ),
    "padding the wrong way": (
        "u - padding\n            q = stride * j + v - padding",
        "u + padding\n            q = stride * j + v + padding",
        "Row 0 of the padded picture is which row of x? Above the first one, or further down?",
    ),
    "round the corner": (
        "0 <= p < H and 0 <= q < W",
        "p < H and q < W",
        "A negative index does not fail in numpy: it counts from the end. What lies above the "
        "picture ends up at its bottom.",
    ),
    "first row and column lost": (
        "0 <= p < H and 0 <= q < W",
        "0 < p < H and 0 < q < W",
        "Row 0 and column 0 belong to the picture.",
    ),
    "overwritten": (
        "+= ",
        "= ",
        "Where windows overlap a pixel was read several times. What becomes of what was there "
        "before?",
    ),
    "filter turned": (
        "w[c, k, u, v]",
        "w[c, k, K - 1 - u, L - 1 - v]",
        "The filter is upside down: here you go from y to x, and the same weight belongs to the "
        "same u and v as in forward.",
    ),
}
