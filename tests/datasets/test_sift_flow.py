"""SIFT Flow, on pictures that are drawn here; and the real data set, if it is installed."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from support.datasets_samples import make_zip, random_image, refused
from support.installs import install

from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.datasets.inspection import survey
from minicnn.datasets.sift_flow import FOLDER, SiftFlow
from minicnn.learning.metrics import Confusion

COUNT = 12


@pytest.fixture
def root(tmp_path):
    """A folder in the layout of SiftFlowDataset: p0 .. p11, of which p0 and p1 are for testing."""
    root = tmp_path / "SiftFlowDataset"
    images, labels = root / "Images" / FOLDER, root / "SemanticLabels" / FOLDER
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for k in range(COUNT):
        Image.fromarray(random_image(k)).save(images / f"p{k}.jpg")
        numbers = np.random.default_rng(k).integers(0, 34, (6, 8), np.uint8)
        Image.fromarray(numbers).save(labels / f"p{k}.png")
    (root / "test.txt").write_text("p1\np0\n")
    (root / "trainval.txt").write_text("".join(f"p{k}\n" for k in range(2, COUNT)))
    return root


def test_splits_and_labels(root):
    dataset = SiftFlow(root)
    train, val, test = (dataset.names(split) for split in ("train", "val", "test"))
    assert test == ["p0", "p1"] and len(val) == 1 and len(train) == 9
    assert sorted(train + val) == sorted(f"p{k}" for k in range(2, COUNT))
    stored = np.array(Image.open(root / "SemanticLabels" / FOLDER / "p3.png"))
    expected = np.where(stored == 0, VOID, stored.astype(int) - 1)
    assert (dataset.read("p3").labels == expected).all()
    assert len(dataset.classes) == 33 and dataset.classes[0] == "awning"
    assert dataset.colours.shape == (33, 3) and len({*map(tuple, dataset.colours)}) == 33
    assert survey(dataset).lines()[-1] == "every file is good"


def test_the_lists_of_the_authors_and_labels_of_matlab(root):
    """TestSet1.txt has Windows paths; without trainval.txt all others with a label are learnt from,
    but for the two that are known to have none."""
    before = SiftFlow(root)
    (root / "test.txt").unlink()
    (root / "trainval.txt").unlink()
    (root / "TestSet1.txt").write_text(f"{FOLDER}\\p0.jpg\r\n{FOLDER}\\p1.jpg\r\n")
    labels = root / "SemanticLabels" / FOLDER
    Image.fromarray(random_image(0)).save(root / "Images" / FOLDER / "street_urb506.jpg")
    savemat(labels / "p3.mat", {"S": np.array(Image.open(labels / "p3.png")), "names": ["x"]})
    (labels / "p3.png").unlink()
    after = SiftFlow(root)
    assert [after.names(s) for s in ("train", "val", "test")] == [
        before.names(s) for s in ("train", "val", "test")
    ]
    assert set(np.unique(after.read("p3").labels)) <= {*range(33), VOID}
    _, notes = after.passed_over()
    assert len(notes) == 1 and "street_urb506.jpg: is passed over; no list names it" in notes[0]
    (labels / "p3.mat").write_bytes(b"nothing of MATLAB's")
    refused("p3.mat: holds no matrix S of whole numbers", after.read, "p3")


def test_what_is_wrong_is_said(root, tmp_path):
    refused("no such folder; is", SiftFlow, tmp_path)
    labels = root / "SemanticLabels" / FOLDER
    Image.fromarray(np.full((6, 8), 34, np.uint8)).save(labels / "p4.png")
    refused("holds the label 34; the classes are 1 to 33", SiftFlow(root).read, "p4")
    (labels / "p5.png").unlink()
    refused("p5.png does not exist", SiftFlow(root).read, "p5")
    (root / "trainval.txt").write_text("p2\np0\n")
    refused("trainval.txt, name 2: 'p0' is in test.txt already", SiftFlow, root)
    (root / "trainval.txt").write_text("p2\np99\n")
    refused("trainval.txt, name 2: there is no", SiftFlow, root)
    (root / "trainval.txt").write_text("p2\np2\n")
    refused("name 2: 'p2' is in trainval.txt already", SiftFlow, root)
    (root / "test.txt").write_text("\n")
    refused("neither test.txt nor TestSet1.txt", SiftFlow, root)


def test_it_installs(root, home, tmp_path):
    archive = make_zip(tmp_path / "sift-flow.zip", root)
    assert "12 pictures installed" in install("sift-flow", archive)
    assert len(datasets.load("sift-flow").names("test")) == 2


def test_averages_leave_out_what_is_not_tested():
    """Cow, desert and moon count as pixels, but not among the classes."""
    confusion = Confusion(("sky", "cow", "sea"), apart=("cow",))
    confusion.add(np.array([0, 0, 1, 2]), np.array([0, 2, 2, 2]))
    assert confusion.pixel_accuracy == 0.5
    assert confusion.class_accuracy == (0.5 + 1) / 2
    assert confusion.mean_iou == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_the_real_one():
    if not datasets.is_installed("sift-flow"):
        pytest.skip("sift-flow is not installed (MINICNN_DATA)")
    dataset = datasets.load("sift-flow")
    names = {split: dataset.names(split) for split in ("train", "val", "test")}
    assert [len(n) for n in names.values()] == [2237, 249, 200]
    assert len(set().union(*names.values())) == 2686
    picture = dataset.read(names["test"][0])
    assert picture.image.shape == (256, 256, 3) and picture.labels.shape == (256, 256)
