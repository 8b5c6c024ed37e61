"""LabelMeFacade, on pictures that are drawn here; and the real data set, if it is installed."""

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_zip, random_image, refused
from support.installs import install

from minicnn import datasets
from minicnn.cli import main
from minicnn.datasets import VOID, labelmefacade
from minicnn.datasets.inspection import survey
from minicnn.datasets.labelmefacade import LISTS, LabelMeFacade

SPLITS = ("train", "val", "test")
COUNT, TRAIN = 24, 10  # pictures, and how many of them are in the authors' train.txt


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder in the layout of LabelMeFacade, with indexed labels: p0 .. p9 for training, and p10
    .. p23 for testing, of which our lists leave four."""
    monkeypatch.setattr(labelmefacade, "TEST", 4)
    root = tmp_path / "LabelMeFacade"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for k in range(COUNT):
        Image.fromarray(random_image(k)).save(root / f"images/p{k}.jpg")
        label = Image.fromarray(np.random.default_rng(k).integers(0, 9, (6, 8), np.uint8), "L")
        label.putpalette(bytes(range(27)))
        label.save(root / f"labels/p{k}.png")
    names = [f"images/p{k}.jpg\n" for k in range(COUNT)]
    (root / "train.txt").write_text("".join(names[:TRAIN]))
    (root / "test.txt").write_text("".join(names[TRAIN:]).rstrip())
    return root


def test_splits_and_labels(root):
    ours, official = (LabelMeFacade(root, lists) for lists in LISTS)
    (train, val, test), theirs = ([d.names(s) for s in SPLITS] for d in (ours, official))
    assert [len(names) for names in (train, val, test)] == [18, 2, 4]
    assert [len(names) for names in theirs] == [9, 1, 14]
    assert set(test) < set(theirs[2]), "what learnt by the authors' lists may be tested by ours"
    assert sorted(train + val + test) == sorted(sum(theirs, [])) == sorted(ours._files)
    stored = np.array(Image.open(root / "labels/p3.png"))
    expected = np.where(stored == 0, VOID, stored.astype(int) - 1)
    assert (ours.read("p3").labels == expected).all()
    assert len(ours.classes) == 8 and ours.classes[5] == "sky"
    assert tuple(ours.colours[5]) == (0, 128, 128) and ours.colours.shape == (8, 3)
    assert survey(ours).lines()[-1] == "every file is good"
    Image.fromarray(random_image(99)).save(root / "images/p99.jpg")
    assert "p99.jpg: is passed over; no list names it" in LabelMeFacade(root).passed_over()[1][0]


def test_what_is_wrong_is_said(root, tmp_path):
    refused("images: is not a folder", LabelMeFacade, tmp_path)
    refused("has the lists ours and official, not 'theirs'", LabelMeFacade, root, "theirs")
    Image.fromarray(np.full((6, 8), 9, np.uint8)).save(root / "labels/p4.png")
    refused("holds the label 9; the classes are 1 to 8", LabelMeFacade(root).read, "p4")
    (root / "labels/p5.png").unlink()
    refused("p5.png does not exist", LabelMeFacade(root).read, "p5")
    path = root / "test.txt"
    path.write_text("images/p23.jpg\nimages/p0.jpg\n")
    refused("test.txt, name 2: 'p0' is in train.txt already", LabelMeFacade, root)
    path.write_text("images/p77.jpg\n")
    refused("test.txt, name 1: there is no photograph p77.jpg", LabelMeFacade, root)
    path.unlink()
    refused("there is no such list", LabelMeFacade, root)


def test_it_installs_and_the_command_shows_either_split(root, home, tmp_path, capsys):
    said = install("labelmefacade", make_zip(tmp_path / "facades.zip", root))
    assert "24 pictures installed" in said and "non-commercial" in said
    assert len(datasets.load("labelmefacade", lists="official").names("test")) == 14
    with pytest.raises(datasets.DataError, match="no option 'fold' here; its options are lists"):
        datasets.load("labelmefacade", fold=1)
    official = ["labelmefacade", "--set", "data.lists=official"]
    assert main(["data", "show", *official, "--count", "1", "--out", str(tmp_path / "s")]) == 0
    assert "24 pictures (train 9, val 1, test 14)" in capsys.readouterr().out
    assert main(["data", "show", "labelmefacade", "--set", "data.lists=none"]) == 2
    assert "has the lists ours and official, not 'none'" in capsys.readouterr().err


def test_the_real_one():
    if not datasets.is_installed("labelmefacade"):
        pytest.skip("labelmefacade is not installed (MINICNN_DATA)")
    ours, official = (datasets.load("labelmefacade", lists=lists) for lists in LISTS)
    (train, val, test), theirs = ([d.names(s) for s in SPLITS] for d in (ours, official))
    assert [len(names) for names in (train, val, test)] == [581, 64, 300]
    assert [len(names) for names in theirs] == [90, 10, 845]
    assert len({*train, *val, *test}) == 945 and set(test) < set(theirs[2])
    picture = ours.read("spatial_envelope_256x256_static_8outdoorcategories__insidecity_hous18")
    assert picture.image.shape == (256, 256, 3) and "building" in picture.tags
    shared = {name.rpartition("__")[2] for name in train + val + test if name.startswith("spatial")}
    assert len(shared) == 184
    if datasets.is_installed("sift-flow"):
        flow = datasets.load("sift-flow")
        assert shared <= {name for split in SPLITS for name in flow.names(split)}
