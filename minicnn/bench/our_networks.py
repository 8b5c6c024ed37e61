"""Our networks in the bench, each in its own recipe `ours`, on numbers that are drawn anew for each
seed: sides, as ours.py explains them."""

import numpy as np

from minicnn import datasets, functional, models, optim
from minicnn.bench.network_rows import FEATURES, PREDICTION, STEP
from minicnn.bench.ours import arithmetic, as_numpy
from minicnn.bench.rows import SEED
from minicnn.engine import randomness
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.learning.config import TrainingOptions

SOME = 2  # crops, regions, bags or pixels of a batch, which are compared closely
CLASSES = 1000  # of whole pictures
THINGS = 20  # of others
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
        timed = {STEP: self.step, PREDICTION: self.asked(self.predict)}
        timed[FEATURES] = self.asked(self.describe)
        self.phases = {phase: timed[phase] for phase in row.phases}

    def begin(self):
        """What the numbers that a network begins with have to have besides."""

    def set_mode(self, training):
        """Once, not in every call: it asks each module, and PyTorch's side has none."""
        if self.network.training != training:
            self.network.train(training)

    def asked(self, function):
        """`function` as somebody calls it who does not learn."""

        def call():
            self.set_mode(training=False)
            with no_grad():
                return function()

        return call

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
        learns = [(p, p.requires_grad) for p in self.network.parameters()]
        found = {STEP: (sum(arithmetic(self.loss()[0])), 0)}
        try:
            for p, _ in learns:  # else they would leave no graph to count in
                p.requires_grad = True
            for phase, function in ((PREDICTION, self.predict), (FEATURES, self.describe)):
                if phase in self.phases:
                    found[phase] = arithmetic(function())[0], 0
        finally:
            for p, learnt in learns:
                p.requires_grad = learnt
        return {phase: found[phase] for phase in self.phases}

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


def rates(settings):
    """The options of SGD in a recipe, or what a training takes where the recipe says nothing; but a
    learning rate that leaves a network as it is. On drawn numbers, without warming up, it would
    diverge, and numbers of 1e13 go other ways through our kernels than those of a training."""
    usual = TrainingOptions()
    found = {n: settings.get(n, getattr(usual, n)) for n in ("momentum", "weight_decay")}
    return {"lr": RATE, **found}
