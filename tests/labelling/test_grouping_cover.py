"""Trees of segments, descriptors, the optimal cover and its classifier: by hand, by brute force."""

import itertools
import json

import numpy as np
import pytest
from support.planted import planted
from support.small_runs import Red, small_run

import minicnn
from minicnn.cli import main
from minicnn.labelling import cover as covering
from minicnn.labelling.cover import cover, entropy, label_distributions, purest_ancestors
from minicnn.labelling.cover_classifier import CoverClassifier
from minicnn.labelling.descriptors import pool_segments
from minicnn.labelling.methods import GroupingError, Labelling, dense_features, labelled, softmax
from minicnn.labelling.tree import (
    colour_distances,
    cut,
    leaf_ranges,
    merge_tree,
    minimum_spanning_tree,
    sums_of_leaves,
)
from minicnn.learning.cover_training import learn
from minicnn.learning.covers import cover_labelling, load_cover

#        6          a tree by hand: 4 = {0, 2}, 5 = {4, 3}, 6 = {5, 1}
#       / \
#      5   1
#     / \
#    4   3
#   / \
#  0   2
PARENTS = np.array([4, 6, 4, 5, 5, 6, 6])
EDGES = np.array([[0, 2], [0, 1], [2, 3], [1, 3], [0, 3]])
WEIGHTS = np.array([1.0, 7.0, 3.0, 8.0, 3.5])


def ancestors(parents, leaf):
    """The leaf, its parent, ... the root."""
    path = [leaf]
    while parents[path[-1]] != path[-1]:
        path.append(parents[path[-1]])
    return path


def random_tree(seed, leaves=9):
    """A merge tree of a random connected graph."""
    draw = np.random.default_rng(seed)
    edges = np.array(list(itertools.combinations(range(leaves), 2)))
    chosen = draw.random(len(edges)) < 0.4
    chosen |= edges[:, 1] == edges[:, 0] + 1  # connected
    return merge_tree(edges[chosen], draw.random(chosen.sum()), leaves)


# ------------------------------------------------------------------------------------------- trees
def test_merge_tree_by_hand():
    parents, heights = merge_tree(EDGES, WEIGHTS, 4)
    assert parents.tolist() == PARENTS.tolist()
    assert heights.tolist() == [0, 0, 0, 0, 1, 3, 7]
    assert minimum_spanning_tree(EDGES, WEIGHTS, 4).tolist() == [0, 2, 1]
    parents, heights = merge_tree(np.zeros((0, 2)), np.zeros(0), 1)
    assert parents.tolist() == [0] and heights.tolist() == [0]
    with pytest.raises(ValueError, match="no tree joins the 4 nodes"):
        merge_tree(EDGES[:1], WEIGHTS[:1], 4)


def test_minimum_spanning_tree_against_all_trees():
    draw = np.random.default_rng(0)
    edges = np.array(list(itertools.combinations(range(5), 2)))
    for _ in range(5):
        weights = draw.integers(1, 9, len(edges)).astype(float)  # some are equal
        sums = []
        for chosen in itertools.combinations(range(len(edges)), 4):
            try:
                merge_tree(edges[list(chosen)], weights[list(chosen)], 5)
            except ValueError:
                continue
            sums.append(weights[list(chosen)].sum())
        assert len(sums) == 5**3  # Cayley: so many trees join five nodes
        assert weights[minimum_spanning_tree(edges, weights, 5)].sum() == min(sums)


def test_leaves_of_a_node_stand_side_by_side():
    for seed in range(4):
        parents, heights = random_tree(seed)
        order, first, last = leaf_ranges(parents)
        assert sorted(order) == list(range(9))
        values = np.random.default_rng(seed).integers(0, 99, (9, 2))
        sums = sums_of_leaves(values, parents)
        for k in range(17):
            below = [leaf for leaf in range(9) if k in ancestors(parents, leaf)]
            assert sorted(order[first[k] : last[k]]) == below
            assert sums[k].tolist() == values[below].sum(axis=0).tolist()
        for height in (0, np.median(heights), 9):
            tops = [[a for a in ancestors(parents, n) if heights[a] <= height] for n in range(9)]
            assert cut(parents, heights, height).tolist() == [path[-1] for path in tops]


def test_colour_distances_are_those_of_the_means():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 1] = (0, 0, 6)
    image[:, 2:] = (4, 0, 3)
    edges, weights = colour_distances(image, np.array([[0, 0, 1, 2]] * 2))
    assert edges.tolist() == [[0, 1], [1, 2]] and weights.tolist() == [4, 0]


# ------------------------------------------------------------------------------------- descriptors
def pooled_by_definition(features, owner, below, grid):
    """The formula, literally, for the segment of the leaves `below`."""
    inside = np.isin(owner, below)
    rows, columns = np.nonzero(inside)
    out = np.zeros((grid, grid, len(features)), np.float32)
    for y, x in np.ndindex(grid, grid):
        in_cell = [
            features[:, r, c]
            for r, c in zip(rows, columns, strict=True)
            if (r - rows.min()) * grid // (np.ptp(rows) + 1) == y
            and (c - columns.min()) * grid // (np.ptp(columns) + 1) == x
        ]
        if in_cell:
            out[y, x] = np.max(in_cell, axis=0)
    return out


@pytest.mark.parametrize("grid", [1, 3])
def test_pooling_is_the_formula(grid):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(4, 7, 9)).astype(np.float32)  # negative ones too
    owner = np.kron([[0, 1, 2], [3, 3, 4], [5, 1, 6]], np.ones((3, 3), int))[:7]
    regions = np.kron(owner, np.ones((4, 4), int))[:26, :35]  # a picture that is no multiple of 4
    parents, _ = merge_tree(*colour_distances(np.zeros((26, 35, 3)), regions), 7)
    found = pool_segments(features, regions, parents, grid)
    assert found.dtype == np.float32 and found.shape == (13, grid, grid, 4)
    for k in range(13):
        below = [leaf for leaf in range(7) if k in ancestors(parents, leaf)]
        expected = pooled_by_definition(features, owner, below, grid)
        assert np.array_equal(found[k], expected)
    some = np.array([2, 9, 12])
    assert np.array_equal(pool_segments(features, regions, parents, grid, some), found[some])


def test_a_region_that_no_place_belongs_to_shares_one():
    regions = np.zeros((8, 8), int)
    regions[4, 7] = 1
    features = np.arange(4.0).reshape(1, 2, 2)
    assert pool_segments(features, regions, np.array([2, 2, 2]), 1).ravel().tolist() == [3, 3, 3]


# ----------------------------------------------------------------------------------- optimal cover
def test_entropy():
    assert entropy([[1, 0], [0.5, 0.5], [0.25, 0.75]]) == pytest.approx(
        [0, np.log(2), -0.25 * np.log(0.25) - 0.75 * np.log(0.75)]
    )


def covers_are_optimal(function):
    """Whether a function finds the cheapest ancestor of each leaf in random trees."""
    for seed in range(8):
        parents, _ = random_tree(seed)
        cost = np.random.default_rng(seed).integers(0, 6, 17) / 4  # some are equal
        best = [min(ancestors(parents, leaf), key=lambda k: cost[k]) for leaf in range(9)]
        if function(cost, parents).tolist() != best:
            return False
    return True


def test_cover_is_the_best_of_all_ancestors():
    assert covers_are_optimal(purest_ancestors)


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("above = best[parents[k]]", "above = parents[k]"),  # the released program's comparison
        ("cost[k] <= cost[above]", "cost[k] < cost[above]"),
        ("cost[k] <= cost[above]", "cost[k] >= cost[above]"),
        ("range(len(parents) - 2, -1, -1):  # p", "range(len(parents) - 1):  # p"),
    ],
)
def test_a_planted_mistake_is_found(right, wrong):
    assert not covers_are_optimal(planted(covering, right, wrong).purest_ancestors)


def test_cover_is_that_of_the_leaves_where_they_are_purer():
    parents, _ = random_tree(0)
    cost = np.where(np.arange(17) < 9, 0.3, 0.31)
    assert purest_ancestors(cost, parents).tolist() == list(range(9))


def test_label_distributions_by_hand():
    regions = np.array([[0, 0, 1, 2, 2, 3]])
    labels = np.array([[0, 1, 1, 255, 0, 255]], np.uint8)
    d, known = label_distributions(labels, regions, PARENTS, 2)
    expected = [[0.5, 0.5], [0, 1], [1, 0], [0, 0], [2 / 3, 1 / 3], [2 / 3, 1 / 3], [0.5, 0.5]]
    np.testing.assert_allclose(d, expected, rtol=1e-6)
    assert known.tolist() == [True, True, True, False, True, True, True]


class Told:
    """A classifier that says of each node what it was told."""

    grid = 1

    def __init__(self, distributions):
        self.d = np.asarray(distributions, float)

    def distributions(self, descriptors):
        assert descriptors.shape == (len(self.d), 1, 1, 1)
        return self.d


def test_cover_of_a_picture():
    """Two dark regions that merge first, and a light one; node 3 is the dark half, 4 the picture.
    The classifier is sure of the dark half, unsure of its parts, and sure, and wrong, of all."""
    image = np.zeros((4, 12, 3), np.uint8)
    image[:, 3:6], image[:, 6:] = 9, 200
    regions = np.repeat([[0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2]], 4, axis=0)
    told = Told([[0.6, 0.4, 0], [0.4, 0.6, 0], [0, 0.2, 0.8], [0.1, 0.9, 0], [0.99, 0.01, 0]])
    p, features = np.full((3, 4, 12), 1 / 3), np.zeros((1, 1, 3))
    found = cover(image, p, features, regions, told, largest=0.5, pixels=0.0)
    assert found.parents.tolist() == [3, 3, 4, 4, 4] and found.cost[4] == np.inf
    assert found.chosen.tolist() == [3, 3, 2] and found.labels.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(found.distributions, told.d)
    everything = cover(image, p, features, regions, told, largest=1.0, pixels=0.0)
    assert everything.chosen.tolist() == [4, 4, 4]
    leaves = cover(image, p, features, regions, told, largest=0.0, pixels=0.0)
    assert leaves.labels.tolist() == told.d[:3].argmax(axis=1).tolist()
    p[:] = np.array([0.2, 0.2, 0.6])[:, None, None]
    p[:, :, :3] = np.array([0.8, 0.2, 0])[:, None, None]
    half = cover(image, p, features, regions, told, pixels=0.25).distributions
    np.testing.assert_allclose(half[3], 0.75 * told.d[3] + 0.25 * np.array([0.5, 0.2, 0.3]))


# -------------------------------------------------------------------------------------- classifier
def segments(count=300, seed=0):
    """Descriptors (count, 2, 2, 3) in which the first number decides on the classes' shares."""
    x = np.random.default_rng(seed).normal(size=(count, 2, 2, 3)).astype(np.float32) * 5 + 40
    x[..., 1] = 7  # never changes
    share = 1 / (1 + np.exp(-(x[:, 0, 0, 0] - 40)))
    return x, np.stack([share, 1 - share], axis=1).astype(np.float32)


def test_classifier_learns_distributions():
    x, d = segments()
    minicnn.manual_seed(0)
    classifier = CoverClassifier(3, 2, grid=2, units=16, dropout=0.0)
    losses = learn(classifier, x.astype(np.float16), d, epochs=30, lr=0.1, weight_decay=0.0)
    assert losses.shape == (30,) and losses[-1] < losses[0] / 5
    new, expected = segments(seed=1)
    assert np.abs(classifier.distributions(new) - expected).mean() < 0.08


def test_standardisation_goes_into_the_first_layer():
    """With a rate of 0, what is left of the training is the change of scale."""
    x, d = segments()
    minicnn.manual_seed(0)
    classifier = CoverClassifier(3, 2, grid=2, units=16)
    deviation = x.std(axis=0)
    deviation[..., 1] = 1
    expected = classifier.distributions((x - x.mean(axis=0)) / deviation)
    learn(classifier, x, d, epochs=1, lr=0.0)
    np.testing.assert_allclose(classifier.distributions(x), expected, rtol=1e-4)


# ------------------------------------------------------------------------- beside a trained network
SMALL = {"segments": 6, "units": 8, "grid": 2, "scale": 10, "min_size": 5}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("cover") / "run")


def test_features_are_what_the_scores_come_from(run):
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    scores, features = run.network.predict_with_features(image)
    directly = run.network.predict(image)  # whose hidden layer does not put maps side by side
    np.testing.assert_allclose(scores, directly, atol=1e-6 * np.abs(directly).max())
    assert features.shape == (3 * 26, 8, 13) and not run.network.training
    scores, features = Red(3).predict_with_features(image)
    assert scores.shape == (3, 30, 50) and features is None


def test_train_evaluate_segment(run, capsys):
    folder = str(run.folder)
    with pytest.raises(GroupingError, match=f"minicnn train cover --start {folder}"):
        minicnn.evaluate(run, labelling="cover")
    options = [f"{key}={value}" for key, value in SMALL.items()]
    assert main(["train", "cover", "--start", folder, "--epochs", "2", "--set", *options]) == 0
    assert "12 segments" in capsys.readouterr().out
    assert (run.folder / "cover.safetensors").stat().st_size < 20_000
    assert main(["evaluate", folder, "--json", "--set", "labelling=cover", "pixels=0.3"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["labelling"] == "cover(scale=10.0, min_size=5, pixels=0.3)"
    found = minicnn.evaluate(run, labelling=Labelling("cover", pixels=0.3))
    assert found.as_dict()["confusion"] == about["confusion"]

    picture, named = found.examples[0]
    label = cover_labelling(load_cover(run.folder / "cover.safetensors", run.network))
    scores, features = run.network.predict_with_features(picture.image)
    regions = label.regions(picture.image)
    label.options["pixels"] = 0.3
    assert np.array_equal(label(picture.image, scores, features), named)
    assert np.array_equal(
        label.cover(picture.image, scores, features, regions).labels[regions], named
    )
    stages = minicnn.segment(picture.image, run, labelling="cover").stages()
    assert list(stages) == ["superpixels", "tree", "cover"]


def test_the_same_seed_gives_the_same_classifier(run):
    first, second = (minicnn.train_cover(run, epochs=1, settings=SMALL) for _ in range(2))
    x = np.ones((3, 2, 2, 78), np.float32)
    assert np.array_equal(first.distributions(x), second.distributions(x))
    other = minicnn.train_cover(run, epochs=1, settings=SMALL, seed=1)
    assert not np.array_equal(first.distributions(x), other.distributions(x))


def test_a_network_without_features_shows_its_probabilities():
    """As any network that does not say what its scores are read from."""
    classifier = CoverClassifier(3, 3, grid=1, units=4)
    classifier.about = {"superpixels": {"scale": 10.0}}
    seen = []
    classifier.distributions = lambda x: seen.append(x) or np.full((len(x), 3), 1 / 3)
    image = np.full((30, 50, 3), 10, np.uint8)
    labels, scores, _ = labelled(Red(3), image, cover_labelling(classifier))
    assert (labels == 1).all()
    np.testing.assert_allclose(seen[0][0, 0, 0], softmax(scores)[:, 0, 0], rtol=1e-6)


def test_a_network_trained_further_needs_another_classifier(run):
    minicnn.train_cover(run, epochs=1, settings=SMALL)
    bias = run.network.classifier.bias.data
    bias += 1
    with pytest.raises(GroupingError, match="trained further since"):
        minicnn.evaluate(run, labelling="cover")
    bias -= 1


def test_refusals(run, capsys):
    minicnn.train_cover(run, epochs=1, settings=SMALL)
    for arguments, words in (
        (["train", "cover"], "for which network"),
        (["train", "cover", "--start", "x", "--data", "scenes"], "leave --data away"),
        (["train", "cover", "--start", "x", "--overfit-one"], "leave --overfit-one away"),
        (["train", "cover", "--start", "x", "--recipe", "faithful"], "leave --recipe away"),
        (["train", "cover", "--start", "x", "--fold", "0"], "leave --fold away"),
        (["train", "cover", "--start", str(run.folder), "--seed", "9" * 20], "seed is 9999"),
        (["train", "proposals", "--start", "x", "--recipe", "faithful"], "leave --recipe away"),
        (["train", "proposals", "--start", "x", "--set", "data.val=1"], "a data set as it is"),
        (["train", "cover", "--start", "x", "--set", "data.size=9"], "leave --set data.size away"),
        (["train", "cover", "--start", "multi-scale"], "came with minicnn and stays as it is"),
        (["train", "cover", "--start", str(run.folder), "--set", "depth=3"], "no option 'depth'"),
        (["train", "cover", "--start", str(run.folder), "--epochs", "0.5"], "epochs=0.5"),
        (["evaluate", str(run.folder / "cover.safetensors")], "there is no model 'cover'"),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("border", [8, 9, 10, 11, 12])
def test_probabilities_in_the_place_of_maps_lie_where_their_segments_do(border):
    regions = np.repeat(np.arange(20)[None] >= border, 20, axis=0).astype(int)
    said = np.stack([regions == 0, regions == 1]).astype(np.float32)
    parents = np.array([2, 2, 2])
    found = pool_segments(dense_features(None, said), regions, parents, 1)
    assert found[:2, 0, 0].tolist() == [[1, 0], [0, 1]]
