"""Several networks asked as one."""

import numpy as np
import pytest

import minicnn
from minicnn.labelling.probabilities import softmax
from minicnn.learning.checkpoints import CheckpointError
from minicnn.learning.trained import trained
from minicnn.models.ensemble import Ensemble

SIZE = {"size": (32, 48), "train": 4, "val": 2, "test": 3}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs on the same scenes, and one on others."""
    root, options = tmp_path_factory.mktemp("ensemble"), {"quiet": True, "steps": 2}
    for name, model, data in (
        ("one", "single-scale", SIZE),
        ("two", "patch", SIZE),
        ("other", "patch", SIZE | {"seed": 1}),
    ):
        settings = {"validations": 1} | ({"width": 0.1} if model == "single-scale" else {})
        minicnn.train(
            model, "scenes", out=root / name, settings=settings, data_options=data, **options
        )
    return root


def test_the_mean_by_hand(runs):
    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
    one, two = (trained(runs / name).network.predict(image) for name in ("one", "two"))
    together = trained(f"{runs / 'one'}+{runs / 'two'}")
    expected = (softmax(one) + softmax(two)) / 2
    np.testing.assert_allclose(np.exp(together.network.predict(image)), expected, rtol=1e-5)
    assert together.config.classes == trained(runs / "one").config.classes
    assert together.weights is None and together.called.endswith("two")


def test_it_is_scored_and_segments_as_any_other(runs):
    name = f"{runs / 'one'}+{runs / 'two'}"
    found = minicnn.evaluate(name)
    assert 0 <= found.confusion.pixel_accuracy <= 1 and found.model == name
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    result = minicnn.segment(image, name, labelling="superpixels")
    assert result.labels.shape == (40, 60) and result.usual is None


def test_what_does_not_go_together_is_said(runs):
    image = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(CheckpointError, match="knows other classes than multi-scale"):
        minicnn.segment(image, "multi-scale+feedback")
    with pytest.raises(CheckpointError, match="neither a run folder"):
        minicnn.segment(image, "multi-scale+recurent")
    with pytest.raises(ValueError, match="edges gives no scores of pixels"):
        minicnn.segment(image, "edges+edges")
    with pytest.raises(ValueError, match="output: of one [+] two no option can be changed"):
        Ensemble([trained(runs / "one").network] * 2, ["one", "two"]).change(output=1)


def test_what_learnt_from_other_pictures_is_refused(runs):
    with pytest.raises(CheckpointError, match="learnt from other pictures than"):
        minicnn.evaluate(f"{runs / 'one'}+{runs / 'other'}")


def test_shipped_networks_keep_their_names():
    found = trained("multi-scale+recurrent-rcnn3")
    assert found.weights.stem == found.called == "multi-scale+recurrent-rcnn3"
    with pytest.raises(ValueError, match="cover"):
        minicnn.segment(np.zeros((32, 48, 3), np.uint8), found, labelling="cover")
