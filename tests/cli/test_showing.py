"""`minicnn show`: a trained network in words and figures."""

import numpy as np
import pytest
from PIL import Image
from support.small_runs import small_run

from minicnn.cli.showing import show
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import BEST
from minicnn.models import MODELS


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("run") / "multi-scale-1")


def names(paths):
    for path in paths:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
    return [path.name for path in paths]


def test_without_a_wish_everything_is_shown(run, capsys):
    paths = show(run.folder)
    assert names(paths) == ["filters.png", "features.png", "scale.png", "curves.png"]
    assert {path.parent for path in paths} == {run.folder}
    words = capsys.readouterr().out
    count = sum(p.data.size for p in run.network.parameters())
    for fact in ("multi-scale, recipe ours", "width=0.1", "scenes", "sky, tree", f"{count:,}"):
        assert fact in words
    assert f"pixel accuracy {run.config.best.val_accuracy:.1%}" in words
    assert f"minicnn show {run.folder} --layers" in words


def test_one_wish_one_figure(run, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((60, 90, 3), np.uint8)).save(photo)
    assert names(show(run.folder, filters=True, out=tmp_path / "a")) == ["filters.png"]
    assert names(show(run.folder, features=photo, out=tmp_path / "a")) == [
        "features.png",
        "scale.png",
    ]
    assert names(show(run.folder, curve=True, out=tmp_path / "b")) == ["curves.png"]
    assert capsys.readouterr().out == ""


def test_weights_without_a_run_have_no_curve(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes((run.folder / BEST).read_bytes())
    assert names(show(weights)) == ["filters.png", "features.png", "scale.png"]
    assert (tmp_path / "mine-figures" / "filters.png").is_file()
    with pytest.raises(ValueError, match="no log of a training"):
        show(weights, curve=True)


def test_a_name_without_weights_has_layers_at_least(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "WEIGHTS", tmp_path)
    for model in MODELS:
        with pytest.raises(checkpoints.CheckpointError, match=f"minicnn show {model} --layers$"):
            show(model)
    with pytest.raises(checkpoints.CheckpointError, match=r"shipped: none\)$"):
        show("nothing")


def test_an_empty_folder_takes_no_name_from_a_shipped_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "patch").mkdir()  # as `minicnn show patch --out patch` makes it
    assert checkpoints.find("patch").parent == checkpoints.WEIGHTS
    (tmp_path / "patch" / "log.jsonl").touch()
    with pytest.raises(checkpoints.CheckpointError, match="patch: this folder holds no best"):
        checkpoints.find("patch")


def test_a_picture_that_is_none_is_named(run, tmp_path):
    with pytest.raises(ValueError, match="photo.jpg"):
        show(run.folder, features=tmp_path / "photo.jpg")
