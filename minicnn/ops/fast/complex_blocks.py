r"""Products of complex matrices in blocks of registers, for the spectra of fourier.py.

    (a + i b)(c + i d) = (a c - b d) + i (a d + b c)

complex_products.py makes three real products of these four, each by BLAS, and has to add and to
store in between. Here all four are made in blocks of registers (register_blocks.py), real and
imaginary parts side by side, so that each number is fetched once for both, and nothing stands
between a spectrum and its product.

Rows and columns are read as they lie; a matrix that is to be transposed is turned over first, 16 x
16 numbers at a time. Rows and columns at the end that would not fill a block begin a little
earlier: some results are computed twice.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import (
    COMPLEX,
    complex_block,
    lanes,
    row_starts,
    shape,
    turn_over,
)

SIXTEEN = 16  # numbers that are turned over together, and the largest vector

complex_blocks = Kernel(
    "complex_blocks",
    "left[T, 2, groups, I, J], left_transposed, right[T, 2, groups, P, Q], right_transposed, "
    "R, lanes, most, out[T, 2, groups, M, N]; M == (J if left_transposed else I)"
    "; N == (P if right_transposed else Q)"
    "; (I if left_transposed else J) == (Q if right_transposed else P)"
    "; N >= 16; (I if left_transposed else J) >= 1"
    "; not left_transposed or J >= 16; not right_transposed or Q >= 16",
)


@helper
def turned(b, rows, columns, out, step):
    """out: as many lines as b has columns, `step` numbers apart. Up to 15 numbers behind the end of
    a line are written, too."""
    starts = np.empty(SIXTEEN, np.int64)
    for row in range(0, rows, SIXTEEN):
        row_starts(row, rows, columns, starts)
        for column in range(0, columns, SIXTEEN):
            first = min(column, columns - SIXTEEN)
            turn_over(b[first:], starts, out[first * step + row :], step, SIXTEEN)


@helper
def strips_of(N, lanes, most):
    """Where the strips of N columns begin and end: up to `most` whole vectors, as equal as can be;
    what is left is the end of one more vector."""
    vectors, more = N // lanes, int(N % lanes > 0)
    count = (vectors + most - 1) // most
    strips = np.empty((count + more, 2), np.int64)
    for s in range(count):
        strips[s, 0], strips[s, 1] = s * vectors // count, (s + 1) * vectors // count
    strips *= lanes
    if more:
        strips[count, 0], strips[count, 1] = N - lanes, N
    return strips


@helper
def multiply_rows(a, b, step, c, d, places, strips, R, real, imaginary):
    """real + i imaginary, each (M, N), = (a + i b)(c + i d). Rows of a and b are `step` numbers
    apart, those of c and d begin at `places`."""
    M, N = real.shape
    starts, few = np.empty(R, np.int64), np.empty((2, R, N if M < R else 0), real.dtype)
    re, im = (few[0], few[1]) if M < R else (real, imaginary)
    for first, end in strips:
        for i in range(0, M, R):
            top = max(0, min(i, M - R))
            row_starts(top, M, step, starts)
            block, other = re[top : top + R, first:end], im[top : top + R, first:end]
            complex_block(a, b, starts, c[first:], d[first:], places, block, other)
    if M < R:  # number by number; assigned as a whole they would take 15 seconds to compile
        for m in range(M):
            for n in range(N):
                real[m, n], imaginary[m, n] = few[0, m, n], few[1, m, n]


@complex_blocks.cpu
def complex_blocks_cpu(left, left_transposed, right, right_transposed, R, lanes, most, out):
    """The products left[f, :, g] right[f, :, g], or left^T right, or left right^T, for each
    frequency f and group g. Shapes (frequencies, 2, groups, rows, columns)."""
    groups, M, N = out.shape[2:]
    K = left.shape[3] if left_transposed else left.shape[4]
    strips = strips_of(N, lanes, most)
    for fg in prange(len(left) * groups):
        f, g = fg // groups, fg % groups
        a, b, step = left[f, 0, g].ravel(), left[f, 1, g].ravel(), K
        c, d, apart = right[f, 0, g].ravel(), right[f, 1, g].ravel(), N
        if left_transposed:
            step = K + SIXTEEN  # `turned` writes up to 15 numbers more
            whole = np.empty((2, M * step), a.dtype)
            turned(a, K, M, whole[0], step)
            turned(b, K, M, whole[1], step)
            a, b = whole[0], whole[1]
        if right_transposed:
            apart = N + 2 * SIXTEEN  # and caches do not like powers of two
            other = np.empty((2, K * apart), a.dtype)
            turned(c, N, K, other[0], apart)
            turned(d, N, K, other[1], apart)
            c, d = other[0], other[1]
        places = apart * np.arange(K)
        multiply_rows(a, b, step, c, d, places, strips, R, out[f, 0, g], out[f, 1, g])


def can_use(left, right, left_transposed, right_transposed):
    """Whether this processor has such blocks, and the matrices fill its vectors."""
    columns = right.shape[3 if right_transposed else 4]
    if left_transposed:
        columns = min(columns, left.shape[4])
    if right_transposed:
        columns = min(columns, right.shape[4])
    inner = left.shape[3 if left_transposed else 4]
    return bool(shape()) and columns >= SIXTEEN and inner >= 1


def multiply(left, right, left_transposed, right_transposed, out):
    R, most = COMPLEX[shape()[2]]
    vector = lanes(left.dtype)
    complex_blocks(left, left_transposed, right, right_transposed, R, vector, most, out)
