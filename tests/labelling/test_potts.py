"""The Potts model on pixels: its energy by hand, and its labels against all labellings."""

import itertools

import numpy as np
import pytest

from minicnn.labelling.alpha_expansion import alpha_expansion, energy
from minicnn.labelling.methods import Labelling, softmax
from minicnn.labelling.potts import SMALLEST, contrast_edges, potts, wanted


def literal_energy(image, probabilities, labels, gamma):
    """As the module's docstring writes it, pixel by pixel."""
    height, width = labels.shape
    colour = image.astype(float)
    steps = [((colour[:, 1:] - colour[:, :-1]) ** 2).sum(2).ravel()]
    steps.append(((colour[1:] - colour[:-1]) ** 2).sum(2).ravel())
    mu, total = np.concatenate(steps).mean(), 0.0
    for y, x in np.ndindex(height, width):
        total -= np.log(max(probabilities[labels[y, x], y, x], SMALLEST))
        for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
            if y + dy < height and 0 <= x + dx < width and labels[y, x] != labels[y + dy, x + dx]:
                step = ((colour[y, x] - colour[y + dy, x + dx]) ** 2).sum()
                total += gamma * np.exp(-step / (2 * mu)) / np.hypot(dy, dx)
    return total


def small(seed=0, size=(2, 3), classes=2):
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 256, (*size, 3), np.uint8)
    return image, softmax(draw.normal(size=(classes, *size)))


def test_the_energy_is_that_of_the_formula():
    image, probabilities = small(size=(4, 5), classes=3)
    edges, weights = contrast_edges(image)
    assert len(edges) == 4 * 4 + 3 * 5 + 2 * 3 * 4  # across, down, both diagonals
    unary = -np.log(probabilities.reshape(3, -1).T)
    for seed in range(3):
        labels = np.random.default_rng(seed).integers(0, 3, (4, 5))
        found = energy(unary, edges, 2.5 * weights, labels.ravel())
        assert found == pytest.approx(literal_energy(image, probabilities, labels, 2.5))


@pytest.mark.parametrize("seed", range(4))
def test_of_two_labels_the_least_energy_is_found(seed):
    image, probabilities = small(seed)
    found = literal_energy(image, probabilities, potts(image, probabilities, 1.5), 1.5)
    every = itertools.product(range(2), repeat=6)
    least = min(literal_energy(image, probabilities, np.reshape(ls, (2, 3)), 1.5) for ls in every)
    assert found == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.5, 6.0])
def test_what_blocks_begin_ends_near_the_energy_of_moves_between_pixels(gamma):
    size, draw = (37, 50), np.random.default_rng(3)
    rows, columns = np.indices(size)
    shapes = (columns > 20 + 6 * np.sin(rows / 5)) + (np.hypot(rows - 20, columns - 40) < 9)
    image = (60 + 70 * shapes[..., None] + draw.normal(0, 12, (*size, 3))).clip(0, 255)
    image = image.astype(np.uint8)
    scores = 1.5 * (np.arange(5)[:, None, None] == shapes) + draw.normal(size=(5, *size))
    probabilities = softmax(scores)
    unary = -np.log(probabilities.reshape(5, -1).T)
    edges, weights = contrast_edges(image)
    between_pixels = alpha_expansion(unary, edges, gamma * weights)
    least = energy(unary, edges, gamma * weights, between_pixels)
    found = energy(unary, edges, gamma * weights, potts(image, probabilities, gamma).ravel())
    assert least * (1 - 1e-6) <= found <= 1.002 * least
    at_first = energy(unary, edges, gamma * weights, unary.argmin(axis=1))
    assert gamma == 0 or found < 0.98 * at_first


def test_a_border_is_put_where_the_colour_changes():
    """The classifier is wrong about two columns beside the border, and unsure there."""
    image = np.full((12, 16, 3), 40, np.uint8)
    image[:, 8:] = 200
    probabilities = np.full((3, 12, 16), 0.005)
    probabilities[0, :, :10], probabilities[1, :, :10] = 0.55, 0.44
    probabilities[0, :, 10:], probabilities[1, :, 10:] = 0.1, 0.89
    probabilities[1, :, :6], probabilities[0, :, :6] = 0.1, 0.89
    probabilities[2, 3, 3] = 0.95  # one pixel's mistake
    labels = potts(image, probabilities, 4.0)
    assert labels.dtype == np.int64 and (labels == (image[..., 0] == 200)).all()
    alone = potts(image, probabilities, 0.0)
    assert (alone == probabilities.argmax(axis=0)).all()


def test_labels_that_hardly_occur_are_left_out():
    image, probabilities = small(size=(3, 4), classes=4)
    probabilities[2] = 1e-4
    assert set(np.unique(potts(image, probabilities, 0.5))) <= {0, 1, 3}
    assert (potts(image, np.full((4, 3, 4), 0.25), 1.0, least=1.0) < 4).all()  # one is left


def test_a_label_that_no_block_has_got_is_tried_if_it_is_worth_it():
    unary = np.full((6, 3), 9.0)
    unary[:, 0] = 2
    edges, weights = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]), np.full(5, 0.25)
    nothing = np.zeros(6, int)  # energy: 12, so a thousandth of it is 0.012
    unary[3, 1] = 2 - 2 * 0.25 - 0.013
    unary[5, 2] = 2 - 0.25 - 0.011
    assert wanted(unary, edges, weights, nothing).tolist() == [0, 1]
    unary[0, 2] = 2 - 0.25 - 0.002  # together two nodes gain 0.013
    assert wanted(unary, edges, weights, nothing).tolist() == [0, 1, 2]
    assert wanted(unary, edges, weights, np.array([0, 0, 2, 0, 0, 0])).tolist() == [0, 1, 2]


def test_pictures_without_neighbours_or_colours():
    one = np.zeros((1, 1, 3), np.uint8)
    assert potts(one, np.array([0.2, 0.8]).reshape(2, 1, 1)).tolist() == [[1]]
    line = np.zeros((1, 4, 3), np.uint8)
    wanted = np.array([[0.9, 0.9, 0.45, 0.9], [0.1, 0.1, 0.55, 0.1]])[:, None]
    assert potts(line, wanted, 2.0).tolist() == [[0, 0, 0, 0]]


def test_it_is_a_labelling():
    image, probabilities = small(size=(6, 8), classes=3)
    scores = np.log(probabilities)
    labelling = Labelling("potts", gamma="2.5")
    found = labelling(image, scores)
    assert found.dtype == np.uint8 and str(labelling) == "potts(gamma=2.5)"
    assert (found == potts(image, probabilities, 2.5)).all()
    with pytest.raises(ValueError, match=r"option gamma=-1: expected 0 to"):
        Labelling("potts", gamma=-1)
