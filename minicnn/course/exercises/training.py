"""Networks small enough to learn while one waits, with loops of plain Python in them."""

import numpy as np

import minicnn
from minicnn import functional as F
from minicnn import optim
from minicnn.engine.tensor import Tensor


def bars(size=6, count=6, maps=1):
    """(x, labels): pictures (count, maps, size, size) with a bar that lies, stands or is aslant."""
    random = np.random.default_rng(3)
    x = 0.1 * random.normal(size=(count, maps, size, size)).astype(np.float32)
    labels = np.arange(count) % 3
    for n, label in enumerate(labels):
        place = random.integers(1, size - 1)
        along = np.arange(size)
        rows, columns = ((place, along), (along, place), (along, along))[label]
        x[n, :, rows, columns] += 1
    return x, labels


def fit(network, x=None, labels=None, steps=12, lr=0.3, momentum=0.0):
    """The losses of a training, one more than there are steps; `network()` builds the module. One
    label a picture; scores of several pixels are averaged."""
    if x is None:
        x, labels = bars()
    minicnn.manual_seed(1)
    network = network()
    optimiser = optim.SGD(network.parameters(), lr, momentum)
    losses = []
    for step in range(steps + 1):
        scores = network(Tensor(x))
        scores = scores.mean((2, 3)) if scores.ndim == 4 else scores
        loss = F.cross_entropy(scores, labels)
        losses.append(float(loss.item()))
        if step < steps:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return losses
