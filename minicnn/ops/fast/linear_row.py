"""The gradient of a linear layer by its input, for a batch of one row: gx = gy w.

It is the sum of the rows of w, weighted by the numbers of gy, and takes as long as reading w once.
So eight rows of w at a time are read in order, side by side, and each thread has some columns.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, helper, prange

PIECE = 2048  # columns: their sums stay in the nearest cache

weighted_rows = Kernel("weighted_rows", "gy[F], w[F, K], piece, gx[K]; piece >= 1")


@helper
def add_eight(g, w, K, out):
    """out += the sum of eight rows of w, K numbers apart, each times a number of g."""
    a, b, c, d = w, w[K:], w[2 * K :], w[3 * K :]
    p, q, r, s = w[4 * K :], w[5 * K :], w[6 * K :], w[7 * K :]
    g0, g1, g2, g3, g4, g5, g6, g7 = g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7]
    for i in range(out.size):
        first = g0 * a[i] + g1 * b[i] + g2 * c[i] + g3 * d[i]
        out[i] += first + (g4 * p[i] + g5 * q[i] + g6 * r[i] + g7 * s[i])


@weighted_rows.cpu
def weighted_rows_cpu(gy, w, piece, gx):
    F, K = w.shape
    numbers, eights = w.ravel(), F - F % 8
    for part in prange((K + piece - 1) // piece):
        first, end = part * piece, min(K, part * piece + piece)
        out = gx[first:end]
        out[:] = 0
        for f in range(0, eights, 8):
            add_eight(gy[f:], numbers[f * K + first :], K, out)
        for f in range(eights, F):
            line, factor = w[f, first:end], gy[f]
            for i in range(out.size):
                out[i] += factor * line[i]


def grad_input(gy, w):
    """gy w for gy (1, F) and w (F, K)."""
    gx = np.empty((1, w.shape[1]), w.dtype)
    piece = min(PIECE, -(-w.shape[1] // get_num_threads()))
    weighted_rows(gy[0], w, piece, gx[0])
    return gx
