r"""conv2d with large filters, fast: tiles of 16 x 16 pixels and their Fourier transform.

A 7x7 filter costs 49 multiplications per pixel and pair of maps, however well the loops are written.
To go below, use the theorem that convolution is multiplication in the Fourier domain: transform the
maps, multiply number by number, transform back. A transform costs work too, but only once per map,
while the products are one per *pair* of maps: 64 maps and 256 filters share 64 + 256 transforms and
need 16384 products.

Tiles. The transform works on circles: what leaves a tile on the right comes in on the left. Of a
16x16 tile under a 7x7 filter the 10x10 pixels whose window fits into the tile are right, the others
are thrown away. So the picture is cut into tiles that overlap by 6 pixels, each good for 10x10 pixels
of the result. A larger tile wastes less, but then every pair of maps needs more multiplications per
frequency table, and small pictures do not fill it.

Count. The transform of 256 real numbers is 130 complex ones (the others are their conjugates). A
complex product takes 3 real ones (see dft16.py), so a tile costs 390 multiplications per pair of
maps. The direct way needs 49 for each of 100 pixels: 4900, that is 12.6 times as many.

All products of one frequency together are a product of matrices: the maps of all tiles are a matrix
X[f] (C x tiles), the filters W[f] (F x C), and Y[f] = conj(W[f]) X[f] is what BLAS is good at. The
conjugate makes it a correlation, as conv2d is defined. The two gradients are the same three steps,
analyse, multiply, synthesise:

    y  = conj(W) X         tiles of x, overlapping        the first 10x10 pixels of a tile are right
    gx = W^T GY            tiles of gy, overlapping       no conjugate: the last 10x10 are right
    gw = conj(GY) X^T      tiles of x, and 10x10 of gy    the sum over tiles; the first 7x7 are right

Errors in float32 are 2e-7 to 8e-7 (relative, L2), no worse than those of the direct sum. A NaN or an
infinity spoils the whole tile in which it lies, where the direct sum spoils only its own window.

Source: overlap-save (Stockham 1966); in networks Mathieu, Henaff, LeCun 2013; tiles Zlateski et al.
2018.
"""

import numpy as np

from minicnn.ops.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from minicnn.ops.dft16 import FREQUENCIES, SIDE, pictures, products, spectra

SPECTRUM, CONJUGATE = np.float32(-1), np.float32(1)  # the sign of i in the transform


def worth_it(dtype, w_shape, y_shape, geometry, groups):
    """The rule. Windows must lie side by side (stride and dilation 1). Filters below 5x5 save too
    little, above 11x11 too little of a tile remains. The spectra of the weights must pay, that is,
    there must be tiles enough that use them, and they must fit into a cache (1 kB for each filter
    and map). Errors of 1e-7 are right for float32 only."""
    (F, C, K, L), (N, _, OH, OW) = w_shape, y_shape
    sh, sw, _, _, dh, dw = geometry
    tiles = N * ceil_div(OH, SIDE + 1 - K) * ceil_div(OW, SIDE + 1 - L)
    return (
        dtype == np.float32
        and sh == sw == dh == dw == groups == 1
        and 5 <= min(K, L)
        and max(K, L) <= 11
        and tiles >= 16
        and F * C <= 30_000
    )


def ceil_div(a, b):
    return -(-a // b)


def analyse(x, tiling, sign, maps_first=True):
    """The spectra (130, 2, C, tiles) or (130, 2, tiles, C) of the tiles of x (N, C, H, W); see
    dft16.spectra."""
    C, tiles = x.shape[1], x.shape[0] * tiling[0] * tiling[1]
    shape = (C, tiles) if maps_first else (tiles, C)
    spectrum = np.empty((FREQUENCIES, 2, *shape), x.dtype)
    spectra(x, tiling, sign, maps_first, spectrum.reshape(FREQUENCIES, 2, -1))
    return spectrum


def multiply(a, b):
    """The matrix product a[f] b[f] for each frequency."""
    out = np.empty((FREQUENCIES, 2, a.shape[2], b.shape[3]), a.dtype)
    products(a, b, out)
    return out


def synthesise(spectrum, tiling, bias, y):
    """The pictures y (N, C, H, W) that have this spectrum; see dft16.pictures."""
    pictures(spectrum.reshape(FREQUENCIES, 2, -1), tiling, bias, y)


@conv2d_forward.fast(
    lambda x, w, b, sh, sw, ph, pw, dh, dw, groups, y: (
        isinstance(x, np.ndarray)
        and worth_it(x.dtype, w.shape, y.shape, (sh, sw, ph, pw, dh, dw), groups)
    )
)
def conv2d_forward_dft(x, w, b, sh, sw, ph, pw, dh, dw, groups, y):
    F, C, K, L = w.shape
    down, across = SIDE + 1 - K, SIDE + 1 - L  # how many pixels of a tile come out right
    TH, TW = ceil_div(y.shape[2], down), ceil_div(y.shape[3], across)
    X = analyse(x, (TH, TW, down, across, -ph, -pw, SIDE, SIDE), SPECTRUM)
    W = analyse(w, (1, 1, 0, 0, 0, 0, K, L), CONJUGATE, maps_first=False)  # F x C
    Y = multiply(W, X)
    synthesise(Y, (TH, TW, down, across, 0, 0), b, y)


@conv2d_grad_input.fast(
    lambda gy, w, sh, sw, ph, pw, dh, dw, groups, gx: (
        isinstance(gy, np.ndarray)
        and worth_it(gy.dtype, w.shape, gx.shape, (sh, sw, ph, pw, dh, dw), groups)
    )
)
def conv2d_grad_input_dft(gy, w, sh, sw, ph, pw, dh, dw, groups, gx):
    F, C, K, L = w.shape
    down, across = SIDE + 1 - K, SIDE + 1 - L
    TH, TW = ceil_div(gx.shape[2], down), ceil_div(gx.shape[3], across)
    GY = analyse(gy, (TH, TW, down, across, ph + 1 - K, pw + 1 - L, SIDE, SIDE), SPECTRUM)
    W = analyse(w, (1, 1, 0, 0, 0, 0, K, L), SPECTRUM)  # C x F
    GX = multiply(W, GY)
    synthesise(GX, (TH, TW, down, across, K - 1, L - 1), np.zeros(C, gx.dtype), gx)


@conv2d_grad_weight.fast(
    lambda gy, x, sh, sw, ph, pw, dh, dw, groups, gw: (
        isinstance(gy, np.ndarray)
        and worth_it(gy.dtype, gw.shape, gy.shape, (sh, sw, ph, pw, dh, dw), groups)
    )
)
def conv2d_grad_weight_dft(gy, x, sh, sw, ph, pw, dh, dw, groups, gw):
    F, C, K, L = gw.shape
    down, across = SIDE + 1 - K, SIDE + 1 - L
    TH, TW = ceil_div(gy.shape[2], down), ceil_div(gy.shape[3], across)
    X = analyse(x, (TH, TW, down, across, -ph, -pw, SIDE, SIDE), SPECTRUM)
    GY = analyse(gy, (TH, TW, down, across, 0, 0, down, across), CONJUGATE, maps_first=False)
    GW = multiply(X, GY)
    synthesise(GW, (1, 1, K, L, 0, 0), np.zeros(C, gw.dtype), gw)
