"""Max pooling: backward.

About 40 minutes; chapter 06.

Forward takes the largest value of each window of size x size pixels. The windows begin at every
`stride`-th pixel, so they overlap if stride < size:

    y[n,c,i,j] = max over u, v of  x[n, c, s i + u, s j + v]        0 <= u, v < size

y moves with the winner of its window and with nothing else. So each gy goes to the winner, and a
pixel that wins several windows gets several. Of equal values the first one wins, in the order in
which one reads: row by row, from left to right.

    gy      array (N, C, OH, OW)
    x       array (N, C, H, W)
    size, stride   whole numbers

Returns gx, an array of x's shape and gy's dtype.

By hand, size 2, stride 1:

    x  1 5 2    gy  1 2    gx  0 3 0
       3 4 0        3 4        0 0 0
       6 1 7                   3 0 4
"""

import numpy as np

from minicnn.course.exercises import todo


def max_pool_backward(gy, x, size, stride):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import separated
from minicnn.ops.max_pool2d import MaxPool2d

RETURNS = ("gx",)
HINTS = (
    "Find the winner of one window first: its row and its column in x, not in the window.",
    "np.argmax of a window gives its first largest element as one number; divmod(number, size) "
    "makes a row and a column of it.",
    "What if the largest value is below 0? What was your largest value before you had looked at "
    "any?",
)
OWN, FORWARD = MaxPool2d.backward, MaxPool2d.forward


def truth(gy, x, size, stride):
    op = MaxPool2d(size, stride)
    FORWARD(op, x)
    return OWN(op, gy)


def by_hand():
    x = np.array([[1.0, 5, 2], [3, 4, 0], [6, 1, 7]])[None, None]
    gy, gx = np.array([[1.0, 2], [3, 4]]), np.array([[0.0, 3, 0], [0, 0, 0], [3, 0, 4]])
    return (gy[None, None], x, 2, 1), gx[None, None]


def cases():
    gy = separated(2, 3, 4, 2, seed=1)
    yield "windows that touch", (gy[:, :, :2], separated(2, 3, 4, 5), 2, 2)
    yield "odd sizes, overlap", (gy[:, :, :3], separated(2, 3, 7, 5), 3, 2)
    yield "negative numbers", (gy, -abs(separated(2, 3, 5, 3)), 2, 1)
    yield "equal numbers", (gy, np.ones((2, 3, 5, 3)), 2, 1)
    few = (np.arange(90) * 7 % 11 % 3).reshape(2, 3, 5, 3).astype(float)
    yield "some equal numbers", (gy, few, 2, 1)
    yield "and in larger windows", (gy[:, :, :3, :1], few, 3, 1)
    yield "gaps between the windows", (gy[:, :, :2], separated(2, 3, 5, 5), 2, 3)


def plug(answer):
    def forward(op, x):
        op.x = x
        return FORWARD(op, x)

    def backward(op, gy):
        return answer(gy, op.x, op.window[0], op.stride[0])

    return replaced(MaxPool2d, forward=forward, backward=backward)


def gradient():
    return lambda x: functions.max_pool2d(x, 3, 2), (separated(1, 2, 7, 5),)


def train():
    def network():
        return nn.Sequential(nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.Tanh(), nn.Conv2d(3, 3, 1))

    return fit(network, lr=1.0)


def key(gy, x, size, stride):
    gx = np.zeros(x.shape, gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        best, winner = -np.inf, (stride * i, stride * j)
        for u, v in np.ndindex(size, size):
            p, q = stride * i + u, stride * j + v
            if x[n, c, p, q] > best:
                best, winner = x[n, c, p, q], (p, q)
        gx[n, c, winner[0], winner[1]] += gy[n, c, i, j]
    return gx


def shared_by_equals(gy, x, size, stride):
    gx = np.zeros(x.shape, gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        at = np.s_[n, c, stride * i : stride * i + size, stride * j : stride * j + size]
        winners = x[at] == x[at].max()
        gx[at] += winners * gy[n, c, i, j] / winners.sum()
    return gx


def all_of_equals(gy, x, size, stride):
    gx = np.zeros(x.shape, gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        at = np.s_[n, c, stride * i : stride * i + size, stride * j : stride * j + size]
        gx[at] += (x[at] == x[at].max()) * gy[n, c, i, j]
    return gx


MUTANTS = {
    "equals share": (
        shared_by_equals,
        "Where values are equal you share the gradient out among them. Here the first one gets all "
        "of it.",
    ),
    "all of equals": (
        all_of_equals,
        "Where values are equal each of them gets the whole gradient, so more comes back than went "
        "in. One wins: the first.",
    ),
    "equals by columns": (
        "for u, v in",
        "for v, u in",
        "Where values are equal you look down the columns. The order is that in which one reads: "
        "row by row.",
    ),
    "overwritten": (
        "+= gy",
        "= gy",
        "A pixel may win more than one window. What becomes of what was there before?",
    ),
    "the last of equals": (
        "x[n, c, p, q] > best",
        "x[n, c, p, q] >= best",
        "Where values are equal you take the last one. The task says who wins.",
    ),
    "nothing below 0": (
        "best, winner = -np.inf,",
        "best, winner = 0.0,",
        "Windows without a number above 0 go wrong: your search begins with a value that none of "
        "them beats.",
    ),
    "shared out evenly": (
        "gx[n, c, winner[0], winner[1]] += gy[n, c, i, j]",
        "gx[n, c, p - size + 1 : p + 1, q - size + 1 : q + 1] += gy[n, c, i, j] / size**2",
        "Every pixel of the window gets a share: that is the gradient of the mean.",
    ),
    "stride forgotten": (
        "p, q = stride * i + u, stride * j + v",
        "p, q = i + u, j + v",
        "Where does window (i, j) begin? Not at pixel (i, j).",
    ),
    "the place in the window": (
        "best, winner = x[n, c, p, q], (p, q)",
        "best, winner = x[n, c, p, q], (u, v)",
        "You know where in the window the winner is. Where is that in the picture?",
    ),
    "the smallest": (
        "x[n, c, p, q] > best",
        "-x[n, c, p, q] > best",
        "The gradient goes to another pixel than the one that won forward.",
    ),
}
