r"""Alpha-expansion: labels that suit each node and, where they can, their neighbours too.

    E(l) = sum_i unary[i, l_i]  +  sum over edges (i, j) of w_ij [l_i != l_j],    w_ij >= 0

With more than two labels no quick way to the least energy is known. But for one label alpha the
best of all 2^N ways of «each node keeps its label or takes alpha» is a minimum cut. So: one such
move for each label in turn, until none makes the energy smaller. What is found cannot be improved
by any single move, and its energy is at most twice the least.

A move as a cut. x_i = 0: node i keeps l_i and lies on the side of the source; x_i = 1: it takes
alpha, on the side of the sink. Of an edge, the four cases cost

    A = w [l_i != l_j]    (both keep)          B = w [l_i != alpha]    (only j takes alpha)
    C = w [l_j != alpha]  (only i takes it)    D = 0                   (both take it)

    A (1-x_i)(1-x_j) + B (1-x_i) x_j + C x_i (1-x_j) + D x_i x_j
        =  A + (C - A) x_i + (D - C) x_j + (B + C - A - D) (1 - x_i) x_j

The last term is an arc i -> j, which is cut when i keeps and j takes alpha; its capacity is not
negative because [l_i != l_j] <= [l_i != alpha] + [alpha != l_j]. What stands before a single x_i
goes together with unary[i, alpha] - unary[i, l_i]: if positive, it is an arc source -> i, cut when
i takes alpha; if negative, an arc i -> sink of the opposite capacity, cut when i keeps.

The cut itself is scipy's `maximum_flow`, which wants whole numbers of 32 bits: energies are
multiplied by a power of two, so that all capacities of a move add up to at most 2^30, and rounded.
Whole numbers that fit stay exact.

Source: Boykov, Veksler, Zabih 2001; the cut after Kolmogorov, Zabih 2004.
"""

import math

import numpy as np

BITS = 30  # of the sum of all capacities: scipy counts in 32 bits, and rounding may add a little


def energy(unary, edges, weights, labels):
    """E(labels): a number.

    unary    (N, K): what label k costs node i
    edges    int (E, 2): pairs of nodes; weights (E,): what it costs that their labels differ
    labels   int (N,)
    """
    differ = labels[edges[:, 0]] != labels[edges[:, 1]]
    return unary[np.arange(len(labels)), labels].sum() + weights[differ].sum()


def expansion_move(unary, edges, weights, labels, alpha):
    """int64 (N,): the labels of least energy among all that keep each node's label or make it
    alpha. `unary` and `weights` as `as_whole_numbers` gives them."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count = len(labels)
    source, sink = count, count + 1
    i, j = edges.T
    a = weights * (labels[i] != labels[j])
    b = weights * (labels[i] != alpha)
    c = weights * (labels[j] != alpha)
    takes = unary[:, alpha] - unary[np.arange(count), labels]  # what stands before each x_i
    np.add.at(takes, i, c - a)
    np.add.at(takes, j, -c)
    gains, loses = np.flatnonzero(takes < 0), np.flatnonzero(takes > 0)
    tails = np.concatenate([i, gains, np.full(len(loses), source)])
    heads = np.concatenate([j, np.full(len(gains), sink), loses])
    capacities = np.concatenate([b + c - a, -takes[gains], takes[loses]])
    arcs = capacities.astype(np.int32), (tails.astype(np.int32), heads.astype(np.int32))
    graph = csr_array(arcs, shape=(count + 2, count + 2))
    residual = csr_array(graph - maximum_flow(graph, source, sink).flow)
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, source, return_predecessors=False)
    keeps = np.isin(np.arange(count), reached)  # on the side of the source
    return np.where(keeps, labels, alpha)


def alpha_expansion(unary, edges, weights, labels=None, trace=None, rounds=math.inf):
    """int64 (N,): labels whose energy no expansion move makes smaller.

    unary, edges, weights   as `energy` takes them, weights at least 0
    labels   to start from; by default the cheapest of each node
    trace    a list that gets (alpha, energy) of every move that was made; the energies leave out
             what each node's cheapest label costs
    rounds   at most so many, each with a move for every label; by default until nothing is gained

    Raises ValueError for a negative weight and for energies that are not finite.
    """
    unary, weights = np.asarray(unary, np.float64), np.asarray(weights, np.float64)
    edges = np.asarray(edges, np.int64).reshape(-1, 2)
    if weights.size and weights.min() < 0:
        raise ValueError("alpha_expansion: a weight is negative, so a move is no minimum cut")
    whole, whole_weights = as_whole_numbers(unary, weights)
    labels = unary.argmin(axis=1) if labels is None else np.asarray(labels, np.int64)
    # Moves are found among whole numbers, and judged by the energy as it is: where borders are dear
    # beside what nodes cost, the latter may round to nothing.
    above = unary - unary.min(axis=1, keepdims=True)
    least = energy(above, edges, weights, labels)
    unchanged, moves, count = 0, 0, whole.shape[1]
    while unchanged < count and moves < rounds * count:  # unchanged: a full round without a gain
        alpha, moves = moves % count, moves + 1
        moved = expansion_move(whole, edges, whole_weights, labels, alpha)
        found = energy(above, edges, weights, moved)
        unchanged += 1
        if found < least:
            labels, least, unchanged = moved, found, 1  # the same move again would gain nothing
            if trace is not None:
                trace.append((alpha, found))
    return labels


def as_whole_numbers(unary, weights):
    """(unary, weights): int64, multiplied by a power of two and rounded, so that all capacities of
    a move together stay at about 2^BITS. Each node's cheapest label costs 0, which changes no
    choice."""
    if not (np.isfinite(unary).all() and np.isfinite(weights).all()):
        raise ValueError("alpha_expansion: an energy is infinite or not a number")
    unary = unary - unary.min(axis=1, keepdims=True)
    total = unary.max(axis=1).sum() + 4 * weights.sum()  # an edge adds at most 4 w to the arcs
    factor = 2.0 ** (BITS - np.ceil(np.log2(total))) if total > 0 else 1.0
    return tuple(np.rint(v * factor).astype(np.int64) for v in (unary, weights))
