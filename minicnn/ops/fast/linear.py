"""Linear layers, y = x w^T, gx = gy w, gw = gy^T x, and products of two matrices.

Under a batch of some rows the larger factor is w, and what takes time is reading it (or writing its
gradient). So it is cut for the threads ('threads'; matrix_product.py). Under a handful of rows a
product takes as long as it takes to read w once; the loops of shifted.py read it in order, and not
in blocks as BLAS does ('strips'), and so do the blocks of linear_blocks.py; linear_row.py is for a
single row. Of all other products each thread makes some rows, or columns ('rows').

Functions return None where numpy shall do it: choose.py has the rule.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.op import contiguous
from minicnn.ops.fast import choose, linear_blocks, linear_row
from minicnn.ops.fast.matrix_product import product, product_over_rows
from minicnn.ops.fast.shifted import shifted_products, shifted_sums, strip_of

FLOATS = np.float32, np.float64


def forward(x, w):
    """x w^T for x (rows, K) and w (F, K)."""
    which = chosen("y", w, x)
    if which == "linear_blocks":
        return linear_blocks.forward(x, w)
    if which == "strips":
        return rows_times_rows(x, w)
    if which == "threads":  # rows of w, the larger factor, to each
        return contiguous(shared_rows(w, x.T).T)
    return shared(x, w.T) if which == "rows" else None


def grad_input(gy, w):
    """gy w for gy (rows, F) and w (F, K)."""
    which, threads = chosen("gx", w, gy), get_num_threads()
    if which == "linear_blocks":
        return linear_blocks.grad_input(gy, w)
    if which == "linear_row":
        return linear_row.grad_input(gy, w)
    if which == "strips":
        return sums_of_rows(gy, w)
    if which == "threads":
        parts = np.empty((threads, w.shape[1], len(gy)), w.dtype)
        product_over_rows(gy, w, threads, parts)
        return contiguous(parts.sum(axis=0).T)
    return shared(gy, w) if which == "rows" else None


def grad_weight(gy, x, w):
    """gy^T x for gy (rows, F) and x (rows, K)."""
    which = chosen("gw", w, gy, x)
    if which == "linear_blocks":
        return linear_blocks.grad_weight(gy, x)
    if which not in ("threads", "rows"):
        return None
    return shared(gy.T, x)


def matmul(a, b):
    """a b for two matrices; None where numpy shall do it."""
    arrays = all(isinstance(m, np.ndarray) and m.ndim == 2 for m in (a, b))
    floats = arrays and a.dtype == b.dtype and a.dtype in FLOATS
    if not floats or choose.little_for_blas(*a.shape, b.shape[1]):
        return None
    a, b = (m if m.flags.c_contiguous or m.flags.f_contiguous else m.copy() for m in (a, b))
    return shared(a, b)


def shared(a, b):
    """The product of two matrices, of which each lies in memory row by row or column by column, on
    all threads: each has some rows of it, or some columns where these are four times as many."""
    if len(a) < b.shape[1] // 4:
        return contiguous(shared_rows(b.T, a.T).T)
    return shared_rows(a, b)


def shared_rows(a, b):
    y = np.empty((len(a), b.shape[1]), a.dtype)
    turned = [not matrix.flags.c_contiguous for matrix in (a, b)]
    a, b = (matrix.T if t else matrix for matrix, t in zip((a, b), turned, strict=True))
    product(a, turned[0], b, turned[1], np.zeros(len(y), y.dtype), get_num_threads(), y)
    return y


def chosen(result, w, *rows):
    """The name that choose.py gives; ours take arrays of FLOATS whose rows lie side by side."""
    ours = all(isinstance(a, np.ndarray) and a.flags.c_contiguous for a in (w, *rows))
    ours = ours and w.dtype in FLOATS
    return choose.linear(result, len(rows[0]), w.shape, w.dtype) if ours else "numpy"


def rows_times_rows(x, w):
    """x w^T: the product of each row of x with each of w, which lie K numbers apart."""
    K = w.shape[1]
    strip = strip_of(K, get_num_threads())
    rows = x.reshape(1, len(x), -1, strip)
    return shifted_products(w.reshape(1, -1), K * np.arange(len(w)), rows, strip, 1)


def sums_of_rows(gy, w):
    """gy w: for each row of gy the sum of the rows of w, weighted by its numbers."""
    K, none = w.shape[1], np.zeros(len(gy), w.dtype)
    strip = strip_of(K, get_num_threads())
    gx = np.empty((1, len(gy), K // strip, strip), w.dtype)
    shifted_sums(w.reshape(1, -1), K * np.arange(len(w)), gy, none, strip, 1, gx)
    return gx.reshape(len(gy), K)
