"""softmax and its logarithm along the last dimension: the scores of a position are neighbours in
memory, and vector instructions take several of them at once. Arrays are (A, C) here, (A, 1) where
there is a number for each position.

Sums are taken score by score, in order, so that the numbers are those of the blocks of softmax.py.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.exponential import exp_of

exponentials_rows = Kernel("exponentials_rows")
softmax_forward_rows = Kernel("softmax_forward_rows")
softmax_backward_rows = Kernel("softmax_backward_rows")
log_softmax_forward_rows = Kernel("log_softmax_forward_rows")
log_softmax_backward_rows = Kernel("log_softmax_backward_rows")

LANES = 16  # the largest scores of every 16th are found side by side


@helper
def largest_of(score):
    C = len(score)
    largest, whole = score[0], C // LANES * LANES
    if whole:
        lanes = score[:LANES].copy()
        for c in range(LANES, whole, LANES):
            for k in range(LANES):
                lanes[k] = max(lanes[k], score[c + k])
        for k in range(LANES):
            largest = max(largest, lanes[k])
    for c in range(whole, C):
        largest = max(largest, score[c])
    return largest


@helper
def exponentials_of(score, largest, e):
    """e = e^(score - largest), and returns its sum."""
    if score.itemsize == 4:
        for c in range(len(score)):
            e[c] = exp_of(np.float32(score[c] - largest))
    else:
        for c in range(len(score)):
            e[c] = np.exp(score[c] - largest)
    total = score.dtype.type(0)
    for c in range(len(e)):
        total += e[c]
    return total


@exponentials_rows.cpu
def exponentials_rows_cpu(x, y, largest, total):
    for a in prange(len(x)):
        largest[a, 0] = largest_of(x[a])
        total[a, 0] = exponentials_of(x[a], largest[a, 0], y[a])


@softmax_forward_rows.cpu
def softmax_forward_rows_cpu(x, y):
    for a in prange(len(x)):
        score, p = x[a], y[a]
        total = exponentials_of(score, largest_of(score), p)
        for c in range(len(p)):
            p[c] /= total


@softmax_backward_rows.cpu
def softmax_backward_rows_cpu(gy, y, gx):
    for a in prange(len(gy)):
        g, p, out = gy[a], y[a], gx[a]
        total = gy.dtype.type(0)
        for c in range(len(g)):
            total += g[c] * p[c]
        for c in range(len(g)):
            out[c] = p[c] * (g[c] - total)


@log_softmax_forward_rows.cpu
def log_softmax_forward_rows_cpu(x, y):
    for a in prange(len(x)):
        score, out = x[a], y[a]
        largest = largest_of(score)
        log_total = np.log(exponentials_of(score, largest, out))
        for c in range(len(score)):
            out[c] = score[c] - largest - log_total


@log_softmax_backward_rows.cpu
def log_softmax_backward_rows_cpu(gy, y, gx):
    for a in prange(len(gy)):
        g, log_p, out = gy[a], y[a], gx[a]
        total = gy.dtype.type(0)
        for c in range(len(g)):
            total += g[c]
        if gy.itemsize == 4:
            for c in range(len(g)):
                out[c] = g[c] - exp_of(np.float32(log_p[c])) * total
        else:
            for c in range(len(g)):
                out[c] = g[c] - np.exp(log_p[c]) * total
