r"""The discrete Fourier transform of 16x16 tiles, in real arithmetic: the engine of fourier.py.

Of sixteen real values x_0 .. x_15 the transform keeps sixteen real sums, with w = 2 pi / 16

    c_k = sum_n x_n cos(w k n),  k = 0 .. 8          s_k = sum_n x_n sin(w k n),  k = 1 .. 7

(c_k - i s_k is the complex transform; its other half is the conjugate of this one). As a matrix
that is 256 multiplications. `dft16` needs 12, because cosine and sine are symmetric: x_n and
x_{n+8} meet the same cosine up to its sign, and then so do n and 8 - n.

A tile is transformed down its columns, then across its rows. Two kernels use that:

    spectra    cuts maps into tiles and transforms them: 130 complex numbers for 256 real ones
    pictures   (dft16_inverse.py) back, and puts the good part of each tile where it belongs

What happens to the spectra in between is in complex_blocks.py.

What takes time is memory, not arithmetic. So 32 tiles at a time are fetched and transformed in a
buffer that fits into the first cache, where they lie side by side: pixel (u, v) of tile j is
t[u * DOWN + v * ACROSS + j], and one vector instruction works on 8 or 16 tiles. The same tile of
sixteen maps is turned over on its way there, 16 x 16 numbers at a time. A block collects
the results of 256 tiles in the second cache, and only then they go to main memory, in lines of
256 numbers; single numbers there would take ten times as long. Numba finds vector instructions
only because lengths and strides are constants: with variables in their place the loops over j
give the same numbers four to ten times slower, and no test would notice.

Source: Sorensen, Jones, Heideman, Burrus 1987 (transforms of real values).
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import turn_over

SIDE = 16
FREQUENCIES = 130  # complex numbers that determine the transform of a real 16x16 tile
LANES = 32  # tiles that are transformed together
ACROSS = LANES  # distance of neighbours in a row of the tile
DOWN = SIDE * ACROSS + 16  # and in a column; not a power of two, which caches do not like
BUFFER = SIDE * DOWN
TILES = 256  # tiles of a block; there the distances are
FAR_ACROSS = TILES + 16
FAR_DOWN = (SIDE + 1) * FAR_ACROSS
BLOCK = (SIDE + 1) * FAR_DOWN  # line and column 16 hold the sine of k = 0 and 8, zero
COS1, COS2, COS3 = (np.float32(np.cos(k * np.pi / 8)) for k in (1, 2, 3))  # 22.5, 45, 67.5 degrees

spectra = Kernel(
    "spectra",
    "x[N, C, H, W], tiling, part, sign, share, at, spectrum[130, 2, columns]"
    "; C % share == 0; at + N * C * tiling[0] * tiling[1] <= columns",
)


# ---------------------------------------------------------------------- one transform of 16 values
@helper
def dft16(t, j, s, out, o):
    """The values t[j], t[j+s], ... t[j+15s] to out[j], out[j+o], ...: c_0 .. c_8, s_1 .. s_7."""
    x0, x1, x2, x3 = t[j], t[j + s], t[j + 2 * s], t[j + 3 * s]
    x4, x5, x6, x7 = t[j + 4 * s], t[j + 5 * s], t[j + 6 * s], t[j + 7 * s]
    x8, x9, x10, x11 = t[j + 8 * s], t[j + 9 * s], t[j + 10 * s], t[j + 11 * s]
    x12, x13, x14, x15 = t[j + 12 * s], t[j + 13 * s], t[j + 14 * s], t[j + 15 * s]

    # odd k see the differences d of values 8 apart
    d0, d1, d2, d3 = x0 - x8, x1 - x9, x2 - x10, x3 - x11
    d4, d5, d6, d7 = x4 - x12, x5 - x13, x6 - x14, x7 - x15
    p1, p2, p3 = d1 - d7, COS2 * (d2 - d6), d3 - d5
    q1, q2, q3 = d1 + d7, COS2 * (d2 + d6), d3 + d5
    a, b, c = COS1 * p1 + COS3 * p3, COS3 * p1 - COS1 * p3, d0 + p2
    out[j + o], out[j + 7 * o] = c + a, c - a
    out[j + 3 * o], out[j + 5 * o] = d0 - p2 + b, d0 - p2 - b
    a, b, c = COS3 * q1 + COS1 * q3, COS1 * q1 - COS3 * q3, q2 + d4
    out[j + 9 * o], out[j + 15 * o] = a + c, a - c
    out[j + 11 * o], out[j + 13 * o] = b + (q2 - d4), b - (q2 - d4)

    # even k see the sums e; of those, k = 2 and 6 the differences g of sums 4 apart
    e0, e1, e2, e3 = x0 + x8, x1 + x9, x2 + x10, x3 + x11
    e4, e5, e6, e7 = x4 + x12, x5 + x13, x6 + x14, x7 + x15
    g0, g1, g2, g3 = e0 - e4, e1 - e5, e2 - e6, e3 - e7
    a, b = COS2 * (g1 - g3), COS2 * (g1 + g3)
    out[j + 2 * o], out[j + 6 * o] = g0 + a, g0 - a
    out[j + 10 * o], out[j + 14 * o] = b + g2, b - g2

    # and k = 0, 4, 8 the sums f
    f0, f1, f2, f3 = e0 + e4, e1 + e5, e2 + e6, e3 + e7
    out[j], out[j + 8 * o] = f0 + f2 + (f1 + f3), f0 + f2 - (f1 + f3)
    out[j + 4 * o], out[j + 12 * o] = f0 - f2, f1 - f3


# ---------------------------------------------------------- 32 tiles: t[u * DOWN + v * ACROSS + j]
@helper
def analyse_down(t):
    for j in range(4 * ACROSS):  # four columns v, and all tiles, at once
        dft16(t, j, DOWN, t, DOWN)


@helper
def analyse_across(t, block):
    for j in range(LANES):
        dft16(t, j, ACROSS, block, FAR_ACROSS)


@helper
def fetch(line, t):
    for v in range(len(line)):
        t[v * ACROSS] = line[v]


@helper
def fetch_maps(numbers, first, apart, W, t, lines, columns, starts):
    """The same of 16 maps, `apart` numbers from one to the next: of each line sixteen numbers, of
    which the first `columns` count."""
    for u in range(lines):
        for k in range(16):
            starts[k] = first + k * apart + u * W
        turn_over(numbers, starts, t[u * DOWN :], ACROSS, columns)


# --------------------------------------- a block of 256 tiles: b[u * FAR_DOWN + v * FAR_ACROSS + j]
@helper
def parts(block, k, l):
    """The sums over cos cos, cos sin, sin cos and sin sin; the sine of k = 0 and 8 is zero."""
    u, v = 8 + k if 0 < k < 8 else SIDE, 8 + l if 0 < l < 8 else SIDE
    return (
        block[k * FAR_DOWN + l * FAR_ACROSS :],
        block[k * FAR_DOWN + v * FAR_ACROSS :],
        block[u * FAR_DOWN + l * FAR_ACROSS :],
        block[u * FAR_DOWN + v * FAR_ACROSS :],
    )


@helper
def clear_sines(block):
    block[SIDE * FAR_DOWN :] = 0
    for k in range(SIDE):
        block[k * FAR_DOWN + SIDE * FAR_ACROSS : (k + 1) * FAR_DOWN] = 0


@helper
def write_spectra(block, spectrum, first, count, sign):
    """The complex spectra of the first `count` tiles of a transformed block."""
    f = 0
    for k in range(9):
        for l in range(9):
            # exp(-i(a + b)) = cos a cos b - sin a sin b - i (sin a cos b + cos a sin b)
            cc, cs, sc, ss = parts(block, k, l)
            real = spectrum[f, 0, first : first + count]
            imag = spectrum[f, 1, first : first + count]
            for j in range(count):
                real[j] = cc[j] - ss[j]
            for j in range(count):
                imag[j] = sign * (sc[j] + cs[j])
            f += 1
            if 0 < k < 8 and 0 < l < 8:  # and the frequency (k, -l), whose sin b has the other sign
                real = spectrum[f, 0, first : first + count]
                imag = spectrum[f, 1, first : first + count]
                for j in range(count):
                    real[j] = cc[j] + ss[j]
                for j in range(count):
                    imag[j] = sign * (sc[j] - cs[j])
                f += 1


# ------------------------------------------------------------------------------------- the kernels
@spectra.cpu
def spectra_cpu(x, tiling, part, sign, share, at, spectrum):
    """x (N, C, H, W) to spectra (130, 2, columns from `at` on), or to conjugates where sign is 1.
    Tile (a, b) is the window of 16 x 16 pixels at (top + a * down, left + b * across), of which the
    lines and columns part = (first line, end, first column, end) count; all others and those
    outside x are zero. Columns are (group, tile, map) for groups of `share` maps."""
    N, C, H, W = x.shape
    TH, TW, down, across, top, left = tiling
    u0, u1, v0, v1 = part
    T, numbers = N * TH * TW, x.ravel()
    for b in prange((C * T + TILES - 1) // TILES):
        first, count = b * TILES, min(TILES, C * T - b * TILES)
        t, block = np.empty(BUFFER, x.dtype), np.empty(BLOCK, x.dtype)
        starts = np.empty(16, np.int64)
        clear_sines(block)
        for start in range(0, count, LANES):
            t[:] = 0
            j, end = 0, min(LANES, count - start)
            while j < end:
                column = first + start + j
                c = column // (share * T) * share + column % share
                tile = column // share % T
                n, p, q = tile // (TH * TW), top + tile // TW % TH * down, left + tile % TW * across
                # of the tile the lines and columns inside x
                above, before = max(u0, -p), max(v0, -q)
                lines, columns = min(u1, H - p) - above, min(v1, W - q) - before
                place = t[above * DOWN + before * ACROSS + j :]
                begin = ((n * C + c) * H + p + above) * W + q + before
                # sixteen maps follow one another, and of the last line of the last of them sixteen
                # numbers can be read, whatever they are
                together = j + 16 <= end and column % share + 16 <= share and columns > 0
                if together and begin + 15 * H * W + (lines - 1) * W + 16 <= numbers.size:
                    fetch_maps(numbers, begin, H * W, W, place, lines, columns, starts)
                    j += 16
                    continue
                for u in range(lines if columns > 0 else 0):
                    line = numbers[begin + u * W : begin + u * W + columns]
                    fetch(line, place[u * DOWN :])
                j += 1
            for v in range(v0 // 4, (v1 + 3) // 4):  # all others are zero
                analyse_down(t[4 * v * ACROSS :])
            for k in range(SIDE):
                analyse_across(t[k * DOWN :], block[k * FAR_DOWN + start :])
        write_spectra(block, spectrum, at + first, count, sign)
