"""The sums of direct.py: y[c,m] = b[c] + sum_t w[c,t] x[m + offset[t]], in blocks of registers.

Two ways to hand a block what its taps see: `add_all` reads the picture itself, from another pixel
on for each tap, and computes what lies beside it along with the rest; `add_gathered` fetches what
128 taps see of 48 pixels, once for all filters.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import gather_rows, panel_block

sums = Kernel(
    "direct_sums",
    "x[N, numbers], step, int64 offsets[T], w[groups, number, T, R], b[F], width, lanes, share, "
    "gathered, y[N, F, OH, OW]; F % groups == 0; number * R * groups >= F"
    # whole vectors are read: of each line, or behind the last pixel
    "; gathered or highest(offsets) + step * (groups - 1) + (OH - 1) * width + OW"
    " + -((OH - 1) * width + OW) % lanes <= numbers"
    "; not gathered or highest(offsets) + step * (groups - 1) + (OH - 1) * width + OW"
    " + (15 if OH > 1 or 3 * lanes % 16 else -OW % 16) <= numbers",
)


@helper
def write(tile, start, columns, width, bias, out):
    """The pixels start, start + 1, ... of a line of `tile` to the picture `out`, without those that
    lie beside it."""
    i, j, q = start // width, start % width, 0
    while q < columns and i < out.shape[0]:
        count = min(columns - q, width - j)
        line, to = tile[q:], out[i, j:]
        for e in range(min(count, out.shape[1] - j)):
            to[e] = line[e] + bias
        q, i, j = q + count, i + 1, 0


@helper
def add_all(place, offsets, w, b, start, pixels, width, lanes, tiles, y):
    """The pixels start, start + 1, ... of y (filters, OH, OW), counted with those beside it."""
    number, _, R = w.shape
    for q in range(0, pixels, 3 * lanes):
        columns = min(3, (pixels - q + lanes - 1) // lanes) * lanes
        for p in range(number):
            tile = tiles[p * R : p * R + R, q : q + columns]
            panel_block(w[p], place[start + q :], offsets, tile, True)
    for f in range(len(y)):
        write(tiles[f], start, pixels, width, b[f], y[f])


@helper
def gather(place, offsets, start, pixels, width, OW, out, apart):
    """out, in lines of `apart` numbers: what each tap sees of the pixels start, start + 1, ... of
    the result. Of each line of the picture whole vectors; the next overwrites what is too much."""
    i, j, q = start // OW, start % OW, 0
    while q < pixels:
        count = min(pixels - q, OW - j)
        gather_rows(place[i * width + j :], offsets, out[q:], apart, (count + 15) // 16)
        q, i, j = q + count, i + 1, 0


@helper
def add_gathered(place, offsets, w, b, start, pixels, width, lanes, seen, tiles, y):
    """The pixels start, start + 1, ... of y (filters, OH, OW)."""
    number, T, R = w.shape
    apart = 3 * lanes + 16
    rows = apart * np.arange(128)
    for t in range(0, T, 128):
        end = min(t + 128, T)
        for q in range(0, pixels, 3 * lanes):
            count = min(3 * lanes, pixels - q)
            columns = (count + lanes - 1) // lanes * lanes
            gather(place, offsets[t:end], start + q, count, width, y.shape[2], seen, apart)
            for p in range(number):
                tile = tiles[p * R : p * R + R, q : q + columns]
                panel_block(w[p, t:end], seen, rows[: end - t], tile, t == 0)
    for f in range(len(y)):
        line, out, bias = tiles[f], y[f].ravel()[start:], b[f]
        for e in range(pixels):
            out[e] = line[e] + bias


@sums.cpu
def sums_cpu(x, step, offsets, w, b, width, lanes, share, gathered, y):
    """y (N, F, OH, OW). A task has some pixels of a picture, `share` blocks, under all filters of a
    group; a group has its maps `step` numbers further on in x."""
    N, F, OH, OW = y.shape
    groups, number, T, R = w.shape
    filters, M, piece = F // groups, (OH - 1) * width + OW, 3 * lanes * share
    if gathered:
        M = OH * OW
    tasks = (M + piece - 1) // piece
    for task in prange(N * groups * tasks):
        n, g, start = task // (groups * tasks), task // tasks % groups, task % tasks * piece
        pixels, place = min(piece, M - start), x[n, g * step :]
        bias = b[g * filters : (g + 1) * filters]
        out = y[n, g * filters : (g + 1) * filters]
        tiles = np.empty((number * R, piece), x.dtype)
        if gathered:
            seen = np.zeros(128 * (3 * lanes + 16), x.dtype)
            add_gathered(place, offsets, w[g], bias, start, pixels, width, lanes, seen, tiles, out)
        else:
            add_all(place, offsets, w[g], bias, start, pixels, width, lanes, tiles, out)


def read(OH, OW, width, V, gathered):
    """How many numbers behind the place of a tap are read."""
    pixels = (OH - 1) * width + OW
    if not gathered:
        return pixels + -pixels % V
    return pixels + (15 if OH > 1 or 3 * V % 16 else -pixels % 16)
