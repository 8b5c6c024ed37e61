r"""Average pooling: the mean of each window.

    y[n,c,i,j] = 1 / M[i,j]  sum over u, v of  x~[n, c, s i + u, s j + v]

x~ is x with `padding` zeros around it. M[i,j] is the number of pixels in the window: with
count_include_pad (the default) those of the padding too, otherwise only those of the picture.
divisor_override takes one number in the place of all M.

Shapes: x (N, C, H, W), y (N, C, OH, OW) as in max_pool2d.

Gradient: y is linear in x and each pixel counts 1 / M[i,j] in every window that holds it, so

    gx[n,c,p,q] = sum of gy[n,c,i,j] / M[i,j] over the windows (i, j) that hold (p, q)

Trap: with ceil_mode the last window may reach beyond the padding. What lies out there is never
counted, not even with count_include_pad.

Source: LeCun et al. 1989, «subsampling»; conventions from PyTorch's documentation.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import contiguous
from minicnn.engine.tensor import Tensor
from minicnn.ops.pooling import Pool2d

avg_pool2d_forward = Kernel(
    "avg_pool2d_forward",
    "x[N, C, H, W], divisor[OH, OW], K, L, sh, sw, ph, pw, y[N, C, OH, OW]"
    "; pooled(OH, H, K, sh, ph); pooled(OW, W, L, sw, pw)",
)
avg_pool2d_backward = Kernel(
    "avg_pool2d_backward",
    "gy[N, C, OH, OW], divisor[OH, OW], K, L, sh, sw, ph, pw, gx[N, C, H, W]"
    "; pooled(OH, H, K, sh, ph); pooled(OW, W, L, sw, pw)",
)


@avg_pool2d_forward.cpu
def avg_pool2d_forward_cpu(x, divisor, K, L, sh, sw, ph, pw, y):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for i in range(OH):
            for j in range(OW):
                total = x.dtype.type(0)
                for p in range(max(i * sh - ph, 0), min(i * sh - ph + K, H)):
                    for q in range(max(j * sw - pw, 0), min(j * sw - pw + L, W)):
                        total += x[n, c, p, q]
                y[n, c, i, j] = total / divisor[i, j]


@avg_pool2d_backward.cpu
def avg_pool2d_backward_cpu(gy, divisor, K, L, sh, sw, ph, pw, gx):
    N, C, H, W = gx.shape
    OH, OW = gy.shape[2:]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for p in range(H):
            for q in range(W):
                total = gx.dtype.type(0)
                for u in range(K):
                    for v in range(L):
                        i, j = p + ph - u, q + pw - v
                        if i % sh == 0 and j % sw == 0:
                            i, j = i // sh, j // sw
                            if 0 <= i < OH and 0 <= j < OW:
                                total += gy[n, c, i, j] / divisor[i, j]
                gx[n, c, p, q] = total


# ---------------------------------------------------------------- the same on a GPU: avg_pool2d.cu
TEXT = cuda_beside(__file__)

avg_pool2d_forward.gpu(TEXT, sizes=lambda x, *_: (_[-1].size, *_[-1].shape[2:], *x.shape[2:]))

avg_pool2d_backward.gpu(TEXT, sizes=lambda gy, *_: (_[-1].size, *gy.shape[2:], *_[-1].shape[2:]))


class AvgPool2d(Pool2d):
    name = "avg_pool2d"

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override
        if divisor_override == 0:
            raise ValueError("avg_pool2d: divisor_override must not be 0")

    def divisors(self, x):
        """M, the number of pixels of each window: rows times columns."""
        counts = []
        for axis, out in enumerate(self.output_size(x)):
            sizes = self.window, self.stride, self.padding, x.shape[2:]
            k, s, p, size = (pair[axis] for pair in sizes)
            first = np.arange(out) * s - p
            end = np.minimum(first + k, size + p)
            if not self.count_include_pad:
                first, end = first.clip(0, None), end.clip(None, size)
            counts.append(end - first)
        M = np.outer(*counts)
        return np.full(M.shape, self.divisor_override or M)

    def forward(self, x):
        x = contiguous(x)
        self.shape = x.shape
        self.geometry = *self.window, *self.stride, *self.padding
        self.divisor = array_module(x).asarray(self.divisors(x), dtype=x.dtype)
        y = empty_like(x, (*x.shape[:2], *self.output_size(x)))
        avg_pool2d_forward(x, self.divisor, *self.geometry, y)
        return y

    def backward(self, gy):
        gx = empty_like(gy, self.shape)
        avg_pool2d_backward(contiguous(gy), self.divisor, *self.geometry, gx)
        return gx


def avg_pool2d(
    input: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The mean of each window, PyTorch's arguments.

    input              (N, C, H, W)
    kernel_size, stride, padding   int or (vertical, horizontal); stride is kernel_size where it is
                       not given, padding at most half of kernel_size
    ceil_mode          also windows that reach beyond the last rows
    count_include_pad  whether the zeros of the padding count as pixels
    divisor_override   what the sums are divided by, or None

    Returns (N, C, OH, OW). Raises ValueError where shapes do not fit.
    """
    options = ceil_mode, count_include_pad, divisor_override
    return AvgPool2d(kernel_size, stride, padding, *options)(input)


def cases():
    x = normal(2, 3, 7, 5)
    yield Case(avg_pool2d, (x,), {"kernel_size": 2})
    options = {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}
    yield Case(avg_pool2d, (x,), options, label="overlap-pad")
    yield Case(avg_pool2d, (x,), {**options, "count_include_pad": False}, label="without-pad")
    options = {"kernel_size": (4, 3), "padding": 1, "ceil_mode": True}
    yield Case(avg_pool2d, (x,), options, label="ceil_mode")
    yield Case(avg_pool2d, (x,), {"kernel_size": 2, "divisor_override": 3}, label="override")
