"""Superpixels, the cut and the CRF: by hand, and against every labelling there is."""

import itertools
import sys

import numpy as np
import pytest
from support.planted import planted

from minicnn.labelling import alpha_expansion as expansion
from minicnn.labelling.alpha_expansion import alpha_expansion, energy, expansion_move
from minicnn.labelling.contours import gradients
from minicnn.labelling.crf import crf, crf_energy
from minicnn.labelling.methods import LABELLINGS, Labelling
from minicnn.labelling.proposals.proposer import Proposer
from minicnn.labelling.superpixels import (
    GroupingError,
    colour_steps,
    neighbours,
    region_means,
    superpixels,
)

REGIONS = np.array([[0, 0, 1], [0, 2, 1]])


def graph(seed, nodes=6, classes=3):
    """(unary, edges, weights, labels) at random, in whole numbers, of no special form."""
    draw = np.random.default_rng(seed)
    pairs = np.array(list(itertools.combinations(range(nodes), 2)))
    edges = pairs[draw.random(len(pairs)) < 0.6]
    unary, weights = draw.integers(0, 30, (nodes, classes)), draw.integers(0, 15, len(edges))
    return unary, edges, weights, draw.integers(0, classes, nodes)


def least_of_move(unary, edges, weights, labels, alpha):
    """The least energy of all 2^N ways to keep each label or to take alpha."""
    ways = itertools.product(*((k, alpha) for k in labels))
    return min(energy(unary, edges, weights, np.array(way)) for way in ways)


def moves_are_best(move, seeds=range(8)):
    """Whether `move` finds the least energy of every move on random graphs."""
    return all(
        energy(*g[:3], move(*g, alpha)) == least_of_move(*g, alpha)
        for g in map(graph, seeds)
        for alpha in range(3)
    )


def test_energy_by_hand():
    unary, edges = np.array([[1, 5], [2, 3], [7, 4]]), np.array([[0, 1], [1, 2]])
    assert energy(unary, edges, np.array([10, 20]), np.array([0, 0, 1])) == 1 + 2 + 4 + 20
    assert energy(unary, edges, np.array([10, 20]), np.array([1, 0, 1])) == 5 + 2 + 4 + 10 + 20


def test_a_move_is_the_best_of_all_its_choices():
    assert moves_are_best(expansion_move)


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("takes, i, c - a", "takes, i, a - c"),
        ("takes, j, -c", "takes, j, c"),
        ("[b + c - a,", "[b + c + a,"),
        ("a = weights * (labels[i] != labels[j])", "a = weights * (labels[i] == labels[j])"),
        ("unary[:, alpha] - unary[", "unary[:, alpha] + unary["),
        ("keeps, labels, alpha)", "keeps, alpha, labels)"),
    ],
)
def test_a_planted_mistake_is_found(right, wrong):
    assert not moves_are_best(planted(expansion, right, wrong).expansion_move)


def test_the_energy_falls_until_no_move_helps():
    for seed in range(12):
        unary, edges, weights, begin = graph(seed)
        trace = []
        labels = alpha_expansion(unary, edges, weights, begin, trace)
        cheapest = unary.min(axis=1).sum()  # which the trace leaves out
        energies = [energy(unary, edges, weights, begin) - cheapest, *(e for _, e in trace)]
        assert all(after < before for before, after in itertools.pairwise(energies))
        found = energy(unary, edges, weights, labels)
        assert found == energies[-1] + cheapest
        for alpha in range(3):
            assert least_of_move(unary, edges, weights, labels, alpha) == found
        every = itertools.product(range(3), repeat=6)
        least = min(energy(unary, edges, weights, np.array(way)) for way in every)
        assert least <= found <= 2 * least


@pytest.mark.parametrize("factor", [1e-9, 1 / 7, 1e12])
def test_energies_of_any_size_are_scaled(factor):
    unary, edges, weights, _ = graph(3)
    expected = alpha_expansion(unary, edges, weights)
    assert np.array_equal(alpha_expansion(unary * factor, edges, weights * factor), expected)


def test_large_whole_numbers_stay_below_32_bits():
    unary, edges, weights, _ = graph(1, nodes=40)
    whole, whole_weights = expansion.as_whole_numbers(unary * 1e8, weights * 1e8)
    assert 2**28 < whole.max(axis=1).sum() + 4 * whole_weights.sum() < 2**30 + 1000


def test_graphs_without_edges_or_costs():
    none = np.zeros((0, 2))
    assert alpha_expansion([[3, 1, 2], [0, 5, 5]], none, []).tolist() == [1, 0]
    assert alpha_expansion(np.zeros((2, 3)), [[0, 1]], [0.0]).tolist() == [0, 0]
    assert alpha_expansion([[4.0]], none, []).tolist() == [0]
    assert alpha_expansion([[3, 1, 2]], none, [], labels=[0], rounds=0).tolist() == [0]
    assert alpha_expansion([[3, 1, 2]], none, [], labels=[0], rounds=1).tolist() == [1]


def test_energies_that_no_cut_can_serve_are_refused():
    with pytest.raises(ValueError, match="a weight is negative"):
        alpha_expansion(np.zeros((2, 2)), [[0, 1]], [-1.0])
    for wrong in (np.inf, np.nan):
        with pytest.raises(ValueError, match="infinite or not a number"):
            alpha_expansion([[wrong, wrong], [0, 0]], [[0, 1]], [1.0])


def test_means_and_neighbours_by_hand():
    maps = np.array([[[3, 6, 1], [0, 4, 2]], [[1, 1, 0], [1, 9, 0]]])
    np.testing.assert_allclose(region_means(maps, REGIONS), [[3, 1], [1.5, 0], [4, 9]])
    across, down = np.array([[1, 2], [4, 8]]), np.array([[16, 32, 64]])
    edges, lengths, sums = neighbours(REGIONS, (across, down))
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert lengths.tolist() == [1, 2, 1] and sums.tolist() == [2, 4 + 32, 8]
    edges, lengths, sums = neighbours(np.zeros((2, 3), int), (across, down))
    assert edges.shape == (0, 2) and lengths.size == sums.size == 0


def test_colour_steps_are_distances():
    image = np.array([[[250, 0, 0], [253, 4, 0]], [[250, 0, 12], [253, 4, 0]]], np.uint8)
    across, down = colour_steps(image)
    np.testing.assert_allclose(across, [[5], [13]])
    np.testing.assert_allclose(down, [[12, 0]])


def two_halves(height=24, width=32):
    """A picture whose left 12 columns are dark and whose others are light."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, 12:] = 200
    return image


def test_superpixels_end_where_the_colour_does():
    regions = superpixels(two_halves(), sigma=0.0)
    assert regions.dtype == np.int32 and regions.max() == 1
    assert np.array_equal(regions != regions[0, 0], two_halves()[..., 0] == 200)
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    numbers = np.unique(superpixels(noise, scale=1, min_size=4))
    assert np.array_equal(numbers, np.arange(len(numbers))) and len(numbers) > 10


class Unsure:
    """A classifier for the cover that expects everything everywhere."""

    grid = 2

    def distributions(self, descriptors):
        return np.full((len(descriptors), 4), 1 / 4)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5)])
@pytest.mark.parametrize("name", LABELLINGS)
def test_pictures_of_a_few_pixels(size, name):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).normal(size=(4, *size)).astype(np.float32)
    label = Labelling(name)
    label.classifier = Unsure()
    if name in ("proposals", "prior-boxes", "prior-segments"):
        pytest.importorskip("higra")
        label.proposer = Proposer(gradients, [9] * 16)
    labels = label(image, scores)
    assert labels.dtype == np.uint8 and labels.shape == size and labels.max() < 4


def test_energy_of_superpixels_is_that_of_pixels():
    """The sum over regions and borders against the formula, pixel by pixel."""
    draw = np.random.default_rng(0)
    image = draw.integers(0, 60, (5, 6, 3), dtype=np.uint8)
    regions = np.kron([[0, 1, 2], [0, 3, 3]], np.ones((3, 2), int))[:5]
    p = draw.dirichlet(np.ones(3), (5, 6)).transpose(2, 0, 1)
    unary, edges, weights = crf_energy(image, p, regions, alpha=4.0, beta=0.05, gamma=3.0)
    labels = draw.integers(0, 3, 4)
    planes, expected = image.astype(float), 0.0
    for y, x in np.ndindex(5, 6):
        mean = p[labels[regions[y, x]], regions == regions[y, x]].mean()
        expected += np.exp(-4.0 * mean)
        for v, u in ((y + 1, x), (y, x + 1)):
            if v < 5 and u < 6 and labels[regions[y, x]] != labels[regions[v, u]]:
                expected += 3 * np.exp(-0.05 * np.linalg.norm(planes[y, x] - planes[v, u]))
    assert energy(unary, edges, weights, labels) == pytest.approx(expected)
    assert np.array_equal(crf(image, p, regions, gamma=0.0), region_means(p, regions).argmax(1))


def test_each_labelling_repairs_what_the_one_before_cannot():
    """Left is class 1, right is class 2. A few pixels are wrong, and one whole superpixel is."""
    image = two_halves()
    image[6:14, 18:26] = 185  # a superpixel of its own, hardly another colour
    truth = np.where(image[..., 0] == 40, 1, 2)
    scores = np.eye(3, dtype=np.float32)[truth].transpose(2, 0, 1).copy()
    scores[0, ::5, ::7] = 1.5  # single pixels
    scores[0, 6:14, 18:26] = 1.2  # the superpixel
    options = {"scale": 1.0, "sigma": 0.0, "min_size": 5}
    wrong = [
        int((label(image, scores) != truth).sum())
        for label in (
            Labelling(),
            Labelling("superpixels", **options),
            Labelling("crf", alpha=4, beta=0.1, gamma=30, **options),
        )
    ]
    assert wrong[0] > wrong[1] == 64 and wrong[2] == 0


def test_labelling_refuses_in_words(monkeypatch):
    with pytest.raises(GroupingError, match="'magic': choose argmax, superpixels, crf"):
        Labelling("magic")
    with pytest.raises(ValueError, match="labelling=superpixels has no option 'gamma'; it has min"):
        Labelling("superpixels", gamma=2)
    with pytest.raises(GroupingError, match="argmax has no options, so not gamma"):
        Labelling(gamma=2)
    with pytest.raises(ValueError, match="gamma=-1: expected 0 to"):
        Labelling("crf", gamma="-1")
    with pytest.raises(ValueError, match="gamma='much': expected a number"):
        Labelling("crf", gamma="much")
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(GroupingError, match="pip install scikit-image"):
        superpixels(two_halves())


@pytest.mark.parametrize("price", [1.0, 1e6, 1e12])
def test_dear_borders_do_not_hide_what_the_nodes_cost(price):
    """All agree, so no border is needed, however small their costs are beside one."""
    pairs = np.array([(k, k + 1) for k in range(999)])
    unary = np.tile([0.9, 0.5], (1000, 1))
    assert alpha_expansion(unary, pairs, np.full(999, price)).tolist() == [1] * 1000
