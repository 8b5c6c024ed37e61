"""COCO's annotations, on pictures that are drawn here; and the real pictures, if installed."""

import json

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_zip, random_image, refused
from support.installs import install

from minicnn import datasets
from minicnn.datasets import VOID, run_lengths
from minicnn.datasets.coco import COCO, COCOPanoptic

SIZE = (4, 6)
THINGS = [{"id": 3, "name": "car", "isthing": 1}, {"id": 90, "name": "sky", "isthing": 0}]


def write(root, kind, annotations, categories=THINGS, split="val2017"):
    about = {"id": 5, "file_name": "0005.jpg", "width": 6, "height": 4}
    data = {"images": [about], "annotations": annotations, "categories": categories}
    (root / "annotations").mkdir(exist_ok=True, parents=True)
    (root / f"annotations/{kind}_{split}.json").write_text(json.dumps(data))


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "coco"
    (root / "val2017").mkdir(parents=True)
    Image.fromarray(random_image(0, SIZE)).save(root / "val2017/0005.jpg")
    return root


def one(segmentation, crowd=0, category=3, number=1):
    about = {"id": number, "image_id": 5, "category_id": category, "iscrowd": crowd}
    return about | {"segmentation": segmentation}


def mask(rows, columns):
    found = np.zeros(SIZE, bool)
    found[rows, columns] = True
    return found


LEFT, CORNER = mask(slice(0, 4), slice(0, 3)), mask(slice(2, 4), slice(2, 4))


def lengths(found, text=True):
    flat, counts = found.T.ravel(), [0]
    for value in flat:
        if value != (len(counts) % 2 == 0):
            counts.append(0)
        counts[-1] += 1
    return {"size": list(SIZE), "counts": run_lengths.to_text(found) if text else counts}


def test_run_lengths():
    """A text of the paper's interface, by hand: counts 6, 1, 40, 4, 5, 4, 5, 4, 21 are written as
    6 1 40 then 4 - 1 = 3, 5 - 40 = -35, 0, 0, 0, 16."""
    text = "61X13mN000`0"
    assert run_lengths.from_text(text) == [6, 1, 40, 4, 5, 4, 5, 4, 21]
    found = run_lengths.decode({"size": [9, 10], "counts": text})
    assert found.shape == (9, 10) and found[6, 0] and found.sum() == 13
    assert run_lengths.to_text(found) == text
    rng = np.random.default_rng(0)
    for size in ((1, 1), (3, 5), (70, 90)):
        for share in (0, 0.02, 0.5, 1):
            given = rng.random(size) < share
            again = {"size": list(size), "counts": run_lengths.to_text(given)}
            assert (run_lengths.decode(again) == given).all()
    assert (run_lengths.decode(lengths(LEFT, text=False)) == LEFT).all()
    huge = {"size": [2, 2], "counts": [2**62] * 4 + [4]}  # 2^64 and 4: 4, if a number has 64 bits
    for wrong in (
        huge,
        {"size": [4, 6], "counts": [25]},
        {"size": [2, 2], "counts": "X"},
        {"size": 3},
    ):
        with pytest.raises(ValueError, match="run lengths|ends within"):
            run_lengths.decode(wrong)


def test_polygons():
    """Corners lie between pixels; a filled triangle has half of its square, give or take its
    rim."""
    square = run_lengths.fill([[1, 1, 4, 1, 4, 3, 1, 3]], SIZE)
    assert (square == mask(slice(1, 3), slice(1, 4))).all()
    assert (run_lengths.fill([[4, 3, 1, 3, 1, 1, 4, 1]], SIZE) == square).all()
    assert (run_lengths.fill([[-9, -9, 99, -9, 99, 99, -9, 99]], SIZE)).all()
    triangle = run_lengths.fill([[0, 0, 60, 0, 0, 60]], (60, 60))
    assert abs(triangle.sum() - 1800) <= 60
    assert triangle[10, 10] and not triangle[50, 50]
    for wrong in ([[1, 1, 2, 2]], [["a", 1]], [[1, 2, 3, 4, 5]], [[1, 1, 2, 2, float("nan"), 3]]):
        with pytest.raises(ValueError, match="polygon"):
            run_lengths.fill(wrong, SIZE)


def test_instances_and_crowds(root):
    crowd = mask(slice(0, 4), slice(3, 5))
    write(root, "instances", [one([[0, 0, 3, 0, 3, 4, 0, 4]]), one(lengths(CORNER), number=2),
                              one(lengths(crowd, text=False), crowd=1, number=3)])  # fmt: skip
    dataset = COCO(root)
    assert dataset.classes == ("background", "car", "sky") and dataset.names("val") == ["0005"]
    assert dataset.names("train") == dataset.names("test") == []
    picture = dataset.read("0005")
    assert [one.ignored for one in picture.objects] == [False, False, True]
    for found, true in zip(picture.objects, (LEFT, CORNER, crowd), strict=True):
        assert (found.mask == true).all() and found.label == 1
    things = LEFT | CORNER
    expected = np.where(things, 1, np.where(crowd, VOID, 0))
    assert (picture.labels == expected).all()
    assert (picture.instances == np.where(CORNER, 2, np.where(LEFT, 1, 0))).all()
    assert type(datasets.load(root)) is COCO


def test_panoptic(root):
    ids = np.where(LEFT, 7, np.where(CORNER, 256 * 3 + 1, 0)).astype(np.uint32)
    colours = np.stack([ids & 255, ids >> 8, ids >> 16], axis=2).astype(np.uint8)
    folder = root / "annotations/panoptic_val2017"
    folder.mkdir(parents=True)
    Image.fromarray(colours).save(folder / "0005.png")
    segments = [{"id": 7, "category_id": 90}, {"id": 769, "category_id": 3}]
    about = {"image_id": 5, "file_name": "0005.png", "segments_info": segments}
    write(root, "panoptic", [about])
    dataset = datasets.load(root)
    assert type(dataset) is COCOPanoptic and dataset.classes == ("car", "sky")
    picture = dataset.read("0005")
    corner = CORNER & ~LEFT
    assert (picture.labels == np.where(LEFT, 1, np.where(corner, 0, VOID))).all()
    assert len(picture.objects) == 1 and (picture.objects[0].mask == corner).all()
    segments[1]["iscrowd"] = 1
    write(root, "panoptic", [about])
    picture = COCOPanoptic(root).read("0005")
    assert picture.objects[0].ignored and (picture.labels[corner] == VOID).all()
    for change, text in (
        ({"id": 8}, "segment 8 of 0005.png: has an area of 0"),
        ({"category_id": 4}, "segment 7 of 0005.png: there is no category 4"),
        ({"category_id": [1]}, "segment 7 of 0005.png: there is no category [1]"),
    ):
        wrong = [segments[0] | change, segments[1]]
        write(root, "panoptic", [about | {"segments_info": wrong}])
        refused(text, COCOPanoptic(root).read, "0005")
    write(root, "panoptic", [about | {"segments_info": segments[:1]}])
    refused("holds the segment 769, which panoptic_val2017.json", COCOPanoptic(root).read, "0005")
    Image.fromarray(colours[:, :5]).save(folder / "0005.png")
    refused("is 5 x 4, but the picture is 6 x 4", COCOPanoptic(root).read, "0005")


@pytest.mark.parametrize(
    "annotation, text",
    [
        (one([[1, 1, 1.1, 1, 1, 1.1]]), "annotation 1 of 0005.jpg: has an area of 0 pixels"),
        (one({"size": [6, 4], "counts": [0, 24]}), "its mask is 4 x 6, but the picture is 6 x 4"),
        (one({"size": [4, 6], "counts": [0, 9]}), "run lengths that add up to 9"),
        (one([]), "neither polygons nor run lengths"),
        (one([[1, 1]]), "fewer than three corners"),
        (one(lengths(LEFT), category=4), "there is no category 4"),
    ],
)
def test_wrong_masks_are_said(root, annotation, text):
    write(root, "instances", [annotation])
    refused(text, COCO(root).read, "0005")


def test_wrong_files_are_said(root):
    refused("holds no annotations/instances_train2017.json", COCO, root)
    write(root, "instances", [one(lengths(LEFT)) | {"image_id": 6}])
    refused("an annotation belongs to image 6, not listed", COCO, root)
    write(root, "instances", [], categories=[{"id": 3}])
    refused("category 3 has no name", COCO, root)
    write(root, "instances", [], split="val2014")
    refused("annotations of 2014, 2017; say which: --set data.year=2017", COCO, root)
    refused("not 2015", COCO, root, 2015)
    dataset = COCO(root, 2014)
    refused("0005.jpg: there is no such file", dataset.read, "0005")
    (root / "annotations/instances_val2014.json").write_text("[1, 2]")
    refused("is no file of COCO's instances", COCO, root, 2014)
    write(root, "instances", [one(lengths(LEFT))])
    Image.fromarray(random_image(0, (5, 6))).save(root / "val2017/0005.jpg")
    refused("is 6 x 5, but instances_val2017.json says 6 x 4", COCO(root, 2017).read, "0005")


def test_it_installs(root, home, tmp_path):
    write(root, "instances", [one(lengths(LEFT))])
    assert "1 pictures installed" in install("coco", make_zip(tmp_path / "coco.zip", root))


def test_the_real_one():
    if not datasets.is_installed("coco-panoptic"):
        pytest.skip("coco-panoptic is not installed (MINICNN_DATA)")
    assert len(datasets.load("coco-panoptic", mapping="common").classes) == 12
    dataset = datasets.load("coco-panoptic")
    assert [len(dataset.names(s)) for s in ("train", "val", "test")] == [100, 100, 0]
    assert len(dataset.classes) == 133
    name = dataset.names("val")[0]
    _, about = dataset._about[name]
    areas = {s["area"] for s in about["annotations"][0]["segments_info"]}
    assert {int(found.mask.sum()) for found in dataset.read(name).objects} <= areas
