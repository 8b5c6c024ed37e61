"""Hyperbolic tangent: backward.

About 15 minutes; chapter 06.

Forward is y = tanh(x) = (e^x - e^-x) / (e^x + e^-x), element by element. Its derivative can be
written with y alone, so that backward needs nothing but y. Find that form with pencil and paper
(the rule for a quotient, then look for y in the result), then compute

    gx = gy dy/dx

    gy, y   arrays of the same shape, any number of dimensions, perhaps without an element

Returns gx, an array of that shape and of gy's dtype.

By hand:

    y  0   0.5 -0.5    gy  2  4  4    gx   2 3 3
       0.8 1   -1          1  5  5      0.36 0 0
       0   0.6  0         -3 -1  0        -3 -0.64 0
"""

import numpy as np

from minicnn.course.exercises import todo


def tanh_backward(gy, y):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.tanh import Tanh

RETURNS = ("gx",)
HINTS = (
    "With s = e^x - e^-x and c = e^x + e^-x: s' = c and c' = s. What is (s / c)'?",
    "(c c - s s) / (c c): divide it out. At x = 0 the slope must be 1, far away it must be 0.",
)
OWN = Tanh.backward


def truth(gy, y):
    op = Tanh()
    op.y = np.ascontiguousarray(y)
    return OWN(op, gy)


def by_hand():
    y = np.array([[0.0, 0.5, -0.5], [0.8, 1, -1], [0, 0.6, 0]])
    gy = np.array([[2.0, 4, 4], [1, 5, 5], [-3, -1, 0]])
    return (gy, y), np.array([[2.0, 3, 3], [0.36, 0, 0], [-3, -0.64, 0]])


def cases():
    yield "four dimensions", (normal(2, 3, 4, 5, seed=1), np.tanh(normal(2, 3, 4, 5)))
    yield "one dimension", (normal(7, seed=1), np.tanh(normal(7)))
    yield "far from 0", (normal(2, 3, seed=1), np.array([[1.0, -1, 1], [-1, 1, -1]]))
    yield "nothing at all", (np.zeros((0, 3)), np.zeros((0, 3)))


def plug(answer):
    return replaced(Tanh, backward=lambda op, gy: answer(gy, op.y))


def gradient():
    return functions.tanh, (normal(2, 3, 4),)


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Conv2d(4, 3, 1)), lr=2.0)


def key(gy, y):
    gx = np.zeros(gy.shape, gy.dtype)
    for at in np.ndindex(gy.shape):
        gx[at] = gy[at] * (1 - y[at] * y[at])
    return gx


MUTANTS = {
    "square forgotten": (
        "(1 - y[at] * y[at])",
        "(1 - y[at])",
        "The slope must be the same at x and at -x: tanh is odd. Yours is not.",
    ),
    "derivative of the sigmoid": (
        "(1 - y[at] * y[at])",
        "y[at] * (1 - y[at])",
        "That is the derivative of another function with an S shape. What is the slope of tanh at "
        "0?",
    ),
    "minus": (
        "gy[at] * (1 -",
        "-gy[at] * (1 -",
        "Your slope is negative. Does tanh ever fall?",
    ),
    "plus": (
        "(1 - y[at] * y[at])",
        "(1 + y[at] * y[at])",
        "Far from 0 the curve is flat. Is your slope?",
    ),
    "y alone": (
        "(1 - y[at] * y[at])",
        "y[at]",
        "gy times y: then nothing would pass at x = 0, where the curve is steepest.",
    ),
    "the derivative alone": (
        "gy[at] * (1 - y[at] * y[at])",
        "1 - y[at] * y[at]",
        "This is dy/dx. The loss changes by that times what comes from behind.",
    ),
    "tanh of y": (
        "y[at] * y[at]",
        "np.tanh(y[at]) ** 2",
        "The tangent is taken twice: y is tanh(x) already.",
    ),
}
