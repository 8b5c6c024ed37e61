"""cross_entropy by blocks of pixels.

Forward looks at all classes only where labels are smoothed; else one number a pixel is enough.
Backward goes class by class along the pixels of a block, which are neighbours in memory, and whose
labels and factors stay in the nearest cache meanwhile; where there is one pixel, as in scores
(N, C) of whole pictures, along the classes.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, prange
from minicnn.ops.cross_entropy import cross_entropy_backward, cross_entropy_forward

cross_entropy_forward_rows = Kernel("cross_entropy_forward_rows")
cross_entropy_backward_rows = Kernel("cross_entropy_backward_rows")
cross_entropy_backward_classes = Kernel("cross_entropy_backward_classes")
cross_entropy_forward.fast()(cross_entropy_forward_rows)
BLOCK = 2048  # pixels that a thread does together


@cross_entropy_backward.fast()
def cross_entropy_backward_fast(g, e, S, target, ignore, on, off, gx):
    """By which are neighbours in memory: the pixels, or, of whole pictures, the classes."""
    if e.shape[2] > 1:
        return cross_entropy_backward_rows(g, e, S, target, ignore, on, off, gx)
    g, e, S, target, out = g[:, 0], e[:, :, 0], S[:, 0], target[:, 0], gx[:, :, 0]
    return cross_entropy_backward_classes(g, e, S, target, ignore, on, off, out)


@cross_entropy_forward_rows.cpu
def cross_entropy_forward_rows_cpu(x, largest, S, target, ignore, on, off, loss):
    N, C, P = x.shape
    smooth, blocks = off.any(), (P + BLOCK - 1) // BLOCK
    for block in prange(N * blocks):
        n, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, P)
        t, out, m = target[n, first:end], loss[n, first:end], largest[n, first:end]
        log_S = np.log(S[n, first:end])
        for j in range(end - first):
            known = t[j] != ignore
            k = t[j] if known else 0
            out[j] = on[k] * (log_S[j] - (x[n, k, first + j] - m[j])) if known else 0
        for c in range(C if smooth else 0):
            score = x[n, c, first:end]
            if off[c] != 0:  # 0 times an infinity would be a NaN
                for j in range(end - first):
                    if t[j] != ignore:
                        out[j] += off[c] * (log_S[j] - (score[j] - m[j]))


@cross_entropy_backward_rows.cpu
def cross_entropy_backward_rows_cpu(g, e, S, target, ignore, on, off, gx):
    N, C, P = e.shape
    all_off, blocks = off.sum(), (P + BLOCK - 1) // BLOCK
    for block in prange(N * blocks):
        n, first = block // blocks, block % blocks * BLOCK
        end = min(first + BLOCK, P)
        gl, scale = g[n, first:end], np.empty(end - first, e.dtype)
        t = np.empty(end - first, np.int32)  # as wide as a float, so that as many fit in a vector
        for j in range(end - first):
            k = target[n, first + j]
            t[j] = -1 if k == ignore else k
            scale[j] = 0 if k == ignore else gl[j] * (on[k] + all_off) / S[n, first + j]
        for c in range(C):
            source, out, me = e[n, c, first:end], gx[n, c, first:end], np.int32(c)
            off_c, both, zero, void = off[c], off[c] + on[c], e.dtype.type(0), np.int32(-1)
            for j in range(end - first):
                value = scale[j] * source[j] - gl[j] * (both if t[j] == me else off_c)
                out[j] = zero if t[j] == void else value


@cross_entropy_backward_classes.cpu
def cross_entropy_backward_classes_cpu(g, e, S, target, ignore, on, off, gx):
    """Arrays are (N, C) here, and (N,)."""
    N, C = e.shape
    all_off, zero = off.sum(), e.dtype.type(0)
    for n in prange(N):
        t, gl, source, out = target[n], g[n], e[n], gx[n]
        scale = zero if t == ignore else gl * (on[t] + all_off) / S[n]
        for c in range(C):
            value = scale * source[c] - gl * (off[c] + on[c] if t == c else off[c])
            out[c] = zero if t == ignore else value
