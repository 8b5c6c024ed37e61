r"""The products of winograd.py: a product of matrices at each of the 36 places.

    Y[f] = X[f] W[f]^T        GX[f] = GY[f] W[f]        GW[f] = GY[f]^T X[f]

They are the business of BLAS, but for GX of few tiles: there W is the largest of all arrays, and
reading it takes a good part of the time. So these run in blocks of registers (register_blocks.py),
for which a strip of W is laid out in the nearest cache; that takes 10 to 20 % less time.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, prange
from minicnn.ops.fast import register_blocks
from minicnn.ops.fast.im2col import add
from minicnn.ops.fast.register_blocks import gather_rows, row_starts, rows_block

PLACES = 36  # numbers of a tile
ROWS = 512  # tiles of one piece of a large product
FEW = 128  # tiles
SMALL = 1_000_000  # multiplications of a product that OpenBLAS does at once, without copying
DEPTH, STRIP = 128, 48  # rows and columns of a factor that lie in the nearest cache

products = Kernel(
    "winograd_products",
    "left[36, groups, M, K], right[36, groups, P, Q], right_transposed, rows, "
    "out[36, groups, M, N]; (K, N) == ((Q, P) if right_transposed else (P, Q))",
)
products_over_rows = Kernel(
    "winograd_products_over_rows",
    "left[36, groups, K, M], right[36, groups, K, N], rows, out[36, groups, M, N]",
)
few_by_strips = Kernel(
    "winograd_few_by_strips",
    "left[36, groups, M, K], right[36, groups, K, N], lanes, R, out[36, groups, M, N]; N % 16 == 0",
)


# ---------------------------------------------------------------------------------- by way of BLAS
@products.cpu
def products_cpu(left, right, right_transposed, rows, out):
    """The product of matrices at each place, for each group, in pieces of so many rows."""
    groups, M = out.shape[1], out.shape[2]
    pieces = (M + rows - 1) // rows
    for task in prange(PLACES * groups * pieces):
        f, g, first = task // (groups * pieces), task // pieces % groups, task % pieces * rows
        a, b, part = left[f, g, first : first + rows], right[f, g], out[f, g, first : first + rows]
        if right_transposed:
            np.dot(a, b.T, part)
        else:
            np.dot(a, b, part)


@products_over_rows.cpu
def products_over_rows_cpu(left, right, rows, out):
    """left^T right at each place, for each group, as the sum over pieces of so many rows."""
    groups, K = left.shape[1], left.shape[2]
    for task in prange(PLACES * groups):
        f, g = task // groups, task % groups
        a, b, total = left[f, g], right[f, g], out[f, g]
        np.dot(a[:rows].T, b[:rows], total)
        if rows < K:
            more = np.empty_like(total)
            for first in range(rows, K, rows):
                np.dot(a[first : first + rows].T, b[first : first + rows], more)
                add(more, total)


# ------------------------------------------------------------------------------- of few tiles
@few_by_strips.cpu
def few_by_strips_cpu(left, right, lanes, R, out):
    """left right: a task is a strip of 48 columns, of which 128 rows of `right` at a time are laid
    out in the nearest cache for all rows of `left`."""
    groups, M, N = out.shape[1:]
    K, strips = left.shape[3], (N + STRIP - 1) // STRIP
    for task in prange(PLACES * groups * strips):
        f, g, first = task // (groups * strips), task // strips % groups, task % strips * STRIP
        a, b, c = left[f, g].ravel(), right[f, g].ravel(), out[f, g]
        columns = min(STRIP, N - first)
        near, starts = np.empty(DEPTH * columns, a.dtype), np.empty(R, np.int64)
        places, lines = columns * np.arange(DEPTH), N * np.arange(DEPTH)
        tile = np.empty(((M + R - 1) // R * R, columns), a.dtype)
        for k in range(0, K, DEPTH):
            depth = min(DEPTH, K - k)
            gather_rows(b[k * N + first :], lines[:depth], near, columns, columns // 16)
            for row in range(0, M, R):
                row_starts(row, M, K, starts)
                for q in range(0, columns, 3 * lanes):
                    part = tile[row : row + R, q : min(q + 3 * lanes, columns)]
                    rows_block(a[k:], starts, near[q:], places[:depth], part, k == 0)
        for i in range(M):
            line, to = tile[i], c[i, first:]
            for j in range(columns):
                to[j] = line[j]


# ------------------------------------------------------------------------- what winograd.py calls
def small(columns, inner):
    """How many rows a small product may have; of fewer than 32 it would be slow elsewhere."""
    return SMALL // (columns * inner) // 8 * 8


def times(X, W):
    """X W for X (36, groups, tiles, K) and W (36, groups, K, N)."""
    tiles, inner, columns = X.shape[2], *W.shape[2:]
    out, rows = np.empty((*X.shape[:3], columns), X.dtype), small(columns, inner)
    if rows < 32 and tiles <= FEW and columns % 16 == 0 and (shape := register_blocks.shape()):
        few_by_strips(X, W, register_blocks.lanes(X.dtype), shape[0], out)
    else:
        products(X, W, False, rows if rows >= 32 else ROWS, out)
    return out


def times_transposed(X, W):
    """X (36, groups, tiles, C) times the transpose of W (36, groups, F, C)."""
    out = np.empty((*X.shape[:3], W.shape[2]), X.dtype)
    products(X, W, True, ROWS, out)
    return out


def sum_over_tiles(GY, X):
    """GY^T (36, groups, F, tiles) X (36, groups, tiles, C)."""
    out = np.empty((*GY.shape[:2], GY.shape[3], X.shape[3]), X.dtype)
    rows = small(*out.shape[2:])
    products_over_rows(GY, X, rows if rows >= 64 else GY.shape[2], out)
    return out
