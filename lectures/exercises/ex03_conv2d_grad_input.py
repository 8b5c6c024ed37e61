"""Convolution: gradient by the input.

About 45 minutes; chapter 05.

Forward computes, without padding and with stride 1,

    y[n,c,i,j] = b[c] + sum over k, u, v of  w[c,k,u,v] x[n,k,i+u,j+v]

Now gy = d loss / d y is given, and the question is how much the loss changes with each pixel of x:

    gx[n,k,p,q] = sum of  w[c,k,u,v] gy[n,c,i,j]   over all c, u, v, i, j with i+u = p and j+v = q

    gy       array (N, F, OH, OW)
    w        array (F, C, K, L)
    x_shape  (N, C, H, W), H = OH + K - 1, W = OW + L - 1

Returns gx, an array of the shape x_shape and of gy's dtype.

By hand, one picture, one map:

    gy  1 2    w  1  0    gx  1  2  0
        3 4       2 -1        5  7 -2
                              6  5 -4
"""

import numpy as np

from minicnn.course.exercises import todo


def grad_input(gy, w, x_shape):
    gx = np.zeros(x_shape, gy.dtype)
    todo("gx")
    return gx


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as F
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d import Conv2d

RETURNS = ("gx",)
HINTS = (
    "Take one output pixel y[n,c,i,j]. Which pixels of x went into it, and with which weight? "
    "Those "
    "get a share of its gy.",
    "Write the loops of forward, and turn its one line round: what was read is now added to.",
    "Or from the other side: for each pixel p, q of x, which i belongs to which u? i + u = p, and "
    "0 <= i < OH, or there is no such output.",
)
OWN = Conv2d.backward


def truth(gy, w, x_shape):
    op = Conv2d()
    op.needs = (True, False)
    op.forward(np.zeros(x_shape, gy.dtype), w)
    return OWN(op, gy)[0]


def by_hand():
    gy, w = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [2, -1]])
    gx = np.array([[1.0, 2, 0], [5, 7, -2], [6, 5, -4]])
    return (gy[None, None], w[None, None], (1, 1, 3, 3)), gx[None, None]


def cases():
    yield "two pictures", (normal(2, 3, 3, 2), normal(3, 2, 2, 3), (2, 2, 4, 4))
    yield "a filter as large as the picture", (normal(1, 2, 1, 1), normal(2, 3, 3, 4), (1, 3, 3, 4))
    yield "1x1", (normal(2, 2, 3, 4), normal(2, 3, 1, 1), (2, 3, 3, 4))
    yield "odd sizes", (normal(1, 1, 5, 2), normal(1, 2, 3, 4), (1, 2, 7, 5))


def plug(answer):
    def backward(op, gy):
        gx, *others = OWN(op, gy)
        return answer(gy, op.w, op.x.shape) if op.needs[0] else gx, *others

    return replaced(Conv2d, backward=backward)


def gradient():
    return F.conv2d, (normal(1, 2, 4, 5), normal(3, 2, 3, 2), normal(3))


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3)))


def key(gy, w, x_shape):
    N, F, OH, OW = gy.shape
    _, C, K, L = w.shape
    gx = np.zeros(x_shape, gy.dtype)
    for n in range(N):
        for c in range(F):
            for k in range(C):
                for i, j, u, v in np.ndindex(OH, OW, K, L):
                    gx[n, k, i + u, j + v] += w[c, k, u, v] * gy[n, c, i, j]
    return gx


MUTANTS = {
    "no lower bound": (
        "np.ndindex(OH, OW, K, L)",
        "[(i, j, u, v) for u in range(K) for v in range(L) "
        "for i in range(-u, OH) for j in range(-v, OW)]",
        "Which i = p - u are there at all? Some are too large, some are too small, and a negative "
        "index does not fail in numpy: it counts from the end.",
    ),
    "filter turned": (
        "w[c, k, u, v]",
        "w[c, k, K - 1 - u, L - 1 - v]",
        "The filter is upside down. It is turned only if you read gy as a padded picture; then "
        "i = p - u does the turning already.",
    ),
    "overwritten": (
        "+= ",
        "= ",
        "A pixel of x has been read by several outputs, and each of them sends something back. "
        "What "
        "becomes of what was there before?",
    ),
    "one output map": (
        "range(F)",
        "range(1)",
        "All output maps have looked at this pixel, not only the first.",
    ),
    "wrong direction": (
        "i + u, j + v",
        "i - u, j - v",
        "Forward reads at i + u. Where was the pixel, seen from the output? (A negative index does "
        "not fail in numpy, it counts from the end.)",
    ),
    "rows and columns exchanged": (
        "i + u, j + v",
        "i + v, j + u",
        "The filter lies on its side: which index of w counts rows?",
    ),
    "a mean": (
        "gy[n, c, i, j]",
        "gy[n, c, i, j] / (K * L)",
        "Forward adds K L products and divides by nothing; nor does its derivative.",
    ),
}
