"""What labels of pictures add to scores of pixels, and what regions add to that."""

from types import SimpleNamespace

import numpy as np
import pytest

import minicnn
from minicnn import functional as F
from minicnn.engine.cases import normal
from minicnn.labelling.methods import Labelling
from minicnn.labelling.priors import Pooling, of_boxes, of_segments, of_superpixels, with_prior
from minicnn.labelling.proposals.proposer import Proposals

THREE = Pooling(background=0)


@pytest.mark.parametrize("how", ["lse", "mean", "max"])
def test_pooled_scores_are_those_of_the_operations(how):
    scores = 3 * normal(4, 6, 7)
    ops = {"lse": F.log_sum_exp_pool(scores[None], 5.0), "mean": scores[None].mean((2, 3))}
    wanted = ops[how].numpy()[0] if how == "lse" else getattr(np, how)(scores, axis=(1, 2))
    np.testing.assert_allclose(Pooling(how).pooled(scores), wanted, rtol=1e-12)


def test_a_class_that_the_picture_does_not_show_loses_everywhere():
    scores = np.zeros((3, 4, 5))
    scores[1, :, :3], scores[2, 0, 0] = 4, 4.2  # a cat; one pixel claims to be a dog
    assert scores.argmax(axis=0)[0, 0] == 2
    y, shown = THREE.prior(scores)
    assert shown.argmax() == 1 and np.allclose(shown.sum(), 1) and y.max() <= 1
    labels = THREE.decided(y, 0.22)
    assert labels[0, 0] == 1 and (labels[:, 3:] == 0).all() and (labels[1:, :3] == 1).all()
    assert (THREE.decided(y, 0) == y.argmax(axis=0)).all()
    by_itself = Pooling(objective="sigmoid").probabilities(scores)
    np.testing.assert_allclose(by_itself, 1 / (1 + np.exp(-scores)))


def test_a_superpixel_takes_the_label_of_most_of_its_pixels():
    labels = np.array([[0, 0, 2], [1, 1, 2]], np.uint8)
    regions = np.array([[0, 0, 1], [0, 0, 0]])
    assert of_superpixels(labels, regions).tolist() == [[0, 0, 2], [0, 0, 0]]
    assert of_superpixels(labels, np.zeros((2, 3), int)).max() == 0


def test_outside_of_all_boxes_is_background():
    y = np.zeros((3, 6, 8))
    y[1, 1:4, 1:4], y[1, 5, 7] = 0.8, 0.9
    boxes = np.array([[1, 1, 4, 4], [0, 0, 6, 8], [4, 6, 6, 8]])
    labels, kept = of_boxes(y, boxes, THREE, 0.5)
    assert (labels[1:4, 1:4] == 1).all() and labels.sum() == 9 and kept[1, 5, 7] == 0


def test_the_segment_of_most_evidence_is_taken():
    y = np.zeros((3, 4, 6))
    y[1, :, :3], y[2, :, 4:], y[1, 0, 0] = 0.7, 0.6, 0.1
    leaves = np.repeat(np.arange(6), 4).reshape(6, 4).T  # columns
    segments = [[0, 1, 2], [0, 1], [0, 1, 2, 3], [4, 5], range(6), [3]]
    regions = np.stack([np.isin(range(6), s) for s in segments])
    labels, taken = of_segments(y, leaves, regions, THREE, 0.5)
    assert [(k, int(mask.sum())) for k, mask in taken] == [(1, 12), (2, 8)]
    assert labels.tolist() == [[1, 1, 1, 0, 2, 2]] * 4  # the pixel that was unsure as well


def columns(size):
    """Proposals of a picture: its left half, and all of it."""
    leaves = np.repeat([[0, 1]], size[0], axis=0).repeat(size[1] // 2, axis=1)
    boxes = np.array([(0, 0, size[0], size[1] // 2), (0, size[1] // 2, *size)])
    tree = SimpleNamespace(leaves=leaves, boxes=boxes)
    return Proposals(size, tree, [], np.array([[1, 0], [1, 1]], bool), np.ones(2, "f4"))


@pytest.mark.parametrize("way", ["", "superpixels", "boxes", "segments"])
def test_each_is_a_labelling_whose_stages_are_drawn(way):
    image = np.full((20, 24, 3), 40, np.uint8)
    image[:, 12:] = 200
    scores = np.zeros((3, 20, 24), np.float32)
    scores[1, 4:, :12] = 5
    labelling = Labelling(f"prior-{way}" if way else "prior", threshold=0.4)
    labelling.pooling, labelling.proposer = THREE, lambda image, count: columns((20, 24))
    labels = labelling(image, scores)
    assert labels.dtype == np.uint8 and (labels[4:, :12] == 1).all() and labels[:, 12:].max() == 0
    smoothed = {"superpixels": 1, "segments": 1}.get(way, 0)
    assert (labels[:4, :12] == smoothed).all()
    from minicnn.figures.stages import stage_figures

    classes, colours = ("background", "cat", "dog"), np.array([[0, 0, 0], [9, 200, 9], [200, 9, 9]])
    drawn = stage_figures(image, scores, None, labelling, classes, colours)
    assert list(drawn) == ["prior", *[way] * bool(way)]


def test_boxes_of_proposals_in_pixels_of_the_picture():
    assert columns((20, 24)).boxes().tolist() == [[0, 0, 20, 12], [0, 0, 20, 24]]


def test_without_a_background_the_largest_wins_and_bad_options_are_refused():
    scores = normal(3, 5, 6)
    found = with_prior(np.zeros((5, 6, 3), np.uint8), scores, Pooling(), 0.9)
    assert (found.labels == found.y.argmax(axis=0)).all() and found.regions is None
    with pytest.raises(ValueError, match="threshold"):
        Labelling("prior", threshold=2)
    with pytest.raises(minicnn.labelling.methods.GroupingError, match="has no edges yet"):
        Labelling("prior-boxes")(np.zeros((5, 6, 3), np.uint8), scores)


def test_without_a_background_what_nothing_covers_keeps_its_label():
    y = np.full((2, 4, 4), 0.1)
    y[1, :2], y[0, 2:] = 0.3, 0.2
    own, none = y.argmax(axis=0), np.zeros((0, 4), int)
    assert own.any() and not own.all()
    assert (of_boxes(y, none, Pooling(), 0.9)[0] == own).all()
    labels, kept = of_boxes(y, np.array([[0, 0, 3, 2]]), Pooling(), 0.15)
    assert (labels[:3, :2] == 1).all() and (labels[:, 2:] == own[:, 2:]).all()
    assert (kept[0, :3, :2] == 0).all() and (kept[:, 3] == y[:, 3]).all()
    everything = np.ones((1, 1), bool)
    labels, taken = of_segments(y, np.zeros((4, 4), int), everything, Pooling(), 0.9)
    assert (labels == own).all() and taken == []
