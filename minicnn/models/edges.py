"""Edges: where in a picture does one thing end and another begin?

    given     brightness and two colours; and how much they change, at three scales: 9 maps
    stage 1   full size   conv 3x3 -> 8, relu, conv 3x3 -> 8, relu
    stage 2   1/2         max pool 2, conv 3x3 -> 24, relu, conv 3x3 -> 24, relu
    stage 3   1/4         max pool 2, conv 3x3 -> 48, relu, conv 3x3 -> 48, relu
    stage 4   1/8         max pool 2, conv 3x3 -> 64, relu, conv 3x3 -> 64, relu
    back      conv 1x1 -> 8, 16, 16, 16 of the stages; from the coarsest on: relu, conv 3x3 to as
    many
              maps as the next finer one has, enlarged by 2, added to that
    score     relu, conv 3x3 -> 8, relu,    conv 1x1 -> 1 at full size, sigmoid: the probability of
    an edge

A difference of colours is an edge to the eye that is near; whether it is one of an object or the
stripe of a zebra tells a wider view. So each pixel is judged by what is seen at four sizes at once:
the fine stages say where exactly, the coarse ones whether at all. Contour detectors that came after
MCG have this shape (Xie, Tu 2015, who begin with the weights of a network for ImageNet); here all
is learnt from some eighty pictures, so it is small, and need not find out what a gradient is: it is
given those of labelling/contours.py, which is its peer without learning.

Loss. One pixel in seventy lies on an edge that a person drew, and a network that never says so is
right in all others. So both kinds of pixels get the same weight together: with t the share of
people who drew an edge within a pixel of the place, and e the mean of t over the picture,

    l = - sum over pixels of  (1 - e) t log p + e (1 - t) log(1 - p)

in which the pixels of an edge on which all agree weigh most (learning/boundaries.py).

Sources: Xie, Tu, Holistically-Nested Edge Detection, ICCV 2015 (balanced loss, several scales);
Lin et al., Feature Pyramid Networks, 2017 (the way back).
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.images.colour import rgb_to_yuv
from minicnn.images.normalise import normalise_fixed
from minicnn.labelling.contours import changes
from minicnn.models.model import Model

MAPS = (8, 24, 48, 64)  # of the stages
BACK = (8, 16, 16, 16)  # of the way back
GIVEN = 9
AROUND = 16  # pixels that a picture is continued by, as in a mirror, so that its rim is no edge


class Edges(Model):
    """The logits of edges, (N, 1, H, W), of pictures."""

    task = "boundaries"
    DEFAULTS = {
        "width": 1.0,  # factor on the numbers of maps
        "crop": 160,  # side of the part of a picture that a training step looks at, pixels; 0: all
    }
    RANGES = {"width": (0.01, 8), "crop": (0, 4096)}

    def __init__(self, classes=1, **options):
        super().__init__(classes, **options)
        maps = [max(2, round(n * self.options["width"])) for n in MAPS]
        back = [max(2, round(n * self.options["width"])) for n in BACK]
        before, self.stages, self.sides, self.joined = GIVEN, [], [], []
        for n, out in zip(maps, back, strict=True):
            layers = [nn.Conv2d(before, n, 3, padding=1), nn.ReLU()]
            layers += [nn.Conv2d(n, n, 3, padding=1), nn.ReLU()]
            self.stages.append(nn.Sequential(*layers))
            self.sides.append(nn.Conv2d(n, out, 1))
            before = n
        for n, out in zip(back, [back[0], *back], strict=False):
            self.joined.append(nn.Sequential(nn.ReLU(), nn.Conv2d(n, out, 3, padding=1)))
        self.score = nn.Sequential(nn.ReLU(), nn.Conv2d(back[0], 1, 1))

    def preprocess(self, image):
        """[float32 (9, h, w)]: the picture, uint8 (H, W, 3), with AROUND pixels of its mirror image
        on each side, and some more below and to the right, so that each stage halves it."""
        steps = np.log1p(changes(image)) - 1.5  # of a sky and of a tree, about alike
        planes = np.concatenate([normalise_fixed(rgb_to_yuv(image)), steps])
        sides = [(AROUND, AROUND + -n % 2 ** (len(MAPS) - 1)) for n in image.shape[:2]]
        return [np.pad(planes, [(0, 0), *sides], mode="symmetric")]

    def input_scale(self, k):
        """How many pixels of the picture a pixel of input k stands for."""
        return 1

    def forward(self, x):
        """Tensor (N, 9, h, w) of `preprocess` to logits (N, 1, h, w), its rim included."""
        seen = []
        for k, (stage, side) in enumerate(zip(self.stages, self.sides, strict=True)):
            x = stage(F.max_pool2d(x, 2) if k else x)
            seen.append(side(x))
        back = seen.pop()
        for join in reversed(self.joined[1:]):
            back = F.interpolate_onto(seen.pop(), join(back), scale_factor=2, mode="bilinear")
        return self.score(self.joined[0](back))

    def predict(self, image):
        """float32 (H, W): the probability of an edge at each pixel of a picture, uint8 (H, W,
        3)."""
        with self.predicting():
            logits = self(*self.tensors(x[None] for x in self.preprocess(image)))
            inside = (slice(AROUND, AROUND + n) for n in image.shape[:2])
            return F.sigmoid(logits).numpy()[(0, 0, *inside)]


RECIPES = {
    "ours": {
        "lr": 0.03,
        "momentum": 0.9,
        "weight_decay": 2e-4,
        "schedule": "polynomial",
        "warm_up": 100,
        "clip": 2.0,
        "flip": True,
        "validations": 4,
    },
}
