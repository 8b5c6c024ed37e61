"""Nothing that lies in a data set is passed over silently, and names that look alike are alike."""

import os

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, make_iccv09, random_image, refused
from support.image_folders import make_image_folder

from minicnn.datasets.folder import Folder
from minicnn.datasets.image_folder import ImageFolder
from minicnn.datasets.inspection import check
from minicnn.datasets.stanford_background import StanfordBackground


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "mine")


def checked(folder, capsys):
    status = check(folder)
    return status, capsys.readouterr().out


def test_a_good_folder_passes(folder, capsys):
    status, out = checked(folder, capsys)
    assert status == 0 and out.endswith("every file is good\n") and "PASSED" not in out
    for name in (".DS_Store", "images/.hidden.jpg", "images/Thumbs.db", "labels/desktop.ini"):
        (folder / name).write_bytes(b"")
    assert checked(folder, capsys)[0] == 0


@pytest.mark.parametrize(
    "name, message",
    [
        ("images/notes.txt", "images/notes.txt: is passed over; what is read here is .jpg"),
        ("images/p1.cr2", "images/p1.cr2: is passed over"),
        ("images/sub/x.jpg", "images/sub: is a folder; the picture in it is passed over"),
        ("labels/lost.png", "labels/lost.png: is passed over; "),
        ("labels/p1.jpg", "labels/p1.jpg: is passed over; what is read here is .png"),
        ("labels/sub/x.png", "labels/sub: is a folder"),
        ("elsewhere.jpg", "elsewhere.jpg: is passed over; move it into"),
        ("images/extra.tif", "extra.tif: is damaged"),
        ("images/extra.heic", "extra.heic: is damaged"),
    ],
)
def test_nothing_is_passed_over_silently(folder, capsys, name, message):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"something that is not a picture")
    (folder / "labels/extra.png").write_bytes((folder / "labels/p1.png").read_bytes())
    if "extra" not in name:
        (folder / "labels/extra.png").unlink()
    status, out = checked(folder, capsys)
    assert status == 1 and message in out and "every file is good" not in out
    assert out.endswith(("1 passed over\n", "1 bad file\n"))


def test_a_tif_among_the_photographs_is_read(folder, capsys):
    image = random_image(3)
    Image.fromarray(image).save(folder / "images/extra.tif")
    (folder / "labels/extra.PNG").write_bytes((folder / "labels/p1.png").read_bytes())
    np.testing.assert_array_equal(Folder(folder).read("extra").image, image)
    status, out = checked(folder, capsys)
    assert status == 0 and "11 pictures" in out


def test_pictures_that_no_list_names_are_noted(folder, capsys):
    (folder / "train.txt").write_text("p1\np2\n")
    (folder / "test.txt").write_text("p3\n")
    status, out = checked(folder, capsys)
    assert status == 0 and out.count("note: ") >= 7
    assert "images/p0.png: is passed over; no list names it" in out


@pytest.mark.parametrize("kind", ["no pictures", "nothing to learn from"])
def test_a_data_set_of_nothing(folder, capsys, kind):
    if kind == "no pictures":
        for path in [*(folder / "images").iterdir(), *(folder / "labels").iterdir()]:
            path.unlink()
        message = "there is no picture in this data set"
    else:
        (folder / "train.txt").write_text("")
        (folder / "val.txt").write_text("")
        message = "there is no picture for training"
    status, out = checked(folder, capsys)
    assert status == 1 and message in out and "every file is good" not in out


def test_both_unicode_forms_are_one_name(folder):
    composed, apart = "caf\u00e9", "cafe\u0301"
    (folder / "images/p1.jpg").rename(folder / f"images/{composed}.jpg")
    (folder / "labels/p1.png").rename(folder / f"labels/{apart}.png")
    (folder / "test.txt").write_text(f"{apart}.jpg\n")
    dataset = Folder(folder)
    assert dataset.names("test") == [composed] and dataset.read(composed).image.shape == (6, 8, 3)
    assert dataset.passed_over() == ([], [])
    (folder / "images/p3.jpg").rename(folder / f"images/{apart}.jpg")
    message = refused("looks the same as", Folder, folder)
    assert r"'caf\xe9.jpg'" in message and r"'cafe\u0301.jpg'" in message


def test_spaces_at_the_ends_of_names(folder):
    for old, new in (("p1", " p1"), ("p3", "p3 ")):
        (folder / f"images/{old}.jpg").rename(folder / f"images/{new}.jpg")
        (folder / f"labels/{old}.png").rename(folder / f"labels/{new}.png")
    (folder / "train.txt").write_text(" p1\np3 \n  p5.jpg  \n")
    (folder / "val.txt").write_text("p7\n")
    dataset = Folder(folder)
    assert dataset.names("train") == [" p1", "p3 ", "p5"]
    assert all(dataset.read(name).labels.shape == (6, 8) for name in dataset.names("train"))


def test_a_name_that_is_no_utf_8(folder, capsys):
    """Read as any other; what is said of it shows its bytes."""
    for kind, ending in (("images", "jpg"), ("labels", "png")):
        name = os.fsencode(folder / kind) + b"/caf\xe9." + ending.encode()
        os.rename(folder / f"{kind}/p1.{ending}", name)
    assert checked(folder, capsys)[0] == 0
    os.remove(os.fsencode(folder) + b"/labels/caf\xe9.png")
    status, out = checked(folder, capsys)
    assert status == 1 and r"caf\xe9.jpg: has no labels" in out


def test_a_name_with_a_line_break_is_one_line(folder, capsys):
    (folder / "images/p1.jpg").rename(folder / "images/two\nlines\x1b[31m.jpg")
    status, out = checked(folder, capsys)
    assert status == 1 and r"two\nlines\x1b[31m.jpg: has no labels" in out


def test_labels_that_are_no_plain_file(folder):
    (folder / "labels/p1.png").unlink()
    os.mkfifo(folder / "labels/p1.png")
    refused("is no label file (is no plain file, but a pipe", Folder(folder).read, "p1")


def test_stanford_background_names_what_it_passes_over(tmp_path):
    root = make_iccv09(tmp_path)
    for name in ("labels/0000001.surfaces.txt", "labels/0000001.layers.txt"):  # the archive's own
        (root / name).write_text("1")
    assert StanfordBackground(root).passed_over() == ([], [])
    (root / "images/0000001.png").write_text("x")
    (root / "labels/0000099.regions.txt").write_text("1")
    said = StanfordBackground(root).passed_over()[0]
    assert len(said) == 2 and "0000001.png" in said[0] and "no photograph '0000099'" in said[1]


def test_a_label_text_that_is_too_large(tmp_path):
    root = make_iccv09(tmp_path, count=2)
    os.truncate(root / "labels/0000001.regions.txt", 200_000_000)
    refused("is larger than 10 MB", StanfordBackground(root).read, "0000001")
    (root / "labels/0000001.regions.txt").unlink()
    (root / "labels/0000001.regions.txt").symlink_to("/dev/zero")
    refused("no plain file, but a pipe or a device", StanfordBackground(root).read, "0000001")


@pytest.mark.parametrize(
    "name, message",
    [
        ("train/red/drawing.svg", "drawing.svg: passed over; what is read here is .jpg"),
        ("train/lost.png", "lost.png: passed over; its place tells no class"),
        ("train/red/more/lost.png", "lost.png: passed over; its place tells no class"),
        ("lost.tif", "lost.tif: passed over; its place tells no class"),
        ("train/red/extra.tif", "extra.tif: is damaged"),
    ],
)
def test_nothing_is_passed_over_silently_in_folders_of_classes(tmp_path, capsys, name, message):
    root = make_image_folder(tmp_path / "squares")
    for quiet in (".DS_Store", "train/red/Thumbs.db", "words.txt", "train/red/boxes.txt"):
        (root / quiet).write_bytes(b"")
    (root / ".git").mkdir()
    (root / ".git/lost.png").write_bytes(b"")
    assert checked(root, capsys)[0] == 0
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_bytes(b"something that is not a picture")
    status, out = checked(root, capsys)
    assert status == 1 and message in out and out.endswith(("1 passed over\n", "1 bad file\n"))


def test_several_files_of_a_folder_are_one_sentence(tmp_path, capsys):
    root = make_image_folder(tmp_path / "squares")
    for k in range(3):
        (root / "val/blue" / f"{k}.svg").write_bytes(b"")
    status, out = checked(root, capsys)
    assert status == 1 and "0.svg (and 2 more files there): passed over" in out


def test_a_tif_among_the_pictures_of_a_class_is_read(tmp_path, capsys):
    root = make_image_folder(tmp_path / "squares")
    Image.fromarray(random_image(3)).save(root / "train/red/extra.tif")
    status, out = checked(root, capsys)
    assert status == 0 and "train/red/extra.tif" in ImageFolder(root)._label
