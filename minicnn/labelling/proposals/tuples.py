"""Regions of one tree, and two, three and four of them that lie side by side.

    order, start, end = appearance(tree)      regions as they appear on the way down from the top
    relation = relations(inside, tree, order, edges)
    members = connected(relation, 3, 500)     the first 500 triplets

An object is seldom one region of a tree: the head of a cat is darker than its body. But it is
nearly always a few. Going down from the top, each split shows two new regions; the earlier a region
shows itself, the stronger the boundary that made it. So tuples are listed by the latest of their
members. A tuple must be connected, and no member may lie inside another. Two children of one region
are left out: together they are that region, which is a list of its own.

Source: Arbelaez et al. 2014, section 5.
"""

import numpy as np

from minicnn.engine.kernel import Kernel

APART, SIDE_BY_SIDE, NEVER = 1, 2, 0  # what two regions may be to each other
TOP = 220  # regions of a tree, from the top, of which tuples are made

list_tuples = Kernel("list_tuples", "int64 relation[K, K], size, int64 members[most, 4]")


@list_tuples.cpu
def list_tuples_cpu(relation, size, members):
    """Fills members (most, 4) with the places of tuples of `size` regions, 2 to 4, the latest last,
    -1 behind them and where there are no more tuples."""
    found, most, K = 0, members.shape[0], relation.shape[0]
    members[:] = -1
    for k in range(1, K):  # the latest
        for j in range(k):
            a = relation[j, k]
            if a == 0 or found == most:
                continue
            if size == 2:
                if a == 2:
                    members[found, 0], members[found, 1] = j, k
                    found += 1
                continue
            for i in range(j):
                b, c = relation[i, j], relation[i, k]
                if b == 0 or c == 0 or found == most:
                    continue
                if size == 3:
                    if (a == 2) + (b == 2) + (c == 2) >= 2:
                        members[found, 0], members[found, 1], members[found, 2] = i, j, k
                        found += 1
                    continue
                for h in range(i):
                    d, e, f = relation[h, i], relation[h, j], relation[h, k]
                    if d == 0 or e == 0 or f == 0 or found == most:
                        continue
                    touching = (a == 2) + (b == 2) + (c == 2) + (d == 2) + (e == 2) + (f == 2)
                    if touching < 3:
                        continue
                    none_alone = (
                        (d == 2 or e == 2 or f == 2)
                        and (b == 2 or c == 2 or d == 2)
                        and (a == 2 or b == 2 or e == 2)
                        and (a == 2 or c == 2 or f == 2)
                    )
                    if none_alone:  # three sides among four, and nobody without: connected
                        members[found, 0], members[found, 1] = h, i
                        members[found, 2], members[found, 3] = j, k
                        found += 1


def appearance(tree):
    """(order int64 (2L-1,): the nodes as they appear from the top; start, end float64 (2L-1,), of
    every node: the altitudes between which it is a region of its own). The root comes first, and
    ends at 1, or its own altitude."""
    start, end = tree.altitudes, tree.altitudes[tree.parents].copy()
    end[-1] = max(1.0, start[-1])
    return np.lexsort((-np.arange(len(end)), -end)), start, end


def inside(tree, nodes):
    """bool (nodes, L): which leaves lie below each of these nodes."""
    count = (len(tree.parents) + 1) // 2
    below = np.zeros((len(tree.parents), count), bool)
    below[np.arange(count), np.arange(count)] = True
    for k in range(len(tree.parents) - 1):  # children before parents
        below[tree.parents[k]] |= below[k]
    return below[nodes]


def relations(below, tree, nodes, edges):
    """int64 (K, K): for nodes with the leaves `below`, bool (K, L), NEVER, APART or SIDE_BY_SIDE.
    edges  int (E, 2): the leaves that touch."""
    wide = below.astype(np.float32)
    common = wide @ wide.T > 0
    from scipy.sparse import coo_array

    ones = np.ones(len(edges), np.float32)
    shape = (below.shape[1],) * 2
    touching = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=shape).tocsr()
    beside = (touching @ wide.T).T @ wide.T
    relation = np.where(beside + beside.T > 0, SIDE_BY_SIDE, APART)
    parents = tree.parents[nodes]
    siblings = parents[:, None] == parents
    relation[common | siblings] = NEVER
    return np.ascontiguousarray(relation, np.int64)


def connected(relation, size, most):
    """int64 (n, 4), n <= most: the first tuples of `size` regions, as places in `relation`, -1
    after the last."""
    members = np.empty((most, 4), np.int64)
    list_tuples(relation, size, members)
    return members[members[:, 0] >= 0]
