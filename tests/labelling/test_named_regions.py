"""Regions with classes and scores: suppressed, pasted, refined; by hand, or literally."""

import numpy as np
import pytest

from minicnn.datasets.instances import Instance, instance
from minicnn.labelling.regions.logistic import (
    largest_eigenvalue,
    logistic_regression,
    probabilities,
)
from minicnn.labelling.regions.paste import background_threshold, paste
from minicnn.labelling.regions.refine import (
    Refinement,
    enlarged,
    fit_refinement,
    mostly_inside,
    onto_superpixels,
    to_cells,
    to_pixels,
)
from minicnn.labelling.regions.regions import Regions, box_overlaps
from minicnn.labelling.regions.suppression import suppress, suppress_each_class

rng = np.random.default_rng(0)


def blocks(*boxes, size=(8, 10)):
    """bool (R, H, W): rectangles."""
    masks = np.zeros((len(boxes), *size), bool)
    for mask, (top, left, bottom, right) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return masks


# ----------------------------------------------------------------------------------- what they are
def test_regions_have_the_boxes_of_their_masks():
    found = Regions.of_masks(blocks((1, 2, 4, 9), (0, 0, 0, 0), (7, 9, 8, 10)), [3, 1, 3])
    assert found.boxes.tolist() == [[1, 2, 4, 9], [0, 0, 0, 0], [7, 9, 8, 10]]
    assert (len(found), found.size, found.scores.tolist()) == (3, (8, 10), [1, 1, 1])
    assert found[found.classes == 3].boxes.tolist() == [[1, 2, 4, 9], [7, 9, 8, 10]]
    assert found[1].classes.tolist() == [1] and found[2:].classes.tolist() == [3]
    assert repr(found) == "<3 Regions of a picture of 10 x 8>"


def test_none_at_all():
    none = Regions.none((4, 5))
    assert len(none) == 0 and none.size == (4, 5) and none.boxes.shape == (0, 4)
    assert len(suppress_each_class(none)) == 0 and paste(none).tolist() == np.zeros((4, 5)).tolist()


def test_regions_of_objects():
    masks = blocks((0, 0, 3, 3), (2, 2, 6, 5))
    objects = [instance(4, masks[0]), instance(2, masks[1], True), Instance(1, None, (1, 1, 3, 4))]
    truth = Regions.of_objects(objects, (8, 10))
    assert truth.classes.tolist() == [4, 2, 1] and truth.difficult.tolist() == [False, True, True]
    assert (truth.masks[:2] == masks).all() and truth.boxes[2].tolist() == [1, 1, 3, 4]
    assert truth[[1]].difficult.tolist() == [True]
    assert len(Regions.of_objects((), (8, 10))) == 0


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"masks": np.zeros((2, 3), bool)}, r"masks of regions are bool \(R, H, W\)"),
        ({"masks": np.zeros((2, 3, 3), np.uint8)}, "not uint8"),
        ({"classes": np.zeros(3, int)}, r"2 regions need classes of shape \(2,\), not \(3,\)"),
        ({"difficult": np.zeros(1, bool)}, "need difficult"),
    ],
)
def test_arrays_that_do_not_belong_together(changes, said):
    arrays = {"masks": np.zeros((2, 3, 3), bool), "boxes": np.zeros((2, 4), int)}
    arrays |= {"classes": np.zeros(2, int), "scores": np.zeros(2)}
    with pytest.raises(ValueError, match=said):
        Regions(**(arrays | changes))


def test_overlaps_of_boxes():
    boxes = [(0, 0, 2, 4), (5, 5, 5, 9), (1, 2, 4, 6)]
    masks = blocks(*boxes).reshape(3, -1).astype(int)
    both = masks @ masks.T
    expected = both / np.maximum(masks.sum(1)[:, None] + masks.sum(1) - both, 1)
    assert np.allclose(box_overlaps(boxes, boxes), expected)
    assert box_overlaps([], boxes).shape == (0, 3)


# ------------------------------------------------------------------------------------- suppression
def test_one_common_pixel_is_too_much():
    masks = blocks((0, 0, 4, 4), (3, 3, 6, 6), (4, 4, 8, 8), (0, 5, 3, 9))
    # the second has a pixel of the first; the third only one of the second, which is gone
    assert suppress(masks, [0.9, 0.8, 0.7, 0.95]).tolist() == [3, 0, 2]
    assert suppress(masks, [0.5, 0.8, 0.7, 0.5]).tolist() == [1, 3]  # equal: the first comes first
    assert suppress(masks, [0.9, 0.8, 0.7, 0.95], overlap=0.1).tolist() == [3, 0, 1]
    assert suppress(masks[:0], []).tolist() == []


def test_suppression_literally():
    masks = rng.random((30, 6, 7)) < 0.2
    scores = rng.normal(size=30).astype(np.float32)
    for overlap in (0, 0.1, 0.25):
        kept = []
        for k in np.argsort(-scores):
            j = [(masks[k] & masks[m]).sum() / (masks[k] | masks[m]).sum() for m in kept]
            if not any(x > overlap for x in j):
                kept.append(k)
        assert suppress(masks, scores, overlap).tolist() == kept


def test_leaves_count_by_their_pixels():
    leaves = np.repeat([0, 1, 2], [1, 20, 3])[None].repeat(2, axis=0)
    regions = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]], bool)
    areas, scores = np.bincount(leaves.ravel()), [0.9, 0.8, 0.7]
    for overlap in (0, 0.05, 0.8, 0.9):
        of_pixels = suppress(regions[:, leaves], scores, overlap)
        assert suppress(regions, scores, overlap, areas).tolist() == of_pixels.tolist()


def test_each_class_is_suppressed_for_itself():
    masks = blocks((0, 0, 4, 4), (0, 0, 4, 4), (1, 1, 3, 3), (5, 5, 7, 7))
    found = suppress_each_class(Regions.of_masks(masks, [1, 2, 1, 2], [0.3, 0.8, 0.2, 0.9]))
    assert found.classes.tolist() == [2, 2, 1]
    assert np.allclose(found.scores, [0.9, 0.8, 0.3])


# ----------------------------------------------------------------------------------------- pasting
def test_the_best_lies_on_top():
    masks = blocks((0, 0, 2, 3), (0, 2, 2, 4), (1, 0, 2, 4), size=(2, 5))
    found = Regions.of_masks(masks, [7, 8, 9], [0.5, 0.9, -0.5])
    assert paste(found).tolist() == [[7, 7, 8, 8, 0], [7, 7, 8, 8, 0]]
    assert paste(found, 0.5, background=255).tolist() == [[255, 255, 8, 8, 255]] * 2
    assert paste(found, most=1).tolist() == [[0, 0, 8, 8, 0]] * 2


def test_a_mask_counts_once_with_its_best_class():
    masks = blocks((0, 0, 1, 1), (0, 0, 1, 1), (0, 1, 1, 2), size=(1, 2))
    found = Regions.of_masks(masks, [1, 2, 3], [0.5, 0.6, 0.1])
    assert paste(found, most=2).tolist() == [[2, 3]]


def test_the_threshold_is_raised_until_two_are_left():
    masks = blocks(*((0, k, 1, k + 1) for k in range(5)), size=(1, 5))
    one = Regions.of_masks(masks, [1] * 5, [0.9, 0.8, 0.305, 0.2, -0.5])
    two = Regions.of_masks(masks[:2], [1, 1], [0.5, -3])
    threshold = background_threshold([one, two])  # 0.9 0.8 0.5 0.305 are allowed, so above 0.2
    assert abs(threshold - 0.2) < 0.011
    kept = sum((of.scores > threshold).sum() for of in (one, two))
    assert kept == 4
    assert background_threshold([two]) == -1 and background_threshold([]) == -1
    equal = Regions.of_masks(masks, [1] * 5, [0.25] * 5)
    assert (equal.scores > background_threshold([equal])).sum() == 0


# -------------------------------------------------------------------------------------- refinement
def test_a_box_is_enlarged_as_its_crop_is():
    assert np.allclose(enlarged([(0, 195, 195, 585)])[0], (-16, 195 - 32, 211, 585 + 32))
    assert enlarged([]).shape == (0, 4)


def test_cells_hold_shares():
    mask = blocks((2, 1, 5, 4))[0]
    assert np.allclose(to_cells([mask], [(2, 1, 5, 4)]), 1)
    cells = to_cells([mask], [(1, 1, 5, 4)], cells=2)[0]  # rows 1, 2 | 3, 4
    assert np.allclose(cells, [[0.5, 0.5], [1, 1]])
    assert np.allclose(to_cells([mask], [(-1, 1, 5, 4)], cells=2)[0], [[0, 0], [1, 1]])
    whole = to_cells([mask], [(0, 0, 8, 10)], cells=3)[0]
    assert np.isclose(whole.mean() * 80, mask.sum())  # also where sides run through pixels
    assert not to_cells([mask], [(3, 3, 3, 3)]).any()


def test_cells_go_back_to_the_pixels_whose_middles_they_hold():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    plane = to_pixels(values, (1, 1, 4, 5), (5, 6))
    expected = [[0, 0, 0, 0, 0, 0], [0, 1, 1, 2, 2, 0], [0, 3, 3, 4, 4, 0], [0, 3, 3, 4, 4, 0]]
    assert plane.tolist() == [*expected, [0] * 6]
    outside = to_pixels(values, (-1.5, -1, 1, 3), (2, 3))
    assert outside.tolist() == [[3, 4, 4], [0, 0, 0]]


def test_superpixels_take_the_mean_of_their_pixels():
    leaves = np.array([[0, 0, 1], [2, 0, 1]])
    values = np.array([[[1.0, 0.0], [0.5, 0.25]]])
    got = onto_superpixels(values, [(0, 0, 2, 2)], leaves)
    assert np.allclose(got, [[(1 + 0 + 0.25) / 3, 0, 0.5]])
    inside = mostly_inside(np.array([[[1, 1, 0], [1, 0, 1]]], bool), leaves)
    assert inside.tolist() == [[True, True, True]]


def test_logistic_regression_finds_the_minimum():
    x = rng.normal(size=(200, 4)).astype(np.float32)
    w = np.array([[2.0, -1, 0, 0.5], [0, 0, 3, 0]])
    targets = rng.random((200, 2)) < 1 / (1 + np.exp(-(x @ w.T + [0.5, -1])))
    c = 0.1
    weight, bias = logistic_regression(x, targets, c)
    error = probabilities(x, weight, bias) - targets  # the gradient of the loss is 0
    assert np.abs(weight + c * error.T @ x).max() < 1e-3 * np.abs(weight).max()
    assert np.abs(error.sum(axis=0)).max() < 1e-2


def test_a_regression_of_one_answer_only():
    x = rng.normal(size=(20, 3)).astype(np.float32)
    weight, bias = logistic_regression(x, np.ones((20, 1)), 1.0, steps=100)
    assert (probabilities(x, weight, bias) > 0.9).all()


def leaves_of(size, side):
    """int32 (H, W): squares."""
    rows, columns = np.indices(size) // side
    return (rows * (columns.max() + 1) + columns).astype(np.int32)


@pytest.fixture(scope="module")
def learnt():
    """Objects are 24 x 24 squares, and what is proposed lacks their lower quarter, of which the
    features tell the rest: a Refinement, and a picture."""
    masks, objects, features = [], [], []
    for k in range(40):
        top, left = 4 * rng.integers(0, 3, 2)
        wide = bool(k % 2)
        (mask,) = blocks((top, left, top + 16, left + 24), size=(40, 40))
        (whole,) = blocks((top, left, top + 24 if wide else top + 16, left + 24), size=(40, 40))
        masks.append(mask)
        objects.append(whole)
        features.append([wide, not wide])
    masks, objects = np.array(masks), np.array(objects)
    features = 50 * np.array(features, np.float32)
    boxes = enlarged(Regions.of_masks(masks, np.ones(40)).boxes)
    cells, targets = to_cells(masks, boxes), to_cells(objects, boxes) >= 0.5
    return masks, objects, features, cells, targets, fit_refinement(features, cells, targets)


def test_a_grid_is_learnt_from_features_and_mask(learnt):
    _, _, features, cells, targets, refinement = learnt
    said = refinement.cells(features, cells) >= 0.5
    assert (said == targets).mean() > 0.99
    other = refinement.cells(features[::-1], cells) >= 0.5
    assert (other == targets).mean() < 0.96
    with pytest.raises(ValueError, match="learnt from 2 features of a region, and got 3"):
        refinement.cells(np.ones((40, 3)), cells)


def test_masks_are_drawn_anew_on_superpixels(learnt):
    masks, objects, features, _, _, refinement = learnt
    leaves = leaves_of((40, 40), 4)
    votes = [
        refinement.votes(features[k : k + 8], masks[k : k + 8], leaves, objects[k : k + 8])
        for k in range(0, 40, 8)
    ]
    assert votes[0].shape[1] == 3 and set(np.unique(votes[0][:, 1:])) <= {0, 1}
    refinement = refinement.with_votes(votes)
    got = refinement.refined(features, masks, leaves)[:, leaves]

    def mean_j(regions):
        return np.mean((regions & objects).sum((1, 2)) / (regions | objects).sum((1, 2)))

    assert got.shape == masks.shape and mean_j(got) > mean_j(masks) + 0.04  # boxes grow little
    again = Refinement(**refinement.arrays()).refined(features, masks, leaves)[:, leaves]
    assert (again == got).all()


def test_what_would_vanish_stays_as_it_was():
    vote = np.array([1, 0, -0.5], np.float32)
    nothing = Refinement(np.zeros((100, 101), np.float32), np.full(100, -9, np.float32), vote)
    nothing = nothing.with_votes([])
    masks, leaves = blocks((0, 0, 4, 4)), leaves_of((8, 10), 2)
    got = nothing.refined(np.zeros((1, 1)), masks, leaves)[:, leaves]
    assert (got == masks).all()
    assert nothing.refined(np.zeros((0, 1)), masks[:0], leaves).shape == (0, 20)


def test_the_step_is_short_enough_for_features_around_zero():
    x = np.array([[10.0], [-10.0]] * 5, np.float32)
    assert 100 <= largest_eigenvalue(x) <= 111
    targets = np.array([[1.0], [0.0]] * 5, np.float32)
    targets[0] = 0
    weight, bias = logistic_regression(x, targets, 1.0)
    error = probabilities(x, weight, bias) - targets
    assert np.abs(weight + (x * error).sum()).max() < 1e-2
