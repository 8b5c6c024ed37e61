"""Sums, means and maxima over dimensions.

sum   gx = gy, repeated over the summed dimensions
mean  the same, divided by the number of elements
amax  gy goes to the largest element; equal ones share it evenly, as in PyTorch's amax
"""

import math

import numpy as np

from minicnn.engine.cases import Case, normal, separated
from minicnn.engine.devices import array_module
from minicnn.engine.dtypes import adding
from minicnn.engine.op import Op, axes_of
from minicnn.engine.tensor import Tensor


class _Reduction(Op):
    def __init__(self, dim, keepdim):
        self.dim, self.keepdim = dim, keepdim

    def check(self, x):
        self._axes(x)

    def _axes(self, x):
        return axes_of(self.called(), self.dim, x.shape)

    def _spread(self, gy, x):
        """gy with the reduced dimensions put back as ones, ready to broadcast against x."""
        shape = [1 if d in self._axes(x) else s for d, s in enumerate(x.shape)]
        return gy.reshape(shape)


class Sum(_Reduction):
    def forward(self, x):
        self.x = x
        axes = self._axes(x)
        wide = np.int64 if x.dtype.kind in "biu" and x.dtype != np.uint64 else adding(x, axes)
        y = x.sum(axis=axes, keepdims=self.keepdim, dtype=wide)
        return y.astype(x.dtype, copy=False) if x.dtype.kind == "f" else y

    def backward(self, gy):
        xp = array_module(gy)
        return xp.broadcast_to(self._spread(gy, self.x), self.x.shape).copy()


class Mean(_Reduction):
    floating = ("input",)

    def forward(self, x):
        self.x, axes = x, self._axes(x)
        if not x.size:  # 0 / 0, a NaN as in PyTorch; numpy would warn
            return x.sum(axis=axes, keepdims=self.keepdim) * x.dtype.type(np.nan)
        y = x.mean(axis=axes, keepdims=self.keepdim, dtype=adding(x, axes))
        return y.astype(x.dtype, copy=False)

    def backward(self, gy):
        xp = array_module(gy)
        count = math.prod(self.x.shape[d] for d in self._axes(self.x))
        return xp.broadcast_to(self._spread(gy, self.x), self.x.shape) / gy.dtype.type(count)


class AMax(_Reduction):
    def check(self, x):
        if not all(x.shape[d] for d in self._axes(x)):
            raise ValueError(f"amax: among no numbers there is no largest, in shape {x.shape}")

    def forward(self, x):
        self.x, self.y = x, x.max(axis=self._axes(x), keepdims=True)
        return self.y if self.keepdim else self.y.reshape(x.max(axis=self._axes(x)).shape)

    def backward(self, gy):
        largest = self.x == self.y
        share = largest / largest.sum(axis=self._axes(self.x), keepdims=True)
        return self._spread(gy, self.x) * share.astype(gy.dtype)


def sum(input: Tensor, dim: int | tuple | None = None, keepdim: bool = False) -> Tensor:
    """Sum over `dim`: an int, several, or None (or none, ()) for all. Whole numbers give int64."""
    return Sum(dim, keepdim)(input)


def mean(input: Tensor, dim: int | tuple | None = None, keepdim: bool = False) -> Tensor:
    """Mean over `dim`: an int, several, or None (or none, ()) for all. Raises TypeError for whole
    numbers, whose mean is none."""
    return Mean(dim, keepdim)(input)


def amax(input: Tensor, dim: int | tuple | None = None, keepdim: bool = False) -> Tensor:
    """Largest element over `dim`: an int, several, or None (or none, ()) for all."""
    return AMax(dim, keepdim)(input)


def cases():
    for function in (sum, mean, amax):
        yield Case(function, (separated(3, 4, 5),))
        yield Case(function, (separated(3, 4, 5),), {"dim": (0, 2)}, label="two")
        yield Case(function, (normal(3, 4, 5),), {"dim": -2, "keepdim": True}, label="kept")
