"""A maximum matching of the pixels of two drawings: pairs that are near, none with a pixel twice.

    partner = match_boundaries(drawn, truth, reach)  for each of `drawn` the pixel of `truth`, or -1

First everybody takes the nearest free pixel within reach. Whoever got none asks one who has taken a
pixel within reach to move to another one, and so on: along a path that begins and ends at a free
pixel, taken and free ones change places, and there is one pair more (Berge 1957: as long as the
matching is not the largest, there is such a path). The path is looked for breadth first. What a
search without success has seen leads nowhere, later neither, so it is not looked at again.
"""

import numpy as np

from minicnn.engine.kernel import Kernel

match_pixels = Kernel(
    "match_pixels",
    "int64 y[N], int64 x[N], int64 shifts[S, 2], int64 number[rows, columns], int64 partner[N], "
    "int64 owner[M], int64 came[M], int64 seen[M], int64 queue[N]; highest(number) < M; "
    "highest(y) < rows; highest(x) < columns",
)


@match_pixels.cpu
def match_pixels_cpu(y, x, shifts, number, partner, owner, came, seen, queue):
    """Fills partner (N,) and its inverse, owner (M,), both -1 at first. The pixels y, x lie so far
    inside of `number` (the number of a pixel of the other drawing, or -1) that no shift leads out
    of it. came (M,), seen (M,), queue (N,): room to work in."""
    for s in range(shifts.shape[0]):  # the nearest first
        for i in range(y.size):
            if partner[i] < 0:
                t = number[y[i] + shifts[s, 0], x[i] + shifts[s, 1]]
                if t >= 0 and owner[t] < 0:
                    partner[i] = t
                    owner[t] = i
    came[:] = -1
    for i in range(y.size):
        if partner[i] >= 0:
            continue
        queue[0] = i
        head, end, visited, free = 0, 1, 0, -1
        while head < end and free < 0:
            a = queue[head]
            head += 1
            for s in range(shifts.shape[0]):
                t = number[y[a] + shifts[s, 0], x[a] + shifts[s, 1]]
                if t < 0 or came[t] >= 0:
                    continue
                came[t] = a
                seen[visited] = t
                visited += 1
                if owner[t] < 0:
                    free = t
                    break
                queue[end] = owner[t]
                end += 1
        while free >= 0:  # back along the path
            a = came[free]
            before = partner[a]
            partner[a] = free
            owner[free] = a
            free = before
            if before < 0:  # it was the one that had none
                for k in range(visited):
                    came[seen[k]] = -1


def match_boundaries(drawn, truth, reach):
    """int64 (N,): for each pixel of `drawn`, row by row, the number of its pixel of `truth`,
    counted row by row, or -1. Both bool (H, W). Pixels at most `reach` apart may be a pair."""
    r = int(reach)
    y, x = np.nonzero(drawn)
    rows, columns = np.nonzero(truth)
    number = np.full((drawn.shape[0] + 2 * r, drawn.shape[1] + 2 * r), -1)
    number[rows + r, columns + r] = np.arange(len(rows))
    side = np.arange(-r, r + 1)
    shifts = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    far = (shifts**2).sum(axis=1)
    order = np.argsort(far, kind="stable")
    shifts = np.ascontiguousarray(shifts[order[far[order] <= reach**2]])
    partner, owner = np.full(len(y), -1), np.full(len(rows), -1)
    room = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), np.empty(len(y), np.int64)
    if len(y) and len(rows):
        match_pixels(y + r, x + r, shifts, number, partner, owner, *room)
    return partner
