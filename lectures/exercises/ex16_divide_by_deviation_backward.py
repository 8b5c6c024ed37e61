"""Local contrast norm: backward of the division.

About 90 minutes; chapter 07.

The second half of local contrast normalisation divides by the local deviation, one number for all
maps of a pixel, but never by less than a floor. With p = (i, j) a pixel and q the places of the
window w as in exercise 15:

    sigma[n,p]^2 = 1 / (C coef[p])  sum over c and q of  w[q] v[n,c,p+q]^2
    T[n,p] = max(sigma[n,p], floor)        y[n,c,p] = v[n,c,p] / T[n,p]

Go back step by step: gy -> gradient of T (all maps are divided by the same T) -> gradient of sigma
(nothing where the floor was larger) -> gradient of v, along both ways: through its own y, and
through the sigma of all windows that hold it.

    gy      array (N, C, H, W)
    v       array (N, C, H, W)
    sigma   array (N, H, W)
    w       array (K, L), its sum is 1
    coef    array (H, W), the sum of the weights that lie inside of the picture
    floor   number above 0

Returns gv, an array of the shape and dtype of gy.

By hand, one map, 3 pixels, a window of a single 1, so that sigma = |v|, and floor 1:

    v = (3, -2, 0.5)   sigma = (3, 2, 0.5)   y = (1, -1, 0.5)   gy = (6, 4, 3)   gv = (0, 0, 3)

Where v is above the floor, y is 1 or -1 whatever v is; below it, y = v.
"""

import numpy as np

from minicnn.course.exercises import todo


def divide_backward(gy, v, sigma, w, coef, floor):
    todo("gv")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.local_contrast_norm import LocalDivision

RETURNS = ("gv",)
HINTS = (
    "d y / d T = -v / T^2. T[n,p] divides every map at p: so its gradient is a sum over the maps.",
    "sigma is the root of a mean of squares: d sigma[p] / d v[n,c,r] = (weight of r in the mean) "
    "v[n,c,r] / sigma[p].",
    "Spread gsigma / (sigma C coef) over the windows as in exercise 15, then multiply by v where "
    "it arrives.",
)
OWN, FORWARD = LocalDivision.backward, LocalDivision.forward
LEANING = np.array([[1, 2, 0, 1], [3, 5, 1, 4], [0, 1, 2, 1.5]]) / 21.5
ROUND = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16


def operation(v, w, floor):
    op = LocalDivision(np.ascontiguousarray(w), floor)
    FORWARD(op, v)
    return op


def truth(gy, v, sigma, w, coef, floor):
    return OWN(operation(v, w, floor), gy)


def by_hand():
    gy, v, sigma = ([6.0, 4, 3], [3.0, -2, 0.5], [3.0, 2, 0.5])
    args = np.array([[[gy]]]), np.array([[[v]]]), np.array([[sigma]])
    return (*args, np.ones((1, 1)), np.ones((1, 3)), 1.0), np.array([[[[0.0, 0, 3]]]])


def case(N, C, H, W, w, floor):
    v = normal(N, C, H, W) * np.linspace(0.2, 2, W)
    op = operation(v, w, floor)
    return normal(N, C, H, W, seed=1), v, op.sigma, w, op.local_mean.coef[0], floor


def cases():
    yield "three maps", case(2, 3, 4, 5, ROUND, 0.8)
    yield "one map", case(2, 1, 4, 5, ROUND, 0.8)
    yield "a window that leans to one side", case(1, 2, 5, 6, LEANING, 0.7)
    yield "all above the floor", case(1, 2, 3, 4, LEANING, 0.01)
    yield "all below it", case(1, 2, 3, 4, LEANING, 50.0)
    yield "wider than the picture", case(1, 2, 2, 3, LEANING.T, 0.5)
    gy, v, *_ = case(1, 2, 3, 6, ROUND, 0.5)
    v[..., :4] = 0  # so that sigma is 0 in places
    op = operation(v, ROUND, 0.5)
    yield "nothing but 0 in places", (gy, v, op.sigma, ROUND, op.local_mean.coef[0], 0.5)


def plug(answer):
    def backward(op, gy):
        mean = op.local_mean
        return answer(gy, op.v, op.sigma, mean.w, mean.coef[0], op.floor)

    return replaced(LocalDivision, backward=backward)


def gradient():
    def f(v):
        return functions.local_contrast_norm(v, LEANING, subtract=False, floor=0.8)

    return f, (normal(1, 2, 4, 5) * np.linspace(0.2, 2, 5),)


def train():
    def network():
        norm = nn.LocalContrastNorm(3, subtract=False, floor=0.3)
        return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), norm, nn.Conv2d(3, 3, 2))

    return fit(network)


def key(gy, v, sigma, w, coef, floor):
    N, C, H, W = gy.shape
    K, L = w.shape
    T = np.maximum(sigma, floor)
    spread = np.zeros((N, H, W), gy.dtype)
    for n, i, j in np.ndindex(N, H, W):
        gT = -(gy[n, :, i, j] * v[n, :, i, j]).sum() / T[n, i, j] ** 2
        if sigma[n, i, j] > floor:
            share = gT / (sigma[n, i, j] * C * coef[i, j])
            for a, b in np.ndindex(K, L):
                p, q = i + a - K // 2, j + b - L // 2
                if 0 <= p < H and 0 <= q < W:
                    spread[n, p, q] += w[a, b] * share
    return (gy / T[:, None] + v * spread[:, None]).astype(gy.dtype)


MUTANTS = {
    "deviation taken for a constant": (
        "gy / T[:, None] + v * spread[:, None]",
        "gy / T[:, None]",
        "The divisor is treated as a constant. It is made of the pixels, too.",
    ),
    "floor forgotten": (
        "if sigma[n, i, j] > floor:",
        "if sigma[n, i, j] > 0:",
        "Where the floor was larger than sigma, sigma had no say.",
    ),
    "twice too much": (
        "share = gT",
        "share = 2 * gT",
        "The square gives a 2. What does the root give?",
    ),
    "T not squared": (
        "/ T[n, i, j] ** 2",
        "/ T[n, i, j]",
        "What is the derivative of 1 / T?",
    ),
    "sign": (
        "gT = -(gy",
        "gT = (gy",
        "A larger divisor makes y smaller: which sign has the derivative of 1 / T?",
    ),
    "window not mirrored": (
        "i + a - K // 2, j + b - L // 2",
        "i - a + K // 2, j - b + L // 2",
        "Symmetric windows are right. Where the window leans: sigma[p] has read at p + q, so "
        "where does it send back to?",
    ),
    "border forgotten": (
        "* C * coef[i, j])",
        "* C)",
        "In the middle it is right. Near the border the mean was over fewer pixels, so each "
        "counted more.",
    ),
    "number of maps forgotten": (
        "* C * coef[i, j])",
        "* coef[i, j])",
        "With one map it is right. A mean over C maps: how much does one of them count?",
    ),
    "the first map alone": (
        "(gy[n, :, i, j] * v[n, :, i, j]).sum()",
        "(gy[n, 0, i, j] * v[n, 0, i, j])",
        "All maps of a pixel are divided by the same T; what comes back from each of them counts.",
    ),
}
