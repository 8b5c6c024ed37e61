"""Convolution: gradient by the weights.

About 30 minutes; chapter 05.

Forward, without padding and with stride 1, is

    y[n,c,i,j] = b[c] + sum over k, u, v of  w[c,k,u,v] x[n,k,i+u,j+v]

One weight w[c,k,u,v] takes part in every output pixel of map c, in all pictures, each time with
another pixel of x. So its gradient is a sum over all of them:

    gw[c,k,u,v] = sum over n, i, j of  gy[n,c,i,j] x[n,k,i+u,j+v]

    gy   array (N, F, OH, OW), d loss / d y
    x    array (N, C, H, W)
    K, L the sizes of the filters, K = H - OH + 1, L = W - OW + 1

Returns gw, an array (F, C, K, L) of gy's dtype.

By hand, one picture, one map:

    gy   1 0    x  1 2 3    gw   7  9
        -1 2       4 5 6        13 15
                   7 8 9
"""

import numpy as np

from minicnn.course.exercises import todo


def grad_weight(gy, x, K, L):
    N, F, OH, OW = gy.shape
    N, C, H, W = x.shape
    todo("gw")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d import Conv2d

RETURNS = ("gw",)
HINTS = (
    "Move one weight by a little. Which outputs move, and by how much each?",
    "It is a convolution again: x is the picture, and what is the filter that slides over it?",
    "One number of gw in numpy: the window of x that begins at (u, v) and has the size of gy, "
    "times gy, summed up. Over which other index does the sum go?",
)
OWN = Conv2d.backward


def truth(gy, x, K, L):
    op = Conv2d()
    op.needs = (False, True)
    op.forward(x, np.zeros((gy.shape[1], x.shape[1], K, L), x.dtype))
    return OWN(op, gy)[1]


def by_hand():
    gy, x = np.array([[1.0, 0], [-1, 2]]), np.arange(1.0, 10).reshape(3, 3)
    return (gy[None, None], x[None, None], 2, 2), np.array([[[[7.0, 9], [13, 15]]]])


def cases():
    yield "two pictures", (normal(2, 3, 3, 2), normal(2, 2, 4, 4), 2, 3)
    yield "square filters", (normal(2, 2, 2, 3), normal(2, 3, 4, 5), 3, 3)
    yield "a filter as large as the picture", (normal(2, 2, 1, 1), normal(2, 3, 3, 4), 3, 4)
    yield "1x1", (normal(2, 2, 3, 4), normal(2, 3, 3, 4), 1, 1)


def plug(answer):
    def backward(op, gy):
        gx, gw, *rest = OWN(op, gy)
        return gx, answer(gy, op.x, *op.w.shape[2:]) if op.needs[1] else gw, *rest

    return replaced(Conv2d, backward=backward)


def gradient():
    return functions.conv2d, (normal(2, 2, 4, 5), normal(3, 2, 3, 2), normal(3))


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3)))


def key(gy, x, K, L):
    N, F, OH, OW = gy.shape
    N, C, H, W = x.shape
    gw = np.zeros((F, C, K, L), gy.dtype)
    for c, k, u, v in np.ndindex(F, C, K, L):
        for n, i, j in np.ndindex(N, OH, OW):
            gw[c, k, u, v] += gy[n, c, i, j] * x[n, k, i + u, j + v]
    return gw


MUTANTS = {
    "filter turned": (
        "gw[c, k, u, v] += ",
        "gw[c, k, K - 1 - u, L - 1 - v] += ",
        "Every number is right, and in the wrong place: the filter is upside down.",
    ),
    "rows and columns exchanged": (
        "i + u, j + v",
        "(i + v) % H, (j + u) % W",
        "The filter lies on its side: which index of w counts rows?",
    ),
    "one picture": (
        "np.ndindex(N, OH, OW)",
        "np.ndindex(1, OH, OW)",
        "All pictures of the batch share the weights.",
    ),
    "the last product alone": (
        "+= ",
        "= ",
        "One weight is used for many pixels. What becomes of all but the last?",
    ),
    "the same pixel for all weights": (
        "x[n, k, i + u, j + v]",
        "x[n, k, i, j]",
        "All numbers of a filter come out equal. Which pixel does w[c,k,u,v] meet when it "
        "computes y[n,c,i,j]?",
    ),
    "a mean": (
        "gy[n, c, i, j]",
        "gy[n, c, i, j] / (N * OH * OW)",
        "The loss depends on the weight through all pixels together: is that a sum or a mean?",
    ),
    "the last rows lost": (
        "np.ndindex(N, OH, OW)",
        "np.ndindex(N, max(OH - 1, 1), max(OW - 1, 1))",
        "Some outputs are not asked. Which, and how many are there along one side?",
    ),
}
