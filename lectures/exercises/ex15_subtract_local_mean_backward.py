"""Local contrast norm: backward of the subtraction.

About 60 minutes; chapter 07.

The first half of local contrast normalisation takes away the weighted mean of the neighbourhood,
over all maps together:

    M[n,p] = 1 / (C coef[p])  sum over c and q of  w[q] x[n,c,p+q]
    v[n,c,p] = x[n,c,p] - M[n,p]

Here p = (i, j) is a pixel, and q runs over the places of the window w: w[a,b] lies a - K // 2 rows
below and b - L // 2 columns right of p. Only places inside of the picture count, and coef[p] is the
sum of their weights.

A pixel x[n,c,r] acts on its own v[n,c,r], and through M on v of *every* map at all pixels p whose
window holds r. Given gv = d loss / d v, find gx.

    gv     array (N, C, H, W)
    w      array (K, L), its sum is 1
    coef   array (H, W)

Returns gx, an array of the shape and dtype of gv.

By hand, one map, one row of 3 pixels, w = (1/4, 1/2, 1/4), so coef = (3/4, 1, 3/4):

    gv = (3, 4, 0)   gv / coef = (4, 4, 0)   what flows through M: (3, 3, 1)   gx = (0, 1, -1)
"""

import numpy as np

from minicnn.course.exercises import todo


def subtract_backward(gv, w, coef):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.local_contrast_norm import LocalSubtraction

RETURNS = ("gx",)
HINTS = (
    "Two ways lead from x[n,c,r] to the loss. The first is simple: gx begins as gv.",
    "M[n,p] is taken away from all maps at p, so what arrives at M[n,p] is minus the sum of gv "
    "over the maps.",
    "Spread what arrives at M[n,p] over the pixels that M[n,p] was made of, with the weights that "
    "they had there, all maps alike.",
)
OWN, FORWARD = LocalSubtraction.backward, LocalSubtraction.forward
LEANING = np.array([[1, 2, 0, 1], [3, 5, 1, 4], [0, 1, 2, 1.5]]) / 21.5
ROUND = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16


def operation(shape, dtype, w):
    op = LocalSubtraction(np.ascontiguousarray(w))
    FORWARD(op, np.zeros(shape, dtype))
    return op


def truth(gv, w, coef):
    return OWN(operation(gv.shape, gv.dtype, w), gv)


def by_hand():
    w, coef = np.array([[0.25, 0.5, 0.25]]), np.array([[0.75, 1, 0.75]])
    return (np.array([[[[3.0, 4, 0]]]]), w, coef), np.array([[[[0.0, 1, -1]]]])


def case(gv, w):
    return gv, w, operation(gv.shape, gv.dtype, w).local_mean.coef[0]


def cases():
    yield "three maps", case(normal(2, 3, 4, 5), ROUND)
    yield "one map", case(normal(2, 1, 4, 5), ROUND)
    yield "a window that leans to one side", case(normal(1, 2, 5, 6), LEANING)
    yield "wider than the picture", case(normal(1, 2, 2, 2), LEANING.T)


def plug(answer):
    def backward(op, gv):
        mean = op.local_mean
        return answer(gv, mean.w, mean.coef[0])

    return replaced(LocalSubtraction, backward=backward)


def gradient():
    def f(x):
        return functions.local_contrast_norm(x, LEANING, divide=False)

    return f, (normal(1, 2, 4, 5),)


def train():
    def network():
        norm = nn.LocalContrastNorm(3, divide=False)
        return nn.Sequential(nn.Conv2d(1, 3, 3), norm, nn.Tanh(), nn.Conv2d(3, 3, 2))

    return fit(network, lr=1.0)


def key(gv, w, coef):
    N, C, H, W = gv.shape
    K, L = w.shape
    spread = np.zeros((N, H, W), gv.dtype)
    for n, i, j in np.ndindex(N, H, W):
        arrived = gv[n, :, i, j].sum() / (C * coef[i, j])
        for a, b in np.ndindex(K, L):
            p, q = i + a - K // 2, j + b - L // 2
            if 0 <= p < H and 0 <= q < W:
                spread[n, p, q] += w[a, b] * arrived
    return gv - spread[:, None]


MUTANTS = {
    "mean taken for a constant": (
        "return gv - spread[:, None]",
        "return gv.copy()",
        "The mean is treated as a constant. It is made of the pixels, too.",
    ),
    "the first map alone": (
        "gv[n, :, i, j].sum()",
        "gv[n, 0, i, j]",
        "The same mean was taken away from all maps of a pixel; what comes back from each counts.",
    ),
    "window not mirrored": (
        "i + a - K // 2, j + b - L // 2",
        "i - a + K // 2, j - b + L // 2",
        "Symmetric windows are right. Where the window leans: M[p] has read at p + q, so where "
        "does it send back to?",
    ),
    "border forgotten": (
        "(C * coef[i, j])",
        "C",
        "In the middle it is right. Near the border the mean was over fewer pixels, so each "
        "counted more.",
    ),
    "coef of the wrong pixel": (
        "w[a, b] * arrived",
        "w[a, b] * arrived * coef[i, j] / coef[p, q]",
        "Near the border: whose coef counts, that of the pixel whose mean it is, or that of the "
        "pixel that was read?",
    ),
    "number of maps forgotten": (
        "(C * coef[i, j])",
        "coef[i, j]",
        "With one map it is right. A mean over C maps: how much does one of them count?",
    ),
    "plus": (
        "gv - spread",
        "gv + spread",
        "The mean is taken away: with which sign does it come back?",
    ),
}
