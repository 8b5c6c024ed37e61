"""Convolution along a connection table.

About 30 minutes; chapter 04.

In early networks an output map did not see all input maps. A table names the connections (edges);
each edge e leads from an input map to an output map and has one filter:

    y[n,c,i,j] = b[c] + sum over the edges e = (k, c), over u and v, of  w[e,u,v] x[n,k,i+u,j+v]

    x      array (N, C, H, W)
    w      array (E, K, L), a filter for each edge
    b      array (F,)
    table  whole numbers (E, 2): table[e, 0] is the input map, table[e, 1] the output map of edge e

Returns y, an array (N, F, H - K + 1, W - L + 1) of x's dtype. An output map that no edge leads to
is its bias everywhere; an edge that stands in the table twice counts twice, with both filters.

By hand, two input maps, edges 0 -> 0, 1 -> 0, 1 -> 1, filters 2x2, b = [0, 10]:

    x[0]  1 0 2   x[1]  0 1 0    w  1 0   0 1   1 1    y[0]  5 0    y[1]  11 11
          0 1 0         2 0 1       0 1   1 0   0 0          0 4          12 11
          3 0 1         0 1 0
"""

import numpy as np

from minicnn.course.exercises import todo


def conv_table(x, w, b, table):
    todo("y")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d_table import Conv2dTable

RETURNS = ("y",)
HINTS = (
    "Begin with the biases everywhere, then go through the edges one after another and add.",
    "For one edge: k, c = table[e]. What does its filter make of map k, and where does that go?",
    "y[:, c] += ... is what one edge does; the shifted pictures x[:, k, u : u + OH, v : v + OW] "
    "save two loops.",
)
OWN = Conv2dTable.forward
TABLE = np.array([[0, 0], [1, 0], [1, 2], [2, 1], [0, 2]])


def truth(x, w, b, table):
    return OWN(Conv2dTable(table, True, False), x, w, b)


def by_hand():
    x = np.array([[[1.0, 0, 2], [0, 1, 0], [3, 0, 1]], [[0.0, 1, 0], [2, 0, 1], [0, 1, 0]]])
    w = np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 1], [0, 0]]])
    y = np.array([[[5.0, 0], [0, 4]], [[11, 11], [12, 11]]])
    return (x[None], w, np.array([0.0, 10]), np.array([[0, 0], [1, 0], [1, 1]])), y[None]


def cases():
    x, w, b = normal(2, 3, 4, 5), normal(5, 2, 3), normal(3)
    yield "five edges", (x, w, b, TABLE)
    yield "an edge twice", (x, w[:3], b, np.array([[2, 1], [2, 1], [0, 2]]))
    yield "square filters", (x, normal(5, 2, 2), b, TABLE)
    yield "maps without edges", (x[:1], w[:2], normal(5), np.array([[0, 3], [2, 0]]))


def plug(answer):
    def forward(op, x, w, *rest):
        OWN(op, x, w, *rest)
        return answer(x, w, rest[0], op.table)

    return replaced(Conv2dTable, forward=forward)


def train():
    table = np.array([[0, 0], [1, 0], [1, 1], [0, 2]])
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.ConvTable2d(table, 3)))


def key(x, w, b, table):
    N, _, H, W = x.shape
    E, K, L = w.shape
    y = np.zeros((N, len(b), H - K + 1, W - L + 1), x.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = b[c]
    for e in range(E):
        k, c = table[e, 0], table[e, 1]
        for n, i, j in np.ndindex(N, H - K + 1, W - L + 1):
            for u, v in np.ndindex(K, L):
                y[n, c, i, j] += w[e, u, v] * x[n, k, i + u, j + v]
    return y


MUTANTS = {
    "table read backwards": (
        "k, c = table[e, 0], table[e, 1]",
        "c, k = table[e, 0], table[e, 1]",
        "Where does an edge begin and where does it end? Look at the columns of the table again.",
    ),
    "bias for every edge": (
        "for e in range(E):",
        "y -= b[:, None, None]\n    for e in range(E):\n        y[:, table[e, 1]] += b[table[e, "
        "1]]",
        "A map with two edges gets its bias twice, one without edges gets none.",
    ),
    "bias forgotten": (
        "= b[c]",
        "= 0",
        "Something is missing that is the same for all pixels of an output map.",
    ),
    "filter of the map": (
        "w[e, u, v]",
        "w[c, u, v]",
        "Filters belong to edges here, not to output maps: two edges to one map have two of them.",
    ),
    "the last edge alone": (
        "k, c = table[e, 0], table[e, 1]",
        "k, c = table[e, 0], table[e, 1]\n        y[:, c] = b[c]",
        "A map with several edges shows the last one only.",
    ),
    "all input maps": (
        "w[e, u, v] * x[n, k, i + u, j + v]",
        "w[e, u, v] * x[n, :, i + u, j + v].sum()",
        "Every edge sees all input maps; it should see the one that the table names.",
    ),
    "filter turned": (
        "w[e, u, v]",
        "w[e, K - 1 - u, L - 1 - v]",
        "The filter is upside down; compare i + u with the formula.",
    ),
}
