"""Jitter of training pictures, and which of their pixels count."""

import math

import numpy as np
import pytest

import minicnn
from minicnn.images.jitter import jitter, turn_and_scale
from minicnn.learning import checkpoints
from minicnn.learning.class_weights import class_weights
from minicnn.learning.pixels import drawn

VOID = 255


def picture(height=31, width=41):
    """A smooth picture whose labels can be read off it: grey level 40 k + 20 for class k."""
    columns = np.arange(width) * 5 // width
    labels = np.broadcast_to(columns, (height, width)).astype(np.uint8)
    return np.repeat((40 * labels + 20)[..., None], 3, axis=2).astype(np.uint8), labels


def test_labels_go_where_the_picture_goes():
    image, labels = picture()
    rng = np.random.default_rng(0)
    for _ in range(20):
        turned, moved = jitter(image, labels, rng, rotate=30, rescale=0.4)
        assert turned.shape == image.shape and moved.shape == labels.shape
        inside = moved != VOID
        assert 0.4 < inside.mean() <= 1
        # interpolation blurs the borders between the stripes, and only those
        wrong = np.abs(turned[..., 0].astype(int) - (40 * moved.astype(int) + 20)) > 21
        assert not (wrong & inside).any()


def test_a_quarter_turn_is_exact():
    image = np.random.default_rng(1).integers(0, 255, (9, 9, 3), np.uint8)
    labels = image[..., 0] % 5
    turned, moved = turn_and_scale(image, labels, math.pi / 2, 1.0)
    assert np.array_equal(turned, np.rot90(image)) and np.array_equal(moved, np.rot90(labels))


def test_twice_as_large_shows_half_as_much_and_half_as_large_leaves_void_around():
    image, labels = picture(20, 40)
    _, larger = turn_and_scale(image, labels, 0.0, 2.0, place=(0.5, 0.0))
    assert set(np.unique(larger)) <= {0, 1, 2}  # the left half of five stripes
    _, smaller = turn_and_scale(image, labels, 0.0, 0.5)
    assert np.mean(smaller == VOID) == pytest.approx(0.75, abs=0.05)


def test_jitter_of_nothing_changes_nothing_and_flips_mirror_both():
    image, labels = picture()
    same = jitter(image, labels, np.random.default_rng(0), flip=False)
    assert same[0] is image and same[1] is labels
    seen = {bool(jitter(image, labels, np.random.default_rng(k))[1][0, 0]) for k in range(9)}
    assert seen == {False, True}


def test_weights_of_classes_are_one_on_average_and_balance_them():
    shares = [0.9, 0.1, 0.0]
    assert class_weights(shares, 0).tolist() == [1, 1, 0]
    for balance in (0.5, 1):
        weights = class_weights(shares, balance)
        assert weights @ shares == pytest.approx(1)
        assert weights[1] / weights[0] == pytest.approx(9**balance)


def test_sampled_pixels_follow_nature_or_balance():
    labels = np.zeros(2000, np.uint8)
    labels[:200] = 1
    labels[200:400] = VOID
    shares = [0.9, 0.1]
    rng = np.random.default_rng(0)
    counts = {}
    for balance in (0.0, 1.0):
        kept = np.concatenate([labels[drawn(labels, 50, balance, shares, rng)] for _ in range(40)])
        assert set(np.unique(kept)) == {0, 1}
        counts[balance] = np.mean(kept == 1)
    assert counts[0.0] == pytest.approx(200 / 1800, abs=0.03)
    assert counts[1.0] == pytest.approx(0.5, abs=0.05)
    assert len({*drawn(labels, 5, 0.0, shares, rng)}) == 5
    known = np.flatnonzero(labels != VOID)
    np.testing.assert_array_equal(drawn(labels, 10**6, 0.0, shares, rng), known)


TINY = {"size": (32, 48), "train": 4, "val": 1, "test": 1}


def train(**settings):
    start = settings.pop("start", None)
    out = settings.pop("out", None)
    return minicnn.train(
        "multi-scale",
        "scenes",
        steps=3,
        out=out,
        start=start,
        settings={"width": 0.125} | settings,
        data_options=TINY,
        quiet=True,
    )


def test_features_first_then_a_classifier_on_them(tmp_path):
    """The paper's two phases: a linear classifier while the features learn, then a larger one on
    features that keep their weights. A resumed run keeps to that."""
    features = train(hidden=0, out=tmp_path / "features", rotate=8, rescale=0.1, balance=0.5)
    assert "hidden.weight" not in features.network.state_dict()
    second = train(start=tmp_path / "features", freeze="stages", out=tmp_path / "both", patches=50)
    kept, learnt = features.network.state_dict(), second.network.state_dict()
    for path, weights in kept.items():
        if path.startswith("stages"):
            assert np.array_equal(weights, learnt[path])
    assert second.config.start.new == [
        f"{name}.{part}" for name in ("hidden", "classifier") for part in ("weight", "bias")
    ]
    velocity = [k for k in checkpoints.load(tmp_path / "both" / "last.safetensors")[0] if "/" in k]
    assert velocity and not any("stages" in name for name in velocity)
    assert minicnn.resume(tmp_path / "both", quiet=True).steps_done == 3


def test_tables_come_with_the_weights(tmp_path):
    first = train(tables="random", out=tmp_path / "run")
    again = train(tables="random", start=tmp_path / "run", freeze="stages hidden")
    assert np.array_equal(
        first.network.stages.stages[1].table, again.network.stages.stages[1].table
    )


def test_pictures_are_prepared_as_the_weights_know_them(tmp_path):
    first = train(normalise="both", floor=3.0, out=tmp_path / "run")
    again = train(start=tmp_path / "run")
    assert (again.config.options["normalise"], again.config.options["floor"]) == ("both", 3.0)
    assert not again.config.start.new
    settings = {"width": 0.125, "floor": 2.0}
    how = {"settings": settings, "data_options": TINY, "quiet": True}
    single = minicnn.train("single-scale", "scenes", steps=1, start=first, **how)
    assert single.config.options["normalise"] == "both"
    assert single.config.options["floor"] == 2.0
    assert "stages.stages.0.weight" in single.config.start.taken


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"freeze": "stage"}, "freeze 'stage': there is no such module; .*stages.stages.0.weight"),
        ({"freeze": "stages,hidden,classifier"}, "nothing is left to learn"),
        ({"start": "nowhere"}, "'nowhere' is neither a run folder"),
        ({"rotate": 400}, "rotate=400: expected 0 to 180"),
    ],
)
def test_what_cannot_be_is_said(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(**settings)
