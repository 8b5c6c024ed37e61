"""Beginning with a network of as many classes that are others, or stand in another order."""

import shutil

import numpy as np
import pytest
from support.image_folders import make_image_folder

import minicnn
from minicnn import models
from minicnn.learning import fine_tuning
from minicnn.learning.checkpoints import initialise_from
from minicnn.learning.config import Config

ALEXNET = {"size": 40, "width": 0.1, "columns": 1}
SETTINGS = {**ALEXNET, "batch": 4, "validations": 1, "warm_up": 0}
NETWORKS = {
    "multi-scale": {"width": 0.2},
    "recurrent": {"net": "rCNN2"},
    "alexnet": ALEXNET,
    "three-layers": {},
    "sds": {"net": "B", "size": 40, "width": 0.1},
}
CLASSES = ["cow", "sky", "tree"]


def begun(model, classes):
    """(a network of `CLASSES`, one of `classes` that begins with it, its Start)."""
    first, second = (Config(model, names, NETWORKS[model], 0) for names in (CLASSES, classes))
    before, after = (models.find(model)[0](3, **NETWORKS[model]) for _ in range(2))
    arrays = before.state_dict()
    given = fine_tuning.of_classes(after.adapted(arrays), after, first, second)
    return before, after, initialise_from(given, {}, after, "there")


@pytest.mark.parametrize("model", ["multi-scale", "recurrent", "alexnet", "three-layers"])
def test_the_same_classes_in_another_order(model):
    before, after, start = begun(model, ["tree", "cow", "sky"])
    assert start.new == []
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    scores = before.eval().predict(image)
    np.testing.assert_allclose(after.eval().predict(image), scores[[2, 0, 1]], rtol=1e-3, atol=1e-5)


def test_the_row_of_no_object_stays_the_last():
    before, after, start = begun("sds", ["tree", "cow", "sky"])
    assert start.new == []
    for name in ("fc8", "fc8_region"):
        weights = [getattr(network, name).weight.numpy() for network in (before, after)]
        assert np.array_equal(weights[1], weights[0][[2, 0, 1, 3]])


@pytest.mark.parametrize(
    ("model", "last"),
    [
        ("multi-scale", ["classifier"]),
        ("recurrent", ["layers.2"]),
        ("alexnet", ["fc8"]),
        ("three-layers", ["classifier"]),
        ("sds", ["fc8", "fc8_region"]),
    ],
)
def test_other_classes_begin_at_random(model, last):
    before, after, start = begun(model, ["cow", "sky", "car"])
    assert start.new == [f"{layer}.{kind}" for layer in last for kind in ("weight", "bias")]
    old, new = before.state_dict(), after.state_dict()
    assert not np.array_equal(old[start.new[0]], new[start.new[0]])
    if model == "recurrent":  # filters of the picture stay, those of what was said begin with 0
        filters = [a["layers.0.weight"] for a in (old, new)]
        assert np.array_equal(filters[0][:, 3:], filters[1][:, 3:]) and not filters[1][:, :3].any()


@pytest.mark.parametrize("before", [CLASSES, ["class 0", "class 1", "class 2"]])
def test_the_same_or_unknown_classes_keep_everything(before):
    network = models.find("multi-scale")[0](3, width=0.2)
    arrays, config = network.state_dict(), Config("multi-scale", list(CLASSES), {"width": 0.2}, 0)
    assert fine_tuning.of_classes(arrays, network, None, config) is arrays
    first = Config("multi-scale", before, {"width": 0.2}, 0)
    assert fine_tuning.of_classes(arrays, network, first, config) is arrays


def test_a_training_says_so(tmp_path, capsys):
    first = make_image_folder(tmp_path / "first")
    other = shutil.copytree(first, tmp_path / "other")
    for split in ("train", "val"):
        (other / split / "blue").rename(other / split / "white")
    run = minicnn.train("alexnet", first, steps=1, settings=SETTINGS, quiet=True)
    tuned = minicnn.train("alexnet", other, start=run, steps=1, settings=SETTINGS)
    assert tuned.config.start.new == ["fc8.weight", "fc8.bias"]
    said = capsys.readouterr().err
    assert "fc8 begins at random: a run names other classes than these, blue for one\n" in said
    settings = SETTINGS | {"size": 56}
    minicnn.train("alexnet", other, start=run, steps=1, settings=settings)
    assert "of another shape, or for other classes" in capsys.readouterr().err
    again = minicnn.train("alexnet", first, start=run, steps=1, settings=SETTINGS)
    assert again.config.start.new == []
