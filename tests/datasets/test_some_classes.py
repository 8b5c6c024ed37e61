"""voc2012-animals with some classes, all others as background, and pictures of a class beside."""

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import random_image
from support.tagged_pictures import make_tagged

from minicnn import datasets
from minicnn.datasets import VOID, DataError, is_installed
from minicnn.datasets.some_classes import HELD_OUT
from minicnn.datasets.voc import LISTS
from minicnn.datasets.voc_animals import VOCAnimals

CLASSES = np.array([[0, 0, 0, 0, 0, 0], [0, 8, 8, VOID, 12, 12], [8, 15, 0, 0, 12, 12]])

real = pytest.mark.skipif(
    not (is_installed("voc2012-animals") and is_installed("weak-cats-dogs")),
    reason="voc2012-animals and weak-cats-dogs are not both installed",
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path))
    root = tmp_path / "voc2012-animals"
    for folder in ("JPEGImages", "SegmentationClass", LISTS):
        (root / folder).mkdir(parents=True)
    for k in range(4):
        Image.fromarray(random_image(k, CLASSES.shape)).save(root / f"JPEGImages/p{k}.jpg")
        labels = Image.fromarray(CLASSES.astype(np.uint8))
        labels.save(root / f"SegmentationClass/p{k}.png")
    (root / LISTS / "train.txt").write_text("p0\np1\np2\n")
    (root / LISTS / "val.txt").write_text("p3\n")
    make_tagged(tmp_path / "weak-cats-dogs", 2, 1)
    return tmp_path


def test_other_classes_are_background_and_masks_are_held_out(home, monkeypatch):
    monkeypatch.setattr("minicnn.datasets.some_classes.HELD_OUT", 1)
    data = datasets.load("voc2012-animals", classes="cat,dog", more="weak-cats-dogs")
    assert data.classes == ("background", "cat", "dog") and data.kind == "pixels"
    assert data.names("test") == ["p3"] and len(data.names("val")) == 1
    train = data.names("train")
    assert len(train) == 2 + 6 and not set(train) & set(data.names("val"))
    wanted = np.select([CLASSES == 8, CLASSES == 12, CLASSES == VOID], [1, 2, VOID])
    picture = data.read("p3")
    assert (picture.labels == wanted).all() and picture.tags == ("background", "cat", "dog")
    other = data.read(next(name for name in train if "/cat/" in name))
    assert other.tags == ("cat",) and (other.labels == VOID).all() and other.image.size
    alone = datasets.load("voc2012-animals", classes=["dog"])
    assert alone.classes == ("background", "dog") and len(alone.names("train")) == 2
    assert alone.read("p3").labels.max() == VOID and (alone.read("p3").labels == 1).sum() == 4
    whole = VOCAnimals(home / "voc2012-animals").read("p3")  # as before
    assert (whole.labels == CLASSES).all() and whole.tags == ("background", "cat", "dog", "person")


def test_what_does_not_fit_is_said(home):
    def refused(words, **options):
        with pytest.raises(DataError, match=words):
            data = datasets.load("voc2012-animals", **options)
            data.names("train")

    refused("there is no class 'catt'; .* did you mean cat", classes="catt")
    refused("data.more goes with data.classes", more="weak-cats-dogs")
    words = "has the class 'dog', which is none of background, cat"
    refused(words, classes="cat", more=str(home / "weak-cats-dogs"))
    refused("scenes has no pictures of a class each", classes="cat,dog", more="scenes")
    refused("there is no data set 'nowhere'", classes="cat,dog", more="nowhere")
    refused("classes=5: there is no class '5'", classes=5)
    refused("there is no data set '5'", classes="cat,dog", more=5)
    with pytest.raises(DataError, match="classes=5: there is no class '5'"):
        datasets.load("weak-cats-dogs", classes=5)


def test_a_path_of_more_lasts(home, monkeypatch):
    """A run is resumed from any folder."""
    options = {"classes": "cat,dog", "more": "weak-cats-dogs"}
    assert datasets.lasting_options(options) == options  # a name
    (home / "weak-cats-dogs").rename(home / "mine")
    monkeypatch.chdir(home)
    lasting = datasets.lasting_options(options | {"more": "mine"})
    assert lasting["more"] == str(home / "mine")
    assert datasets.lasting_options(options | {"more": home / "mine"}) == lasting
    monkeypatch.chdir("/")
    data = datasets.load("voc2012-animals", **options | {"more": home / "mine"})
    assert data.names("train") == datasets.load("voc2012-animals", **lasting).names("train")


@real
def test_the_real_pictures():
    data = datasets.load("voc2012-animals", classes="cat,dog", more="weak-cats-dogs")
    counts = [len(data.names(split)) for split in ("train", "val", "test")]
    assert counts == [1044 - HELD_OUT + 660, HELD_OUT, 319]
    picture = data.read(data.names("test")[0])
    assert set(np.unique(picture.labels)) <= {0, 1, 2, VOID}
