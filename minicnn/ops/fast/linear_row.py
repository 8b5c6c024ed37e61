"""The gradient of a linear layer by its input, for a batch of one row: gx = gy w.

It is the sum of the rows of w, weighted by the numbers of gy, and takes as long as reading w once.
So eight rows of w at a time are read in order, side by side; each thread has some rows, and the
sums of all are added. Memory is read ahead where one reads on and on: rows in pieces would take
half as long again.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, helper, prange

weighted_rows = Kernel("weighted_rows", "gy[F], w[F, K], parts[number, K]; number <= F")


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
def weighted_rows_cpu(gy, w, parts):
    """gx as the sum of `parts`, each over some rows of w."""
    (F, K), number, numbers = w.shape, len(parts), w.ravel()
    for part in prange(number):
        first, end, out = part * F // number, (part + 1) * F // number, parts[part]
        eights = end - (end - first) % 8
        out[:] = 0
        for f in range(first, eights, 8):
            add_eight(gy[f:], numbers[f * K :], K, out)
        for f in range(eights, end):
            line, factor = w[f], gy[f]
            for i in range(K):
                out[i] += factor * line[i]


def grad_input(gy, w):
    """gy w for gy (1, F) and w (F, K)."""
    parts = np.empty((min(get_num_threads(), len(w)), w.shape[1]), w.dtype)
    weighted_rows(gy[0], w, parts)
    return parts.sum(axis=0, keepdims=True)
