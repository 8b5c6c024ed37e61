"""Wrong backwards, such as people write them, for every operation: what the checker must catch.

Each is the real op with its backward replaced by `wrong(op, gy, right)`, where `right(gy)` gives
the right gradients and `right(gy, w=...)` those of the op with another `op.w`. The phrase is what
the diagnosis must say; "" where no diagnosis is expected, because the pattern does not tell.
"""

import contextlib
from dataclasses import dataclass

import numpy as np

from minicnn.ops import all_kernels


@dataclass(frozen=True)
class Mutant:
    name: str
    make: object  # () -> a new op
    arrays: tuple
    wrong: object
    phrase: str = ""

    def __call__(self, *tensors):
        op = self.make()

        def right(gy, **changed):
            before = {name: getattr(op, name) for name in changed}
            op.__dict__.update(changed)
            gradients = type(op).backward(op, gy)
            op.__dict__.update(before)
            return gradients

        op.backward = lambda gy: self.wrong(op, gy, right)
        return op(*tensors)


ALL = []


def plant(make, *arrays):
    """Adds mutants of one op at one input: plant(...)(name, wrong, phrase)(name, ...)."""

    def add(name, wrong, phrase=""):
        ALL.append(Mutant(name, make, arrays, wrong, phrase))
        return add

    return add


def replace(k, value):
    """A wrong backward, in which only the gradient of input k is another one."""

    def wrong(op, gy, right):
        gradients = list(right(gy))
        gradients[k] = np.ascontiguousarray(value(op, gy, gradients[k], right))
        return tuple(gradients)

    return wrong


def changed(k, **attributes):
    """Only the gradient of input k is wrong: that of an op with other attributes (of the op)."""

    def wrong(op, gy, g, right):
        with shapes_unchecked():  # they would refuse some of these before a gradient is wrong
            return right(gy, **{name: value(op) for name, value in attributes.items()})[k]

    return replace(k, wrong)


@contextlib.contextmanager
def shapes_unchecked():
    """Inside, kernels run whatever the shapes of their arguments are."""
    kernels = all_kernels()
    before = [kernel.shapes for kernel in kernels]
    try:
        for kernel in kernels:
            kernel.shapes = None
        yield
    finally:
        for kernel, shapes in zip(kernels, before, strict=True):
            kernel.shapes = shapes


def without(gy, *index):
    gy = gy.copy()
    gy[index] = 0
    return gy


def turn(w):
    return np.ascontiguousarray(np.flip(w, (-2, -1)))
