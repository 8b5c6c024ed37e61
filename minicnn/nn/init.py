"""First values of weights. Drawn from the counter of `minicnn.manual_seed`, so a network is the
same for the same seed, on every device."""

import contextlib
import math
import threading
from collections.abc import Callable

import numpy as np

from minicnn.engine.devices import default_device, move
from minicnn.engine.op import no_grad
from minicnn.engine.randomness import generator

SPREAD = 1e-5  # is added to the deviation of a map: one that never changes is left so


def kaiming_normal(shape: tuple, fan_in: float) -> np.ndarray:
    """Normal with variance 2 / fan_in: keeps the size of activations through ReLU layers.
    Source: He, Zhang, Ren, Sun 2015."""
    return _draw(shape, lambda g: g.normal(scale=math.sqrt(2 / fan_in), size=shape))


def normal(std: float) -> Callable:
    """Normal with this deviation, whatever the layer: as in Krizhevsky et al. 2012 (0.01)."""
    return lambda shape, fan_in: _draw(shape, lambda g: g.normal(scale=std, size=shape))


def uniform(shape: tuple, fan_in: float) -> np.ndarray:
    """Uniform in +-1/sqrt(fan_in): Torch's choice in the years of the lecture, made for tanh."""
    bound = 1 / math.sqrt(fan_in)
    return _draw(shape, lambda g: g.uniform(-bound, bound, size=shape))


def zeros(shape: int | tuple, fan_in: float | None = None) -> np.ndarray:
    """All zero, as biases start beside kaiming_normal weights."""
    return _draw(shape, lambda g: np.zeros(shape))


_building = threading.local()


@contextlib.contextmanager
def shapes_only():
    """Inside, in this thread, networks are built whose weights have their shapes but take no memory
    and no time: to be compared or counted, and to get the weights of a file."""
    before = drawn()
    _building.shapes_only = True
    try:
        yield
    finally:
        _building.shapes_only = not before


def drawn() -> bool:
    """Whether new weights are drawn at random: not inside `shapes_only`."""
    return not getattr(_building, "shapes_only", False)


def _draw(shape, sample):
    if not drawn():
        return np.broadcast_to(np.float32(0), shape)
    return move(sample(generator()).astype(np.float32), default_device())


def from_data(network, paths, x):
    """Scales the weights of the layers `paths` of a network, in their order, and moves their
    biases, so that every map that they make of x, a Tensor with a batch, has mean 0 and
    deviation 1.

    Random filters answer to photographs above all by how bright these are: all maps say the same.
    After this each says where it differs from its own mean, and the network learns from the first
    step on. Source: Krahenbuhl, Doersch, Donahue, Darrell 2016, section 3.1; Mishkin, Matas 2016.
    Raises KeyError for a path that does not exist, ValueError for a layer without a bias.
    """
    with network.watch(paths):  # a path that does not exist is told before anything has changed
        chosen = [(path, layer) for path, layer in network.named_modules() if path in paths]
    for path, layer in chosen:
        if getattr(layer, "weight", None) is None or getattr(layer, "bias", None) is None:
            raise ValueError(f"from_data: {path} has no weight and bias, both of which are changed")
    for path, layer in chosen:
        with network.evaluating(), network.watch([path]) as seen, no_grad():
            network(x)
        maps = seen[path][0].data
        others = (0, *range(2, maps.ndim))
        mean, spread = maps.mean(axis=others), maps.std(axis=others) + SPREAD
        layer.weight.data = layer.weight.data / spread.reshape(-1, *[1] * (layer.weight.ndim - 1))
        layer.bias.data = (layer.bias.data - mean) / spread
