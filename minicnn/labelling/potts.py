r"""A conditional random field on pixels: a label costs what its classifier says, a border is cheap
where the colours change.

    E(l) = sum_i -log P_i(l_i)  +  gamma sum over pairs (i, j) of 8-neighbours of
           [l_i != l_j] exp(-|I_i - I_j|^2 / 2 mu) / dist(i, j)

mu is the mean of |I_i - I_j|^2 over all pairs of pixels beside or above each other in this picture,
so «much» means much for this picture; dist is 1, or the square root of 2 for diagonals, which makes
a border cost about its length in every direction.

Least energy: alpha-expansion. Each of its moves is a minimum cut, and one between all pixels of a
small photograph takes a third of a second, or three where borders are dear. So blocks of 4x4 pixels
with one label each come first (the same energy, of fewer nodes), then blocks of 2x2, and last, for
one round of moves, pixels. Labels that hardly occur are left out beforehand, and for pixels those
that no block has got, unless single pixels have much to gain by them. That takes a fourth of the
time of moves of all labels between pixels, and ends at about their energy.

Source: Boykov, Jolly 2001; as part of a labelling of photographs Shotton et al. 2006; the form is
that of S. Gould's DARWIN library. Its lambda is called gamma here.
"""

import math

import numpy as np

from minicnn.labelling.alpha_expansion import alpha_expansion, energy

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down, right: each pair of neighbours once
BLOCKS = (4, 2, 1)  # sides, in pixels
SMALLEST = 1e-6  # a probability below costs no more
WORTH = 1e-3  # of the energy: what single pixels have to gain by a label that no block has got


def contrast_edges(image):
    """(edges int64 (E, 2), weights float64 (E,)) of the pairs of neighbouring pixels, numbered row
    by row, with gamma = 1. image: uint8 (H, W, 3)."""
    height, width = image.shape[:2]
    planes, number = image.astype(np.float64), np.arange(height * width).reshape(height, width)
    edges, steps, lengths = [], [], []
    for down, right in STEPS:
        rows, other_rows = slice(0, height - down), slice(down, height)
        left, shifted = slice(max(0, -right), width - max(0, right)), slice(max(0, right), width)
        if right < 0:
            shifted = slice(0, width + right)
        a, b = (rows, left), (other_rows, shifted)
        edges.append(np.stack([number[a].ravel(), number[b].ravel()], axis=1))
        steps.append(((planes[a] - planes[b]) ** 2).sum(axis=2).ravel())
        lengths.append(np.full(len(edges[-1]), np.hypot(down, right)))
    straight = np.concatenate(steps[:2])
    mu = straight.mean() if straight.size and straight.any() else 1.0  # one colour all over
    weights = np.exp(-np.concatenate(steps) / (2 * mu)) / np.concatenate(lengths)
    return np.concatenate(edges), weights


def potts(image, probabilities, gamma=4.0, least=0.01):
    """int64 (H, W): the labels.

    image          uint8 (H, W, 3); probabilities  (K, H, W)
    gamma          the price of a border where nothing is to be seen
    least          labels whose probability is below that at every pixel are left out
    """
    size = image.shape[:2]
    flat = probabilities.reshape(len(probabilities), -1)
    kept = np.flatnonzero(flat.max(axis=1) >= min(least, flat.max()))
    unary = -np.log(np.maximum(flat[kept].T, SMALLEST).astype(np.float64))
    edges, weights = contrast_edges(image)
    labels, weights = None, gamma * weights
    for side in BLOCKS:
        block = blocks(size, side)
        costs, pairs, prices = joined(unary, edges, weights, block)
        begun, found = costs.argmin(axis=1), np.arange(len(kept))
        if labels is not None:
            begun = labels[np.unique(block, return_index=True)[1]]
        if side == 1:
            found = wanted(costs, pairs, prices, begun)
        begun, rounds = np.searchsorted(found, begun), 1 if side == 1 else math.inf
        named = alpha_expansion(costs[:, found], pairs, prices, begun, rounds=rounds)
        labels = found[named][block]
    return kept[labels].reshape(size)


def wanted(unary, edges, weights, labels):
    """The labels that a node has got, and those by which all nodes that would take them, if no
    other one changed, gain at least WORTH of the energy together."""
    new = weights * (labels[edges[:, 0]] == labels[edges[:, 1]])  # borders with a label of no other
    price = sum(np.bincount(ends, new, len(labels)) for ends in edges.T)
    gained = unary[np.arange(len(labels)), labels, None] - unary - price[:, None]
    gained = gained.clip(min=0).sum(axis=0)
    least = WORTH * energy(unary, edges, weights, labels)
    return np.union1d(labels, np.flatnonzero((gained > 0) & (gained >= least)))


def blocks(size, side):
    """int64 (H W,): the number of the block of side x side pixels in which each pixel lies."""
    row, column = (np.arange(n) // side for n in size)
    return (row[:, None] * (column[-1] + 1) + column).ravel()


def joined(unary, edges, weights, block):
    """(unary, edges, weights) of an energy of blocks, whose pixels have one label."""
    count = block.max() + 1
    sums = np.stack([np.bincount(block, costs, count) for costs in unary.T], axis=1)
    pairs = np.sort(block[edges], axis=1)
    pairs, weights = (a[pairs[:, 0] != pairs[:, 1]] for a in (pairs, weights))
    numbers, place = np.unique(pairs @ (count, 1), return_inverse=True)
    edges = np.stack([numbers // count, numbers % count], axis=1)
    return sums, edges, np.bincount(place, weights, len(numbers))
