"""Local response normalisation: backward.

About 60 minutes; chapter 07.

Forward, at each pixel, with a = alpha / size (i and j are maps here):

    S_i = k + a  sum of  x_j^2  over the j in the window of i: i - size // 2 to i + (size - 1) // 2
    y_i = x_i S_i^-beta

x_i stands in the numerator of its own y_i, and in S_j of every j whose window holds i. With the
rule for products and the chain rule find dy_j / dx_i, for j = i and for the others, and then

    gx_i = sum over j of  gy_j dy_j / dx_i

The gradient of one map needs gy of other maps: this cross term is what is missing in many published
programs. Which j are they? An even window leans to one side; then those j are its mirror image.

    gy, x, S   arrays (N, C, H, W); S was kept by forward
    size       whole number, it may be larger than C
    alpha, beta   numbers

Returns gx, an array of the shape of x and gy's dtype.

By hand, one pixel of 3 maps, x = (1, 2, 0), size 3, alpha 3, beta 1, k 1, so S = (6, 6, 5), and
gy = (6, 0, 0): only y_0 = x_0 / S_0 counts. gx_0 = 6 (1/6 - 2 * 1 * 1 / 36) = 2/3, gx_1 = 6 (-2 * 1
* 2 / 36) = -2/3, gx_2 = 0, since the window of 0 does not reach map 2.
"""

import numpy as np

from minicnn.course.exercises import todo


def local_response_norm_backward(gy, x, S, size, alpha, beta):
    todo("gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.local_response_norm import LocalResponseNorm

RETURNS = ("gx",)
HINTS = (
    "First only two maps and size 3: write y_0 and y_1 out, and derive both by x_0.",
    "Two terms: gy_i S_i^-beta, and a sum over the j whose window holds i. In that sum everything "
    "has the index j but one x.",
    "i lies in the window of j: j - size // 2 <= i <= j + (size - 1) // 2. Solve for j.",
)
OWN, FORWARD = LocalResponseNorm.backward, LocalResponseNorm.forward


def truth(gy, x, S, size, alpha, beta):
    op = LocalResponseNorm(size, alpha / size, beta, 1.0, False)
    FORWARD(op, x)
    op.S = np.ascontiguousarray(S)
    op.y = np.ascontiguousarray(x * S**-beta)
    return OWN(op, gy)


def sums(x, size, alpha, k):
    """S, from forward."""
    op = LocalResponseNorm(size, alpha / size, 0.75, k, False)
    FORWARD(op, x)
    return op.S


def by_hand():
    x, S, gy, gx = (
        np.array(values, float).reshape(1, 3, 1, 1)
        for values in ((1, 2, 0), (6, 6, 5), (6, 0, 0), (2 / 3, -2 / 3, 0))
    )
    return (gy, x, S, 3, 3.0, 1.0), gx


def cases():
    x, gy = 2 * normal(2, 6, 2, 3), normal(2, 6, 2, 3, seed=1)
    yield "odd window", (gy, x, sums(x, 3, 0.9, 2.0), 3, 0.9, 0.75)
    yield "even window", (gy, x, sums(x, 4, 0.9, 2.0), 4, 0.9, 0.75)
    few = x[:, :4]
    yield "wider than the maps", (gy[:, :4], few, sums(few, 11, 0.9, 2.0), 11, 0.9, 0.75)
    one = x[:, :1]
    yield "one map", (gy[:, :1], one, sums(one, 5, 0.9, 1.0), 5, 0.9, 0.5)


def plug(answer):
    def backward(op, gy):
        size = op.reach[0] + op.reach[1] + 1
        arrays = (a.reshape(op.shape) for a in (op.x, op.S))
        return answer(gy, *arrays, size, op.a * size, op.beta)

    return replaced(LocalResponseNorm, backward=backward)


def gradient():
    def f(x):
        return functions.local_response_norm(x, 4, alpha=0.8, beta=0.75, k=1.5)

    return f, (2 * normal(1, 6, 2, 3),)


def train():
    def network():
        norm = nn.LocalResponseNorm(3, alpha=0.5)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), norm, nn.Conv2d(4, 3, 4))

    return fit(network)


def key(gy, x, S, size, alpha, beta):
    C = x.shape[1]
    gx = np.zeros(x.shape, gy.dtype)
    for n, i, p, q in np.ndindex(x.shape):
        total = 0.0
        for j in range(max(i - (size - 1) // 2, 0), min(i + size // 2 + 1, C)):
            total += gy[n, j, p, q] * x[n, j, p, q] * S[n, j, p, q] ** (-beta - 1)
        cross = 2 * alpha / size * beta * x[n, i, p, q] * total
        gx[n, i, p, q] = gy[n, i, p, q] * S[n, i, p, q] ** -beta - cross
    return gx


MUTANTS = {
    "cross term missing": (
        "** -beta - cross",
        "** -beta",
        "S is treated as a constant. But x_i stands in it, in that of its own map and in that of "
        "its neighbours.",
    ),
    "factor 2": (
        "cross = 2 * alpha",
        "cross = alpha",
        "The derivative of a square: one number is missing in the cross term.",
    ),
    "g_i for g_j": (
        "total += gy[n, j, p, q]",
        "total += gy[n, i, p, q]",
        "Inside the sum stands gy of the map itself. Through which y does x_i act there?",
    ),
    "window not mirrored": (
        "max(i - (size - 1) // 2, 0), min(i + size // 2 + 1, C)",
        "max(i - size // 2, 0), min(i + (size - 1) // 2 + 1, C)",
        "Odd windows are right. For an even one: which maps have i in their window?",
    ),
    "sign of the cross term": (
        "** -beta - cross",
        "** -beta + cross",
        "A stronger neighbour makes y smaller. Which sign has its derivative?",
    ),
    "power of S": (
        "** (-beta - 1)",
        "** -beta",
        "Derive S^-beta once more: what happens to the exponent?",
    ),
    "alpha not divided": (
        "2 * alpha / size * beta",
        "2 * alpha * beta",
        "The cross term is too large, by a factor that forward has as well.",
    ),
    "cut to a whole number": (
        "2 * alpha / size * beta",
        "2 * alpha // size * beta",
        "// cuts the fraction off: 0.9 // 3 is 0.",
    ),
    "without itself": (
        "total += gy[n, j, p, q]",
        "total += (j != i) * gy[n, j, p, q]",
        "The cross term goes over the neighbours only. But i lies in its own window, too.",
    ),
    "S_i for S_j": (
        "x[n, j, p, q] * S[n, j, p, q]",
        "x[n, j, p, q] * S[n, i, p, q]",
        "In the sum everything has the index j: whose S divides y_j?",
    ),
    "beta forgotten": (
        "2 * alpha / size * beta",
        "2 * alpha / size",
        "Derive S^-beta once more: what comes down from the exponent?",
    ),
    "only with itself": (
        "range(max(i - (size - 1) // 2, 0), min(i + size // 2 + 1, C))",
        "[i]",
        "x_i also acts on the y of its neighbours; only its own is counted.",
    ),
}
