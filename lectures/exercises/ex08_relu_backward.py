"""ReLU: backward.

About 10 minutes; chapter 06.

Forward is y = max(x, 0), element by element. Backward gets gy = d loss / d y and the y that forward
has computed (x itself is gone: one array less to keep). Find gx = d loss / d x. Where x was exactly
0 there is a kink; take 0 there.

    gy, y   arrays of the same shape, any number of dimensions, perhaps without an element

Returns gx, an array of that shape and of gy's dtype.

By hand:

    y  0 2 0    gy  1 -2  3    gx  0 -2 0
       3 0 1        4  5 -6        4  0 -6
       0 0 7        0  8  9        0  0 9
"""

import numpy as np

from minicnn.course.exercises import todo


def relu_backward(gy, y):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import separated
from minicnn.ops.relu import ReLU

RETURNS = ("gx",)
HINTS = (
    "Draw the function. How steep is it left of 0 and right of 0?",
    "Where y > 0, y follows x one to one. Where y = 0, nothing that x does is seen.",
    "An array of truths times an array of numbers is an array of numbers.",
)
OWN = ReLU.backward


def truth(gy, y):
    op = ReLU()
    op.forward(y)
    return OWN(op, gy)


def by_hand():
    y = np.array([[0.0, 2, 0], [3, 0, 1], [0, 0, 7]])
    gy = np.array([[1.0, -2, 3], [4, 5, -6], [0, 8, 9]])
    return (gy, y), np.array([[0.0, -2, 0], [4, 0, -6], [0, 0, 9]])


def cases():
    y = np.maximum(separated(2, 3, 4, 5), 0)
    yield "four dimensions", (separated(2, 3, 4, 5, seed=1), y)
    yield "one dimension", (separated(7, seed=1), y[0, 0, :, :].reshape(-1)[:7])
    yield "nothing above 0", (separated(2, 3, seed=2), np.zeros((2, 3)))
    yield "nothing at all", (np.zeros((0, 3)), np.zeros((0, 3)))


def plug(answer):
    return replaced(ReLU, backward=lambda op, gy: answer(gy, op.y))


def gradient():
    return functions.relu, (separated(2, 3, 4),)


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1)), lr=2.0)


def key(gy, y):
    gx = np.zeros(gy.shape, gy.dtype)
    for at in np.ndindex(gy.shape):
        if y[at] > 0:
            gx[at] = gy[at]
    return gx


MUTANTS = {
    "mask of gy": (
        "y[at] > 0",
        "gy[at] > 0",
        "The mask is taken from gy. Who decides whether a pixel was on: the number that went "
        "forward, or the one that comes back?",
    ),
    "no mask": (
        "y[at] > 0",
        "y[at] >= 0",
        "Everything passes. After ReLU no y is below 0, so what does a test with >= find out?",
    ),
    "times y": (
        "gx[at] = gy[at]",
        "gx[at] = gy[at] * y[at]",
        "y itself is not the slope. How steep is a straight line through (0, 0) and (2, 2)?",
    ),
    "the other half": (
        "y[at] > 0",
        "y[at] == 0",
        "The mask is the wrong way round.",
    ),
    "the derivative alone": (
        "gx[at] = gy[at]",
        "gx[at] = 1.0",
        "This is dy/dx. The loss changes by that times what comes from behind.",
    ),
    "ReLU once more": (
        "gx[at] = gy[at]",
        "gx[at] = max(gy[at], 0)",
        "Negative gradients vanish too. A gradient may have any sign.",
    ),
}
