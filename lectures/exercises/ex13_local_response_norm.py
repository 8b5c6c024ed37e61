"""Local response normalisation: forward.

About 30 minutes; chapter 07.

A strong answer damps its neighbours: the same pixel in the maps before and behind.

    S[n,c,i,j] = k + alpha / size  sum of  x[n,d,i,j]^2  over the maps d in the window of c
    y[n,c,i,j] = x[n,c,i,j] S[n,c,i,j]^-beta

The window of c is the maps c - size // 2 to c + (size - 1) // 2, both included; for an odd size
that is as many before as behind. Maps that do not exist count as 0 (and alpha is divided by size
all the same).

    x      array (N, C, H, W)
    size   whole number, it may be larger than C
    alpha, beta, k   numbers

Returns y, an array of the shape and dtype of x.

By hand, one pixel of 3 maps, x = (1, 2, 3), size 3, alpha 3, beta 1, k 1: the sums are 5, 14, 13,
so S = (6, 15, 14) and y = (1/6, 2/15, 3/14).
"""

import numpy as np

from minicnn.course.exercises import todo


def local_response_norm(x, size, alpha, beta, k):
    todo("y")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.local_response_norm import LocalResponseNorm

RETURNS = ("y",)
HINTS = (
    "Write down the window of map 0 and of the last map, for size 3 and for size 4.",
    "max(..., 0) and min(..., C) cut a range at the ends. Remember that a range ends before its "
    "end.",
)
OWN = LocalResponseNorm.forward


def truth(x, size, alpha, beta, k):
    return OWN(LocalResponseNorm(size, alpha / size, beta, k, False), x)


def by_hand():
    x = np.array([1.0, 2, 3]).reshape(1, 3, 1, 1)
    return (x, 3, 3.0, 1.0, 1.0), np.array([1 / 6, 2 / 15, 3 / 14]).reshape(1, 3, 1, 1)


def cases():
    x = 2 * normal(2, 6, 2, 3)
    yield "odd window", (x, 3, 0.9, 0.75, 2.0)
    yield "even window", (x, 4, 0.9, 0.75, 2.0)
    yield "wider than the maps", (x[:, :4], 11, 0.9, 0.75, 2.0)
    yield "one map", (x[:, :1], 5, 0.9, 0.5, 1.0)
    yield "window of one", (x, 1, 0.9, 0.5, 1.0)


def plug(answer):
    def forward(op, x):
        OWN(op, x)
        size = op.reach[0] + op.reach[1] + 1
        return answer(x, size, op.a * size, op.beta, op.k)

    return replaced(LocalResponseNorm, forward=forward)


def train():
    def network():
        norm = nn.LocalResponseNorm(3, alpha=0.5)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), norm, nn.Conv2d(4, 3, 4))

    return fit(network)


def key(x, size, alpha, beta, k):
    C = x.shape[1]
    y = np.zeros(x.shape, x.dtype)
    for n, c, i, j in np.ndindex(x.shape):
        total = 0.0
        for d in range(max(c - size // 2, 0), min(c + (size - 1) // 2 + 1, C)):
            total += x[n, d, i, j] ** 2
        y[n, c, i, j] = x[n, c, i, j] * (k + alpha / size * total) ** -beta
    return y


MUTANTS = {
    "alpha not divided": (
        "alpha / size * total",
        "alpha * total",
        "The damping is too strong, by a factor that you can find in the formula. (The paper does "
        "not divide; here, as in PyTorch, one does.)",
    ),
    "divided by the maps that exist": (
        "alpha / size * total",
        "alpha / len(range(max(c - size // 2, 0), min(c + (size - 1) // 2 + 1, C))) * total",
        "At the first and last maps you divide by fewer than size. Maps that do not exist count "
        "as 0, and they are counted.",
    ),
    "window one short": (
        "(size - 1) // 2 + 1",
        "(size - 1) // 2",
        "The last map of the window is missing: where does a range end?",
    ),
    "even window leans the wrong way": (
        "max(c - size // 2, 0), min(c + (size - 1) // 2 + 1, C)",
        "max(c - (size - 1) // 2, 0), min(c + size // 2 + 1, C)",
        "Odd windows are right. An even one cannot be symmetric: has it more maps before or "
        "behind?",
    ),
    "not squared": (
        "total += x[n, d, i, j] ** 2",
        "total += abs(x[n, d, i, j])",
        "The strength of a neighbour counts by its square.",
    ),
    "cut to a whole number": (
        "alpha / size * total",
        "alpha // size * total",
        "// cuts the fraction off: 0.9 // 3 is 0.",
    ),
    "without its own map": (
        "total += x[n, d, i, j] ** 2",
        "total += x[n, d, i, j] ** 2 * (d != c)",
        "A value is damped by its neighbours only. The window of c holds c itself, too.",
    ),
    "k forgotten": (
        "k + alpha",
        "alpha",
        "Where all neighbours are 0, S would be 0, too. What prevents that?",
    ),
    "its own value alone": (
        "x[n, d, i, j] ** 2",
        "x[n, c, i, j] ** 2 / size",
        "A value is damped by itself alone. What about the others in its window?",
    ),
    "beta forgotten": (
        "total) ** -beta",
        "total) ** -1",
        "S is not taken to the power that was asked for.",
    ),
}
