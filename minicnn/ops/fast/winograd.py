r"""conv2d under 3x3 filters by tiles of 6x6 pixels (Winograd): 36 multiplications for 144.

A filter of three weights at four places costs twelve multiplications. Six are enough, since it is
the product of two polynomials in disguise. Take gradients g and weights w, and let
g(z) = g0 + g1 z + g2 z^2 + g3 z^3, w(z) = w0 + w1 z + w2 z^2. The product has six coefficients, and
so is known from its values at six points: evaluate both there, multiply value by value, and
interpolate. Evaluating at a point is a line of powers of it. So, with matrices A (6x4) for g, G
(6x3) for w and B (6x6), which interpolates,

    g * w = B (A g . G w)                 . multiplies number by number

is the sum that gx wants: every g adds the whole filter, at its place. This is bilinear, and turned
round (transposed with respect to g, or to w) it gives the two other sums at the same six products:

    y  = A^T (B^T x . G w)        four results of six pixels x and three weights
    gw = G^T (B^T x . A g)

In two dimensions each matrix is used down and then across: 6x6 pixels, 4x4 results, 36
multiplications where the sum needs 16 times 9.

The points are 0, 1, -1, 1/2, -2 and infinity (whose value is the highest coefficient). Small ones,
or their powers would swamp one another in float32; with -1/z for each z, so that evaluating and
interpolating are equally harmless; and B then holds nothing but multiples of 1/2. Results are off
by 4e-6 of the largest one at most (512 maps; README.md has a table), ten times what the direct sum
has. Points 0, 1, -1, 2, -2, which one often sees, are off by three times as much.

All products at one of the 36 places f are one product of matrices, for which BLAS is made: X[f]
(tiles, C), W[f] (F, C), GY[f] (tiles, F), and

    Y[f] = X[f] W[f]^T        GX[f] = GY[f] W[f]        GW[f] = GY[f]^T X[f]

So W serves y and gx, GY both gradients; the tiles of a whole batch go into one product.

Sheets. Small maps do not fill their tiles: 13x13 results take 4x4 tiles, which have 16x16. So the
pictures of a batch are laid side by side, up to 4 down and 4 across, on sheets that are cut into
tiles as if they were large pictures. Between neighbours lie as many zeros as the padding is wide,
which serve both: 16 pictures of 13x13 need 14x14 tiles, not 16x16.

Numbers that lie too far apart go another way, as for fourier.py, and sooner: the roundoff of the
largest number of a tile is heard in all of it.

Source: Winograd 1980 (Toom 1963, Cook 1966 for the product); for networks Lavin, Gray 2016. Points:
Barabasz, Anderson, Soodhalter, Gregg 2020.
"""

import itertools

import numpy as np

from minicnn.ops.fast.known_filters import transform_of
from minicnn.ops.fast.winograd_analysis import (
    winograd_filters,
    winograd_gradients,
    winograd_pictures,
)
from minicnn.ops.fast.winograd_products import (
    PLACES,
    small,
    sum_over_tiles,
    times,
    times_transposed,
)
from minicnn.ops.fast.winograd_synthesis import (
    winograd_grad_filters,
    winograd_grad_pictures,
    winograd_results,
)

POINTS = 0, 1, -1, 0.5, -2  # and infinity
TILES = 1024  # that go through a product together; no limit would take more memory, not less time


def matrices(points, results=4, taps=3):
    """A, G and B of F(results, taps) at these points and infinity, in float64: where the constants
    of winograd_analysis.py come from."""
    n = results + taps - 1
    powers = np.array([[z**k for k in range(n)] for z in points] + [[0.0] * n])
    A, G, B = powers[:, :results].copy(), powers[:, :taps].copy(), np.zeros((n, n))
    A[-1, -1] = G[-1, -1] = 1
    for j, point in enumerate(points):  # the polynomial that is 0 at all other points
        others = [z for z in points if z != point]
        B[: n - 1, j] = np.poly(others)[::-1]
        G[j] /= np.prod([point - z for z in others])
    B[:, -1] = np.poly(points)[::-1]
    return A, G, B


# ------------------------------------------------------------------------ how the batch is cut up
def along(count, size, padding):
    """(tiles, pitch) of `count` pictures side by side along one axis; from one to the next is the
    pitch. A window may see its own picture and zeros, and nothing else."""
    results = size + 2 * padding - 2
    pitch = max(size + padding, results)
    return -(-((count - 1) * pitch + results) // 4), pitch


def tiling_of(N, H, W, ph, pw):
    """The sheets that need the fewest tiles for N pictures of H x W pixels: (rows of tiles,
    columns, pictures down, across, pitch down, across)."""
    found = []
    for down, across in itertools.product((1, 2, 4), repeat=2):
        (rows, pitch_down), (columns, pitch_across) = along(down, H, ph), along(across, W, pw)
        tiles = sheets(N, down, across) * rows * columns
        tiling = rows, columns, down, across, pitch_down, pitch_across
        found.append((tiles, down * across, tiling))
    return min(found)[-1]


def sheets(N, down, across):
    return -(-N // (down * across))


def tiles_of(N, H, W, ph, pw):
    """How many tiles there are."""
    rows, columns, down, across = tiling_of(N, H, W, ph, pw)[:4]
    return sheets(N, down, across) * rows * columns


def parts_of(N, tiling):
    """(first row of tiles, tiles) of each part of the batch: about TILES of them at a time."""
    rows, columns, down, across = tiling[:4]
    total, step = sheets(N, down, across) * rows, max(1, TILES // columns)
    return [(first, columns * min(step, total - first)) for first in range(0, total, step)]


# ------------------------------------------------------- what one result can take over from another
def filters(w, groups, transposed, keep):
    """W (36, groups, F, C), or (36, groups, C, F) if transposed; `keep` remembers it from y to gx,
    known_filters.py as long as the filters stay."""
    known, name = {} if keep is None else keep, ("winograd W", transposed)

    def transform():
        F, C = len(w) // groups, w.shape[1]
        W = np.empty((PLACES, groups, *((C, F) if transposed else (F, C))), w.dtype)
        winograd_filters(w, transposed, W)
        return W

    if name not in known:
        known[name] = transform_of(name, w, groups, transform)
    return known[name]


def gradients(gy, tiling, first, tiles, groups, keep):
    """GY (36, groups, tiles, F); `keep` remembers it from one gradient to the other."""
    known, name = {} if keep is None else keep, ("winograd GY", first)
    if name not in known:
        GY = np.empty((PLACES, groups, tiles, gy.shape[1] // groups), gy.dtype)
        winograd_gradients(gy, tiling, first, GY)
        known[name] = GY
    return known[name]


# -------------------------------------------------------------------------- the three uses of them
def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    tiling = tiling_of(len(x), *x.shape[2:], ph, pw)
    for first, tiles in parts_of(len(x), tiling):
        X = np.empty((PLACES, groups, tiles, w.shape[1]), x.dtype)
        winograd_pictures(x, tiling, ph, pw, first, X)
        if small(len(w) // groups, w.shape[1]) >= 64:  # so few filters are soon transformed twice
            Y = times(X, filters(w, groups, True, keep))
        else:
            Y = times_transposed(X, filters(w, groups, False, keep))
        winograd_results(Y, tiling, first, b, y)


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx, keep):
    tiling = tiling_of(len(gx), *gx.shape[2:], ph, pw)
    gx.fill(0)
    for first, tiles in parts_of(len(gx), tiling):
        GY = gradients(gy, tiling, first, tiles, groups, keep)
        GX = times(GY, filters(w, groups, False, keep))
        winograd_grad_pictures(GX, tiling, ph, pw, first, gx)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    tiling, total = tiling_of(len(x), *x.shape[2:], ph, pw), None
    for first, tiles in parts_of(len(x), tiling):
        GY = gradients(gy, tiling, first, tiles, groups, keep)
        X = np.empty((PLACES, groups, tiles, gw.shape[1]), x.dtype)
        winograd_pictures(x, tiling, ph, pw, first, X)
        GW = sum_over_tiles(GY, X)
        total = GW if total is None else np.add(total, GW, total)
    winograd_grad_filters(total, gw)
