"""One iteration of `feedback`: layers that make maps, and linear classifiers that read them.

What a classifier reads, besides the input and the maps at their own sizes: the same maps averaged
over a grid of `cells` x `cells`, that is, what there is in this part of the picture. And, of what
has been said (`feedback=surroundings`), what lies around: class maps averaged two and four times as
coarsely, each also read two of its pixels away, in eight directions. Averages are linear, and so is
moving a map, so each of these is one more level, classified at its own size.
"""

import itertools

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.nn import init

COARSER = 4  # pixels of a picture for one of a class map that is fed back, in each direction
AROUND = (2, 4)  # times that class maps are made coarser to be read from a distance
DISTANCE = 2  # pixels of such a map


class Layer(nn.Module):
    """Maps (N, C, h, w) to `maps` maps half as large."""

    def __init__(self, inputs, o):
        self.rectified, self.largest = o["answer"] == "rectified", o["pool"] == "max"
        self.mix = None
        if 0 < o["mix"] < inputs:
            self.mix = nn.Conv2d(inputs, o["mix"], 1, bias=False, initial=init.zeros)
            inputs = o["mix"]
        how = {"padding": o["filter"] // 2, "initial": init.zeros}
        self.filters = nn.Conv2d(inputs, o["maps"], o["filter"], **how)

    def forward(self, x):
        x = self.filters(x if self.mix is None else self.mix(x))
        answer = F.relu if self.rectified else F.sigmoid
        if self.largest:  # the answer grows with x, so that it may come last, where less is left
            return answer(F.max_pool2d(x, 2))
        return F.avg_pool2d(answer(x), 2)


class Heads(nn.Module):
    """Linear classifiers of the same features (F numbers), which are brought to mean 0 and
    deviation 1 first. Number 0 has learnt from all pictures, number k from all but fold k."""

    def __init__(self, count, classes, features):
        self.mean = nn.Parameter(init.zeros(features))
        self.spread = nn.Parameter(init.zeros(features) + 1)
        self.weight = nn.Parameter(init.zeros((count, classes, features)))
        self.bias = nn.Parameter(init.zeros((count, classes)))

    def folded(self, k):
        """(weight (classes, F), bias (classes,)) of number k for features as they come."""
        weight = self.weight[k] / self.spread
        return weight, self.bias[k] - (weight * self.mean).sum(dim=1)

    def of_all(self, features):
        """Scores (N, count, classes) by all of them of features (N, F) as they come. For learning:
        brought to mean 0 first, since where a mean is large, folded weights would round."""
        x = (features - self.mean) / self.spread
        count, classes, size = self.weight.shape
        scores = F.linear(x, self.weight.reshape(-1, size), self.bias.reshape(-1))
        return scores.reshape(len(features), count, classes)

    def shares(self, features, k=0):
        """What number k makes of features (N, F): probabilities (N, classes)."""
        return F.softmax(F.linear(features, *self.folded(k)), dim=1)


class Iteration(nn.Module):
    """One network of the chain: its layers, and its classifiers of pixels and of pictures."""

    def __init__(self, inputs, classes, o):
        planes = [inputs] + [o["maps"]] * o["levels"]
        self.layers = [Layer(below, o) for below in planes[:-1]]
        self.cells, self.whole = o["cells"], None
        sizes = [o["side"] // 2**k for k in range(len(planes))]
        features = sum(planes)
        averaged = sum(p for p, size in zip(planes, sizes, strict=True) if self.coarsens(size))
        if o["global"] == "scores":
            self.whole = Heads(1 + o["folds"], classes, features)
            features += classes
        features += averaged
        self.around = inputs > 3 and o["feedback"] == "surroundings"
        if self.around:
            features += 9 * len(AROUND) * classes
        self.classifier = Heads(1 + o["folds"], classes, features)

    def forward(self, x, said, side, head=0):
        """Scores (N, classes, side, side) of pictures x (N, 3, h, w); `said`: class maps of the
        iteration before (N, classes, h / 4, w / 4), or None."""
        return self.classify(self.levels(x, said), side, head)

    def coarsens(self, size):
        """Whether maps of this size are read once more, averaged over the grid of cells."""
        return 0 < self.cells < size and size % self.cells == 0

    def reads(self, x, said=None):
        """Its input: the pictures, and beside them what was said of them."""
        if said is None:
            return x
        return F.concat([x, F.interpolate(said, size=x.shape[2:], mode="bilinear")], dim=1)

    def levels(self, x, said=None):
        """The input, the maps of all layers, averages of these over the cells, and what has been
        said around: a list of Tensors."""
        found = [self.reads(x, said)]
        for layer in self.layers:
            found.append(layer(found[-1]))
        sizes = [maps.shape[2] for maps in found]
        averaged = [
            F.avg_pool2d(maps, size // self.cells)
            for maps, size in zip(found, sizes, strict=True)
            if self.coarsens(size)
        ]
        return found + averaged + (surroundings(said) if self.around else [])

    def describe(self, levels):
        """The means of all maps, (N, F)."""
        maps = levels[: 1 + len(self.layers)]
        return F.concat([m.mean(dim=(2, 3)) for m in maps], dim=1)

    def classify(self, levels, side, head=0):
        """Scores (N, classes, side, side): of each level at its own size (those of one size that
        follow each other together), then enlarged or, where the level is larger, averaged."""
        weight, bias = self.classifier.folded(head)
        total = bias.reshape(1, -1, 1, 1)
        if self.whole is not None:
            count = weight.shape[0]
            told = F.linear(self.whole.shares(self.describe(levels), head), weight[:, -count:])
            total = total + told.reshape(*told.shape, 1, 1)
        first = 0
        for own, same in itertools.groupby(levels, key=lambda maps: maps.shape[2]):
            same = list(same)
            maps = F.concat(same, dim=1) if len(same) > 1 else same[0]
            planes = maps.shape[1]
            part = weight[:, first : first + planes].reshape(-1, planes, 1, 1)
            first += planes
            scores = F.conv2d(maps, part)
            if own < side and total.shape[2] == side:
                total = F.interpolate_onto(total, scores, mode="bilinear")
                continue
            if own > side:
                scores = F.avg_pool2d(scores, own // side)
            elif own < side:
                scores = F.interpolate(scores, size=(side, side), mode="bilinear")
            total = total + scores
        return total


def surroundings(said):
    """Class maps (N, K, h, w), averaged, at their place and in eight directions from there: a list
    of Tensors (N, K, h / 2, w / 2) and (N, K, h / 4, w / 4)."""
    found = []
    for times in AROUND:
        coarse = F.avg_pool2d(said, times)
        for steps in itertools.product((0, -DISTANCE, DISTANCE), repeat=2):
            rows, columns = (
                np.clip(np.arange(size) + step, 0, size - 1)
                for size, step in zip(coarse.shape[2:], steps, strict=True)
            )
            found.append(coarse[:, :, rows][:, :, :, columns])
    return found
