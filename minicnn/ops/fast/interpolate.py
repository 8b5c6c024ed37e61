"""interpolate in two steps: rows are mixed as a whole, then columns (or the other way round).

That is A + B products for each pixel instead of A B, and whole rows serve vector instructions.

`resample_onto` adds something else (`base`, as large as the result) while a row is there anyway:
ops/interpolate_onto.py.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.interpolate import resample

resample_rows = Kernel("resample_rows")
resample.fast()(resample_rows)
resample_onto = Kernel(
    "resample_onto",
    "base[N, C, OH, OW], x[N, C, H, W], int64 rows[A, OH], row_weights[A, OH], int64 cols[B, OW], "
    "col_weights[B, OW], y[N, C, OH, OW]; 0 <= lowest(rows); highest(rows) < H; 0 <= lowest(cols)"
    "; highest(cols) < W",
)


@helper
def mix_two(weight, source, its_weight, other, base, out):
    for q in range(len(out)):
        out[q] = base[q] + weight * source[q] + its_weight * other[q]


@helper
def mix_rows(plane, rows, weights, i, base, out):
    """out = base + the rows of a plane that row i mixes."""
    if len(rows) == 2 and weights[0, i] != 0 and weights[1, i] != 0:  # nearly always
        first, second = plane[np.uint64(rows[0, i])], plane[np.uint64(rows[1, i])]
        mix_two(weights[0, i], first, weights[1, i], second, base, out)
        return
    for q in range(len(out)):  # «out[:] = base» would take seconds to compile
        out[q] = base[q]
    for k in range(len(rows)):
        weight, source = weights[k, i], plane[rows[k, i]]
        if weight != 0:
            for q in range(len(out)):
                out[q] += weight * source[q]


@helper
def mix_columns(row, cols, weights, out):
    """Two sources at a time. A place is no negative number, which Numba would ask for each."""
    none = row.dtype.type(0)
    out[:] = none
    for k in range(0, len(cols), 2):
        source, weight = cols[k], weights[k]
        if k + 1 == len(cols):
            for j in range(len(out)):
                value = row[np.uint64(source[j])]
                out[j] += weight[j] * value if weight[j] != 0 else none
        else:
            other, its_weight = cols[k + 1], weights[k + 1]
            for j in range(len(out)):
                value, second = row[np.uint64(source[j])], row[np.uint64(other[j])]
                value = weight[j] * value if weight[j] != 0 else none
                out[j] += value + (its_weight[j] * second if its_weight[j] != 0 else none)


@helper
def add_row(row, out):
    for q in range(len(out)):
        out[q] += row[q]


@helper
def resample_plane(x, rows, row_weights, cols, col_weights, base, y):
    """One plane; `base` is as large as y, or empty: then nothing is added.

    Columns are gathered one by one, rows are added as a whole: so the columns come where there are
    fewer rows, first when the picture becomes larger and last when smaller."""
    (H, W), (OH, OW) = x.shape, y.shape
    none = np.zeros(max(W, OW), x.dtype)
    if OH > H:
        wide = np.empty((H, OW), x.dtype)
        for p in range(H):
            mix_columns(x[p], cols, col_weights, wide[p])
        for i in range(OH):
            under = base[i] if len(base) else none[:OW]
            mix_rows(wide, rows, row_weights, i, under, y[i])
        return
    mixed = np.empty(W, x.dtype)
    for i in range(OH):
        mix_rows(x, rows, row_weights, i, none[:W], mixed)
        mix_columns(mixed, cols, col_weights, y[i])
        if len(base):
            add_row(base[i], y[i])


@resample_rows.cpu
def resample_rows_cpu(x, rows, row_weights, cols, col_weights, y):
    N, C, _, OW = y.shape
    for plane in prange(N * C):
        n, c = plane // C, plane % C
        nothing = y[n, c, :0]
        resample_plane(x[n, c], rows, row_weights, cols, col_weights, nothing, y[n, c])


@resample_onto.cpu
def resample_onto_cpu(base, x, rows, row_weights, cols, col_weights, y):
    C = x.shape[1]
    for plane in prange(len(x) * C):
        n, c = plane // C, plane % C
        resample_plane(x[n, c], rows, row_weights, cols, col_weights, base[n, c], y[n, c])
