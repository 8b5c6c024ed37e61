"""The simplest network: one label for the patch around a pixel (Grangier, Bottou, Collobert 2009).

    block 1  conv 7x7 -> 16   max pool 2   tanh      sees 8x8 pixels
    block 2  conv 5x5 -> 32   max pool 2   tanh           18x18
    block 3  conv 5x5 -> 64                tanh           34x34
    classifier  1x1 -> classes

A patch gives one answer. A picture gives one for every fourth pixel, the same as its patches would:
pad it by what a patch sees beyond its pixel, and convolve. With `every=1` all pixels are answered,
by dilated convolution (dense.py).

Learning is greedy: block 1 is trained with a classifier of its own, which is then thrown away;
block 2 and a new classifier are put on top, and so on (`minicnn.train_greedily`). The authors give
no sizes in what can be read of them; these are ours.
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.datasets import VOID
from minicnn.engine.devices import array_module
from minicnn.engine.tensor import Tensor
from minicnn.images.normalise import PLANES, normalised
from minicnn.models.dense import dense
from minicnn.models.segmentation import SegmentationModel
from minicnn.nn import init

BLOCKS = ((7, 16, True), (5, 32, True), (5, 64, False))  # filter, maps, pooled


class Patch(SegmentationModel):
    """Scores of the patches of a picture."""

    PARTS = "blocks"
    PREPARATION = ("normalise",)
    DEFAULTS = {
        "blocks": 3,
        "width": 1.0,  # factor on the number of maps
        "nonlinearity": "tanh",  # or relu
        "normalise": "picture",  # zero mean, unit variance; local: 15x15 windows of YUV; or both:
        # those, and beside them YUV as it is, for they have forgotten what colour things are
        "every": 4,  # pixels between two answers in a picture: 1, or the stride of the network
    }
    RANGES = {"blocks": (1, 3), "width": (0.01, 16), "every": (1, 4)}
    CHOICES = {"nonlinearity": ("tanh", "relu"), "normalise": ("picture", "local", "both")}

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = self.options
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[o["nonlinearity"]]()
        initial = init.kaiming_normal if o["nonlinearity"] == "relu" else init.uniform
        inputs = PLANES[o["normalise"]]
        self.sees, self.stride, self.blocks = 1, 1, []
        for size, maps, pooled in BLOCKS[: o["blocks"]]:
            maps = max(1, round(maps * o["width"]))
            block = [nn.Conv2d(inputs, maps, size, initial=initial)]
            self.sees += (size - 1) * self.stride
            if pooled:  # before the nonlinearity, as in multi_scale.py: the same, of fewer values
                block.append(nn.MaxPool2d(2))
                self.sees += self.stride
                self.stride *= 2
            self.blocks.append(nn.Sequential(*block, activation))
            inputs = maps
        self.classifier = nn.Conv2d(inputs, classes, 1, initial=init.uniform)
        self.before = (self.sees - 1) // 2  # pixels of a patch above its own, and left of it
        self.after = self.sees - 1 - self.before

    def preprocess(self, image):
        """The whole picture, padded so that each of its pixels has a patch."""
        around = (self.before, self.after)
        return [np.pad(normalised(image, self.options["normalise"]), ((0, 0), around, around))]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.classifier(x)

    def scores(self, inputs, size):
        """(N, classes, H, W). An answer for every fourth pixel is interpolated to the others."""
        if self.options["every"] == 1:  # else the stride, which depends on the number of blocks
            layers = [layer for block in self.blocks for layer in block.modules]
            return self.classifier(dense(layers, inputs[0])[0])
        # Of each four pixels the second is asked, whose patch lies in the middle of all theirs.
        first = (self.stride - 1) // 2
        more = [-side % self.stride for side in size]
        x = F.pad(inputs[0], (0, more[1], 0, more[0]))[:, :, first:, first:]
        return super().scores([x], size)

    def loss(self, inputs, labels, weight=None):
        """As SegmentationModel.loss, from the patches around the labelled pixels; the scores are
        (pixels, classes) of those. With most pixels labelled the picture goes through whole."""
        n, rows, columns = np.nonzero(labels != VOID)
        if 8 * len(n) > labels.size:
            return super().loss(inputs, labels, weight)
        scores = self(Tensor(self.patches(inputs[0].data, n, rows, columns)))
        scores = scores.reshape(len(n), self.classes)
        return self.loss_of(scores, labels[n, rows, columns], weight), scores

    def patches(self, x, n, rows, columns):
        """The patches (pixels, 3, sees, sees) around pixels of padded pictures x (N, 3, h, w)."""
        around = [
            x[i, :, r : r + self.sees, c : c + self.sees]
            for i, r, c in zip(n.tolist(), rows.tolist(), columns.tolist(), strict=True)
        ]
        return array_module(x).stack(around)


RECIPES = {
    # All patches of a picture at once cost less than a hundred cut out of it, and say more.
    "ours": {
        "nonlinearity": "relu",
        "normalise": "both",
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "schedule": "polynomial",
        "warm_up": 100,
    },
    # What is known of the group's style then: tanh, single patches, no momentum, a constant rate.
    # A step of 100 patches, whose loss is a mean, counts as a hundred steps of 1e-3.
    "faithful": {
        "patches": 100,
        "lr": 0.1,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warm_up": 0,
        "flip": False,
    },
}
