"""Our networks in the bench, each in its own recipe `ours`, on numbers that are drawn anew for each
seed: sides, as ours.py explains them."""

import numpy as np

from minicnn import datasets, functional, models, optim
from minicnn.bench.network_rows import (
    FEATURES,
    PREDICTION,
    STEP,
    Bags,
    Crops,
    Drawn,
    Regions,
    Whole,
)
from minicnn.bench.ours import Operation, arithmetic, as_numpy
from minicnn.bench.rows import SEED
from minicnn.datasets import VOID
from minicnn.engine import randomness
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.learning.config import TrainingOptions
from minicnn.models.iteration import COARSER

SOME = 2  # crops, or regions, of a batch, which are compared closely
CLASSES = 1000  # of whole pictures
THINGS = 20  # of regions, and of pixels
RATE = 1e-6  # of learning


class Network:
    """What all have in common. A subclass defines `draw(seed, some)`, which makes `inputs`, a list
    of Tensors, and `labels`; `loss()`, which gives (loss, scores); and, where its rows time them,
    `predict()` and `describe()`."""

    classes = THINGS

    def __init__(self, row, device="cpu"):
        cls, _ = models.find(row.op)
        settings = models.recipe(row.op, "ours") | row.settings
        options = {k: v for k, v in settings.items() if k in cls.DEFAULTS}
        self.row, self.device = row, device
        randomness.manual_seed(SEED)
        self.network = cls(self.classes, **options)
        self.begin()
        self.network.to(device)
        self.draw(SEED)
        named = self.network.named_parameters()
        self.learning = {name: p for name, p in named if p.requires_grad}
        self.rates = rates(settings)
        self.sgd = optim.SGD(list(self.learning.values()), **self.rates)
        timed = {PREDICTION: self.predict, FEATURES: self.describe, STEP: self.step}
        self.phases = {phase: timed[phase] for phase in row.phases}

    def begin(self):
        """What the numbers that a network begins with have to have besides."""

    def set_mode(self, training):
        """Once, not in every call: it asks each module, and PyTorch's side has none."""
        if self.network.training != training:
            self.network.train(training)

    def predict(self):
        raise NotImplementedError

    def describe(self):
        raise NotImplementedError

    def step(self):
        self.set_mode(training=True)
        self.sgd.zero_grad()
        loss, _ = self.loss()
        loss.backward()
        self.sgd.step()
        return loss

    def results(self):
        """Scores, loss and gradients, without dropout, which draws other numbers in PyTorch."""
        self.set_mode(training=False)
        loss, scores = self.loss()
        self.sgd.zero_grad()
        loss.backward()
        gradients = {f"gradient of {k}": as_numpy(p.grad) for k, p in self.learning.items()}
        found = {"scores": scores.numpy(), "loss": loss.numpy(), **gradients}
        for phase in (PREDICTION, FEATURES):
            if phase in self.phases:
                found[phase] = self.phases[phase]().numpy()
        return found

    def work(self):
        """{phase: (operations of arithmetic, bytes: not counted)}"""
        self.set_mode(training=False)
        loss, _ = self.loss()
        forward, backward = arithmetic(loss)
        found = {STEP: (forward + backward, 0), PREDICTION: (forward, 0)}
        return {phase: found.get(phase, (0, 0)) for phase in self.phases}

    def tensor(self, array):
        return Tensor(array).to(self.device)


class Pixels(Network):
    """A network that names every pixel, on a drawn scene."""

    def __init__(self, row, device="cpu"):
        dataset = datasets.load("scenes", size=row.size)
        self.picture, self.classes = dataset.split("train")[0], len(dataset.classes)
        self.size = row.size
        self.labels = np.ascontiguousarray(self.picture.labels[None])
        super().__init__(row, device)

    def begin(self):
        # With biases of 0 an empty part of the picture would give exactly 0, the kink of ReLU, or
        # next to it, as rounding has it; then the gradients of both sides could not be compared.
        for p in self.network.parameters():
            if p.ndim == 1:
                p.data += randomness.generator().normal(scale=0.1, size=p.shape).astype(p.dtype)
        self.levels = self.network.preprocess(self.picture.image)

    def draw(self, seed, some=False):
        """Noise makes all windows of a flat picture different: which of their pixels is the largest
        shall not be decided by rounding."""
        g, self.inputs = randomness.generator(seed, 3), []
        for level in self.levels:
            noise = g.normal(scale=0.05, size=level.shape).astype(np.float32)
            self.inputs.append(self.tensor((level + noise)[None]))

    def predict(self):
        self.set_mode(training=False)
        with no_grad():
            return self.network.scores(self.inputs, self.size)

    def loss(self):
        return self.network.loss(self.inputs, self.labels)


class WholePictures(Network):
    """A network that names whole pictures, on crops of grey levels."""

    classes = CLASSES

    def draw(self, seed, some=False):
        g, count = randomness.generator(seed, 1), SOME if some else self.row.batch
        crops = g.normal(128, 50, size=(count, 3, self.row.size, self.row.size)).clip(0, 255)
        self.inputs = [self.tensor(crops.astype(np.float32))]
        self.labels = g.integers(0, self.classes, count)

    def loss(self):
        scores = self.network(*self.inputs)
        return functional.cross_entropy(scores, self.tensor(self.labels)), scores


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
        self.set_mode(training=False)
        with no_grad():
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
        self.size, self.inputs = (side, side), []
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
        self.set_mode(training=False)
        with no_grad():
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
        side, batch = self.network.options["side"], self.row.batch
        pictures = (1, 3, side, side), (1, self.classes, side // COARSER, side // COARSER)
        shapes = *pictures, (batch, heads.mean.size)
        self.inputs = [self.tensor(g.normal(size=s).astype(np.float32)) for s in shapes]
        self.labels = g.integers(0, self.classes, (batch, heads.weight.shape[0]))
        self.labels[g.random(self.labels.shape) < 0.2] = VOID

    def describe(self):
        with no_grad():
            levels = self.network.iterations[-1].levels(*self.inputs[:2])
            return functional.concat([maps.reshape(-1) for maps in levels], 0)

    def predict(self):
        with no_grad():
            return self.network(self.inputs[0])

    def loss(self):
        scores = self.network.iterations[-1].classifier.of_all(self.inputs[2])
        return functional.cross_entropy(scores, self.labels, ignore_index=VOID), scores


KINDS = {
    Whole: Pixels,
    Crops: WholePictures,
    Regions: OfRegions,
    Bags: OfBags,
    Drawn: OfDrawnPixels,
}


def side(row, device="cpu"):
    """Our side of a row."""
    return KINDS.get(type(row), Operation)(row, device)


def rates(settings):
    """The options of SGD in a recipe, or what a training takes where the recipe says nothing; but a
    learning rate that leaves a network as it is. On drawn numbers, without warming up, it would
    diverge, and numbers of 1e13 go other ways through our kernels than those of a training."""
    usual = TrainingOptions()
    found = {n: settings.get(n, getattr(usual, n)) for n in ("momentum", "weight_decay")}
    return {"lr": RATE, **found}
