"""The 761 features against literal means and variances; trees against scikit-learn's own."""

import numpy as np
import pytest

from minicnn import models
from minicnn.engine.tensor import Tensor
from minicnn.learning.boosting import Codes, as_arrays, grow, grown_by_sklearn
from minicnn.models.boosted_trees import BoostedTrees
from minicnn.models.pixel_features import COUNT, EACH, PixelFeatures
from minicnn.models.shallow import LOUDEST, Shallow

IMAGE = np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)


def literal(planes, y, x):
    """The features of a pixel, as papers.md describes them."""
    height, width = planes.shape[1:]
    found = []
    for plane in planes:
        found.append(plane[y, x])
        for down in (-7, -2, 3):
            for right in (-7, -2, 3):
                rows = [r for r in range(y + down, y + down + 5) if 0 <= r < height]
                columns = [c for c in range(x + right, x + right + 5) if 0 <= c < width]
                cell = plane[np.ix_(rows, columns)]
                found += [cell.mean(), cell.var()] if cell.size else [plane[y, x]] * 2
        for line in (plane[:, x], plane[y]):
            found += [line.mean(), line.var()]
    return [*found, y / height, abs(x / width - 0.5)]


def test_features_of_pixels_in_every_corner():
    features = PixelFeatures(IMAGE)
    places = [(0, 0), (0, 16), (12, 0), (12, 16), (6, 8), (3, 15)]
    rows, columns = np.array(places).T
    found = features.at(rows, columns)
    assert found.shape == (COUNT, 6) == (761, 6) and found.dtype == np.float32
    for k, (y, x) in enumerate(places):
        np.testing.assert_allclose(found[:, k], literal(features.planes, y, x), atol=1e-6)


def test_rows_are_the_same_pixels():
    features = PixelFeatures(IMAGE)
    rows = list(features)
    assert len(rows) == 13 and rows[0].shape == (COUNT, 17)
    np.testing.assert_array_equal(rows[5], features.at(np.full(17, 5), np.arange(17)))


def test_a_picture_of_one_pixel():
    found = PixelFeatures(IMAGE[:1, :1]).at([0], [0])
    assert np.isfinite(found).all() and found[EACH * 17, 0] == np.float32(IMAGE[0, 0, 0] / 255)


def data(count=400, features=30, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, features)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3])  # ties
    x[:, 4] = 1.5  # and a feature that never varies
    return x, x[:, 0] + x[:, 1] * x[:, 3] > 0.5


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_trees_say_what_scikit_learn_says(depth):
    x, mine = data()
    coded = Codes(x)
    grown = grown_by_sklearn(coded, mine, 60, depth, 0.3)
    trees = BoostedTrees(2, 60, depth)
    trees.fill(1, *as_arrays(grown, coded, 60, depth))
    assert trees.has_learnt(1) and not trees.has_learnt(0)
    found = trees.scores(x.T)
    np.testing.assert_allclose(found[1], grown.decision_function(coded.codes), atol=1e-5)
    assert not found[0].any()
    assert ((found[1] > 0) == mine).mean() > (0.7 if depth == 1 else 0.9)
    other = data(seed=5)[0]  # between and beyond the levels that were learnt from
    codes = np.stack([np.searchsorted(e, c) for e, c in zip(coded.edges, other.T, strict=True)], 1)
    expected = grown.decision_function(codes.astype(np.uint8))
    np.testing.assert_allclose(trees.scores(other.T)[1], expected, atol=1e-5)


def test_trees_that_end_early_and_classes_without_pixels():
    x, mine = data(count=45)  # too few for leaves of 20
    coded = Codes(x)
    grown = grown_by_sklearn(coded, mine, 5, 4, 0.3)
    trees = BoostedTrees(3, 5, 4)
    trees.fill(0, *as_arrays(grown, coded, 5, 4))
    trees.fill(1, *grow(coded, np.zeros(45, bool), 5, 4, 0.3))
    trees.fill(2, *grow(coded, np.ones(45, bool), 5, 4, 0.3))
    found = trees.scores(x.T)
    np.testing.assert_allclose(found[0], grown.decision_function(coded.codes), atol=1e-5)
    assert (found[1] == -10).all() and (found[2] == 10).all() and trees.has_learnt(1)


def filled(classifier="stacked"):
    """An untrained network with random numbers in all its places."""
    network = Shallow(3, classifier=classifier, rounds=4, depth=2)
    draw = np.random.default_rng(1)
    if network.trees is not None:
        for k in range(3):
            feature = draw.integers(0, COUNT, (4, 3))
            network.trees.fill(k, feature, draw.random((4, 3)), draw.normal(size=(4, 4)), 0.1 * k)
    for p in (network.weight, network.bias, network.mean):
        p.data[...] = draw.normal(size=p.shape)
    network.spread.data[...] = 0.5 + draw.random(network.spread.shape)
    return network.eval()


@pytest.mark.parametrize("classifier", ["stacked", "logistic"])
def test_a_prediction_is_the_regression_of_what_is_told(classifier):
    network = filled(classifier)
    scores = network.predict(IMAGE)
    assert scores.shape == (3, 13, 17) and scores.dtype == np.float32
    told = network.told(PixelFeatures(IMAGE).at([4, 9], [2, 16]))
    expected = network(Tensor(told)).numpy()
    np.testing.assert_allclose(expected, scores[:, [4, 9], [2, 16]].T, atol=2e-4)


def test_what_trees_say_does_not_run_away():
    """A rare class that one feature tells apart, but for a pixel with the wrong label: without
    damping a leaf of it comes to 7, and on photographs to thousands."""
    x = np.random.default_rng(0).normal(size=(2000, 30)).astype(np.float32)
    mine = x[:, 0] > 1.5
    mine[[x[:, 0].argmin(), x[:, 0].argmax()]] = True, False
    _, _, leaf, _ = grow(Codes(x), mine, 150, 3, 0.3)
    assert np.abs(leaf).max() < 1
    network = filled()
    network.trees.leaf.data *= 1e6
    told = network.told(PixelFeatures(IMAGE).at([4], [2]))
    assert np.abs(told).max() <= 20 and np.isfinite(network.predict(IMAGE)).all()


def test_the_trees_alone_can_be_asked_later():
    network = filled()
    expected = network.trees.scores(PixelFeatures(IMAGE).at([4], [2]))
    alone = network.change(classifier="boosted").predict(IMAGE)
    np.testing.assert_allclose(alone[:, 4, 2], expected[:, 0], atol=1e-5)
    with pytest.raises(ValueError, match="learnt with trees below"):
        network.change(classifier="logistic")
    with pytest.raises(ValueError, match="learnt with no trees"):
        filled("logistic").change(classifier="boosted")
    with pytest.raises(ValueError, match="choose stacked or boosted or logistic"):
        Shallow(3, classifier="svm")


def test_it_is_a_model_like_others():
    cls, recipes = models.find("shallow")
    assert cls is Shallow and set(recipes) == {"ours", "faithful"}
    planes, names = filled().named_channels(IMAGE)
    assert planes.shape == (33, 13, 17) and len(names) == 33


def test_what_trees_are_certain_of_has_an_end():
    """Leaves of pixels that are told apart without a mistake grow without end; 16 bits have one."""
    network = Shallow(2, classifier="stacked", rounds=1, depth=1)
    for k, score in enumerate((1e6, -1e6)):
        network.trees.fill(k, np.zeros((1, 1)), np.zeros((1, 1)), np.full((1, 2), score), 0.0)
    told = network.told(np.zeros((COUNT, 3), np.float32))
    assert told.tolist() == [[LOUDEST, -LOUDEST]] * 3
