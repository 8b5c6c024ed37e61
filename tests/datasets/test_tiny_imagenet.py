"""Tiny ImageNet: its layout, what is held out of it, and the real one, where it is installed."""

import hashlib

import numpy as np
import pytest
from PIL import Image
from support.installs import install, left, refused

from minicnn import datasets
from minicnn.datasets import DataError
from minicnn.datasets.tiny_imagenet import TinyImageNet

NAME = "tiny-imagenet"
WNIDS = ("n01", "n02")


def make_tiny_imagenet(root, count=20, held=3):
    """The layout, with pictures of one colour; a name of `words.txt` with two words for a thing."""
    for k, wnid in enumerate(WNIDS):
        folder = root / "train" / wnid / "images"
        folder.mkdir(parents=True)
        for n in range(count):
            image = np.full((64, 64, 3), 100 * k + n, np.uint8)
            Image.fromarray(image).save(folder / f"{wnid}_{n}.JPEG")
        (folder.parent / f"{wnid}_boxes.txt").write_text("")
    images = root / "val" / "images"
    images.mkdir(parents=True)
    lines = []
    for n in range(2 * held):
        Image.fromarray(np.full((64, 64), 7 * n, np.uint8)).save(images / f"val_{n}.JPEG")
        lines.append(f"val_{n}.JPEG\t{WNIDS[n % 2]}\t0\t0\t63\t63\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    (root / "wnids.txt").write_text("".join(f"{w}\n" for w in reversed(WNIDS)))
    (root / "words.txt").write_text("n01\ttench, Tinca tinca\nn02\tgoldfish\nn03\tother\n")
    return root


def test_layout_and_splits(home, tmp_path):
    source = make_tiny_imagenet(tmp_path / "down" / "tiny-imagenet-200").parent
    unlabelled = source / "tiny-imagenet-200/test/images"  # as it is published
    unlabelled.mkdir(parents=True)
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(unlabelled / "test_0.JPEG")
    assert "46 pictures" in install(NAME, source) and left(home) == [NAME]
    dataset = datasets.load(NAME)
    assert isinstance(dataset, TinyImageNet) and dataset.name == NAME
    assert dataset.classes == ("goldfish", "tench")  # in the order of wnids.txt
    assert [len(dataset.names(split)) for split in ("train", "val", "test")] == [36, 4, 6]
    for split in ("train", "val"):  # a tenth of each class, all from its folder `train`
        parts = [name.split("/") for name in dataset.names(split)]
        assert {p[0] for p in parts} == {"train"} and {p[1] for p in parts} == {*WNIDS}
    assert not {*dataset.names("train")} & {*dataset.names("val")}
    picture = dataset.split("test")[1]  # which is grey
    assert picture.image.shape == (64, 64, 3) and picture.label == 0
    assert dataset.passed_over()[1][0].startswith("6 of the pictures, grey")


def test_what_is_not_the_layout(home, tmp_path):
    (tmp_path / "empty").mkdir()
    refused("does not have the layout of tiny-imagenet; it has train/WNID/images", NAME, tmp_path)
    source = make_tiny_imagenet(tmp_path / "bad")
    (source / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn07\n")
    refused("its class 'n07' is none of train's", NAME, source)
    assert left(home) == []


def test_the_real_one_is_dealt_for_ever_as_it_was():
    """What is held out shall not change: every published number rests on it."""
    if not datasets.is_installed(NAME):
        pytest.skip("tiny-imagenet is not installed (MINICNN_DATA)")
    dataset = datasets.load(NAME)
    counts = {split: len(dataset.names(split)) for split in ("train", "val", "test")}
    assert counts == {"train": 21_600, "val": 2_400, "test": 2_500}
    for split, each in (("train", 216), ("val", 24), ("test", 25)):
        labels = [dataset._label[name] for name in dataset.names(split)]
        assert np.bincount(labels).tolist() == [each] * 100
    text = "\n".join(dataset.names("val")).encode()
    assert hashlib.sha256(text).hexdigest()[:16] == "616c61b869004df4"
    picture = dataset.split("val")[0]
    assert picture.image.shape == (64, 64, 3)
    with pytest.raises(DataError, match="there is no picture 'x'"):
        dataset.read("x")
