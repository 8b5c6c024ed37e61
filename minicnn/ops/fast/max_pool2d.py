"""max_pool2d by rows, and its gradient from the winners' side.

Forward: first each column of a window for itself, then its columns against each other: K + L
comparisons instead of K L, and the first K along whole rows of the picture, where neighbours in
memory compete at the same time (vector instructions).

Backward: each window adds its gy to its winner, which is known, where the loops to read ask K L
windows for each pixel. Two threads must not do that in one plane: they could add to the same pixel
at the same time. So all windows of a plane are one thread's.

Who wins a tie is decided in `compete`, as ops/max_pool2d.py says it.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.max_pool2d import max_pool2d_backward, max_pool2d_forward

max_pool2d_forward_rows = Kernel("max_pool2d_forward_rows")
max_pool2d_backward_winners = Kernel("max_pool2d_backward_winners")
max_pool2d_forward.fast()(max_pool2d_forward_rows)
max_pool2d_backward.fast()(max_pool2d_backward_winners)


@helper
def compete(values, places, step, best, winner):
    """Each best[j] against values[step j]; with the values travel their places."""
    for j in range(len(best)):
        value, place = values[step * j], places[step * j]
        equal_but_before = (value == best[j]) & (place < winner[j])
        nan = (value != value) & ((best[j] == best[j]) | (place > winner[j]))
        wins = (value > best[j]) | equal_but_before | nan | (winner[j] < 0)
        best[j] = value if wins else best[j]
        winner[j] = place if wins else winner[j]


@max_pool2d_forward_rows.cpu
def max_pool2d_forward_rows_cpu(x, K, L, sh, sw, ph, pw, dh, dw, y, where):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for row in prange(N * C * OH):
        n, c, i = row // OH // C, row // OH % C, row % OH
        values, places = np.full(W, -np.inf, x.dtype), np.full(W, -1, np.int32)
        for u in range(K):
            p = i * sh + u * dh - ph
            if p < 0 or p >= H:
                continue
            source = x[n, c, p]
            for q in range(W):
                value = source[q]
                wins = (value > values[q]) | (value != value) | (places[q] < 0)
                values[q] = value if wins else values[q]
                places[q] = np.int32(p * W + q) if wins else places[q]
        best, winner = y[n, c, i], where[n, c, i]
        best[:], winner[:] = -np.inf, -1
        for v in range(L):
            q = v * dw - pw
            first, end = max(-(q // sw), 0), min((W - 1 - q) // sw + 1, OW)
            if first >= end:  # column v lies in the picture for none of the windows
                continue
            q += first * sw
            if sw == 2:  # the same, but for a stride that the compiler knows it does eight at once
                compete(values[q:], places[q:], 2, best[first:end], winner[first:end])
            else:
                compete(values[q:], places[q:], sw, best[first:end], winner[first:end])


@max_pool2d_backward_winners.cpu
def max_pool2d_backward_winners_cpu(gy, where, K, L, sh, sw, ph, pw, dh, dw, gx):
    N, C, H, W = gx.shape
    for plane in prange(N * C):
        n, c = plane // C, plane % C
        g, winner, out = gy[n, c].ravel(), where[n, c].ravel(), gx[n, c].ravel()
        out[:] = 0
        for j in range(len(g)):
            if 0 <= winner[j] < out.size:
                out[winner[j]] += g[j]
