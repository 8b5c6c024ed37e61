"""avg_pool2d by rows: first down the columns, along whole rows of the picture, then the columns of
each window.

That is K + L additions instead of K L, and neighbours in memory are added together, so that vector
instructions serve.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.avg_pool2d import avg_pool2d_backward, avg_pool2d_forward

avg_pool2d_forward_rows = Kernel("avg_pool2d_forward_rows")
avg_pool2d_backward_rows = Kernel("avg_pool2d_backward_rows")
avg_pool2d_forward.fast()(avg_pool2d_forward_rows)
avg_pool2d_backward.fast()(avg_pool2d_backward_rows)


@helper
def windows_with(column, W, sw, OW):
    """The windows (first to end, exclusively) whose column, counted from that of the first window,
    lies in the picture."""
    first = max(-(column // sw), 0)
    return first, max(min((W - 1 - column) // sw + 1, OW), first)


@helper
def add_every(values, step, total):
    for j in range(len(total)):
        total[j] += values[step * j]


@avg_pool2d_forward_rows.cpu
def avg_pool2d_forward_rows_cpu(x, divisor, K, L, sh, sw, ph, pw, y):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for row in prange(N * C * OH):
        n, c, i = row // OH // C, row // OH % C, row % OH
        columns, total = np.zeros(W, x.dtype), np.zeros(OW, x.dtype)
        for p in range(max(i * sh - ph, 0), min(i * sh - ph + K, H)):
            source = x[n, c, p]
            for q in range(W):
                columns[q] += source[q]
        for v in range(L):
            first, end = windows_with(v - pw, W, sw, OW)
            if first == end:
                continue
            q = first * sw + v - pw
            if sw == 2:  # the same, but for a stride that the compiler knows it does eight at once
                add_every(columns[q:], 2, total[first:end])
            else:
                add_every(columns[q:], sw, total[first:end])
        out, M = y[n, c, i], divisor[i]
        for j in range(OW):
            out[j] = total[j] / M[j]


@avg_pool2d_backward_rows.cpu
def avg_pool2d_backward_rows_cpu(gy, divisor, K, L, sh, sw, ph, pw, gx):
    N, C, H, W = gx.shape
    OH, OW = gy.shape[2:]
    for row in prange(N * C * H):
        n, c, p = row // H // C, row // H % C, row % H
        out, share = gx[n, c, p], np.empty(OW, gy.dtype)
        out[:] = 0
        for u in range(K):
            i = p + ph - u
            if i % sh != 0 or i < 0 or i // sh >= OH:
                continue
            g, M = gy[n, c, i // sh], divisor[i // sh]
            for j in range(OW):
                share[j] = g[j] / M[j]
            for v in range(L):
                first, end = windows_with(v - pw, W, sw, OW)
                for j in range(first, end):
                    out[j * sw + v - pw] += share[j]
