"""First values of weights. Drawn from the counter of `minicnn.manual_seed`, so a network is the
same for the same seed, on every device."""

import math

import numpy as np

from minicnn.devices import default_device, move
from minicnn.randomness import generator


def kaiming_normal(shape, fan_in):
    """Normal with variance 2 / fan_in: keeps the size of activations through ReLU layers.
    Source: He, Zhang, Ren, Sun 2015."""
    return _draw(lambda g: g.normal(scale=math.sqrt(2 / fan_in), size=shape))


def uniform(shape, fan_in):
    """Uniform in +-1/sqrt(fan_in): Torch's choice in the years of the lecture, made for tanh."""
    bound = 1 / math.sqrt(fan_in)
    return _draw(lambda g: g.uniform(-bound, bound, size=shape))


def zeros(shape, fan_in=None):
    """All zero, as biases start beside kaiming_normal weights."""
    return _draw(lambda g: np.zeros(shape))


def _draw(sample):
    return move(sample(generator()).astype(np.float32), default_device())
