"""local_response_norm by rows: the sums of a whole row of pixels grow together, neighbours in
memory, so that vector instructions serve.

A window across maps holds no neighbours in the map, and then a whole map can be one row: long rows
keep vector instructions busy. Backward divides once for each pixel, not once for each pair.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.local_response_norm import (
    local_response_norm_backward,
    local_response_norm_forward,
)

forward_rows = Kernel("local_response_norm_forward_rows")
backward_rows = Kernel("local_response_norm_backward_rows")


@local_response_norm_forward.fast()
def local_response_norm_forward_fast(x, c0, c1, p0, p1, k, a, beta, S, y):
    x, S, y = in_rows(p0, p1, x, S, y)
    forward_rows(x, c0, c1, p0, p1, k, a, beta, S, y)


@local_response_norm_backward.fast()
def local_response_norm_backward_fast(gy, x, S, y, c0, c1, p0, p1, a2, beta, gx):
    gy, x, S, y, gx = in_rows(p0, p1, gy, x, S, y, gx)
    backward_rows(gy, x, S, y, c0, c1, p0, p1, a2, beta, gx)


def in_rows(p0, p1, *arrays):
    """The arrays (N, C, H, W), of windows across maps as (N, C, 1, H W)."""
    if p0 or p1:
        return arrays
    return [a.reshape(*a.shape[:2], 1, a.shape[2] * a.shape[3]) for a in arrays]


@helper
def damp(values, S, beta, out):
    """A row of values times S^-beta. Two square roots, for the usual beta of 3/4, are several times
    as fast as a power."""
    if beta == 0.75:
        for j in range(len(out)):
            root = np.sqrt(S[j])
            out[j] = values[j] / (root * np.sqrt(root))
    else:
        for j in range(len(out)):
            out[j] = values[j] * S[j] ** -beta


@helper
def shifted(v, W):
    """Where a row of W pixels overlaps the same row v pixels on: its slices in both."""
    return slice(max(-v, 0), max(W - max(v, 0), 0)), slice(max(v, 0), max(W + min(v, 0), 0))


@forward_rows.cpu
def forward_rows_cpu(x, c0, c1, p0, p1, k, a, beta, S, y):
    N, C, H, W = x.shape
    for row in prange(N * C * H):
        n, c, i = row // H // C, row // H % C, row % H
        total = np.zeros(W, x.dtype)
        for d in range(max(c - c0, 0), min(c + c1 + 1, C)):
            for p in range(max(i - p0, 0), min(i + p1 + 1, H)):
                for v in range(-p0, p1 + 1):
                    here, there = shifted(v, W)
                    source, sums = x[n, d, p, there], total[here]
                    for j in range(len(sums)):
                        sums[j] += source[j] * source[j]
        s = S[n, c, i]
        for j in range(W):
            s[j] = k + a * total[j]
        damp(x[n, c, i], s, beta, y[n, c, i])


@backward_rows.cpu
def backward_rows_cpu(gy, x, S, y, c0, c1, p0, p1, a2, beta, gx):
    """a2 is 2 a."""
    N, C, H, W = x.shape
    shares = np.empty_like(x)  # gy y / S: a division costs more than all the sums
    for row in prange(N * C * H):
        n, c, i = row // H // C, row // H % C, row % H
        g, b, s, share = gy[n, c, i], y[n, c, i], S[n, c, i], shares[n, c, i]
        for j in range(W):
            share[j] = g[j] * b[j] / s[j]
    for row in prange(N * C * H):
        n, c, i = row // H // C, row // H % C, row % H
        total = np.zeros(W, x.dtype)
        for d in range(max(c - c1, 0), min(c + c0 + 1, C)):  # mirrored: c1 back, c0 forth
            for p in range(max(i - p1, 0), min(i + p0 + 1, H)):
                for v in range(-p1, p0 + 1):
                    here, there = shifted(v, W)
                    source, sums = shares[n, d, p, there], total[here]
                    for j in range(len(sums)):
                        sums[j] += source[j]
        out, source = gx[n, c, i], x[n, c, i]
        damp(gy[n, c, i], S[n, c, i], beta, out)
        for j in range(W):
            out[j] -= a2 * beta * source[j] * total[j]
