"""A 1x1 convolution to fewer than 64 maps, or from fewer, in blocks of registers.

BLAS copies both factors of a product of matrices in an order of its own, which takes as long as a
product of few rows. Here x is read as it lies: of 480 pixels 32 maps at a time, which all filters
meet, eight at a time (register_blocks.py), while they are in the nearest cache.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.matrix_product import matrices
from minicnn.ops.fast.register_blocks import lanes, panel_block, shape  # noqa: F401  (kernels call)

PIECE = 480  # pixels: a multiple of all blocks
DEPTH = 32  # maps

few_blocks = Kernel(
    "few_blocks",
    "x[C, pixels], w[panels, C, R], b[F], lanes, y[F, pixels]; panels * R >= F; pixels >= 480",
)


@helper
def piece_of_y(x, pixels, w, start, end, lanes, tile):
    """tile (panels * R, pixels from start to end) = w x."""
    panels, C, R = w.shape
    places = pixels * np.arange(DEPTH)
    for k in range(0, C, DEPTH):
        depth = min(DEPTH, C - k)
        for q in range(start, end, 3 * lanes):
            columns = slice(q - start, min(q + 3 * lanes, end) - start)
            near = x[k * pixels + q :]
            for p in range(panels):
                part = tile[p * R : p * R + R, columns]
                panel_block(w[p, k : k + depth], near, places[:depth], part, k == 0)


@few_blocks.cpu
def few_blocks_cpu(x, w, b, lanes, y):
    """y (F, pixels) = w x + b, where R filters after the other are packed side by side in w."""
    pixels, numbers = x.shape[1], x.ravel()
    for piece in prange((pixels + PIECE - 1) // PIECE):
        first, end = piece * PIECE, min(pixels, piece * PIECE + PIECE)
        # whole vectors: the last one begins before the piece rather than ending behind the picture
        start = end - (end - first + lanes - 1) // lanes * lanes
        tile = np.empty((w.shape[0] * w.shape[2], PIECE), x.dtype)
        piece_of_y(numbers, pixels, w, start, end, lanes, tile)
        for f in range(len(b)):
            line, out, bias = tile[f, first - start :], y[f, first:end], b[f]
            for i in range(end - first):
                out[i] = line[i] + bias


def times(W, b, X, Y):
    """Y (N, groups, M, pixels) = W (groups, M, K) X (N, groups, K, pixels) + b (groups, M)."""
    R, V, (groups, M, K) = shape()[0], lanes(X.dtype), W.shape
    packed = np.zeros((groups, -(-M // R) * R, K), W.dtype)
    packed[:, :M] = W
    packed = np.ascontiguousarray(packed.reshape(groups, -1, R, K).swapaxes(2, 3))
    for n, g in np.ndindex(Y.shape[:2]):
        few_blocks(X[n, g], packed[g], b[g], V, Y[n, g])


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    W = w.reshape(groups, len(w) // groups, -1)
    times(W, b.reshape(groups, -1), matrices(x, groups), matrices(y, groups))


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx, keep):
    W = w.reshape(groups, len(w) // groups, -1).swapaxes(1, 2)
    none = np.zeros(W.shape[:2], w.dtype)
    times(W, none, matrices(gy, groups), matrices(gx, groups))
