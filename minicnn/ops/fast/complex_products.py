"""Products of complex matrices, one for each frequency of the spectra in fourier.py.

A complex product (a + i b)(c + i d) = (a c - b d) + i (a d + b c) looks like four real ones. Three
are enough (Gauss), at the price of additions, which matrices make cheap:

    p = (a + b) c        real part  p - b (c + d)        imaginary part  p + a (d - c)

The products themselves are the business of BLAS. Each frequency is one thread's.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange

products = Kernel(
    "products",
    "left[T, 2, groups, I, J], left_transposed, right[T, 2, groups, P, Q], right_transposed, "
    "out[T, 2, groups, M, N]; M == (J if left_transposed else I)"
    "; N == (P if right_transposed else Q)"
    "; (I if left_transposed else J) == (Q if right_transposed else P)",
)


@helper
def plus(a, b, sign, out):
    """out = a + sign b; loops compile four times as fast as sums of arrays do."""
    a, b, out = a.ravel(), b.ravel(), out.ravel()
    for i in range(out.size):
        out[i] = a[i] + sign * b[i]


@helper
def dot(a, a_transposed, b, b_transposed, out):
    if a_transposed:
        np.dot(a.T, b, out)
    elif b_transposed:
        np.dot(a, b.T, out)
    else:
        np.dot(a, b, out)


@products.cpu
def products_cpu(left, left_transposed, right, right_transposed, out):
    """The products left[f, :, g] right[f, :, g], or left^T right, or left right^T, for each
    frequency f and group g. Shapes (frequencies, 2, groups, rows, columns)."""
    groups, one, lt, rt = left.shape[2], left.dtype.type(1), left_transposed, right_transposed
    for fg in prange(len(left) * groups):
        f, g = fg // groups, fg % groups
        a, b, c, d = left[f, 0, g], left[f, 1, g], right[f, 0, g], right[f, 1, g]
        real, imag = out[f, 0, g], out[f, 1, g]
        x, y, z = np.empty_like(a), np.empty_like(c), np.empty_like(real)
        plus(a, b, one, x)
        dot(x, lt, c, rt, real)
        plus(d, c, -one, y)
        dot(a, lt, y, rt, imag)
        plus(imag, real, one, imag)
        plus(c, d, one, y)
        dot(b, lt, y, rt, z)
        plus(real, z, -one, real)
