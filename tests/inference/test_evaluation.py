"""Scores, by hand where a hand suffices, and `evaluate` on networks whose answers are known."""

import json
import time

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, make_iccv09
from support.small_runs import SCENES, SETTINGS, Red, small_run

import minicnn
from minicnn import datasets
from minicnn.datasets.label_checks import ScoresError
from minicnn.labelling.methods import GroupingError, Labelling
from minicnn.learning.checkpoints import CheckpointError, load
from minicnn.learning.errors import TrainingError
from minicnn.learning.metrics import Confusion, LabelError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("small") / "run")


@pytest.fixture
def photographs(tmp_path):
    """A folder data set whose red channel tells the class: sky 0, tree 10, road 20."""
    root = make_folder(tmp_path / "mine", count=6, size=(8, 12))
    for path in (root / "labels").iterdir():
        labels = np.array(Image.open(path))
        red = np.select([labels == 7, labels == 200], [10, 20], 0).astype(np.uint8)
        (root / "images" / f"{path.stem}.jpg").unlink(missing_ok=True)
        image = np.stack([red, red * 0, red * 0], axis=2)
        Image.fromarray(image).save(root / "images" / f"{path.stem}.png")
    (root / "test.txt").write_text("p0\np1\np2\n")
    return root


def test_confusion_by_hand():
    """Three classes; the second is not in the truth, the third is never predicted."""
    truth = np.array([[0, 0, 0, 2], [2, 255, 0, 255]], np.uint8)
    named = np.array([[0, 1, 0, 0], [0, 1, 0, 0]], np.uint8)
    c = Confusion(("sky", "tree", "road"))
    c.add(truth, named)
    assert c.matrix.tolist() == [[3, 1, 0], [0, 0, 0], [2, 0, 0]]
    assert c.pixel_accuracy == 3 / 6
    np.testing.assert_equal(c.per_class_accuracy, [3 / 4, np.nan, 0])
    assert c.class_accuracy == 3 / 8  # of the two classes that occur
    np.testing.assert_allclose(c.per_class_iou, [3 / 6, 0, 0])  # sky: 3 hits, 1 missed, 2 too many
    assert c.mean_iou == pytest.approx(1 / 6)
    assert c.as_dict()["per_class_accuracy"] == [0.75, None, 0.0]
    text = "\n".join(c.lines())
    assert "pixel accuracy    50.0 %" in text and "class accuracy    37.5 %" in text
    assert "tree      0.0 %        -    0.0 %" in text


def test_confusion_pools_pictures_and_skips_what_nobody_names():
    c = Confusion(("a", "b", "never"))
    c.add(np.array([[0, 1]]), np.array([[0, 1]]))
    c.add(np.array([[1, 1, 255]]), np.array([[0, 1, 2]]))
    assert c.matrix[:2, :2].tolist() == [[1, 0], [1, 2]]
    assert np.isnan(c.per_class_iou[2]) and c.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)
    with pytest.raises(ValueError, match="differ"):
        c.add(np.zeros((2, 3)), np.zeros((3, 2)))


def test_confusion_of_nothing_is_valid_json():
    c = Confusion(("a", "b"))
    c.add(np.full((2, 2), 255), np.zeros((2, 2), int))
    assert np.isnan(c.pixel_accuracy)
    assert json.loads(json.dumps(c.as_dict(), allow_nan=False))["mean_iou"] is None
    assert c.lines()


def test_evaluate_takes_everything_from_the_run(run):
    result = minicnn.evaluate(run.folder)
    by_hand = Confusion(run.config.classes)
    for picture in datasets.load("scenes", **SCENES).split("test"):
        by_hand.add(picture.labels, run.network.predict(picture.image).argmax(axis=0))
    assert result.confusion.matrix.tolist() == by_hand.matrix.tolist()
    assert (result.pictures, result.split, result.note) == (3, "test", "")
    assert [p.name for p, _ in result.examples] == [f"scene-{2000000 + k}" for k in range(3)]
    assert all(named.shape == p.labels.shape for p, named in result.examples)
    assert 0 < result.seconds_per_picture < 60
    about = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert (about["model"], about["data"], about["pictures"]) == ("multi-scale", "scenes", 3)
    assert (about["recipe"], about["seed"], about["network"]) == ("ours", 0, None)
    assert about["options"] == run.network.options
    assert "3 pictures" in result.lines()[0]


def test_evaluate_with_a_labelling(run):
    """That of the network's own scores; its seconds count."""
    crf = Labelling("crf", gamma=3)
    result = minicnn.evaluate(run, labelling=crf)
    for picture, named in result.examples:
        expected = crf(picture.image, run.network.predict(picture.image))
        assert np.array_equal(named, expected)
    assert result.as_dict()["labelling"] == "crf(gamma=3.0)"
    assert "multi-scale + crf(gamma=3.0) on scenes" in result.lines()[0]
    assert minicnn.evaluate(run, labelling="superpixels").labelling == "superpixels"
    with pytest.raises(GroupingError, match="choose argmax"):
        minicnn.evaluate(run, labelling="best")


def test_evaluate_with_a_function_of_ones_own(photographs):
    def sleepy(image, scores):
        assert image.shape == (8, 12, 3) and scores.shape == (3, 8, 12)
        time.sleep(0.05)
        return np.zeros((8, 12), int)

    result = minicnn.evaluate(Red(3), photographs, labelling=sleepy)
    matrix = result.confusion.matrix
    assert matrix[:, 0].sum() == matrix.sum() > matrix[0, 0]
    assert result.labelling == "sleepy" and result.seconds_per_picture > 0.05


def test_evaluate_takes_runs_files_and_other_pictures(run):
    assert minicnn.evaluate(run, split="val").pictures == 1
    file = run.folder / "best.safetensors"
    other = minicnn.evaluate(str(file), data_options={"test": 2, "seed": 5}, examples=1)
    assert other.pictures == 2 and len(other.examples) == 1
    for wrong in (0, -3, 1.5, "2"):
        with pytest.raises(ValueError, match=f"most={wrong!r}: expected a whole number"):
            minicnn.evaluate(run, most=wrong)
    some = minicnn.evaluate(run, most=2)
    assert [p.name for p, _ in some.examples] == ["scene-2000000", "scene-2000001"]
    assert "trained on" in minicnn.evaluate(run, split="train").note


def test_evaluate_a_network_that_is_always_right(photographs):
    result = minicnn.evaluate(Red(3), photographs)
    assert result.pictures == 3 and result.confusion.pixel_accuracy == 1
    assert result.confusion.mean_iou == 1
    labels = [datasets.load(photographs).read(f"p{k}").labels for k in range(3)]
    assert result.confusion.matrix.sum() == sum(np.sum(a != 255) for a in labels)


def test_evaluate_refuses_in_words(run, photographs):
    with pytest.raises(datasets.DataError, match=r"other classes \(sky, .*than mine has \(sky, t"):
        minicnn.evaluate(run, photographs)
    with pytest.raises(datasets.DataError, match=r"other classes \(4 classes\)"):
        minicnn.evaluate(Red(4), photographs)
    with pytest.raises(datasets.DataError, match="give data="):
        minicnn.evaluate(Red(3))
    with pytest.raises(CheckpointError, match="neither a run folder"):
        minicnn.evaluate("no-such-network")
    (photographs / "val.txt").write_text("")
    with pytest.raises(datasets.DataError, match="no pictures in its split 'val'"):
        minicnn.evaluate(Red(3), photographs, "val")


def test_evaluate_stops_at_a_bad_picture_or_leaves_it_out(photographs):
    (photographs / "images/p1.png").write_bytes(b"no picture")
    with pytest.raises(datasets.DataError, match=r"p1\.png"):
        minicnn.evaluate(Red(3), photographs)
    result = minicnn.evaluate(Red(3), photographs, skip_bad=True)
    assert result.pictures == 2 and "p1.png" in result.left_out[0]
    assert any("left out" in line for line in result.lines())
    Image.fromarray(np.full((8, 12), 255, np.uint8)).save(photographs / "labels/p2.png")
    result = minicnn.evaluate(Red(3), photographs, skip_bad=True)
    assert result.pictures == 1 and result.left_out[1] == "p2 is void all over"


def test_evaluate_on_another_fold_says_so(tmp_path, monkeypatch):
    """A network has seen most pictures of the folds that were not its test fold."""
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "home"))
    data = make_iccv09(tmp_path, count=10, size=(16, 20))
    datasets.install("stanford-background", data, say=lambda line: None)
    run = minicnn.train(
        "single-scale", "stanford-background", fold=1, steps=1, settings=SETTINGS, quiet=True
    )
    assert minicnn.evaluate(run).note == ""
    assert "trained on these very pictures" in minicnn.evaluate(run, fold=2).note
    monkeypatch.setattr("minicnn.inference.seen.note", lambda *a: None)  # nothing is known of it
    assert "has seen pictures of the test fold 2" in minicnn.evaluate(run, fold=2).note


def test_sheets_show_the_examples(photographs):
    result = minicnn.evaluate(Red(3), photographs)
    assert len(list(result.sheets(rows=2))) == 2


WRONG_LABELS = [  # (labels, prediction, what the sentence says)
    ([[0, 3]], [[0, 0]], r"labels: 3 at pixel \(0, 1\) is no class; there are 3, .* from 0 to 2"),
    ([[0, -1]], [[0, 0]], r"labels: -1 at pixel \(0, 1\)"),
    ([[0, 0], [0, 1]], [[0, 0], [0, 3]], r"prediction: 3 at pixel \(1, 1\)"),
    ([[0, 1]], [[0, -1]], r"prediction: -1 at"),
    ([[0, 1]], [[255, 0]], r"prediction: 255 \(void\) at pixel \(0, 0\)"),
    ([[0, 1]], [[0.0, 1.0]], "prediction: expected whole numbers, got float64"),
    ([[0.0, 1.0]], [[0, 1]], "labels: expected whole numbers, got float64"),
]


@pytest.mark.parametrize(("truth", "named", "sentence"), WRONG_LABELS)
def test_what_is_no_class_is_never_counted_as_one(truth, named, sentence):
    c = Confusion(("sky", "tree", "road"))
    with pytest.raises(LabelError, match=sentence):
        c.add(np.array(truth), np.array(named))
    assert not c.matrix.any()


def test_small_integer_types_do_not_overflow():
    """200 classes in int8 and uint8, whose products need more."""
    c = Confusion([str(k) for k in range(200)])
    c.add(np.array([199, 150], np.uint8), np.array([100, 199], np.uint8))
    assert c.matrix[199, 100] == c.matrix[150, 199] == 1


FUNCTIONS = [  # (what a labelling returns, the sentence)
    (lambda image, scores: np.full((8, 12), 3), r"3 at pixel \(0, 0\) is no class; there are 3"),
    (lambda image, scores: np.full((8, 12), 256), "256 at pixel"),  # 0 as uint8
    (lambda image, scores: np.full((8, 12), -1), "-1 at pixel"),
    (lambda image, scores: np.full((8, 12), 255, np.uint8), r"255 \(void\) at pixel"),
    (lambda image, scores: scores, "whole numbers, one for each pixel; these are float32"),
    (lambda image, scores: scores.astype(int), r"the shape is \(3, 8, 12\), .* picture \(8, 12\)"),
    (lambda image, scores: np.zeros((12, 8), int), r"the shape is \(12, 8\)"),
    (lambda image, scores: None, "whole numbers, one for each pixel; these are object"),
]


@pytest.mark.parametrize(("returned", "sentence"), FUNCTIONS)
def test_a_labelling_that_returns_no_labels_is_told_so(photographs, returned, sentence):
    def mine(image, scores):
        return returned(image, scores)

    about = f"what labelling=mine returned: .*{sentence}"
    with pytest.raises(LabelError, match=f"picture p0: {about}"):
        minicnn.evaluate(Red(3), photographs, labelling=mine)
    with pytest.raises(LabelError, match=about):
        minicnn.segment(np.zeros((8, 12, 3), np.uint8), Red(3), size=12, labelling=mine)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_name_nothing(photographs, value):
    class Broken(Red):
        def predict(self, image):
            scores = super().predict(image)
            scores[0, 0, 0] = value
            return scores

    with pytest.raises(ScoresError, match=r"picture p0: .* NaN or infinite, so they name nothing"):
        minicnn.evaluate(Broken(3), photographs)
    for labelling in ("argmax", "superpixels", "crf"):
        with pytest.raises(ScoresError, match="NaN or infinite"):
            minicnn.segment(np.zeros((8, 12, 3), np.uint8), Broken(3), labelling=labelling)


def test_weights_that_are_no_numbers_name_nothing(run, photographs):
    """Numpy's own warnings of infinities on the way are no second message."""
    weights = run.network.state_dict()
    for value in (np.nan, np.inf):
        try:
            run.network.parameters()[0].data[...] = value
            with pytest.raises(ScoresError, match="NaN or infinite"):
                minicnn.segment(np.zeros((40, 40, 3), np.uint8), run)
        finally:
            run.network.load_state_dict(weights)


def test_scores_of_another_size_are_told_so(photographs):
    class Coarse(Red):
        def predict(self, image):
            return super().predict(image)[:, ::2, ::2]

    with pytest.raises(ScoresError, match=r"picture p0: .*\(3, 4, 6\); expected .* \(8, 12\)"):
        minicnn.evaluate(Coarse(3), photographs)


def test_a_last_step_that_spoils_the_weights_leaves_no_checkpoint_of_them(tmp_path):
    """No loss comes after it; the validation notices."""
    with pytest.raises(TrainingError, match="step 1: .*NaN or infinite.*lower lr"):
        minicnn.train(
            "multi-scale",
            "scenes",
            out=tmp_path / "run",
            steps=1,
            settings=SETTINGS | {"lr": 1e30, "clip": 0, "warm_up": 0},
            data_options=SCENES,
            quiet=True,
        )
    assert not (tmp_path / "run/best.safetensors").exists()
    last = tmp_path / "run/last.safetensors"
    assert not last.exists() or all(np.isfinite(a).all() for a in load(last)[0].values())
