r"""Local response normalisation: a value is damped by the strong values in its neighbourhood.

    y_i = x_i S_i^-beta        S_i = k + a  sum of x_j^2 over the j in window(i)

i and j are places (c, p, q) of one picture. The window lies across maps: the same pixel in the maps
c - size // 2 .. c + (size - 1) // 2. Or, with within_map, it lies in one map: a square of
size x size, by the same rule in rows and columns. What is outside counts as zero.

Shapes: x, S and y (N, C, H, W).

Gradient: x_i is in the numerator of y_i, and in S_j for every j whose window holds i, so

    dy_j / dx_i = [i = j] S_i^-beta  -  beta x_j S_j^(-beta - 1)  2 a x_i [i in window(j)]
    gx_i = gy_i S_i^-beta  -  2 a beta x_i  sum of gy_j y_j / S_j over the j with i in window(j)

Traps. The sum takes gy at j, not at i. An odd window is symmetric, and then the j with i in
window(j) are window(i); an even one reaches one place further back than forth, and those j form its
mirror image. With alpha = 1e-4 the sum is so small that no finite difference sees a wrong one: the
cases below take 0.5 and more. With k = 0 a neighbourhood of zeros gives 0 / 0.

Conventions for a: PyTorch and Caffe divide, a = alpha / size (alpha / size^2 within a map; by all
places, also those outside), with k = 1. The paper's a is alpha itself, with k = 2, and its window
reaches size // 2 both ways, size + 1 maps where size is even: `alpha_per_term=1e-4, k=2, size=5` is
its formula. cuda-convnet2, which goes with the paper, divides too.

Source: Krizhevsky, Sutskever, Hinton 2012, section 3.3; within a map: Caffe's WITHIN_CHANNEL.
"""

import math

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, helper, prange
from minicnn.engine.op import Op, contiguous
from minicnn.engine.tensor import Tensor

local_response_norm_forward = Kernel(
    "local_response_norm_forward",
    "x[N, C, H, W], c0, c1, p0, p1, k, a, beta, S[N, C, H, W], y[N, C, H, W]",
)
local_response_norm_backward = Kernel(
    "local_response_norm_backward",
    "gy[N, C, H, W], x[N, C, H, W], S[N, C, H, W], y[N, C, H, W], c0, c1, p0, p1, a2, beta, "
    "gx[N, C, H, W]",
)


@helper
def damped(value, S, beta):
    """value S^-beta. Two square roots, for the usual beta of 3/4, are much faster than a power."""
    if beta == 0.75:
        return value / (np.sqrt(S) * np.sqrt(np.sqrt(S)))
    return value * S**-beta


# A window reaches c0 maps back and c1 forth, p0 pixels up and left and p1 down and right.
@local_response_norm_forward.cpu
def local_response_norm_forward_cpu(x, c0, c1, p0, p1, k, a, beta, S, y):
    N, C, H, W = x.shape
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for i in range(H):
            for j in range(W):
                total = x.dtype.type(0)
                for d in range(max(c - c0, 0), min(c + c1 + 1, C)):
                    for p in range(max(i - p0, 0), min(i + p1 + 1, H)):
                        for q in range(max(j - p0, 0), min(j + p1 + 1, W)):
                            total += x[n, d, p, q] * x[n, d, p, q]
                S[n, c, i, j] = k + a * total
                y[n, c, i, j] = damped(x[n, c, i, j], S[n, c, i, j], beta)


@local_response_norm_backward.cpu
def local_response_norm_backward_cpu(gy, x, S, y, c0, c1, p0, p1, a2, beta, gx):
    """a2 is 2 a."""
    N, C, H, W = x.shape
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for i in range(H):
            for j in range(W):
                total = x.dtype.type(0)  # mirrored: c1 back, c0 forth
                for d in range(max(c - c1, 0), min(c + c0 + 1, C)):
                    for p in range(max(i - p1, 0), min(i + p0 + 1, H)):
                        for q in range(max(j - p1, 0), min(j + p0 + 1, W)):
                            total += gy[n, d, p, q] * y[n, d, p, q] / S[n, d, p, q]
                gx[n, c, i, j] = damped(gy[n, c, i, j], S[n, c, i, j], beta)
                gx[n, c, i, j] -= a2 * beta * x[n, c, i, j] * total


# -------------------------------------------------------- the same on a GPU: local_response_norm.cu
TEXT = cuda_beside(__file__)

local_response_norm_forward.gpu(TEXT, sizes=lambda *args: (args[-1].size, *args[-1].shape[1:]))
local_response_norm_backward.gpu(TEXT, sizes=lambda *args: (args[-1].size, *args[-1].shape[1:]))


class LocalResponseNorm(Op):
    """`a` is what one squared value counts."""

    floating = ("input",)

    def __init__(self, size, a, beta, k, within_map):
        back, forth = size // 2, (size - 1) // 2
        self.reach = (0, 0, back, forth) if within_map else (back, forth, 0, 0)
        self.a, self.beta, self.k = a, beta, k

    def forward(self, x):
        number = x.dtype.type  # a bare Python float would make float32 kernels compute in float64
        self.x, self.shape = contiguous(x).reshape(in_four_dimensions(x.shape)), x.shape
        self.S, self.y = empty_like(self.x), empty_like(self.x)
        numbers = number(self.k), number(self.a), number(self.beta)
        local_response_norm_forward(self.x, *self.reach, *numbers, self.S, self.y)
        return self.y.reshape(self.shape)

    def backward(self, gy):
        number, gx = gy.dtype.type, empty_like(self.x)
        gy = contiguous(gy).reshape(self.x.shape)
        numbers = number(2 * self.a), number(self.beta)
        local_response_norm_backward(gy, self.x, self.S, self.y, *self.reach, *numbers, gx)
        return gx.reshape(self.shape)


def in_four_dimensions(shape):
    """(N, C, H, W) for an input with any number of dimensions after the maps."""
    return *shape[:2], math.prod(shape[2:-1]), shape[-1]


ALPHA = 1e-4


def local_response_norm(
    input: Tensor,
    size: int,
    alpha: float = ALPHA,
    beta: float = 0.75,
    k: float = 1.0,
    alpha_per_term: float | None = None,
    within_map: bool = False,
) -> Tensor:
    """Divides each value by (k + a * sum of squares in its window) ** beta. PyTorch's arguments.

    input           (N, C, H, W); across maps also (N, C, L) or more dimensions than four
    size            maps in a window, or the side of the square within a map
    alpha           a = alpha / size, or alpha / size ** 2 within a map
    alpha_per_term  a itself, as the paper has it, in the place of alpha
    within_map      windows of size x size pixels in one map, not of `size` maps at one pixel

    Returns an array of the input's shape. Raises ValueError where the arguments do not fit.
    """
    input = input if isinstance(input, Tensor) else Tensor(input)
    if int(size) != size or size < 1:
        raise ValueError(f"local_response_norm: size={size!r}: expected an int of at least 1")
    if alpha_per_term is not None and alpha != ALPHA:
        raise ValueError(
            f"local_response_norm: give alpha={alpha} (divided by the size of the window) or "
            f"alpha_per_term={alpha_per_term} (not divided), not both"
        )
    if within_map and input.ndim != 4:
        raise ValueError(
            f"local_response_norm: within_map needs input (N, C, H, W), got {input.shape}"
        )
    if input.ndim < 3:
        raise ValueError(
            f"local_response_norm: expected input (N, C, H, W), or (N, C, L), got {input.shape}"
        )
    size = int(size)
    a = alpha / (size**2 if within_map else size) if alpha_per_term is None else alpha_per_term
    return LocalResponseNorm(size, a, beta, k, within_map)(input)


def cases():
    x, strong = 2 * normal(2, 7, 3, 5), {"alpha": 0.5, "beta": 0.75, "k": 2.0}
    yield Case(local_response_norm, (x,), {"size": 5, **strong})
    yield Case(local_response_norm, (x,), {"size": 4, **strong}, label="even")
    yield Case(local_response_norm, (x,), {"size": 17, **strong}, label="wider-than-maps")
    options = {"size": 3, "alpha_per_term": 0.4, "beta": 0.5}
    yield Case(local_response_norm, (x[:, :, 0],), options, label="per-term-3d")
    x = 2 * normal(2, 3, 7, 5)
    within = {"alpha": 3.0, "beta": 0.75, "within_map": True}
    yield Case(local_response_norm, (x,), {"size": 3, **within}, label="within")
    yield Case(local_response_norm, (x,), {"size": 4, **within, "beta": 0.6}, label="within-even")
    yield Case(local_response_norm, (x,), {"size": 12, **within}, label="within-wider")
