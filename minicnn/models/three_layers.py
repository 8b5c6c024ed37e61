"""A small network that names whole pictures: three convolutions, and the mean of what they say.

    conv 5x5 -> 32   relu   max pool 2
    conv 5x5 -> 64   relu   max pool 2
    conv 3x3 -> 128  relu   mean over the map -> classes

It stands for no paper: it shows that the loop which learns a label for every pixel learns one for
every picture, too, in minutes and on anybody's folders.
"""

from minicnn import functional as F
from minicnn import nn
from minicnn.models.classification import ClassificationModel

LAYERS = ((5, 32, 2), (5, 64, 2), (3, 128, 1))  # filter, maps, pool


class ThreeLayers(ClassificationModel):
    """Scores (N, classes) of crops (N, 3, size, size)."""

    PREPARATION = ("size",)
    DEFAULTS = {
        "size": 56,  # side of the crop that is seen, pixels
        "width": 1.0,  # factor on the number of maps
        "dropout": 0.0,
    }
    RANGES = {"size": (20, 512), "width": (0.01, 16), "dropout": (0, 0.95)}

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        inputs, stages = 3, []
        for side, maps, pool in LAYERS:
            maps = max(1, round(maps * self.options["width"]))
            stages += [nn.Conv2d(inputs, maps, side, padding=side // 2), nn.ReLU()]
            stages += [nn.MaxPool2d(pool)] if pool > 1 else []
            inputs = maps
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(self.options["dropout"])
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        return self.classifier(self.dropout(F.mean(self.stages(x), dim=(2, 3))))


RECIPES = {
    "ours": {
        "lr": 0.02,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "polynomial",
        "warm_up": 100,
        "clip": 5.0,
        "batch": 32,
    },
}
