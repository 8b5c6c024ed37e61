"""max_pool2d by rows, and its gradient from the winners' side.

Forward: first each column of a window for itself, then its columns against each other: K + L
comparisons instead of K L, and the first K along whole rows of the picture, where neighbours in
memory compete at the same time (vector instructions).

Backward: each window adds its gy to its winner, which is known, where the loops to read ask K L
windows for each pixel. Two threads must not do that in one plane: they could add to the same pixel
at the same time. So all windows of a plane are one thread's.

Most networks pool 2x2 pixels side by side: there a window is decided at once, in `compete_four`.
Overlapping windows in a small map: its lines are too short for the above. There all windows that
lie in the map compete, those between two results too, in loops over the map as one long line, and
then the results are picked out (`compete_everywhere`).

Who wins a tie is decided in the four functions `compete_...`, as ops/max_pool2d.py says it.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.max_pool2d import max_pool2d_backward, max_pool2d_forward

max_pool2d_forward_rows = Kernel("max_pool2d_forward_rows")
max_pool2d_forward_small = Kernel("max_pool2d_forward_small")
max_pool2d_backward_winners = Kernel("max_pool2d_backward_winners")
max_pool2d_backward.fast()(max_pool2d_backward_winners)
STRIP = 16  # rows of results that a thread does together
SMALL = 4096  # pixels of a map whose windows compete everywhere


@helper
def compete_rows(source, begin, old, old_places, new, new_places):
    """new[q] = the larger one of old[q] and source[q], whose place is begin + q. Written to where
    they were read from, they would become masked stores, which some processors do one by one."""
    for q in range(len(new)):
        value, best, place = source[q], old[q], old_places[q]
        wins = (value > best) | (value != value)
        new_places[q] = np.int32(begin + q) if wins else place
        new[q] = value if wins else best


@helper
def next_row(source, begin, values, places, k):
    """One more row against the best of those before, values[k]; k < 0: there are none, so it is
    the best, whatever it holds. Returns which of the two values are the best now."""
    if k >= 0:
        compete_rows(source, begin, values[k], places[k], values[1 - k], places[1 - k])
        return 1 - k
    for q in range(len(source)):
        values[0, q], places[0, q] = source[q], np.int32(begin + q)
    return 0


@helper
def compete_column(values, places, step, best, winner):
    """Each best[j] against values[step j]; with the values travel their places. These are written
    first: the other way round best would be written by masked stores."""
    for j in range(len(best)):
        value, place, b, w = values[step * j], places[step * j], best[j], winner[j]
        equal_but_before = (value == b) & (place < w)
        nan = (value != value) & ((b == b) | (place > w))
        wins = (value > b) | equal_but_before | nan | (w < 0)
        winner[j] = place if wins else w
        best[j] = value if wins else b


@helper
def compete_columns(values, places, L, sw, pw, dw, best, winner):
    """best[j], and its place, from the L columns of each window."""
    best[:], winner[:] = -np.inf, -1
    for v in range(L):
        q = v * dw - pw
        first, end = max(-(q // sw), 0), min((len(values) - 1 - q) // sw + 1, len(best))
        if first >= end:  # column v lies in the picture for none of the windows
            continue
        q += first * sw
        if sw == 1:  # the same, but for a stride that the compiler knows it does eight at once
            compete_column(values[q:], places[q:], 1, best[first:end], winner[first:end])
        elif sw == 2:
            compete_column(values[q:], places[q:], 2, best[first:end], winner[first:end])
        else:
            compete_column(values[q:], places[q:], sw, best[first:end], winner[first:end])


@helper
def compete_four(upper, lower, first, width, best, winner):
    """best[j], and its place, of the pixels 2 j and 2 j + 1 of two rows, of which the first begins
    at place `first`."""
    for j in range(len(best)):
        a, b, c, d = upper[2 * j], upper[2 * j + 1], lower[2 * j], lower[2 * j + 1]
        b_wins = (b > a) | (b != b)
        value, place = (b, np.int32(1)) if b_wins else (a, np.int32(0))
        c_wins = (c > value) | (c != c)
        value, place = (c, np.int32(width)) if c_wins else (value, place)
        d_wins = (d > value) | (d != d)
        best[j] = d if d_wins else value
        place = np.int32(width + 1) if d_wins else place
        winner[j] = np.int32(first + 2 * j) + place


@helper
def compete_lower(values, places, old, old_places, new, new_places):
    """new[q] = the larger one of old[q], which stands in a row above, and values[q]."""
    for q in range(len(new)):
        value, place, best, before = values[q], places[q], old[q], old_places[q]
        wins = (value > best) | (value != value)
        new_places[q] = place if wins else before
        new[q] = value if wins else best


@helper
def compete_everywhere(line, W, K, L, sh, sw, dh, dw, best, winner):
    """best (M, OH, OW), and their places in their maps, of M maps as one line: first the columns of
    a window in each row, then its rows."""
    values, places = np.empty((3, len(line)), line.dtype), np.empty((3, len(line)), np.int32)
    k, length = next_row(line, 0, values, places, -1), len(line) - (L - 1) * dw
    for v in range(1, L):
        old, new = (values[k], places[k]), (values[1 - k, :length], places[1 - k, :length])
        compete_rows(line[v * dw :], v * dw, *old, *new)
        k = 1 - k
    # the best of all columns, k, is read once more for each row; two others take turns
    now, length = k, length - (K - 1) * dh * W
    for u in range(1, K):
        p, turn = u * dh * W, 2 if u % 2 else 1 - k
        new = values[turn, :length], places[turn, :length]
        compete_lower(values[k, p:], places[k, p:], values[now], places[now], *new)
        now = turn
    size, chosen, of = len(line) // len(best), values[now], places[now]
    for m in range(len(best)):
        for i in range(best.shape[1]):
            first = np.uint64(m * size + i * sh * W)
            for j in range(best.shape[2]):
                best[m, i, j] = chosen[first + np.uint64(j * sw)]
                winner[m, i, j] = of[first + np.uint64(j * sw)] - np.int32(m * size)


@max_pool2d_forward_rows.cpu
def max_pool2d_forward_rows_cpu(x, K, L, sh, sw, ph, pw, dh, dw, y, where):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    fours = K == L == sh == sw == 2 and ph == pw == 0 and dh == dw == 1
    fours = fours and 2 * OH <= H and 2 * OW <= W
    strips = (OH + STRIP - 1) // STRIP
    for strip in prange(N * C * strips):
        n, c, top = strip // strips // C, strip // strips % C, strip % strips * STRIP
        values, places = np.empty((2, W), x.dtype), np.empty((2, W), np.int32)
        for i in range(top, min(top + STRIP, OH)):
            if fours:
                rows = x[n, c, 2 * i], x[n, c, 2 * i + 1]
                compete_four(*rows, 2 * i * W, W, y[n, c, i], where[n, c, i])
                continue
            k = -1  # values[k] is the best of the rows so far
            for u in range(K):
                p = i * sh + u * dh - ph
                if 0 <= p < H:
                    k = next_row(x[n, c, p], p * W, values, places, k)
            if k < 0:  # no row of these windows lies in the picture
                k, values[0], places[0] = 0, -np.inf, -1
            compete_columns(values[k], places[k], L, sw, pw, dw, y[n, c, i], where[n, c, i])


@max_pool2d_forward_small.cpu
def max_pool2d_forward_small_cpu(x, K, L, sh, sw, dh, dw, y, where):
    N, C, H, W = x.shape
    together = max(1, SMALL // 2 // (H * W))  # maps, so that a line is soon read again
    lines, size = x.ravel(), H * W
    best, winner = y.reshape(N * C, *y.shape[2:]), where.reshape(N * C, *y.shape[2:])
    for part in prange((N * C + together - 1) // together):
        first, end = part * together, min(N * C, part * together + together)
        line = lines[first * size : end * size]
        compete_everywhere(line, W, K, L, sh, sw, dh, dw, best[first:end], winner[first:end])


@max_pool2d_forward.fast()
def forward(x, K, L, sh, sw, ph, pw, dh, dw, y, where):
    (H, W), (OH, OW) = x.shape[2:], y.shape[2:]
    inside = ph == pw == 0 and (OH - 1) * sh + (K - 1) * dh < H and (OW - 1) * sw + (L - 1) * dw < W
    overlap = K > sh or L > sw
    # where strides are larger, too many of the windows in between are nobody's
    if inside and overlap and H * W <= SMALL and sh * sw <= 4:
        max_pool2d_forward_small(x, K, L, sh, sw, dh, dw, y, where)
    else:
        max_pool2d_forward_rows(x, K, L, sh, sw, ph, pw, dh, dw, y, where)


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
