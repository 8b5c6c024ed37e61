r"""conv2d on the CPU, fast: windows as the columns of a matrix (im2col).

Written below each other, the K x L x C pixels of one window are a column; all windows side by side
are a matrix X~ (C K L, pixels of the result). With the filters as the rows of a matrix W (F, C K L)
convolution is a product of matrices, for which BLAS is tuned like nothing else, and so are both
gradients:

    y = W X~ + b         gX~ = W^T gy         gW = gy X~^T

where gx collects gX~: every pixel adds up what its copies in X~ got (col2im).

X~ holds each pixel K L times. So it is never there as a whole: each thread has a piece that fits
into its cache, the windows of some lines of the result. For y a thread takes these lines, for the
gradients it takes some of the input maps, so that nobody writes where another one does. The product
of a piece runs on the thread that made it. Under a 1x1 filter X~ is x itself: matrix_product.py.

One difference to the loops of conv2d.py remains: X~ holds the zeros around the picture, and 0 times
an infinite weight or gradient is not a number, where the loops leave them out.

Source: Chellapilla, Puri, Simard 2006.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, helper, prange

PIXELS = 512  # of the result, in one piece: a product of fewer columns is slower
PIECE = 1 << 19  # numbers of a piece of X~: 2 MB

im2col_forward = Kernel(
    "im2col_forward",
    "x[N, C*groups, H, W], w[F, C, K, L], b[F], sh, sw, ph, pw, dh, dw, groups, lines, threads, "
    "y[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)]; F % groups == 0",
)
im2col_grad_input = Kernel(
    "im2col_grad_input",
    "gy[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)], w[F, C, K, L], "
    "sh, sw, ph, pw, dh, dw, groups, lines, share, threads, gx[N, C*groups, H, W]"
    "; F % groups == 0",
)
im2col_grad_weight = Kernel(
    "im2col_grad_weight",
    "gy[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)], x[N, C*groups, H, W], "
    "sh, sw, ph, pw, dh, dw, groups, lines, share, threads, parts[number, F, C, K, L]"
    "; F % groups == 0",
)


# ------------------------------------------------------------------------------------- the pieces
@helper
def im2col(x, K, L, sh, sw, ph, pw, dh, dw, OW, top, columns):
    """The windows of x (C, H, W) that belong to the lines of the result from `top` on."""
    C, H, W = x.shape
    for row in range(C * K * L):
        k, u, v = row // (K * L), row // L % K, row % L
        for i in range(columns.shape[1] // OW):
            p = (top + i) * sh + u * dh - ph
            for j in range(OW):  # vector instructions know «if»: cutting the loop short is slower
                q = j * sw + v * dw - pw
                inside = 0 <= p < H and 0 <= q < W
                columns[row, i * OW + j] = x[k, p, q] if inside else 0


@helper
def col2im(columns, K, L, sh, sw, ph, pw, dh, dw, OW, top, gx):
    """Adds every number of `columns` to the pixel of gx (C, H, W) that it was copied from."""
    C, H, W = gx.shape
    for row in range(C * K * L):
        k, u, v = row // (K * L), row // L % K, row % L
        for i in range(columns.shape[1] // OW):
            p = (top + i) * sh + u * dh - ph
            if 0 <= p < H:
                for j in range(OW):
                    q = j * sw + v * dw - pw
                    if 0 <= q < W:
                        gx[k, p, q] += columns[row, i * OW + j]


@helper
def lines_of(gy, top, out):
    """The lines of gy (F, OH, OW) from `top` on as a matrix (F, pixels)."""
    for c in range(gy.shape[0]):
        line, to = gy[c, top:].ravel(), out[c]
        for j in range(to.size):
            to[j] = line[j]


@helper
def add(a, total):
    a, total = a.ravel(), total.ravel()
    for i in range(a.size):
        total[i] += a[i]


# ------------------------------------------------------------------------------------ the products
# Each thread asks for its memory once: new pages take longer than the work that is done in them.
@im2col_forward.cpu
def im2col_forward_cpu(x, w, b, sh, sw, ph, pw, dh, dw, groups, lines, threads, y):
    N, F, OH, OW = y.shape
    _, C, K, L = w.shape
    W, share = w.reshape(F, -1), F // groups
    pieces = (OH + lines - 1) // lines
    for thread in prange(threads):
        column_memory = np.empty(C * K * L * lines * OW, x.dtype)
        out_memory = np.empty(share * lines * OW, x.dtype)
        for piece in range(thread, N * groups * pieces, threads):
            n, g, top = piece // (groups * pieces), piece // pieces % groups, piece % pieces * lines
            pixels = min(lines, OH - top) * OW
            columns = column_memory[: C * K * L * pixels].reshape(C * K * L, pixels)
            out = out_memory[: share * pixels].reshape(share, pixels)
            maps = x[n, g * C : (g + 1) * C]
            im2col(maps, K, L, sh, sw, ph, pw, dh, dw, OW, top, columns)
            np.dot(W[g * share : (g + 1) * share], columns, out)
            for c in range(share):
                to, line, bias = y[n, g * share + c, top:].ravel(), out[c], b[g * share + c]
                for j in range(pixels):
                    to[j] = line[j] + bias


@im2col_grad_input.cpu
def im2col_grad_input_cpu(gy, w, sh, sw, ph, pw, dh, dw, groups, lines, share, threads, gx):
    N, F, OH, OW = gy.shape
    _, C, K, L = w.shape
    W, filters = w.reshape(F, -1), F // groups
    shares = (C + share - 1) // share
    for thread in prange(threads):
        row_memory = np.empty(filters * lines * OW, gy.dtype)
        column_memory = np.empty(share * K * L * lines * OW, gy.dtype)
        for piece in range(thread, N * groups * shares, threads):
            n, g, k = piece // (groups * shares), piece // shares % groups, piece % shares * share
            end = min(k + share, C)
            part = W[g * filters : (g + 1) * filters, k * K * L : end * K * L].copy()
            maps = gx[n, g * C + k : g * C + end]
            maps[:] = 0
            for top in range(0, OH, lines):
                pixels = min(lines, OH - top) * OW
                rows = row_memory[: filters * pixels].reshape(filters, pixels)
                columns = column_memory[: part.shape[1] * pixels].reshape(part.shape[1], pixels)
                lines_of(gy[n, g * filters : (g + 1) * filters], top, rows)
                np.dot(part.T, rows, columns)
                col2im(columns, K, L, sh, sw, ph, pw, dh, dw, OW, top, maps)


@im2col_grad_weight.cpu
def im2col_grad_weight_cpu(gy, x, sh, sw, ph, pw, dh, dw, groups, lines, share, threads, parts):
    """The gradient as the sum of `parts` (number, F, C K L), each of them over some of the pieces:
    two input maps cannot keep three threads busy."""
    N, F, OH, OW = gy.shape
    number, C, K, L = parts.shape[0], parts.shape[2], parts.shape[3], parts.shape[4]
    filters, shares, pieces = F // groups, (C + share - 1) // share, (OH + lines - 1) // lines
    for thread in prange(threads):
        row_memory = np.empty(filters * lines * OW, gy.dtype)
        column_memory = np.empty(share * K * L * lines * OW, gy.dtype)
        for task in range(thread, number * groups * shares, threads):
            part, g, k = task % number, task // number // shares, task // number % shares * share
            end = min(k + share, C)
            width = (end - k) * K * L
            total, out = np.zeros((filters, width), gy.dtype), np.empty((filters, width), gy.dtype)
            for piece in range(part, N * pieces, number):
                n, top = piece // pieces, piece % pieces * lines
                pixels = min(lines, OH - top) * OW
                rows = row_memory[: filters * pixels].reshape(filters, pixels)
                columns = column_memory[: width * pixels].reshape(width, pixels)
                maps = x[n, g * C + k : g * C + end]
                im2col(maps, K, L, sh, sw, ph, pw, dh, dw, OW, top, columns)
                lines_of(gy[n, g * filters : (g + 1) * filters], top, rows)
                if piece == part:
                    np.dot(rows, columns.T, total)
                else:
                    np.dot(rows, columns.T, out)
                    add(out, total)
            to = parts[part].reshape(F, -1)
            for c in range(filters):
                line = to[g * filters + c, k * K * L : end * K * L]
                for j in range(width):
                    line[j] = total[c, j]


# ------------------------------------------------------------------------ how the work is cut up
def lines_of_a_piece(y_shape, height, pieces=1):
    """How many lines of the result make a piece of X~ of `height` rows, if there shall be at least
    `pieces` of them to a picture."""
    OH, OW = y_shape[2:]
    pixels = max(64, min(PIXELS, PIECE // height))
    return max(1, min(-(-OH // pieces), pixels // OW))


def maps_of_a_share(C, K, L, y_shape, shares):
    """How many input maps make a share, if there shall be a multiple of `shares` of them, equal
    ones: a thread with the larger ones would be waited for."""
    pixels = min(PIXELS, y_shape[2] * y_shape[3])
    most = max(1, min(-(-C // shares), PIECE // (K * L * pixels)))
    return -(-C // (-(-C // most // shares) * shares))


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    threads = get_num_threads()
    lines = lines_of_a_piece(y.shape, w[0].size, -(-threads // (len(x) * groups)))
    im2col_forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, lines, threads, y)


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx, keep):
    threads, (_, C, K, L) = get_num_threads(), w.shape
    share = maps_of_a_share(C, K, L, gy.shape, -(-threads // (len(gx) * groups)))
    lines = lines_of_a_piece(gy.shape, share * K * L)
    im2col_grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, lines, share, threads, gx)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    threads, (_, C, K, L) = get_num_threads(), gw.shape
    number = threads if groups * C < 4 * threads else 1
    share = maps_of_a_share(C, K, L, gy.shape, -(-threads // (groups * number)))
    lines = lines_of_a_piece(gy.shape, share * K * L)
    parts = np.empty((number, *gw.shape), gw.dtype) if number > 1 else gw[None]
    im2col_grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, lines, share, threads, parts)
    if number > 1:
        parts.sum(axis=0, out=gw)
