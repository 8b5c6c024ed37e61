"""What `sds` sees of a region, what its three networks are made of, what it finds."""

from importlib.util import find_spec

import numpy as np
import pytest

import minicnn
from minicnn.engine.tensor import Tensor
from minicnn.images.context import context
from minicnn.labelling.proposals.overlaps import mask_overlaps
from minicnn.labelling.regions.proposed import Proposed, shrunk
from minicnn.labelling.regions.regions import boxes_of
from minicnn.learning.region_files import Keeper
from minicnn.models.detection import detect
from minicnn.models.sds import SDS
from minicnn.nn import init

SMALL = {"width": 0.05, "size": 33}


def built(classes=3, **options):
    minicnn.manual_seed(0)
    return SDS(classes, **(SMALL | options))


def squares():
    """(a noisy picture, a Proposed of its four quarters and their top and left halves)."""
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    leaves = np.zeros((40, 60), np.uint16)
    leaves[20:], leaves[:, 30:] = 2, leaves[:, 30:] + 1
    leaves[20:, 30:] = 3
    regions = np.array([*np.eye(4), [1, 1, 0, 0], [1, 0, 1, 0]], bool)
    boxes = boxes_of(regions[:, leaves])
    return image, Proposed(leaves, np.packbits(regions, axis=1), boxes, np.zeros((0, 40, 60), bool))


# ------------------------------------------------------------------------------ what it looks at
def test_a_box_fills_its_square_but_for_the_context():
    part = context((10, 20, 50, 60), 56, (100, 100))  # 40 pixels become 48
    rows, columns = (places.ravel() for places in part.at)
    assert part.inside.all()
    inside = (rows >= 10) & (rows < 50)
    assert inside.sum() == 48 and inside[4:-4].all()
    assert np.allclose(np.diff(part.rows), 40 / 48)
    assert ((columns >= 20) & (columns < 60)).sum() == 48
    grey = np.arange(100, dtype=np.uint8)[:, None, None].repeat(100, 1).repeat(3, 2)
    assert np.abs(part.of(grey)[:, 5, 0] - (part.rows[:-1] + part.rows[1:]) / 2 + 0.5).max() < 1


def test_what_lies_beyond_the_picture_is_nothing():
    image = np.full((30, 40, 3), 200, np.uint8)
    part = context((0, 0, 30, 10), 33, image.shape[:2])
    square = part.of(image)
    assert (square[part.inside] == 200).all() and (square[~part.inside] == 0).all()
    assert not part.inside[0].any() and not part.inside[:, 0].any() and part.inside[16, 16]
    thin = context((3, 3, 3, 3), 33, image.shape[:2])  # a box without a pixel
    assert thin.of(image).shape == (33, 33, 3)


def test_what_is_not_the_region_is_at_the_mean():
    image, proposed = squares()
    network = built()
    boxes, regions = network.cut_out(image, proposed, [0, 4])
    assert boxes.shape == regions.shape == (2, 3, 33, 33)
    part = context(proposed.boxes[0], 33, proposed.size)
    kept = proposed.mask(0)[part.at] & part.inside
    assert (regions[0][:, kept] == boxes[0][:, kept]).all() and (regions[0][:, ~kept] == 0).all()
    assert (boxes[0][:, ~part.inside] == 0).all()
    middle = part.of(image)[16, 16] - network.box.mean.numpy()[:, 16, 16]
    assert np.allclose(boxes[0, :, 16, 16], middle)
    mirrored = network.cut_out(image, proposed, [0, 4], [True, False])
    assert (mirrored[0][0] == boxes[0, :, :, ::-1]).all() and (mirrored[1][1] == regions[1]).all()


def test_proposals_in_little_space():
    image, proposed = squares()
    masks = np.zeros((2, 40, 60), bool)
    masks[0, :20, :40] = masks[1, 30:, 30:] = True
    both = proposed.with_masks(masks, boxes_of(masks))
    assert len(both) == 8 and (both.mask(6) == masks[0]).all()
    assert (both.mask(4) == (np.arange(40) < 20)[:, None].repeat(60, 1)).all()
    all_masks = np.stack([both.mask(k) for k in range(8)])
    assert np.allclose(both.overlaps()[0], mask_overlaps(all_masks, masks))
    assert both.first(2).boxes.shape == (2, 4)
    assert shrunk(np.zeros((10, 900, 3), np.uint8)).shape[:2] == (4, 400)
    assert shrunk(image) is image


def test_proposals_are_made_once(tmp_path):
    image, proposed = squares()
    asked = []

    class Proposer:
        about = {"network": 5}  # noqa: RUF012

        def __call__(self, image, count):
            asked.append(count)
            h = type("H", (), {"leaves": proposed.leaves.astype(np.int32)})
            h.boxes = proposed.boxes[:4]
            return type("Found", (), {"hierarchies": h, "regions": proposed.regions})

    keeper = Keeper(Proposer(), 7, tmp_path)
    first, again = keeper(image), keeper(image)
    assert asked == [7]
    for name in ("leaves", "packed", "boxes"):
        assert (getattr(first, name) == getattr(again, name)).all()
        assert (getattr(first, name) == getattr(proposed, name)).all()
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:50])
    assert (keeper(image).leaves == proposed.leaves).all() and asked == [7, 7]


# ---------------------------------------------------------------------------- the three networks
def test_parameters_of_the_three_networks():
    counts = {}
    with init.shapes_only():
        for net in "ABC":
            counts[net] = sum(p.size for p in SDS(21, net=net).parameters())
    alexnet = sum(p.size for p in minicnn.models.find("alexnet")[0](
        100, size=56, columns=1).parameters()) - 513 * 100  # fmt: skip
    assert counts["A"] == alexnet + 22 * 513
    assert counts["B"] == 2 * alexnet + 2 * 22 * 513
    assert counts["C"] == 2 * alexnet + 22 * 1025


def test_each_network_begins_with_what_was_learnt():
    with init.shapes_only():
        alexnet = minicnn.models.find("alexnet")[0](5, size=33, columns=1, width=0.05)
    arrays = {k: np.full(p.shape, 7.0, np.float32) for k, p in alexnet.state().items()}
    a, b = built(net="A"), built(net="B")
    taken = a.adapted(arrays)
    assert set(a.state()) - set(taken) == {
        "fc8.weight",
        "fc8.bias",
        "svm",
        "cells",
        "vote",
        "least",
    }
    assert {k.partition(".")[0] for k in b.adapted(arrays)} == {"box", "region"}
    mine = a.state_dict() | {"svm": np.ones((3, 5))}
    onward = b.adapted(mine)
    assert (onward["region.conv1.weight"] == mine["box.conv1.weight"]).all()
    assert "svm" not in onward and "fc8.weight" in onward


def test_what_each_network_says():
    image, proposed = squares()
    for net in "ABC":
        network = built(net=net)
        features = network.describe(image, proposed)
        assert features.shape == (6, network.units)
        scores = network.class_scores(features)
        assert scores.shape == (6, 3) and (scores > 0).all() and (scores.sum(axis=1) < 1).all()
        inputs = [Tensor(x) for x in network.cut_out(image, proposed, range(6))]
        heads = network.eval().heads(*inputs)
        assert len(heads) == (2 if net == "B" else 1)
        assert heads[0].shape == (6, 4) and network.predict(image).shape == (4,)
        # the box pathway of A and B does not know of the mask
        half = network.units // 2
        assert np.allclose(features[:, :half], network.box(inputs[0]).numpy(), atol=1e-5)
    assert built().describe(image, proposed.first(0)).shape == (0, network.units)


def test_of_regions_that_share_a_pixel_the_best_stays():
    image, proposed = squares()
    network = built()
    network.class_scores = lambda features, classifier: np.array(
        [[0.3, 0, 0], [0.5, 0, 0], [0.2, 0, 0], [0.01, 0, 0], [0.4, 0, 0.9], [0.1, 0, 0]]
    )  # fmt: skip
    features = np.zeros((6, network.units), np.float32)
    found = detect(network, image, proposed, features)
    assert found.classes.tolist() == [2, 0, 0, 0]  # the right quarter above the half, the left ones
    assert found.scores.tolist() == pytest.approx([0.9, 0.5, 0.3, 0.2])
    assert (found.masks[0] == proposed.mask(4)).all()
    network.class_scores = lambda features, classifier: np.zeros((6, 3))
    assert len(detect(network, image, proposed, features)) == 0
    nothing = proposed.first(0)
    network.class_scores = lambda features, classifier: np.zeros((0, 3))
    assert len(detect(network, image, nothing, features)) == 0


def test_what_was_not_learnt_cannot_be_asked():
    with pytest.raises(ValueError, match="has learnt no support vector machines; train it with"):
        built().change(classifier="svm")
    with pytest.raises(ValueError, match="only classifier, refine, test_regions can"):
        built().change(net="A")


@pytest.mark.skipif(not find_spec("torch"), reason="torch is not installed")
def test_hinge_loss_is_that_of_torch():
    import torch

    x, t = np.random.default_rng(0).normal(size=(2, 30))
    t = np.sign(t)
    ours = minicnn.functional.hinge_loss(x, t).item()
    theirs = torch.nn.functional.relu(1 - torch.tensor(t * x)).mean().item()
    assert ours == pytest.approx(theirs)
