"""What an instance of a recurrent network is made of, and what it keeps for other classes."""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.models.dense import by_phases


class Layer(nn.Conv2d):
    """A convolution that takes its dilation when it is called, and fewer maps than it has filters
    for: the first of them are then missing, as if they were 0."""

    def forward(self, x, dilation=1):
        weight = self.weight[:, -x.shape[1] :]
        if dilation == 1 or weight.shape[3] == 1:
            return F.conv2d(x, weight, self.bias)
        return by_phases(lambda part: F.conv2d(part, weight, self.bias), x, dilation)


def of_other_classes(arrays, classes):
    """{name: array} of an instance as one that names so many classes may begin with it. The first
    layer reads a map of each class and then the picture: filters of the picture stay as they are,
    and those of class maps, if these are of another number, begin with zeros."""
    first, last = (arrays.get(f"layers.{k}.weight") for k in (0, 2))  # last: a filter for a class
    if last is None or first is None or first.ndim != 4 or len(last) == classes:
        return arrays
    of_picture = np.pad(first[:, len(last) :], ((0, 0), (classes, 0), (0, 0), (0, 0)))
    return arrays | {"layers.0.weight": of_picture}
