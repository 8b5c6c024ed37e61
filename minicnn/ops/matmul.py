"""Matrix products.

    matmul  y = a b          ga = gy b^T       gb = a^T gy
    linear  y = x w^T + b    gx = gy w         gw = gy^T x      gb = sum of gy over the batch

Shapes: matmul as numpy's, leading dimensions broadcast; a (.., M, K), b (.., K, N), y (.., M, N).
        linear x (..., K), w (F, K), b (F,), y (..., F).

The gradients are the only products of gy with the other factor whose shapes fit, which is a good
way to remember them.

The product itself is the business of BLAS. `product` runs it on the threads of our kernels, each
with some rows of the result: BLAS has threads of its own, but two sets of threads that wait for
work on the same cores take the time from one another. Under a handful of rows of x, `linear` takes
as long as it takes to read w; there the loops of shifted.py read it once, and not in blocks.
"""

import functools

import numpy as np

from minicnn.cases import Case, normal
from minicnn.devices import get_num_threads
from minicnn.kernel import Kernel, prange
from minicnn.op import Op, contiguous
from minicnn.ops.arithmetic import unbroadcast
from minicnn.ops.shifted import STRIP, shifted_products, shifted_sums

FEW_ROWS = 2, 16  # at least and at most, for the loops of shifted.py

product = Kernel(
    "product",
    "a[I, J], a_transposed, b[P, Q], b_transposed, bias[M], threads, y[M, N]"
    "; M == (J if a_transposed else I); N == (P if b_transposed else Q)"
    "; (I if a_transposed else J) == (Q if b_transposed else P)",
)
product_over_rows = Kernel(
    "product_over_rows",
    "a[M, rows], b[rows, N], threads, parts[threads, N, M]",
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


class MatMul(Op):
    name, mixes = "matmul", True

    def check(self, a, b):
        if a.ndim < 1 or b.ndim < 1 or a.shape[-1] != b.shape[0 if b.ndim == 1 else -2]:
            raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit")

    def forward(self, a, b):
        self.a, self.b = a, b
        return a @ b

    def backward(self, gy):
        a = self.a[None] if self.a.ndim == 1 else self.a  # a vector is a row on the left
        b = self.b[:, None] if self.b.ndim == 1 else self.b  # and a column on the right
        if self.b.ndim == 1:
            gy = gy[..., None]
        if self.a.ndim == 1:
            gy = gy[None] if self.b.ndim == 1 else gy[..., None, :]
        ga = unbroadcast(gy @ b.swapaxes(-1, -2), a.shape) if self.needs[0] else None
        gb = unbroadcast(a.swapaxes(-1, -2) @ gy, b.shape) if self.needs[1] else None
        return (
            None if ga is None else ga.reshape(self.a.shape),
            None if gb is None else gb.reshape(self.b.shape),
        )


class Linear(Op):
    floating = ("input", "weight", "bias")

    def check(self, x, w, b=None):
        if w.ndim != 2 or x.ndim < 1 or x.shape[-1] != w.shape[1]:
            raise ValueError(f"linear: input {x.shape} and weight {w.shape} do not fit")
        if b is not None and b.shape != (w.shape[0],):
            raise ValueError(f"linear: bias {b.shape} for weight {w.shape}")

    def forward(self, x, w, b=None):
        self.x, self.w, self.has_bias = x, w, b is not None
        rows = x.reshape(-1, x.shape[-1])
        if not ours(rows, w):
            y = x @ w.T
            return y + b if self.has_bias else y
        bias = contiguous(b) if self.has_bias else np.zeros(len(w), w.dtype)
        if strip := strip_of(*rows.shape):
            return (rows_times_rows(rows, w, strip) + bias).reshape(*x.shape[:-1], len(w))
        y = np.empty((len(w), len(rows)), w.dtype)  # rows of w, the larger factor, to each thread
        product(w, False, rows, True, bias, get_num_threads(), y)
        return contiguous(y.T).reshape(*x.shape[:-1], len(w))

    def backward(self, gy):
        x, rows = self.x.reshape(-1, self.x.shape[-1]), gy.reshape(-1, gy.shape[-1])
        gx = gw = None
        if ours(x, self.w, rows):
            threads = get_num_threads()
            if self.needs[0] and (strip := strip_of(*x.shape)):
                gx = sums_of_rows(rows, self.w, strip).reshape(self.x.shape)
            elif self.needs[0]:
                parts = np.empty((threads, *x.T.shape), x.dtype)
                product_over_rows(rows, self.w, threads, parts)
                gx = contiguous(parts.sum(axis=0).T).reshape(self.x.shape)
            if self.needs[1]:
                gw = np.empty_like(self.w)
                product(rows, True, x, False, np.zeros(len(gw), gw.dtype), threads, gw)
        else:
            gx = gy @ self.w if self.needs[0] else None
            gw = rows.T @ x if self.needs[1] else None
        return (gx, gw, rows.sum(axis=0)) if self.has_bias else (gx, gw)


def ours(*factors):
    """Whether `product` can take them, and there is enough to do for several threads. Many rows of
    x are left to numpy."""
    x, w = factors[:2]
    large = all(a.flags.c_contiguous for a in factors) and len(x) <= 256 and w.size >= 1 << 16
    return isinstance(x, np.ndarray) and large and x.size > 0


def strip_of(rows, K):
    """How many of the K columns of w are a strip for the loops of shifted.py; 0 leaves the product
    to BLAS: too few or too many rows, or no strip of that kind divides K and gives each thread
    one."""
    return _strip(K, get_num_threads()) if FEW_ROWS[0] <= rows <= FEW_ROWS[1] else 0


@functools.cache
def _strip(K, threads):
    fitting = [n for n in range(STRIP // 4, STRIP + 1) if K % n == 0 and n * threads <= K]
    # as many strips for each thread, if that can be
    return max(fitting, key=lambda n: (K // n % threads == 0, n), default=0)


def rows_times_rows(x, w, strip):
    """x w^T: the product of each row of x with each of w, which lie K numbers apart."""
    rows, K = x.reshape(1, len(x), -1, strip), w.shape[1]
    return shifted_products(w.reshape(1, -1), K * np.arange(len(w)), rows, strip, 1)


def sums_of_rows(gy, w, strip):
    """gy w: for each row of gy the sum of the rows of w, weighted by its numbers."""
    K, none = w.shape[1], np.zeros(len(gy), w.dtype)
    gx = np.empty((1, len(gy), K // strip, strip), w.dtype)
    shifted_sums(w.reshape(1, -1), K * np.arange(len(w)), gy, none, strip, 1, gx)
    return gx


def matmul(input, other):
    """Matrix product; leading dimensions broadcast as in numpy."""
    return MatMul()(input, other)


def linear(input, weight, bias=None):
    """input @ weight.T + bias; input (..., K), weight (F, K), bias (F,)."""
    op = Linear()
    return op(input, weight) if bias is None else op(input, weight, bias)


def cases():
    yield Case(matmul, (normal(3, 4), normal(4, 5)))
    yield Case(matmul, (normal(2, 1, 3, 4), normal(6, 4, 5)), label="broadcast")
    yield Case(matmul, (normal(4), normal(4, 5)), label="vector-matrix")
    yield Case(matmul, (normal(3, 4), normal(4)), label="matrix-vector")
    yield Case(matmul, (normal(4), normal(4, seed=1)), label="vector-vector")
    yield Case(matmul, (normal(2, 3, 4), normal(4)), label="stack-vector")
    yield Case(linear, (normal(3, 4), normal(5, 4), normal(5)))
    yield Case(linear, (normal(2, 3, 4), normal(5, 4)), label="no-bias")
