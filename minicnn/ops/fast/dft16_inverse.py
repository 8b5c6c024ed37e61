"""From the spectra of 16x16 tiles back to pictures: dft16.py, read backwards.

`dft16_transposed` is the list of steps of dft16 in the opposite order. It turns sums into values,
and up to a factor it inverts the first one. Buffers and blocks are those of dft16.py.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.dft16 import (
    ACROSS,
    BLOCK,
    BUFFER,
    COS1,
    COS2,
    COS3,
    DOWN,
    FAR_ACROSS,
    FAR_DOWN,
    LANES,
    SIDE,
    TILES,
    parts,
)

ONCE, TWICE = np.float32(1 / 256), np.float32(2 / 256)

pictures = Kernel(
    "pictures",
    "spectrum[130, 2, columns], tiling, sign, share, at, bias[C], y[N, C, H, W]"
    "; C % share == 0; at + N * C * tiling[0] * tiling[1] <= columns"
    "; H <= tiling[0] * tiling[2]; W <= tiling[1] * tiling[3]"
    "; tiling[2] + tiling[4] <= 16; tiling[3] + tiling[5] <= 16",
)


@helper
def dft16_transposed(t, j, s, out, o):
    """c_0 .. c_8, s_1 .. s_7 to the values x_n = sum_k c_k cos(2 pi k n / 16) + s_k sin(..)."""
    c0, c1, c2, c3, c4 = t[j], t[j + s], t[j + 2 * s], t[j + 3 * s], t[j + 4 * s]
    c5, c6, c7, c8 = t[j + 5 * s], t[j + 6 * s], t[j + 7 * s], t[j + 8 * s]
    s1, s2, s3, s4 = t[j + 9 * s], t[j + 10 * s], t[j + 11 * s], t[j + 12 * s]
    s5, s6, s7 = t[j + 13 * s], t[j + 14 * s], t[j + 15 * s]

    # k = 0, 4, 8, then 2 and 6: the even part e of x
    f0, f1, f2, f3 = c0 + c8 + c4, c0 - c8 + s4, c0 + c8 - c4, c0 - c8 - s4
    a, b = COS2 * (c2 - c6), COS2 * (s2 + s6)
    g0, g1, g2, g3 = c2 + c6, b + a, s2 - s6, b - a
    e0, e1, e2, e3 = f0 + g0, f1 + g1, f2 + g2, f3 + g3
    e4, e5, e6, e7 = f0 - g0, f1 - g1, f2 - g2, f3 - g3

    # odd k: the part d that changes its sign after 8
    a, b = c1 - c7, c3 - c5
    p1, p2, p3 = COS1 * a + COS3 * b, COS2 * (c1 + c7 - c3 - c5), COS3 * a - COS1 * b
    a, b = s1 + s7, s3 + s5
    q1, q2, q3 = COS3 * a + COS1 * b, COS2 * (s1 - s7 + s3 - s5), COS1 * a - COS3 * b
    d0, d1, d2, d3 = c1 + c7 + c3 + c5, q1 + p1, q2 + p2, q3 + p3
    d4, d5, d6, d7 = s1 - s7 - s3 + s5, q3 - p3, q2 - p2, q1 - p1

    out[j], out[j + o], out[j + 2 * o], out[j + 3 * o] = e0 + d0, e1 + d1, e2 + d2, e3 + d3
    out[j + 4 * o], out[j + 5 * o] = e4 + d4, e5 + d5
    out[j + 6 * o], out[j + 7 * o] = e6 + d6, e7 + d7
    out[j + 8 * o], out[j + 9 * o] = e0 - d0, e1 - d1
    out[j + 10 * o], out[j + 11 * o] = e2 - d2, e3 - d3
    out[j + 12 * o], out[j + 13 * o] = e4 - d4, e5 - d5
    out[j + 14 * o], out[j + 15 * o] = e6 - d6, e7 - d7


@helper
def synthesise_across(block, t):
    for j in range(LANES):
        dft16_transposed(block, j, FAR_ACROSS, t, ACROSS)


@helper
def synthesise_down(t):
    for j in range(4 * ACROSS):  # four columns
        dft16_transposed(t, j, DOWN, t, DOWN)


@helper
def read_spectra(spectrum, first, count, sign, block):
    """And back: what `synthesise_across` needs."""
    once, twice = ONCE, TWICE  # a frequency stands for its conjugate too
    f = 0
    for k in range(9):
        for l in range(9):
            cc, cs, sc, ss = parts(block, k, l)
            real = spectrum[f, 0, first : first + count]
            imag = spectrum[f, 1, first : first + count]
            if 0 < k < 8 and 0 < l < 8:
                real2 = spectrum[f + 1, 0, first : first + count]
                imag2 = spectrum[f + 1, 1, first : first + count]
                for j in range(count):
                    cc[j] = twice * (real[j] + real2[j])
                    ss[j] = twice * (real2[j] - real[j])
                for j in range(count):
                    sc[j] = sign * twice * (imag[j] + imag2[j])
                    cs[j] = sign * twice * (imag[j] - imag2[j])
                f += 2
            else:
                scale = once if k % 8 == 0 and l % 8 == 0 else twice
                for j in range(count):
                    cc[j] = scale * real[j]
                for j in range(count):
                    sc[j] = sign * scale * imag[j]
                for j in range(count):
                    cs[j] = sign * scale * imag[j]
                f += 1


@pictures.cpu
def pictures_cpu(spectrum, tiling, sign, share, at, bias, y):
    """Spectra (130, 2, columns from `at` on), or conjugates where sign is 1, to y (N, C, H, W): of
    tile (a, b) the `down` x `across` pixels from (top, left) on, put at (a * down, b * across);
    bias[c] added. Columns are in the order of `spectra_cpu`."""
    N, C, H, W = y.shape
    TH, TW, down, across, top, left = tiling
    T = N * TH * TW
    for b in prange((C * T + TILES - 1) // TILES):
        first, count = b * TILES, min(TILES, C * T - b * TILES)
        t, block = np.empty(BUFFER, y.dtype), np.empty(BLOCK, y.dtype)
        read_spectra(spectrum, at + first, count, sign, block)
        for start in range(0, count, LANES):
            for k in range(SIDE):
                synthesise_across(block[k * FAR_DOWN + start :], t[k * DOWN :])
            for v in range(left // 4, (left + across + 3) // 4):  # nobody wants the others
                synthesise_down(t[4 * v * ACROSS :])
            for j in range(min(LANES, count - start)):
                column = first + start + j
                c = column // (share * T) * share + column % share
                tile = column // share % T
                p, q = tile // TW % TH * down, tile % TW * across
                for u in range(min(down, H - p)):
                    line = y[tile // (TH * TW), c, p + u, q : q + across]
                    place = t[(top + u) * DOWN + left * ACROSS + j :]
                    for v in range(line.size):
                        line[v] = place[v * ACROSS] + bias[c]
