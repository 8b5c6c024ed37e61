"""VOCdevkits and SBD, on pictures that are drawn here; and the real pictures, if installed."""

import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from support.datasets_samples import make_zip, random_image, refused
from support.image_folders import make_image_folder
from support.installs import install

from minicnn import cli, datasets
from minicnn.datasets import VOID
from minicnn.datasets.inspection import survey
from minicnn.datasets.instances import of_picture
from minicnn.datasets.voc import LISTS, VOC, overlap
from minicnn.datasets.voc_animals import VOCAnimals
from minicnn.figures.objects import painted_objects

CLASSES = np.array(
    [[0, 0, 0, 0, 0, 0], [0, 8, 8, 255, 12, 12], [0, 8, 8, 255, 12, 12], [8, 8, 0, 0, 0, 0]]
)
OBJECTS = np.array(
    [[0, 0, 0, 0, 0, 0], [0, 1, 1, 255, 3, 3], [0, 1, 1, 255, 3, 3], [2, 2, 0, 0, 0, 0]]
)
XML = """<annotation>{}</annotation>"""
OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def make_voc(root, names=("a", "b", "c")):
    """A year of a devkit: a and b in train.txt, the others in val.txt; returns it."""
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject", LISTS, "Annotations"):
        (root / folder).mkdir(parents=True)
    for k, name in enumerate(names):
        Image.fromarray(random_image(k, (4, 6))).save(root / f"JPEGImages/{name}.jpg")
        for folder, array in (("SegmentationClass", CLASSES), ("SegmentationObject", OBJECTS)):
            Image.fromarray(array.astype(np.uint8)).save(root / folder / f"{name}.png")
    (root / LISTS / "train.txt").write_text("".join(f"{name}\n" for name in names[:2]))
    (root / LISTS / "val.txt").write_text("".join(f"{name}\n" for name in names[2:]))
    return root


@pytest.fixture
def root(tmp_path):
    return make_voc(tmp_path / "VOCdevkit/VOC2012")


def test_labels_objects_and_what_is_ignored(root):
    boxes = [("cat", 1, 2, 2, 3, 3), ("dog", 1, 1, 1, 1, 1), ("hand", 1, 1, 1, 2, 2)]
    text = XML.format("".join(OBJECT.format(*box) for box in boxes))
    (root / "Annotations/a.xml").write_text(text)
    dataset = VOC(root)
    assert [dataset.names(s) for s in ("train", "val", "test")] == [["a", "b"], ["c"], []]
    picture = dataset.read("a")
    assert (picture.labels == CLASSES).all() and picture.tags == ("background", "cat", "dog")
    named = [(dataset.classes[one.label], one.box, one.ignored) for one in picture.objects]
    assert named == [
        ("cat", (1, 1, 3, 3), False),
        ("cat", (3, 0, 4, 2), False),
        ("dog", (1, 4, 3, 6), False),
        ("dog", (0, 0, 1, 1), True),  # the difficult cat is the first mask
    ]
    for k in (1, 2, 3):
        assert (picture.objects[k - 1].mask == (OBJECTS == k)).all()
        assert ((picture.instances == k) == (OBJECTS == k)).all()
    assert "class 8: 4 pixels" in repr(picture.objects[0]) and "ignored" in repr(picture.objects[3])
    report = survey(dataset).lines()
    assert (
        report[-1] == "every file is good"
        and "objects: 9 in 3 pictures, and 1 that are ignored" in report
    )
    assert overlap((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)


def test_the_devkit_and_its_years(root, tmp_path):
    assert VOC(root.parent).root == root and VOC(tmp_path).root == root
    assert datasets.load(tmp_path).root == datasets.load(root).root == root
    make_voc(root.with_name("VOC2007"))
    refused("holds the years 2007, 2012; say which", VOC, tmp_path)
    refused("holds the years 2007, 2012, not 2010", VOC, tmp_path, 2010)
    assert datasets.load(tmp_path, year=2007).root == root.with_name("VOC2007")
    refused("is of one year already", VOC, root, 2012)
    (root / LISTS / "test.txt").write_text("a\nnew\n")
    Image.fromarray(random_image(9, (4, 6))).save(root / "JPEGImages/new.jpg")
    dataset = VOC(root)
    assert dataset.names("test") == ["a"]
    assert dataset.passed_over() == ([], ["1 pictures of test.txt have no labels"])


def test_sbd(tmp_path):
    root = tmp_path / "dataset"
    for folder in ("img", "cls", "inst"):
        (root / folder).mkdir(parents=True)
    Image.fromarray(random_image(0, (4, 6))).save(root / "img/a.jpg")
    savemat(root / "cls/a.mat", {"GTcls": {"Segmentation": CLASSES.astype(np.uint8)}})
    numbers = np.where(OBJECTS == VOID, 0, OBJECTS).astype(np.uint8)
    about = {"Segmentation": numbers, "Categories": np.array([[8], [8], [12]])}
    savemat(root / "inst/a.mat", {"GTinst": about})
    (root / "train.txt").write_text("a\n")
    picture = datasets.load(tmp_path).read("a")
    assert (picture.labels == CLASSES).all()
    assert [one.label for one in picture.objects] == [8, 8, 12]
    savemat(root / "inst/a.mat", {"GTinst": about | {"Categories": np.array([[8], [8]])}})
    refused("a.mat: has 3 objects, and the classes [8, 8]", VOC(root).read, "a")
    (root / "inst/a.mat").write_bytes(b"no matrix")
    refused("a.mat: holds no GTinst.Segmentation", VOC(root).read, "a")


def test_what_is_wrong_is_said(root, tmp_path):
    def save(folder, array):
        Image.fromarray(np.asarray(array, np.uint8)).save(root / folder / "a.png")

    dataset = VOC(root)
    save("SegmentationObject", OBJECTS[:, :5])
    refused("a.png: has 5 x 4 object numbers, but the picture is 6 x 4", dataset.read, "a")
    save("SegmentationObject", np.where(CLASSES == 0, 7, 0))
    refused("object 7 has no pixel of a class", dataset.read, "a")
    save("SegmentationClass", np.full((4, 6), 21))
    refused("holds the label 21; the classes are 0 to 20", dataset.read, "a")
    (root / "Annotations/b.xml").write_text("<annotation><object/></annotation>")
    refused("b.xml: is no annotation of VOC", dataset.read, "b")
    corners = "".join(f"<{side}>inf</{side}>" for side in ("xmin", "ymin", "xmax", "ymax"))
    thing = f"<object><name>cat</name><bndbox>{corners}</bndbox></object>"
    (root / "Annotations/b.xml").write_text(f"<annotation>{thing}</annotation>")
    refused("b.xml: is no annotation of VOC", dataset.read, "b")
    (root / "Annotations/b.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    refused("b.xml: is no annotation of VOC (it declares entities)", dataset.read, "b")
    refused("is this a VOCdevkit?", VOC, root / "JPEGImages")
    (root / LISTS / "val.txt").write_text("a\n\nz\n")
    refused("val.txt, line 2: there is no", VOC, root)
    (root / LISTS / "val.txt").write_text("c\nc\n")
    refused("names a picture twice", VOC, root)
    for split in ("train", "val"):
        (root / LISTS / f"{split}.txt").write_text("")
    refused("no train.txt and no val.txt that name a picture", VOC, root)


def test_objects_are_shown(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", "show", str(root), "--instances", "--out", "sheet"]) == 0
    assert "sheet/train.png" in capsys.readouterr().out
    image, objects = np.full((4, 6, 3), 100, np.uint8), VOC(root).read("a").objects
    painted = painted_objects(image, objects)
    assert len({tuple(painted[tuple(np.argwhere(one.mask)[0])]) for one in objects}) == 3
    assert (painted[OBJECTS == 0] == 75).all()
    (root / "SegmentationObject/a.png").unlink()
    (root / "SegmentationObject/b.png").unlink()
    assert cli.main(["data", "show", str(root), "--instances", "--out", "other"]) == 2
    assert "have no objects with masks" in capsys.readouterr().err
    make_image_folder(tmp_path / "squares")
    assert cli.main(["data", "show", "squares", "--instances"]) == 2
    assert "--instances: squares has no objects" in capsys.readouterr().err


def test_it_installs(root, home, tmp_path):
    archive = make_zip(tmp_path / "voc.zip", root)
    assert "3 pictures installed" in install("voc2012-animals", archive)
    assert len(datasets.load("voc2012-animals").names("train")) == 2
    assert "3 pictures installed" in install("voc", archive)
    with zipfile.ZipFile(archive, "a") as more:  # as the Finder of a Mac packs it
        for name in more.namelist():
            folder, _, file = name.rpartition("/")
            more.writestr(f"__MACOSX/{folder}/._{file}", b"about the file")
    assert "3 pictures installed" in install("voc", archive)
    assert not list(home.rglob("__MACOSX"))


def test_drawn_scenes_have_instances_too():
    scenes = datasets.load("scenes", size=(48, 64), train=1)
    picture = scenes.read(scenes.names("train")[0])
    found = of_picture(picture, background=VOID)
    assert len(found) == picture.instances.max()
    assert all((picture.labels[one.mask] == one.label).mean() > 0.5 for one in found)


def test_the_real_one():
    if not datasets.is_installed("voc2012-animals"):
        pytest.skip("voc2012-animals is not installed (MINICNN_DATA)")
    dataset = datasets.load("voc2012-animals")
    assert isinstance(dataset, VOCAnimals)
    assert [len(dataset.names(s)) for s in ("train", "val", "test")] == [1044, 319, 0]
    lines = (dataset.root / "instances.csv").read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    for name in dataset.names("val")[::40]:
        listed = [(r[2], int(r[4])) for r in rows if r[0] == name]
        objects = dataset.read(name).objects
        assert [(dataset.classes[one.label], one.mask.sum()) for one in objects] == listed
