"""Objects as COCO writes them, read back; their map; their names in the picture."""

import json
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from minicnn.datasets.instances import of_picture
from minicnn.datasets.run_lengths import decode
from minicnn.images.labels import read_ids
from minicnn.images.naming import named_objects
from minicnn.images.reading import ImageError
from minicnn.inference.coco_json import annotated, object_map, results, save_object_map
from minicnn.inference.objects import find_objects
from minicnn.labelling.regions.paste import paste
from minicnn.labelling.regions.regions import Regions

CLASSES = ("background", "cat", "dog")


@pytest.fixture
def found():
    masks = np.zeros((3, 6, 8), bool)
    masks[0, 1:4, 2:5] = masks[1, 3:6, 4:8] = masks[2, 0, 0] = True
    masks[0, 2, 3] = False
    return Regions.of_masks(masks, [2, 1, 2], [0.25, 0.75, 0.5], [False, False, True])


def test_results_of_a_picture(found):
    said = json.loads(json.dumps(results(found, 17)))
    assert [one["category_id"] for one in said] == [2, 1, 2]
    assert [one["score"] for one in said] == [0.25, 0.75, 0.5]
    assert said[1]["bbox"] == [4, 3, 4, 3] and said[1]["image_id"] == 17
    for one, mask in zip(said, found.masks, strict=True):
        assert (decode(one["segmentation"]) == mask).all()
    assert results(Regions.none((3, 3)), 1) == []


def test_our_own_reader_reads_them(found, tmp_path):
    from minicnn.datasets import load

    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (folder / f"{split}2017").mkdir()
        names = [f"{split}-{letter}.png" for letter in "ab"]
        for name in names:
            Image.new("RGB", (8, 6)).save(folder / f"{split}2017" / name)
        said = annotated(dict(zip(names, (found, Regions.none((6, 8))), strict=True)), CLASSES)
        (folder / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(said))
    dataset = load(str(folder))
    assert tuple(dataset.classes) == CLASSES
    picture = dataset.split("val")[0]
    again = Regions.of_objects(of_picture(picture), (6, 8))
    assert (again.masks == found.masks).all() and (again.classes == found.classes).all()
    assert (again.difficult == found.difficult).all()


def test_what_segment_saves_is_read_again(found, tmp_path, monkeypatch):
    """objects.json beside its photograph, in COCO's folders."""
    from minicnn.datasets import load
    from minicnn.inference import objects

    photograph = tmp_path / "val2017" / "a photo.jpeg"
    photograph.parent.mkdir()
    Image.new("RGB", (8, 6)).save(photograph)
    network = SimpleNamespace(options={"test_regions": 3}, classes=3)
    monkeypatch.setattr(objects, "_proposer_of", lambda network: lambda image, count: None)
    monkeypatch.setattr(objects.Proposed, "of", lambda *a: None)
    monkeypatch.setattr(objects, "detect", lambda *a: found)
    monkeypatch.setattr(objects, "shown_from", lambda network: 0.3)
    config = SimpleNamespace(long_side=8, classes=CLASSES, colours=[[0, 0, 0]] * 3)
    result = find_objects(photograph, (network, config, None))
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.parent.mkdir()
    result.more()["objects.json"](file)
    dataset = load(tmp_path)
    assert dataset.photograph("a photo") == photograph
    assert len(of_picture(dataset.read("a photo"))) == len(result.objects) == 2
    assert find_objects(np.zeros((6, 8, 3), np.uint8), (network, None, None)).file == "picture"


def test_an_object_of_less_than_a_pixel_is_none(monkeypatch):
    """A small picture is looked at large, and its objects are brought back to its size."""
    from minicnn.inference import objects

    masks = np.zeros((2, 200, 200), bool)
    masks[0, 95:99, 95:99], masks[1, 100:, 100:] = True, True
    network = SimpleNamespace(options={"test_regions": 3}, classes=3)
    seen = Regions.of_masks(masks, [1, 2], [0.9, 0.8])
    monkeypatch.setattr(objects, "_proposer_of", lambda network: None)
    monkeypatch.setattr(objects.Proposed, "of", lambda *a: None)
    monkeypatch.setattr(objects, "detect", lambda *a: seen)
    monkeypatch.setattr(objects, "shown_from", lambda network: 0.3)
    found = find_objects(np.zeros((12, 12, 3), np.uint8), (network, None, None)).objects
    assert found.classes.tolist() == [2] and found.masks.any()


def test_the_best_lies_on_top_in_the_map(found, tmp_path):
    numbers = object_map(found)
    assert numbers[3, 4] == 2 and numbers[1, 2] == 1 and numbers[0, 0] == 3 and numbers[5, 0] == 0
    save_object_map(found, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as stored:
        assert stored.mode == "P"
    assert (read_ids(tmp_path / "map.png") == numbers).all()
    alike = Regions.of_masks(found.masks, found.classes, np.ones(len(found)))
    top = np.where(object_map(alike), alike.classes[object_map(alike) - 1], 0)
    assert (top == paste(alike)).all()  # of equal scores, both put the first on top


def test_more_regions_than_a_byte_counts(tmp_path):
    masks = np.eye(300, dtype=bool).reshape(300, 15, 20)
    many = Regions.of_masks(masks, np.ones(300), np.linspace(1, 0, 300))
    save_object_map(many, tmp_path / "many.png")
    assert (read_ids(tmp_path / "many.png").ravel() == np.arange(1, 301)).all()


def test_names_in_the_picture(found):
    image = np.full((60, 80, 3), 100, np.uint8)
    masks = found.masks.repeat(10, axis=1).repeat(10, axis=2)
    colours = np.array([[255, 0, 0], [0, 0, 200], [255, 255, 0]], np.uint8)
    got = named_objects(image, masks, colours, ["dog 0.25", "cat 0.75", "Γ"])
    assert got.shape == image.shape and (image == 100).all()
    assert (got[58, 5] == 100).all() and (got != image).any(axis=2)[masks[0]].mean() > 0.9
    assert (got[39, 25] == (255, 0, 0)).all()  # the outline
    assert (named_objects(image, masks[:0], colours[:0], []) == image).all()
    assert named_objects(image[:2, :3], np.ones((1, 2, 3), bool), colours[:1], ["x"]).shape == (
        2,
        3,
        3,
    )


@pytest.mark.parametrize("bits", [2, 4])
def test_numbers_that_would_be_stretched_are_refused(bits, tmp_path):
    row = bytes([0]) + {2: b"\x1b", 4: b"\x01\x23"}[bits]  # 0 1 2 3
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 1, bits, 0, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(row)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        data += struct.pack(">I", len(body)) + kind + body
        data += struct.pack(">I", zlib.crc32(kind + body))
    (tmp_path / "grey.png").write_bytes(data)
    with pytest.raises(ImageError, match=f"is a {bits}-bit grey PNG"):
        read_ids(tmp_path / "grey.png")
