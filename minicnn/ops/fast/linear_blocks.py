"""The three products of a linear layer in blocks of registers: x (rows, K), w (F, K), gy (rows, F).

    y^T = w x^T     eight rows of w, read in order, meet 16 to 48 rows of x, which lie side by side
    gx  = gy w      some lines of w are fetched into a near cache, where all rows of gy meet them
    gw  = gy^T x    each block is written once, and not read before

So w, the largest array, is read once, and its gradient is written once.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import (  # noqa: F401  (kernels call the blocks)
    MOST,
    gather_rows,
    lanes,
    panel_block,
    rows_block,
    shape,
)

by_rows = Kernel(
    "linear_by_rows",
    "x[blocks, K, columns], w[F, K], lanes, R, yT[blocks, F, columns]"
    "; columns % lanes == 0; columns <= 3 * lanes; F % R == 0",
)
by_strips = Kernel(
    "linear_by_strips",
    "gy[rows, F], w[F, K], lanes, R, gx[rows, K]; rows % R == 0; K % 16 == 0",
)
outer = Kernel(
    "linear_outer", "gy[panels, rows, R], x[rows, K], lanes, gw[panels * R, K]; K % lanes == 0"
)


@helper
def rows_of_y(x, w, first, R, places, y):
    """y (blocks, F, columns) of R rows of w: 256 numbers of each at a time."""
    blocks, K, columns = x.shape
    numbers, starts = w.ravel(), (first + np.arange(R)) * K
    for k in range(0, K, 256):
        for block in range(blocks):
            near, out = x[block, k:].ravel(), y[block, first : first + R]
            rows_block(numbers[k:], starts, near, places[: min(256, K - k)], out, k == 0)


@by_rows.cpu
def by_rows_cpu(x, w, lanes, R, yT):
    places = x.shape[2] * np.arange(256)
    for block in prange(len(w) // R):
        rows_of_y(x, w, block * R, R, places, yT)


@helper
def strip_of_gx(gy, w, start, columns, R, lanes, gx):
    """The columns start, start + 1, ... of gx."""
    (rows, F), K = gy.shape, w.shape[1]
    near = np.empty(64 * columns, w.dtype)
    numbers, long_gy = w.ravel(), gy.ravel()
    lines, places = K * np.arange(64), columns * np.arange(64)
    for f in range(0, F, 64):
        count = min(64, F - f)
        gather_rows(numbers[f * K + start :], lines[:count], near, columns, columns // 16)
        for c in range(0, columns, 3 * lanes):
            width = min(3 * lanes, columns - c)
            for r in range(0, rows, R):
                out = gx[r : r + R, start + c : start + c + width]
                starts = (r + np.arange(R)) * F
                rows_block(long_gy[f:], starts, near[c:], places[:count], out, f == 0)


@by_strips.cpu
def by_strips_cpu(gy, w, lanes, R, gx):
    K = w.shape[1]
    for strip in prange((K + 767) // 768):
        strip_of_gx(gy, w, strip * 768, min(768, K - strip * 768), R, lanes, gx)


@helper
def rows_of_gw(gy, x, lanes, places, gw):
    K = x.shape[1]
    numbers = x.ravel()
    for k in range(0, K, 3 * lanes):
        panel_block(gy, numbers[k:], places, gw[:, k : min(k + 3 * lanes, K)], True)


@outer.cpu
def outer_cpu(gy, x, lanes, gw):
    (panels, _, R), places = gy.shape, x.shape[1] * np.arange(len(x))
    for p in prange(panels):
        rows_of_gw(gy[p], x, lanes, places, gw[p * R : p * R + R])


# --------------------------------------------------------------------------- what linear.py calls
def forward(x, w):
    rows, V = len(x), lanes(w.dtype)
    vectors = -(-rows // V)
    blocks = -(-vectors // MOST)  # as equal as can be
    columns = -(-vectors // blocks) * V
    side_by_side = np.zeros((blocks, x.shape[1], columns), x.dtype)
    for block in range(blocks):
        part = x[block * columns : (block + 1) * columns]
        side_by_side[block, :, : len(part)] = part.T
    yT = np.empty((blocks, len(w), columns), w.dtype)
    by_rows(side_by_side, w, V, shape()[0], yT)
    return yT.transpose(0, 2, 1).reshape(-1, len(w))[:rows].copy()


def grad_input(gy, w):
    R, rows = shape()[0], len(gy)
    if rows % R:
        gy = np.pad(gy, ((0, -rows % R), (0, 0)))
    gx = np.empty((len(gy), w.shape[1]), w.dtype)
    by_strips(gy, w, lanes(w.dtype), R, gx)
    return gx if len(gy) == rows else gx[:rows].copy()


def grad_weight(gy, x):
    R = shape()[0]
    gw = np.empty((gy.shape[1], x.shape[1]), x.dtype)
    panels = np.ascontiguousarray(gy.reshape(len(gy), -1, R).transpose(1, 0, 2))
    outer(panels, x, lanes(x.dtype), gw)
    return gw
