"""BSDS500, on pictures that are drawn here; and the real pictures, if they are installed."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from support.datasets_samples import make_zip, refused
from support.installs import install
from support.region_samples import BORDERS, REGIONS, SIZE, make_bsds

from minicnn import datasets
from minicnn.datasets.bsds import BSDS
from minicnn.datasets.inspection import survey
from minicnn.figures import boundary_sheet


@pytest.fixture
def root(tmp_path):
    return make_bsds(tmp_path / "BSDS500/data")


def test_splits_and_people(root):
    dataset = datasets.load(root)
    train, val, test = (dataset.names(split) for split in ("train", "val", "test"))
    assert len(train) == 8 and len(val) == 2 and len(test) == 10
    assert sorted(train + val) == [f"val{k}" for k in range(10)]
    picture = dataset.read("val0")
    assert (picture.regions == REGIONS).all() and picture.regions.shape == (2, *SIZE)
    assert (picture.boundaries == [BORDERS, ~BORDERS]).all()
    assert "8 x 6 pixels, drawn by 2 people" in repr(picture)
    assert survey(dataset).lines()[-1] == "every file is good"
    assert len(boundary_sheet(dataset, "val", 2).axes) == 2


def test_the_authors_own_layout(root):
    """With training pictures, val stays whole; people come in the cells of a .mat file."""
    make_bsds(root, ("train",), 3)
    cells = np.empty((1, 2), object)
    for k in range(2):
        cells[0, k] = {"Segmentation": REGIONS.astype(np.uint16), "Boundaries": BORDERS}
    savemat(root / "groundTruth/train/train0.mat", {"groundTruth": cells})
    for file in root.glob("groundTruth/train/train0_*.png"):
        file.unlink()
    dataset = BSDS(root)
    assert [len(dataset.names(s)) for s in ("train", "val", "test")] == [3, 10, 10]
    picture = dataset.read("train0")
    assert (picture.regions == REGIONS).all() and (picture.boundaries == BORDERS).all()
    (root / "groundTruth/train/train0.mat").write_bytes(b"none")
    refused("train0.mat: holds no cells groundTruth", dataset.read, "train0")


def test_what_is_wrong_is_said(root):
    drawn = root / "groundTruth/val"
    (drawn / "notes.png").write_bytes(b"")
    (drawn / "other_0_seg.png").write_bytes(b"")
    passed_over, _ = BSDS(root).passed_over()
    assert len(passed_over) == 2 and "not ID_K_seg" in passed_over[0]
    Image.fromarray(BORDERS[:, :5]).save(drawn / "val1_0_bdry.png")
    refused("val1_0_bdry.png: is 5 x 6, but", BSDS(root).read, "val1")
    Image.fromarray(np.zeros((*SIZE, 4), np.uint8)).save(drawn / "val2_1_seg.png")
    refused("val2_1_seg.png: holds RGBA", BSDS(root).read, "val2")
    (drawn / "val3_0_bdry.png").unlink()
    refused("val3_0_seg.png: has no val3_0_bdry.png beside it", BSDS, root)
    for file in drawn.glob("val3_*"):
        file.unlink()
    refused("val3.jpg: nobody has drawn in it", BSDS, root)
    refused("is this BSDS500?", BSDS, drawn)


def test_it_installs(root, home, tmp_path):
    assert "20 pictures installed" in install("bsds", make_zip(tmp_path / "b.zip", root))
    assert len(datasets.load("bsds").names("test")) == 10


def test_the_real_one():
    if not datasets.is_installed("bsds"):
        pytest.skip("bsds is not installed (MINICNN_DATA)")
    dataset = datasets.load("bsds")
    assert [len(dataset.names(s)) for s in ("train", "val", "test")] == [80, 20, 200]
    picture = dataset.read(dataset.names("test")[0])
    assert picture.image.shape[:2] == picture.boundaries.shape[1:]
    assert 4 <= len(picture.boundaries) <= 8 and 0 < picture.boundaries.mean() < 0.1
