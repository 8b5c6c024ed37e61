"""Feedback, unrolled, on features learnt without labels (Gatta, Romero, van de Weijer 2014).

Six layers make maps of a picture, each half as large as those below it, until the last ones see
the whole. No label is needed for them (learning/epls.py). A pixel is described by what all layers
say at its place, and a linear classifier reads that. What it answers, a map of probabilities for
each class, is put beside the picture as the input of the next iteration, which has layers and a
classifier of its own: a pixel is told what its surroundings have been taken for.

    input       RGB, 256x256; from the second iteration on, beside it, a map for each class
    layer 1..6  filters -> 100 maps, rectified (or logistic), max pool 2     128, 64, ..., 4 wide
    a pixel     3 + 6 * 100 numbers, + 33 of the class maps, + 33 that tell of the whole picture
    classifier  multinomial logistic regression

A linear classifier commutes with enlarging. So no map is enlarged: the classifier reads each layer
at its own size, and the scores, a map for each class, are enlarged and summed. The class maps of
the next iteration are a quarter as wide as the picture: finer levels are averaged for them.

The lecture counts 3 + 600 + 33 numbers and leaves open what the 33 are: `feedback=probabilities`,
the class maps; or `global=scores`, the shares of the classes in the picture, guessed by a second
linear classifier from the means of all maps. `ours` takes both, `faithful` the former.

`faithful`: 5x5 filters see all maps below, 1.26 million weights and 5.9 billion products in the
first iteration, 1.34 and 11.3 later. `ours`: 3x3 on `mix` principal components, side=128.

A classifier has fellows, one for each fold of the training pictures, which it has not seen: the
next iteration learns from what they say there, since what a network says of pictures that it knows
by heart is too good to learn from. Later they are of no use, and `export` leaves them out.
A picture of another size is scaled until its longer side has `side` pixels, zeros are put on its
right or below it, and its scores are enlarged again.
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.images.normalise import normalise_rgb
from minicnn.images.resizing import fit_long_side, resize
from minicnn.models.segmentation import SegmentationModel
from minicnn.nn import init

COARSER = 4  # pixels of a picture for one of a class map that is fed back, in each direction


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

    def shares(self, features, k=0):
        """What number k makes of features (N, F): probabilities (N, classes)."""
        return F.softmax(F.linear(features, *self.folded(k)), dim=1)


class Iteration(nn.Module):
    """One network of the chain: its layers, and its classifiers of pixels and of pictures."""

    def __init__(self, inputs, classes, o):
        planes = [inputs] + [o["maps"]] * o["levels"]
        self.layers = [Layer(below, o) for below in planes[:-1]]
        self.whole, features = None, sum(planes)
        if o["global"] == "scores":
            self.whole = Heads(1 + o["folds"], classes, features)
            features += classes
        self.classifier = Heads(1 + o["folds"], classes, features)

    def forward(self, x, said, side, head=0):
        """Scores (N, classes, side, side) of pictures x (N, 3, h, w); `said`: class maps of the
        iteration before (N, classes, h / 4, w / 4), or None."""
        return self.classify(self.levels(x, said), side, head)

    def reads(self, x, said=None):
        """Its input: the pictures, and beside them what was said of them."""
        if said is None:
            return x
        return F.concat([x, F.interpolate(said, size=x.shape[2:], mode="bilinear")], dim=1)

    def levels(self, x, said=None):
        """The input and the maps of all layers, a list of Tensors."""
        found = [self.reads(x, said)]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return found

    def describe(self, levels):
        """The means of all maps, (N, F)."""
        return F.concat([maps.mean(dim=(2, 3)) for maps in levels], dim=1)

    def classify(self, levels, side, head=0):
        """Scores (N, classes, side, side): of each level at its own size, then enlarged or, where
        the level is larger, averaged."""
        weight, bias = self.classifier.folded(head)
        total = bias.reshape(1, -1, 1, 1)
        if self.whole is not None:
            count = weight.shape[0]
            told = F.linear(self.whole.shares(self.describe(levels), head), weight[:, -count:])
            total = total + told.reshape(*told.shape, 1, 1)
        first = 0
        for maps in levels:
            planes, own = maps.shape[1:3]
            part = weight[:, first : first + planes].reshape(-1, planes, 1, 1)
            first += planes
            scores = F.conv2d(maps, part)
            if own > side:
                scores = F.avg_pool2d(scores, own // side)
            elif own < side:
                scores = F.interpolate(scores, size=(side, side), mode="bilinear")
            total = total + scores
        return total


class Feedback(SegmentationModel):
    """Scores at every pixel, of the last iteration that is asked for."""

    learnt_by = "unrolled"
    PARTS = "iterations"
    CHANGEABLE = ("iterations",)
    SPARE = ("folds",)
    DEFAULTS = {
        "iterations": 5,
        "levels": 6,
        "maps": 100,  # of each layer
        "filter": 3,  # pixels, odd
        "mix": 16,  # principal components of the maps below that a filter sees; 0: all maps
        "answer": "rectified",  # above a threshold; or logistic
        "quiet": 0.7,  # the share of all patches to which a rectified map says nothing
        "pool": "max",  # or average
        "feedback": "probabilities",  # of the classes, from iteration to iteration; or none
        "global": "scores",  # of the whole picture; or none
        "side": 256,  # pixels, of the square that a picture is brought into
        "folds": 3,  # of the training pictures; 0: the classifier itself says what is fed back
        "components": 150,  # of patches, that are kept when these are whitened
        "samples": 60000,  # patches that the filters of a layer are learnt from
        "passes": 8,  # times that these are gone through
    }
    RANGES = {
        "iterations": (1, 9),
        "levels": (1, 9),
        "maps": (2, 10_000),
        "filter": (1, 31),
        "mix": (0, 10_000),
        "quiet": (0, 0.999),
        "side": (16, 2048),
        "folds": (0, 20),
        "components": (1, 100_000),
        "samples": (100, 10_000_000),
        "passes": (1, 1000),
    }
    CHOICES = {
        "answer": ("rectified", "logistic"),
        "pool": ("max", "average"),
        "feedback": ("probabilities", "none"),
        "global": ("scores", "none"),
    }

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = self.options
        self.iterations = []
        self.check_options()
        for k in range(o["iterations"]):
            self.iterations.append(Iteration(3 + (classes if k else 0), classes, o))

    def check_options(self):
        o, built = self.options, len(self.iterations)
        if 0 < built < o["iterations"]:
            raise ValueError(f"iterations={o['iterations']}: this network has learnt {built}")
        if o["side"] % (parts := max(COARSER, 2 ** o["levels"])):
            raise ValueError(
                f"side={o['side']} cannot be halved {o['levels']} times: take a multiple of {parts}"
            )
        if o["filter"] % 2 == 0:
            raise ValueError(f"filter={o['filter']}: it needs a middle, so an odd number of pixels")
        if o["feedback"] == "none" and o["iterations"] > 1:
            raise ValueError("feedback=none: there is one iteration then, add iterations=1")

    def preprocess(self, image):
        """The picture in the upper left corner of a square, float32 (3, side, side)."""
        return [self.framed(normalise_rgb(resize(image, self.extent(image.shape[:2]))), 0)]

    def extent(self, size):
        """The size that a picture of this size has in the square."""
        return fit_long_side(*size, self.options["side"])

    def framed(self, planes, around):
        """(..., h, w) in the upper left corner of (..., side, side), with `around` beside it."""
        room = [(0, self.options["side"] - n) for n in planes.shape[-2:]]
        before = [(0, 0)] * (planes.ndim - 2)
        return np.pad(planes, before + room, constant_values=around)

    def forward(self, x):
        side, said = self.options["side"], None
        *before, last = self.iterations[: self.options["iterations"]]
        for iteration in before:
            said = F.softmax(iteration(x, said, side // COARSER), dim=1)
        return last(x, said, side)

    def enlarged(self, coarse, size):
        """The scores of the square, where the picture is in it, at the size of the picture."""
        height, width = self.extent(size)
        scores = coarse[:, :, :height, :width]
        same = (height, width) == tuple(size)
        return scores if same else F.interpolate(scores, size=size, mode="bilinear")


# patches: pixels that are drawn from each picture; batch: of these, how many a step takes
STEPS = {"batch": 500, "lr": 0.3, "schedule": "polynomial", "warm_up": 200, "flip": False}

# Of a recipe, what names an option of the network goes to the network, the rest to the training.
RECIPES = {
    "ours": {**STEPS, "side": 128, "patches": 250, "validations": 2},
    "faithful": {
        **STEPS,
        "filter": 5,
        "mix": 0,
        "answer": "logistic",
        "global": "none",
        "patches": 500,
        "validations": 2,
    },
}
