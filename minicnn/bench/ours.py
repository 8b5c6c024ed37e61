"""Our side of the bench: what a row names, ready to be called.

A side, here as in twins.py, has `phases`, a dict of functions to be timed, and `results()`, a dict
of arrays (what comes out, and all gradients) by which the sides are compared.
"""

import math

import numpy as np

from minicnn import datasets, functional, models, optim
from minicnn.bench.rows import BOTH, FORWARD, PREDICTION, SEED, STEP, Crops, Whole
from minicnn.engine import randomness
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.learning.config import TrainingOptions

CLASSES = 1000  # of whole pictures
SOME = 2  # crops of a batch, which are compared closely


class Operation:
    """An operation with its arrays."""

    def __init__(self, row, device="cpu"):
        self.function, self.options = getattr(functional, row.op), row.keywords()
        if "target" in self.options:
            self.options["target"] = Tensor(self.options["target"]).to(device)
        self.inputs = [
            Tensor(Tensor(a).to(device).data, requires_grad=wanted)
            for a, wanted in zip(row.arrays(), row.wanted(), strict=True)
        ]
        self.gy = Tensor(row.gradient(self.forward().shape)).to(device).data
        self.phases = {FORWARD: self.forward, BOTH: self.both}

    def forward(self):
        with no_grad():
            return self.function(*self.inputs, **self.options)

    def both(self):
        for tensor in self.inputs:
            tensor.grad = None
        y = self.function(*self.inputs, **self.options)
        y.backward(self.gy)
        return y

    def results(self):
        y = self.both()
        return named_results(y.numpy(), [_numpy(t.grad) for t in self.inputs])

    def work(self):
        """{phase: (operations of arithmetic, bytes that have to be read and written)}"""
        y = self.function(*self.inputs, **self.options)
        forward, backward = arithmetic(y)
        size = 4 * (y.size + sum(t.size for t in self.inputs))
        return {FORWARD: (forward, size), BOTH: (forward + backward, 2 * size)}


class Network:
    """A model of the lecture in its own recipe, on a drawn scene."""

    def __init__(self, row, device="cpu"):
        cls, _ = models.find(row.op)
        settings = models.recipe(row.op, "ours")
        dataset = datasets.load("scenes", size=row.size)
        randomness.manual_seed(SEED)
        options = {k: v for k, v in settings.items() if k in cls.DEFAULTS}
        self.network = cls(len(dataset.classes), **options)
        # With biases of 0 an empty part of the picture would give exactly 0, the kink of ReLU, or
        # next to it, as rounding has it; then the gradients of both sides could not be compared.
        for p in self.network.parameters():
            if p.ndim == 1:
                p.data += randomness.generator().normal(scale=0.1, size=p.shape).astype(p.dtype)
        self.network.to(device)
        picture = dataset.split("train")[0]
        self.size, self.labels = row.size, np.ascontiguousarray(picture.labels[None])
        self.levels, self.device = self.network.preprocess(picture.image), device
        self.draw(SEED)
        self.rates = rates(settings)
        self.sgd = optim.SGD(self.network.parameters(), **self.rates)
        self.phases = {PREDICTION: self.predict, STEP: self.step}

    def draw(self, seed, some=False):
        """Inputs of their own for each seed. Noise makes all windows of a flat picture different:
        which of their pixels is the largest shall not be decided by rounding."""
        g, self.inputs = randomness.generator(seed, 3), []
        for level in self.levels:
            noise = g.normal(scale=0.05, size=level.shape).astype(np.float32)
            self.inputs.append(Tensor((level + noise)[None]).to(self.device))

    def predict(self):
        self.network.eval()
        with no_grad():
            return self.network.scores(self.inputs, self.size)

    def step(self):
        self.network.train()
        self.sgd.zero_grad()
        loss, _ = self.network.loss(self.inputs, self.labels)
        loss.backward()
        self.sgd.step()
        return loss

    def results(self):
        """Scores, loss and gradients, without dropout, which draws other numbers in PyTorch."""
        loss, scores = self.network.eval().loss(self.inputs, self.labels)
        self.sgd.zero_grad()
        loss.backward()
        gradients = {f"gradient of {k}": _numpy(p.grad) for k, p in self.network.named_parameters()}
        return {"scores": scores.numpy(), "loss": loss.numpy(), **gradients}

    def work(self):
        loss, scores = self.network.loss(self.inputs, self.labels)
        forward, backward = arithmetic(loss)
        return {PREDICTION: (forward, 0), STEP: (forward + backward, 0)}


class Classifier(Network):
    """A model that names whole pictures, on drawn crops."""

    def __init__(self, row, device="cpu"):
        cls, _ = models.find(row.op)
        settings = models.recipe(row.op, "ours") | {"size": row.size, "dropout": 0.0}
        randomness.manual_seed(SEED)
        self.network = cls(CLASSES, **{k: v for k, v in settings.items() if k in cls.DEFAULTS})
        self.network.to(device)
        self.row, self.device = row, device
        self.draw(SEED)
        self.rates = rates(settings)
        self.sgd = optim.SGD(self.network.parameters(), **self.rates)
        self.phases = {STEP: self.step}

    def draw(self, seed, some=False):
        g, count = randomness.generator(seed, 1), SOME if some else self.row.batch
        crops = g.normal(128, 50, size=(count, 3, self.row.size, self.row.size)).clip(0, 255)
        self.inputs = Tensor(crops.astype(np.float32)).to(self.device)
        self.labels = g.integers(0, CLASSES, count)
        self.target = Tensor(self.labels).to(self.device)

    def loss(self):
        """(loss, scores)"""
        scores = self.network(self.inputs)
        return functional.cross_entropy(scores, self.target), scores

    def step(self):
        self.network.train()
        self.sgd.zero_grad()
        loss, _ = self.loss()
        loss.backward()
        self.sgd.step()
        return loss

    def results(self):
        self.network.eval()
        loss, scores = self.loss()
        self.sgd.zero_grad()
        loss.backward()
        gradients = {f"gradient of {k}": _numpy(p.grad) for k, p in self.network.named_parameters()}
        return {"scores": scores.numpy(), "loss": loss.numpy(), **gradients}

    def work(self):
        loss, _ = self.loss()
        forward, backward = arithmetic(loss)
        return {STEP: (forward + backward, 0)}


def side(row, device="cpu"):
    """Our side of a row."""
    return {Whole: Network, Crops: Classifier}.get(type(row), Operation)(row, device)


def rates(settings):
    """The options of SGD in a recipe, or what a training takes where the recipe says nothing."""
    usual = TrainingOptions()
    names = "lr", "momentum", "weight_decay"
    return {name: settings.get(name, getattr(usual, name)) for name in names}


def named_results(y, gradients):
    """What `results()` of an operation returns."""
    named = {f"the gradient of input {k}": g for k, g in enumerate(gradients) if g is not None}
    return {"the output": y} | named


def drawn_results(results, x):
    """In the place of the results of dropout, whose sides drop different values: how many, what
    the others are multiplied by, and whether the gradient knows which."""
    y, gx = results["the output"], results["the gradient of input 0"]
    kept = y != 0
    factor = np.median(y[kept] / x[kept])
    return {"share kept": kept.mean(), "factor": factor, "agreement": ((gx != 0) == kept).mean()}


def arithmetic(result):
    """(forward, backward): additions and multiplications of the convolutions and matrix products
    in the graph of `result`, counted as the formula has them, whatever the algorithm does."""
    forward = backward = 0
    seen, stack = set(), [result]
    while stack:
        tensor = stack.pop()
        if tensor.op is None or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        stack.extend(tensor.op.inputs)
        op, kind, places = tensor.op, type(tensor.op).__name__, (0, 1)
        if kind == "Conv2dOfLevels":
            kind, places = "Conv2d", (tensor.place, op.count)  # its level, the weights
        inputs = [op.inputs[k] for k in places if k < len(op.inputs)]
        needs = [op.needs[k] for k in places if k < len(op.needs)]
        count = 2 * _products(kind, tensor, *inputs)
        forward += count
        backward += count * sum(needs)  # by the input, by the weights: as much each
    return forward, backward


def _products(op, y, x=None, w=None):
    """Multiplications of one operation, 0 for what is neither convolution nor matrix product."""
    if op == "Conv2d":
        return y.size * math.prod(w.shape[1:])
    if op == "Conv2dTable":  # each edge once in every pixel of its output map
        return w.size * y.size // y.shape[1]
    if op in ("Linear", "MatMul"):
        return y.size * x.shape[-1]
    return 0


def _numpy(array):
    return None if array is None else Tensor(array).numpy()
