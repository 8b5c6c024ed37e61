"""LeNet's subsampling: backward.

About 40 minutes; chapter 06.

LeNet takes the mean of each window and then a gain and a bias that are learnt for each map:

    m[n,c,i,j] = 1 / size^2  sum over u, v of  x[n, c, size i + u, size j + v]
    y[n,c,i,j] = gain[c] m[n,c,i,j] + bias[c]

Windows touch each other; rows and columns at the end that fill no window are left out.

    gy     array (N, C, OH, OW), OH = H // size, OW = W // size
    x      array (N, C, H, W)
    gain   array (C,)
    size   whole number

Returns three arrays of gy's dtype: gx of the shape of x, the gradient of the gains (C,), that of
the biases (C,).

By hand, one map of 3x3, size 2, gain 8: one window, in the upper left corner, gy = 3:

    x  1 2 9    gx  6 6 0    gradient of the gain  3 * (1 + 2 + 3 + 6) / 4 = 9
       3 6 9        6 6 0    of the bias           3
       9 9 9        0 0 0
"""

import numpy as np

from minicnn.course.exercises import todo


def subsample_backward(gy, x, gain, size):
    todo("gx, the gradient of the gains, the gradient of the biases")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.subsample2d import Subsample2d

RETURNS = ("gx", "the gradient of the gains", "the gradient of the biases")
HINTS = (
    "Three questions, one for each input: by how much does one y move if one x, one gain, one "
    "bias moves by 1?",
    "The gain of a map acts on all pixels of that map, in all pictures: a sum. What is multiplied "
    "by gy in it?",
    "Each pixel counts 1 / size^2 in its window, and the window counts gain[c].",
)
OWN, FORWARD = Subsample2d.backward, Subsample2d.forward


def truth(gy, x, gain, size):
    op = Subsample2d(size)
    op.needs = (True, True, True)
    FORWARD(op, x, gain, np.zeros_like(gain))
    return OWN(op, gy)


def by_hand():
    x, gx = np.full((1, 1, 3, 3), 9.0), np.zeros((1, 1, 3, 3))
    x[0, 0, :2, :2], gx[0, 0, :2, :2] = [[1, 2], [3, 6]], 6
    args = np.array([[[[3.0]]]]), x, np.array([8.0]), 2
    return args, (gx, np.array([9.0]), np.array([3.0]))


def cases():
    yield "windows of 2x2", (normal(2, 3, 2, 3), normal(2, 3, 4, 6), normal(3), 2)
    yield "odd sizes", (normal(1, 2, 2, 1), normal(1, 2, 7, 5), normal(2), 3)
    yield "1x1", (normal(2, 2, 3, 4), normal(2, 2, 3, 4), normal(2), 1)
    yield "a gain of 0", (normal(2, 2, 2, 1), normal(2, 2, 4, 2), np.array([0.0, 2.0]), 2)


def plug(answer):
    def forward(op, x, a, b):
        op.inputs_seen = x, a
        return FORWARD(op, x, a, b)

    def backward(op, gy):
        return answer(gy, *op.inputs_seen, op.window[0])

    return replaced(Subsample2d, forward=forward, backward=backward)


def gradient():
    def f(x, gain, bias):
        return functions.subsample2d(x, 2, gain, bias)

    return f, (normal(2, 3, 5, 4), normal(3), normal(3, seed=1))


def train():
    def network():
        return nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Subsample2d(3, 2), nn.Tanh(), nn.Conv2d(3, 3, 2)
        )

    return fit(network, lr=1.0)


def key(gy, x, gain, size):
    gx = np.zeros(x.shape, gy.dtype)
    ga, gb = np.zeros(gain.shape, gy.dtype), np.zeros(gain.shape, gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        gb[c] += gy[n, c, i, j]
        for u, v in np.ndindex(size, size):
            p, q = size * i + u, size * j + v
            ga[c] += gy[n, c, i, j] * x[n, c, p, q] / size**2
            gx[n, c, p, q] = gain[c] * gy[n, c, i, j] / size**2
    return gx, ga, gb


MUTANTS = {
    "gain forgotten": (
        "= gain[c] * gy",
        "= gy",
        "gx does not depend on the gain. If a map's gain were 0, could its pixels matter?",
    ),
    "not divided": (
        "gain[c] * gy[n, c, i, j] / size**2",
        "gain[c] * gy[n, c, i, j]",
        "Move one pixel by 1: by how much does the mean of its window move?",
    ),
    "gain of the sum": (
        "x[n, c, p, q] / size**2",
        "x[n, c, p, q]",
        "The gain multiplies the mean of the window, not its sum.",
    ),
    "gain like bias": (
        "ga[c] += gy[n, c, i, j] * x[n, c, p, q] / size**2",
        "ga[c] += gy[n, c, i, j] / size**2",
        "Gain and bias get the same gradient. But the gain is multiplied by something.",
    ),
    "divided by the side": (
        "gain[c] * gy[n, c, i, j] / size**2",
        "gain[c] * gy[n, c, i, j] / size",
        "How many pixels has a window?",
    ),
    "one pixel of the window": (
        "gx[n, c, p, q] = gain[c]",
        "gx[n, c, p, q] = (u == v == 0) * size**2 * gain[c]",
        "One pixel of each window gets everything. All of them took part in the mean.",
    ),
    "in another order": (
        "return gx, ga, gb",
        "return gx, gb, ga",
        "The numbers are right, but gain and bias have changed places.",
    ),
    "a gain too much": (
        "ga[c] += gy",
        "ga[c] += gain[c] * gy",
        "Derive y by the gain: is the gain itself still in there?",
    ),
    "bias of one picture": (
        "gb[c] += gy[n, c, i, j]",
        "gb[c] += gy[n, c, i, j] * (n == 0)",
        "All pictures of the batch share gain and bias.",
    ),
}
