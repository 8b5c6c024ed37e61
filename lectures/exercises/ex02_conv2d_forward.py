"""Convolution: forward.

About 30 minutes; chapter 04.

Each output map c has a filter for every input map k. The filter lies on the picture, its numbers
are multiplied by the pixels below them, all products are added, and the bias of the map:

    y[n,c,i,j] = b[c] + sum over k, u, v of  w[c,k,u,v] x[n,k,i+u,j+v]

There is no padding: the filter must fit into the picture.

    x   array (N, C, H, W)
    w   array (F, C, K, L)
    b   array (F,)

Returns y, an array (N, F, OH, OW) of x's dtype. OH and OW follow from how often the filter fits.

By hand, one picture, one map, b = 1:

    x  1 2 0    w  1 -1    y  0  5
       0 1 3       2  0       4 -1
       2 0 1
"""

import numpy as np

from minicnn.course.exercises import todo


def conv2d(x, w, b):
    N, C, H, W = x.shape
    F, C, K, L = w.shape
    todo("y")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d import Conv2d

RETURNS = ("y",)
HINTS = (
    "How many rows can the upper left corner of a filter of 3 rows take in a picture of 5?",
    "One output number needs three loops: over the input maps, the rows and the columns of the "
    "filter.",
    "A row in numpy: (w[c] * x[n, :, i : i + K, j : j + L]).sum() is the sum of all three.",
)
OWN = Conv2d.forward


def truth(x, w, b):
    return OWN(Conv2d(), x, w, b)


def by_hand():
    x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])
    w, y = np.array([[1.0, -1], [2, 0]]), np.array([[0.0, 5], [4, -1]])
    return (x[None, None], w[None, None], np.array([1.0])), y[None, None]


def cases():
    yield "two pictures", (normal(2, 3, 5, 4), normal(2, 3, 2, 3), normal(2))
    yield "a filter as large as the picture", (normal(1, 2, 3, 4), normal(3, 2, 3, 4), normal(3))
    yield "1x1", (normal(2, 2, 3, 4), normal(3, 2, 1, 1), normal(3))
    yield "odd sizes", (normal(1, 1, 7, 5), normal(2, 1, 3, 4), normal(2))


def plug(answer):
    def forward(op, x, w, b=None):
        OWN(op, x, w, b)
        return answer(x, w, np.zeros(len(w), x.dtype) if b is None else b)

    return replaced(Conv2d, forward=forward)


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3)))


def key(x, w, b):
    N, C, H, W = x.shape
    F, _, K, L = w.shape
    OH, OW = H - K + 1, W - L + 1
    y = np.zeros((N, F, OH, OW), x.dtype)
    for n, c, i, j in np.ndindex(N, F, OH, OW):
        total = b[c]
        for k, u, v in np.ndindex(C, K, L):
            total += w[c, k, u, v] * x[n, k, i + u, j + v]
        y[n, c, i, j] = total
    return y


MUTANTS = {
    "filter turned": (
        "w[c, k, u, v]",
        "w[c, k, K - 1 - u, L - 1 - v]",
        "The filter is upside down. That is what mathematicians call a convolution; networks (and "
        "the formula above) do not turn it.",
    ),
    "bias forgotten": (
        "total = b[c]",
        "total = x.dtype.type(0)",
        "Something is missing that is the same for all pixels of a map.",
    ),
    "bias too often": (
        "total += w[c, k, u, v]",
        "total += b[c] / C * (u == v == 0) * (C > 1) + w[c, k, u, v]",
        "The bias is added once for each output number, not once for each input map.",
    ),
    "one row and column short": (
        "H - K + 1, W - L + 1",
        "max(H - K, 1), max(W - L, 1)",
        "Count the places again: how often does a filter of 3 fit into a row of 3?",
    ),
    "one input map": (
        "np.ndindex(C, K, L)",
        "np.ndindex(1, K, L)",
        "Each output map looks at all input maps, not at the first alone.",
    ),
    "the last product alone": (
        "total += w",
        "total = b[c] + w",
        "The sum begins anew with every product.",
    ),
    "rows and columns exchanged": (
        "i + u, j + v",
        "(i + v) % H, (j + u) % W",
        "The filter lies on its side: which index of w counts rows?",
    ),
}
