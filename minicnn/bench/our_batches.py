"""The networks of our_networks.py that learn from regions, bags and single pixels."""

import numpy as np

from minicnn import functional
from minicnn.bench.our_networks import SOME, THINGS, Network, WholePictures
from minicnn.bench.rows import SEED
from minicnn.datasets import VOID
from minicnn.engine import randomness
from minicnn.models.iteration import COARSER


class OfRegions(WholePictures):
    """`sds` on boxes and regions that were cut out: what it says of them, and a step."""

    classes = THINGS

    def draw(self, seed, some=False):
        g, count = randomness.generator(seed, 1), SOME if some else self.row.batch
        boxes = g.normal(0, 50, size=(count, 3, self.row.size, self.row.size)).astype(np.float32)
        shown = g.random((count, 1, self.row.size, self.row.size)) < 0.5
        self.inputs = [self.tensor(boxes), self.tensor(boxes * shown)]
        self.labels = g.integers(0, self.classes + 1, count)  # the last one: no object

    def describe(self):
        return self.network.features(*self.inputs)


class OfBags(Network):
    """`weak`: a step on pictures that have one label each, and what it says of one picture. Where
    its features do not learn, what they say of the pictures is drawn, not computed."""

    def begin(self):
        self.frozen = self.network.options["features"] == "frozen"
        for name in self.network.keeps(self.network.options):
            for p in getattr(self.network, name).parameters():
                p.requires_grad = False
        side = self.network.options["side"]
        grey = randomness.generator(SEED, 4).normal(128, 50, size=(side, side, 3)).clip(0, 255)
        self.size = side, side
        self.seen = self.network.padded(grey.astype(np.uint8))

    def draw(self, seed, some=False):
        g, count = randomness.generator(seed, 1), SOME if some else self.row.batch
        shape, places = self.seen.shape, self.row.size // self.network.stride
        if self.frozen:
            shape = (self.network.head.modules[0].weight.shape[1], places, places)
        bags = g.normal(scale=1 if self.frozen else 50, size=(count, *shape))
        bags = np.maximum(bags, 0) if self.frozen else bags
        self.inputs = [self.tensor(bags.astype(np.float32)), self.tensor(self.seen[None])]
        self.labels = g.integers(0, self.classes, count)

    def predict(self):
        return self.network.scores(self.inputs[1:], self.size)

    def loss(self):
        told = self.network.classify if self.frozen else self.network
        scores = self.network.pooled(told(self.inputs[0]))
        return functional.cross_entropy(scores, self.tensor(self.labels)), scores


class OfDrawnPixels(Network):
    """`feedback`: what its last layers say of a picture, what all iterations make of it, and a step
    of the classifiers, of pixels whose features are drawn."""

    def begin(self):
        g = randomness.generator(SEED, 4)
        heads = self.network.iterations[-1].classifier
        for name, p in self.network.named_parameters():
            if not name.endswith("spread"):  # all others are 0 until something is learnt
                scale = p.shape[-1] ** -0.5 if p.ndim < 4 else np.prod(p.shape[1:]) ** -0.5
                p.data += g.normal(scale=scale, size=p.shape).astype(p.dtype)
            p.requires_grad = p is heads.weight or p is heads.bias

    def draw(self, seed, some=False):
        g, heads = randomness.generator(seed, 1), self.network.iterations[-1].classifier
        side, batch = self.network.options["side"], SOME if some else self.row.batch
        pictures = (1, 3, side, side), (1, self.classes, side // COARSER, side // COARSER)
        shapes = *pictures, (batch, heads.mean.size)
        self.inputs = [self.tensor(g.normal(size=s).astype(np.float32)) for s in shapes]
        self.labels = g.integers(0, self.classes, (batch, heads.weight.shape[0]))
        self.labels[g.random(self.labels.shape) < 0.2] = VOID

    def describe(self):
        levels = self.network.iterations[-1].levels(*self.inputs[:2])
        return functional.concat([maps.reshape(-1) for maps in levels], 0)

    def predict(self):
        return self.network(self.inputs[0])

    def loss(self):
        scores = self.network.iterations[-1].classifier.of_all(self.inputs[2])
        scores = scores.reshape(self.labels.size, -1)
        return functional.cross_entropy(scores, self.labels.ravel(), ignore_index=VOID), scores
