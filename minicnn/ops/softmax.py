r"""Softmax: scores become probabilities; and its logarithm.

    softmax      y[c] = e^x[c] / sum_k e^x[k]
    log_softmax  y[c] = x[c] - log sum_k e^x[k]

along one dimension, for each position of the others. Subtracting the largest score m first changes
neither (numerator and denominator both shrink by e^m) and keeps e^(x - m) from overflowing.

Shapes: x and y any, the same. The kernels see x as (A, C, B): what stands before dim, dim, what
stands after it.

Gradient: with S = sum_k e^x[k], dS/dx[c] = e^x[c], so

    softmax      dy[k]/dx[c] = y[k] ([k = c] - y[c])    gx[c] = y[c] (gy[c] - sum_k gy[k] y[k])
    log_softmax  dy[k]/dx[c] = [k = c] - e^y[c]         gx[c] = gy[c] - e^y[c] sum_k gy[k]

Trap: the probabilities sum to 1, so with gy all ones gx is zero, whatever the formula got wrong
elsewhere; a gradient check needs a random gy. And log_softmax is not log(softmax): a probability of
1e-50 is 0 in float32, its logarithm is -115.

Source: Bridle 1990.
"""

import math

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import Op, axes_of, contiguous
from minicnn.engine.tensor import Tensor

softmax_forward = Kernel("softmax_forward", "x[A, C, B], y[A, C, B]")
softmax_backward = Kernel("softmax_backward", "gy[A, C, B], y[A, C, B], gx[A, C, B]")
log_softmax_forward = Kernel("log_softmax_forward", "x[A, C, B], y[A, C, B]")
log_softmax_backward = Kernel("log_softmax_backward", "gy[A, C, B], y[A, C, B], gx[A, C, B]")
exponentials = Kernel("exponentials", "x[A, C, B], y[A, C, B], largest[A, B], total[A, B]")


@exponentials.cpu
def exponentials_cpu(x, y, largest, total):
    """What cross_entropy is made of: y = e^(x - largest) and its sum over the classes; largest and
    total are (A, B)."""
    A, C, B = x.shape
    for ab in prange(A * B):
        a, b = ab // B, ab % B
        m, sum = x[a, 0, b], x.dtype.type(0)
        for c in range(1, C):
            m = x[a, c, b] if x[a, c, b] > m else m
        for c in range(C):
            y[a, c, b] = np.exp(x[a, c, b] - m)
            sum += y[a, c, b]
        largest[a, b] = m
        total[a, b] = sum


@softmax_forward.cpu
def softmax_forward_cpu(x, y):
    A, C, B = x.shape
    for ab in prange(A * B):
        a, b = ab // B, ab % B
        largest, total = x[a, 0, b], x.dtype.type(0)
        for c in range(1, C):
            largest = x[a, c, b] if x[a, c, b] > largest else largest
        for c in range(C):
            y[a, c, b] = np.exp(x[a, c, b] - largest)
            total += y[a, c, b]
        for c in range(C):
            y[a, c, b] /= total


@softmax_backward.cpu
def softmax_backward_cpu(gy, y, gx):
    A, C, B = gy.shape
    for ab in prange(A * B):
        a, b = ab // B, ab % B
        total = gy.dtype.type(0)
        for c in range(C):
            total += gy[a, c, b] * y[a, c, b]
        for c in range(C):
            gx[a, c, b] = y[a, c, b] * (gy[a, c, b] - total)


@log_softmax_forward.cpu
def log_softmax_forward_cpu(x, y):
    A, C, B = x.shape
    for ab in prange(A * B):
        a, b = ab // B, ab % B
        largest, total = x[a, 0, b], x.dtype.type(0)
        for c in range(1, C):
            largest = x[a, c, b] if x[a, c, b] > largest else largest
        for c in range(C):
            total += np.exp(x[a, c, b] - largest)
        log_total = np.log(total)
        for c in range(C):
            y[a, c, b] = x[a, c, b] - largest - log_total


@log_softmax_backward.cpu
def log_softmax_backward_cpu(gy, y, gx):
    A, C, B = gy.shape
    for ab in prange(A * B):
        a, b = ab // B, ab % B
        total = gy.dtype.type(0)
        for c in range(C):
            total += gy[a, c, b]
        for c in range(C):
            gx[a, c, b] = gy[a, c, b] - np.exp(y[a, c, b]) * total


# ------------------------------------------------------------------- the same on a GPU: softmax.cu
TEXT = cuda_beside(__file__)

_log = log_softmax_forward, log_softmax_backward
for _kernel in (exponentials, softmax_forward, softmax_backward, *_log):
    _kernel.gpu(
        TEXT,
        threads=lambda *arrays: arrays[0].shape[0] * arrays[0].shape[2],
        sizes=lambda *arrays: arrays[0].shape,
    )


# ----------------------------------------------------------------------------------------- the ops
class Softmax(Op):
    floating = ("input",)
    kernels = softmax_forward, softmax_backward

    def __init__(self, dim):
        self.dim = dim

    def check(self, x):
        axes_of(self.called(), (self.dim,), x.shape)

    def forward(self, x):
        dim = self.dim % x.ndim
        before, after = x.shape[:dim], x.shape[dim + 1 :]
        self.view = math.prod(before), x.shape[dim], math.prod(after)
        self.y = empty_like(x)
        if x.size:
            self.kernels[0](contiguous(x).reshape(self.view), self.y.reshape(self.view))
        return self.y

    def backward(self, gy):
        gx = empty_like(gy)
        if gy.size:
            views = (a.reshape(self.view) for a in (contiguous(gy), self.y, gx))
            self.kernels[1](*views)
        return gx


class LogSoftmax(Softmax):
    kernels = log_softmax_forward, log_softmax_backward


def softmax(input: Tensor, dim: int) -> Tensor:
    """Probabilities along `dim`, which sum to 1.

    input  Tensor of any shape; the result has the same shape and dtype
    dim    for scores (N, C) or (N, C, H, W) it is 1

    Raises ValueError where there is no such dimension.
    """
    return Softmax(dim)(input)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """The logarithms of the probabilities along `dim`, exact also for very small ones.

    input  Tensor of any shape; the result has the same shape and dtype
    dim    for scores (N, C) or (N, C, H, W) it is 1

    Raises ValueError where there is no such dimension.
    """
    return LogSoftmax(dim)(input)


def cases():
    for function in (softmax, log_softmax):
        yield Case(function, (3 * normal(2, 5, 3, 4),), {"dim": 1})
        yield Case(function, (normal(4, 6),), {"dim": -1}, label="last")
