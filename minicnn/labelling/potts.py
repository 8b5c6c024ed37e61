r"""A conditional random field on pixels: a label costs what its classifier says, a border is cheap
where the colours change.

    E(l) = sum_i -log P_i(l_i)  +  gamma sum over pairs (i, j) of 8-neighbours of
           [l_i != l_j] exp(-|I_i - I_j|^2 / 2 mu) / dist(i, j)

mu is the mean of |I_i - I_j|^2 over all pairs of pixels beside or above each other in this picture,
so «much» means much for this picture; dist is 1, or the square root of 2 for diagonals, which makes
a border cost about its length in every direction.

Least energy: alpha-expansion. Each of its moves is a minimum cut between all pixels, a third of a
second for a small photograph, so labels that hardly occur are left out beforehand.

Source: Boykov, Jolly 2001; as part of a labelling of photographs Shotton et al. 2006; the form is
that of S. Gould's DARWIN library. Its lambda is called gamma here.
"""

import numpy as np

from minicnn.labelling.alpha_expansion import alpha_expansion

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down, right: each pair of neighbours once
SMALLEST = 1e-6  # a probability below costs no more


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
    flat = probabilities.reshape(len(probabilities), -1)
    kept = np.flatnonzero(flat.max(axis=1) >= min(least, flat.max()))
    unary = -np.log(np.maximum(flat[kept].T, SMALLEST).astype(np.float64))
    edges, weights = contrast_edges(image)
    found = alpha_expansion(unary, edges, gamma * weights)
    return kept[found].reshape(image.shape[:2])
