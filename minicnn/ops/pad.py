"""Rows around an array: constant ones, or copies of its own.

    y[i] = x[source[i]]     along each padded axis, one after another; or, `constant`, a number

Gradient: each value goes back to the row it came from, and a row that was copied several times, as
the border is by reflect and replicate, gets the sum. Negative numbers cut rows away.

Source: conventions from PyTorch's documentation.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.op import Op, as_int
from minicnn.engine.tensor import Tensor


class Pad(Op):
    """Padding is reading through a list of source rows, one list per axis."""

    def __init__(self, padding, mode, value):
        self.padding, self.mode, self.value = padding, mode, value

    def check(self, x):
        for axis, (before, after) in self._axes(x.shape).items():
            size = x.shape[axis]
            if self.mode == "reflect" and max(before, after) >= size:
                raise ValueError(
                    f"pad: reflect by {(before, after)} needs more than {size} rows in axis {axis}"
                )
            if self.mode == "circular" and max(before, after) > size:
                raise ValueError(f"pad: circular by {(before, after)} exceeds {size} rows")
            if self.mode == "replicate" and size == 0:
                raise ValueError("pad: nothing to replicate in an empty axis")
            if size + before + after < 1:
                raise ValueError(f"pad: {(before, after)} leaves nothing of axis {axis} ({size})")

    def _axes(self, shape):
        """{axis: (before, after)}, the last axis first, as PyTorch orders the numbers."""
        if len(self.padding) % 2 or len(self.padding) > 2 * len(shape):
            raise ValueError(
                f"pad: {self.padding} must hold (before, after) for the last dimensions of {shape}"
            )
        pairs = zip(self.padding[::2], self.padding[1::2], strict=True)
        return {len(shape) - 1 - k: pair for k, pair in enumerate(pairs)}

    def forward(self, x):
        self.before = x.shape
        if self.mode == "constant":
            return self._filled(x)
        xp, y = array_module(x), x
        for axis, (before, after) in self._axes(x.shape).items():
            rows = np.arange(-before, y.shape[axis] + after)
            y = xp.take(y, xp.asarray(self._source(rows, y.shape[axis])), axis=axis)
        return y

    def _filled(self, x):
        """x in the middle of an array of constants; or a part of x, where it is cut."""
        axes = self._axes(x.shape)
        around = [axes.get(axis, (0, 0)) for axis in range(x.ndim)]
        self.kept = tuple(
            slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, around, strict=True)
        )
        shape = [n + b + a for n, (b, a) in zip(x.shape, around, strict=True)]
        self.middle = tuple(
            slice(max(b, 0), n - max(a, 0)) for n, (b, a) in zip(shape, around, strict=True)
        )
        y = array_module(x).full(shape, self.value, dtype=x.dtype)
        y[self.middle] = x[self.kept]
        return y

    def _source(self, rows, size):
        """For each padded row the row it is read from."""
        if self.mode == "reflect":
            rows = np.abs(rows)
            return np.where(rows >= size, 2 * (size - 1) - rows, rows)
        return rows.clip(0, size - 1) if self.mode == "replicate" else rows % size

    def backward(self, gy):
        if self.mode == "constant":
            if all(k == slice(0, n) for k, n in zip(self.kept, self.before, strict=True)):
                return gy[self.middle]
            gx = array_module(gy).zeros(self.before, dtype=gy.dtype)
            gx[self.kept] = gy[self.middle]
            return gx
        for axis, (before, after) in reversed(self._axes(self.before).items()):
            size = self.before[axis]
            rows = np.arange(-before, size + after)
            source, at = self._source(rows, size), (slice(None),) * axis
            gx = empty_like(gy, (*gy.shape[:axis], size, *gy.shape[axis + 1 :]))
            gx[...] = 0
            # rows that were copied straight, as one slice; maybe none
            first, end = max(-before, 0), max(min(size + after, size), -before, 0)
            gx[(*at, slice(first, end))] = gy[(*at, slice(first + before, end + before))]
            for k in np.flatnonzero((rows < 0) | (rows >= size)):
                gx[(*at, source[k])] += gy[(*at, k)]
            gy = gx
        return gy


def pad(input: Tensor, pad: tuple, mode: str = "constant", value: float = 0.0) -> Tensor:
    """Adds rows around the last dimensions, PyTorch's order: (left, right, top, bottom, ...).

    mode   'constant' (filled with `value`), 'reflect' (the edge row not repeated), 'replicate',
           'circular'; a negative number cuts rows away
    """
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode {mode!r}: choose constant, reflect, replicate or circular")
    try:
        numbers = tuple(as_int(p) for p in pad)
    except TypeError:
        raise TypeError(
            f"pad: pad={pad!r}: expected ints, (left, right, top, bottom, ...)"
        ) from None
    return Pad(numbers, mode, value)(input)


def cases():
    x = normal(2, 3, 4, 5)
    for mode in ("constant", "reflect", "replicate", "circular"):
        yield Case(pad, (x,), {"pad": (2, 1, 0, 3), "mode": mode, "value": 0.5}, label=mode)
    yield Case(pad, (x,), {"pad": (-1, 2)}, label="cut")
