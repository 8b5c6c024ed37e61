"""Data sets: what `load` finds, the splits, Stanford Background, and the check of every file."""

import subprocess
import sys

import numpy as np
import pytest
from support.datasets_samples import make_folder, make_iccv09, refused

from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.datasets.folder import Folder
from minicnn.datasets.inspection import check, survey
from minicnn.datasets.splits import by_digest, deal, hold_out
from minicnn.datasets.stanford_background import StanfordBackground


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "mine")


# ------------------------------------------------------------------------------------------ load


def test_the_import_is_light():
    code = (
        "import sys, minicnn.datasets as d, minicnn.figures, minicnn.images.reading\n"
        "print([m for m in ('PIL', 'matplotlib', 'numba', 'scipy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_unknown_name_lists_what_there_is(home):
    message = refused("no data set 'nix'", datasets.load, "nix")
    assert "ready to use: scenes;" in message
    assert "not installed: stanford-background" in message
    make_iccv09(home).rename(home / "stanford-background")
    message = refused("no data set 'nix'", datasets.load, "nix")
    assert "ready to use: scenes, stanford-background;" in message


def test_load_says_what_is_wrong(home, folder):
    refused("data install stanford-background --from", datasets.load, "stanford-background")
    refused("is not a folder", datasets.load, folder / "classes.txt")
    refused("is not a folder", datasets.load, "no/such/path")
    refused("no option 'fold' here; it has none", datasets.load, folder, fold=2)
    refused("has no images; a data set needs images/", datasets.load, home.parent)


def test_a_part_of_a_split_is_a_split_that_reads_when_asked(folder):
    split = datasets.load(folder).split("train")
    some = split[:2]
    assert type(some) is type(split) and some.names == split.names[:2] and len(split[5:5]) == 0
    assert some[-1].name == split[1].name and split[-2:].names == split.names[-2:]


def test_home_is_the_variable_or_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("MINICNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert datasets.data_home() == tmp_path / "minicnn"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert datasets.data_home() == tmp_path / ".cache/minicnn"


def test_listing(home):
    assert any("missing" in line for line in datasets.listing())
    make_iccv09(home).rename(home / "stanford-background")
    assert any("installed  715" in line for line in datasets.listing())


# ---------------------------------------------------------------------------------------- splits


def test_dealing_is_fair_and_fixed():
    names = [f"{i:03}" for i in range(17)]
    hands = deal(names, 5, "test")
    assert sorted(sum(hands, [])) == names and sorted(map(len, hands)) == [3, 3, 3, 4, 4]
    assert hands == deal(names[::-1], 5, "test") != deal(names, 5, "other")
    # The rule is written down; this is what it gave on the first day, and gives for ever.
    assert by_digest(["a", "b", "c", "d"], "x") == ["d", "b", "c", "a"]
    rest, tenth = hold_out(names, "test")
    assert len(tenth) == 2 and sorted(rest + tenth) == names
    assert hold_out(["a"], "test") == (["a"], [])


def test_folds_of_715_are_143(tmp_path, monkeypatch):
    ids = [f"{i:07}" for i in range(715)]
    monkeypatch.setattr("minicnn.datasets.stanford_background.picture_ids", lambda root: ids)
    tests = []
    for fold in range(1, 6):
        dataset = StanfordBackground(tmp_path, fold)
        train, val, test = (set(dataset.names(s)) for s in ("train", "val", "test"))
        assert (len(train), len(val), len(test)) == (515, 57, 143)
        assert train | val | test == set(ids)
        tests.append(test)
    assert set.union(*tests) == set(ids)


def test_the_real_stanford_background():
    if not datasets.is_installed("stanford-background"):
        pytest.skip("stanford-background is not installed (MINICNN_DATA)")
    dataset = datasets.load("stanford-background", fold=1)
    assert [len(dataset.names(s)) for s in ("train", "val", "test")] == [515, 57, 143]
    assert dataset.names("val")[:3] == ["0000072", "0003957", "0102039"]
    for picture in list(dataset.split("test"))[:20]:
        assert picture.image.shape == (*picture.labels.shape, 3)
        assert picture.labels[picture.labels != VOID].max() < 8 and picture.tags


# --------------------------------------------------------------------------- stanford-background


def test_reading_stanford_background(tmp_path):
    dataset = StanfordBackground(make_iccv09(tmp_path))
    name = "0000003"
    picture = dataset.read(name)
    regions = np.random.default_rng(3).integers(-1, 8, (6, 8))
    np.testing.assert_array_equal(picture.labels, np.where(regions < 0, 255, regions))
    assert picture.image.dtype == picture.labels.dtype == np.uint8
    assert picture.image.shape == (6, 8, 3)
    assert set(picture.tags) == {dataset.classes[k] for k in set(regions.ravel()) if k >= 0}
    refused("no fold 6", StanfordBackground, tmp_path / "iccv09Data", 6)
    refused("not 'trian'", dataset.split, "trian")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "it is empty"),
        ("1 2\n3\n", "matrix of whole numbers"),
        ("1 x\n", "matrix of whole numbers"),
        ("1 2\n3 9\n", "label 9 in line 2, column 2"),
        ("1 2\n3 4\n", "has 2 x 2 labels, but"),
        ("é", "matrix of whole numbers"),
    ],
)
def test_bad_region_files(tmp_path, text, message):
    root = make_iccv09(tmp_path, count=2)
    (root / "labels/0000001.regions.txt").write_text(text)
    assert "0000001" in refused(message, StanfordBackground(root).read, "0000001")


def test_a_picture_without_labels(tmp_path):
    root = make_iccv09(tmp_path, count=2)
    (root / "labels/0000001.regions.txt").unlink()
    refused("0000001.regions.txt does not exist", StanfordBackground(root).read, "0000001")


def test_check_lists_every_bad_file(home, capsys):
    root = make_iccv09(home).rename(home / "stanford-background")
    assert check("stanford-background") == 0
    assert "every file is good" in capsys.readouterr().out
    (root / "labels/0000001.regions.txt").write_text("9")
    (root / "images/0000002.jpg").write_bytes((root / "images/0000002.jpg").read_bytes()[:300])
    np.savetxt(root / "labels/0000003.regions.txt", np.full((6, 8), -1), fmt="%d")
    assert check("stanford-background", fold=2) == 1
    out = capsys.readouterr().out
    assert out.count("BAD") == 2 and "2 bad files" in out and "0000002.jpg" in out
    assert "0000003" in out and "void all over" in out


def test_survey_counts(folder):
    dataset = Folder(folder)
    found = survey(dataset)
    pictures = [p for s in ("train", "val", "test") for p in dataset.split(s)]
    labels = np.stack([p.labels for p in pictures])
    assert found.pixels.tolist() == [(labels == k).sum() for k in range(3)]
    assert found.void == (labels == VOID).sum() and found.sizes == {(6, 8): 10}
    np.testing.assert_allclose(found.mean_colour, np.mean([p.image for p in pictures], (0, 1, 2)))
    assert abs(found.shares.sum() - 1) < 1e-12
