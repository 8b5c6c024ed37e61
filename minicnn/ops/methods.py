"""Which operation each operator and method of a Tensor stands for. The engine knows no operation;
this table teaches Tensor its syntax."""

import operator

import numpy as np

from minicnn.engine.dtypes import is_number
from minicnn.engine.tensor import Tensor
from minicnn.ops import arithmetic, matmul, reductions, shape


def _dims(values):
    """reshape(2, 3) and reshape((2, 3)) mean the same."""
    return values[0] if len(values) == 1 and np.iterable(values[0]) else values


def _comparison(how):
    def compared(self, other):
        known = isinstance(other, Tensor | np.ndarray | list | tuple) or is_number(other)
        return arithmetic.compare(how, self, other) if known else NotImplemented

    return compared


def _iterate(self):
    if not self.ndim:
        raise TypeError("a Tensor of shape () is one number: nothing to iterate or sum over")
    return (self[k] for k in range(len(self)))


def _contains(self, value):
    found = self == value
    if not isinstance(found, Tensor):
        raise TypeError(f"a {type(value).__name__} cannot be in a Tensor, which holds numbers")
    return bool(found.data.any())


Tensor.__add__ = arithmetic.add
Tensor.__radd__ = lambda self, other: arithmetic.add(other, self)
Tensor.__sub__ = arithmetic.sub
Tensor.__rsub__ = lambda self, other: arithmetic.sub(other, self)
Tensor.__mul__ = arithmetic.mul
Tensor.__rmul__ = lambda self, other: arithmetic.mul(other, self)
Tensor.__truediv__ = arithmetic.div
Tensor.__rtruediv__ = lambda self, other: arithmetic.div(other, self)
Tensor.__neg__ = arithmetic.neg
Tensor.__pow__ = arithmetic.pow
Tensor.__matmul__ = matmul.matmul
Tensor.__rmatmul__ = lambda self, other: matmul.matmul(other, self)
Tensor.__getitem__ = shape.index
Tensor.__iter__ = _iterate
Tensor.__contains__ = _contains
for _how in ("lt", "le", "eq", "ne", "ge", "gt"):
    setattr(Tensor, f"__{_how}__", _comparison(getattr(operator, _how)))
Tensor.__hash__ = object.__hash__  # as each of them is another one, whatever it holds

Tensor.sum = reductions.sum
Tensor.mean = reductions.mean
Tensor.amax = reductions.amax
Tensor.reshape = lambda self, *sizes: shape.reshape(self, _dims(sizes))
Tensor.permute = lambda self, *dims: shape.permute(self, _dims(dims))
Tensor.transpose = shape.transpose
