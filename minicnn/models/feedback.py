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
linear classifier from the means of all maps. `ours` takes both, `faithful` the former. And `ours`
lets the classifier read more of the same maps: averages over 4x4 `cells` of the picture, and what
has been said around a pixel (`feedback=surroundings`, iteration.py).

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
from minicnn.images.normalise import normalise_rgb
from minicnn.images.resizing import fit_long_side, resize
from minicnn.models.iteration import AROUND, COARSER, Iteration
from minicnn.models.segmentation import SegmentationModel


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
        "feedback": "probabilities",  # of the classes, from iteration to iteration; with their
        # surroundings; or none
        "global": "scores",  # of the whole picture; or none
        "cells": 0,  # across and down, over which maps are averaged, too; 0: they are not
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
        "cells": (0, 256),
        "side": (16, 2048),
        "folds": (0, 20),
        "components": (1, 100_000),
        "samples": (100, 10_000_000),
        "passes": (1, 1000),
    }
    CHOICES = {
        "answer": ("rectified", "logistic"),
        "pool": ("max", "average"),
        "feedback": ("probabilities", "surroundings", "none"),
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
        if o["feedback"] == "surroundings" and o["side"] % (parts := COARSER * max(AROUND)):
            raise ValueError(
                f"side={o['side']}: feedback=surroundings needs a multiple of {parts} pixels"
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
    "ours": {
        **STEPS,
        "side": 128,
        "cells": 4,
        "feedback": "surroundings",
        "patches": 150,
        "weight_decay": 1e-3,
        "validations": 2,
    },
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
