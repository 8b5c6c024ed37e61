"""Convolution: gradient by the bias.

About 10 minutes; chapter 05.

The bias of map c is added to every pixel of map c in every picture,

    y[n,c,i,j] = b[c] + ...

Given gy = d loss / d y, an array (N, F, OH, OW), find d loss / d b.

Returns gb, an array (F,) of gy's dtype.

By hand, one picture, two maps of 3x3, the first all ones, the second all twos except for one -7:
gb = [9, 9].
"""

import numpy as np

from minicnn.course.exercises import todo


def grad_bias(gy):
    todo("gb")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.conv2d import Conv2d

RETURNS = ("gb",)
HINTS = (
    "Move one bias by 1. By how much does each output pixel move?",
    "Each y moves by 1, so the loss moves by its gy. Which of them belong to one map?",
    "gy.sum(axis=...) with the axes over which the bias is shared.",
)
OWN = Conv2d.backward


def truth(gy):
    op, F = Conv2d(), gy.shape[1]
    op.needs = (False, False, True)
    op.forward(np.zeros((len(gy), 1, *gy.shape[2:]), gy.dtype), *zeros(F, gy.dtype))
    return OWN(op, gy)[2]


def zeros(F, dtype):
    return np.zeros((F, 1, 1, 1), dtype), np.zeros(F, dtype)


def by_hand():
    gy = np.ones((1, 2, 3, 3))
    gy[0, 1] = 2
    gy[0, 1, 1, 0] = -7
    return (gy,), np.array([9.0, 9.0])


def cases():
    yield "two pictures", (normal(2, 3, 4, 5),)
    yield "one pixel", (normal(3, 2, 1, 1),)
    yield "as many of everything", (normal(3, 3, 3, 3),)


def plug(answer):
    def backward(op, gy):
        gradients = OWN(op, gy)
        return (*gradients[:2], answer(gy)) if op.has_bias else gradients

    return replaced(Conv2d, backward=backward)


def gradient():
    return functions.conv2d, (normal(2, 2, 4, 5), normal(3, 2, 3, 2), normal(3))


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3)))


def key(gy):
    N, F, OH, OW = gy.shape
    gb = np.zeros(F, gy.dtype)
    for n, c, i, j in np.ndindex(N, F, OH, OW):
        gb[c] += gy[n, c, i, j]
    return gb


MUTANTS = {
    "a mean": (
        "gy[n, c, i, j]",
        "gy[n, c, i, j] / (N * OH * OW)",
        "A mean in the place of a sum. Nothing in forward divides.",
    ),
    "a mean over the pictures": (
        "gy[n, c, i, j]",
        "gy[n, c, i, j] / N",
        "Almost: but forward does not divide by the number of pictures. If the loss is a mean, gy "
        "holds that division already.",
    ),
    "one picture": (
        "gy[n, c, i, j]",
        "gy[n, c, i, j] * (n == 0)",
        "All pictures of the batch share the bias.",
    ),
    "the last pixel alone": (
        "gb[c] += ",
        "gb[c] = ",
        "The bias has moved many pixels. What becomes of all but the last?",
    ),
    "pixels counted": (
        "gy[n, c, i, j]",
        "1",
        "You count the pixels that the bias moves. How much does the loss move with each of them?",
    ),
    "all maps together": (
        "gb[c] += gy",
        "gb += gy",
        "Each map has a bias of its own; yours all get the sum over all maps.",
    ),
    "a wrong axis": (
        "gb[c] += gy[n, c, i, j]",
        "gb[i % F] += gy[n, c, i, j]",
        "The sum goes over a wrong axis: which one counts the maps?",
    ),
}
