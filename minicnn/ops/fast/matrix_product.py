"""Products of matrices on the threads of our kernels, and 1x1 convolutions, which are nothing else.

The product itself is the business of BLAS. `product` runs it on our threads, each with some rows of
the result: BLAS has threads of its own, but two sets of threads that wait for work on the same
cores take the time from one another.

Under a 1x1 filter the windows are the pixels themselves. With x as X (C, pixels) and the filters as
W (F, C), for each picture and group,  y = W X + b,  gX = W^T gy,  gW = gy X^T.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, prange

product = Kernel(
    "product",
    "a[I, J], a_transposed, b[P, Q], b_transposed, bias[M], threads, y[M, N]"
    "; M == (J if a_transposed else I); N == (P if b_transposed else Q)"
    "; (I if a_transposed else J) == (Q if b_transposed else P)",
)
product_over_rows = Kernel(
    "product_over_rows", "a[M, rows], b[rows, N], threads, parts[threads, N, M]"
)


@product.cpu
def product_cpu(a, a_transposed, b, b_transposed, bias, threads, y):
    """y = a b + bias, one bias for each row; a or b may lie in memory transposed. Each thread has
    some rows of y."""
    M, inner = len(y), a.shape[0 if a_transposed else 1]
    rows = (M + threads - 1) // threads
    if min(inner, y.shape[1]) < 64:  # hardly more than reading a or writing y: pieces for a cache
        rows = min(rows, 64)
    for piece in prange((M + rows - 1) // rows):
        first, end = piece * rows, min(M, piece * rows + rows)
        part = y[first:end]
        if a_transposed:
            left = a[:, first:end].copy()
            if b_transposed:
                np.dot(left.T, b.T, part)
            else:
                np.dot(left.T, b, part)
        elif b_transposed:
            np.dot(a[first:end], b.T, part)
        else:
            np.dot(a[first:end], b, part)
        for i in range(first, end):
            if bias[i] != 0:
                line, add = y[i], bias[i]
                for j in range(line.size):
                    line[j] += add


@product_over_rows.cpu
def product_over_rows_cpu(a, b, threads, parts):
    """The transpose of a b as the sum of `parts` (threads, N, M): each thread has some rows of b,
    the larger factor, and takes 32 at a time into its cache."""
    rows = (len(b) + threads - 1) // threads
    for thread in prange(threads):
        parts[thread] = 0
        out = np.empty_like(parts[thread])
        for first in range(thread * rows, min(len(b), thread * rows + rows), 32):
            end = min(first + 32, thread * rows + rows, len(b))
            np.dot(b[first:end].T, a[:, first:end].copy().T, out)
            parts[thread] += out


# ------------------------------------------------------------------- conv2d with 1x1 filters
def matrices(array, groups):
    """array (.., groups * maps, H, W), one matrix (maps, H W) after the other."""
    return array.reshape(-1, groups, array.shape[-3] // groups, array.shape[-2] * array.shape[-1])


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    threads, B = get_num_threads(), b.reshape(groups, -1)
    W, X, Y = w.reshape(groups, B.shape[1], -1), matrices(x, groups), matrices(y, groups)
    for n, g in np.ndindex(Y.shape[:2]):
        product(W[g], False, X[n, g], False, B[g], threads, Y[n, g])


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx, keep):
    threads, C = get_num_threads(), w.shape[1]
    W, GY, GX = w.reshape(groups, -1, C), matrices(gy, groups), matrices(gx, groups)
    for n, g in np.ndindex(GX.shape[:2]):
        product(W[g], True, GY[n, g], False, np.zeros(C, w.dtype), threads, GX[n, g])


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    """Of one picture: the products of several would have to be added. The threads share the rows
    of the longer factor, so that each reads its part of it and the shorter one."""
    threads, C = get_num_threads(), gw.shape[1]
    GW, GY, X = gw.reshape(groups, -1, C), matrices(gy, groups)[0], matrices(x, groups)[0]
    for g in range(groups):
        if len(GY[g]) < C:
            turned = np.empty((C, len(GY[g])), gw.dtype)
            product(X[g], False, GY[g], True, np.zeros(C, gw.dtype), threads, turned)
            GW[g] = turned.T
        else:
            product(GY[g], False, X[g], True, np.zeros(len(GY[g]), gw.dtype), threads, GW[g])
