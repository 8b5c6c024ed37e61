r"""Max pooling: the largest value of each window.

    y[n,c,i,j] = max over u, v of  x~[n, c, s i + d u, s j + d v]

x~ is x with `padding` values of minus infinity around it (zeros would win over negative features).

Shapes: x (N, C, H, W), y (N, C, OH, OW),
        OH = floor((H + 2 padding - d (K - 1) - 1) / s) + 1, OW likewise. With ceil_mode the floor
        becomes a ceiling, so that the last rows are not lost, but a window must still begin inside
        the picture or in the padding before it.

Gradient: y moves with the winner and with nothing else. Forward notes where the winner lay (its
place in the plane, row W + column), and then

    gx[n,c,p,q] = sum of gy[n,c,i,j] over the windows (i, j) whose winner is (p, q)

A pixel may win several windows where they overlap, hence the sum. The kernels read it from gx's
side: each pixel asks all windows that hold it whether it won them.

Of equal values the first in the order of reading wins. A NaN wins over everything, so that it is
seen at the end; of several the last. (Said again in fast/max_pool2d.py, which usually runs; pooling
over maps has its own rule, max_pool_maps.py.)

Source: Zhou, Chellappa 1988; Jarrett et al. 2009; the lecture's slide «structure of a layer».
"""

import numpy as np

from minicnn.engine.cases import Case, separated
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import contiguous, hands_over
from minicnn.engine.tensor import Tensor
from minicnn.ops.pooling import Pool2d

max_pool2d_forward = Kernel(
    "max_pool2d_forward",
    "x[N, C, H, W], K, L, sh, sw, ph, pw, dh, dw, y[N, C, OH, OW], int32 where[N, C, OH, OW]"
    "; pooled(OH, H, K, sh, ph, dh); pooled(OW, W, L, sw, pw, dw)",
)
max_pool2d_backward = Kernel(
    "max_pool2d_backward",
    "gy[N, C, OH, OW], int32 where[N, C, OH, OW], K, L, sh, sw, ph, pw, dh, dw, gx[N, C, H, W]"
    "; pooled(OH, H, K, sh, ph, dh); pooled(OW, W, L, sw, pw, dw)",
)


@max_pool2d_forward.cpu
def max_pool2d_forward_cpu(x, K, L, sh, sw, ph, pw, dh, dw, y, where):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for i in range(OH):
            for j in range(OW):
                best, winner = x.dtype.type(-np.inf), -1
                for u in range(K):
                    for v in range(L):
                        p, q = i * sh + u * dh - ph, j * sw + v * dw - pw
                        if 0 <= p < H and 0 <= q < W:
                            value = x[n, c, p, q]
                            if winner < 0 or value > best or value != value:
                                best, winner = value, p * W + q
                y[n, c, i, j] = best
                where[n, c, i, j] = winner


@max_pool2d_backward.cpu
def max_pool2d_backward_cpu(gy, where, K, L, sh, sw, ph, pw, dh, dw, gx):
    N, C, H, W = gx.shape
    OH, OW = gy.shape[2:]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for p in range(H):
            for q in range(W):
                total = gx.dtype.type(0)
                for u in range(K):
                    for v in range(L):
                        i, j = p + ph - u * dh, q + pw - v * dw
                        if i % sh == 0 and j % sw == 0:
                            i, j = i // sh, j // sw
                            if 0 <= i < OH and 0 <= j < OW:
                                if where[n, c, i, j] == p * W + q:
                                    total += gy[n, c, i, j]
                gx[n, c, p, q] = total


# ----------------------------------------------------------------- the same on a GPU: max_pool2d.cu
TEXT = cuda_beside(__file__)

max_pool2d_forward.gpu(TEXT, sizes=lambda x, *_: (_[-1].size, *_[-1].shape[2:], *x.shape[2:]))

max_pool2d_backward.gpu(TEXT, sizes=lambda gy, *_: (_[-1].size, *gy.shape[2:], *_[-1].shape[2:]))


class MaxPool2d(Pool2d):
    name = "max_pool2d"

    def forward(self, x):
        x = contiguous(x)
        self.shape = x.shape
        self.geometry = *self.window, *self.stride, *self.padding, *self.dilation
        y = empty_like(x, (*x.shape[:2], *self.output_size(x)))
        self.where = array_module(x).empty(y.shape, dtype=np.int32)
        max_pool2d_forward(x, *self.geometry, y, self.where)
        return y

    @hands_over
    def backward(self, gy):
        gx = empty_like(gy, self.shape)
        max_pool2d_backward(contiguous(gy), self.where, *self.geometry, gx)
        return gx


def max_pool2d(
    input: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple = 0,
    dilation: int | tuple = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple:
    """The largest value of each window, PyTorch's arguments.

    input           (N, C, H, W)
    kernel_size, stride, padding, dilation   int or (vertical, horizontal); stride is kernel_size
                    where it is not given, padding at most half of kernel_size
    ceil_mode       also windows that reach beyond the last rows
    return_indices  returns (y, indices): an int64 array of y's shape, row * W + column of each
                    winner in its plane

    Returns (N, C, OH, OW). Raises ValueError where shapes do not fit.
    """
    op = MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode)
    y = op(input)
    return (y, op.where.astype(np.int64)) if return_indices else y


def cases():
    x = separated(2, 3, 7, 5)
    yield Case(max_pool2d, (x,), {"kernel_size": 2})
    yield Case(
        max_pool2d,
        (x,),
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1, "dilation": (1, 2)},
        label="overlap-pad-dilate",
    )
    yield Case(
        max_pool2d, (x,), {"kernel_size": 3, "stride": 3, "ceil_mode": True}, label="ceil_mode"
    )
    yield Case(max_pool2d, (-abs(x),), {"kernel_size": 2, "padding": 1}, label="negative")
