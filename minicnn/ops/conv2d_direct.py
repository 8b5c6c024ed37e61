r"""conv2d on the CPU under few input maps: sums of shifted pictures.

Number the K L C weights of a filter, its *taps*, t = (k, u, v). Then convolution is a sum of
pictures, each of them a map of x that is shifted and weighted:

    y[c] = b[c] + sum_t  w[c,t] S_t x          S_t: map k, moved up by d u and left by d v
    gw[c,t] = sum_m  gy[c,m] (S_t x)[m]        m: all pixels

Nothing is copied for that. Stored line after line, with `width` numbers to a line, a picture moves
when one starts to read it elsewhere: pixel m = i width + j of the result meets the number m +
offsets[t]. The last columns of each line then meet what stands at the beginning of the next one;
they are computed with all others, since a long loop is a fast loop, and thrown away. Under a stride
s the pixels are sorted first (`frame`): those whose coordinates leave the same remainders when
divided by s are neighbours for the result, and become a picture of their own.

Four taps meet four maps in one loop: four numbers of x and four sums are fetched for sixteen
multiplications, each of which is one instruction with its addition (FMA). In conv2d_im2col.py each
number of a window is copied before it meets the F filters, which is a bargain for 256 filters and
none for 16; transforms (conv2d_fast.py) of F maps of gy are none either where each meets only three
maps of x.
"""

import numpy as np

from minicnn.devices import get_num_threads
from minicnn.kernel import Kernel, helper, prange
from minicnn.ops.conv2d import conv2d_forward, conv2d_grad_weight

FEW, MANY = 4, 32  # input maps, filters
PIXELS = 1024  # of the result, in one strip: four maps of it fit into the nearest cache
FOUR = 4  # taps, and maps, that meet in one loop

direct_forward = Kernel("direct_forward")
direct_grad_weight = Kernel("direct_grad_weight")


# ------------------------------------------------------------------------ four taps and four maps
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
@direct_forward.cpu
def direct_forward_cpu(x, offsets, w, b, width, lines, y):
    """x (N, numbers), w (F, T), b (F,): F and T are multiples of 4, y (N, <= F, OH, OW)."""
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


@direct_grad_weight.cpu
def direct_grad_weight_cpu(x, offsets, gy, width, lines, parts):
    """The gradient as the sum of `parts` (number, F, T), each of them over some of the strips."""
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


# ----------------------------------------------------------------------------- what they work on
def worth_it(w_shape, y_shape, groups):
    """The rule: few input maps, not many filters, and pictures that are not tiny."""
    F, C, K, L = w_shape
    few = groups == 1 and C <= FEW and FOUR <= F <= MANY and K * L >= 9
    return few and y_shape[2] * y_shape[3] >= 2 * PIXELS


def frame(x, w_shape, y_shape, sh, sw, ph, pw, dh, dw):
    """(x padded and sorted by remainders (N, numbers), the offset of each tap in it, numbers to a
    line of it)."""
    (N, C, H, W), (_, _, K, L) = x.shape, w_shape
    height = -(-max(H + 2 * ph, (y_shape[2] - 1) * sh + dh * (K - 1) + 1) // sh)
    width = -(-max(W + 2 * pw, (y_shape[3] - 1) * sw + dw * (L - 1) + 1) // sw)
    if (height * sh, width * sw) != (H, W):
        padded = np.zeros((N, C, height * sh, width * sw), x.dtype)
        padded[:, :, ph : ph + H, pw : pw + W] = x
        x = padded
    if sh > 1 or sw > 1:
        x = x.reshape(N, C, height, sh, width, sw).transpose(0, 1, 3, 5, 2, 4)
    k, u, v = np.arange(C)[:, None, None], dh * np.arange(K)[:, None], dw * np.arange(L)
    plane = (k * sh + u % sh) * sw + v % sw
    offsets = (plane * height + u // sh) * width + v // sw
    offsets = offsets.ravel()
    offsets = np.pad(offsets, (0, -offsets.size % FOUR), mode="edge")  # under weights of zero
    return np.ascontiguousarray(x).reshape(N, -1), offsets, width


def fours(a, axes=(0,)):
    """`a` with zeros appended until these axes are multiples of four long."""
    more = [(0, -a.shape[axis] % FOUR if axis in axes else 0) for axis in range(a.ndim)]
    return np.pad(a, more)


def lines_of_a_strip(y_shape, width, threads):
    """How many lines of the result make a strip: equally many in all, for each thread."""
    lines = max(1, PIXELS // width)
    strips = -(-y_shape[2] // lines)
    return -(-y_shape[2] // (-(-strips // threads) * threads))


@conv2d_forward.fast(
    lambda x, w, b, sh, sw, ph, pw, dh, dw, groups, y: worth_it(w.shape, y.shape, groups)
)
def conv2d_forward_direct(x, w, b, sh, sw, ph, pw, dh, dw, groups, y):
    numbers, offsets, width = frame(x, w.shape, y.shape, sh, sw, ph, pw, dh, dw)
    lines = lines_of_a_strip(y.shape, width, get_num_threads())
    taps = fours(w.reshape(len(w), -1), (0, 1))
    direct_forward(numbers, offsets, taps, fours(b), width, lines, y)


@conv2d_grad_weight.fast(
    lambda gy, x, sh, sw, ph, pw, dh, dw, groups, gw: worth_it(gw.shape, gy.shape, groups)
)
def conv2d_grad_weight_direct(gy, x, sh, sw, ph, pw, dh, dw, groups, gw):
    numbers, offsets, width = frame(x, gw.shape, gy.shape, sh, sw, ph, pw, dh, dw)
    threads, (F, C, K, L) = get_num_threads(), gw.shape
    lines = lines_of_a_strip(gy.shape, width, threads)
    parts = np.empty((threads, F + -F % FOUR, offsets.size), gw.dtype)
    direct_grad_weight(numbers, offsets, gy, width, lines, parts)
    gw[...] = parts.sum(axis=0)[:F, : C * K * L].reshape(gw.shape)
