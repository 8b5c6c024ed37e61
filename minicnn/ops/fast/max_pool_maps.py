"""max_pool_maps by rows: first whole rows of the maps against each other, then the columns of a
window, as in max_pool2d.py beside this file.

Neighbours in memory compete at the same time, so that vector instructions serve. Backward asks the
same windows as the loops to read, a row of them at a time.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.max_pool2d import compete
from minicnn.ops.max_pool_maps import max_pool_maps_backward, max_pool_maps_forward

max_pool_maps_forward_rows = Kernel("max_pool_maps_forward_rows")
max_pool_maps_backward_rows = Kernel("max_pool_maps_backward_rows")
max_pool_maps_forward.fast()(max_pool_maps_forward_rows)
max_pool_maps_backward.fast()(max_pool_maps_backward_rows)


@max_pool_maps_forward_rows.cpu
def max_pool_maps_forward_rows_cpu(x, first, members, K, L, sh, sw, ph, pw, y, where):
    N, C, H, W = x.shape
    F, OH, OW = y.shape[1:]
    for row in prange(N * F * OH):
        n, c, i = row // OH // F, row // OH % F, row % OH
        values, places = np.full(W, -np.inf, x.dtype), np.full(W, -1, np.int32)
        for d in members[first[c] : first[c + 1]]:
            for p in range(max(i * sh - ph, 0), min(i * sh - ph + K, H)):
                source, begin = x[n, d, p], (d * H + p) * W
                for q in range(W):
                    value = source[q]
                    wins = (value > values[q]) | (value != value) | (places[q] < 0)
                    values[q] = value if wins else values[q]
                    places[q] = np.int32(begin + q) if wins else places[q]
        best, winner = y[n, c, i], where[n, c, i]
        best[:], winner[:] = -np.inf, -1
        for v in range(L):
            begin, end = max(-((v - pw) // sw), 0), min((W - 1 - v + pw) // sw + 1, OW)
            if begin >= end:  # column v lies in the picture for none of the windows
                continue
            q = begin * sw + v - pw
            if sw == 1:  # the same, but for a stride that the compiler knows it does eight at once
                compete(values[q:], places[q:], 1, best[begin:end], winner[begin:end])
            elif sw == 2:
                compete(values[q:], places[q:], 2, best[begin:end], winner[begin:end])
            else:
                compete(values[q:], places[q:], sw, best[begin:end], winner[begin:end])


@helper
def claim(g, winner, place, step, out):
    """Adds g[j] to out[step j], the pixel at place + step j, wherever that is the winner."""
    for j in range(len(g)):
        out[step * j] += g[j] if winner[j] == place + step * j else 0


@max_pool_maps_backward_rows.cpu
def max_pool_maps_backward_rows_cpu(gy, where, first, results, K, L, sh, sw, ph, pw, gx):
    N, C, H, W = gx.shape
    OH, OW = gy.shape[2:]
    for row in prange(N * C * H):
        n, d, p = row // H // C, row // H % C, row % H
        out = gx[n, d, p]
        out[:] = 0
        for c in results[first[d] : first[d + 1]]:
            for u in range(K - 1, -1, -1):  # the windows from top to bottom, and left to right
                i = p + ph - u
                if i % sh != 0 or i < 0 or i // sh >= OH:
                    continue
                for v in range(L - 1, -1, -1):
                    begin, end = max(-((v - pw) // sw), 0), min((W - 1 - v + pw) // sw + 1, OW)
                    if begin >= end:
                        continue
                    g, winner = gy[n, c, i // sh, begin:end], where[n, c, i // sh, begin:end]
                    q = begin * sw + v - pw
                    place = (d * H + p) * W + q
                    if sw == 1:
                        claim(g, winner, place, 1, out[q:])
                    else:
                        claim(g, winner, place, sw, out[q:])
