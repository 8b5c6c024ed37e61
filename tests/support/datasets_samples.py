"""Tiny data sets on disk, for the tests: random colours, no photograph of anybody's."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from minicnn.datasets import DataError

CLASSES = "3\tsky\t#80beff\n7\ttree\n200\troad\t#808080\n9\tvoid\n"


def random_image(seed=0, size=(6, 8)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def make_iccv09(folder, count=10, size=(6, 8)):
    """A folder in the layout of iccv09Data with `count` pictures; returns it."""
    root = folder / "iccv09Data"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for i in range(count):
        Image.fromarray(random_image(i, size)).save(root / f"images/{i:07}.jpg")
        regions = np.random.default_rng(i).integers(-1, 8, size)
        np.savetxt(root / f"labels/{i:07}.regions.txt", regions, fmt="%d")
    (root / "horizons.txt").write_text("0000000 8 6 3\n")
    return root


def make_zip(path, root):
    """An archive of the folder `root`, under its own name; returns its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(root.parent))
    return path


def make_folder(root, count=10, size=(6, 8)):
    """A folder data set with the classes above, ids 3, 7, 200, and 9 for void; returns it."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    (root / "classes.txt").write_text(CLASSES)
    for i in range(count):
        ending = "jpg" if i % 2 else "png"
        Image.fromarray(random_image(i, size)).save(root / f"images/p{i}.{ending}")
        labels = np.random.default_rng(i).choice([3, 7, 200, 9, 255], size).astype(np.uint8)
        Image.fromarray(labels).save(root / f"labels/p{i}.png")
    return root


def refused(text, function, *arguments, **options):
    """The function raises a DataError of one line that holds `text`."""
    with pytest.raises(DataError) as caught:
        function(*arguments, **options)
    assert text in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)
