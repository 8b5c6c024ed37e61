r"""Pixels from the names of pictures (Pinheiro, Collobert 2015): a network that was told of each
picture only what it shows, not where.

    conv1 .. conv5   those of AlexNet (alexnet.py): one place every 8 pixels
    fc6              as a convolution; that no place is lost, the pool before steps by one place,
                     and its filters step over every second one (dilation 2)
    head 1 .. 3      conv -> 256, 192, 128 maps, relu, dropout 0.5 behind the first two
    head 4           conv 1x1 -> a score s_k[i, j] for each class k at each place

A picture with its one label is a bag of places, and which of them show the thing nobody says. So
the scores of all places become one for the picture,

    s_k  =  1/r log( 1/M sum_ij e^(r s_k[i, j]) ),        p(k | picture) = softmax_k(s)

and the loss is -log p(label | picture). Log-sum-exp (ops/log_sum_exp_pool.py) stands between the
mean of the places (r -> 0), which wants all of them to show a cat, and the largest (r -> infinity),
which teaches one place of a picture only. A background class, learnt from pictures in which none of
the others is to be seen, tells places of a lawn from those of the cat on it. Of pictures that show
several classes each class is asked by itself: objective=sigmoid.

At the end the scores of the places are enlarged to the picture: it has a label for every pixel.
What else is known (p(k | picture), superpixels, boxes, segments) comes behind: labelling/priors.py.

Sources: Pinheiro, Collobert, From Image-level to Pixel-level Labeling with Convolutional Networks,
CVPR 2015 (their features were OverFeat's, their widths 1024, 768, 512).
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.images.resizing import fit_long_side, resize
from minicnn.labelling.priors import Pooling
from minicnn.models.alexnet import AlexNet
from minicnn.models.segmentation import SegmentationModel
from minicnn.nn import init

BACKGROUND = "background"  # the name of the class of pictures that show none of the others
FEATURES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
OF_ALEXNET = (
    *("size", "width", "columns", "order", "nonlinearity", "norm", "norm_bias", "overlap"),
    *("spread", "colours"),
)


class Weak(SegmentationModel, AlexNet):
    """Scores of pixels, (N, classes, H, W), that were learnt from labels of pictures."""

    task, learnt_by = "pixels", "bags"
    labelling = "prior-superpixels"  # unless another one is asked for
    PREPARATION = (*AlexNet.PREPARATION, "layers", "side", "head", "filters")
    CHANGEABLE = ("side",)
    DEFAULTS = {name: AlexNet.DEFAULTS[name] for name in OF_ALEXNET} | {
        "initial": "he",  # of what begins at random
        "features": "frozen",  # AlexNet's, as they are; tuned: they go on learning; random
        "layers": 6,  # of AlexNet that are taken: 5, 6 or 7
        "head": "256-192-128",  # maps of the layers behind
        "filters": "1-1-1",  # sides of their filters
        "dropout": 0.5,
        "side": 112,  # pixels: the longer side of the picture that is looked at
        "aggregation": "lse",  # or max, mean
        "r": 5.0,  # of log-sum-exp
        "objective": "softmax",  # one label a picture; sigmoid: several
        "supervision": "labels",  # of pictures; masks: the same network, told every pixel
    }
    RANGES = {k: v for k, v in AlexNet.RANGES.items() if k != "crops"} | {
        "layers": (5, 7),
        "side": (32, 2048),
        "r": (0.01, 1000),
    }
    CHOICES = AlexNet.CHOICES | {
        "initial": ("he",),
        "features": ("frozen", "tuned", "random"),
        "aggregation": ("lse", "max", "mean"),
        "objective": ("softmax", "sigmoid"),
        "supervision": ("labels", "masks"),
    }

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o, self.stride = self.options, self.stride // 2  # without the last pool
        if o["supervision"] == "masks":
            self.learnt_by = None
        # The middle of the first place, in pixels, if nothing lay around the picture
        conv, window = self.conv1.geometry, self.pool.options[0]
        step, side = self.stride // 4, self.conv1.weight.shape[-1]
        middle = (side - 1) / 2 - conv[1] + 3 * step * (window - 1) / 2
        self.before = int(middle - (self.stride - 1) / 2)
        self.reach = step, side - 2 * conv[1], window

    def check_options(self):
        widths, filters = (self._numbers(name) for name in ("head", "filters"))
        if len(widths) != len(filters):
            raise ValueError(
                f"head={self.options['head']} has {len(widths)} layers and filters="
                f"{self.options['filters']} {len(filters)}: give one number for each layer"
            )
        if any(side % 2 == 0 for side in filters):
            raise ValueError(f"filters={self.options['filters']}: their sides are odd")

    def _numbers(self, name):
        """The whole numbers of an option like 256-192-128."""
        parts = self.options[name].split("-")
        if not all(part.isdecimal() and 0 < int(part) <= 65536 for part in parts):
            raise ValueError(f"option {name}={self.options[name]!r}: expected one like 256-192-128")
        return [*map(int, parts)]

    def _classifier(self, maps, units, classes):
        if self.options["layers"] > 5:
            self.fc6 = nn.Linear(maps * self.side**2, units, initial=self._initial())
        if self.options["layers"] > 6:
            self.fc7 = nn.Linear(units, units, initial=self._initial())
        layers, maps = [], maps if self.options["layers"] == 5 else units
        for k, (width, side) in enumerate(
            zip(self._numbers("head"), self._numbers("filters"), strict=True)
        ):
            layers += [nn.Conv2d(maps, width, side, padding=side // 2), nn.ReLU()]
            layers += [nn.Dropout(self.options["dropout"])] if k < 2 else []
            maps = width
        self.head = nn.Sequential(*layers, nn.Conv2d(maps, classes, 1, initial=init.normal(0.01)))

    # ----------------------------------------------------------- what it begins with, what it keeps
    @classmethod
    def begins_with(cls, options):
        """The shipped network whose weights it begins with unless another one is named, or None."""
        return None if options.get("features") == "random" else "alexnet"

    @classmethod
    def keeps(cls, options):
        """The names of the modules that do not learn."""
        return list(cls.layers_of(options)) if options["features"] == "frozen" else []

    @classmethod
    def layers_of(cls, options):
        """The names of the layers of AlexNet that it has."""
        return FEATURES[: options["layers"]]

    # -------------------------------------------------------------------------------- the pictures
    def seen(self, image):
        """The picture, uint8 (H, W, 3), in the size that is looked at."""
        return resize(image, fit_long_side(*image.shape[:2], self.options["side"]))

    def padded(self, image):
        """float32 (3, h, w) of a picture in that size, less the mean, zeros around it: so that the
        places of the maps are the middles of squares of `stride` pixels, the first at its corner.
        """
        step, side, window = self.reach
        mean = self.mean.numpy().mean(axis=(1, 2))[:, None, None]
        x, around = self.normalise(image) - mean, []
        for n in image.shape[:2]:
            places = -(-n // self.stride)
            wanted = step * (2 * (2 * (places - 1) + window - 1) + window - 1) + side
            around.append((self.before, max(0, wanted - n - self.before)))
        return np.pad(x, ((0, 0), *around)).astype(np.float32)

    def preprocess(self, image):
        return [self.padded(self.seen(image))]

    # ---------------------------------------------------------------------------------- the layers
    def forward(self, x):
        return self.classify(self.features(x))

    def features(self, x):
        """What AlexNet says at each place, (N, maps, h, w): of its fifth layer, or a later one."""
        x = self.maps(x)
        if not hasattr(self, "fc6"):
            return x
        window, side, (units, inputs) = self.pool.options[0], self.side, self.fc6.weight.shape
        lost = window - 1 + 2 * (side - 1)  # at the rim
        x = F.pad(x, (lost // 2, lost - lost // 2) * 2)
        weight = self.fc6.weight.reshape(units, inputs // side**2, side, side)
        x = F.conv2d(F.max_pool2d(x, window, 1), weight, self.fc6.bias, dilation=2)
        x = self.activation(x)
        if hasattr(self, "fc7"):
            x = F.conv2d(x, self.fc7.weight.reshape(units, units, 1, 1), self.fc7.bias)
            x = self.activation(x)
        return x

    def classify(self, maps):
        """Scores (N, classes, h, w) of the places."""
        return self.head(maps)

    def enlarged(self, coarse, size):
        seen = fit_long_side(*size, self.options["side"])
        full = super().enlarged(coarse, seen)
        if seen == tuple(size):
            return full
        return F.interpolate(full, size=tuple(size), mode="bilinear", align_corners=False)

    # -------------------------------------------------------------------------- pictures as a whole
    def pooled(self, coarse):
        """Scores (N, classes) of pictures from those of their places."""
        return self.pooling().of_maps(coarse)

    def picture_scores(self, image):
        """float32 (classes,): what a picture, uint8 (H, W, 3), shows."""
        with self.predicting():
            return self.pooled(self(*self._inputs(image))).numpy()[0]

    def pooling(self, classes=()):
        """How the scores of its pixels become those of a picture, for labellings; `classes`: their
        names."""
        background = list(classes).index(BACKGROUND) if BACKGROUND in classes else None
        o = self.options
        return Pooling(o["aggregation"], o["r"], o["objective"], background)


RECIPES = {
    "ours": {
        "size": 56,
        "columns": 1,
        "spread": 60.0,
        "norm": 0.1,
        "lr": 0.02,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "polynomial",
        "warm_up": 50,
        "clip": 5.0,
        "batch": 16,
    },
    # The authors' widths, whole pictures, small rate; their features came from OverFeat.
    "faithful": {
        "size": 56,
        "columns": 1,
        "spread": 60.0,
        "norm": 0.1,
        "head": "1024-768-512",
        "filters": "3-3-3",
        "side": 400,
        "lr": 0.001,
        "momentum": 0.9,
        "weight_decay": 5e-5,
        "warm_up": 0,
        "batch": 16,
    },
}
