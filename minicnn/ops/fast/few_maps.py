"""A 1x1 convolution to a handful of maps, forward.

It is a product of matrices in which reading x takes longer than the arithmetic. So x is read once,
four maps at a time, and not copied as BLAS would do.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.matrix_product import matrices

PIECE = 512  # pixels

few_maps = Kernel("few_maps", "x[C, pixels], w[F, C], b[F], y[F, pixels]")


@helper
def add_four(p, q, r, s, w, out):
    a, b, c, d = w[0], w[1], w[2], w[3]
    for i in range(out.size):
        out[i] += a * p[i] + b * q[i] + c * r[i] + d * s[i]


@few_maps.cpu
def few_maps_cpu(x, w, b, y):
    """y (F, pixels) = w x + b. Each thread has some of the pixels of x (C, pixels)."""
    (C, pixels), F = x.shape, len(w)
    for piece in prange((pixels + PIECE - 1) // PIECE):
        first, end = piece * PIECE, min(pixels, piece * PIECE + PIECE)
        for c in range(F):
            y[c, first:end] = b[c]
        for k in range(0, C - C % 4, 4):
            p, q = x[k, first:end], x[k + 1, first:end]
            r, s = x[k + 2, first:end], x[k + 3, first:end]
            for c in range(F):
                add_four(p, q, r, s, w[c, k:], y[c, first:end])
        for k in range(C - C % 4, C):
            for c in range(F):
                line, out, factor = x[k, first:end], y[c, first:end], w[c, k]
                for i in range(out.size):
                    out[i] += factor * line[i]


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    share = len(w) // groups
    W, X, Y = w.reshape(groups, share, -1), matrices(x, groups), matrices(y, groups)
    for n, g in np.ndindex(Y.shape[:2]):
        few_maps(X[n, g], W[g], b.reshape(groups, share)[g], Y[n, g])
