r"""conv2d with large filters, fast: tiles of 16 x 16 pixels and their Fourier transforms.

A 7x7 filter costs 49 multiplications for each pixel and pair of maps, however well the loops are
written. The way below that is the theorem that convolution is multiplication in the Fourier
domain: transform the maps, multiply number by number, transform back. Transforms cost work too,
but one for each map, while products are one for each *pair* of maps: 64 maps under 256 filters
need few hundred transforms and 16384 products.

Tiles. The discrete transform lives on a circle: what leaves a tile on the right comes in again on
the left. Of a 16x16 tile under a 7x7 filter only those 10x10 results are right whose window fits
into the tile; the others are thrown away. So pictures are cut into tiles that overlap by 6
pixels, and each gives 10x10 pixels of the result.

Count. The transform of 256 real numbers is 130 complex ones (the rest are their conjugates), and
a complex product takes 3 real ones (`products` in dft16.py). So a tile costs 390 multiplications
for a pair of maps, where the direct sum needs 49 for each of 100 pixels: 4900, that is 12.6 times
as many.

All products at one frequency f together are one product of matrices, for which BLAS is made: the
maps of all tiles are the matrix X[f] (C x tiles), the filters are W[f] (F x C). Result and
gradients are the same three steps, analyse, multiply, synthesise:

    y  = conj(W) X        windows overlap on x     the first 10x10 pixels of each result are right
    gx = W^T GY           windows overlap on gy    the last 10x10
    gw = X conj(GY)^T     10x10 pixels of gy       the first 7x7; the product sums over all tiles

A product of spectra is a convolution, with one of them conjugated a correlation; hence conj in y,
which conv2d defines as a correlation, and none in gx, which runs backwards.

Errors are 1e-7 to 8e-7 (float32; relative, L2), as those of the direct sum. One difference
remains: a NaN or an infinity spoils its whole tile, where the direct sum spoils only the windows
that hold it.

Source: overlap-save, Stockham 1966; for networks Mathieu, Henaff, LeCun 2013.
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
        and tiles >= 12
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
