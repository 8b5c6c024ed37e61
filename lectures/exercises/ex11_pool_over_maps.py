"""Pooling over maps and pixels.

About 30 minutes; chapter 06.

The lecture's pooling looks at several maps at once: filters that answer to the same thing in
different positions lie in one group, and the largest answer of the group counts, whoever gave it.

    y[n,c,i,j] = max over m, u, v of  x[n, maps c + m, size i + u, size j + v]

for 0 <= m < maps and 0 <= u, v < size: groups of `maps` maps that follow each other, windows of
size x size pixels that touch each other.

    x     array (N, C, H, W), C a multiple of maps
    maps, size   whole numbers

Returns y, an array (N, C / maps, H // size, W // size) of x's dtype: rows and columns at the end
that fill no window are left out.

By hand, two maps, maps = 2, size = 2; only the four pixels of the upper left corner count:

    x[0]  1 0 9    x[1]  0 5 9    y  5
          2 3 9          1 1 9
          9 9 9          9 9 9
"""

import numpy as np

from minicnn.course.exercises import todo


def pool_over_maps(x, maps, size):
    todo("y")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import separated
from minicnn.ops.max_pool_maps import MaxPoolMaps

RETURNS = ("y",)
HINTS = (
    "Write down which maps belong to result 0 and which to result 1, for groups of 3.",
    "One result number is the maximum of a block: maps c to .., rows i to .., columns j to ..",
    "x[n, maps * c : maps * (c + 1), ...].max() is the block.",
)
OWN = MaxPoolMaps.forward


def truth(x, maps, size):
    return OWN(MaxPoolMaps(maps, size, None, 0, False, None), x)


def by_hand():
    x = np.full((1, 2, 3, 3), 9.0)
    x[0, 0, :2, :2], x[0, 1, :2, :2] = [[1, 0], [2, 3]], [[0, 5], [1, 1]]
    return (x, 2, 2), np.array([[[[5.0]]]])


def cases():
    yield "pairs of maps", (separated(2, 6, 4, 6), 2, 2)
    yield "odd sizes", (separated(1, 6, 5, 7), 3, 2)
    yield "maps alone", (separated(2, 4, 3, 2), 2, 1)
    yield "pixels alone", (separated(2, 2, 6, 3), 1, 3)
    yield "negative numbers", (-abs(separated(1, 4, 4, 6)), 2, 2)
    x = separated(1, 6, 4, 6)
    x[:, ::2, ::2, ::2] += 100
    yield "the first of each block is the largest", (x, 2, 2)


def plug(answer):
    def forward(op, x):
        OWN(op, x)
        return answer(x, op.maps, op.window[0])

    return replaced(MaxPoolMaps, forward=forward)


def train():
    def network():
        return nn.Sequential(nn.Conv2d(1, 6, 3), nn.MaxPoolMaps(2, 2), nn.Conv2d(3, 3, 1))

    return fit(network)


def key(x, maps, size):
    N, C, H, W = x.shape
    G = C // maps
    y = np.zeros((N, G, H // size, W // size), x.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        best = -np.inf
        for m, u, v in np.ndindex(maps, size, size):
            value = x[n, maps * c + m, size * i + u, size * j + v]
            best = max(best, value)
        y[n, c, i, j] = best
    return y


MUTANTS = {
    "every other map": (
        "maps * c + m",
        "c + G * m",
        "The groups are dealt out like cards. They should be maps that follow each other.",
    ),
    "groups that overlap": (
        "maps * c + m",
        "c + m",
        "The groups overlap. Where does group c begin?",
    ),
    "pixels alone": (
        "np.ndindex(maps, size, size)",
        "np.ndindex(1, size, size)",
        "Only the first map of each group is asked.",
    ),
    "maps alone": (
        "np.ndindex(maps, size, size)",
        "np.ndindex(maps, 1, 1)",
        "The maximum goes over the maps, and only one pixel of each window is seen.",
    ),
    "nothing below 0": (
        "best = -np.inf",
        "best = 0.0",
        "Where all numbers are below 0 there comes out one that none of them is.",
    ),
    "windows that overlap": (
        "size * i + u, size * j + v",
        "i + u, j + v",
        "Windows touch each other here. Where does window (i, j) begin?",
    ),
    "a mean": (
        "best = max(best, value)",
        "best = (0 if m == u == v == 0 else best) + value / (maps * size**2)",
        "That is the mean of the block. Its largest number is asked for.",
    ),
    "a sum of maxima": (
        "best = max(best, value)",
        "best = max(best, value) if m == 0 else best + max(value, 0)",
        "The maps of a group are added up. One of them counts, the strongest.",
    ),
}
