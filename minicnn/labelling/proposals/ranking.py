"""Which regions first? The best by a forest, but not the same thing twice.

    j = among(regions, areas)                  J of all with all
    kept = without_duplicates(j)
    order = diverse(scores, j, count)

Maximum marginal relevance: the next region is the one of the greatest  T score - (1 - T) J  with J
that with the nearest of those already taken: half as good and new beats good and known.

Source: Carbonell, Goldstein 1998; Arbelaez et al. 2014, with T = 0.7.
"""

import numpy as np

THETA = 0.7
SAME = 0.95  # J from which on two regions are one


def among(regions, areas):
    """float32 (N, N): J of all pairs of regions, bool (N, L), over leaves of these areas."""
    wide = regions.astype(np.float32)
    both = wide @ (wide * areas.astype(np.float32)).T
    size = both.diagonal().copy()
    return both / np.maximum(size[:, None] + size - both, 1)


def without_duplicates(j, same=SAME):
    """int64 (n,): the places of those that are not the same as an earlier one that is kept."""
    gone = np.zeros(len(j), bool)
    close = j >= same
    for k in range(len(j)):
        if not gone[k]:
            gone[k + 1 :] |= close[k, k + 1 :]
    return np.flatnonzero(~gone)


def diverse(scores, j, count, theta=THETA):
    """int64 (min(count, N),): the places of the regions in the order in which they are taken."""
    nearest, order = np.zeros(len(scores), np.float32), []
    scores = theta * np.asarray(scores, np.float32)
    left = scores.copy()
    for _ in range(min(count, len(scores))):
        k = int(left.argmax())
        order.append(k)
        scores[k] = -np.inf
        np.maximum(nearest, j[k], out=nearest)
        np.subtract(scores, (1 - theta) * nearest, out=left)
    return np.array(order, np.int64)
