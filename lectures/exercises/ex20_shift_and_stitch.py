"""Shift and stitch: an answer for every pixel.

About 40 minutes; chapter 09.

A network whose strides multiply to s answers for every s-th pixel only. Run it on the picture, then
on the picture shifted by one pixel, and so on: s shifts down times s shifts across. Each run
answers for other pixels; put the answers between each other, so that each pixel has one.

    network   a function: array (N, C, h, w) -> array (N, K, h', w'), its answers s pixels apart
    x         array (N, C, H, W)
    stride    s

The run with shift (a, b), 0 <= a, b < s, sees the rows a, a + 1, ... of x, H - s + 1 of them, and
the columns b, b + 1, ..., W - s + 1 of them; so all runs see equally much. Its answer (i, j) is for
pixel (s i + a, s j + b) of the result.

Returns an array (N, K, s h', s w') of the dtype of the network's answers.

By hand: let the network keep every second pixel, x[:, :, ::2, ::2]. With stride 2 a picture of 3x3
comes back as it was, without its last row and column.
"""

import numpy as np

from minicnn.course.exercises import todo


def shift_and_stitch(network, x, stride):
    todo("the answers for every pixel")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import manual_seed, nn, no_grad, optim
from minicnn.course.exercises import replaced
from minicnn.engine.cases import normal
from minicnn.engine.tensor import Tensor
from minicnn.models import dense

RETURNS = ("the stitched answers",)
HINTS = (
    "Stride 2: four runs. Which pixels of the result do the answers of the run (0, 1) fill?",
    "y[:, :, a::s, b::s] are the places of one run, and what is assigned to them has just their "
    "shape.",
    "How large the answer is you know after the first run.",
)
OWN = dense.shift_and_stitch


def truth(network, x, stride):
    return OWN(network, x, stride)


def every_second(x):
    return x[:, :, ::2, ::2].copy()


def windows(size, step):
    """Two maps: weighted sums of windows of size x size, `step` pixels apart."""
    weights = normal(2, size, size)

    def network(x):
        rows = range(0, x.shape[2] - size + 1, step)
        columns = range(0, x.shape[3] - size + 1, step)
        maps = [
            [
                [(x[:, :, i : i + size, j : j + size] * w).sum((1, 2, 3)) for j in columns]
                for i in rows
            ]
            for w in weights.astype(x.dtype)
        ]
        return np.moveaxis(np.array(maps), -1, 0)

    return network


def of_all(x):
    """Answers that depend on how much the network sees."""
    return every_second(x - x.mean((2, 3), keepdims=True))


def in_double(x):
    return every_second(x / np.float64(3))


def by_hand():
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    return (every_second, x, 2), x[:, :, :2, :2].copy()


def cases():
    yield "windows of 3x3", (windows(3, 2), normal(2, 1, 8, 6), 2)
    yield "stride 3", (windows(4, 3), normal(1, 2, 9, 12), 3)
    yield "odd sizes", (windows(2, 2), normal(1, 1, 7, 5), 2)
    yield "stride 1", (windows(3, 1), normal(1, 1, 5, 4), 1)
    yield "one pixel each", (every_second, normal(1, 2, 4, 6), 2)
    yield "a network that sees all at once", (of_all, normal(2, 1, 6, 5), 2)
    yield "answers of another dtype", (in_double, normal(1, 1, 4, 4).astype(np.float32), 2)


def plug(answer):
    def stitched(network, x, stride, every=1):
        return answer(network, x, stride)

    return replaced(dense, shift_and_stitch=stitched)


def train():
    """A network learns from every second pixel; the loss is that of all pixels."""
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 1, 11, 11)).astype(np.float32)
    labels = (x[:, 0, 2:8, 2:8] + x[:, 0, 3:9, 3:9] > 0).astype(int)
    manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 2))
    optimiser = optim.SGD(net.parameters(), 0.2)
    losses = []

    def answers(x):
        return net(Tensor(np.ascontiguousarray(x))).data

    for _ in range(7):
        with no_grad():
            scores = dense.shift_and_stitch(answers, x, 2)
            losses.append(float(functions.cross_entropy(scores, labels).item()))
        loss = functions.cross_entropy(net(Tensor(x[:, :, :10, :10].copy())), labels[:, ::2, ::2])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


def key(network, x, stride):
    height, width = x.shape[2] - stride + 1, x.shape[3] - stride + 1
    stitched = None
    for a in range(stride):
        for b in range(stride):
            y = network(x[:, :, a : a + height, b : b + width])
            N, K, h, w = y.shape
            if stitched is None:
                stitched = np.zeros((N, K, stride * h, stride * w), y.dtype)
            for i, j in np.ndindex(h, w):
                stitched[:, :, stride * i + a, stride * j + b] = y[:, :, i, j]
    return stitched


MUTANTS = {
    "rows and columns exchanged": (
        "stride * i + a, stride * j + b",
        "stride * i + b, stride * j + a",
        "Shifted down and put to the right: a belongs to the rows, both times.",
    ),
    "side by side": (
        "stride * i + a, stride * j + b",
        "h * a + i, w * b + j",
        "The answers lie in blocks side by side. They belong between each other.",
    ),
    "the other way": (
        "stride * i + a, stride * j + b",
        "stride * (i + 1) - 1 - a, stride * (j + 1) - 1 - b",
        "The picture moves up by a: for which pixel does the first answer then speak?",
    ),
    "not shifted": (
        "x[:, :, a : a + height, b : b + width]",
        "x[:, :, :height, :width]",
        "Every run sees the same: s^2 equal answers next to each other.",
    ),
    "shifted by the stride": (
        "x[:, :, a : a + height, b : b + width]",
        "np.roll(x, (-a * stride, -b * stride), (2, 3))[:, :, :height, :width]",
        "A shift by a whole stride gives answers that another place had already.",
    ),
}
