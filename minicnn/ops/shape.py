"""Moving numbers without changing them: reshape, permute, slices, concat. (pad has its own file.)

Each value of y is a copy of one value of x, so each gradient goes back to where its value came
from; a value that was copied twice (an index repeated) gets the sum.

    reshape  gx = gy in x's shape
    permute  gx = gy permuted back
    index    gx = 0, plus gy at the places that were read
    concat   each input gets its own piece of gy
"""

import math
import operator

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, device_of, move
from minicnn.engine.kernel import Kernel
from minicnn.engine.op import Op, as_int, axes_of, contiguous
from minicnn.engine.tensor import Tensor

index_backward = Kernel(
    "index_backward", "gy[count], int64 order[count], int64 first[size + 1], gx[size]"
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
    """`index` with copies of its arrays on the device of x, and Tensors as arrays."""
    index = getattr(index, "data", index) if hasattr(index, "requires_grad") else index
    if isinstance(index, tuple):
        return tuple(_on_device_of(x, part) for part in index)
    if isinstance(index, list):
        return list(index)
    # a copy, for backward looks at it, and the caller may change his
    return move(np.array(index), device_of(x)) if isinstance(index, np.ndarray) else index


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


def reshape(input: Tensor, shape: int | tuple) -> Tensor:
    """The same elements in another shape; one size may be -1."""
    sizes = shape if np.iterable(shape) else (shape,)
    try:
        return Reshape(tuple(as_int(size) for size in sizes))(input)
    except TypeError:
        raise TypeError(f"reshape: shape={shape!r}: expected ints") from None


def permute(input: Tensor, dims: tuple) -> Tensor:
    """Reorders the dimensions: `permute(x, (0, 2, 3, 1))` turns N C H W into N H W C."""
    return Permute(tuple(dims))(input)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swaps two dimensions."""
    input = input if isinstance(input, Tensor) else Tensor(input)
    dims = list(range(input.ndim))
    (a,), (b,) = (axes_of("transpose", (d,), input.shape) for d in (dim0, dim1))
    dims[a], dims[b] = dims[b], dims[a]
    return permute(input, dims)


def index(input, index):
    """input[index] with ints, slices, integer or boolean arrays."""
    return Index(index)(input)


def concat(tensors: list, dim: int = 0) -> Tensor:
    """Joins tensors along `dim`; they agree in every other dimension."""
    return Concat(dim)(*tensors)


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
