r"""Log-sum-exp pooling: the scores of all pixels become one, between their mean and their maximum.

    y = 1/r log( 1/M sum_i e^(r x[i]) )

over the M elements along `dim`, as a rule the pixels of a map. For r -> infinity it is the largest
x, for r -> 0 the mean (for negative r it goes on from the mean to the smallest). In between every
pixel has a say, and the more the larger it is: a picture of a cat has to have some pixels that say
cat, but nobody need know which.

Shapes: x any, y without the dimensions `dim`. The kernels see x as (A, M), what is pooled last.

Gradient: with S = sum_i e^(r x[i]), dy/dx[i] = 1/r r e^(r x[i]) / S. Each pixel gets its share,
and the shares sum to 1:

    gx[i] = gy e^(r x[i]) / S = gy e^(r (x[i] - y)) / M

Traps: e^(r x) overflows; with m, the largest r x, y = (m + log(1/M sum e^(r x - m))) / r, where no
exponential exceeds 1. And division by r enlarges the rounding: an r of 0.001 in float32 leaves
four digits. Without the 1/M («log-sum-exp» proper) a large picture would score higher than a small
one.

Source: Pinheiro, Collobert 2015, «From Image-level to Pixel-level Labeling with Convolutional
Networks», section 3; Boyd, Vandenberghe 2004, section 3.1.5.
"""

import math

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import Op, axes_of, contiguous
from minicnn.engine.tensor import Tensor

log_sum_exp_pool_forward = Kernel("log_sum_exp_pool_forward", "x[A, M], r, y[A]")
log_sum_exp_pool_backward = Kernel("log_sum_exp_pool_backward", "gy[A], x[A, M], y[A], r, gx[A, M]")


# ------------------------------------------------------------------------ the algorithms to read
@log_sum_exp_pool_forward.cpu
def log_sum_exp_pool_forward_cpu(x, r, y):
    A, M = x.shape
    for a in prange(A):
        m = r * x[a, 0]
        for i in range(1, M):
            m = max(m, r * x[a, i])
        S = x.dtype.type(0)
        for i in range(M):
            S += np.exp(r * x[a, i] - m)
        y[a] = (m + np.log(S / M)) / r


@log_sum_exp_pool_backward.cpu
def log_sum_exp_pool_backward_cpu(gy, x, y, r, gx):
    A, M = x.shape
    for a in prange(A):
        for i in range(M):
            gx[a, i] = gy[a] * np.exp(r * (x[a, i] - y[a])) / M


# ---------------------------------------------------------- the same on a GPU: log_sum_exp_pool.cu
TEXT = cuda_beside(__file__)

log_sum_exp_pool_forward.gpu(
    TEXT, sizes=lambda x, r, y: x.shape[1:], blocks=lambda x, r, y: ((y.size,), (256,))
)

log_sum_exp_pool_backward.gpu(TEXT, sizes=lambda *args: args[-1].shape)


class LogSumExpPool(Op):
    floating = ("input",)

    def __init__(self, r, dim, keepdim):
        self.r, self.keepdim = float(r), keepdim
        self.dim = tuple(dim) if np.iterable(dim) else (dim,)
        if self.r == 0 or not math.isfinite(self.r):
            raise ValueError(f"log_sum_exp_pool: r must not be {r:g}; mean and amax are its limits")

    def window_of(self):
        """All of its input, as far as rows and columns are pooled."""
        size = tuple(self.x_shape[d] if d in self.axes else 1 for d in (2, 3))
        return size, size, (1, 1)

    def check(self, x):
        for d in self.dim:
            axes_of("log_sum_exp_pool", (d,), x.shape)
        if len({d % x.ndim for d in self.dim}) < max(len(self.dim), 1):
            raise ValueError(f"log_sum_exp_pool: dim={self.dim}: one or more, each once")
        if x.size == 0:
            raise ValueError(f"log_sum_exp_pool: nothing to pool in shape {x.shape}")

    def forward(self, x):
        self.x_shape, self.axes = x.shape, axes_of("log_sum_exp_pool", self.dim, x.shape)
        kept = [d for d in range(x.ndim) if d not in self.axes]
        self.order = [*kept, *sorted(self.axes)]
        pooled = math.prod(x.shape[d] for d in self.axes)
        self.x = contiguous(x.transpose(self.order)).reshape(-1, pooled)
        self.y = empty_like(self.x, self.x.shape[:1])
        log_sum_exp_pool_forward(self.x, self.r, self.y)
        if self.keepdim:
            return self.y.reshape([1 if d in self.axes else s for d, s in enumerate(x.shape)])
        return self.y.reshape([x.shape[d] for d in kept])

    def backward(self, gy):
        gx = empty_like(self.x)
        log_sum_exp_pool_backward(contiguous(gy).reshape(-1), self.x, self.y, self.r, gx)
        back = [self.order.index(d) for d in range(len(self.order))]
        return gx.reshape([self.x_shape[d] for d in self.order]).transpose(back)


def log_sum_exp_pool(
    input: Tensor, r: float = 1.0, dim: int | tuple = (2, 3), keepdim: bool = False
) -> Tensor:
    """A soft maximum over `dim`: 1/r log(mean(e^(r input))).

    input    Tensor of any shape; scores (N, C, H, W) become (N, C)
    r        the larger, the nearer to the maximum; towards 0 it becomes the mean
    dim      an int or several; rows and columns unless told otherwise
    keepdim  whether pooled dimensions stay, with length 1

    Returns the input's shape without `dim`. Raises ValueError for r = 0 and for dimensions that do
    not exist.
    """
    return LogSumExpPool(r, dim, keepdim)(input)


def cases():
    x = 2 * normal(2, 5, 3, 4)
    yield Case(log_sum_exp_pool, (x,))
    yield Case(log_sum_exp_pool, (x,), {"r": 5.0}, label="sharp")
    yield Case(log_sum_exp_pool, (x,), {"r": -0.5, "dim": (-1, 1), "keepdim": True}, label="kept")
    yield Case(log_sum_exp_pool, (normal(7),), {"r": 2.0, "dim": 0}, label="1d")
