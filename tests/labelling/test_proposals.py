"""Object proposals: each stage against what can be worked out by hand, or literally."""

import itertools
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from minicnn.datasets.dataset import Picture
from minicnn.datasets.instances import instance
from minicnn.inference.regions import propose, score_regions
from minicnn.labelling.contours import gradients, normals, thinned
from minicnn.labelling.methods import GroupingError, Labelling
from minicnn.labelling.proposals import pareto
from minicnn.labelling.proposals.candidates import (
    candidates,
    features,
    first_ones,
    lists,
    without_holes,
)
from minicnn.labelling.proposals.forest import Forest
from minicnn.labelling.proposals.hierarchies import cut_into, hierarchies
from minicnn.labelling.proposals.overlaps import (
    best_at,
    common,
    mask_overlaps,
    overlaps,
)
from minicnn.labelling.proposals.proposer import Proposer, edge_strengths
from minicnn.labelling.proposals.ranking import among, diverse, without_duplicates
from minicnn.labelling.proposals.tuples import (
    appearance,
    connected,
    inside,
    relations,
)

LENGTHS = [40] * 16
# not imported here: higra imports pyplot, and other tests look whether somebody did
pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("higra", "sklearn"))), reason="the extra [regions] is not installed"
)


def squares():
    """(image, masks): on grey a dark and a bright square side by side, and one in the corner."""
    image = np.full((48, 64, 3), 120, np.uint8)
    masks = np.zeros((3, 48, 64), bool)
    masks[0, 12:30, 10:24] = masks[1, 12:30, 24:40] = masks[2, 36:48, 50:64] = True
    for mask, grey in zip(masks, (30, 230, 60), strict=True):
        image[mask] = grey
    noise = np.random.default_rng(0).normal(0, 6, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8), masks


@pytest.fixture(scope="module")
def found():
    """(image, masks, Hierarchies) of the squares."""
    image, masks = squares()
    return image, masks, hierarchies(edge_strengths(image, gradients))


def test_the_normal_of_a_line_and_what_is_left_of_it():
    rows, columns = np.indices((40, 40))
    for angle in (0.3, 1.2, 2.0, 2.9):
        across = np.cos(angle) * (columns - 20) + np.sin(angle) * (rows - 20)
        strength = np.exp(-((across / 3) ** 2)).astype(np.float32)
        turned = (normals(strength)[18:23, 18:23] - angle + np.pi / 2) % np.pi - np.pi / 2
        assert np.abs(turned).max() < 0.05
        lines = thinned(strength)[10:30, 10:30] > 0
        assert (np.abs(across[10:30, 10:30][lines]) < 1).all() and lines.sum() >= 18


def test_the_watershed_knows_where_edges_run():
    """A slanting crest counts in full if its direction is right, and less if it is turned."""
    import higra as hg

    rows, columns = np.indices((30, 30))
    strength = np.where(np.abs(rows - columns) < 1, 1.0, 0.0)
    graph = hg.get_4_adjacency_graph((30, 30))
    weights = hg.weight_graph(graph, strength.ravel(), hg.WeightFunction.max)
    direction = float(normals(strength)[15, 15] % np.pi)
    heights = []
    for turn in (0, np.pi / 4, np.pi / 2):
        angles = np.full(graph.num_edges(), (direction + turn) % np.pi)
        heights.append(hg.oriented_watershed(graph, weights, (30, 30), angles)[1].max())
    assert heights[0] > 0.95 and heights[0] > heights[1] > heights[2] + 0.3


def test_hierarchies_find_the_squares(found):
    _, masks, h = found
    assert len(h.trees) == 4 and h.areas.sum() == 48 * 64
    assert (h.areas == np.bincount(h.leaves.ravel())).all()
    for leaf in range(0, len(h.areas), 7):
        rows, columns = np.nonzero(h.leaves == leaf)
        box = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        assert tuple(h.boxes[leaf]) == box
    touching = {
        tuple(sorted(pair))
        for a, b in ((h.leaves[:, :-1], h.leaves[:, 1:]), (h.leaves[:-1], h.leaves[1:]))
        for pair in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
        if pair[0] != pair[1]
    }
    assert touching == {tuple(sorted(edge)) for edge in h.edges.tolist()}
    for tree in h.trees:
        assert (np.diff(tree.altitudes) >= 0).all() and (tree.parents[:-1] > np.arange(
            len(tree.parents) - 1)).all()  # fmt: skip
    five = cut_into(h, 5)
    assert 2 <= five.max() + 1 <= 5
    counts, sizes = common(h.leaves, masks), masks.sum(axis=(1, 2))
    below = inside(h.trees[0], np.arange(len(h.trees[0].parents)))
    assert overlaps(below, h.areas, counts, sizes).max(axis=0).min() > 0.8


def test_a_picture_of_one_colour_gives_itself():
    for size in ((20, 30), (1, 9), (1, 1)):
        image = np.full((*size, 3), 77, np.uint8)
        result = propose(image, 10, Proposer(gradients, LENGTHS))
        assert len(result) == 1 and result.mask(0).all() and result.mask(0).shape == size


@pytest.mark.parametrize("size", [2, 3, 4])
def test_tuples_against_all_combinations(size):
    rng = np.random.default_rng(size)
    relation = rng.choice([0, 1, 2], (9, 9), p=[0.2, 0.3, 0.5])
    relation = np.triu(relation, 1) + np.triu(relation, 1).T
    good = []
    for members in itertools.combinations(range(9), size):
        pairs = list(itertools.combinations(members, 2))
        reached, last = {members[0]}, set()
        while reached != last:
            last = set(reached)
            reached |= {b for a in last for b in members if relation[a, b] == 2}
        if reached == set(members) and all(relation[p] > 0 for p in pairs):
            good.append(members)
    got = [tuple(k for k in row if k >= 0) for row in connected(relation, size, 1000).tolist()]
    assert sorted(got) == sorted(good) and len(good) > 5
    latest = [max(members) for members in got]
    assert latest == sorted(latest)
    assert connected(relation, size, 3).tolist() == connected(relation, size, 1000)[:3].tolist()


def test_relations_of_regions(found):
    _, _, h = found
    tree = h.trees[0]
    order, start, end = appearance(tree)
    assert order[0] == len(tree.parents) - 1 and (np.diff(end[order]) <= 0).all()
    assert (end >= start).all()
    nodes = order[1:30]
    below = inside(tree, nodes)
    relation = relations(below, tree, nodes, h.edges)
    touching = np.zeros((len(h.areas),) * 2, bool)
    touching[tuple(h.edges.T)] = touching[tuple(h.edges.T[::-1])] = True
    for i, j in itertools.combinations(range(len(nodes)), 2):
        common_leaf = (below[i] & below[j]).any()
        siblings = tree.parents[nodes[i]] == tree.parents[nodes[j]]
        beside = touching[np.ix_(below[i], below[j])].any()
        expected = 0 if common_leaf or siblings else 2 if beside else 1
        assert relation[i, j] == relation[j, i] == expected


def test_candidates_and_their_features(found):
    _, masks, h = found
    result = candidates(h, LENGTHS)
    assert result.features.shape == (len(result.regions), 16)
    assert len(np.unique(result.regions, axis=0)) == len(result.regions)
    parts = lists(h, LENGTHS)
    assert len(parts) == 16 and all(len(regions) <= 40 for regions, _ in parts)
    k = len(result.regions) // 2
    mask = result.regions[k][h.leaves]
    sides = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
    rows, columns = np.nonzero(mask)
    row = features(h, result.regions[k : k + 1], np.zeros((1, 3)))[0]
    unit = np.sqrt(mask.size)
    assert row[3] == pytest.approx(mask.mean()) and row[4] == pytest.approx(sides / unit)
    assert row[6] == pytest.approx(row[5] / max(row[4], 1e-6), rel=1e-5)
    assert row[7] == pytest.approx(row[4] ** 2 / row[3], rel=1e-5)
    box = [rows.min() / 48, columns.min() / 64, (rows.max() + 1) / 48, (columns.max() + 1) / 64]
    assert row[9:13] == pytest.approx(box)
    assert row[14] == pytest.approx(mask.sum() / (np.ptp(rows) + 1) / (np.ptp(columns) + 1))
    best = overlaps(result.regions, h.areas, common(h.leaves, masks), masks.sum(axis=(1, 2)))
    assert best.max(axis=0).min() > 0.85


def test_holes_are_filled():
    """Leaf 0 lies on the rim, 1 around 2, 3 around 4 and open to 0 by 5."""
    edges = np.array([[0, 1], [1, 2], [0, 3], [3, 4], [4, 5], [0, 5]])
    h = SimpleNamespace(edges=edges, areas=np.ones(6, int), rims=np.array([9, 0, 0, 0, 0, 0]))
    regions = np.zeros((3, 6), bool)
    regions[0, 1] = regions[1, 3] = regions[2, [3, 5]] = True
    expected = regions.copy()
    expected[0, 2] = expected[2, 4] = True
    assert (without_holes(h, regions) == expected).all()
    assert first_ones(np.array([[1, 0], [0, 1], [1, 0]], bool)).tolist() == [0, 1]


def test_overlaps_and_what_is_best():
    a = np.zeros((2, 4, 4), bool)
    a[0, :2], a[1, :, :2] = True, True
    assert mask_overlaps(a, a) == pytest.approx(np.array([[1, 1 / 3], [1 / 3, 1]]))
    j = np.array([[0.2, 0.9], [0.6, 0.1], [0.4, 0.95]], np.float32)
    assert best_at(j, [1, 2, 9]) == pytest.approx(np.array([[0.2, 0.9], [0.6, 0.9], [0.6, 0.95]]))
    regions = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1]], bool)
    both = among(regions, np.array([2, 3, 5]))
    assert both == pytest.approx(np.array([[1, 2 / 5, 3 / 10], [2 / 5, 1, 0], [3 / 10, 0, 1]]))
    assert without_duplicates(both, same=0.4).tolist() == [0, 2]
    # 0.7 score - 0.3 J: after the first, the second loses 0.12 and the third 0.09
    assert diverse([0.9, 0.8, 0.79], both, 3).tolist() == [0, 2, 1]
    assert diverse([0.9, 0.8, 0.79], both, 2, theta=1).tolist() == [0, 1]


def test_pareto_against_all_combinations():
    """Few lists and levels, where all can be tried: the front loses next to nothing."""
    rng = np.random.default_rng(0)
    levels = (0, 1, 2, 4)
    fronts = []
    for _ in range(4):
        best = np.maximum.accumulate(rng.random((4, 30)).astype(np.float32) ** 2, axis=0)
        best[0] = 0
        fronts.append(pareto.Front(np.array(levels, float), best, np.array(levels)[:, None]))
    front = pareto.combined(fronts, group=2, points=50)
    assert (np.diff(front.counts) > 0).all() and (np.diff(front.quality) > 0).all()
    for most in (3, 6, 10):
        tried = [
            np.max([f.best[k] for f, k in zip(fronts, ks, strict=True)], axis=0).mean()
            for ks in itertools.product(range(4), repeat=4)
            if sum(levels[k] for k in ks) <= most
        ]
        lengths = pareto.choose(front, most)
        chosen = [f.best[levels.index(n)] for f, n in zip(fronts, lengths, strict=True)]
        assert sum(lengths) <= most and np.max(chosen, axis=0).mean() > max(tried) - 0.01


def test_the_forest_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = np.sin(x[:, 0]) + (x[:, 1] > 0.3) * x[:, 2]
    from sklearn.ensemble import RandomForestRegressor

    grown = RandomForestRegressor(7, max_leaf_nodes=40, random_state=1).fit(x, y)
    forest = Forest.of_sklearn(grown)
    fresh = rng.normal(size=(300, 5)).astype(np.float32)
    thresholds = np.concatenate([e.tree_.threshold for e in grown.estimators_])
    fresh[: len(thresholds[:100]), 0] = thresholds[:100].astype(np.float32)  # on the border
    assert forest.predict(fresh) == pytest.approx(grown.predict(fresh), abs=1e-6)
    again = Forest.of_arrays({k: a.copy() for k, a in forest.arrays().items()}, 5)
    assert (again.predict(fresh) == forest.predict(fresh)).all()
    for name, place, value in (("feature", 0, 9), ("right", 0, 0), ("roots", 0, 1e6),
                               ("right", 0, 2000), ("value", 3, np.nan)):  # fmt: skip
        wrong = {k: a.copy() for k, a in forest.arrays().items()}
        wrong[f"forest.{name}"][place] = value
        with pytest.raises(ValueError, match="no forest"):
            Forest.of_arrays(wrong, 5)


def test_a_proposer_finds_the_squares(found):
    image, masks, _ = found
    proposer = Proposer(gradients, LENGTHS)
    result = proposer(image, 60)
    assert 10 < len(result) <= 60
    j = mask_overlaps(np.stack([result.mask(k) for k in range(len(result))]), masks)
    assert j.max(axis=0).min() > 0.8
    picture = Picture("a", image, np.zeros((48, 64), np.uint8))
    picture = picture.with_objects([instance(k, mask) for k, mask in enumerate(masks, 1)], None)
    scores = score_regions(proposer, [picture], (10, 60))
    assert scores.j_i[1] == pytest.approx(j.max(axis=0).mean(), abs=1e-6)
    assert scores.recall[1] == 1 and scores.pictures == 1
    assert scores.of(2).j_i[1] == pytest.approx(j.max(axis=0)[1], abs=1e-6)
    assert scores.of(2).line("circle").split()[:1] == ["circle"]
    large = np.repeat(np.repeat(image, 10, axis=0), 10, axis=1)  # 640 pixels: worked on at 400
    mask = proposer(large, 5).mask(0)
    assert mask.shape == (480, 640)
    with pytest.raises(IndexError, match="no.* with the number 60"):
        result.mask(60)
    with pytest.raises(ValueError, match="from 1 on"):
        propose(image, 0, proposer)
    for wrong in (None, "x", 2.5):
        with pytest.raises(ValueError, match=f"count={wrong!r}: expected a whole number"):
            propose(image, wrong, proposer)


def test_what_is_missing_is_said(found, monkeypatch):
    image, *_ = found
    with pytest.raises(GroupingError, match="labelling=proposals has no edges yet"):
        Labelling("proposals").regions(image)
    monkeypatch.setitem(sys.modules, "higra", None)
    with pytest.raises(GroupingError, match="higra, which is not installed: pip install"):
        Proposer(gradients, LENGTHS)(image)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(GroupingError, match="scikit-learn, which is not installed: pip install"):
        Forest.fit(np.zeros((9, 2)), np.zeros(9))
