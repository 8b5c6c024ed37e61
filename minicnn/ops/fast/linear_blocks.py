"""The three products of a linear layer in blocks of registers: x (rows, K), w (F, K), gy (rows, F).

    y^T = w x^T     eight rows of w, read in order, meet 16 to 48 rows of x, which lie side by side
    gx  = gy w      16 rows of w at a time, read in order, meet all rows of gy; each thread has its
                    own rows of w, whose sums are added
    gw  = gy^T x    each block is written once, and not read before

So w, the largest array, is read once, and its gradient is written once.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import (  # noqa: F401  (kernels call the blocks)
    MOST,
    lanes,
    panel_block,
    rows_block,
    shape,
)

DEPTH = 16  # rows of w that are read side by side
NEAR = 18432  # columns of gx of eight rows, whose sums stay in the second cache

by_rows = Kernel(
    "linear_by_rows",
    "x[blocks, K, columns], w[F, K], lanes, R, yT[blocks, F, columns]"
    "; columns % lanes == 0; columns <= 3 * lanes; F % R == 0",
)
by_pieces = Kernel(
    "linear_by_pieces",
    "gy[panels, F, R], w[F, K], lanes, piece, parts[number, panels * R, wide]"
    "; K % lanes == 0; K <= wide; piece % (3 * lanes) == 0; number <= F",
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
def piece_of_gx(gy, w, K, lines, first, end, lanes, out):
    """Columns from first to end of out (panels * R, at least K): the sum over the rows of w from
    lines[0] to lines[1]; w is a long row of numbers."""
    panels, _, R = gy.shape
    places = K * np.arange(DEPTH)
    for f in range(lines[0], lines[1], DEPTH):
        count = min(DEPTH, lines[1] - f)
        for k in range(first, end, 3 * lanes):
            near, columns = w[f * K + k :], slice(k, min(k + 3 * lanes, end))
            for p in range(panels):
                part = out[p * R : p * R + R, columns]
                panel_block(gy[p, f : f + count], near, places[:count], part, f == lines[0])


@by_pieces.cpu
def by_pieces_cpu(gy, w, lanes, piece, parts):
    """gx as the sum of `parts`, each over some rows of w; a task has `piece` columns of one."""
    (F, K), number = w.shape, len(parts)
    pieces = (K + piece - 1) // piece
    for task in prange(number * pieces):
        part, first = task // pieces, task % pieces * piece
        lines = part * F // number, (part + 1) * F // number
        end = min(K, first + piece)
        piece_of_gx(gy, w.ravel(), K, lines, first, end, lanes, parts[part])


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
    (rows, F), K, R, V = gy.shape, w.shape[1], shape()[0], lanes(w.dtype)
    packed = np.zeros((-(-rows // R) * R, F), gy.dtype)
    packed[:rows] = gy
    packed = np.ascontiguousarray(packed.reshape(-1, R, F).swapaxes(1, 2))
    few, threads = len(packed) <= 4, get_num_threads()
    piece = min(K, NEAR // len(packed))
    if not few:  # sums of many rows are not worth it that each thread has its own
        piece = min(piece, -(-K // threads))
    wide = K + 16 * (K // 16 % 2 == 0)  # caches dislike rows that lie a power of two apart
    parts = np.empty((min(threads, F) if few else 1, len(packed) * R, wide), w.dtype)
    by_pieces(packed, w, V, -(-piece // (3 * V)) * 3 * V, parts)
    parts = parts[:, :rows, :K]
    return parts[0].copy() if len(parts) == 1 else parts.sum(axis=0)


def grad_weight(gy, x):
    R = shape()[0]
    gw = np.empty((gy.shape[1], x.shape[1]), x.dtype)
    panels = np.ascontiguousarray(gy.reshape(len(gy), -1, R).transpose(1, 0, 2))
    outer(panels, x, lanes(x.dtype), gw)
    return gw
