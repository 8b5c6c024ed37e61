"""`resume --data`: data that moved is found again, and other data is not taken for it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder

import minicnn
from minicnn import cli, datasets
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import BEST, LAST, PLAN
from minicnn.learning.configuring import configure

SETTINGS = {"width": 0.1, "patches": 20, "validations": 1, "checkpoint_steps": 1}
SETTINGS |= {"schedule": "constant", "warm_up": 0}  # the same rates, however long it was to be


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(a data set, the folder of a run of two steps on it, the weights after four)"""
    root = tmp_path_factory.mktemp("trained")
    make_folder(root / "here", count=8, size=(20, 24))
    options = {"settings": SETTINGS, "quiet": True}
    whole = minicnn.train("patch", root / "here", steps=4, **options).network.state_dict()
    minicnn.train("patch", root / "here", steps=2, out=root / "run", **options)
    return root / "here", root / "run", whole


@pytest.fixture
def moved(trained, tmp_path):
    """(the run, as if it had been stopped half way on data in tmp_path / "here"; where that is now;
    the weights of a run that was not stopped)"""
    data, run, whole = trained
    shutil.copytree(data, tmp_path / "there" / "here")
    shutil.copytree(run, tmp_path / "run")
    arrays, header = checkpoints.load(tmp_path / "run" / LAST)
    header |= {"total_steps": 4, "best": None}
    header["data"]["name"] = str(tmp_path / "here")
    checkpoints.save(tmp_path / "run" / LAST, arrays, header)
    return tmp_path / "run", tmp_path / "there" / "here", whole


def test_data_that_is_gone_says_how_to_tell_where_it_is(moved, capsys):
    folder, _, _ = moved
    assert cli.main(["resume", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "if it has moved, say where: resume RUN --data PATH" in error
    assert error.count("\n") == 1 and str(folder.parent / "here") in error
    assert checkpoints.load(folder / LAST)[1]["step"] == 2


def test_from_the_new_place_it_goes_on_and_remembers_it(moved):
    folder, there, _ = moved
    assert cli.main(["resume", str(folder), "--data", str(there)]) == 0
    assert checkpoints.load(folder / LAST)[1]["data"]["name"] == str(there)
    assert minicnn.resume(folder, quiet=True).steps_done == 4  # now without
    assert minicnn.evaluate(folder).data == str(there)


def test_the_best_weights_of_before_remember_it_too(moved):
    """The best step may lie before the stop; `evaluate` reads where the data are from its file."""
    folder, there, _ = moved
    arrays, header = checkpoints.load(folder / LAST)
    best = {"step": 2, "val_accuracy": 1.0, "sure": None}
    checkpoints.save(folder / LAST, arrays, header | {"best": best})
    arrays, header = checkpoints.load(folder / BEST)
    header["data"]["name"] = str(folder.parent / "here")
    checkpoints.save(folder / BEST, arrays, header)
    run = minicnn.resume(folder, quiet=True, data=there)
    assert run.config.best.step == 2
    assert minicnn.evaluate(folder).data == str(there)


def test_a_training_block_by_block_finds_its_data_again(tmp_path, monkeypatch):
    from minicnn.learning.fitting import Progress

    def interrupted(self, done, *figures):
        if done == 2 and len(self.run.network.blocks) == 2:
            raise KeyboardInterrupt

    make_folder(tmp_path / "here", count=8, size=(20, 24))
    settings = SETTINGS | {"blocks": 3}
    monkeypatch.setattr(Progress, "step", interrupted)
    with pytest.raises(KeyboardInterrupt, match="of block 2; go on with: minicnn resume"):
        minicnn.train_greedily(
            "patch", tmp_path / "here", out=tmp_path / "run", settings=settings, steps=3, quiet=True
        )
    monkeypatch.undo()
    shutil.move(tmp_path / "here", tmp_path / "there")
    run = minicnn.resume(tmp_path / "run", quiet=True, data=tmp_path / "there")
    assert run.steps_done == 3 and len(run.network.blocks) == 3
    assert json.loads((tmp_path / "run" / PLAN).read_text())["data"] == str(tmp_path / "there")
    assert minicnn.resume(tmp_path / "run", quiet=True).steps_done == 3


def test_a_path_among_the_options_of_a_network_lasts(tmp_path, monkeypatch):
    """`segment` reads it, too, from wherever it is called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for given, kept in (("mine", str(tmp_path / "mine")), ("edges", "edges"), ("gone", "gone")):
        config = configure("sds", "ours", {"edges": given}, datasets.load("scenes"), 0)
        assert config.options["edges"] == kept


def other_classes(root):
    text = (root / "classes.txt").read_text()
    (root / "classes.txt").write_text(text.replace("tree", "bush"))


def fewer_pictures(root):
    (root / "images" / "p2.png").unlink()
    (root / "labels" / "p2.png").unlink()


def dealt_otherwise(root):
    (root / "train.txt").write_text("p0\np1\np2\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            other_classes,
            "has other classes (sky, bush, road) than the data set of this run (sky, t",
        ),
        (fewer_pictures, "holds other pictures, or deals them otherwise to train, val and test"),
        (dealt_otherwise, "holds other pictures, or deals them otherwise to train, val and test"),
    ],
)
def test_another_data_set_is_not_taken_for_it(change, words, moved, capsys):
    folder, there, _ = moved
    change(there)
    before = (folder / LAST).read_bytes()
    assert cli.main(["resume", str(folder), "--data", str(there)]) == 2
    error = capsys.readouterr().err
    assert words in error and str(there) in error and error.count("\n") == 1
    assert (folder / LAST).read_bytes() == before


def test_it_is_looked_at_without_data_too(moved):
    """Pictures that were added meanwhile change what a step sees."""
    folder, there, _ = moved
    shutil.move(there, folder.parent / "here")
    Image.fromarray(np.zeros((20, 24, 3), np.uint8)).save(folder.parent / "here/images/new.png")
    Image.fromarray(np.full((20, 24), 3, np.uint8)).save(folder.parent / "here/labels/new.png")
    with pytest.raises(ValueError, match="holds other pictures.* begin a new run with --start"):
        minicnn.resume(folder, quiet=True)


def test_a_place_that_does_not_exist_is_only_said(moved, capsys):
    folder, there, _ = moved
    assert cli.main(["resume", str(folder), "--data", str(there / "nowhere")]) == 2
    error = capsys.readouterr().err
    assert "nowhere" in error and "if it has moved" not in error


def test_the_last_bits_are_those_of_a_run_whose_data_stayed(moved):
    folder, there, whole = moved
    run = minicnn.resume(folder, quiet=True, data=there)
    for name, array in whole.items():
        assert np.array_equal(array, run.network.state_dict()[name])
