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
from minicnn.engine.kernel import Kernel, prange
from minicnn.ops.fast.direct_products import products
from minicnn.ops.fast.direct_sums import read, sums
from minicnn.ops.fast.phases import frame, interleaved
from minicnn.ops.fast.register_blocks import MOST, lanes, shape

DEPTH = 192  # pixels of gy, about, that meet all taps together
FEW = 4  # panels of filters under which nothing is gathered
TILES = 1 << 18  # numbers of the result that a task works on: 1 MB, half of a second cache

pack = Kernel(
    "pack",
    "w[numbers], int64 rows[groups, M], int64 taps[T], panels[groups, number, T, R]"
    "; highest(rows) + highest(taps) < numbers",
)


@pack.cpu
def pack_cpu(w, rows, taps, panels):
    """The factor of `panel_block`: of R rows the numbers of one tap lie side by side. Row r under
    tap t is w[rows[g, r] + taps[t]]; rows that fill up the last panel are 0."""
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


# ------------------------------------------------------------------------------ the three results
def share_of(blocks, tasks, most=1 << 30):
    """How many blocks make a task, where there are `tasks` times as many: four tasks a thread, and
    no task above `most`."""
    return max(1, min(most, -(-blocks // max(1, -(-4 * get_num_threads() // tasks)))))


def panels(w, rows, taps):
    """`w` packed: rows (groups, M) and taps (T,) say where its numbers lie."""
    R = shape()[0]
    out = np.empty((len(rows), -(-rows.shape[1] // R), len(taps), R), w.dtype)
    pack(w.reshape(-1), rows, taps, out)
    return out


def convolve(x, taps_shape, packed, b, geometry, y, keep=None):
    """y: x (N, groups C, H, W) under packed filters with taps of taps_shape (_, C, K, L)."""
    V, (groups, number, _, R), (OH, OW) = lanes(x.dtype), packed.shape, y.shape[2:]
    gathered = number >= FEW
    width = -(-(x.shape[3] + 2 * geometry[3]) // geometry[1])
    least = read(OH, OW, width, V, gathered)
    numbers, offsets, width, of_a_map = framed = frame(x, taps_shape, *geometry, least)
    if keep is not None and x.shape[1] <= 4:  # a picture in phases, for the gradient of w
        keep["frame"] = framed
    pixels = OH * OW if gathered else (OH - 1) * width + OW
    blocks = -(-pixels // (MOST * V))
    share = share_of(blocks, len(x) * groups, TILES // (number * R * MOST * V))
    step = taps_shape[1] * of_a_map
    sums(numbers, step, offsets, packed, b, width, V, share, gathered, y)


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    T = w[0].size
    rows = T * np.arange(len(w)).reshape(groups, -1)
    if w.shape[2:] == (1, 1) and (sh, sw, ph, pw) == (1, 1, 0, 0):  # lines need not be told apart
        x, y = (a.reshape(*a.shape[:2], 1, -1) for a in (x, y))
        keep = None  # one long line is not what the gradient of w wants
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
    # pixels that no window reaches, below the last one and on its right: more zeros are read there
    down, across = height - gy.shape[2], width - gy.shape[3]
    if down > border[0] or across > border[1]:
        gy = np.pad(gy, ((0, 0), (0, 0), (0, max(0, down)), (0, max(0, across))))
    phases = np.empty((N, len(none), height, width), gx.dtype)
    convolve(gy, shape, packed, none, (1, 1, *border, 1, 1), phases)
    interleaved(phases, sh, sw, ph, pw, gx)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    (N, F, OH), V, R, T = gy.shape[:3], lanes(gy.dtype), shape()[0], gw[0].size
    kept = {} if keep is None else keep
    numbers, offsets, width, of_a_map = kept.get("frame") or frame(
        x, gw.shape, sh, sw, ph, pw, dh, dw
    )
    vectors = -(-F // groups // V)  # of filters
    columns = V * min(MOST, -(-vectors // -(-vectors // MOST)))  # blocks as equal as can be
    filters = -(-vectors * V // 16) * 16  # the last block may be narrower
    offsets = np.pad(offsets, (0, -T % R), mode="edge")
    lines = max(1, min(OH, DEPTH // width))
    number = min(get_num_threads(), N * groups * -(-OH // lines))
    parts = np.empty((number, groups, len(offsets), filters), gw.dtype)
    step = gw.shape[1] * of_a_map
    products(numbers, step, offsets, gy, width, lines, R, columns, parts)
    total = parts[0] if number == 1 else parts.sum(axis=0)
    gw[...] = total[:, :T, : F // groups].transpose(0, 2, 1).reshape(gw.shape)
