"""The window sums of local_contrast_norm by rows, and in two steps where that is possible.

By rows: a whole row of the result at a time, with one weight, so that vector instructions serve.
In two steps: a window that is a column times a row, as Gaussians are, is taken first down the
columns, then along the rows: K + L products a pixel, not K L.
"""

import numpy as np

from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.op import contiguous
from minicnn.ops.local_contrast_norm import window_sum

window_sum_rows = Kernel("window_sum_rows")


@window_sum.fast()
def window_sum_fast(a, w, above, left, y):
    if not is_product(w):
        return window_sum_rows(a, w, above, left, y)
    down = empty_like(a)
    window_sum_rows(a, contiguous(w.sum(1)[:, None]), above, 0, down)
    window_sum_rows(down, contiguous(w.sum(0)[None]), 0, left, y)


def is_product(w):
    """Whether w is a column times a row, as Gaussians and equal weights are. Its sum is 1."""
    if 1 in w.shape:
        return False
    error = abs(w.sum(1)[:, None] * w.sum(0) - w).max()
    return bool(error <= 4 * np.finfo(w.dtype).eps * w.max())


@window_sum_rows.cpu
def window_sum_rows_cpu(a, w, above, left, y):
    N, H, W = a.shape
    K, L = w.shape
    for row in prange(N * H):
        n, i = row // H, row % H
        y[n, i] = 0
        for u in range(max(above - i, 0), min(above - i + H, K)):
            for v in range(L):
                first, end = max(left - v, 0), max(min(left - v + W, W), 0)
                weight, sums = w[u, v], y[n, i, first:end]
                source = a[n, i + u - above, first + v - left :]
                for j in range(len(sums)):  # a whole row at once: vector instructions serve
                    sums[j] += weight * source[j]
