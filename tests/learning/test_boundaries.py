"""Boundaries: how they are scored, and how the network of edges learns them."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from minicnn.learning.boundary_scores import (
    BoundaryScores,
    agreement,
    compare,
    f_measure,
    pair_up,
)


def drawn(*pixels, size=(12, 16)):
    found = np.zeros(size, bool)
    for pixel in pixels:
        found[pixel] = True
    return found


def test_a_chain_of_pixels_gives_way():
    """On a row, reach 1: drawn 1 3 5, true 2 4 0. The nearest-first choice has to be undone."""
    most = 1 / np.hypot(12, 16)
    a, b = drawn((4, 1), (4, 3), (4, 5)), drawn((4, 2), (4, 4), (4, 6))
    ours, theirs = pair_up(a, b, most)
    assert ours.sum() == theirs.sum() == 3
    ours, theirs = pair_up(a, drawn((4, 2), (4, 4)), most)
    assert ours.sum() == theirs.sum() == 2
    assert pair_up(a, drawn((5, 2)), most)[0].sum() == 0  # the diagonal is longer than 1
    assert pair_up(a, drawn(), most)[0].sum() == pair_up(drawn(), b, most)[1].sum() == 0


@pytest.mark.parametrize("seed", range(6))
def test_as_many_pairs_as_can_be(seed):
    """Against scipy's matching, on random pixels."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 20, 30)) < rng.uniform(0.02, 0.4)
    reach = rng.uniform(1, 3.5)
    ours, theirs = pair_up(a, b, reach / np.hypot(20, 30))
    p, q = np.argwhere(a), np.argwhere(b)
    near = ((p[:, None] - q[None]) ** 2).sum(axis=2) <= reach**2
    best = (maximum_bipartite_matching(csr_array(near), perm_type="column") >= 0).sum()
    assert ours.sum() == theirs.sum() == best
    assert not (ours & ~a).any() and not (theirs & ~b).any()


def test_counts_by_hand():
    """Two people; of three drawn pixels one is near one of the first, one near one of the
    second."""
    people = np.stack([drawn((2, 2), (8, 8)), drawn((2, 8))])
    counts = compare(drawn((2, 3), (2, 9), (10, 1)), people, 1.1 / 20)
    assert counts.tolist() == [2, 3, 2, 3]
    f, precision, recall = f_measure(counts)
    assert precision == recall == f == pytest.approx(2 / 3)
    assert f_measure([0, 3, 0, 0])[0] == 0
    assert agreement(np.stack([people[0], people[0]]), 0.01).tolist() == [4, 4, 4, 4]


def test_the_best_threshold_for_all_and_for_each():
    """Of one picture the strong lines are right, of the other also the weak ones."""
    lines = np.zeros((12, 16))
    lines[3], lines[8] = 0.9, 0.3
    scores = BoundaryScores(4)  # 0.2, 0.4, 0.6, 0.8
    scores.add(lines, (lines > 0.5)[None])
    scores.add(lines, (lines > 0.1)[None])
    assert scores.ois == 1
    assert scores.ods == pytest.approx(6 / 7) and scores.threshold == 0.2
    precision, recall = scores.curve()
    assert precision[0] == pytest.approx(3 / 4) and recall[0] == 1
