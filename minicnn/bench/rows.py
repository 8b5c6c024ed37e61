"""What is measured: each row of the table with its shapes, as data.

A row names an operation of `minicnn.functional` (PyTorch has the same names and arguments; where it
has not, twins.py builds the same of what it has), the shapes of its arrays and its options. Both
sides get the very same numbers. A target is the ratio PyTorch / minicnn that we want to reach; rows
without one are there to be known.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from minicnn.engine import randomness
from minicnn.nn import tables

SEED = 0
FORWARD, BOTH = "forward", "forward+backward"


@dataclass(frozen=True)
class Row:
    """One operation on arrays of given shapes, the input first, then what is learnt."""

    op: str
    name: str
    shapes: tuple
    options: dict = field(default_factory=dict)  # a function is called for its value
    targets: dict = field(default_factory=dict)  # {phase: ratio}
    picture: bool = False  # the input is the picture itself: nobody needs its gradient
    scale: float = 1.0  # of the input's numbers
    slow: bool = False  # measured only with --all
    tolerance: float = 1e-5

    def arrays(self):
        """The input, evenly spread over -2 to 2 times `scale`, no number twice (so that maxima are
        unique); weights of a size that keeps that of the input."""
        g = randomness.generator(SEED, 1)
        count = math.prod(self.shapes[0])
        x = (g.permutation(count) * (4 / count) - 2) * self.scale
        rest = [g.normal(size=s) / math.sqrt(math.prod(s[1:])) for s in self.shapes[1:]]
        shaped = x.reshape(self.shapes[0])
        return [a.astype(np.float32) for a in (shaped, *rest)]

    def wanted(self):
        """Of which arrays the gradient is wanted."""
        return [not self.picture] + [True] * (len(self.shapes) - 1)

    def gradient(self, shape):
        """What arrives from above: the same for both sides."""
        return randomness.generator(SEED, 2).normal(size=shape).astype(np.float32)

    def keywords(self):
        randomness.manual_seed(SEED)
        return {key: v() if callable(v) else v for key, v in self.options.items()}


def conv(name, x, w, both=None, forward=None, **more):
    """A row of conv2d with a bias; PyTorch's options among `more`."""
    options = {k: more.pop(k) for k in ("stride", "padding", "groups") if k in more}
    return Row("conv2d", name, (x, w, w[:1]), options, _targets(both, forward), **more)


def table(name, x, maps, fan_in, side):
    """A row of conv2d_table: each of `maps` outputs sees `fan_in` inputs."""
    options = {"table": lambda: tables.random_fan_in(x[1], maps, fan_in), "padding": side // 2}
    return Row("conv2d_table", name, (x, (maps * fan_in, side, side), (maps,)), options)


def linear(name, inputs, outputs, batch, **more):
    shapes = (batch, inputs), (outputs, inputs), (outputs,)
    return Row("linear", f"{name}, batch {batch}", shapes, {}, _targets(0.95, None), **more)


def layer(op, shape, note="", both=1.5, **more):
    """A row of an operation that learns nothing; its options among `more`."""
    fields = {k: more.pop(k) for k in ("scale", "tolerance") if k in more}
    name = " ".join(filter(None, ("x".join(map(str, shape[1:])), note)))
    return Row(op, name, (shape,), more, _targets(both, None), **fields)


def _targets(both, forward):
    return {phase: t for phase, t in ((BOTH, both), (FORWARD, forward)) if t is not None}


def classes(count, *shape):
    """Random labels, for the loss."""
    return lambda: randomness.generator(SEED, 3).integers(0, count, shape)


def quick_rows():
    """What is no convolution, at sizes of Farabet's networks, of AlexNet and of CNN1."""
    maps = (1, 64, 120, 160)
    yield layer("relu", maps)
    yield layer("tanh", maps)
    yield layer("dropout", (1, 512, 60, 80), p=0.5, tolerance=1e-2)
    yield layer("max_pool2d", maps, "2/2", kernel_size=2)
    yield layer("max_pool2d", (1, 96, 55, 55), "3/2", kernel_size=3, stride=2)
    yield layer("max_pool2d", (1, 25, 235, 315), "8/8", kernel_size=8)
    yield layer("max_pool_maps", maps, "4 maps", maps=4)
    yield layer("max_pool_maps", maps, "4 maps, 2/2", maps=4, kernel_size=2)
    bilinear = {"scale_factor": 4, "mode": "bilinear", "align_corners": False}
    yield layer("interpolate", (1, 8, 60, 80), "bilinear x4", **bilinear)
    yield layer("interpolate", (1, 256, 15, 20), "bilinear x4", **bilinear)
    yield layer("cross_entropy", (1, 33, 256, 256), target=classes(33, 1, 256, 256))
    # of numbers as large as behind AlexNet's first layers, or a wrong alpha would not be seen
    lrn = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, "scale": 50.0}
    yield layer("local_response_norm", (1, 96, 55, 55), both=8, **lrn)
    yield layer("local_response_norm", (1, 256, 27, 27), both=8, **lrn)
    for size in ((240, 320), (120, 160), (60, 80)):  # the three levels of a pyramid
        yield layer("local_contrast_norm", (1, 3, *size), "15x15", both=None, window=15)


def segmentation_rows():
    """Farabet et al. 2013 and Pinheiro, Collobert 2014 on a picture of 240x320."""
    large, middle, small = (1, 3, 240, 320), (1, 16, 120, 160), (1, 64, 60, 80)
    yield conv("3->16 7x7, 240x320", large, (16, 3, 7, 7), 0.9, padding=3, picture=True)
    # the same in the middle of a network, where the gradient of the input is wanted
    yield conv("3->16 7x7, 240x320, gx", large, (16, 3, 7, 7), 0.9, padding=3)
    yield conv("16->64 7x7, 120x160", middle, (64, 16, 7, 7), 2.5, 2.5, padding=3)
    yield conv("64->256 7x7, 60x80", small, (256, 64, 7, 7), 3, 2.5, padding=3)
    yield table("16->64 7x7, fan-in 8, 120x160", middle, 64, 8, 7)
    yield table("64->256 7x7, fan-in 8, 60x80", small, 256, 8, 7)
    yield table("64->256 7x7, fan-in 32, 60x80", small, 256, 32, 7)
    yield conv("768->512 1x1, 60x80", (1, 768, 60, 80), (512, 768, 1, 1), 0.9)
    yield conv("512->8 1x1, 60x80", (1, 512, 60, 80), (8, 512, 1, 1), 0.9)
    yield conv("3->25 6x6, 240x320", large, (25, 3, 6, 6), picture=True)
    yield conv("11->25 8x8, 240x320", (1, 11, 240, 320), (25, 11, 8, 8), 3)
    yield conv("25->50 8x8, 120x160", (1, 25, 120, 160), (50, 25, 8, 8), 3)
    yield conv("50->8 1x1, 113x153", (1, 50, 113, 153), (8, 50, 1, 1), 0.9)
    yield conv("64->64 3x3, 120x160", (1, 64, 120, 160), (64, 64, 3, 3), 1.2, padding=1)
    yield conv("256->512 3x3, 28x28", (1, 256, 28, 28), (512, 256, 3, 3), 1.2, padding=1)


def alexnet_rows():
    """Krizhevsky, Sutskever, Hinton 2012 at batches of 1, 8 and 32 pictures."""
    for n in (1, 8, 32):
        slow, at, x = n > 8, f"batch {n}", (n, 3, 227, 227)
        first = {"stride": 4, "picture": True, "slow": slow}
        yield conv(f"conv1 11x11/4, {at}", x, (96, 3, 11, 11), 1.0, **first)
        x, w, two = (n, 96, 27, 27), (256, 48, 5, 5), {"groups": 2, "slow": slow}
        yield conv(f"conv2 5x5, {at}", x, w, 1.2, padding=2, **two)
        x, w = (n, 256, 13, 13), (384, 256, 3, 3)
        yield conv(f"conv3 3x3, {at}", x, w, 1.2, padding=1, slow=slow)
        x = (n, 384, 13, 13)
        yield conv(f"conv4 3x3, {at}", x, (384, 192, 3, 3), 1.2, padding=1, **two)
        yield conv(f"conv5 3x3, {at}", x, (256, 192, 3, 3), 1.2, padding=1, **two)
        yield linear("9216->4096", 9216, 4096, n, slow=slow)
        yield linear("4096->4096", 4096, 4096, n, slow=slow)
        yield linear("4096->1000", 4096, 1000, n, slow=slow)
    x, w = (128, 3, 56, 56), (64, 3, 7, 7)  # a smaller one, for crops of 56
    stem = {"stride": 2, "padding": 3, "picture": True, "slow": True}
    yield conv("stem 7x7/2, batch 128", x, w, **stem)
    x, w = (128, 64, 13, 13), (128, 32, 5, 5)
    yield conv("64->128 5x5, batch 128", x, w, padding=2, groups=2, slow=True)


def operation_rows():
    """All of them, quick ones first."""
    return [*quick_rows(), *segmentation_rows(), *alexnet_rows()]
