"""MSRC-21, on pictures that are drawn here; and the real data set, if it is installed."""

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_zip, random_image, refused
from support.installs import install

from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.datasets.inspection import survey
from minicnn.datasets.msrc import LICENCE, LISTS, STORED, Msrc

COUNT = 6


@pytest.fixture
def root(tmp_path):
    """A folder in the layout of MSRC-v2: p0 .. p5, a third of them in each list."""
    root = tmp_path / "MSRC_ObjCategImageDatabase_v2"
    (root / "Images").mkdir(parents=True)
    (root / "SegmentationClass").mkdir()
    for k in range(COUNT):
        Image.fromarray(random_image(k)).save(root / f"Images/p{k}.jpg")
        numbers = np.random.default_rng(k).integers(0, len(STORED), (6, 8), np.uint8)
        Image.fromarray(numbers).save(root / f"SegmentationClass/p{k}.png")
    for k, name in enumerate(LISTS.values()):
        (root / name).write_text(f"p{2 * k + 1}\np{2 * k}\n")
    (root / "NOTICE.txt").write_text("These are not the original pictures.\n")
    (root / LICENCE).write_text("{}")
    return root


def test_splits_and_labels(root):
    dataset = Msrc(root)
    assert [dataset.names(s) for s in LISTS] == [["p0", "p1"], ["p2", "p3"], ["p4", "p5"]]
    assert len(dataset.classes) == 21 and dataset.colours.shape == (21, 3)
    assert not {"horse", "mountain", "void"} & set(dataset.classes)
    stored = np.array(Image.open(root / "SegmentationClass/p3.png"))
    labels = dataset.read("p3").labels
    for number, name in enumerate(STORED):
        kept = dataset.classes.index(name) if name in dataset.classes else VOID
        assert (labels[stored == number] == kept).all()
    assert tuple(dataset.colours[dataset.classes.index("sky")]) == (128, 128, 128)
    assert survey(dataset).lines()[-1] == "every file is good"
    Image.fromarray(random_image(9)).save(root / "Images/p9.jpg")
    assert "p9.jpg: is passed over; no list names it" in Msrc(root).passed_over()[1][0]


def test_what_is_wrong_is_said(root, tmp_path):
    refused("no such folder; is", Msrc, tmp_path)
    Image.fromarray(np.full((6, 8), 24, np.uint8)).save(root / "SegmentationClass/p4.png")
    refused("holds the label 24; the classes are 1 to 23", Msrc(root).read, "p4")
    (root / "SegmentationClass/p5.png").unlink()
    refused("p5.png does not exist", Msrc(root).read, "p5")
    path = root / LISTS["val"]
    path.write_text("p2\np0\n")
    refused(f"name 2: 'p0' is in {LISTS['train']} already", Msrc, root)
    path.write_text("p2\np99\n")
    refused(f"{LISTS['val']}, name 2: there is no", Msrc, root)
    path.unlink()
    refused("there is no such list", Msrc, root)


def test_it_installs_and_shows_its_licence(root, home, tmp_path):
    said = install("msrc", make_zip(tmp_path / "msrc.zip", root))
    assert "6 pictures installed" in said and "non-commercial" in said
    assert "These are not the original pictures." in said and LICENCE in said
    assert len(datasets.load("msrc").names("test")) == 2


def test_the_real_one():
    if not datasets.is_installed("msrc"):
        pytest.skip("msrc is not installed (MINICNN_DATA)")
    dataset = datasets.load("msrc")
    names = {split: dataset.names(split) for split in LISTS}
    assert [len(n) for n in names.values()] == [276, 59, 256]
    assert len(set().union(*names.values())) == 591
    assert set(dataset.read("5_1_s").tags) >= {"cow", "grass"}
