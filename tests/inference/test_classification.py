"""Networks that name whole pictures: training, scores, figures, and what does not go with them."""

import json

import numpy as np
import pytest
from support.image_folders import COLOURS, make_image_folder

import minicnn
from minicnn import cli, datasets
from minicnn.learning.metrics import ScoresError
from minicnn.learning.ranks import Ranks, rank
from minicnn.models.classification import ClassificationModel

SETTINGS = {"size": 20, "width": 0.1, "batch": 6, "validations": 1, "lr": 0.1}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_image_folder(tmp_path_factory.mktemp("data") / "squares")


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return minicnn.train("three-layers", root, out=out, steps=12, settings=SETTINGS, quiet=True)


# ------------------------------------------------------------------------------------- the counting
def test_ranks_by_hand():
    ranks = Ranks("abcdefg")
    assert np.isnan(ranks.top(1)) and ranks.mistakes() == []
    falling = np.arange(7, 0, -1.0)
    for label in (0, 1, 4, 5, 5):  # ranks 0, 1, 4, 5, 5
        assert ranks.add(label, falling) == 0
    ranks.add(6, np.zeros(7))  # of equal scores the first is better
    assert ranks.ranks == [0, 1, 4, 5, 5, 6]
    assert (ranks.top(1), ranks.top(5), ranks.top(7)) == (1 / 6, 3 / 6, 1)
    assert ranks.mistakes()[0] == (2, "f", "a") and len(ranks.mistakes()) == 4
    assert ranks.class_accuracy == pytest.approx(1 / 5)
    about = json.loads(json.dumps(ranks.as_dict()))
    assert about["top5"] == 0.5 and about["per_class_accuracy"][2] is None
    lines = ranks.lines()
    assert lines[0].split() == ["top-1", "accuracy", "16.7", "%"]
    assert "   2 x  f, called a" in lines and not any("IoU" in line for line in lines)
    assert repr(ranks).startswith("<Ranks of 7 classes, 6 pictures: top-1 accuracy 16.7 %, top-5")
    assert "IoU" not in ranks._repr_html_() and "top-5 accuracy 50.0 %" in ranks._repr_html_()


class Colour(ClassificationModel):
    """A «network» that names the class whose colour is next to the mean of the picture."""

    def predict(self, image):
        mean = image.reshape(-1, 3).mean(axis=0)
        return -np.abs(np.array(list(COLOURS.values())) - mean).sum(axis=1)


def test_a_network_that_looks_at_colours_is_always_right(root):
    result = minicnn.evaluate(Colour(3), root)
    assert result.confusion.top(1) == 1 and result.pictures == 9 and result.split == "test"
    assert np.array_equal(result.confusion.matrix, 3 * np.eye(3, dtype=int))


def test_scores_that_are_no_numbers_name_the_picture(root):
    class Broken(Colour):
        def predict(self, image):
            return super().predict(image) * np.nan

    pictures = datasets.load(root).split("test")
    with pytest.raises(ScoresError, match=r"^picture val/blue/val0.png: .*NaN or infinite"):
        rank(Broken(3), pictures, list(COLOURS))


# ------------------------------------------------------------------------------------ the whole way
def test_it_learns_and_its_result_shows_itself(run, root):
    result = minicnn.evaluate(run)
    assert result.confusion.top(1) > 0.6 and result.confusion.top(5) == 1
    assert result.model == "three-layers" and result.note == "" and len(result.examples) == 9
    about = json.loads(json.dumps(result.as_dict()))
    assert about["top1"] == pytest.approx(result.confusion.top(1), abs=1e-6)
    assert about["pictures"] == 9 and "pixel_accuracy" not in about
    assert result.lines()[2].startswith("top-1 accuracy") and "s a picture" in result.lines()[5]
    assert len(repr(result)) < 250 and "top-1 accuracy" in repr(result)
    assert "top-5 accuracy" in result._repr_html_() and len(result._repr_html_()) < 4000
    (sheet,) = result.sheets()
    texts = [axes.get_title() for axes in sheet.axes if axes.get_title()]
    assert len(texts) == 9 and all(text.startswith(("✓", "✗")) for text in texts)
    assert minicnn.evaluate(run, split="train").note == (
        "the network was trained on these very pictures"
    )


def test_the_command_line(run, root, tmp_path, capsys):
    out = tmp_path / "scores"
    assert cli.main(["evaluate", str(run.folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "top-1 accuracy" in said and "top-5 accuracy" in said and "pixel" not in said
    names = ["confusion.png", "scores.json", "sheet-1.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert cli.main(["evaluate", str(run.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top5"] == 1
    assert cli.main(["show", str(run.folder), "--out", str(tmp_path / "figures")]) == 0
    said = capsys.readouterr().out
    assert "picture accuracy" in said
    names = ["curves.png", "features.png", "filters.png"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names
    assert cli.main(["show", "three-layers", "--layers"]) == 0
    assert "classifier" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["segment", "PICTURE", "--model", "RUN"], "three-layers says what a whole picture shows"),
        (["evaluate", "RUN", "--set", "labelling=superpixels"], "says what a whole picture shows"),
        (["train", "cover", "--start", "RUN"], "three-layers says what a whole picture shows"),
        (["evaluate", "RUN", "--data", "scenes"], "learns from pictures of a class each, and scen"),
        (["evaluate", "multi-scale", "--data", "ROOT"], "squares has pictures of a class each"),
        (["train", "multi-scale", "--data", "ROOT"], "squares has pictures of a class each"),
        (
            ["train", "three-layers"],
            "three-layers learns from pictures of a class each, and scenes",
        ),
        (
            ["train", "three-layers", "--data", "ROOT", "--set", "size=5000"],
            "size=5000: expected 20",
        ),
        (["bench", "three-layers", "--profile"], "three-layers has no step of learning to name"),
    ],
)
def test_what_does_not_go_together(command, words, run, root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"RUN": run.folder, "ROOT": root, "PICTURE": root / "val" / "red" / "val0.png"}
    assert cli.main([str(names.get(word, word)) for word in command]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_hint_of_memory_speaks_of_the_batch(root, monkeypatch):
    from minicnn.learning import memory

    monkeypatch.setattr(memory, "available", lambda: 100_000)
    with pytest.raises(ValueError, match="and batch=6 would take .* or a smaller batch"):
        minicnn.train("three-layers", root, steps=1, settings=SETTINGS, quiet=True)


# ------------------------------------------------------------------------------------ the data sets
def test_data_show_and_check(root, tmp_path, capsys):
    assert cli.main(["data", "show", str(root), "--out", str(tmp_path / "sheet")]) == 0
    said = capsys.readouterr().out
    assert "27 pictures (train 15, val 3, test 9)" in said and "void" not in said
    assert "34 x 30 (27)" in said and "every file is good" in said
    row = next(line.split() for line in said.splitlines() if line.startswith("green"))
    assert row[1] == "33.33"
    assert (tmp_path / "sheet" / "train.png").stat().st_size > 1000
    assert cli.main(["data", "check", str(root)]) == 0


def test_a_broken_file_is_found_and_shown(tmp_path, capsys):
    root = make_image_folder(tmp_path / "mine")
    (root / "val" / "red" / "val1.png").write_bytes(b"no picture")
    assert cli.main(["data", "check", str(root)]) == 1
    bad = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1 and "val1.png" in bad[0]
    options = ["--split", "test", "--out", str(tmp_path / "sheet")]
    assert cli.main(["data", "show", str(root), *options]) == 0
    assert minicnn.evaluate(Colour(3), root, skip_bad=True).pictures == 8


def break_a_class(root, how):
    if how == "another in val":
        (root / "val" / "red").rename(root / "val" / "rot")
    elif how == "none in val":
        for path in [*(root / "val" / "red").iterdir()]:
            path.unlink()
        (root / "val" / "red").rmdir()
    elif how == "empty":
        for path in (root / "train" / "green").iterdir():
            path.unlink()
    elif how == "one":
        for split in ("train", "val"):
            for name in ("red", "green"):
                for path in [*(root / split / name).iterdir()]:
                    path.unlink()
                (root / split / name).rmdir()
    elif how == "no train":
        (root / "train").rename(root / "learn")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("another in val", "val: its class 'rot' is none of train's"),
        ("none in val", "val: has no folder for the class 'red' of train"),
        ("empty", "train: its class 'green' has no picture"),
        ("one", "has one class only, 'blue'"),
        ("no train", "has a folder val, but no train"),
    ],
)
def test_folders_that_do_not_fit_together(how, words, tmp_path, capsys):
    root = make_image_folder(tmp_path / "mine")
    break_a_class(root, how)
    for command in (["data", "check"], ["data", "show"], ["train", "three-layers", "--data"]):
        assert cli.main([*command, str(root)]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_more_classes_than_a_byte_has_values(tmp_path, monkeypatch):
    """ImageNet has 1000; only the label of a pixel is a byte."""
    from minicnn.learning.config import CheckpointError, Config

    classes = [f"c{k}" for k in range(300)]
    options = {"size": 20, "width": 0.1, "dropout": 0.0}
    Config.from_json(
        {"model": "three-layers", "classes": classes, "step": 0, "options": options}, "a"
    )
    with pytest.raises(CheckpointError, match="number of classes is 300, expected 1 to 255"):
        Config.from_json({"model": "patch", "classes": classes, "step": 0, "options": {}}, "a")
