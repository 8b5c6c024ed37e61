r"""conv2d on the CPU, fast: the sum of the formula itself, block by block in the registers.

    y[c,m]  = b[c] + sum_t  w[c,t] x[m + offset[t]]        t: the taps (k, u, v) of a filter
    gw[c,t] = sum_m  gy[c,m] x[m + offset[t]]              m: the pixels of the result

Both are products of matrices, of which one need not be there: its rows are the picture, read from
another pixel on (phases.py). im2col.py writes it, since BLAS wants to see a matrix; the products of
register_blocks.py do not. A block of the result, 8 filters by 48 pixels, goes through the taps
before it leaves the registers. Under few filters nothing at all is gathered. Under many it pays to
gather what 128 taps see of 48 pixels: 24 kB, which stay in the nearest cache for all filters, with
the pixels of short lines, and without the columns that lie beside the picture, side by side.

For gw the rows of the product are taps, eight at a time, and its columns are filters, which lie
side by side after gy has been turned over: pixel by pixel 48 filters.

    gx[k,p] = sum_{c,u,v}  w[c,k,u,v] gy[c, (p + pad - d (u, v)) / s]

is, at stride 1, the first sum again, of gy with zeros around it and the filters read backwards. At
stride s the pixels p of one phase meet every s-th tap only, so gx comes phase by phase, as s s
times as many maps, and is put together at the end.

As in im2col.py the zeros around a picture are read, and 0 times an infinite weight is not a number.
In gw zeros of gy meet numbers of x that no window holds: an infinite x is left to im2col.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.phases import frame, interleaved
from minicnn.ops.fast.register_blocks import (  # noqa: F401  (kernels call the blocks)
    MOST,
    gather_rows,
    lanes,
    panel_block,
    rows_block,
    shape,
    turn_over,
)

DEPTH = 192  # pixels of gy, about, that meet all taps together
FEW = 4  # panels of filters under which nothing is gathered
TILES = 1 << 18  # numbers of the result that a task works on: 1 MB, half of a second cache

pack = Kernel("pack", "w[...], int64 rows[groups, M], int64 taps[T], panels[groups, number, T, R]")
sums = Kernel(
    "direct_sums",
    "x[N, numbers], step, int64 offsets[T], w[groups, number, T, R], b[F], width, lanes, share, "
    "gathered, y[N, F, OH, OW]; F % groups == 0; number * R * groups >= F"
    "; highest(offsets) + step * (groups - 1) + (OH - 1) * width + OW <= numbers",
)
products = Kernel(
    "direct_products",
    "x[N, numbers], step, int64 offsets[T], gy[N, F, OH, OW], width, lines, rows, columns, "
    "parts[number, groups, T, filters]; F % groups == 0; T % rows == 0; filters % columns == 0; "
    "filters * groups >= F; lines >= 1"
    "; highest(offsets) + step * (groups - 1) + (OH - 1) * width + OW <= numbers",
)


# ------------------------------------------------------------------------------------- the kernels
@pack.cpu
def pack_cpu(w, rows, taps, panels):
    """The factor of `panel_block`: of R rows the numbers of one tap lie side by side. Row r under
    tap t is w[rows[g, r] + taps[t]]; rows that fill up the last panel are 0."""
    w = w.ravel()
    groups, number, T, R = panels.shape
    M = rows.shape[1]
    for gp in prange(groups * number):
        g, p = gp // number, gp % number
        panel = panels[g, p]
        for r in range(R):
            if p * R + r >= M:
                for t in range(T):
                    panel[t, r] = 0
            else:
                first = rows[g, p * R + r]
                for t in range(T):
                    panel[t, r] = w[first + taps[t]]


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


@helper
def turn(gy, first, last, OW, place, columns, out):
    """out, in lines of `columns` numbers: one line of 16 maps of gy, pixel by pixel all maps. The
    maps begin at `first`, `place` numbers further on; behind the last one stands the last again."""
    numbers = gy.ravel()
    starts = np.minimum(first + place, last)
    for j in range(0, OW, 16):
        if OW >= 16:
            j = min(j, OW - 16)
        if last + j + 16 <= numbers.size:
            turn_over(numbers[j:], starts, out[j * columns :], columns, min(16, OW - j))
        else:
            for e in range(j, OW):
                for f in range(16):
                    out[e * columns + f] = numbers[starts[f] + e]


@helper
def add_products(place, offsets, rows, right, pixels, out):
    """out (T, filters of a block) += the products of some pixels, `rows` taps at a time."""
    for t in range(0, len(offsets), rows):
        rows_block(place, offsets[t : t + rows], right, pixels, out[t : t + rows], False)


@products.cpu
def products_cpu(x, step, offsets, gy, width, lines, rows, columns, parts):
    """The gradient (groups, T, filters) as the sum of `parts`, each over some pieces of `lines`
    lines of the pictures."""
    N, F, OH, OW = gy.shape
    number, groups, T, all_filters = parts.shape
    filters, blocks, pieces = F // groups, all_filters // columns, (OH + lines - 1) // lines
    for part in prange(number):
        parts[part] = 0
        turned = np.zeros((blocks, lines * width, columns), gy.dtype)  # 0 beside the pictures
        places, pixels = OH * OW * np.arange(16), columns * np.arange(lines * width)
        for piece in range(part, N * groups * pieces, number):
            n, g, top = piece // (groups * pieces), piece // pieces % groups, piece % pieces * lines
            count = min(lines, OH - top)
            for block in range(blocks):
                for c in range(0, columns, 16):
                    maps = n * F + g * filters
                    first = maps + min(block * columns + c, filters - 1)
                    for i in range(count):
                        turn(
                            gy,
                            (first * OH + top + i) * OW,
                            ((maps + filters - 1) * OH + top + i) * OW,
                            OW,
                            places,
                            columns,
                            turned[block].ravel()[i * width * columns + c :],
                        )
                add_products(
                    x[n, g * step + top * width :],
                    offsets,
                    rows,
                    turned[block].ravel(),
                    pixels[: count * width - width + OW],
                    parts[part, g, :, block * columns : block * columns + columns],
                )


# ------------------------------------------------------------------------------ the three results
def share_of(blocks, tasks, most=1 << 30):
    """How many blocks make a task, where there are `tasks` times as many: four tasks a thread, and
    no task above `most`."""
    return max(1, min(most, -(-blocks // max(1, -(-4 * get_num_threads() // tasks)))))


def panels(w, rows, taps):
    """`w` packed: rows (groups, M) and taps (T,) say where its numbers lie."""
    R = shape()[0]
    out = np.empty((len(rows), -(-rows.shape[1] // R), len(taps), R), w.dtype)
    pack(w, rows, taps, out)
    return out


def convolve(x, taps_shape, packed, b, geometry, y, keep=None):
    """y: x (N, groups C, H, W) under packed filters with taps of taps_shape (_, C, K, L)."""
    V, (groups, number, _, R), (OH, OW) = lanes(x.dtype), packed.shape, y.shape[2:]
    gathered = number >= FEW
    width = -(-(x.shape[3] + 2 * geometry[3]) // geometry[1])
    pixels = (OH - 1) * width + OW
    read = pixels + (15 if OH > 1 else -pixels % 16) if gathered else -(-pixels // V) * V
    numbers, offsets, width, of_a_map = framed = frame(x, taps_shape, *geometry, read)
    if keep is not None and x.shape[1] <= 4:  # a picture in phases, for the gradient of w
        keep["frame"] = framed
    blocks = -(-(OH * OW if gathered else pixels) // (MOST * V))
    share = share_of(blocks, len(x) * groups, TILES // (number * R * MOST * V))
    step = taps_shape[1] * of_a_map
    sums(numbers, step, offsets, packed, b, width, V, share, gathered, y)


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    T = w[0].size
    rows = T * np.arange(len(w)).reshape(groups, -1)
    if w.shape[2:] == (1, 1) and (sh, sw, ph, pw) == (1, 1, 0, 0):  # lines need not be told apart
        x, y = (a.reshape(*a.shape[:2], 1, -1) for a in (x, y))
    convolve(x, w.shape, panels(w, rows, np.arange(T)), b, (sh, sw, ph, pw, dh, dw), y, keep)


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx, keep):
    (F, C, K, L), (N, _, H, W) = w.shape, gx.shape
    if (sh, sw) != (1, 1):  # the filters of each phase, with zeros until all have as many taps
        w = np.pad(w, ((0, 0), (0, 0), (0, -K % sh), (0, -L % sw)))
    k, a, b = np.ogrid[:C, :sh, :sw]
    c, u, v = np.ogrid[: F // groups, : w.shape[2] // sh, : w.shape[3] // sw]
    rows = (k * w.shape[2] + a) * w.shape[3] + b
    rows = np.arange(groups)[:, None] * (w.size // groups) + rows.ravel()
    taps = (c * C * w.shape[2] + u[:, ::-1] * sh) * w.shape[3] + v[:, :, ::-1] * sw
    packed, none = panels(w, rows, taps.ravel()), np.zeros(gx.shape[1] * sh * sw, gx.dtype)
    shape = F, F // groups, *taps.shape[1:]
    if (sh, sw) == (1, 1):
        around = dh * (K - 1) - ph, dw * (L - 1) - pw
        if w.shape[2:] == (1, 1) and around == (0, 0):
            gy, gx = (a.reshape(*a.shape[:2], 1, -1) for a in (gy, gx))
        convolve(gy, shape, packed, none, (1, 1, *around, dh, dw), gx)
        return
    height, width = -(-(H + 2 * ph) // sh), -(-(W + 2 * pw) // sw)
    border = shape[2] - 1, shape[3] - 1
    down, across = (
        height - gy.shape[2],
        width - gy.shape[3],
    )  # lines of phases below the last window
    if down > border[0] or across > border[1] or down < 0 or across < 0:
        gy = np.pad(gy, ((0, 0), (0, 0), (0, max(0, down)), (0, max(0, across))))
    phases = np.empty((N, len(none), height, width), gx.dtype)
    convolve(gy, shape, packed, none, (1, 1, *border, 1, 1), phases)
    interleaved(phases, sh, sw, ph, pw, gx)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    (N, F, OH, OW), V, R, T = gy.shape, lanes(gy.dtype), shape()[0], gw[0].size
    if gw.shape[2:] == (1, 1) and (sh, sw, ph, pw) == (1, 1, 0, 0):
        x, gy = (a.reshape(*a.shape[:2], 1, -1) for a in (x, gy))
        OH, OW = gy.shape[2:]
    kept = {} if keep is None else keep
    numbers, offsets, width, of_a_map = kept.get("frame") or frame(
        x, gw.shape, sh, sw, ph, pw, dh, dw
    )
    vectors = -(-F // groups // 16) * 16 // V  # of filters
    columns = V * min(MOST, -(-vectors // -(-vectors // MOST)))  # blocks as equal as can be
    filters = -(-vectors * V // columns) * columns
    offsets = np.pad(offsets, (0, -T % R), mode="edge")
    lines = max(1, min(OH, DEPTH // width))
    number = min(get_num_threads(), N * groups * -(-OH // lines))
    parts = np.empty((number, groups, len(offsets), filters), gw.dtype)
    step = gw.shape[1] * of_a_map
    products(numbers, step, offsets, gy, width, lines, R, columns, parts)
    total = parts[0] if number == 1 else parts.sum(axis=0)
    gw[...] = total[:, :T, : F // groups].transpose(0, 2, 1).reshape(gw.shape)
