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

from minicnn.cases import Case, normal
from minicnn.devices import empty_like
from minicnn.kernel import Kernel, helper, prange
from minicnn.op import Op, contiguous

softmax_forward = Kernel("softmax_forward")
softmax_backward = Kernel("softmax_backward")
log_softmax_forward = Kernel("log_softmax_forward")
log_softmax_backward = Kernel("log_softmax_backward")
exponentials = Kernel("exponentials")

BLOCK = 512  # positions that a thread does together: neighbours in memory, for vector instructions


@helper
def exp_of(x):
    """e^x in float32 for x <= 0, to the last digit. np.exp is a call for each number; this is not,
    so a loop around it does eight numbers at once.

    e^x = 2^n e^r, where n is the nearest whole number to x / ln 2 and |r| <= ln(2) / 2 the rest:
    few terms of the series will do for e^r, and 2^n is n written into the exponent's bits. ln 2 in
    two parts, the first with so few digits that n times it is exact."""
    f = np.float32
    clipped = x if x > f(-87.3) else f(-87.3)  # 2^-126, the least; what is below becomes 0
    n = np.floor(clipped * f(1.44269504) + f(0.5))
    r = clipped - n * f(0.693359375) + n * f(2.12194440e-4)
    e = f(1 / 5040)
    for coefficient in (f(1 / 720), f(1 / 120), f(1 / 24), f(1 / 6), f(1 / 2), f(1), f(1)):
        e = e * r + coefficient
    e *= np.int32((np.int32(n) + 127) << 23).view(np.float32)
    return e if clipped == x else (f(0) if x < clipped else x)  # x itself: a NaN


@helper
def exponentials_of(x, a, first, end, y, largest, total):
    """y = e^(x - largest) and its sum over the classes, for the positions from first to end."""
    largest[:], total[:] = x[a, 0, first:end], 0
    for c in range(1, x.shape[1]):
        score = x[a, c, first:end]
        for j in range(len(score)):
            largest[j] = max(largest[j], score[j])
    for c in range(x.shape[1]):
        score, e = x[a, c, first:end], y[a, c, first:end]
        if x.itemsize == 4:
            for j in range(len(score)):
                e[j] = exp_of(np.float32(score[j] - largest[j]))
        else:
            for j in range(len(score)):
                e[j] = np.exp(score[j] - largest[j])
        for j in range(len(score)):
            total[j] += e[j]


@exponentials.cpu
def exponentials_cpu(x, y, largest, total):
    """What softmax, its logarithm and cross_entropy are made of; largest and total are (A, B)."""
    A, _, B = x.shape
    blocks = (B + BLOCK - 1) // BLOCK
    for block in prange(A * blocks):
        a, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, B)
        exponentials_of(x, a, first, end, y, largest[a, first:end], total[a, first:end])


@softmax_forward.cpu
def softmax_forward_cpu(x, y):
    A, C, B = x.shape
    blocks = (B + BLOCK - 1) // BLOCK
    for block in prange(A * blocks):
        a, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, B)
        largest, total = np.empty(end - first, x.dtype), np.empty(end - first, x.dtype)
        exponentials_of(x, a, first, end, y, largest, total)
        for c in range(C):
            p = y[a, c, first:end]
            for j in range(len(p)):
                p[j] /= total[j]


@softmax_backward.cpu
def softmax_backward_cpu(gy, y, gx):
    A, C, B = gy.shape
    blocks = (B + BLOCK - 1) // BLOCK
    for block in prange(A * blocks):
        a, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, B)
        total = np.zeros(end - first, gy.dtype)
        for c in range(C):
            g, p = gy[a, c, first:end], y[a, c, first:end]
            for j in range(len(total)):
                total[j] += g[j] * p[j]
        for c in range(C):
            g, p, out = gy[a, c, first:end], y[a, c, first:end], gx[a, c, first:end]
            for j in range(len(total)):
                out[j] = p[j] * (g[j] - total[j])


@log_softmax_forward.cpu
def log_softmax_forward_cpu(x, y):
    A, C, B = x.shape
    blocks = (B + BLOCK - 1) // BLOCK
    for block in prange(A * blocks):
        a, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, B)
        largest, total = np.empty(end - first, x.dtype), np.empty(end - first, x.dtype)
        exponentials_of(x, a, first, end, y, largest, total)
        for j in range(end - first):
            total[j] = np.log(total[j])
        for c in range(C):
            score, out = x[a, c, first:end], y[a, c, first:end]
            for j in range(len(score)):
                out[j] = score[j] - largest[j] - total[j]


@log_softmax_backward.cpu
def log_softmax_backward_cpu(gy, y, gx):
    A, C, B = gy.shape
    blocks = (B + BLOCK - 1) // BLOCK
    for block in prange(A * blocks):
        a, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, B)
        total = np.zeros(end - first, gy.dtype)
        for c in range(C):
            g = gy[a, c, first:end]
            for j in range(len(total)):
                total[j] += g[j]
        for c in range(C):
            g, log_p, out = gy[a, c, first:end], y[a, c, first:end], gx[a, c, first:end]
            if gy.itemsize == 4:
                for j in range(len(total)):
                    out[j] = g[j] - exp_of(np.float32(log_p[j])) * total[j]
            else:
                for j in range(len(total)):
                    out[j] = g[j] - np.exp(log_p[j]) * total[j]


# ----------------------------------------------------------------- the same on a GPU, in one text
TEXT = r"""
extern "C" __global__ void exponentials(
        const T* x, T* y, T* largest, T* total, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    x += ab / B * C * B + ab % B;
    y += ab / B * C * B + ab % B;
    T m = x[0], sum = 0;
    for (int c = 1; c < C; c++) m = x[c * B] > m ? x[c * B] : m;
    for (int c = 0; c < C; c++) {
        y[c * B] = exp(x[c * B] - m);
        sum += y[c * B];
    }
    largest[ab] = m;
    total[ab] = sum;
}

extern "C" __global__ void softmax_forward(const T* x, T* y, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    x += ab / B * C * B + ab % B;
    y += ab / B * C * B + ab % B;
    T largest = x[0];
    for (int c = 1; c < C; c++) largest = x[c * B] > largest ? x[c * B] : largest;
    T total = 0;
    for (int c = 0; c < C; c++) {
        y[c * B] = exp(x[c * B] - largest);
        total += y[c * B];
    }
    for (int c = 0; c < C; c++) y[c * B] /= total;
}

extern "C" __global__ void softmax_backward(
        const T* gy, const T* y, T* gx, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    int first = ab / B * C * B + ab % B;
    T total = 0;
    for (int c = 0; c < C; c++) total += gy[first + c * B] * y[first + c * B];
    for (int c = 0; c < C; c++)
        gx[first + c * B] = y[first + c * B] * (gy[first + c * B] - total);
}

extern "C" __global__ void log_softmax_forward(const T* x, T* y, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    x += ab / B * C * B + ab % B;
    y += ab / B * C * B + ab % B;
    T largest = x[0];
    for (int c = 1; c < C; c++) largest = x[c * B] > largest ? x[c * B] : largest;
    T total = 0;
    for (int c = 0; c < C; c++) total += exp(x[c * B] - largest);
    T log_total = log(total);
    for (int c = 0; c < C; c++) y[c * B] = x[c * B] - largest - log_total;
}

extern "C" __global__ void log_softmax_backward(
        const T* gy, const T* y, T* gx, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    int first = ab / B * C * B + ab % B;
    T total = 0;
    for (int c = 0; c < C; c++) total += gy[first + c * B];
    for (int c = 0; c < C; c++)
        gx[first + c * B] = gy[first + c * B] - exp(y[first + c * B]) * total;
}
"""

_log = log_softmax_forward, log_softmax_backward
for _kernel in (exponentials, softmax_forward, softmax_backward, *_log):
    _kernel.gpu(
        TEXT,
        threads=lambda *arrays: arrays[0].shape[0] * arrays[0].shape[2],
        sizes=lambda *arrays: arrays[0].shape,
    )


# ----------------------------------------------------------------------------------------- the ops
class Softmax(Op):
    kernels = softmax_forward, softmax_backward

    def __init__(self, dim):
        self.dim = dim

    def check(self, x):
        if not -x.ndim <= self.dim < x.ndim:
            name = type(self).__name__
            raise ValueError(f"{name}: dim {self.dim} does not exist in shape {x.shape}")

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


def softmax(input, dim):
    """Probabilities along `dim`, which sum to 1.

    input  Tensor of any shape; the result has the same shape and dtype
    dim    for scores (N, C) or (N, C, H, W) it is 1

    Raises ValueError where there is no such dimension.
    """
    return Softmax(dim)(input)


def log_softmax(input, dim):
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
