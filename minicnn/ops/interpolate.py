r"""Interpolation: a picture, or a map of scores, in another size.

    y[n,c,i,j] = sum_p sum_q  R[i,p] C[j,q] x[n,c,p,q]        (each plane:  y = R x C^T)

Rows and columns are treated alike and apart from each other. Output row i lies at the source row

    t = (i + 1/2) r - 1/2     pixels are little squares, t and i their centres        (the default)
    t = i (H - 1) / (OH - 1)  pixels are points, the corners stay where they are  (align_corners)

with r = H / OH. `bilinear` cuts t at 0 and takes two rows: row p = floor(t) with weight
1 - (t - p) and row p + 1 with weight t - p; at the last row there is no next one, and it counts
fully. `nearest` takes row floor(i r), which is off by up to half a pixel up and left.

Shapes: x (N, C, H, W), y (N, C, OH, OW), R (OH, H) and C (OW, W), nearly all zeros.

Gradient: y is linear in x, so each plane of gx is R^T gy C. The same kernel does it: it takes lists
of «which source rows, with which weights», and backward gives it the lists of the transposes.

Traps, all PyTorch's. Where `scale_factor` is given, OH = floor(H scale) but r = 1 / scale, which
differs from H / OH when H scale is not whole; `recompute_scale_factor=True` takes H / OH. Nearest
rows are counted in float32 whatever the dtype, bilinear weights in the dtype of x. Where OH = H
row i is taken, and by nearest row i // 2 where OH = 2 H, whatever the scale_factor was. Not
PyTorch's: a pixel of weight 0 takes no part, so an infinity stays one where it is sampled exactly,
and spoils nobody beside it (0 times infinity is not a number).

Source: any book on image processing; conventions from PyTorch's documentation.
"""

import functools
import math

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import Op, contiguous, hands_over, pair
from minicnn.engine.tensor import Tensor

resample = Kernel(
    "resample",
    "x[N, C, H, W], int64 rows[A, OH], row_weights[A, OH], int64 cols[B, OW], "
    "col_weights[B, OW], y[N, C, OH, OW]; 0 <= lowest(rows); highest(rows) < H; 0 <= lowest(cols)"
    "; highest(cols) < W",
)


@resample.cpu
def resample_cpu(x, rows, row_weights, cols, col_weights, y):
    """Row i of y mixes rows[:, i] of x with the weights row_weights[:, i]; columns alike."""
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for i in range(OH):
            for j in range(OW):
                total = x.dtype.type(0)
                for l in range(len(cols)):
                    if col_weights[l, j] == 0:
                        continue
                    mixed = x.dtype.type(0)
                    for k in range(len(rows)):
                        if row_weights[k, i] != 0:
                            mixed += row_weights[k, i] * x[n, c, rows[k, i], cols[l, j]]
                    total += col_weights[l, j] * mixed
                y[n, c, i, j] = total


# ---------------------------------------------------------------- the same on a GPU: interpolate.cu
TEXT = cuda_beside(__file__)

resample.gpu(
    TEXT,
    sizes=lambda x, R, _, C, __, y: (y.size, *y.shape[2:], *x.shape[2:], len(R), len(C)),
)


# ------------------------------------------------------------------- the matrices R and C as lists
def nearest_taps(size, out, ratio):
    """(output row, source row, weight) of every element of R that is not zero, as three arrays."""
    target = np.arange(out)
    if out == size or out == 2 * size:
        source = target * size // out
    else:
        source = np.floor(target.astype(np.float32) * np.float32(ratio)).astype(np.int64)
    return target, source.clip(0, size - 1), np.ones(out)


def bilinear_taps(size, out, ratio, align_corners, dtype):
    target = np.arange(out)
    if out == size:
        return target, target, np.ones(out)
    if align_corners:
        t = target.astype(dtype) * (dtype.type(size - 1) / dtype.type(max(out - 1, 1)))
    else:
        t = (target.astype(dtype) + dtype.type(0.5)) * dtype.type(ratio) - dtype.type(0.5)
    t = t.clip(0, None)
    source = np.floor(t).astype(np.int64).clip(0, size - 1)
    weight = (t - source.astype(dtype)).clip(0, 1)
    two = (weight > 0) & (source < size - 1)  # where a second row takes part
    weight[~two] = 0
    return (
        np.concatenate([target, target[two]]),
        np.concatenate([source, source[two] + 1]),
        np.concatenate([1 - weight, weight[two]]),
    )


def listed(target, source, weight, count, dtype):
    """The taps as the kernel reads them: sources and weights (T, count), where T is the most that
    any target has; the others are filled up with weights of zero."""
    order = np.argsort(target, kind="stable")
    target, source, weight = target[order], source[order], weight[order]
    first = np.searchsorted(target, np.arange(count))
    k = np.arange(len(target)) - first[target]
    sources = np.tile(source[np.minimum(first, len(source) - 1)], (k.max() + 1, 1))
    weights = np.zeros(sources.shape, dtype)
    sources[k, target], weights[k, target] = source, weight
    return sources, weights


@functools.lru_cache(maxsize=64)  # a network asks for the same sizes again and again
def lists(mode, align_corners, size, out, ratio, dtype, transposed):
    """R as the kernel reads it; `transposed` for the gradient."""
    if mode == "nearest":
        target, source, weight = nearest_taps(size, out, ratio)
    else:
        target, source, weight = bilinear_taps(size, out, ratio, align_corners, dtype)
    if transposed:
        return listed(source, target, weight, size, dtype)
    return listed(target, source, weight, out, dtype)


class Interpolate(Op):
    """Size and ratio as pairs, rows first."""

    floating = ("input",)

    def __init__(self, size, ratio, mode, align_corners):
        self.size, self.ratio, self.mode, self.align_corners = size, ratio, mode, align_corners

    def window_of(self):
        taps = (1, 1) if self.mode == "nearest" else (2, 2)
        ratio = tuple(a / b for a, b in zip(self.x_shape[2:], self.size, strict=True))
        return taps, ratio, (1, 1)

    def forward(self, x):
        self.x_shape = x.shape
        y = empty_like(x, (*x.shape[:2], *self.size))
        self.run(x, y, transposed=False)
        return y

    @hands_over
    def backward(self, gy):
        gx = empty_like(gy, self.x_shape)
        self.run(gy, gx, transposed=True)
        return gx

    def run(self, x, y, transposed):
        resample(contiguous(x), *self.tables(x, transposed), y)

    def tables(self, x, transposed):
        """The lists of rows and of columns, with their weights, on the device of x."""
        axes = zip(self.x_shape[2:], self.size, self.ratio, strict=True)
        return [
            array_module(x).asarray(part)
            for size, out, ratio in axes
            for part in lists(self.mode, self.align_corners, size, out, ratio, x.dtype, transposed)
        ]


def interpolate(
    input: Tensor,
    size: int | tuple | None = None,
    scale_factor: float | tuple | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """The input in another size, PyTorch's arguments.

    input          (N, C, H, W)
    size           int or (OH, OW); or else
    scale_factor   number or (vertical, horizontal): OH = floor(H * scale)
    mode           'nearest' or 'bilinear'
    align_corners  for bilinear: True keeps the corners, False (default) the borders of the pixels
    recompute_scale_factor   the ratio of the sizes in the place of scale_factor

    Returns (N, C, OH, OW). Raises ValueError where the arguments do not fit.
    """
    input = input if isinstance(input, Tensor) else Tensor(input)
    op = interpolation(input, size, scale_factor, mode, align_corners, recompute_scale_factor)
    return op(input)


def interpolation(
    input, size, scale_factor, mode, align_corners, recompute=None, name="interpolate"
):
    """The Interpolate that these arguments of `interpolate`, or of `name`, stand for."""
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"{name}: mode {mode!r}: choose 'nearest' or 'bilinear'")
    if mode == "nearest" and align_corners is not None:
        raise ValueError(f"{name}: align_corners has a meaning for mode 'bilinear' only")
    if input.ndim != 4 or 0 in input.shape[2:]:
        raise ValueError(f"{name}: expected input (N, C, H, W), not empty, got {input.shape}")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: give one of size and scale_factor")
    if size is not None and recompute:
        raise ValueError(f"{name}: recompute_scale_factor goes with scale_factor, not size")
    before = input.shape[2:]
    if size is not None:
        size = pair(size, f"{name}: size", 1)
        ratio = tuple(b / s for b, s in zip(before, size, strict=True))
    else:
        scales = (scale_factor,) * 2 if np.isscalar(scale_factor) else tuple(scale_factor)
        if len(scales) != 2 or not all(0 < scale < math.inf for scale in scales):
            raise ValueError(
                f"{name}: scale_factor={scale_factor!r}: expected a number above 0, or two"
            )
        size = tuple(int(b * s) for b, s in zip(before, scales, strict=True))
        if min(size) < 1:
            raise ValueError(
                f"{name}: scale_factor {scale_factor} leaves nothing of {tuple(before)}"
            )
        if recompute:
            ratio = tuple(b / s for b, s in zip(before, size, strict=True))
        else:
            ratio = tuple(1 / s for s in scales)
    return Interpolate(size, ratio, mode, bool(align_corners))


def cases():
    x = normal(2, 3, 5, 4)
    for mode in ("nearest", "bilinear"):
        yield Case(interpolate, (x,), {"size": (7, 9), "mode": mode}, label=f"{mode}-up")
        yield Case(interpolate, (x,), {"size": (3, 2), "mode": mode}, label=f"{mode}-down")
        options = {"scale_factor": (1.5, 0.7), "mode": mode}
        yield Case(interpolate, (x,), options, label=f"{mode}-scale")
    options = {"size": (8, 3), "mode": "bilinear", "align_corners": True}
    yield Case(interpolate, (x,), options, label="corners")
