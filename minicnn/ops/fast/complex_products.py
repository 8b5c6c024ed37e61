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
    "left[T, 2, groups, I, J], right[T, 2, groups, P, Q], transposed, out[T, 2, groups, M, Q]"
    "; (J, I) == (M, P) if transposed else (I, J) == (M, P)",
)


@helper
def plus(a, b, sign, out):
    """out = a + sign b; loops compile four times as fast as sums of arrays do."""
    a, b, out = a.ravel(), b.ravel(), out.ravel()
    for i in range(out.size):
        out[i] = a[i] + sign * b[i]


@helper
def dot(a, transposed, b, out):
    if transposed:
        np.dot(a.T, b, out)
    else:
        np.dot(a, b, out)


@products.cpu
def products_cpu(left, right, transposed, out):
    """The products left[f, :, g] right[f, :, g], or left^T right, for each frequency f and group g.
    Shapes (frequencies, 2, groups, rows, columns)."""
    groups, one = left.shape[2], left.dtype.type(1)
    for fg in prange(len(left) * groups):
        f, g = fg // groups, fg % groups
        a, b, c, d = left[f, 0, g], left[f, 1, g], right[f, 0, g], right[f, 1, g]
        real, imag = out[f, 0, g], out[f, 1, g]
        x, y, z = np.empty_like(a), np.empty_like(c), np.empty_like(real)
        plus(a, b, one, x)
        dot(x, transposed, c, real)
        plus(d, c, -one, y)
        dot(a, transposed, y, imag)
        plus(imag, real, one, imag)
        plus(c, d, one, y)
        dot(b, transposed, y, z)
        plus(real, z, -one, real)
