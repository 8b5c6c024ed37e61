"""Log-sum-exp pooling: backward.

About 30 minutes; chapter 18.

Of each picture somebody told what it shows, not where. So the scores x of a map's pixels become one
score y for the picture, somewhere between their mean and the largest of them:

    y[a] = 1/r log( 1/M sum over i of e^(r x[a,i]) )

Here a counts the maps of all pictures and i their M pixels. Given gy = d loss / d y, find gx. Then
look at what a pixel of a picture is taught: how much, if it has the largest score by far? If all
have the same?

    gy     array (A,)
    x      array (A, M)
    r      a number above 0

Returns gx, an array of the shape and dtype of x.

By hand, r = 2 and one map of three pixels: x = (0, 0, ln 2) makes e^(r x) = (1, 1, 4), whose sum
is 6. With gy = 6 the pixels get gx = (1, 1, 4).
"""

import numpy as np

from minicnn.course.exercises import todo


def log_sum_exp_backward(gy, x, r):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.log_sum_exp_pool import LogSumExpPool

RETURNS = ("gx",)
HINTS = (
    "Let S be the sum of the e^(r x[i]). What is dy/dS? What is dS/dx[i]? The chain rule "
    "multiplies the two.",
    "1/r and r meet. So do 1/M and M.",
    "e^(r x) may be larger than any number. What may be taken away from all r x of a map without "
    "changing the shares?",
)
OWN, FORWARD = LogSumExpPool.backward, LogSumExpPool.forward


def truth(gy, x, r):
    op = LogSumExpPool(r, 1, False)
    FORWARD(op, x)
    return OWN(op, gy)


def by_hand():
    return (np.array([6.0]), np.array([[0, 0, np.log(2)]]), 2.0), np.array([[1.0, 1, 4]])


def cases():
    yield "two maps", (normal(2, seed=1), normal(2, 5), 2.0)
    yield "one pixel", (normal(3, seed=1), normal(3, 1), 5.0)
    yield "r = 1", (normal(3, seed=1), normal(3, 4), 1.0)
    yield "r below 1", (normal(4, seed=1), 2 * normal(4, 6), 0.5)
    yield "equal scores", (normal(2, seed=1), np.full((2, 4), -1.5), 5.0)
    yield "large scores", (normal(2, seed=1), 1000 + 0.3 * normal(2, 4), 3.0)
    heights = np.array([[0.0], [1000], [-1000]])
    yield "maps far apart", (normal(3, seed=1), heights + 0.3 * normal(3, 4), 2.0)
    yield "pixels far apart", (normal(1, seed=1), np.array([[-900, 900.5, 0, 900]]), 2.0)
    yield "very negative scores", (normal(2, seed=1), -1000 + 0.3 * normal(2, 4), 3.0)


def plug(answer):
    def backward(op, gy):
        gx = answer(np.ascontiguousarray(gy).reshape(-1), op.x, op.r)
        back = [op.order.index(d) for d in range(len(op.order))]
        return gx.reshape([op.x_shape[d] for d in op.order]).transpose(back)

    return replaced(LogSumExpPool, backward=backward)


def gradient():
    def f(x):
        return functions.log_sum_exp_pool(x, 3.0)

    return f, (normal(2, 2, 3, 2),)


class Pooled(nn.Module):
    """Scores of pictures: those of their pixels, pooled."""

    def __init__(self):
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3))

    def forward(self, x):
        return functions.log_sum_exp_pool(self.layers(x), 2.0)


def train():
    return fit(Pooled, lr=1.0)


def key(gy, x, r):
    gx = np.zeros_like(x)
    for a in range(len(x)):
        e = np.exp(r * (x[a] - x[a].max()))
        gx[a] = gy[a] * e / e.sum()
    return gx


MUTANTS = {
    "the largest alone": (
        "gx[a] = gy[a] * e / e.sum()",
        "gx[a, x[a].argmax()] = gy[a]",
        "That is max pooling: the winner takes all. Here each pixel has a share, the larger the "
        "larger its score.",
    ),
    "all alike": (
        "e / e.sum()",
        "np.ones_like(e) / e.size",
        "That is the backward of the mean. Which pixels move y most?",
    ),
    "r forgotten in the exponent": (
        "np.exp(r * (x[a] - x[a].max()))",
        "np.exp(x[a] - x[a].max())",
        "For r = 1 it is right. In the sum stands e^(r x).",
    ),
    "divided by r": (
        "e / e.sum()",
        "e / e.sum() / r",
        "For r = 1 it is right. 1/r stands before the logarithm; the derivative of e^(r x) brings "
        "something that meets it.",
    ),
    "times r": (
        "e / e.sum()",
        "r * e / e.sum()",
        "For r = 1 it is right. The derivative of e^(r x) brings r; what stands before the "
        "logarithm?",
    ),
    "the mean for the sum": (
        "e / e.sum()",
        "e / e.mean()",
        "The shares should sum to 1; yours sum to M. The 1/M inside of the logarithm is there for "
        "every pixel, and for their sum: what remains of it?",
    ),
    "divided by M once more": (
        "e / e.sum()",
        "e / e.sum() / e.size",
        "The shares should sum to 1; yours sum to 1/M.",
    ),
    "overflow": (
        "r * (x[a] - x[a].max())",
        "r * x[a]",
        "e to the power of a large score is infinite, and infinite by infinite is no number.",
    ),
    "not divided": (
        "e / e.sum()",
        "e",
        "dS/dx[i] is there. The derivative of log S is 1/S.",
    ),
    "one sum for all maps": (
        "    for a in range(len(x)):\n        e = np.exp(r * (x[a] - x[a].max()))\n"
        "        gx[a] = gy[a] * e / e.sum()\n    return gx",
        "    e = np.exp(r * (x - x.max()))\n    return gy[:, None] * e / e.sum()",
        "You divide by the sum over all maps. Each map has a score of its own, and a sum.",
    ),
    "gy forgotten": (
        "gy[a] * e",
        "e",
        "That is dy/dx. What does the loss say of y?",
    ),
}
