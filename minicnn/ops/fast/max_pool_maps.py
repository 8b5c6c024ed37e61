"""max_pool_maps by rows: first whole rows of the maps against each other, then the columns of a
window, as in max_pool2d.py beside this file.

Neighbours in memory compete at the same time, so that vector instructions serve. Backward adds each
gy to its winner, as there, if a map belongs to one result only: then a result and its maps are one
thread's. Else it asks the same windows as the loops to read, a row of them at a time.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.max_pool2d import STRIP, compete_columns, next_row
from minicnn.ops.max_pool_maps import max_pool_maps_backward, max_pool_maps_forward

max_pool_maps_forward_rows = Kernel("max_pool_maps_forward_rows")
max_pool_maps_backward_rows = Kernel("max_pool_maps_backward_rows")
max_pool_maps_backward_winners = Kernel("max_pool_maps_backward_winners")
maxout = Kernel("maxout")
PIECE = 1024  # pixels


@max_pool_maps_forward.fast()
def max_pool_maps_forward_fast(x, first, members, K, L, sh, sw, ph, pw, y, where):
    """Where only maps are pooled, a picture is one long row."""
    if K == L == sh == sw == 1:
        x, y, where = (a.reshape(*a.shape[:2], -1) for a in (x, y, where))
        return maxout(x, first, members, y, where)
    max_pool_maps_forward_rows(x, first, members, K, L, sh, sw, ph, pw, y, where)


@maxout.cpu
def maxout_cpu(x, first, members, y, where):
    N, C, P = x.shape
    F, pieces = y.shape[1], (P + PIECE - 1) // PIECE
    for piece in prange(N * F * pieces):
        n, c, begin = piece // pieces // F, piece // pieces % F, piece % pieces * PIECE
        end = min(begin + PIECE, P)
        values, places = np.empty((2, end - begin), x.dtype), np.empty((2, end - begin), np.int32)
        k = -1  # values[k] is the best of the maps so far
        for d in members[first[c] : first[c + 1]]:
            k = next_row(x[n, d, begin:end], d * P + begin, values, places, k)
        y[n, c, begin:end], where[n, c, begin:end] = values[k], places[k]


@max_pool_maps_forward_rows.cpu
def max_pool_maps_forward_rows_cpu(x, first, members, K, L, sh, sw, ph, pw, y, where):
    N, C, H, W = x.shape
    F, OH = y.shape[1:3]
    strips = (OH + STRIP - 1) // STRIP
    for strip in prange(N * F * strips):
        n, c, top = strip // strips // F, strip // strips % F, strip % strips * STRIP
        values, places = np.empty((2, W), x.dtype), np.empty((2, W), np.int32)
        for i in range(top, min(top + STRIP, OH)):
            k = -1  # values[k] is the best of the rows so far
            for d in members[first[c] : first[c + 1]]:
                for p in range(max(i * sh - ph, 0), min(i * sh - ph + K, H)):
                    k = next_row(x[n, d, p], (d * H + p) * W, values, places, k)
            compete_columns(values[k], places[k], L, sw, pw, 1, y[n, c, i], where[n, c, i])


@max_pool_maps_backward.fast()
def max_pool_maps_backward_fast(gy, where, first, results, K, L, sh, sw, ph, pw, gx):
    """By the winners where no map belongs to two results."""
    if (np.diff(first) <= 1).all():
        return max_pool_maps_backward_winners(gy, where, first, results, gx)
    max_pool_maps_backward_rows(gy, where, first, results, K, L, sh, sw, ph, pw, gx)


@max_pool_maps_backward_winners.cpu
def max_pool_maps_backward_winners_cpu(gy, where, first, results, gx):
    N, C, F = *gx.shape[:2], gy.shape[1]
    for result in prange(N * F):
        n, c = result // F, result % F
        g, winner, out = gy[n, c].ravel(), where[n, c].ravel(), gx[n].ravel()
        for d in range(C):
            of_nobody = first[d] == first[d + 1] and d % F == c
            if of_nobody or (first[d] < first[d + 1] and results[first[d]] == c):
                gx[n, d] = 0
        for j in range(len(g)):
            if 0 <= winner[j] < out.size:
                out[winner[j]] += g[j]


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
