"""Folder data sets: class ids, lists, splits, and every way in which they can be wrong."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, refused

from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.datasets.colours import palette
from minicnn.datasets.folder import Folder
from minicnn.datasets.inspection import survey


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "mine")


def test_folder(folder):
    dataset = datasets.load(folder)
    assert dataset.classes == ("sky", "tree", "road") and dataset.name == "mine"
    assert dataset.colours.tolist()[::2] == [[128, 190, 255], [128, 128, 128]]
    stored = np.asarray(Image.open(folder / "labels/p4.png"))
    expected = np.select([stored == 3, stored == 7, stored == 200], [0, 1, 2], VOID)
    np.testing.assert_array_equal(dataset.read("p4").labels, expected)
    np.testing.assert_array_equal(dataset.read("p4").image, Image.open(folder / "images/p4.png"))


def test_folder_splits(folder):
    sizes = lambda: [len(Folder(folder).names(s)) for s in ("train", "val", "test")]  # noqa: E731
    assert sizes() == [8, 1, 1]
    (folder / "test.txt").write_text("p1\np2.png\r\n\n  p3.jpg\n")
    assert sizes() == [6, 1, 3] and Folder(folder).names("test") == ["p1", "p2", "p3"]
    (folder / "val.txt").write_text("p5\n")
    assert sizes() == [6, 1, 3] and Folder(folder).names("val") == ["p5"]
    (folder / "train.txt").write_text("\ufeffp7\np6\n", encoding="utf-8")
    assert sizes() == [2, 1, 3] and Folder(folder).names("train") == ["p7", "p6"]


@pytest.mark.parametrize(
    "line, message",
    [
        ("../secret", "train.txt, line 2: '../secret' points outside"),
        ("/etc/passwd", "train.txt, line 2: '/etc/passwd' points outside"),
        ("p1", "listed already in train.txt, line 1"),
    ],
)
def test_bad_lists(folder, line, message):
    (folder / "train.txt").write_text(f"p1\n{line}\n")
    refused(message, Folder, folder)


def test_a_picture_in_two_splits(folder):
    (folder / "train.txt").write_text("p1\np2\n")
    (folder / "test.txt").write_text("p2.png\n")
    refused("test.txt, line 1: 'p2' is listed already in train.txt, line 2", Folder, folder)


def test_a_listed_picture_that_is_missing(folder):
    (folder / "train.txt").write_text("p1\np99.jpg\n")
    dataset = Folder(folder)
    refused("train.txt, line 2: names 'p99', but", dataset.read, "p99")
    assert [bad[1] for bad in survey(dataset).bad] == ["p99"]


@pytest.mark.parametrize(
    "line, message",
    [
        ("4", "line 5: must be  id <tab> name"),
        ("grass 4", "line 5: must be  id <tab> name"),
        ("4 grass #12345", "#rrggbb, not '#12345'"),
        ("1234567890\tgrass", "line 5: must be"),
        ("x\tgrass", "line 5: must be"),
        ("-1\tgrass", "line 5: must be"),
        ("256\tgrass", "0 to 254"),
        ("255\tgrass", "0 to 254"),
        ("3\tgrass", "occurs twice"),
        ("4\tsky", "occurs twice"),
        ("4\tgrass\tgreen", "#rrggbb, not 'green'"),
        ("4\tgrass\t#12345g", "line 5"),
        ("4\tgrass\t#-1-2-3", "line 5"),
    ],
)
def test_bad_classes(folder, line, message):
    with open(folder / "classes.txt", "a") as file:
        file.write(line + "\n")
    assert "classes.txt" in refused(message, Folder, folder)


def test_bad_pictures_of_a_folder(folder):
    dataset = Folder(folder)
    (folder / "labels/p1.png").unlink()
    refused("p1.jpg: has no labels", dataset.read, "p1")
    Image.fromarray(np.full((6, 8), 5, np.uint8)).save(folder / "labels/p2.png")
    refused("p2.png: label 5 at row 0, column 0", dataset.read, "p2")
    Image.fromarray(np.full((3, 8), 3, np.uint8)).save(folder / "labels/p3.png")
    refused("p3.png: has 8 x 3 labels, but", dataset.read, "p3")
    os.truncate(folder / "images/p4.png", 100)
    refused("p4.png: is damaged", dataset.read, "p4")
    (folder / "images/p5.png").write_bytes(b"")
    refused("which one", Folder, folder)


def test_palette_colours_differ():
    colours = palette(254).astype(int)
    assert len({tuple(c) for c in colours}) == 254
    assert palette(0).shape == (0, 3)


# ---------------------------------------------------------------------------------- classes.txt
def test_without_it_label_maps_are_no_class(folder):
    """images/ and labels/ are not two classes to tell apart."""
    (folder / "classes.txt").unlink()
    refused(
        f"{folder}: has no classes.txt; a data set needs images/, labels/", datasets.load, folder
    )
    for split in ("train", "val"):  # as other programs deal them
        for part in ("images", "labels"):
            shutil.copytree(folder / part, folder.parent / "theirs" / split / part)
    refused("theirs: has no images; a data set needs", datasets.load, folder.parent / "theirs")


@pytest.mark.parametrize(
    "line, name, colour",
    [
        ("4 grass", "grass", None),
        ("  4   grass  ", "grass", None),
        ("4 foreground object #102030", "foreground object", [16, 32, 48]),
        ("4    wet   sand    #102030 ", "wet   sand", [16, 32, 48]),
        ("4\twet sand #102030", "wet sand", [16, 32, 48]),
        ("4\twet sand\t", "wet sand", None),
        ("4\tgrass\t#102030", "grass", [16, 32, 48]),
    ],
)
def test_spaces_for_tabs(folder, line, name, colour):
    with open(folder / "classes.txt", "a") as file:
        file.write(line + "\r\n")
    dataset = Folder(folder)
    assert dataset.classes[3] == name
    if colour:
        assert dataset.colours[3].tolist() == colour


def test_texts_that_are_no_plain_files(folder):
    os.mkfifo(folder / "val.txt")
    refused("val.txt: is no plain file, but a pipe or a device", Folder, folder)
    (folder / "val.txt").unlink()
    (folder / "train.txt").symlink_to("/dev/zero")
    refused("train.txt: is no plain file, but a pipe or a device", Folder, folder)
    (folder / "train.txt").unlink()
    (folder / "classes.txt").unlink()
    (folder / "classes.txt").symlink_to("/dev/zero")
    refused("classes.txt: is no plain file, but a pipe or a device", Folder, folder)
    (folder / "classes.txt").unlink()
    (folder / "classes.txt").touch()
    os.truncate(folder / "classes.txt", 10**9)
    refused("classes.txt: is larger than 20 MB", Folder, folder)
    (folder / "classes.txt").write_bytes(b"0\tcaf\xe9\n")
    refused("classes.txt: is not readable as UTF-8", Folder, folder)
