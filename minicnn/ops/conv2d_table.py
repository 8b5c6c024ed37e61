r"""Convolution along a connection table: each output map sees only some of the input maps.

    y[n,c,i,j] = b[c] + sum over the edges e = (k, c) of
                 g[e] sum_u sum_v  w[e,u,v]  x~[n, k, s i + d u, s j + d v]

The table lists the edges, each from an input map k to an output map c, and each edge has a filter
of its own. `gains` g are one number more per edge, learnt or not; without them g is 1. Early
networks used tables to save multiplications and to make maps learn different things; `groups` of
conv2d is the special case of a table in blocks. The same edge may stand in the table twice; its
two filters add up.

Shapes: x (N, C, H, W), w (E, K, L), table (E, 2), g (E), b (F), y (N, F, OH, OW) as in conv2d.

Gradient: as in conv2d, except that the sums over k and c run over the edges that exist. With the
effective filters f[e] = g[e] w[e] and their gradients gf, the chain rule gives

    gw[e,u,v] = g[e] gf[e,u,v]        gg[e] = sum_uv  w[e,u,v] gf[e,u,v]

so the kernels need to know nothing about gains.

The kernels here walk along the edges. The fast algorithm (fast/conv2d_table.py) is a dense conv2d
with zeros where there is no edge.

Source: LeCun et al. 1998, table I; Farabet et al. 2013; the lecture's g_kc.
"""

import functools

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.dtypes import sum_over
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import Op, contiguous, hands_over
from minicnn.engine.tensor import Tensor
from minicnn.ops.windows import geometry_of, windows

conv2d_table_forward = Kernel(
    "conv2d_table_forward",
    "x[N, C, H, W], f[E, K, L], b[F], int64 table[E, columns], sh, sw, ph, pw, dh, dw, "
    "y[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)]"
    "; columns > 1; highest(table[:, 0]) < C; highest(table[:, 1]) < F",
)
conv2d_table_grad_input = Kernel(
    "conv2d_table_grad_input",
    "gy[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)], f[E, K, L], "
    "int64 table[E, columns], sh, sw, ph, pw, dh, dw, gx[N, C, H, W]"
    "; columns > 1; highest(table[:, 0]) < C; highest(table[:, 1]) < F",
)
conv2d_table_grad_weight = Kernel(
    "conv2d_table_grad_weight",
    "gy[N, F, windows(H, K, sh, ph, dh), windows(W, L, sw, pw, dw)], x[N, C, H, W], "
    "int64 table[E, columns], sh, sw, ph, pw, dh, dw, gf[E, K, L]"
    "; columns > 1; highest(table[:, 0]) < C; highest(table[:, 1]) < F",
)


@conv2d_table_forward.cpu
def conv2d_table_forward_cpu(x, f, b, table, sh, sw, ph, pw, dh, dw, y):
    N, F, OH, OW = y.shape
    E, K, L = f.shape
    H, W = x.shape[2:]
    for nc in prange(N * F):
        n, c = nc // F, nc % F
        for i in range(OH):
            for j in range(OW):
                total = b[c]
                for e in range(E):
                    k = table[e, 0]
                    if table[e, 1] == c:
                        for u in range(K):
                            for v in range(L):
                                p, q = i * sh + u * dh - ph, j * sw + v * dw - pw
                                if 0 <= p < H and 0 <= q < W:
                                    total += f[e, u, v] * x[n, k, p, q]
                y[n, c, i, j] = total


@conv2d_table_grad_input.cpu
def conv2d_table_grad_input_cpu(gy, f, table, sh, sw, ph, pw, dh, dw, gx):
    N, C, H, W = gx.shape
    E, K, L = f.shape
    OH, OW = gy.shape[2:]
    for nk in prange(N * C):
        n, k = nk // C, nk % C
        for p in range(H):
            for q in range(W):
                total = gx.dtype.type(0)
                for e in range(E):
                    c = table[e, 1]
                    if table[e, 0] == k:
                        for u in range(K):
                            for v in range(L):
                                i, j = p + ph - u * dh, q + pw - v * dw
                                if i % sh == 0 and j % sw == 0:
                                    i, j = i // sh, j // sw
                                    if 0 <= i < OH and 0 <= j < OW:
                                        total += f[e, u, v] * gy[n, c, i, j]
                gx[n, k, p, q] = total


@conv2d_table_grad_weight.cpu
def conv2d_table_grad_weight_cpu(gy, x, table, sh, sw, ph, pw, dh, dw, gf):
    N, _, OH, OW = gy.shape
    E, K, L = gf.shape
    H, W = x.shape[2:]
    for e in prange(E):
        k, c = table[e, 0], table[e, 1]
        for u in range(K):
            for v in range(L):
                total = gf.dtype.type(0)
                for n in range(N):
                    for i in range(OH):
                        for j in range(OW):
                            p, q = i * sh + u * dh - ph, j * sw + v * dw - pw
                            if 0 <= p < H and 0 <= q < W:
                                total += gy[n, c, i, j] * x[n, k, p, q]
                gf[e, u, v] = total


# --------------------------------------------------------------- the same on a GPU: conv2d_table.cu
TEXT = cuda_beside(__file__)
conv2d_table_forward.gpu(TEXT, sizes=lambda x, f, *_: (*_[-1].shape, *x.shape[1:], *f.shape))
conv2d_table_grad_input.gpu(TEXT, sizes=lambda gy, f, *_: (*_[-1].shape, *gy.shape[1:], *f.shape))
conv2d_table_grad_weight.gpu(TEXT, sizes=lambda gy, x, *_: (*gy.shape, *x.shape[1:], *_[-1].shape))


@functools.lru_cache(maxsize=64)
def table_on_gpu(xp, edges):
    """The table (its bytes) as an array of `xp`, and in a third column the numbers of the edges in
    the order of output and input map."""
    table = np.frombuffer(edges, np.int64).reshape(-1, 2)
    order = np.lexsort((table[:, 0], table[:, 1]))
    return xp.asarray(np.column_stack([table, order]))


# ------------------------------------------------------------------------------------------ the op
class Conv2dTable(Op):
    """forward(x, w), with the bias and the gains behind them where they exist."""

    def __init__(self, table, has_bias, has_gains, stride=1, padding=0, dilation=1):
        self.table = np.ascontiguousarray(table, dtype=np.int64)
        self.has_bias, self.has_gains = has_bias, has_gains
        self.floating = ("input", "weight", *["bias"] * has_bias, *["gains"] * has_gains)
        self.geometry = geometry_of("conv2d_table", stride, padding, dilation)

    def window_of(self):
        return self.w.shape[1:], self.geometry[:2], self.geometry[4:]

    def named(self, rest):
        """(bias, gains), None where there is none."""
        rest = list(rest)
        b = rest.pop(0) if self.has_bias else None
        return b, rest.pop(0) if self.has_gains else None

    def check(self, x, w, *rest):
        b, g = self.named(rest)
        if x.ndim != 4 or w.ndim != 3:
            raise ValueError(
                f"conv2d_table: expected input (N, C, H, W) and weight (edges, K, L), "
                f"got {x.shape} and {w.shape}"
            )
        if self.table.shape != (w.shape[0], 2) or not len(self.table):
            raise ValueError(
                f"conv2d_table: weight {w.shape} has {w.shape[0]} edges, but table has shape "
                f"{self.table.shape}; expected ({w.shape[0]}, 2), at least one edge"
            )
        if self.table.min() < 0 or self.table[:, 0].max() >= x.shape[1]:
            raise ValueError(
                f"conv2d_table: the table names input map {self.table[:, 0].max()}, least number "
                f"{self.table.min()}, but the input has the maps 0 to {x.shape[1] - 1}"
            )
        last = self.table[:, 1].max()
        if b is not None and (b.ndim != 1 or b.shape[0] <= last):
            raise ValueError(f"conv2d_table: bias {b.shape}, but the table names output map {last}")
        if g is not None and g.shape != w.shape[:1]:
            raise ValueError(f"conv2d_table: gains {g.shape} for {w.shape[0]} edges")
        windows("conv2d_table", x, w, self.geometry)

    def forward(self, x, w, *rest):
        xp = array_module(x)
        b, self.g = self.named(rest)
        if b is None:
            b = xp.zeros(int(self.table[:, 1].max()) + 1, dtype=x.dtype)
        if xp is not np:
            self.table = table_on_gpu(xp, self.table.tobytes())
        self.x, self.w = contiguous(x), w
        self.f = contiguous(w if self.g is None else w * self.g[:, None, None])
        y = empty_like(x, (x.shape[0], b.shape[0], *windows("conv2d_table", x, w, self.geometry)))
        conv2d_table_forward(self.x, self.f, contiguous(b), self.table, *self.geometry, y)
        return y

    @hands_over
    def backward(self, gy):
        gy = contiguous(gy)
        gx = gf = None
        if self.needs[0]:
            gx = empty_like(self.x)
            conv2d_table_grad_input(gy, self.f, self.table, *self.geometry, gx)
        if self.needs[1] or (self.has_gains and self.needs[-1]):
            gf = empty_like(self.f)
            conv2d_table_grad_weight(gy, self.x, self.table, *self.geometry, gf)
        gradients = [gx, gf if self.g is None or gf is None else gf * self.g[:, None, None]]
        if self.has_bias:
            gradients.append(sum_over(gy, (0, 2, 3)))
        if self.has_gains:
            gradients.append(None if gf is None else (gf * self.w).sum(axis=(1, 2)))
        return tuple(gradients)


def conv2d_table(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    table: np.ndarray,
    gains: Tensor | None = None,
    stride: int | tuple = 1,
    padding: int | tuple = 0,
    dilation: int | tuple = 1,
) -> Tensor:
    """2-D convolution in which each output map sees the input maps that a table names.

    input   (N, C, H, W)
    weight  (edges, K, L), one filter per edge
    bias    (F,), or None: then F is the largest output map in the table, plus one
    table   whole numbers (edges, 2): input map, output map
    gains   (edges,) factors of the filters, learnt if they require a gradient, or None
    stride, padding, dilation  int or (vertical, horizontal)

    Returns (N, F, OH, OW). Raises ValueError where shapes or table do not fit.
    """
    op = Conv2dTable(table, bias is not None, gains is not None, stride, padding, dilation)
    return op(input, weight, *(a for a in (bias, gains) if a is not None))


def conv2d_table_of(input, weight, bias=None, gains=None, **options):
    """`conv2d_table` with its arrays in front, as a Case passes them."""
    return conv2d_table(input, weight, bias, gains=gains, **options)


def cases():
    table = np.array([[0, 0], [2, 0], [1, 1], [2, 3], [0, 3], [1, 2], [1, 0]])
    x, w, b, g = normal(2, 3, 6, 5), normal(7, 3, 2), normal(4), normal(7)
    geometry = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    yield Case(conv2d_table, (x, w, b), {"table": table})
    yield Case(conv2d_table_of, (x, w, b, g), {"table": table, **geometry}, label="gains")
    options = {"table": np.array([[0, 1], [0, 1], [2, 0], [1, 1]])}
    yield Case(conv2d_table_of, (x, w[:4]), options, label="twice")
