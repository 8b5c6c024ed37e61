"""The convolutional network of Farabet, Couprie, Najman, LeCun 2013, at one scale and at several.

A picture becomes a pyramid of three sizes; the same three-stage network (the same weights) looks at
each. A field of view of 46 pixels therefore spans 46, 92 and 184 pixels of the picture, and a patch
of grey is told from its surroundings to be road or wall. The maps of the coarser sizes are enlarged
and put beside the finest, and a small classifier reads all of them at every fourth pixel.

    stage 1  conv 7x7 -> 16   max pool 2   nonlinearity
    stage 2  conv 7x7 -> 64   max pool 2   nonlinearity
    stage 3  conv 7x7 -> 256  (linear in the paper, ReLU in `ours`)
    classifier  1x1 -> hidden, nonlinearity, dropout, 1x1 -> classes

The paper pools behind the nonlinearity. Either of these grows with its argument, so the largest
value stays the largest and it is the same, but behind a pool a fourth of the values is left.

Geometry: each level is padded once by 21 zeros and all convolutions are valid, so that what the
network says of a pixel is what it would say of the 46x46 patch around it.

Local normalisation forgets colours. With normalise=both the network sees them beside what is
normalised, three planes more, which is worth 6 points at one scale and 2 at three.

Recipes: `faithful` is the authors' (papers: tanh, connection tables, Laplacian pyramid, hidden
1024, the learning rate of 1e-3 without momentum), `ours` what our trainings began with; those that
followed, with jitter and colours, are in lectures/results/README.md.
"""

from minicnn import functional as F
from minicnn import nn
from minicnn.images.colour import rgb_to_yuv
from minicnn.images.normalise import OF_YUV, PLANES
from minicnn.images.pyramid import gaussian_pyramid, laplacian_pyramid
from minicnn.models.segmentation import SegmentationModel, pad_to
from minicnn.nn import init

MARGIN = 21  # (field of view 46 - stride 4) / 2


class Stages(nn.Module):
    """The three-stage feature extractor: (N, planes, h + 42, w + 42) to (N, 256, h/4, w/4)."""

    def __init__(self, planes, maps, tables, nonlinearity, last_linear):
        self.activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[nonlinearity]()
        initial = init.kaiming_normal if nonlinearity == "relu" else init.uniform
        self.stages = [
            _convolution(planes, maps[0], tables, initial, first=True),
            _convolution(maps[0], maps[1], tables, initial),
            _convolution(maps[1], maps[2], tables, initial),
        ]
        self.pool = nn.MaxPool2d(2)
        self.last_linear = last_linear

    def forward(self, x):
        return self.forward_of_levels([x])[0]

    def forward_of_levels(self, levels):
        """The maps of each level of a pyramid: every layer looks at all levels at once."""
        for stage in self.stages[:2]:
            levels = [self.activation(self.pool(x)) for x in stage.of_levels(levels)]
        maps = self.stages[2].of_levels(levels)
        return maps if self.last_linear else [self.activation(x) for x in maps]


def _enlarged(maps, times, size):
    """The maps, so many times as large, as far as they are needed."""
    larger = F.interpolate(maps, scale_factor=times, mode="bilinear", align_corners=False)
    return larger[:, :, : size[0], : size[1]]


def _convolution(inputs, outputs, tables, initial, first=False):
    """7x7 convolution, full or with the paper's connection table (fan-in half of the maps)."""
    if tables == "full":
        return nn.Conv2d(inputs, outputs, 7, initial=initial)
    if first:  # of 16 maps, 10 look at Y only and 6 at U and V only
        brightness = round(outputs * 10 / 16)
        edges = [(0, c) for c in range(brightness)]
        edges += [(k, c) for c in range(brightness, outputs) for k in (1, 2)]
        table = nn.tables.explicit(edges, inputs, outputs)
    else:
        table = nn.tables.random_fan_in(inputs, outputs, max(1, inputs // 2))
    return nn.ConvTable2d(table, 7, initial=initial)


class MultiScale(SegmentationModel):
    """Scores at a quarter of the resolution from `scales` levels of a pyramid, shared weights."""

    stride = 4
    PREPARATION = ("normalise", "window", "floor", "pyramid")
    DEFAULTS = {
        "scales": 3,
        "width": 1.0,  # factor on the number of maps
        "hidden": 512,  # units of the classifier; 0: a linear one, as for training features
        "tables": "full",  # or random: the paper's connection tables
        "nonlinearity": "relu",  # or tanh
        "last_linear": False,  # no nonlinearity after stage 3
        "dropout": 0.5,
        "pyramid": "gaussian",  # or laplacian
        "normalise": "local",  # YUV; or both: beside it the colours as they are
        "window": 15,  # of the local normalisation, pixels
        "floor": 4.0,  # of its standard deviation, grey levels
    }
    RANGES = {
        "scales": (1, 6),
        "width": (0.01, 16),
        "hidden": (0, 65536),
        "dropout": (0, 0.99),
        "window": (1, 999),
        "floor": (0.001, 255),
    }
    CHOICES = {
        "tables": ("full", "random"),
        "nonlinearity": ("relu", "tanh"),
        "pyramid": ("gaussian", "laplacian"),
        "normalise": ("local", "both"),
    }

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = self.options
        maps = [max(1, round(m * o["width"])) for m in (16, 64, 256)]
        if o["normalise"] == "both" and o["tables"] != "full":
            raise ValueError(
                "normalise=both gives 6 planes, and tables=random knows 3: add tables=full"
            )
        if o["normalise"] == "both" and o["pyramid"] != "gaussian":
            raise ValueError(
                "normalise=both is of pictures, not of differences: add pyramid=gaussian"
            )
        planes = PLANES[o["normalise"]]
        self.stages = Stages(planes, maps, o["tables"], o["nonlinearity"], o["last_linear"])
        initial = init.kaiming_normal if o["nonlinearity"] == "relu" else init.uniform
        features = o["scales"] * maps[2]
        self.hidden = None
        if o["hidden"]:
            units = max(1, round(o["hidden"] * o["width"]))
            self.hidden = nn.Conv2d(features, units, 1, initial=initial)
            features = units
        self.dropout = nn.Dropout(o["dropout"])
        self.classifier = nn.Conv2d(features, classes, 1, initial=init.uniform)

    def preprocess(self, image):
        o = self.options
        build = gaussian_pyramid if o["pyramid"] == "gaussian" else laplacian_pyramid
        levels = build(rgb_to_yuv(image), o["scales"])
        normalise = OF_YUV[o["normalise"]]
        return [pad_to(normalise(p, o["window"], o["floor"]), MARGIN, 4) for p in levels]

    def input_scale(self, k):
        return 2**k

    def forward(self, *levels):
        maps = self.stages.of_levels(levels)
        if self.hidden is None or len(maps) == 1:
            return self.classify(self._side_by_side(maps))
        return self._classified(self.stages.activation(self._hidden(maps)))

    def _hidden(self, maps):
        """What the hidden layer says, before its nonlinearity. It looks at each pixel alone, so it
        commutes with enlarging: applied to each scale at its own size it multiplies less, 44 % as
        often at three scales, and nothing has to be put side by side."""
        first, *coarser = maps
        here, each = first.shape[1], self.hidden.weight
        total = F.conv2d(first, each[:, :here], self.hidden.bias)
        for k, m in enumerate(coarser, start=1):
            small = F.conv2d(m, each[:, k * here : (k + 1) * here])
            total = F.interpolate_onto(total, small, scale_factor=2**k, mode="bilinear")
        return total

    def features(self, *levels):
        """The maps of all scales at the size of the finest, side by side."""
        return self._side_by_side(self.stages.of_levels(levels))

    def _side_by_side(self, maps):
        size = maps[0].shape[2:]
        larger = [_enlarged(m, 2**k, size) for k, m in enumerate(maps[1:], start=1)]
        return F.concat([maps[0], *larger], dim=1)

    def classify(self, features):
        """Scores from these maps, at their size."""
        if self.hidden is not None:
            features = self.stages.activation(self.hidden(features))
        return self._classified(features)

    def _classified(self, features):
        return self.classifier(self.dropout(features))


class SingleScale(MultiScale):
    """The same network on the picture at its own size alone: the lecture's comparison."""

    DEFAULTS = {**MultiScale.DEFAULTS, "scales": 1}


# Of a recipe, what names an option of the network goes to the network, the rest to the training.
RECIPES = {
    "ours": {
        "lr": 0.005,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "schedule": "polynomial",
        "warm_up": 100,
        "flip": True,
    },
    # The paper's rate is for one patch; a picture, whose loss is a mean, counts as a hundred
    # patches (the number that the authors' sampler draws of each): 100 x 1e-3.
    "faithful": {
        "tables": "random",
        "nonlinearity": "tanh",
        "last_linear": True,
        "hidden": 1024,
        "dropout": 0.0,
        "pyramid": "laplacian",
        "lr": 0.1,
        "momentum": 0.0,
        "weight_decay": 1e-5,
        "schedule": "constant",
        "warm_up": 0,
        "flip": True,
    },
}
