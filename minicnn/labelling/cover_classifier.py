r"""Which classes are in a segment? A two-layer network says, from the segment's descriptor.

    d = softmax(W2 tanh(W1 x + b1) + b2)

It learns from segments whose pixels are labelled: the target t is the share of each class, and the
loss is the Kullback-Leibler divergence, the mean over the segments of sum_a t_a ln(t_a / d_a). So
for a segment that mixes things it learns to say which, and its entropy tells how pure it finds it.

Descriptors are standardised for training (x - mean) / deviation; afterwards the first layer takes
that over, W1 / deviation and b1 - W1 mean / deviation, and what is stored is a plain network.

Source: Farabet et al. 2013, section 3.3.
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.nn import init


class CoverClassifier(nn.Module):
    """Descriptors (N, grid, grid, C) to scores (N, classes). `units` are those of the layer in
    between."""

    def __init__(self, features, classes, grid=3, units=256, dropout=0.5):
        self.grid = grid
        self.shape = {"features": features, "classes": classes, "grid": grid}
        self.shape |= {"units": units, "dropout": dropout}
        self.hidden = nn.Linear(grid * grid * features, units, initial=init.uniform)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(units, classes, initial=init.uniform)
        self.to("cpu")  # where the segments are found

    def forward(self, x):
        x = x.reshape(len(x.data), -1)
        return self.last(self.dropout(F.tanh(self.hidden(x))))

    def distributions(self, descriptors):
        """float32 (N, classes): the classes that it expects in segments with these descriptors."""
        self.eval()
        with no_grad():
            return F.softmax(self(Tensor(descriptors)), dim=1).numpy()

    def take_in(self, mean, deviation):
        """From now on descriptors may come as they are: the first layer, which has learnt from
        (x - mean) / deviation, does that, too."""
        weight, bias = self.hidden.weight.data, self.hidden.bias.data
        weight /= deviation.ravel()
        bias -= weight @ mean.ravel()


def moments(descriptors):
    """Mean and standard deviation (float32) of each number of the descriptors, in float64 and by
    blocks, for there may be gigabytes of them. A number that never changes counts as it is."""
    total = squares = 0.0
    for first in range(0, len(descriptors), 1024):
        block = descriptors[first : first + 1024].astype(np.float64)
        total, squares = total + block.sum(axis=0), squares + (block**2).sum(axis=0)
    mean = total / len(descriptors)
    deviation = np.sqrt(np.maximum(squares / len(descriptors) - mean**2, 0))
    deviation[deviation < 1e-3] = 1
    return mean.astype(np.float32), deviation.astype(np.float32)
