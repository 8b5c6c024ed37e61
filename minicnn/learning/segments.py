"""Learning which classes are in a segment: the classifier of `labelling=cover`.

A batch is some descriptors and, for each, the share of every class among the segment's pixels; the
loss is the Kullback-Leibler divergence between those and what the network says.
"""

from minicnn import functional as F
from minicnn.engine import randomness
from minicnn.engine.tensor import Tensor
from minicnn.learning.task import Drawn, Task

BATCH = 64


class Segments(Task):
    """Descriptors (N, grid, grid, C) of any float dtype, brought to mean 0 and deviation 1 with
    `moments`, and distributions (N, classes)."""

    unit = what = "segments"

    def __init__(self, network, config, descriptors, targets, moments):
        super().__init__(network, config)
        self.pictures, self.targets, self.moments = descriptors, targets, moments
        self.losses = []

    def steps_in_an_epoch(self):
        return -(-len(self.pictures) // BATCH)

    def feed(self, first, last):
        return Drawn((step, self._batch(step)) for step in range(first, last))

    def _batch(self, step):
        """Every epoch is a new permutation of the segments."""
        epoch, place = divmod(step, self.steps_in_an_epoch())
        order = randomness.generator(self.config.seed, 3, epoch).permutation(len(self.pictures))
        chosen = order[place * BATCH : (place + 1) * BATCH]
        mean, deviation = self.moments
        return (self.pictures[chosen] - mean) / deviation, self.targets[chosen]

    def loss(self, batch):
        x, expected = batch
        said = F.log_softmax(self.network(Tensor(x)), dim=1)
        loss = F.kl_div(said, Tensor(expected), reduction="batchmean")
        self.losses.append(loss.item())
        right = said.numpy().argmax(axis=1) == expected.argmax(axis=1)
        return loss, float(right.mean())
