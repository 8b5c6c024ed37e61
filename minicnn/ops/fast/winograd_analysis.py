r"""Into the domain of winograd.py: tiles of pictures, of gradients and filters become 6x6 numbers.

Each is a matrix with six rows, used down the columns of a tile and then across its rows:

    x   6x6 pixels       B^T: the remainders of the polynomial of a line (see winograd.py)
    gy  4x4 gradients    A:   its values at the points 0, 1, -1, 1/2, -2 and infinity
    w   3x3 weights      G:   its values at the same points, and a factor that B^T leaves out

What takes time is memory, not arithmetic: the matrices hold hardly more than halves and ones. So 64
maps at a time lie side by side in a buffer, t[column * COLUMN + line * LANES + map], and one vector
instruction works on 8 or 16 of them. Columns are transformed once for all tiles of a row, which
share two columns with each neighbour. Numba finds vector instructions only because lengths and
strides are constants (see dft16.py).
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import turn_over

LANES = 64  # maps that are transformed together
COLUMN = 6 * LANES + 16  # from a column of the buffer to the next; caches dislike powers of two
BLOCK = 6 * COLUMN  # a transformed tile: number (i, j), i down, at j * COLUMN + i * LANES + map
HALF, ONE_AND_HALF, TWO = np.float32(0.5), np.float32(1.5), np.float32(2)
QUARTER, EIGHTH, FOUR, EIGHT = np.float32(0.25), np.float32(0.125), np.float32(4), np.float32(8)
THIRD, FIFTEENTH, MINUS_16_15 = np.float32(1 / 3), np.float32(1 / 15), np.float32(-16 / 15)

winograd_pictures = Kernel(
    "winograd_pictures",
    "x[N, groups * C, H, W], tiling, ph, pw, first, spectrum[36, groups, T, C]"
    "; T % tiling[1] == 0; pw + (tiling[3] - 1) * tiling[5] + W <= 4 * tiling[1] + 2",
)
winograd_gradients = Kernel(
    "winograd_gradients",
    "gy[N, groups * C, H, W], tiling, first, spectrum[36, groups, T, C]"
    "; T % tiling[1] == 0; (tiling[3] - 1) * tiling[5] + W <= 4 * tiling[1]",
)
winograd_filters = Kernel(
    "winograd_filters",
    "w[F, C, 3, 3], transposed, spectrum[36, groups, I, J]"
    "; (F, C) == ((groups * J, I) if transposed else (groups * I, J))",
)


# ------------------------- the matrices: of t[j], t[j + s], ... six numbers out[j], out[j + o], ...
@helper(fused=True)
def of_pixels(t, j, s, out, o):
    """B^T, of six numbers."""
    x0, x1, x2 = t[j], t[j + s], t[j + 2 * s]
    x3, x4, x5 = t[j + 3 * s], t[j + 4 * s], t[j + 5 * s]
    d, e = x3 - x1, x4 - x2
    out[j] = x0 - x2 + e + ONE_AND_HALF * d
    out[j + o] = e + d + ONE_AND_HALF * (x3 + x2)
    out[j + 2 * o] = e - d + ONE_AND_HALF * (x3 - x2)
    out[j + 3 * o] = e + TWO * d
    out[j + 4 * o] = e - HALF * d
    out[j + 5 * o] = x5 - x3 - d + ONE_AND_HALF * e


@helper(fused=True)
def of_gradients(t, j, s, out, o):
    """A, of four numbers."""
    g0, g1, g2, g3 = t[j], t[j + s], t[j + 2 * s], t[j + 3 * s]
    even, odd = g0 + g2, g1 + g3
    out[j] = g0
    out[j + o], out[j + 2 * o] = even + odd, even - odd
    out[j + 3 * o] = g0 + QUARTER * g2 + (HALF * g1 + EIGHTH * g3)
    out[j + 4 * o] = g0 + FOUR * g2 - (TWO * g1 + EIGHT * g3)
    out[j + 5 * o] = g3


@helper(fused=True)
def of_weights(t, j, s, out, o):
    """G, of three numbers."""
    w0, w1, w2 = t[j], t[j + s], t[j + 2 * s]
    even, odd = THIRD * (w0 + w2), THIRD * w1
    out[j] = w0
    out[j + o], out[j + 2 * o] = odd + even, odd - even
    out[j + 3 * o] = MINUS_16_15 * (w0 + HALF * w1 + QUARTER * w2)
    out[j + 4 * o] = FIFTEENTH * (w0 - TWO * w1 + FOUR * w2)
    out[j + 5 * o] = w2


# ----------------------------------------------------------------------------- lines of many maps
@helper
def fetch(x, first, p, t):
    """Line p of the maps x[first:], of LANES at most, to a line of the buffer."""
    for k in range(min(LANES, len(x) - first)):
        line, place = x[first + k, p], t[k:]
        for q in range(line.size):
            place[q * COLUMN] = line[q]


@helper
def fetch_sixteen(numbers, size, starts, width, t):
    """The same for sixteen maps, whose lines of `width` numbers begin at `starts`; turned over in
    the registers. Whole vectors are read, as far as `size`, and the rest one by one."""
    for q in range(0, width, 16):
        if width >= 16:
            q = min(q, width - 16)
        if starts[15] + q + 16 <= size:
            turn_over(numbers[q:], starts, t[q * COLUMN :], COLUMN, min(16, width - q))
        else:
            for i in range(q, width):
                for k in range(16):
                    t[i * COLUMN + k] = numbers[starts[k] + i]


@helper
def fetch_lines(x, maps, sheet, tiling, lines, ph, pw, t):
    """`lines` lines of a sheet of pictures, (sheet, line) = sheet, of the maps from maps[0] to
    maps[1], LANES at most: those of its pictures that reach so far. What is between pictures is
    left alone."""
    _, _, down, across, pitch_down, pitch_across = tiling
    numbers, starts, (M, H, W) = x.ravel(), np.empty(16, np.int64), x.shape[1:]
    for u in range(lines):
        i, p = (sheet[1] + u - ph) // pitch_down, (sheet[1] + u - ph) % pitch_down
        if i < down and p < H:
            for j in range(across):
                n = (sheet[0] * down + i) * across + j
                if 0 <= i and n < len(x):
                    column = t[(pw + j * pitch_across) * COLUMN + u * LANES :]
                    for k in range(0, maps[1] - maps[0], 16):
                        for e in range(16):  # behind the last map the last one once more
                            starts[e] = ((n * M + min(maps[0] + k + e, maps[1] - 1)) * H + p) * W
                        fetch_sixteen(numbers, numbers.size, starts, W, column[k:])


@helper
def put(block, spectrum, g, row, first):
    """A transformed tile to its places: for each frequency a piece of one row."""
    count = min(LANES, spectrum.shape[3] - first)
    for f in range(36):
        line, place = block[f // 6 * COLUMN + f % 6 * LANES :], spectrum[f, g, row, first:]
        for k in range(count):
            place[k] = line[k]


# ------------------------------------------------------------------------------------- the kernels
@winograd_pictures.cpu
def winograd_pictures_cpu(x, tiling, ph, pw, first, spectrum):
    """The tiles of the sheets of x from row `first` of tiles on. Tile (a, b) is the window of 6x6
    pixels at (4 a - ph, 4 b - pw) of its sheet; `tiling` is explained in winograd.py."""
    TH, TW = tiling[0], tiling[1]
    groups, T, C = spectrum.shape[1:]
    pieces = (C + LANES - 1) // LANES
    for task in prange(T // TW * groups * pieces):
        row, g, k = task // (groups * pieces), task // pieces % groups, task % pieces * LANES
        sheet = (first + row) // TH, (first + row) % TH * 4
        t, block = np.zeros((4 * TW + 2) * COLUMN, x.dtype), np.empty(BLOCK, x.dtype)
        fetch_lines(x, (g * C + k, g * C + min(k + LANES, C)), sheet, tiling, 6, ph, pw, t)
        for q in range(4 * TW + 2):
            column = t[q * COLUMN :]
            for j in range(LANES):
                of_pixels(column, j, LANES, column, LANES)
        for b in range(TW):
            tile = t[4 * b * COLUMN :]
            for j in range(6 * LANES):
                of_pixels(tile, j, COLUMN, block, COLUMN)
            put(block, spectrum, g, row * TW + b, k)


@winograd_gradients.cpu
def winograd_gradients_cpu(gy, tiling, first, spectrum):
    """The tiles of the sheets of gy, 4x4 numbers each, in the order of those of x."""
    TH, TW = tiling[0], tiling[1]
    groups, T, C = spectrum.shape[1:]
    pieces = (C + LANES - 1) // LANES
    for task in prange(T // TW * groups * pieces):
        row, g, k = task // (groups * pieces), task // pieces % groups, task % pieces * LANES
        sheet = (first + row) // TH, (first + row) % TH * 4
        t, block = np.zeros(4 * TW * COLUMN, gy.dtype), np.empty(BLOCK, gy.dtype)
        fetch_lines(gy, (g * C + k, g * C + min(k + LANES, C)), sheet, tiling, 4, 0, 0, t)
        for q in range(4 * TW):
            column = t[q * COLUMN :]
            for j in range(LANES):
                of_gradients(column, j, LANES, column, LANES)
        for b in range(TW):
            tile = t[4 * b * COLUMN :]
            for j in range(6 * LANES):
                of_gradients(tile, j, COLUMN, block, COLUMN)
            put(block, spectrum, g, row * TW + b, k)


@winograd_filters.cpu
def winograd_filters_cpu(w, transposed, spectrum):
    """The filters, each a tile of its own: for each group a matrix (filters, maps), or (maps,
    filters)."""
    groups, rows, columns = spectrum.shape[1:]
    for task in prange(groups * rows):
        g, row = task // rows, task % rows
        t, block = np.zeros(3 * COLUMN, w.dtype), np.empty(BLOCK, w.dtype)
        for k in range(0, columns, LANES):
            for u in range(3):
                if transposed:
                    fetch(w[g * columns : (g + 1) * columns, row], k, u, t[u * LANES :])
                else:
                    fetch(w[task], k, u, t[u * LANES :])
            for v in range(3):
                column = t[v * COLUMN :]
                for j in range(LANES):
                    of_weights(column, j, LANES, column, LANES)
            for j in range(6 * LANES):
                of_weights(t, j, COLUMN, block, COLUMN)
            put(block, spectrum, g, row, k)
