"""cross_entropy by rows of pixels.

Forward looks at all classes only where labels are smoothed; else one number a pixel is enough.
Backward goes class by class along the pixels, which are neighbours in memory; where there is one
pixel, as in scores (N, C) of whole pictures, along the classes.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, prange
from minicnn.ops.cross_entropy import cross_entropy_backward, cross_entropy_forward

cross_entropy_forward_rows = Kernel("cross_entropy_forward_rows")
cross_entropy_backward_rows = Kernel("cross_entropy_backward_rows")
cross_entropy_backward_classes = Kernel("cross_entropy_backward_classes")
cross_entropy_forward.fast()(cross_entropy_forward_rows)


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
    smooth = off.any()
    for nb in prange(N * P):
        n, b = nb // P, nb % P
        t = target[n, b]
        if t == ignore:
            loss[n, b] = 0
            continue
        log_S = np.log(S[n, b])
        total = on[t] * (log_S - (x[n, t, b] - largest[n, b]))
        for c in range(C if smooth else 0):
            if off[c] != 0:  # 0 times an infinity would be a NaN
                total += off[c] * (log_S - (x[n, c, b] - largest[n, b]))
        loss[n, b] = total


@cross_entropy_backward_rows.cpu
def cross_entropy_backward_rows_cpu(g, e, S, target, ignore, on, off, gx):
    N, C, P = e.shape
    scale, all_off = np.empty_like(g), off.sum()
    for nb in prange(N * P):
        n, b = nb // P, nb % P
        t = target[n, b]
        scale[n, b] = 0 if t == ignore else g[n, b] * (on[t] + all_off) / S[n, b]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        gl, s, t, source, out = g[n], scale[n], target[n], e[n, c], gx[n, c]
        off_c, both, zero = off[c], off[c] + on[c], e.dtype.type(0)
        for b in range(P):
            value = s[b] * source[b] - gl[b] * (both if t[b] == c else off_c)
            out[b] = zero if t[b] == ignore else value


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
