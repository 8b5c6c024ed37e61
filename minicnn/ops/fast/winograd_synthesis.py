r"""Back from the domain of winograd.py: 6x6 numbers become pixels of y, of gx, or weights of gw.

The matrices are the transposes of those in winograd_analysis.py:

    y    A^T   4x4 pixels
    gx   B     6x6 pixels, which add up where tiles overlap
    gw   G^T   3x3 weights

The buffers are those of winograd_analysis.py, too.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.winograd_analysis import (
    BLOCK,
    COLUMN,
    EIGHT,
    EIGHTH,
    FIFTEENTH,
    FOUR,
    HALF,
    LANES,
    MINUS_16_15,
    ONE_AND_HALF,
    QUARTER,
    THIRD,
    TWO,
)

winograd_results = Kernel(
    "winograd_results",
    "spectrum[36, groups, T, C], tiling, first, b[groups * C], y[N, groups * C, H, W]"
    "; T % tiling[1] == 0; (tiling[3] - 1) * tiling[5] + W <= 4 * tiling[1]",
)
winograd_grad_pictures = Kernel(
    "winograd_grad_pictures",
    "spectrum[36, groups, T, C], tiling, ph, pw, first, gx[N, groups * C, H, W]"
    "; T % tiling[1] == 0; pw + (tiling[3] - 1) * tiling[5] + W <= 4 * tiling[1] + 2",
)
winograd_grad_filters = Kernel(
    "winograd_grad_filters", "spectrum[36, groups, F, C], gw[groups * F, C, 3, 3]"
)


# -------------------------------------------------------- the matrices, see winograd_analysis.py
@helper(fused=True)
def to_results(t, j, s, out, o):
    """A^T: four numbers."""
    m0, m1, m2 = t[j], t[j + s], t[j + 2 * s]
    m3, m4, m5 = t[j + 3 * s], t[j + 4 * s], t[j + 5 * s]
    even, odd = m1 + m2, m1 - m2
    out[j] = m0 + even + m3 + m4
    out[j + o] = odd + HALF * m3 - TWO * m4
    out[j + 2 * o] = even + QUARTER * m3 + FOUR * m4
    out[j + 3 * o] = odd + EIGHTH * m3 - EIGHT * m4 + m5


@helper(fused=True)
def to_pixels(t, j, s, out, o, old):
    """B: six numbers, added to `old` times what is there."""
    m0, m1, m2 = t[j], t[j + s], t[j + 2 * s]
    m3, m4, m5 = t[j + 3 * s], t[j + 4 * s], t[j + 5 * s]
    out[j] = old * out[j] + m0
    out[j + o] = old * out[j + o] + (m2 - m1 - ONE_AND_HALF * m0 - TWO * m3 + HALF * m4 + m5)
    out[j + 2 * o] = old * out[j + 2 * o] + (
        HALF * m1 - (TWO + HALF) * m2 - TWO * m0 - m3 - m4 - ONE_AND_HALF * m5
    )
    out[j + 3 * o] = old * out[j + 3 * o] + (
        ONE_AND_HALF * m0 + (TWO + HALF) * m1 + HALF * m2 + TWO * (m3 - m5) - HALF * m4
    )
    out[j + 4 * o] = old * out[j + 4 * o] + (m0 + m1 + m2 + m3 + m4 + ONE_AND_HALF * m5)
    out[j + 5 * o] = old * out[j + 5 * o] + m5


@helper(fused=True)
def to_weights(t, j, s, out, o):
    """G^T: three numbers."""
    m0, m1, m2 = t[j], t[j + s], t[j + 2 * s]
    m3, m4, m5 = MINUS_16_15 * t[j + 3 * s], FIFTEENTH * t[j + 4 * s], t[j + 5 * s]
    even, odd = THIRD * (m1 - m2), THIRD * (m1 + m2)
    out[j] = m0 + even + m3 + m4
    out[j + o] = odd + HALF * m3 - TWO * m4
    out[j + 2 * o] = even + QUARTER * m3 + FOUR * m4 + m5


# ----------------------------------------------------------------------------- lines of many maps
@helper
def take(spectrum, g, row, first, block):
    """The numbers of one tile for LANES maps, from a piece of one row for each frequency."""
    count = min(LANES, spectrum.shape[3] - first)
    for f in range(36):
        place, line = block[f // 6 * COLUMN + f % 6 * LANES :], spectrum[f, g, row, first:]
        for k in range(count):
            place[k] = line[k]


@helper
def store(t, first, b, y, p):
    """A line of the buffer, plus b, to line p of the maps y[first:]."""
    for k in range(min(LANES, len(y) - first)):
        line, place, bias = y[first + k, p], t[k:], b[first + k]
        for q in range(line.size):
            line[q] = place[q * COLUMN] + bias


@helper
def add(t, first, y, p):
    """The same, added to what is there."""
    for k in range(min(LANES, len(y) - first)):
        line, place = y[first + k, p], t[k:]
        for q in range(line.size):
            line[q] += place[q * COLUMN]


# ------------------------------------------------------------------------------------- the kernels
@winograd_results.cpu
def winograd_results_cpu(spectrum, tiling, first, b, y):
    """The pixels of y from row `first` of tiles on; tile (a, b) gives those from (4 a, 4 b) of its
    sheet on. `tiling` is explained in winograd.py, b (maps) is the bias."""
    TH, TW, down, across, pitch_down, pitch_across = tiling
    groups, T, C = spectrum.shape[1:]
    pieces = (C + LANES - 1) // LANES
    for task in prange(T // TW * groups * pieces):
        row, g, k = task // (groups * pieces), task // pieces % groups, task % pieces * LANES
        t, block = np.empty(4 * TW * COLUMN, y.dtype), np.zeros(BLOCK, y.dtype)
        for c in range(TW):
            take(spectrum, g, row * TW + c, k, block)
            tile = t[4 * c * COLUMN :]
            for j in range(6 * LANES):
                to_results(block, j, COLUMN, tile, COLUMN)
        for q in range(4 * TW):
            column = t[q * COLUMN :]
            for j in range(LANES):
                to_results(column, j, LANES, column, LANES)
        maps, top = slice(g * C, (g + 1) * C), (first + row) % TH * 4
        for u in range(4):
            i, p = (top + u) // pitch_down, (top + u) % pitch_down
            for j in range(across):
                n = ((first + row) // TH * down + i) * across + j
                if i < down and p < y.shape[2] and n < len(y):
                    store(t[j * pitch_across * COLUMN + u * LANES :], k, b[maps], y[n, maps], p)


@winograd_grad_pictures.cpu
def winograd_grad_pictures_cpu(spectrum, tiling, ph, pw, first, gx):
    """Adds to gx the tiles from row `first` on. Neighbours down share two lines: first every second
    row of tiles, then those between, so that no two threads add to the same line."""
    TH, TW, down, across, pitch_down, pitch_across = tiling
    groups, T, C = spectrum.shape[1:]
    pieces, rows = (C + LANES - 1) // LANES, T // TW
    one, none = gx.dtype.type(1), gx.dtype.type(0)
    for parity in range(2):
        for task in prange((rows + 1 - parity) // 2 * groups * pieces):
            row = 2 * (task // (groups * pieces)) + parity
            g, k = task // pieces % groups, task % pieces * LANES
            t, block = np.zeros((4 * TW + 2) * COLUMN, gx.dtype), np.zeros(BLOCK, gx.dtype)
            for c in range(TW):
                take(spectrum, g, row * TW + c, k, block)
                tile = t[4 * c * COLUMN :]
                for j in range(6 * LANES):
                    to_pixels(block, j, COLUMN, tile, COLUMN, one)
            for q in range(4 * TW + 2):
                column = t[q * COLUMN :]
                for j in range(LANES):
                    to_pixels(column, j, LANES, column, LANES, none)
            maps, top = slice(g * C, (g + 1) * C), (first + row) % TH * 4 - ph
            for u in range(max(0, -top), 6):
                i, p = (top + u) // pitch_down, (top + u) % pitch_down
                for j in range(across):
                    n = ((first + row) // TH * down + i) * across + j
                    if i < down and p < gx.shape[2] and n < len(gx):
                        add(t[(pw + j * pitch_across) * COLUMN + u * LANES :], k, gx[n, maps], p)


@winograd_grad_filters.cpu
def winograd_grad_filters_cpu(spectrum, gw):
    """The gradients of the filters, each a tile of its own."""
    groups, F, C = spectrum.shape[1:]
    none = np.zeros(C, gw.dtype)
    for row in prange(groups * F):
        t, block = np.empty(3 * COLUMN, gw.dtype), np.zeros(BLOCK, gw.dtype)
        for k in range(0, C, LANES):
            take(spectrum, row // F, row % F, k, block)
            for j in range(6 * LANES):
                to_weights(block, j, COLUMN, t, COLUMN)
            for v in range(3):
                column = t[v * COLUMN :]
                for j in range(LANES):
                    to_weights(column, j, LANES, column, LANES)
            for u in range(3):
                store(t[u * LANES :], k, none, gw[row], u)
