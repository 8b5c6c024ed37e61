"""Label pictures in colours, and label pictures beside photographs that the camera turned."""

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, random_image, refused

from minicnn.datasets import VOID
from minicnn.datasets.folder import Folder
from minicnn.datasets.inspection import survey
from minicnn.images.reading import turned


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "mine")


# ------------------------------------------------------------------- label pictures in colours


SKY, VOID_COLOUR, ROAD = (128, 190, 255), (1, 2, 3), (128, 128, 128)


@pytest.fixture
def painted(folder):
    (folder / "classes.txt").write_text(
        "3\tsky\t#80beff\n7\ttree\n200\troad\t#808080\n9\tvoid\t#010203\n"
    )
    return folder


def paint(folder, colours):
    picture = np.array(colours, np.uint8)[np.arange(48).reshape(6, 8) % len(colours)]
    Image.fromarray(picture).save(folder / "labels/p1.png")
    return picture


def test_labels_in_colours(painted):
    paint(painted, [SKY, ROAD, VOID_COLOUR])
    expected = np.array([0, 2, VOID], np.uint8)[np.arange(48).reshape(6, 8) % 3]
    np.testing.assert_array_equal(Folder(painted).read("p1").labels, expected)
    see_through = paint(painted, [(*SKY, 255), (*ROAD, 255), (77, 77, 77, 0)])
    assert see_through.shape == (6, 8, 4)
    np.testing.assert_array_equal(Folder(painted).read("p1").labels, expected)


def test_a_colour_of_no_class(painted):
    picture = paint(painted, [SKY, ROAD])
    picture[2, 5] = picture[4, 1] = (128, 190, 254)
    Image.fromarray(picture).save(painted / "labels/p1.png")
    message = refused("p1.png: colour #80befe at row 2, column 5", Folder(painted).read, "p1")
    assert "classes.txt" in message
    refused("colour #80befe at row 2", Folder(painted).check_labels, "train")


def test_colours_that_classes_do_not_tell(painted):
    paint(painted, [SKY])
    (painted / "classes.txt").write_text("3\tsky\n7\ttree\n200\troad\n9\tvoid\n")
    refused("or give every class its colour in", Folder(painted).read, "p1")
    (painted / "classes.txt").write_text("3 sky #80beff\n7 tree #80BEFF\n200 road\n9 void\n")
    refused("'sky' and 'tree' have the same colour", Folder(painted).read, "p1")
    assert Folder(painted).read("p2").labels.shape == (6, 8)  # numbers need no colours


# ------------------------------------------------------------------------- turned by the camera


def put(path, array, turn=None):
    exif = Image.Exif()
    if turn:
        exif[0x0112] = turn
    Image.fromarray(array).save(path, exif=exif)


@pytest.mark.parametrize("turn", range(1, 9))
def test_photograph_and_labels_turn_alike(folder, turn):
    image = random_image(7)
    labels = np.array([3, 7, 200], np.uint8)[image[:, :, 0] % 3]
    classes = image[:, :, 0] % 3
    expected = turned(image, turn), turned(classes, turn)

    def agree():
        picture = Folder(folder).read("p2")
        np.testing.assert_array_equal(picture.image, expected[0])
        np.testing.assert_array_equal(picture.labels, expected[1])
        return picture.notes

    both, label = folder / "images/p2.png", folder / "labels/p2.png"
    put(both, image, turn)
    put(label, labels, turn)
    assert agree() == ()  # each says it itself
    put(label, np.ascontiguousarray(turned(labels, turn)), 1)
    assert agree() == ()  # the labels say that they are upright
    put(label, np.ascontiguousarray(turned(labels, turn)))
    assert len(agree()) == (turn in (2, 3, 4))  # upright, though the size alone does not tell
    if turn > 4:  # drawn on what is stored: the size tells
        put(label, labels)
        (note,) = agree()
        assert "p2.png: has the size of the photograph as it is stored" in note
    put(both, np.ascontiguousarray(turned(image, turn)))
    put(label, labels, turn)
    assert agree() == ()  # only the labels are turned


def test_a_size_that_is_wrong_tells_of_the_turns(folder):
    put(folder / "images/p2.png", random_image(1), 6)
    put(folder / "labels/p2.png", np.full((3, 8), 3, np.uint8), 8)
    message = refused("p2.png: has 3 x 8 labels, but", Folder(folder).read, "p2")
    assert "is 6 x 8 (p2.png is turned, EXIF orientation 6; p2.png is turned" in message
    (folder / "labels/p2.png").unlink()
    put(folder / "labels/p2.png", np.full((8, 6), 3, np.uint8))
    put(folder / "images/p2.png", random_image(1), 3)
    refused("p2.png: has 6 x 8 labels, but", Folder(folder).read, "p2")


def test_a_square_is_taken_as_upright_and_said(folder):
    put(folder / "images/p2.png", random_image(1, (6, 6)), 6)
    put(folder / "labels/p2.png", np.full((6, 6), 3, np.uint8))
    (note,) = Folder(folder).read("p2").notes
    assert "is taken as upright" in note and note in (found := survey(Folder(folder))).notes
    assert "note: label pictures without EXIF that were taken as upright: 1" in found.lines()
    assert f"note: {note}" in found.lines() and f"note: {note}" in found.lines(1)
    short = found.lines(0)
    assert f"note: {note}" not in short
    assert f"note: and 1 more; minicnn data check {found.name} says all of them" in short


def test_what_is_transparent_is_void(folder):
    see_through = np.dstack([random_image(1), np.full((6, 8), 255, np.uint8)])
    see_through[2, 3, 3] = 0
    put(folder / "images/p2.png", see_through)
    put(folder / "labels/p2.png", np.full((6, 8), 3, np.uint8))
    labels = Folder(folder).read("p2").labels
    assert labels[2, 3] == VOID and (labels == 0).sum() == 47
