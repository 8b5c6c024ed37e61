"""Two results of three weights with four multiplications.

About 50 minutes; chapter 13.

A filter of three weights on a line of pixels costs three multiplications for each result:

    y[i] = w[0] x[i] + w[1] x[i + 1] + w[2] x[i + 2]

Winograd's F(2,3) takes four for two of them. The line is cut into tiles of four pixels, two apart;
tile t holds a, b, c, d = x[2 t], ..., x[2 t + 3] and gives y[2 t] and y[2 t + 1]. Of the weights,
once for all tiles, we take the values of w0 + w1 z + w2 z^2 at z = 0, 1, -1 and infinity, those at
1 and -1 halved:

    u0 = w0      u1 = (w0 + w1 + w2) / 2      u2 = (w0 - w1 + w2) / 2      u3 = w2

Each of them meets a sum or a difference of two pixels, and no other multiplication is needed:

    m0 = (..) u0    m1 = (..) u1    m2 = (..) u2    m3 = (..) u3
    y[2 t] = m0 + m1 + m2           y[2 t + 1] = m1 - m2 - m3

Find the four brackets. (Write out y[2 t], and see what must stand beside w0, w1 and w2.)

    x   array (lines, n), n even and at least 4
    w   array (3,)

Returns the products, an array (lines, n/2 - 1, 4), and y, an array (lines, n - 2), both of x's
dtype.

By hand, one tile: x = 1 2 3 5, w = 1 2 4, so u = 1 3.5 1.5 4. The products are -2, 17.5, 1.5, -12,
and y is 17, 28.
"""

import numpy as np

from minicnn.course.exercises import todo


def winograd_line(x, w):
    todo("the products and y")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d import Conv2d

RETURNS = ("the products", "y")
HINTS = (
    "Put u1 and u2 into y[2 t] and sort by weights: which pixels stand beside w1? They must be b, "
    "and nothing else.",
    "y[2 t] has no d, so d can stand in m3 only, and for the same reason a in m0 only.",
    "Say m1 = p u1 and m2 = q u2. From y[2 t]: (p - q) / 2 = b and (p + q) / 2 = c.",
)
OWN = Conv2d.forward
OF_PIXELS = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
OF_WEIGHTS = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def truth(x, w):
    tiles = np.lib.stride_tricks.sliding_window_view(x, 4, axis=1)[:, ::2]
    products = (tiles @ OF_PIXELS.T * (OF_WEIGHTS @ w)).astype(x.dtype)
    y = OWN(Conv2d(), x[:, None, None], w.reshape(1, 1, 1, 3), None)
    return products, y[:, 0, 0]


def by_hand():
    expected = np.array([[[-2.0, 17.5, 1.5, -12]]]), np.array([[17.0, 28]])
    return (np.array([[1.0, 2, 3, 5]]), np.array([1.0, 2, 4])), expected


def cases():
    yield "three lines", (normal(3, 8), normal(3))
    yield "one tile", (normal(2, 4), normal(3))
    yield "a long line", (normal(1, 14), normal(3))
    yield "float32", (normal(2, 6).astype(np.float32), normal(3).astype(np.float32))


def plug(answer):
    """Convolutions whose filters are 1x3, line by line; an odd line is continued by a zero."""

    def forward(op, x, w, b=None):
        y = OWN(op, x, w, b)
        if w.shape[2:] != (1, 3):
            return y
        N, C, H, W = x.shape
        even = np.pad(x, ((0, 0), (0, 0), (0, 0), (0, W % 2)))
        y[:] = 0 if b is None else b.reshape(-1, 1, 1)
        for c, k in np.ndindex(w.shape[:2]):
            _, line = answer(even[:, k].reshape(N * H, -1), w[c, k, 0])
            y[:, c] += line.reshape(N, H, -1)[:, :, : W - 2]
        return y

    return replaced(Conv2d, forward=forward)


def gradient():
    return functions.conv2d, (normal(2, 1, 2, 6), normal(2, 1, 1, 3), normal(2))


def train():
    def network():
        return nn.Sequential(nn.Conv2d(1, 4, (1, 3)), nn.Tanh(), nn.Conv2d(4, 3, (6, 4)))

    return fit(network)


def key(x, w):
    lines, n = x.shape
    products = np.zeros((lines, n // 2 - 1, 4), x.dtype)
    y = np.zeros((lines, n - 2), x.dtype)
    half = (w[0] + w[2]) / 2
    u = w[0], half + w[1] / 2, half - w[1] / 2, w[2]
    for k, t in np.ndindex(lines, n // 2 - 1):
        a, b, c, d = x[k, 2 * t : 2 * t + 4]
        m = (a - c) * u[0], (b + c) * u[1], (c - b) * u[2], (b - d) * u[3]
        products[k, t] = m
        y[k, 2 * t] = m[0] + m[1] + m[2]
        y[k, 2 * t + 1] = m[1] - m[2] - m[3]
    return products, y


MUTANTS = {
    "the pixels at -1 the wrong way": (
        "(c - b) * u[2]",
        "(b - c) * u[2]",
        "At -1 the odd terms change their sign: in u2 only w1 has a minus, so in its bracket only "
        "b has one.",
    ),
    "halves forgotten": (
        "half + w[1] / 2, half - w[1] / 2",
        "2 * half + w[1], 2 * half - w[1]",
        "m1 + m2 holds everything twice: where have the halves of u1 and u2 gone?",
    ),
    "halves thrown away": (
        "half + w[1] / 2, half - w[1] / 2",
        "(w[0] + w[1] + w[2]) // 2, (w[0] - w[1] + w[2]) // 2",
        "Half of an odd number is no whole number: `//` throws the rest away.",
    ),
    "the last product the wrong way": (
        "(b - d) * u[3]",
        "(d - b) * u[3]",
        "m3 is subtracted, and d w2 must come out with a plus.",
    ),
    "a alone": (
        "(a - c) * u[0]",
        "a * u[0]",
        "m1 + m2 is c w0 + b w1 + c w2. There is a c w0 too many, and m0 has to take it back.",
    ),
    "tiles side by side": (
        "x[k, 2 * t : 2 * t + 4]",
        "np.take(x[k], range(4 * t, 4 * t + 4), mode='wrap')",
        "A tile of four pixels gives two results, so the next one begins two pixels further on.",
    ),
    "filter turned": (
        "u = w[0], half + w[1] / 2, half - w[1] / 2, w[2]",
        "u = w[2], half + w[1] / 2, half - w[1] / 2, w[0]",
        "The filter runs backwards: w0 belongs to the first pixel of a window.",
    ),
    "results exchanged": (
        "y[k, 2 * t] = m[0] + m[1] + m[2]\n        y[k, 2 * t + 1] = m[1] - m[2] - m[3]",
        "y[k, 2 * t + 1] = m[0] + m[1] + m[2]\n        y[k, 2 * t] = m[1] - m[2] - m[3]",
        "The products are right. The result that m0 belongs to sees a, so it comes first.",
    ),
}
