r"""conv2d by tiles of 16 x 16 pixels and their Fourier transforms: large filters, or many pixels.

A 7x7 filter costs 49 multiplications for each pixel and pair of maps, however well the loops are
written. The way below that is the theorem that convolution is multiplication in the Fourier
domain: transform the maps, multiply number by number, transform back. Transforms cost work too,
but one for each map, while products are one for each *pair* of maps: 64 maps under 256 filters
need few hundred transforms and 16384 products.

Tiles. The discrete transform lives on a circle: what leaves a tile on the right comes in again on
the left. Of a 16x16 tile under a 7x7 filter only those 10x10 results are right whose window fits
into the tile; the others are thrown away. So pictures are cut into tiles that overlap by 6
pixels, and each gives 10x10 pixels of the result.

Small pictures need no overlap. If a picture of 13x13 with a border of 2 lies alone in its tile,
what leaves it on the right comes in again where only zeros are: the same zeros are its border on
both sides, and all 13x13 results of a 5x5 filter are right. So a picture that fits into a tile with
one of its borders is one tile, of which the other way needs four, and all pictures of a batch are
the columns of one product.

Count. The transform of 256 real numbers is 130 complex ones (the rest are their conjugates), and
a complex product takes 4 real ones (complex_blocks.py; with more additions 3, complex_products.py).
So a tile costs 520 multiplications for a pair of maps, where the direct sum needs 49 for each of
100 pixels: 4900, that is 9.4 times as many.

All products at one frequency f together are one product of matrices (complex_blocks.py): the maps
of all tiles are the matrix X[f] (tiles x C), the filters are W[f] (F x C). Result and gradients
are the same three steps, analyse, multiply, synthesise:

    y  = conj(X) W^T      tiles of x   right are the first 10x10 pixels of each result
    gx = GY W             tiles of gy  the last 10x10
    gw = GY^T conj(X)     tiles of gy, of those of x the last 10x10 pixels   the first 7x7;
                          the product sums over all tiles

Where the same filters look at pictures of several sizes, as the levels of a pyramid, the tiles of
all of them are rows of these matrices: a large product instead of a large and some small ones, W is
read once, and gw comes out summed (conv2d_of_levels.py).

A product of spectra is a convolution, with one of them conjugated a correlation; hence conj in y,
which conv2d defines as a correlation, and none in gx, which runs backwards. (Up to conj, that is:
X conj(W)^T is the conjugate of conj(X) W^T, and both belong to the same picture, read backwards.
The sign that `synthesise` gets says which.) So W serves y and gx, and GY serves both gradients.

Errors are 1e-7 to 8e-7 (float32; relative, L2), as those of the direct sum. But a number reaches
all of its tile: an infinity would spoil what the direct sum never shows it to, and so would the
roundoff of a large number. So what holds such numbers is left to the other algorithms. Where that
is, magnitudes.py says: a result is off by at most 1e-7 of a number that its window does not hold,
which is at most 2^14 times the typical pixel, or 2^20 times the typical gradient or weight.

Source: overlap-save, Stockham 1966; for networks Mathieu, Henaff, LeCun 2013.
"""

import numpy as np

from minicnn.ops.fast import complex_blocks
from minicnn.ops.fast.complex_products import products
from minicnn.ops.fast.dft16 import FREQUENCIES, SIDE, spectra
from minicnn.ops.fast.dft16_inverse import pictures
from minicnn.ops.fast.known_filters import transform_of
from minicnn.ops.fast.magnitudes import GRADIENT, PICTURE, even

SPECTRUM, CONJUGATE = np.float32(-1), np.float32(1)  # the sign of i in the transform
ALONE = (1, 1, SIDE, SIDE, 0, 0)  # one tile for a picture, see grid
WHOLE = (0, SIDE, 0, SIDE)  # all lines and all columns of a tile


def alike(keep, spare=0, **arrays):
    """Whether the numbers of each array are near enough to one another for tiles, x as a picture,
    w and gy as gradients, by `spare` binary digits more than here; `keep` remembers that of each
    name."""
    keep = {} if keep is None else keep
    for name, array in arrays.items():
        asked = "alike", name, spare
        if asked not in keep:
            keep[asked] = even(array, (PICTURE if name == "x" else GRADIENT) - spare)
        if not keep[asked]:
            return False
    return True


def grid(shape, w_shape):
    """The tiles that cover a result of this shape: how many down and across, and how many pixels
    of the result each of them gives, down and across."""
    down, across = SIDE + 1 - w_shape[2], SIDE + 1 - w_shape[3]
    return -(-shape[2] // down), -(-shape[3] // across), down, across


def in_one_tile(x_shape, w_shape, ph, pw):
    """Whether each picture of this shape is a tile of its own, see above."""
    return max(x_shape[2] + ph, x_shape[3] + pw) <= SIDE and ph < w_shape[2] and pw < w_shape[3]


# ------------------------------------------------------------------- analyse, multiply, synthesise
def analyse(xs, tilings, parts, sign, groups):
    """The spectra (130, 2, groups, tiles, C) of the tiles of all xs, each (N, groups C, H, W), one
    after the other; several only of one group. See dft16.spectra."""
    C, numbers = xs[0].shape[1] // groups, tiles_in(xs, tilings)
    spectrum = np.empty((FREQUENCIES, 2, groups, sum(numbers), C), np.float32)
    columns, at = spectrum.reshape(FREQUENCIES, 2, -1), 0
    for x, tiling, part, number in zip(xs, tilings, parts, numbers, strict=True):
        spectra(x, tiling, part, sign, C, at, columns)
        at += number * C
    return spectrum


def synthesise(spectrum, tilings, sign, bias, ys):
    """The pictures ys, each (N, groups C, H, W), that have these spectra; see dft16_inverse."""
    columns, at, C = spectrum.reshape(FREQUENCIES, 2, -1), 0, spectrum.shape[4]
    for y, tiling, number in zip(ys, tilings, tiles_in(ys, tilings), strict=True):
        pictures(columns, tiling, sign, C, at, bias, y)
        at += number * C


def tiles_in(xs, tilings):
    """How many tiles the pictures of each array are cut into."""
    return [len(x) * down * across for x, (down, across, *_) in zip(xs, tilings, strict=True)]


def multiply(left, right, left_transposed=False, right_transposed=False):
    """The matrix product for each frequency and group, of left^T or right^T if they are said to be
    transposed (not both)."""
    rows = left.shape[4 if left_transposed else 3]
    columns = right.shape[3 if right_transposed else 4]
    out = np.empty((FREQUENCIES, 2, left.shape[2], rows, columns), np.float32)
    if complex_blocks.can_use(left, right, left_transposed, right_transposed):
        complex_blocks.multiply(left, right, left_transposed, right_transposed, out)
    else:
        products(left, left_transposed, right, right_transposed, out)
    return out


def filter_spectra(w, groups, keep):
    """The spectra (130, 2, groups, F, C) of the filters, each a map of one tile. `keep` remembers
    them from the forward to the backward pass, known_filters.py as long as the filters stay."""
    if keep is not None and "W" in keep:
        return keep["W"]

    def transform():
        F, C, K, L = w.shape
        W = np.empty((FREQUENCIES, 2, groups, F // groups, C), np.float32)
        maps, part = w.reshape(1, F * C, K, L), (0, K, 0, L)
        spectra(maps, (1, 1, 0, 0, 0, 0), part, SPECTRUM, F * C, 0, W.reshape(FREQUENCIES, 2, -1))
        return W

    W = transform_of("fourier", w, groups, transform)
    if keep is not None:
        keep["W"] = W
    return W


def gradient_spectra(gys, w_shape, x_shapes, ph, pw, groups, keep):
    """The spectra (130, 2, groups, tiles, F) of gys, cut into the tiles that those of x reach.
    `keep` remembers them from one gradient to the other."""
    if keep is None or "GY" not in keep:
        tilings = [
            ALONE
            if in_one_tile(shape, w_shape, ph, pw)
            else (*grid(shape, w_shape), ph + 1 - w_shape[2], pw + 1 - w_shape[3])
            for shape in x_shapes
        ]
        GY = analyse(gys, tilings, [WHOLE] * len(gys), SPECTRUM, groups)
        if keep is None:
            return GY
        keep["GY"] = GY
    return keep["GY"]


# ------------------------------------------- the three uses of them, for pictures of several sizes
def forward_of(xs, w, b, ph, pw, groups, ys, keep):
    tilings = [
        ALONE[:4] if in_one_tile(x.shape, w.shape, ph, pw) else grid(y.shape, w.shape)
        for x, y in zip(xs, ys, strict=True)
    ]
    from_x = [(*tiling, -ph, -pw) for tiling in tilings]
    X = analyse(xs, from_x, [WHOLE] * len(xs), CONJUGATE, groups)
    Y = multiply(X, filter_spectra(w, groups, keep), right_transposed=True)
    synthesise(Y, [(*tiling, 0, 0) for tiling in tilings], CONJUGATE, b, ys)


def grad_input_of(gys, w, ph, pw, groups, gxs, keep):
    K, L = w.shape[2:]
    GY = gradient_spectra(gys, w.shape, [gx.shape for gx in gxs], ph, pw, groups, keep)
    GX = multiply(GY, filter_spectra(w, groups, keep))
    tilings = [
        (1, 1, *gx.shape[2:], ph, pw)
        if in_one_tile(gx.shape, w.shape, ph, pw)
        else (*grid(gx.shape, w.shape), K - 1, L - 1)
        for gx in gxs
    ]
    synthesise(GX, tilings, SPECTRUM, np.zeros(gxs[0].shape[1], w.dtype), gxs)


def grad_weight_of(gys, xs, ph, pw, groups, gw, keep):
    F, C, K, L = gw.shape
    GY = gradient_spectra(gys, gw.shape, [x.shape for x in xs], ph, pw, groups, keep)
    cuts = [
        ((*ALONE[:4], -ph, -pw), WHOLE)
        if in_one_tile(x.shape, gw.shape, ph, pw)
        else ((*grid(x.shape, gw.shape), 1 - K, 1 - L), (K - 1, SIDE, L - 1, SIDE))
        for x in xs
    ]
    tilings, parts = zip(*cuts, strict=True)
    GW = multiply(GY, analyse(xs, tilings, parts, CONJUGATE, groups), left_transposed=True)
    maps = gw.reshape(1, F * C, K, L)  # each a map of one tile, as in filter_spectra
    none, columns = np.zeros(F * C, gw.dtype), GW.reshape(FREQUENCIES, 2, -1)
    pictures(columns, (1, 1, K, L, 0, 0), CONJUGATE, 1, 0, none, maps)


# ---------------------------------------------------------------------------- and of one size alone
def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    forward_of([x], w, b, ph, pw, groups, [y], keep)


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx, keep):
    grad_input_of([gy], w, ph, pw, groups, [gx], keep)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    grad_weight_of([gy], [x], ph, pw, groups, gw, keep)
