"""softmax and its logarithm in blocks of 1024 positions, with an exponential of our own. (Of one
position, as the last dimension has it, there are no blocks: softmax_rows.py.)

The positions of a block are neighbours in memory, so all steps (largest score, exponentials, sum)
are loops over them, in which vector instructions do eight or sixteen at once. np.exp would be a
call for each number; in float32 `exp_of` takes its place, to the last digit.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops import softmax as op
from minicnn.ops.fast import softmax_rows as rows
from minicnn.ops.fast.exponential import exp_of

exponentials_blocks = Kernel("exponentials_blocks")
softmax_forward_blocks = Kernel("softmax_forward_blocks")
softmax_backward_blocks = Kernel("softmax_backward_blocks")
log_softmax_forward_blocks = Kernel("log_softmax_forward_blocks")
log_softmax_backward_blocks = Kernel("log_softmax_backward_blocks")
BLOCK = 1024  # positions that a thread does together


@helper
def exponentials_of(x, a, first, end, y, largest, total):
    """y = e^(x - largest) and its sum over the classes, for the positions from first to end."""
    for j in range(len(largest)):
        largest[j], total[j] = x[a, 0, first + j], 0
    for c in range(1, x.shape[1]):
        score = x[a, c, first:end]
        for j in range(len(score)):
            largest[j] = max(largest[j], score[j])
    for c in range(x.shape[1]):
        score, e = x[a, c, first:end], y[a, c, first:end]
        if x.itemsize == 4:
            for j in range(len(score)):
                e[j] = exp_of(np.float32(score[j] - largest[j]))
                total[j] += e[j]
        else:
            for j in range(len(score)):
                e[j] = np.exp(score[j] - largest[j])
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


def choose(kernel, of_rows, of_blocks):
    """The fast algorithm of a kernel, by whether its positions are neighbours or its classes."""

    @kernel.fast()
    def run(*arrays):
        if arrays[0].shape[2] == 1:
            return of_rows(*(a.reshape(len(a), -1) for a in arrays))
        return of_blocks(*arrays)


choose(op.exponentials, rows.exponentials_rows, exponentials_blocks)
choose(op.softmax_forward, rows.softmax_forward_rows, softmax_forward_blocks)
choose(op.softmax_backward, rows.softmax_backward_rows, softmax_backward_blocks)
choose(op.log_softmax_forward, rows.log_softmax_forward_rows, log_softmax_forward_blocks)
choose(op.log_softmax_backward, rows.log_softmax_backward_rows, log_softmax_backward_blocks)
