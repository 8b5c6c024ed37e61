r"""The discrete Fourier transform of 16x16 tiles, in real arithmetic: the engine of conv2d_fast.py.

Of sixteen real values x_0 .. x_15 the transform keeps sixteen real sums, with w = 2 pi / 16

    c_k = sum_n x_n cos(w k n),  k = 0 .. 8          s_k = sum_n x_n sin(w k n),  k = 1 .. 7

(c_k - i s_k is the complex transform; its other half is the conjugate of this one). As a matrix
that is 256 multiplications. `dft16` needs 12, because cosine and sine are symmetric: x_n and
x_{n+8} meet the same cosine up to its sign, and then so do n and 8 - n. `dft16_transposed` is the
same list of steps read backwards. It turns sums into values, and up to a factor it inverts the
first one.

A tile is transformed down its columns, then across its rows. Three kernels use that:

    spectra    cuts maps into tiles and transforms them: 130 complex numbers for 256 real ones
    products   one product of complex matrices for each of the 130 frequencies
    pictures   transforms back and puts the good part of each tile where it belongs

Everything happens to a block of 512 tiles at once, which lie side by side in memory: pixel (u, v)
of tile j is t[u * DOWN + v * ACROSS + j]. So one vector instruction works on 8 or 16 tiles. Numba
finds those instructions only because lengths and strides are constants: with variables in their
place the loops over j give the same numbers four to ten times slower, and no test would notice.

Source: Sorensen, Jones, Heideman, Burrus 1987 (transforms of real values).
"""

import numpy as np

from minicnn.kernel import Kernel, helper, prange

SIDE = 16
FREQUENCIES = 130  # complex numbers that determine the transform of a real 16x16 tile
TILES = 512  # tiles of a block
ACROSS = (
    TILES + 16
)  # distance of neighbours in a row of the tile; not a power of two, for the cache
DOWN = (SIDE + 1) * ACROSS  # distance of neighbours in a column of the tile
BLOCK = (
    SIDE + 1
) * DOWN  # floats of a block: line and column 16 hold the sine of k = 0 and 8, zero
ONCE, TWICE = np.float32(1 / 256), np.float32(2 / 256)
COS1, COS2, COS3 = (np.float32(np.cos(k * np.pi / 8)) for k in (1, 2, 3))  # 22.5, 45, 67.5 degrees

spectra = Kernel("spectra")
products = Kernel("products")
pictures = Kernel("pictures")


# ---------------------------------------------------------------------- one transform of 16 values
@helper
def dft16(t, j, s):
    """Replaces the values t[j], t[j+s], ... t[j+15s] by c_0 .. c_8, s_1 .. s_7."""
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
    t[j + s], t[j + 7 * s] = c + a, c - a
    t[j + 3 * s], t[j + 5 * s] = d0 - p2 + b, d0 - p2 - b
    a, b, c = COS3 * q1 + COS1 * q3, COS1 * q1 - COS3 * q3, q2 + d4
    t[j + 9 * s], t[j + 15 * s] = a + c, a - c
    t[j + 11 * s], t[j + 13 * s] = b + (q2 - d4), b - (q2 - d4)

    # even k see the sums e; of those, k = 2 and 6 the differences g of sums 4 apart
    e0, e1, e2, e3 = x0 + x8, x1 + x9, x2 + x10, x3 + x11
    e4, e5, e6, e7 = x4 + x12, x5 + x13, x6 + x14, x7 + x15
    g0, g1, g2, g3 = e0 - e4, e1 - e5, e2 - e6, e3 - e7
    a, b = COS2 * (g1 - g3), COS2 * (g1 + g3)
    t[j + 2 * s], t[j + 6 * s] = g0 + a, g0 - a
    t[j + 10 * s], t[j + 14 * s] = b + g2, b - g2

    # and k = 0, 4, 8 the sums f
    f0, f1, f2, f3 = e0 + e4, e1 + e5, e2 + e6, e3 + e7
    t[j], t[j + 8 * s] = f0 + f2 + (f1 + f3), f0 + f2 - (f1 + f3)
    t[j + 4 * s], t[j + 12 * s] = f0 - f2, f1 - f3


@helper
def dft16_transposed(t, j, s):
    """Replaces c_0 .. c_8, s_1 .. s_7 by x_n = sum_k c_k cos(2 pi k n / 16) + s_k sin(..)."""
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

    t[j], t[j + s], t[j + 2 * s], t[j + 3 * s] = e0 + d0, e1 + d1, e2 + d2, e3 + d3
    t[j + 4 * s], t[j + 5 * s], t[j + 6 * s], t[j + 7 * s] = e4 + d4, e5 + d5, e6 + d6, e7 + d7
    t[j + 8 * s], t[j + 9 * s], t[j + 10 * s], t[j + 11 * s] = e0 - d0, e1 - d1, e2 - d2, e3 - d3
    t[j + 12 * s], t[j + 13 * s], t[j + 14 * s], t[j + 15 * s] = e4 - d4, e5 - d5, e6 - d6, e7 - d7


# ------------------------------------------------ blocks: t[u * DOWN + v * ACROSS + j], in place
@helper
def analyse_down(t):
    for j in range(TILES):
        dft16(t, j, DOWN)


@helper
def analyse_across(t):
    for j in range(TILES):
        dft16(t, j, ACROSS)


@helper
def synthesise_down(t):
    for j in range(TILES):
        dft16_transposed(t, j, DOWN)


@helper
def synthesise_across(t):
    for j in range(TILES):
        dft16_transposed(t, j, ACROSS)


@helper
def sine(k):
    """Where a transformed block has s_k; the sine of k = 0 and k = 8 is zero everywhere."""
    return 8 + k if 0 < k < 8 else SIDE


@helper
def analyse(t, cols, spectrum, first, count, sign):
    """Transforms a block that is zero from column `cols` on, and writes the complex spectra of its
    first `count` tiles. sign is -1 for the spectrum and 1 for its conjugate."""
    for v in range(cols):
        analyse_down(t[v * ACROSS :])
    for k in range(SIDE):
        analyse_across(t[k * DOWN :])
    f = 0
    for k in range(9):
        for l in range(9):
            # exp(-i(a + b)) = cos a cos b - sin a sin b - i (sin a cos b + cos a sin b)
            cc, cs = t[k * DOWN + l * ACROSS :], t[k * DOWN + sine(l) * ACROSS :]
            sc, ss = t[sine(k) * DOWN + l * ACROSS :], t[sine(k) * DOWN + sine(l) * ACROSS :]
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


@helper
def synthesise(spectrum, first, count, t, left, right):
    """From spectra back to a block of tiles, in their columns left .. right - 1."""
    f = 0
    for k in range(9):
        for l in range(9):
            cc, cs = t[k * DOWN + l * ACROSS :], t[k * DOWN + sine(l) * ACROSS :]
            sc, ss = t[sine(k) * DOWN + l * ACROSS :], t[sine(k) * DOWN + sine(l) * ACROSS :]
            real = spectrum[f, 0, first : first + count]
            imag = spectrum[f, 1, first : first + count]
            if 0 < k < 8 and 0 < l < 8:
                real2 = spectrum[f + 1, 0, first : first + count]
                imag2 = spectrum[f + 1, 1, first : first + count]
                for j in range(count):
                    cc[j] = TWICE * (real[j] + real2[j])
                    ss[j] = TWICE * (real2[j] - real[j])
                for j in range(count):
                    sc[j] = -TWICE * (imag[j] + imag2[j])
                    cs[j] = -TWICE * (imag[j] - imag2[j])
                f += 2
            else:
                scale = ONCE if k % 8 == 0 and l % 8 == 0 else TWICE
                for j in range(count):
                    cc[j] = scale * real[j]
                for j in range(count):
                    sc[j] = -scale * imag[j]
                for j in range(count):
                    cs[j] = -scale * imag[j]
                f += 1
    for k in range(SIDE):
        synthesise_across(t[k * DOWN :])
    for v in range(left, right):
        synthesise_down(t[v * ACROSS :])


# ------------------------------------------------------------------------------------- the kernels
@spectra.cpu
def spectra_cpu(x, tiling, sign, maps_first, spectrum):
    """x (N, C, H, W) to spectra (130, 2, columns). Tile (a, b) is the window of `rows` x `cols`
    pixels at (top + a * down, left + b * across); pixels outside x, and up to 16 x 16, are zero.
    Columns are (map, tile), or (tile, map) without `maps_first`."""
    N, C, H, W = x.shape
    TH, TW, down, across, top, left, rows, cols = tiling
    T = N * TH * TW
    for block in prange((C * T + TILES - 1) // TILES):
        first, count = block * TILES, min(TILES, C * T - block * TILES)
        t = np.zeros(BLOCK, x.dtype)
        for j in range(count):
            c, tile = (first + j) // T, (first + j) % T
            if not maps_first:
                c, tile = (first + j) % C, (first + j) // C
            p, q = top + tile // TW % TH * down, left + tile % TW * across
            begin, end = max(0, -q), min(cols, W - q)  # the part of a line that lies inside x
            for u in range(max(0, -p), min(rows, H - p)):
                line = x[tile // (TH * TW), c, p + u, q + begin : q + end]
                place = t[u * DOWN + begin * ACROSS + j :]
                for v in range(end - begin):
                    place[v * ACROSS] = line[v]
        analyse(t, cols, spectrum, first, count, sign)


@products.cpu
def products_cpu(left, right, out):
    """The complex product of matrices left[f] right[f], for each frequency f.

    (a + i b)(c + i d) takes three real products, not four (Gauss):
    c (a + b) - b (c + d)  and  c (a + b) + a (d - c)."""
    for f in prange(FREQUENCIES):
        a, b, c, d = left[f, 0], left[f, 1], right[f, 0], right[f, 1]
        real, imag = out[f, 0], out[f, 1]
        np.dot(a + b, c, real)
        np.dot(a, d - c, imag)
        imag += real
        real -= np.dot(b, c + d)


@pictures.cpu
def pictures_cpu(spectrum, tiling, bias, y):
    """Spectra (130, 2, C N TH TW) to y (N, C, H, W): of tile (a, b) the `down` x `across` pixels
    from (top, left) on, put at (a * down, b * across); bias[c] added."""
    N, C, H, W = y.shape
    TH, TW, down, across, top, left = tiling
    T = N * TH * TW
    for block in prange((C * T + TILES - 1) // TILES):
        first, count = block * TILES, min(TILES, C * T - block * TILES)
        t = np.empty(BLOCK, y.dtype)
        synthesise(spectrum, first, count, t, left, left + across)
        for j in range(count):
            c, tile = (first + j) // T, (first + j) % T
            p, q = tile // TW % TH * down, tile % TW * across
            for u in range(min(down, H - p)):
                line = y[tile // (TH * TW), c, p + u, q : q + across]
                place = t[(top + u) * DOWN + left * ACROSS + j :]
                for v in range(line.size):
                    line[v] = place[v * ACROSS] + bias[c]
