"""What training, evaluation and segmentation expect of a network, whatever its architecture."""

import contextlib

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.basics.nearest import did_you_mean
from minicnn.datasets import VOID
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor


class SegmentationModel(nn.Module):
    """Base class of the lecture's networks.

    A subclass has `DEFAULTS`, the options of its architecture and preprocessing; it defines
    `preprocess` and `forward`. The options are stored with the weights, so a trained network knows
    how it wants its pictures.
    """

    DEFAULTS = {}
    RANGES = {}  # {name: (least, most)} of options that are numbers
    CHOICES = {}  # {name: values} of options that are words
    LATER = ()  # names of options that a trained network may be given another value of
    PICTURE = ()  # names of options that say how pictures are prepared; `start` keeps those
    done = 0.0  # the share of the training that is over, for networks that learn by stages

    def __init__(self, classes, **options):
        self.classes = classes
        self.options = self.merged(options)

    def change(self, **options):
        """Gives options of `LATER` other values, in a trained network too; returns self."""
        for name in options:
            if name not in self.LATER:
                can = f"only {', '.join(self.LATER)} can" if self.LATER else "no option can"
                raise ValueError(
                    f"{name}: of {type(self).__name__} {can} be changed after training"
                )
        self.options = self.merged(options, self.options)
        self.settle()
        return self

    @classmethod
    def merged(cls, options, defaults=None):
        """All options: the defaults, by default those of the network, overridden by `options`.
        Raises ValueError for one that does not exist or cannot be."""
        merged = merge_options(cls.__name__, defaults or cls.DEFAULTS, options, cls.RANGES)
        for name, allowed in cls.CHOICES.items():
            if merged[name] not in allowed:
                raise ValueError(f"option {name}={merged[name]!r}: choose {' or '.join(allowed)}")
        return merged

    def settle(self):
        """Checks the options together, and computes what follows from them."""

    def preprocess(self, image):
        """uint8 (H, W, 3) to a list of float32 arrays (C, h, w), one for each input of `forward`.
        Plain numpy and scipy: it runs in the thread that loads pictures ahead."""
        raise NotImplementedError

    def input_scale(self, k):
        """How many pixels of the picture a pixel of input k stands for."""
        return 1

    def forward(self, *inputs):
        """Tensors (N, C, h, w) to scores (N, classes, h', w') at the network's own resolution."""
        raise NotImplementedError

    def scores(self, inputs, size):
        """Class scores (N, classes, H, W), interpolated to the pictures' size (H, W)."""
        return self.enlarged(self(*inputs), size)

    def enlarged(self, coarse, size):
        """The output of `forward`, interpolated to the pictures' size (H, W)."""
        # The coarse map may reach past the right and lower border by part of a cell.
        stride = self.stride
        full = F.interpolate(coarse, scale_factor=stride, mode="bilinear", align_corners=False)
        return full[:, :, : size[0], : size[1]]

    def loss(self, inputs, labels, weight=None):
        """(mean loss over the labelled pixels, class scores at the size of the pictures).

        inputs  list of Tensors (N, C, h, w) from `preprocess`
        labels  int array (N, H, W), 255 for void
        weight  float array (classes,): how much the pixels of each class count (all alike)
        """
        scores = self.scores(inputs, labels.shape[1:])
        return F.cross_entropy(scores, labels, weight, ignore_index=VOID), scores

    def predict(self, image):
        """Class scores, float32 (classes, H, W), of one picture, uint8 (H, W, 3)."""
        with self._predicting():
            return self.scores(self._inputs(image), image.shape[:2]).numpy()[0]

    def predict_with_features(self, image):
        """(class scores as `predict` gives them, the maps float32 (F, h, w) that they were read
        from), for networks whose `forward` is `classify(features(...))`. Of others the maps are
        None."""
        if not hasattr(self, "features"):
            return self.predict(image), None
        with self._predicting():
            features = self.features(*self._inputs(image))
            scores = self.enlarged(self.classify(features), image.shape[:2])
            return scores.numpy()[0], features.numpy()[0]

    def _inputs(self, image):
        device = self.parameters()[0].device
        return [Tensor(level[None]).to(device) for level in self.preprocess(image)]

    @contextlib.contextmanager
    def _predicting(self):
        """Inside, the network is in prediction mode and nothing is recorded."""
        training = self.training
        self.eval()
        try:
            with no_grad():
                yield
        finally:
            self.train(training)


def merge_options(owner, defaults, given, ranges=None):
    """`defaults` overridden by `given`. Raises ValueError for a name that does not exist, a value
    of another kind, and one outside of `ranges`, {name: (least, most)}."""
    merged = dict(defaults)
    for name, value in given.items():
        if name not in defaults:
            known = ", ".join(sorted(defaults))
            hint = did_you_mean(name, defaults)
            raise ValueError(f"{owner} has no option {name!r}; it has {known}{hint}")
        merged[name] = _like(name, value, defaults[name])
    for name, (least, most) in (ranges or {}).items():
        if not least <= merged[name] <= most:
            raise ValueError(f"option {name}={merged[name]:g}: expected {least:g} to {most:g}")
    return merged


def _like(name, value, default):
    """`value` as the type of `default`; text (from the command line) is parsed."""
    try:
        if isinstance(default, bool):
            if str(value).lower() not in ("true", "false", "1", "0"):
                raise ValueError
            return str(value).lower() in ("true", "1")
        if isinstance(default, int) and float(value) != int(float(value)):
            raise ValueError
        return type(default)(value)
    except (TypeError, ValueError, OverflowError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}
        raise ValueError(
            f"option {name}={value!r}: expected {kind.get(type(default), 'text')}"
        ) from None


def pad_to(planes, before, multiple):
    """Zeros around (C, H, W): `before` on every side, and on the right and below as many more as
    make H and W a multiple of `multiple`."""
    height, width = planes.shape[1:]
    return np.pad(
        planes,
        (
            (0, 0),
            (before, before + -height % multiple),
            (before, before + -width % multiple),
        ),
    )
