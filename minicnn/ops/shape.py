"""Moving numbers without changing them: reshape, permute, slices, concat, pad.

Each value of y is a copy of one value of x, so each gradient goes back to where its value came
from; a value that was copied twice (an index repeated, a reflected border) gets the sum.

    reshape  gx = gy in x's shape
    permute  gx = gy permuted back
    index    gx = 0, plus gy at the places that were read
    concat   each input gets its own piece of gy
    pad      gx = the middle of gy; reflect and replicate add the border to the rows it came from
"""

import math
import operator

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, device_of, empty_like, move
from minicnn.engine.kernel import Kernel
from minicnn.engine.op import Op, axes_of, contiguous

index_backward = Kernel(
    "index_backward",
    "gy[count], int64 order[count], int64 first[size + 1], gx[size]",
)  # for a GPU; on the CPU it is np.add.at

index_backward.gpu(
    r"""
extern "C" __global__ void index_backward(
        const T* gy, const long long* order, const long long* first, T* gx, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    T total = 0;
    for (long long k = first[i]; k < first[i + 1]; k++) total += gy[order[k]];
    gx[i] = total;
}
"""
)


class Reshape(Op):
    def __init__(self, shape):
        self.shape = shape

    def check(self, x):
        known = math.prod(s for s in self.shape if s != -1)
        fits = x.size == known if -1 not in self.shape else known and x.size % known == 0
        if self.shape.count(-1) > 1 or min(self.shape, default=0) < -1 or not fits:
            raise ValueError(f"reshape: {x.shape} ({x.size} elements) does not fit {self.shape}")

    def forward(self, x):
        self.before = x.shape
        return x.reshape(self.shape)

    def backward(self, gy):
        return gy.reshape(self.before)


class Permute(Op):
    def __init__(self, dims):
        self.dims = dims

    def check(self, x):
        if len(self.dims) != x.ndim or (
            x.ndim and len(axes_of("permute", self.dims, x.shape)) < x.ndim
        ):
            raise ValueError(f"permute: {self.dims} does not name each dimension of {x.shape} once")

    def forward(self, x):
        self.dims = axes_of("permute", self.dims, x.shape)
        return x.transpose(self.dims)

    def backward(self, gy):
        return gy.transpose(tuple(np.argsort(self.dims).tolist()))


class Index(Op):
    def __init__(self, index):
        self.index = index

    def forward(self, x):
        self.x = x
        self.index = _on_device_of(x, self.index)
        return x[self.index]

    def backward(self, gy):
        xp = array_module(gy)
        parts = self.index if isinstance(self.index, tuple) else (self.index,)
        if gy.shape == self.x.shape and all(
            isinstance(p, slice) and p.step in (None, 1) for p in parts
        ):
            return gy  # all of x was read
        gx = xp.zeros_like(self.x)
        if all(isinstance(p, slice | int | type(Ellipsis)) for p in parts):
            gx[self.index] = gy
        elif xp is np:
            np.add.at(gx, self.index, gy)  # an integer array may name a place twice
        else:
            self._add_in_order(gy, gx)
        return gx

    def _add_in_order(self, gy, gx):
        """What add.at does, but in the same order every time, which the add.at of a GPU does not
        promise: the elements of gy are sorted by their places in x, and each place adds its own."""
        xp = array_module(gy)
        places = xp.arange(gx.size).reshape(gx.shape)[self.index].ravel()
        order = xp.argsort(places, kind="stable")
        first = xp.searchsorted(places[order], xp.arange(gx.size + 1))
        index_backward(contiguous(gy).reshape(-1), order, first, gx.reshape(-1))


def _on_device_of(x, index):
    """`index` with its arrays, if there are any, on the device of x, and Tensors as arrays."""
    index = getattr(index, "data", index) if hasattr(index, "requires_grad") else index
    if isinstance(index, tuple):
        return tuple(_on_device_of(x, part) for part in index)
    return move(index, device_of(x)) if isinstance(index, np.ndarray) else index


class Concat(Op):
    mixes = True

    def __init__(self, dim):
        self.dim = dim

    def check(self, *xs):
        if not xs or not xs[0].ndim:
            raise ValueError("concat: expected a list of Tensors, not empty, each of at least 1-D")
        (dim,) = axes_of("concat", (operator.index(self.dim),), xs[0].shape)
        for x in xs:
            if x.ndim != xs[0].ndim or x.shape[:dim] + x.shape[dim + 1 :] != (
                xs[0].shape[:dim] + xs[0].shape[dim + 1 :]
            ):
                shapes = ", ".join(str(x.shape) for x in xs)
                raise ValueError(f"concat: shapes {shapes} differ outside dimension {self.dim}")

    def forward(self, *xs):
        self.ends = np.cumsum([x.shape[self.dim] for x in xs])[:-1].tolist()
        return array_module(xs[0]).concatenate(xs, axis=self.dim)

    def backward(self, gy):
        return tuple(array_module(gy).split(gy, self.ends, axis=self.dim))


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
            own = (rows >= 0) & (rows < size)  # rows that were copied straight, as one slice
            first, last = rows[own][0], rows[own][-1]
            k = int(np.argmax(own))
            gx[(*at, slice(first, last + 1))] = gy[(*at, slice(k, k + last + 1 - first))]
            for k in np.flatnonzero(~own):
                gx[(*at, source[k])] += gy[(*at, k)]
            gy = gx
        return gy


def reshape(input, shape):
    """The same elements in another shape; one size may be -1."""
    sizes = shape if np.iterable(shape) else (shape,)
    try:
        return Reshape(tuple(operator.index(size) for size in sizes))(input)
    except TypeError:
        raise TypeError(f"reshape: shape={shape!r}: expected ints") from None


def permute(input, dims):
    """Reorders the dimensions: `permute(x, (0, 2, 3, 1))` turns N C H W into N H W C."""
    return Permute(tuple(dims))(input)


def transpose(input, dim0, dim1):
    """Swaps two dimensions."""
    dims = list(range(input.ndim))
    (a,), (b,) = (axes_of("transpose", (d,), input.shape) for d in (dim0, dim1))
    dims[a], dims[b] = dims[b], dims[a]
    return permute(input, dims)


def index(input, index):
    """input[index] with ints, slices, integer or boolean arrays."""
    return Index(index)(input)


def concat(tensors, dim=0):
    """Joins tensors along `dim`; they agree in every other dimension."""
    return Concat(dim)(*tensors)


def pad(input, pad, mode="constant", value=0.0):
    """Adds rows around the last dimensions, PyTorch's order: (left, right, top, bottom, ...).

    mode   'constant' (filled with `value`), 'reflect' (the edge row not repeated), 'replicate',
           'circular'; a negative number cuts rows away
    """
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode {mode!r}: choose constant, reflect, replicate or circular")
    try:
        numbers = tuple(operator.index(p) for p in pad)
    except TypeError:
        raise TypeError(
            f"pad: pad={pad!r}: expected ints, (left, right, top, bottom, ...)"
        ) from None
    return Pad(numbers, mode, value)(input)


def concat_of(*tensors, dim):
    """`concat` with its tensors as separate arguments, as a Case passes them."""
    return concat(tensors, dim)


def cases():
    x = normal(2, 3, 4, 5)
    yield Case(reshape, (x,), {"shape": (6, -1)})
    yield Case(permute, (x,), {"dims": (0, 2, 3, 1)})
    yield Case(transpose, (x,), {"dim0": 1, "dim1": -1})
    yield Case(index, (x,), {"index": (slice(None), 1, slice(0, None, 2))}, label="slices")
    yield Case(index, (x,), {"index": (slice(None), np.array([2, 0, 2]))}, label="repeated")
    yield Case(concat_of, (normal(2, 3, 4), normal(2, 5, 4)), {"dim": 1})
    for mode in ("constant", "reflect", "replicate", "circular"):
        yield Case(pad, (x,), {"pad": (2, 1, 0, 3), "mode": mode, "value": 0.5}, label=mode)
    yield Case(pad, (x,), {"pad": (-1, 2)}, label="cut")
