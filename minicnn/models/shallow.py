"""The traditional way: hand-made features, a classifier, a graphical model.

    33 channels        filters, colours, gradients, patterns                images/filter_bank.py
    761 features       of each pixel, from what these say around it         pixel_features.py
    boosted trees      for each class, against all others                   boosted_trees.py
    logistic regression  of the trees' answers: probabilities of the classes
    a Potts model      on the pixels, 8 neighbours                          labelling/potts.py

Only the two in the middle learn. `classifier` says which of them: `stacked`, both; `boosted`, the
class whose trees answer loudest, of a `stacked` one that has been trained; `logistic`, the
regression on the 761 features themselves. It is learnt by the gradient method that teaches every
network here: what a network adds is that the features learn, too.

Features are made for a row of pixels, read, and forgotten (all of a small photograph: 200 MB).

Source: the pipeline of S. Gould's DARWIN library, as papers.md has it.
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.images.filter_bank import NAMES, channels
from minicnn.models.boosted_trees import BoostedTrees
from minicnn.models.pixel_features import COUNT, PixelFeatures
from minicnn.models.segmentation import SegmentationModel
from minicnn.nn import init

LOUDEST = 20.0  # of what trees say, more is not told: that is sure enough


class Shallow(SegmentationModel):
    """Scores at every pixel: logarithms of probabilities, but for a constant."""

    learnt_by = "hand-made"
    labelling = "potts"  # what makes labels of a photograph's scores, if nobody says otherwise
    CHANGEABLE = ("classifier",)
    DEFAULTS = {
        "classifier": "stacked",
        "rounds": 200,  # trees of a class
        "depth": 2,  # questions from the root of a tree to a leaf
        "shrink": 0.3,  # how much of what a new tree says is believed
        "every": 250,  # one pixel in so many teaches the trees
        "gamma": 0.0,  # the price of a border; 0: it is chosen on validation pictures
    }
    RANGES = {
        "rounds": (1, 5000),
        "depth": (1, 8),
        "shrink": (0.001, 1),
        "every": (1, 1_000_000),
        "gamma": (0, 1e6),
    }
    CHOICES = {"classifier": ("stacked", "boosted", "logistic")}

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = self.options
        self.trees = None
        if o["classifier"] != "logistic":
            self.trees = BoostedTrees(classes, o["rounds"], o["depth"])
        size = COUNT if self.trees is None else classes
        self.mean = nn.Buffer(init.zeros(size))  # of what the regression reads
        self.spread = nn.Buffer(init.zeros(size) + 1)
        self.weight = nn.Parameter(init.zeros((classes, size)))
        self.bias = nn.Parameter(init.zeros(classes))

    def check_options(self):
        if (self.trees is None) != (self.options["classifier"] == "logistic"):
            has = "no trees" if self.trees is None else "trees below its regression"
            raise ValueError(
                f"classifier={self.options['classifier']}: this one has learnt with {has}"
            )

    def named_channels(self, image):
        """(float64 (33, H, W), their names): what `show` and `segment --stages` draw."""
        return channels(image), NAMES

    def told(self, features):
        """What the regression reads of features (761, P): float32 (P, inputs). Of trees, their
        scores, which grow without end where a class is told apart without a mistake: cut off."""
        found = features
        if self.trees is not None:
            found = self.trees.scores(features).clip(-LOUDEST, LOUDEST)
        return np.ascontiguousarray(found.T)

    def forward(self, told):
        """Scores (P, classes) of a Tensor that `told` gave."""
        return F.linear((told - self.mean) / self.spread, self.weight, self.bias)

    def predict(self, image):
        scores = np.empty((self.classes, *image.shape[:2]), np.float32)
        boosted = self.options["classifier"] == "boosted"
        weight = self.weight.numpy() / self.spread.numpy()
        bias = self.bias.numpy() - weight @ self.mean.numpy()
        for y, features in enumerate(PixelFeatures(image)):
            told = self.told(features).T
            scores[:, y] = told if boosted else weight @ told + bias[:, None]
        return scores


# patches: pixels of each picture that teach the regression; batch: of these, how many a step takes
RECIPES = {
    "ours": {
        "patches": 400,
        "batch": 500,
        "lr": 0.05,
        "schedule": "polynomial",
        "flip": False,
        "validations": 1,
    },
}
RECIPES["faithful"] = RECIPES["ours"] | {"shrink": 0.1}
