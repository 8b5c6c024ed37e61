"""Small inputs on which every operation is tested, gradient-checked and shown.

Each file in `minicnn/ops` ends with `cases()`. The generic tests compare a case with the literal
loops of `tests/support/reference.py`, check its gradients, and repeat it in float32, on strided
inputs, and on every device. At most 500 elements, all dimensions different, parameters that make
every term of the formula matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Case:
    """`function(*arrays, **options)`; gradients are taken with respect to every array."""

    function: Callable
    arrays: tuple
    options: dict = field(default_factory=dict)
    label: str = ""

    @property
    def name(self):
        return f"{self.function.__name__}[{self.label}]" if self.label else self.function.__name__


def normal(*shape, seed=0):
    """float64 normal numbers, another stream for every shape and seed."""
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def separated(*shape, seed=0):
    """float64 numbers no two of which, and none of which and zero, are closer than 0.1: no kink of
    ReLU and no tie of max pooling within the reach of a finite difference."""
    count = int(np.prod(shape))
    grid = (np.arange(count) - count // 2 + 0.5) * 0.2
    return np.random.default_rng([seed, *shape]).permutation(grid).reshape(shape)
