"""The network that won ImageNet in 2012 (Krizhevsky, Sutskever, Hinton): five convolutions, three
fully connected layers.

    size=227, as published             size=112                   size=56
    conv1  11x11/4      96   55x55     7x7/2, pad 3   64  56x56   7x7/2, pad 3   64  28x28
           relu, norm, pool 3/2  27              27                        13
    conv2  5x5 pad 2   256   27x27     5x5 pad 2     128  27x27   5x5 pad 2     128  13x13
           relu, norm, pool 3/2  13              13                         6
    conv3  3x3 pad 1   384   13x13     3x3 pad 1     192  13x13   3x3 pad 1     192    6x6
    conv4  3x3 pad 1   384   13x13     3x3 pad 1     192  13x13   3x3 pad 1     192    6x6
    conv5  3x3 pad 1   256   13x13     3x3 pad 1     128  13x13   3x3 pad 1     128    6x6
           relu, pool 3/2         6               6                         2
    fc6    6x6x256 -> 4096             6x6x128 -> 1024            2x2x128 -> 512
    fc7    4096 -> 4096                1024 -> 1024               512 -> 512
    fc8    4096 -> classes             1024 -> classes            512 -> classes
    parameters, 1,000 classes: 60,965,224

A size in between is built as the next smaller one of the table. With two columns, one for each of
the authors' two graphics cards, the maps of conv2, conv4 and conv5 see those of their own column
only; conv3 sees all. The norm is local response normalisation; the windows of the pools overlap.

The pictures come in as grey levels, 0 to 255, from which the mean picture of the training set is
subtracted. A fully connected layer is a convolution whose filter is as large as its map: so
`class_map` answers for every place of a larger picture at once.

Source: Krizhevsky, Sutskever, Hinton 2012. The authors write 224; only with 227 do their layers
come out whole. order=caffe pools first and normalises then, as the network of Caffe does. Public
weights of that time were learnt with Caffe, on pictures whose channels are blue, green, red:
order, colours, mean and the numbers of the norm bring them here (interchange/foreign.py).
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.models.classification import ClassificationModel
from minicnn.nn import init

STEMS = {  # smallest size: (filter, stride, padding), maps, units
    227: ((11, 4, 0), (96, 256, 384, 384, 256), 4096),
    112: ((7, 2, 3), (64, 128, 192, 192, 128), 1024),
    33: ((7, 2, 3), (64, 128, 192, 192, 128), 512),
}
GREY = (124.0, 116.0, 104.0)  # the mean of ImageNet's pictures, until one is measured
WITH_ONES = ("conv2", "conv4", "conv5", "fc6", "fc7")  # whose biases begin at 1 in the paper


class AlexNet(ClassificationModel):
    """Scores (N, classes) of crops (N, 3, size, size), grey levels."""

    grey_levels = 1.0
    HIDDEN = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
    # and the architecture: weights of the same shapes mean something else with another norm
    PREPARATION = (
        *("size", "spread", "width", "columns"),
        *("order", "nonlinearity", "norm", "norm_bias", "overlap", "colours"),
    )
    CHANGEABLE = ("crops",)
    DEFAULTS = {
        "size": 227,  # side of the crop that is seen, pixels
        "width": 1.0,  # factor on the number of maps and of units
        "columns": 2,  # in which the maps are divided: 1 or 2
        "order": "paper",  # normalise, then pool; caffe: pool, then normalise
        "nonlinearity": "relu",  # or tanh
        "norm": 1e-4,  # what a squared neighbour counts in the normalisation; 0: none
        "norm_bias": 2.0,  # what is added to the squares; Caffe's networks have 1
        "overlap": True,  # pools of 3x3 every 2 pixels; false: of 2x2
        "dropout": 0.5,  # of fc6 and fc7
        "spread": 1.0,  # grey levels that count as 1
        "colours": "rgb",  # the order of the channels that the weights know; or bgr
        "mean": "",  # a file with the mean picture (.npy, .binaryproto); else it is measured
        "initial": "paper",  # N(0, 0.01), some biases 1; he: of variance 2 / fan-in, fc8 near 0;
        # data: as he, and then as the training pictures ask for (nn/init.py, from_data)
        "crops": 1,  # that are asked of a picture: 1, the middle, or 10
    }
    RANGES = {
        "size": (33, 512),
        "width": (0.01, 4),
        "columns": (1, 2),
        "norm": (0, 1e3),
        "norm_bias": (1e-3, 1e3),
        "dropout": (0, 0.95),
        "spread": (1, 255),
        "crops": (1, 10),
    }
    CHOICES = {
        "order": ("paper", "caffe"),
        "nonlinearity": ("relu", "tanh"),
        "initial": ("paper", "he", "data"),
        "colours": ("rgb", "bgr"),
    }

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = self.options
        self.check_options()
        stem, maps, units = STEMS[max(size for size in STEMS if size <= o["size"])]
        g = o["columns"]
        maps = [g * max(1, round(m * o["width"] / g)) for m in maps]
        units = max(1, round(units * o["width"]))
        conv = [
            {"kernel_size": stem[0], "stride": stem[1], "padding": stem[2]},
            {"kernel_size": 5, "padding": 2, "groups": g},
            {"kernel_size": 3, "padding": 1},
            {"kernel_size": 3, "padding": 1, "groups": g},
            {"kernel_size": 3, "padding": 1, "groups": g},
        ]
        for k, (inputs, outputs) in enumerate(zip([3, *maps], maps, strict=False)):
            begin = {"initial": self._initial()}
            setattr(self, f"conv{k + 1}", nn.Conv2d(inputs, outputs, **conv[k], **begin))
        self.activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[o["nonlinearity"]]()
        self.norm = nn.LocalResponseNorm(5, k=o["norm_bias"], alpha_per_term=o["norm"])
        self.pool = nn.MaxPool2d(3, 2) if o["overlap"] else nn.MaxPool2d(2, 2)
        self.dropout = nn.Dropout(o["dropout"])
        self.side = self._side(stem)
        self.stride = 8 * stem[1]  # pixels between two answers of `class_map`
        self._classifier(maps[-1], units, classes)
        if o["initial"] == "paper":
            for name in WITH_ONES:
                layer = getattr(self, name)
                layer.bias.data = layer.bias.data + layer.bias.dtype.type(1)
        self.mean = nn.Buffer(init.zeros((3, o["size"], o["size"])))
        grey = np.array(GREY, np.float32)[[*self.channels]]
        self.mean.data = self.mean.data + grey[:, None, None]

    def _classifier(self, maps, units, classes):
        """The layers behind the fifth; `maps` is how many it gives."""
        self.fc6 = nn.Linear(maps * self.side**2, units, initial=self._initial())
        self.fc7 = nn.Linear(units, units, initial=self._initial())
        self.fc8 = nn.Linear(units, classes, initial=init.normal(0.01))

    def _initial(self):
        return init.normal(0.01) if self.options["initial"] == "paper" else init.kaiming_normal

    def _side(self, stem):
        """Of the maps of the last pool, pixels."""
        window = 3 if self.options["overlap"] else 2
        side = (self.options["size"] + 2 * stem[2] - stem[0]) // stem[1] + 1
        for _ in range(3):
            side = (side - window) // 2 + 1
        return side

    def check_options(self):
        if self.options["crops"] not in (1, 10):
            raise ValueError(f"option crops={self.options['crops']}: choose 1 or 10")

    # ------------------------------------------------------------------------------- the layers
    def forward(self, x):
        return self.fc8(self.hidden(x - self.mean))

    def hidden(self, x):
        """What the seventh layer answers, (N, units), to pictures less their mean."""
        x = self.features(x)
        x = x.reshape(x.shape[0], -1)
        for layer in (self.fc6, self.fc7):
            x = self.dropout(self.activation(layer(x)))
        return x

    def features(self, x):
        """The maps of the fifth layer, pooled, of pictures less their mean."""
        return self.pool(self.maps(x))

    def maps(self, x):
        """The maps of the fifth layer as they are."""
        x = self._normalise_and_pool(self.activation(self.conv1(x * (1 / self.options["spread"]))))
        x = self._normalise_and_pool(self.activation(self.conv2(x)))
        for layer in (self.conv3, self.conv4, self.conv5):
            x = self.activation(layer(x))
        return x

    def _normalise_and_pool(self, x):
        if not self.options["norm"]:
            return self.pool(x)
        first, second = self.norm, self.pool
        if self.options["order"] == "caffe":
            first, second = second, first
        return second(first(x))

    def class_map(self, x):
        """Scores (N, classes, h, w) at the places of pictures (N, 3, H, W), grey levels, at least
        as large as the crop: what the fully connected layers say of every window of the features.
        They are those of the crops there, but that a crop ends in zeros, where a picture goes on.
        """
        x = self.features(x - self.mean.mean(dim=(1, 2), keepdim=True))
        units, inputs = self.fc6.weight.shape
        side = self.side
        shapes = (units, inputs // side**2, side, side), (units, units, 1, 1)
        for layer, shape in zip((self.fc6, self.fc7), shapes, strict=True):
            x = F.conv2d(x, layer.weight.reshape(*shape), layer.bias)
            x = self.dropout(self.activation(x))
        return F.conv2d(x, self.fc8.weight.reshape(self.classes, units, 1, 1), self.fc8.bias)

    # ----------------------------------------------------------------------------- the pictures
    @property
    def channels(self):
        return (0, 1, 2) if self.options["colours"] == "rgb" else (2, 1, 0)

    def frame_side(self):
        return 256 if self.options["size"] == 227 else super().frame_side()

    def frame(self, image):
        """The square in the middle of a picture, from which the crops are cut."""
        image = super().frame(image)
        side = self.frame_side()
        top, left = ((n - side) // 2 for n in image.shape[:2])
        return image[top : top + side, left : left + side]

    def normalise(self, parts):
        parts = parts[..., self.channels]
        return np.moveaxis(parts, -1, -3).astype(np.float32, order="C")


RECIPES = {
    "ours": {
        "size": 56,
        "columns": 1,
        "spread": 60.0,
        "initial": "data",
        "norm": 0.1,  # of maps whose values are about 1; the authors' are sixty times larger
        "lr": 0.02,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "polynomial",
        "warm_up": 200,
        "clip": 5.0,
        "batch": 64,
        "colour_noise": 0.1,
        "rescale": 0.15,
    },
    # The authors', on any folder of pictures. A step of theirs is one of 128 pictures.
    "faithful": {
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "plateau",
        "warm_up": 0,
        "batch": 128,
        "colour_noise": 0.1,
    },
}
