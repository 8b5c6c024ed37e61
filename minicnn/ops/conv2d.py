r"""Convolution of a batch of pictures with a bank of filters.

    y[n,c,i,j] = b[c] + sum_k sum_u sum_v  w[c,k,u,v]  x~[n, k, s i + d u, s j + d v]

x~ is x with `padding` zeros around it, s the stride, d the dilation. Like every framework this is
cross-correlation: the filter is not flipped. With G groups, output map c sees only the C/G input
maps of its own group, and k counts within them.

Shapes: x (N, C, H, W), w (F, C/G, K, L), b (F), y (N, F, OH, OW),
        OH = floor((H + 2 padding - d (K - 1) - 1) / s) + 1, OW likewise.

Gradient: y is linear in each of x, w and b, and every product w[c,k,u,v] x~[..] occurs once, so

    gb[c]       = sum_n sum_ij  gy[n,c,i,j]
    gw[c,k,u,v] = sum_n sum_ij  gy[n,c,i,j] x~[n, k, s i + d u, s j + d v]
    gx[n,k,p,q] = sum_c sum_uv  w[c,k,u,v] gy[n,c,i,j]   over s i + d u = p + padding (j likewise)

The last one is the trap: the same filter, but i = (p + padding - d u)/s runs backwards in u, which
is why people say «convolution with the flipped filter»; and with s > 1 only those u count for which
the division comes out even.

The kernels here follow the formulas, seven loops deep. The faster ones are in `fast/`, from
products of matrices to Fourier transforms: fast/README.md has them in order, and fast/choose.py the
rule by which one is taken.

Source: LeCun et al. 1989.
"""

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.dtypes import sum_over
from minicnn.engine.kernel import Kernel, chosen_algorithm, cuda_beside, prange
from minicnn.engine.op import Op, contiguous, hands_over, is_whole
from minicnn.engine.tensor import Tensor
from minicnn.ops.fast.sums_of_maps import grad_bias
from minicnn.ops.windows import geometry_of, named_padding, windows

conv2d_forward = Kernel(
    "conv2d_forward",
    "x[N, C*groups, H, W], w[F, C, K, L], b[F], sh, sw, ph, pw, dh, dw, groups, "
    "y[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)]; F % groups == 0",
)
conv2d_grad_input = Kernel(
    "conv2d_grad_input",
    "gy[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)], w[F, C, K, L], "
    "sh, sw, ph, pw, dh, dw, groups, gx[N, C*groups, H, W]; F % groups == 0",
)
conv2d_grad_weight = Kernel(
    "conv2d_grad_weight",
    "gy[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)], "
    "x[N, C*groups, H, W], sh, sw, ph, pw, dh, dw, groups, gw[F, C, K, L]; F % groups == 0",
)


@conv2d_forward.cpu
def conv2d_forward_cpu(x, w, b, sh, sw, ph, pw, dh, dw, groups, y):
    N, F, OH, OW = y.shape
    _, C, K, L = w.shape  # C: input maps of one group
    H, W = x.shape[2:]
    for nc in prange(N * F):
        n, c = nc // F, nc % F
        k0 = c // (F // groups) * C
        for i in range(OH):
            for j in range(OW):
                total = b[c]
                for k in range(C):
                    for u in range(K):
                        for v in range(L):
                            p, q = i * sh + u * dh - ph, j * sw + v * dw - pw
                            if 0 <= p < H and 0 <= q < W:
                                total += w[c, k, u, v] * x[n, k0 + k, p, q]
                y[n, c, i, j] = total


@conv2d_grad_input.cpu
def conv2d_grad_input_cpu(gy, w, sh, sw, ph, pw, dh, dw, groups, gx):
    N, CG, H, W = gx.shape
    F, C, K, L = w.shape
    OH, OW = gy.shape[2:]
    for nk in prange(N * CG):
        n, k = nk // CG, nk % CG
        c0 = k // C * (F // groups)
        for p in range(H):
            for q in range(W):
                total = gx.dtype.type(0)
                for c in range(c0, c0 + F // groups):
                    for u in range(K):
                        for v in range(L):
                            i, j = p + ph - u * dh, q + pw - v * dw
                            if i % sh == 0 and j % sw == 0:
                                i, j = i // sh, j // sw
                                if 0 <= i < OH and 0 <= j < OW:
                                    total += w[c, k % C, u, v] * gy[n, c, i, j]
                gx[n, k, p, q] = total


@conv2d_grad_weight.cpu
def conv2d_grad_weight_cpu(gy, x, sh, sw, ph, pw, dh, dw, groups, gw):
    F, C, K, L = gw.shape
    N, _, OH, OW = gy.shape
    H, W = x.shape[2:]
    for ck in prange(F * C):
        c, k = ck // C, ck % C
        k0 = c // (F // groups) * C
        for u in range(K):
            for v in range(L):
                total = gw.dtype.type(0)
                for n in range(N):
                    for i in range(OH):
                        for j in range(OW):
                            p, q = i * sh + u * dh - ph, j * sw + v * dw - pw
                            if 0 <= p < H and 0 <= q < W:
                                total += gy[n, c, i, j] * x[n, k0 + k, p, q]
                gw[c, k, u, v] = total


# ---------------------------- the same on a GPU: conv2d.cu, 16 x 16 threads to a tile of the result
TEXT = cuda_beside(__file__)


def tile_blocks(rows, columns, groups, pictures=1):
    """(grid, block) that cover a matrix of `rows` x `columns` for each group and picture."""
    return (-(-columns // 16), groups * -(-rows // 16), pictures), (16, 16)


conv2d_forward.gpu(
    TEXT,
    sizes=lambda x, w, *_: (*_[-1].shape[1:], *w.shape[1:], *x.shape[2:]),
    blocks=lambda x, w, b, sh, sw, ph, pw, dh, dw, groups, y: tile_blocks(
        y.shape[1] // groups, y.shape[2] * y.shape[3], groups, len(y)
    ),
)

conv2d_grad_input.gpu(
    TEXT,
    sizes=lambda gy, w, *_: (*gy.shape[1:], *w.shape[1:], *_[-1].shape[2:]),
    blocks=lambda gy, w, sh, sw, ph, pw, dh, dw, groups, gx: tile_blocks(
        w.shape[1], gx.shape[2] * gx.shape[3], groups, len(gx)
    ),
)

conv2d_grad_weight.gpu(
    TEXT,
    sizes=lambda gy, x, *_: (*gy.shape, *_[-1].shape[1:], *x.shape[2:]),
    blocks=lambda gy, x, sh, sw, ph, pw, dh, dw, groups, gw: tile_blocks(
        gw.shape[0] // groups, gw[0].size, groups
    ),
)


# ------------------------------------------------------------------------------------------ the op
class Conv2d(Op):
    floating = ("input", "weight", "bias")

    def __init__(self, stride=1, padding=0, dilation=1, groups=1):
        self.geometry = geometry_of("conv2d", stride, padding, dilation)
        if not is_whole(groups) or groups < 1:
            raise ValueError(f"conv2d: groups={groups!r}: expected an int of at least 1")
        self.groups = int(groups)

    def window_of(self):
        return self.w.shape[2:], self.geometry[:2], self.geometry[4:]

    def check(self, x, w, b=None):
        if x.ndim != 4 or w.ndim != 4:
            raise ValueError(
                f"conv2d: expected input (N, C, H, W) and weight (F, C/groups, K, L), "
                f"got {x.shape} and {w.shape}"
            )
        if w.shape[0] % self.groups:
            raise ValueError(
                f"conv2d: weight {w.shape} has {w.shape[0]} filters, "
                f"which {self.groups} groups do not divide"
            )
        if x.shape[1] != w.shape[1] * self.groups:
            raise ValueError(
                f"conv2d: the input has {x.shape[1]} channels, but weight {w.shape} with "
                f"groups={self.groups} expects {w.shape[1] * self.groups}"
            )
        if b is not None and b.shape != (w.shape[0],):
            raise ValueError(f"conv2d: bias {b.shape} for {w.shape[0]} filters")
        windows("conv2d", x, w, self.geometry)

    def forward(self, x, w, b=None):
        self.x, self.w = x, w = contiguous(x, w)
        self.has_bias = b is not None
        bias = contiguous(b) if self.has_bias else array_module(w).zeros(w.shape[0], dtype=w.dtype)
        y = empty_like(x, (x.shape[0], w.shape[0], *windows("conv2d", x, w, self.geometry)))
        self.keep = {} if any(self.needs[:1]) else None  # what the gradient by x can use again
        conv2d_forward(x, w, bias, *self.geometry, self.groups, y, keep=self.keep)
        return y

    @hands_over
    def backward(self, gy):
        gy = contiguous(gy)
        gx, gw, gb, keep = None, None, None, self.keep or {}
        if self.needs[0]:
            gx = empty_like(self.x)
            conv2d_grad_input(gy, self.w, *self.geometry, self.groups, gx, keep=keep)
        if self.needs[1]:
            gw = empty_like(self.w)
            conv2d_grad_weight(gy, self.x, *self.geometry, self.groups, gw, keep=keep)
        if not self.has_bias:
            return gx, gw
        if self.needs[2]:
            gb = grad_bias_of(gy)
        return gx, gw, gb


def grad_bias_of(gy):
    gb = None if chosen_algorithm() == "simple" else grad_bias(gy)
    return sum_over(gy, (0, 2, 3)) if gb is None else gb


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple = 1,
    padding: int | tuple | str = 0,
    dilation: int | tuple = 1,
    groups: int = 1,
) -> Tensor:
    """2-D convolution (cross-correlation), PyTorch's arguments.

    input   (N, C, H, W)
    weight  (F, C / groups, K, L)
    bias    (F,) or None
    stride, dilation  int or (vertical, horizontal), at least 1
    padding int or (vertical, horizontal), or 'valid' (none) or 'same' (the size stays; stride 1)

    Returns (N, F, OH, OW). Raises ValueError where shapes do not fit.
    """
    if isinstance(padding, str):
        padding, input = named_padding(padding, input, weight, stride, dilation)
    op = Conv2d(stride, padding, dilation, groups)
    return op(input, weight) if bias is None else op(input, weight, bias)


def cases():
    x, w, b = normal(2, 3, 6, 5), normal(4, 3, 3, 2), normal(4)
    yield Case(conv2d, (x, w, b))
    options = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    yield Case(conv2d, (x, w, b), options, label="stride-pad-dilate")
    yield Case(conv2d, (normal(2, 4, 5, 7), normal(6, 2, 3, 3)), {"groups": 2}, label="groups")
    yield Case(conv2d, (x, normal(4, 3, 1, 1)), label="1x1")
    yield Case(conv2d, (x, w), {"padding": "same"}, label="same")
