"""Cats and dogs: folds by a digest of names, and some of the classes of a folder alone."""

import pytest
from PIL import Image
from support.datasets_samples import make_zip, random_image, refused
from support.image_folders import make_image_folder
from support.installs import install, left

from minicnn import datasets
from minicnn.datasets.registry import data_home, is_installed
from minicnn.datasets.weak_cats_dogs import WeakCatsDogs

NAME = "weak-cats-dogs"
FOLD_2 = [
    "test/cat/cat.test0.jpg",
    "train/cat/cat.train6.jpg",
    "train/cat/cat.train9.jpg",
    "train/dog/dog.train0.jpg",
    "train/dog/dog.train11.jpg",
    "train/dog/dog.train4.jpg",
]
COUNTS = {"cat": (10, 5), "dog": (12, 3), "background": (6, 4)}


@pytest.fixture
def root(tmp_path):
    """In the layout of the archive, with 15, 15 and 10 pictures."""
    for c, counts in COUNTS.items():
        for split, count in zip(("train", "test"), counts, strict=True):
            folder = tmp_path / "weak" / split / c
            folder.mkdir(parents=True)
            for k in range(count):
                Image.fromarray(random_image(k)).save(folder / f"{c}.{split}{k}.jpg")
    (tmp_path / "weak/labels.csv").write_text("file,label\n")
    return tmp_path / "weak"


def halves(dataset):
    return {split: dataset.names(split) for split in ("train", "val", "test")}


def classes_of(names):
    return [name.split("/")[1] for name in names]


def test_it_is_installed_from_its_archive(home, root, tmp_path):
    assert "40 pictures" in install(NAME, make_zip(tmp_path / "weak.zip", root))
    assert left(home) == [NAME]
    dataset = datasets.load(NAME)
    assert dataset.name == NAME and dataset.classes == ("background", "cat", "dog")
    assert {split: len(names) for split, names in halves(dataset).items()} == {
        "train": 25,  # 28 less one of each class
        "val": 3,
        "test": 12,
    }


def test_folds_are_disjoint_balanced_and_the_whole(root):
    seen = []
    for fold in range(1, 6):
        found = halves(WeakCatsDogs(root, fold=fold, classes="cat,dog"))
        everything = [name for names in found.values() for name in names]
        assert len(set(everything)) == 30 and set(classes_of(everything)) == {"cat", "dog"}
        assert classes_of(found["test"]).count("cat") == classes_of(found["test"]).count("dog") == 3
        assert sorted(classes_of(found["val"])) == ["cat", "dog"]
        assert {name.split("/")[0] for name in found["train"]} == {"train", "test"}
        seen += found["test"]
    assert len(seen) == len(set(seen)) == 30
    # by a digest: these very ones, on every machine and for ever
    assert halves(WeakCatsDogs(root, fold=2, classes=["dog", "cat"]))["test"] == FOLD_2


def test_another_fold_is_refused(root):
    refused("has the folds 1 to 5; there is no fold 6", WeakCatsDogs, root, fold=6)
    refused("there is no option 'fold' here", datasets.load, root, fold=1)  # a folder by its path


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ("red,gren", "there is no class 'gren'; there are blue, green, red; did you mean green?"),
        ("red", "classes=red: name two or more"),
        ("red,red", "name two or more"),
        ("", "there is no class ''"),
        ([], "name two or more"),
    ],
)
def test_classes_that_cannot_be_chosen(classes, words, tmp_path):
    refused(words, datasets.load, make_image_folder(tmp_path / "squares"), classes=classes)


def test_some_classes_of_a_folder(tmp_path):
    root = make_image_folder(tmp_path / "squares")
    (root / "words.txt").write_text("red\tcrimson\n")
    dataset = datasets.load(root, classes="crimson, blue")  # a name for people, and a folder's
    assert dataset.classes == ("blue", "crimson") and len(dataset.colours) == 2
    assert set(classes_of(dataset.names("train"))) == {"blue", "red"}
    assert {p.label for p in dataset.split("test")} == {0, 1}
    refused("no picture 'train/green/train0.png'", dataset.read, "train/green/train0.png")


@pytest.mark.skipif(not is_installed(NAME), reason=f"{NAME} is not installed")
def test_the_photographs():
    dataset = WeakCatsDogs(data_home() / NAME, fold=1, classes="cat,dog")
    assert {split: len(names) for split, names in halves(dataset).items()} == {
        "train": 432,
        "val": 48,
        "test": 120,
    }
    assert dataset.split("test")[0].image.shape[2] == 3
    assert len(WeakCatsDogs(data_home() / NAME).names("test")) == 140
