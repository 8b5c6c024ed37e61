"""Sums of shifted rows of numbers, the arithmetic of shift_and_add.py and of linear layers.

    shifted_sums      y[c,m] = b[c] + sum_t  w[c,t] x[m + offset[t]]
    shifted_products  gw[c,t] = sum_m  gy[c,m] x[m + offset[t]]

x is a row of numbers, and «shifted» means that one starts to read it elsewhere: nothing is copied.
In a convolution t is a tap (map, row and column of a filter) and m a pixel; in the product gy w of
matrices t is a row of w, and m a column.

Four t meet four c in one loop: four numbers of x and four sums are fetched for sixteen
multiplications, each of which is one instruction with its addition (FMA).
"""

import functools

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, helper, prange

STRIP = 1024  # numbers of the result in one strip: four rows of it fit into the nearest cache
FOUR = 4  # t, and c, that meet in one loop

sums = Kernel(
    "shifted_sums",
    "x[N, numbers], int64 offsets[T], w[F, T], b[F], width, lines, y[N, maps, OH, OW]"
    "; F % 4 == 0; T % 4 == 0; maps <= F"
    "; highest(offsets) + (OH - 1) * width + OW <= numbers",
)
products = Kernel(
    "shifted_products",
    "x[N, numbers], int64 offsets[T], gy[N, maps, OH, OW], width, lines, parts[number, F, T]"
    "; F % 4 == 0; T % 4 == 0; maps <= F"
    "; highest(offsets) + (OH - 1) * width + OW <= numbers",
)


# ------------------------------------------------------------------------------ four t and four c
@helper(fused=True)
def add_shifted(x, offsets, w, out):
    """out[c] += sum_t w[c,t] x[offsets[t]:], for four t and four c."""
    p, q, r, s = x[offsets[0] :], x[offsets[1] :], x[offsets[2] :], x[offsets[3] :]
    a, b, c, d = out[0], out[1], out[2], out[3]
    a0, a1, a2, a3 = w[0, 0], w[0, 1], w[0, 2], w[0, 3]
    b0, b1, b2, b3 = w[1, 0], w[1, 1], w[1, 2], w[1, 3]
    c0, c1, c2, c3 = w[2, 0], w[2, 1], w[2, 2], w[2, 3]
    d0, d1, d2, d3 = w[3, 0], w[3, 1], w[3, 2], w[3, 3]
    for m in range(a.size):
        x0, x1, x2, x3 = p[m], q[m], r[m], s[m]
        a[m] = a3 * x3 + (a2 * x2 + (a1 * x1 + (a0 * x0 + a[m])))
        b[m] = b3 * x3 + (b2 * x2 + (b1 * x1 + (b0 * x0 + b[m])))
        c[m] = c3 * x3 + (c2 * x2 + (c1 * x1 + (c0 * x0 + c[m])))
        d[m] = d3 * x3 + (d2 * x2 + (d1 * x1 + (d0 * x0 + d[m])))


@helper(fused=True)
def add_products(x, offsets, rows, first, pixels, gw):
    """gw[c,t] += sum_m rows[first + c, m] x[offsets[t] + m], m < pixels, for four t and four c."""
    p, q, r, s = x[offsets[0] :], x[offsets[1] :], x[offsets[2] :], x[offsets[3] :]
    a, b, c, d = rows[first], rows[first + 1], rows[first + 2], rows[first + 3]
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = x.dtype.type(0)
    c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = x.dtype.type(0)
    for m in range(pixels):
        x0, x1, x2, x3 = p[m], q[m], r[m], s[m]
        a0, a1, a2, a3 = a0 + a[m] * x0, a1 + a[m] * x1, a2 + a[m] * x2, a3 + a[m] * x3
        b0, b1, b2, b3 = b0 + b[m] * x0, b1 + b[m] * x1, b2 + b[m] * x2, b3 + b[m] * x3
        c0, c1, c2, c3 = c0 + c[m] * x0, c1 + c[m] * x1, c2 + c[m] * x2, c3 + c[m] * x3
        d0, d1, d2, d3 = d0 + d[m] * x0, d1 + d[m] * x1, d2 + d[m] * x2, d3 + d[m] * x3
    gw[0, 0] += a0
    gw[0, 1] += a1
    gw[0, 2] += a2
    gw[0, 3] += a3
    gw[1, 0] += b0
    gw[1, 1] += b1
    gw[1, 2] += b2
    gw[1, 3] += b3
    gw[2, 0] += c0
    gw[2, 1] += c1
    gw[2, 2] += c2
    gw[2, 3] += c3
    gw[3, 0] += d0
    gw[3, 1] += d1
    gw[3, 2] += d2
    gw[3, 3] += d3


# ------------------------------------------------------------------------------------- the kernels
@sums.cpu
def sums_cpu(x, offsets, w, b, width, lines, y):
    """x (N, numbers), offsets (T,), w (F, T), b (F,), where F and T are multiples of four; y (N, at
    most F, OH, OW), whose rows are `width` numbers apart in x. A strip has `lines` rows."""
    N, F, OH, OW = y.shape
    strips = (OH + lines - 1) // lines
    for task in prange(N * strips):
        n, top = task // strips, task % strips * lines
        count = min(lines, OH - top)
        out = np.empty((FOUR, count * width - width + OW), x.dtype)
        place = x[n, top * width :]
        for c in range(0, F, FOUR):
            for f in range(FOUR):
                out[f] = b[c + f]
            for t in range(0, w.shape[1], FOUR):
                add_shifted(place, offsets[t:], w[c : c + FOUR, t:], out)
            for f in range(min(FOUR, y.shape[1] - c)):
                for i in range(count):
                    line, to = out[f, i * width :], y[n, c + f, top + i]
                    for j in range(OW):
                        to[j] = line[j]


@products.cpu
def products_cpu(x, offsets, gy, width, lines, parts):
    """The products as the sum of `parts` (number, F, T), each of them over some of the strips."""
    N, F, OH, OW = gy.shape
    number, strips = len(parts), (OH + lines - 1) // lines
    for part in prange(number):
        gw = parts[part]
        gw[:] = 0
        rows = np.zeros((gw.shape[0], lines * width), x.dtype)  # gy, with zeros at each line's end
        for task in range(part, N * strips, number):
            n, top = task // strips, task % strips * lines
            count = min(lines, OH - top)
            for c in range(F):
                for i in range(count):
                    line, to = gy[n, c, top + i], rows[c, i * width :]
                    for j in range(OW):
                        to[j] = line[j]
            place, pixels = x[n, top * width :], count * width - width + OW
            for c in range(0, gw.shape[0], FOUR):
                for t in range(0, gw.shape[1], FOUR):
                    add_products(place, offsets[t:], rows, c, pixels, gw[c : c + FOUR, t:])


# -------------------------------------------------------------------------- what others call of it
def shifted_sums(x, offsets, w, b, width, lines, y):
    """y (N, F, OH, OW), see above: x (N, numbers), offsets (T,), w (F, T), b (F,)."""
    sums(x, four_offsets(offsets), fours(w, (0, 1)), fours(b), width, lines, y)


def shifted_products(x, offsets, gy, width, lines):
    """gw (F, T), see above: x (N, numbers), offsets (T,), gy (N, F, OH, OW)."""
    (F, T), offsets = (gy.shape[1], offsets.size), four_offsets(offsets)
    parts = np.empty((get_num_threads(), F + -F % FOUR, offsets.size), x.dtype)
    products(x, offsets, gy, width, lines, parts)
    return parts.sum(axis=0)[:F, :T]


def fours(a, axes=(0,)):
    """`a` with zeros appended until these axes are multiples of four long."""
    return np.pad(a, [(0, -n % FOUR if axis in axes else 0) for axis, n in enumerate(a.shape)])


def four_offsets(offsets):
    """Offsets for the rows that `fours` appends: the last one, which is inside of x."""
    return np.pad(offsets, (0, -offsets.size % FOUR), mode="edge")


@functools.cache
def strip_of(K, threads):
    """How many of K columns of a matrix make a strip, so that strips divide K and each thread gets
    one; 0 where no strip of a good length does."""
    fitting = [n for n in range(STRIP // 4, STRIP + 1) if K % n == 0 and n * threads <= K]
    # as many strips for each thread, if that can be
    return max(fitting, key=lambda n: (K // n % threads == 0, n), default=0)
