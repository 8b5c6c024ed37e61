"""interpolate in two steps: rows are mixed as a whole, then columns (or the other way round).

That is A + B products for each pixel instead of A B, and whole rows serve vector instructions.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.interpolate import resample

resample_rows = Kernel("resample_rows")
resample.fast()(resample_rows)


@helper
def mix_rows(plane, rows, weights, i, out):
    out[:] = 0
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


@resample_rows.cpu
def resample_rows_cpu(x, rows, row_weights, cols, col_weights, y):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for plane in prange(N * C):
        n, c = plane // C, plane % C
        # Columns are gathered one by one, rows are added as a whole: so the columns come where
        # there are fewer rows, first when the picture becomes larger and last when smaller.
        if OH > H:
            wide = np.empty((H, OW), x.dtype)
            for p in range(H):
                mix_columns(x[n, c, p], cols, col_weights, wide[p])
            for i in range(OH):
                mix_rows(wide, rows, row_weights, i, y[n, c, i])
        else:
            mixed = np.empty(W, x.dtype)
            for i in range(OH):
                mix_rows(x[n, c], rows, row_weights, i, mixed)
                mix_columns(mixed, cols, col_weights, y[n, c, i])
