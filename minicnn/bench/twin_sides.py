"""PyTorch's side of the networks: the same parameters, inputs, loss and update as those of
our_networks.py. Part of twins.py, which alone imports it."""

import math

import torch
import torch.nn.functional as TF

from minicnn.bench import twin_networks as nets
from minicnn.bench.network_rows import FEATURES, PREDICTION, STEP


class Network:
    """What all have in common. A subclass defines `loss(training)`, which gives (loss, scores);
    and, where its rows time them, `predict()` and `describe()`."""

    def __init__(self, compute, mine, device="cpu"):
        """compute  a function of twin_networks.py
        mine     the side of our_networks.py whose twin this is"""
        self.compute, self.network, self.device = compute, mine.network, device
        self.parameters = {
            k: as_tensor(v.numpy(), device).clone() for k, v in mine.network.state().items()
        }
        for name in mine.learning:
            self.parameters[name].requires_grad_()
        self.learning = {name: self.parameters[name] for name in mine.learning}
        self.size = getattr(mine, "size", None)
        self.take(mine)
        self.sgd = torch.optim.SGD(self.learning.values(), **mine.rates)
        timed = {PREDICTION: self.predict, FEATURES: self.describe, STEP: self.step}
        self.phases = {phase: timed[phase] for phase in mine.phases}

    def take(self, mine):
        """The inputs and labels of the other side."""
        self.inputs = [as_tensor(x.numpy(), self.device) for x in mine.inputs]
        self.labels = as_tensor(mine.labels.astype("int64"), self.device)

    def predict(self):
        raise NotImplementedError

    def describe(self):
        raise NotImplementedError

    def step(self):
        self.sgd.zero_grad()
        loss, _ = self.loss(training=True)
        loss.backward()
        self.sgd.step()
        return loss

    def results(self):
        self.sgd.zero_grad()
        loss, scores = self.loss(training=False)
        loss.backward()
        gradients = {f"gradient of {k}": as_numpy(p.grad) for k, p in self.learning.items()}
        found = {"scores": as_numpy(scores), "loss": as_numpy(loss), **gradients}
        for phase in (PREDICTION, FEATURES):
            if phase in self.phases:
                found[phase] = as_numpy(self.phases[phase]())
        return found


class Pixels(Network):
    """Scores at the network's own resolution, enlarged, and asked at every pixel."""

    def scores(self, training):
        return self.enlarged(self.compute(self.parameters, self.inputs, self.network, training))

    def loss(self, training):
        scores = self.scores(training)
        return TF.cross_entropy(scores, self.labels, ignore_index=255), scores

    def enlarged(self, coarse):
        stride = self.network.stride
        full = TF.interpolate(coarse, scale_factor=stride, mode="bilinear", align_corners=False)
        return full[:, :, : self.size[0], : self.size[1]]

    def predict(self):
        with torch.inference_mode():
            return self.scores(training=False)


class Recurrent(Pixels):
    """Its loss asks each instance at the pixels of its own lattice."""

    def scores(self, training):
        return self.enlarged(self.answers(training)[-1][0])

    def answers(self, training):
        return self.compute(self.parameters, self.inputs, self.network, training)

    def loss(self, training):
        answers = self.answers(training)
        margin, total = self.network.margin(), 0
        for k, (scores, every) in enumerate(answers, start=1):
            first = self.network.sees(k) // 2
            skip = max(0, -(-(margin - first) // every))
            start = first + every * skip - margin
            labels = self.labels[:, start::every, start::every]
            inside = (slice(skip, skip + n) for n in labels.shape[1:])
            total = total + TF.cross_entropy(scores[:, :, *inside], labels, ignore_index=255)
        with torch.no_grad():
            return total, self.enlarged(answers[-1][0])


class WholePictures(Network):
    def loss(self, training):
        scores = self.compute(self.parameters, *self.inputs, self.network)
        return TF.cross_entropy(scores, self.labels), scores


class OfRegions(Network):
    def features(self, training):
        return self.compute(self.parameters, *self.inputs, self.network, training)

    def loss(self, training):
        features = self.features(training)
        scores = TF.linear(features, self.parameters["fc8.weight"], self.parameters["fc8.bias"])
        return TF.cross_entropy(scores, self.labels), scores

    def describe(self):
        with torch.inference_mode():
            return self.features(training=False)


class OfBags(Pixels):
    def take(self, mine):
        super().take(mine)
        self.frozen = mine.frozen

    def places(self, x, training, described=False):
        features = x if described else self.compute(self.parameters, x, self.network)
        return nets.weak_head(self.parameters, features, self.network, training)

    def loss(self, training):
        scores = self.places(self.inputs[0], training, described=self.frozen).flatten(2)
        r, count = self.network.options["r"], scores.shape[2]
        scores = (torch.logsumexp(r * scores, 2) - math.log(count)) / r
        return TF.cross_entropy(scores, self.labels), scores

    def predict(self):
        with torch.inference_mode():
            return self.enlarged(self.places(self.inputs[1], training=False))


class OfDrawnPixels(Network):
    def describe(self):
        with torch.inference_mode():
            last = len(self.network.iterations) - 1
            levels = nets.levels(self.parameters, *self.inputs[:2], self.network, last)
            return torch.cat([maps.reshape(-1) for maps in levels])

    def predict(self):
        with torch.inference_mode():
            return self.compute(self.parameters, self.inputs[0], self.network)

    def loss(self, training):
        last = f"iterations.{len(self.network.iterations) - 1}.classifier"
        mean, spread, weight, bias = (
            self.parameters[f"{last}.{name}"] for name in ("mean", "spread", "weight", "bias")
        )
        x = (self.inputs[2] - mean) / spread
        scores = TF.linear(x, weight.flatten(0, 1), bias.flatten())
        scores = scores.view(self.labels.numel(), -1)
        return TF.cross_entropy(scores, self.labels.flatten(), ignore_index=255), scores


NETWORKS = {
    "patch": (Pixels, nets.patch),
    "single-scale": (Pixels, nets.multi_scale),
    "multi-scale": (Pixels, nets.multi_scale),
    "recurrent": (Recurrent, nets.recurrent),
    "alexnet": (WholePictures, nets.alexnet),
    "three-layers": (WholePictures, nets.three_layers),
    "sds": (OfRegions, nets.sds),
    "weak": (OfBags, nets.weak),
    "feedback": (OfDrawnPixels, nets.feedback),
}


def as_tensor(value, device):
    """An array as a tensor of PyTorch; what is no array as it is."""
    if not hasattr(value, "dtype"):
        return value
    return torch.from_numpy(value).to({"cpu": "cpu", "gpu": "cuda"}[device])


def as_numpy(value):
    """A tensor of PyTorch as an array, None of None."""
    return None if value is None else value.detach().cpu().numpy()
