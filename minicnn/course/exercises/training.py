"""Networks small enough to learn while one waits, with loops of plain Python in them."""

import numpy as np

import minicnn
from minicnn import functional as F
from minicnn import optim
from minicnn.engine.tensor import Tensor
from minicnn.labelling.proposals.overlaps import mask_overlaps
from minicnn.labelling.regions.regions import Regions
from minicnn.learning import instance_scores


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


def find_squares(chosen=lambda found: found, steps=10):
    """1 - AP, step by step, of a network that learns which squares of a picture are objects, from
    how bright it is inside and around. `chosen(Regions)` are those of a picture that count."""
    size, random = 9, np.random.default_rng(1)
    boxes = [(y, x, side) for side in (3, 4) for y in range(0, 7, 2) for x in range(0, 7, 2)]
    boxes = [(y, x, side) for y, x, side in boxes if max(y, x) + side <= size]
    squares, around = (np.zeros((len(boxes), size, size), bool) for _ in range(2))
    for k, (y, x, side) in enumerate(boxes):
        squares[k, y : y + side, x : x + side] = True
        around[k, max(y - 1, 0) : y + side + 1, max(x - 1, 0) : x + side + 1] = True
    around &= ~squares
    truths, features, targets = [], [], []
    for n in range(4):
        masks = squares[[(3 * n) % 16, 16 + (2 * n + 3) % 9]]
        x = 2 * random.normal(size=(size, size)) + 5 * masks.any(axis=0)
        truths.append(Regions.of_masks(masks, [1, 1]))
        features.append([[x[one].mean() for one in of] for of in (squares, around)])
        targets.append(mask_overlaps(squares, masks).max(axis=1) > 0.5)
    features = np.moveaxis(np.array(features, np.float32), 1, 2).reshape(-1, 2)
    targets = np.concatenate(targets).astype(np.float32)
    weight = Tensor(np.array([[-1.0, 0.5]], np.float32), requires_grad=True)
    bias = Tensor(np.zeros(1, np.float32), requires_grad=True)
    optimiser, losses = optim.SGD([weight, bias], 1.0), []
    for _ in range(steps + 1):
        scores = F.linear(Tensor(features), weight, bias)
        said = scores.numpy().reshape(len(truths), -1)
        found = [chosen(Regions.of_masks(squares, np.ones(len(squares)), s)) for s in said]
        losses.append(1 - float(instance_scores.average_precision(found, truths, [1])[0]))
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(scores.reshape(-1), targets).backward()
        optimiser.step()
    return losses
