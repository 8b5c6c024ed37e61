"""softmax and its logarithm in blocks of 512 positions, with an exponential of our own.

The positions of a block are neighbours in memory, so all steps (largest score, exponentials, sum)
are loops over them, in which vector instructions do eight or sixteen at once. np.exp would be a
call for each number; in float32 `exp_of` takes its place, to the last digit.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops import softmax as op

exponentials_blocks = Kernel("exponentials_blocks")
softmax_forward_blocks = Kernel("softmax_forward_blocks")
softmax_backward_blocks = Kernel("softmax_backward_blocks")
log_softmax_forward_blocks = Kernel("log_softmax_forward_blocks")
log_softmax_backward_blocks = Kernel("log_softmax_backward_blocks")
op.exponentials.fast()(exponentials_blocks)
op.softmax_forward.fast()(softmax_forward_blocks)
op.softmax_backward.fast()(softmax_backward_blocks)
op.log_softmax_forward.fast()(log_softmax_forward_blocks)
op.log_softmax_backward.fast()(log_softmax_backward_blocks)

BLOCK = 512  # positions that a thread does together


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


@exponentials_blocks.cpu
def exponentials_blocks_cpu(x, y, largest, total):
    """What softmax, its logarithm and cross_entropy are made of; largest and total are (A, B)."""
    A, _, B = x.shape
    blocks = (B + BLOCK - 1) // BLOCK
    for block in prange(A * blocks):
        a, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, B)
        exponentials_of(x, a, first, end, y, largest[a, first:end], total[a, first:end])


@softmax_forward_blocks.cpu
def softmax_forward_blocks_cpu(x, y):
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


@softmax_backward_blocks.cpu
def softmax_backward_blocks_cpu(gy, y, gx):
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


@log_softmax_forward_blocks.cpu
def log_softmax_forward_blocks_cpu(x, y):
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


@log_softmax_backward_blocks.cpu
def log_softmax_backward_blocks_cpu(gy, y, gx):
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
