"""Simultaneous detection and segmentation: every region that may be an object is cut out and named
by the network that learnt a million pictures (Hariharan, Arbelaez, Girshick, Malik 2014).

    regions of a picture     some hundred, which may be objects             labelling/proposals
    box pathway              the box of each, with its surroundings -> 512 numbers
    region pathway           the same square, what is not the region at the mean -> 512 numbers
    classifier               of the 1,024 numbers, for each class: is it one?
    suppression              of regions that share a pixel only the best     labelling/regions
    refinement               a mask drawn anew

Each pathway is `alexnet` for crops of 56 up to its seventh layer (1.5 million parameters each), and
begins with the weights of the shipped one. There are three networks, and they differ in what they
were fine-tuned on:

    net=A   one pathway for both, learnt on boxes; a box is right if it fits the object's box
    net=B   two pathways, each learnt by itself: one on boxes, one on regions that fit the object
    net=C   two pathways under one loss: the last layer reads what both say of a region

Scores are those of the network itself (classifier=softmax; of A and B the mean of what the last
layers say of both halves), or of a linear support vector machine for each class on the 1,024
numbers (classifier=svm). Output k is class k, and one more, the last, means «no object».

What the authors do otherwise: crops of 227, 4,096 numbers of each pathway, a refinement for each
class (here one for all, for there are a thousand pictures and not five thousand).
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.images.context import context
from minicnn.labelling.regions.proposed import Proposed, shrunk
from minicnn.labelling.regions.refine import CELLS, Refinement
from minicnn.models.alexnet import AlexNet
from minicnn.models.model import Model
from minicnn.nn import init

TOGETHER = 64  # regions that go through the network at once
LEARNT_AFTER = ("svm", "cells", "vote", "least")
OF_PATHWAYS = ("size", "width", "columns", "norm", "norm_bias", "dropout", "spread")


class Pathway(AlexNet):
    """AlexNet up to fc7: (N, 3, size, size), less the mean, to (N, units)."""

    def __init__(self, **options):
        super().__init__(1, **options)
        del self.fc8

    def forward(self, x):
        return self.hidden(x)

    def crop(self, image):
        return super().crop(image) - self.mean.numpy()


class SDS(Model):
    """Scores (N, classes + 1) of regions: of their boxes and of their masked boxes, (N, 3, size,
    size) each, less the mean."""

    task = "regions"
    CHANGEABLE = ("classifier", "refine", "test_regions")
    PREPARATION = OF_PATHWAYS[:-2] + OF_PATHWAYS[-1:]
    DEFAULTS = {
        "net": "C",
        "classifier": "softmax",
        "refine": "yes",
        "regions": 300,  # of a picture, at most, in training
        "test_regions": 500,  # and when it is asked
        "edges": "edges",  # the network of edges beside which proposals were fitted
        "size": 56,  # side of the square that is seen, pixels
        "width": 1.0,  # factor on the number of maps and of units
        "columns": 1,
        "norm": 0.1,
        "norm_bias": 2.0,
        "dropout": 0.5,
        "spread": 60.0,
    }
    RANGES = {
        "regions": (1, 5000),
        "test_regions": (1, 5000),
        **{name: AlexNet.RANGES[name] for name in OF_PATHWAYS if name in AlexNet.RANGES},
    }
    CHOICES = {
        "net": ("A", "B", "C"),
        "classifier": ("softmax", "svm"),
        "refine": ("yes", "no"),
    }

    @classmethod
    def begins_with(cls, options):
        return "alexnet"

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = {name: self.options[name] for name in OF_PATHWAYS} | {"initial": "he"}
        self.proposer = None  # of regions: inference/objects.py finds it when a picture is asked
        self.box = self.shown = Pathway(**o)  # whose filters and maps are drawn
        if self.options["net"] != "A":
            self.region = Pathway(**o)
        units = self.box.fc7.weight.shape[0]
        self.units = 2 * units  # that describe a region
        reads = self.units if self.options["net"] == "C" else units
        self.fc8 = nn.Linear(reads, classes + 1, initial=init.normal(0.01))
        if self.options["net"] == "B":
            self.fc8_region = nn.Linear(reads, classes + 1, initial=init.normal(0.01))
        # learnt when the network is: not by its gradient
        self.svm = nn.Buffer(init.zeros((classes, self.units + 1)))
        self.cells = nn.Buffer(init.zeros((CELLS**2, self.units + CELLS**2 + 1)))
        self.vote = nn.Buffer(init.zeros(3))
        self.least = nn.Buffer(init.zeros(2))  # scores from which on a region is shown

    def adapted(self, arrays):
        """The weights of an `alexnet` under the names of both pathways; of another `sds`, those of
        its network, its only pathway for both if it has one. What was learnt after it goes."""
        found = {name: a for name, a in arrays.items() if name not in LEARNT_AFTER}
        if "conv1.weight" in found:
            found = {f"box.{name}": a for name, a in found.items()}
        if self.options["net"] != "A" and "region.conv1.weight" not in found:
            box = [name for name in found if name.startswith("box.")]
            found |= {f"region.{name.removeprefix('box.')}": found[name] for name in box}
        return found

    def check_options(self):
        if self.options["classifier"] == "svm" and not self.has_svms:
            raise ValueError(
                "classifier=svm: this one has learnt no support vector machines; train it with "
                "--set classifier=svm"
            )

    @property
    def has_svms(self):
        return bool(self.svm.numpy().any())

    @property
    def refinement(self):
        """The Refinement that was learnt, or None."""
        cells = self.cells.numpy()
        return Refinement(cells[:, :-1], cells[:, -1], self.vote.numpy()) if cells.any() else None

    # ------------------------------------------------------------------------------- the layers
    def features(self, boxes, regions):
        """What describes regions, (N, units): both pathways, one beside the other."""
        other = self.box if self.options["net"] == "A" else self.region
        return F.concat([self.box(boxes), other(regions)], dim=1)

    def forward(self, boxes, regions):
        return self.scored(self.features(boxes, regions))

    def scored(self, features):
        """Scores (N, classes + 1) of what describes regions."""
        if self.options["net"] == "C":
            return self.fc8(features)
        half = self.units // 2
        other = self.fc8 if self.options["net"] == "A" else self.fc8_region
        return 0.5 * (self.fc8(features[:, :half]) + other(features[:, half:]))

    def heads(self, boxes, regions):
        """[scores, ...] of what is learnt: by C of both together; by A of the boxes; by B of the
        boxes, and of the regions, which need not be the same ones."""
        if self.options["net"] == "C":
            return [self.forward(boxes, regions)]
        found = [self.fc8(self.box(boxes))]
        if self.options["net"] == "B":
            found.append(self.fc8_region(self.region(regions)))
        return found

    # ------------------------------------------------------------------------------ the regions
    def cut_out(self, image, proposed, chosen, mirrored=None):
        """(float32 (n, 3, size, size) twice): the boxes, and the masked boxes, of some of the
        regions of a Proposed, less the mean; those of `mirrored`, bool (n,), in a mirror."""
        size = self.options["size"]
        boxes = np.zeros((len(chosen), size, size, 3), np.float32)
        kept = np.zeros((len(chosen), size, size, 1), bool)
        mean = np.moveaxis(self.box.mean.numpy(), 0, 2)
        for n, k in enumerate(chosen):
            part = context(proposed.boxes[k], size, proposed.size)
            boxes[n] = (part.of(image) - mean) * part.inside[:, :, None]
            kept[n, :, :, 0] = proposed.at(k, part.at) & part.inside
            if mirrored is not None and mirrored[n]:
                boxes[n], kept[n] = boxes[n, :, ::-1].copy(), kept[n, :, ::-1].copy()
        return tuple(np.moveaxis(x, 3, 1).copy() for x in (boxes, boxes * kept))

    def describe(self, image, proposed, chosen=None):
        """float32 (n, units): what describes the regions of a Proposed, or some of them."""
        chosen = range(len(proposed)) if chosen is None else chosen
        found = [np.zeros((0, self.units), np.float32)]
        with self.predicting():
            for first in range(0, len(chosen), TOGETHER):
                some = self.cut_out(image, proposed, chosen[first : first + TOGETHER])
                found.append(self.features(*self.tensors(some)).numpy())
        return np.concatenate(found)

    def class_scores(self, features, classifier=None):
        """float32 (n, classes): of softmax probabilities, of SVMs how far a region is on the side
        of the class."""
        if (classifier or self.options["classifier"]) == "svm":
            weight = self.svm.numpy()
            return features @ weight[:, :-1].T + weight[:, -1]
        with self.predicting():
            scores = self.scored(*self.tensors([features]))
            return F.softmax(scores, dim=1).numpy()[:, :-1]

    # ----------------------------------------------------------------- a whole picture as a region
    def preprocess(self, image):
        """The inputs of `forward` for a picture that is one region."""
        image = shrunk(image)
        leaves = np.zeros(image.shape[:2], np.uint16)
        box = np.array([[0, 0, *image.shape[:2]]])
        whole = Proposed(leaves, np.full((1, 1), 128, np.uint8), box, np.zeros((0, *leaves.shape)))
        return [x[0] for x in self.cut_out(image, whole, [0])]

    def input_scale(self, k):  # of its crop
        return 1

    def predict(self, image):
        """Scores, float32 (classes + 1,), of a picture, uint8 (H, W, 3), that is one region."""
        with self.predicting():
            return self(*self.tensors(x[None] for x in self.preprocess(image))).numpy()[0]


# A step is of `batch` regions, four of a picture, of which one is an object.
RECIPES = {
    "ours": {
        "lr": 0.002,
        "head_lr": 10,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "polynomial",
        "warm_up": 50,
        "clip": 5.0,
        "batch": 64,
        "flip": True,
        "validations": 3,
    },
}
# The authors', as far as their numbers go; theirs are a hundred thousand steps.
RECIPES["faithful"] = RECIPES["ours"] | {
    "classifier": "svm",
    "regions": 2000,
    "test_regions": 2000,
    "lr": 0.001,
    "schedule": "steps",
    "warm_up": 0,
    "clip": 0.0,
    "batch": 128,
}
