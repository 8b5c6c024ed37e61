r"""conv2d on a GPU, fast: one product of matrices, whose larger factor is never stored.

im2col (im2col.py) writes every window into a column of a matrix, K L times as much memory as the
pictures take, only to read it once. On a GPU that traffic would take longer than the product. But
a column need not be written to be used: element (r, q) of it is

    x[n, k, s i + d u, s j + d v]  =  x[start of pixel q  +  offset of r],     r = (k, u, v)

a number that depends on the pixel q = (n, i, j) plus one that depends on r alone, if only x has its
padding around it already. So the kernel fetches a tile of this matrix straight from x, with one
list of offsets for all pixels. Padding beforehand also spares every fetch a test for the border.

All three uses are the same product, `multiply` in tiled_gpu.cu:

    y    rows: filters      sum over r = (k, u, v)
    gx   rows: input maps   sum over r = (c, u, v): gy with zeros around it (and between its pixels,
         where the stride is not 1), the filters read backwards, by a list of offsets too
    gw   rows: filters      sum over the pixels q, cut into shares and added in a fixed order

For float32 only; float64 is there to check and goes through the kernels to read. `with
algorithm("tf32"):` rounds the factors to 11 bits, for the tensor cores: errors of 1e-3, several
times as fast. It needs a GPU of 2020 or later.

Source: implicit im2col, Chetlur et al. 2014 (cuDNN); register tiles, Volkov, Demmel 2008.
"""

import functools

import numpy as np

from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import Kernel, chosen_algorithm, cuda_beside
from minicnn.engine.launching import MOST

conv2d_product = Kernel(
    "conv2d_product",
    "x[N, C, H, W], w[A, B, K, L], bias[F], int32 xoff[R], int32 woff[R], "
    "sh, sw, groups, wm, wg, y[N, F, OH, OW]"
    "; C in (A, B * groups); F % groups == 0; R >= K * L; wg * groups == A * B * K * L"
    "; (OH - 1) * sh + K <= H; (OW - 1) * sw + L <= W",
)
conv2d_product_weight = Kernel(
    "conv2d_product_weight",
    "gy[N, F, OH, OW], x[N, C*groups, H, W], int32 xoff[R], sh, sw, groups, shares, "
    "parts[shares, F, C, K, L]"
    "; F % groups == 0; R >= C * K * L; (OH - 1) * sh + K <= H; (OW - 1) * sw + L <= W",
)
conv2d_add_shares = Kernel("conv2d_add_shares", "parts[shares, F, C, K, L], gw[F, C, K, L]")
conv2d_pad = Kernel("conv2d_pad", "x[N, C, H, W], top, left, sh, sw, y[N, C, height, width]")

TEXT = cuda_beside(__file__)
COLUMNS = {16: 256, 64: 128, 128: 128}  # BM, rows of a tile -> BN, its columns
PIECE = 16  # BK in the CUDA text


# ----------------------------------------------------------------------------- how they are started
def tile_rows(M):
    """Rows of a tile for a product of M rows: as few too many as possible, but tiles of few rows
    use each fetched number less often."""
    if chosen_algorithm() != "tf32" and M <= 32:
        return 16
    return 64 if M <= 64 else 128


def tiles(M, columns):
    """How many tiles cover (columns, M): the first two sizes of the grid."""
    BM = tile_rows(M)
    return -(-columns // COLUMNS[BM]), -(-M // BM)


def constants(M):
    return {"BM": tile_rows(M), "TF32": int(chosen_algorithm() == "tf32")}


def product_sizes(x, w, bias, xoff, woff, sh, sw, groups, wm, wg, y):
    N, F, OH, OW = y.shape
    return N, F // groups, OH, OW, xoff.size, x.shape[1] // groups, *x.shape[2:]


def product_blocks(x, w, bias, xoff, woff, sh, sw, groups, wm, wg, y):
    N, F, OH, OW = y.shape
    return (*tiles(F // groups, N * OH * OW), groups), (256,)


conv2d_product.gpu(
    TEXT,
    sizes=product_sizes,
    blocks=product_blocks,
    constants=lambda *args: constants(args[-1].shape[1] // args[7]),
)


def weight_sizes(gy, x, xoff, sh, sw, groups, shares, gw):
    N, F, OH, OW = gy.shape
    C = x.shape[1] // groups
    return N, F // groups, OH, OW, gw.size // shares // F, C, *x.shape[2:]


def weight_blocks(gy, x, xoff, sh, sw, groups, shares, gw):
    F = gy.shape[1]
    return (*tiles(F // groups, gw.size // shares // F), groups * shares), (256,)


conv2d_product_weight.gpu(
    TEXT,
    sizes=weight_sizes,
    blocks=weight_blocks,
    constants=lambda *args: constants(args[0].shape[1] // args[5]),
)

conv2d_add_shares.gpu(
    TEXT,
    threads=lambda parts, gw: gw.size,
    sizes=lambda parts, gw: (parts.size // gw.size, gw.size),
    constants=lambda *args: constants(16),
)

conv2d_pad.gpu(
    TEXT,
    threads=lambda x, top, left, sh, sw, y: y.size,
    sizes=lambda x, top, left, sh, sw, y: (x.shape[0] * x.shape[1], *x.shape[2:], *y.shape[2:]),
    constants=lambda *args: constants(16),
)


# ----------------------------------------------------------------------------- padding and offsets
def padded(x, top, left, sh, sw, H, W):
    """x with zeros around and (strides sh, sw) between its pixels, planes of H x W; x itself where
    nothing changes."""
    if (top, left, sh, sw) == (0, 0, 1, 1) and x.shape[2:] == (H, W):
        return x
    y = empty_like(x, (*x.shape[:2], H, W))
    conv2d_pad(x, top, left, sh, sw, y)
    return y


@functools.lru_cache(maxsize=256)
def offsets(xp, maps, K, L, H, W, dh, dw):
    """Where r = (map, u, v) lies, seen from the corner of a window in planes of H x W; the list is
    filled up to whole pieces with -1. An array of `xp`."""
    k, u, v = np.ogrid[:maps, :K, :L]
    return xp.asarray(_whole_pieces((k * H * W + u * dh * W + v * dw).ravel()))


@functools.lru_cache(maxsize=256)
def weights_in_order(xp, K, L, R):
    """The weights of one filter as they lie: 0, 1, 2, ..., then -1 up to whole pieces."""
    return xp.asarray(_whole_pieces(np.arange(R)))


@functools.lru_cache(maxsize=256)
def weights_backwards(xp, M, C, K, L):
    """r = (c, u, v) in a weight (M, C, K, L), the filters read backwards; -1 up to whole pieces."""
    c, u, v = np.ogrid[:M, :K, :L]
    places = c * C * K * L + (K - 1 - u) * L + (L - 1 - v)
    return xp.asarray(_whole_pieces(places.ravel()))


def _whole_pieces(places):
    if places.max(initial=0) > MOST:
        raise ValueError(
            f"conv2d: a window reaches over {places.max()} numbers; a GPU kernel counts up to "
            f"{MOST}; take smaller pictures"
        )
    return np.pad(places, (0, -len(places) % PIECE), constant_values=-1).astype(np.int32)


# -------------------------------------------------------------------------------- the three uses
def check_tf32(xp):
    """Raises RuntimeError where the GPU has no tensor cores for TF32."""
    cuda = getattr(xp, "cuda", None)  # the emulator has none; it rounds and multiplies itself
    if chosen_algorithm() == "tf32" and cuda and int(cuda.Device().compute_capability) < 80:
        raise RuntimeError(
            "TF32 (--tf32, algorithm('tf32')) needs a GPU of compute capability 8.0 (2020) or "
            "later; leave it away, and everything works"
        )


def with_padding(x, OH, OW, K, L, sh, sw, ph, pw, dh, dw):
    """x with the zeros that its windows reach, and no pixel more."""
    if ph == pw == 0:
        return x
    H, W = (OH - 1) * sh + dh * (K - 1) + 1, (OW - 1) * sw + dw * (L - 1) + 1
    return padded(x, ph, pw, 1, 1, H, W)


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y):
    xp, (_, C, K, L), R = array_module(x), w.shape, w[0].size
    check_tf32(xp)
    x = with_padding(x, *y.shape[2:], K, L, sh, sw, ph, pw, dh, dw)
    xoff = offsets(xp, C, K, L, *x.shape[2:], dh, dw)
    woff = weights_in_order(xp, K, L, R)
    conv2d_product(x, w, b, xoff, woff, sh, sw, groups, R, w.size // groups, y)


def grad_input(gy, w, sh, sw, ph, pw, dh, dw, groups, gx):
    xp, (F, C, K, L), (H, W) = array_module(gy), w.shape, gx.shape[2:]
    check_tf32(xp)
    down, across = dh * (K - 1), dw * (L - 1)
    gy = padded(gy, down - ph, across - pw, sh, sw, H + down, W + across)
    xoff = offsets(xp, F // groups, K, L, *gy.shape[2:], dh, dw)
    woff = weights_backwards(xp, F // groups, C, K, L)
    conv2d_product(gy, w, None, xoff, woff, 1, 1, groups, K * L, w.size // groups, gx)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw):
    xp, (F, C, K, L), (N, _, OH, OW) = array_module(gy), gw.shape, gy.shape
    check_tf32(xp)
    x = with_padding(x, OH, OW, K, L, sh, sw, ph, pw, dh, dw)
    xoff = offsets(xp, C, K, L, *x.shape[2:], dh, dw)
    shares = pixel_shares(N * OH * OW, F // groups, gw[0].size, groups)
    parts = gw[None] if shares == 1 else empty_like(gw, (shares, *gw.shape))
    conv2d_product_weight(gy, x, xoff, sh, sw, groups, shares, parts)
    if shares > 1:
        conv2d_add_shares(parts, gw)


def pixel_shares(Q, M, R, groups):
    """Into how many shares Q pixels are cut: enough for some 512 blocks, which fill the largest
    GPUs, but none below 256 pixels. The same on every GPU, so that results are."""
    down, across = tiles(M, R)
    return max(1, min(512 // (down * across * groups), Q // 256))
