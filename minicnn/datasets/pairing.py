"""A photograph and its label map made into one Picture, with the checks all data sets need."""

import numpy as np

from minicnn.datasets.dataset import VOID, DataError, Picture
from minicnn.images.reading import ImageError, read_image


def labelled(name, image_path, label_path, read_label_map, classes):
    """The Picture of two files. `read_label_map(label_path)` returns uint8 (H, W) of class numbers
    and 255. Raises DataError: one of the files is missing or damaged, or their sizes differ."""
    if not label_path.is_file():
        raise DataError(f"{image_path}: has no labels, because {label_path} does not exist")
    try:
        image, labels = read_image(image_path), read_label_map(label_path)
    except ImageError as error:
        raise DataError(str(error)) from error
    if image.shape[:2] != labels.shape:
        (h, w), (lh, lw) = image.shape[:2], labels.shape
        raise DataError(f"{label_path}: has {lw} x {lh} labels, but {image_path} is {w} x {h}")
    return Picture(name, image, labels, tags=occurring(labels, classes))


def occurring(labels, classes):
    """The names of the classes that occur in a label map, in the order of the classes."""
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)
    return tuple(name for count, name in zip(counts, classes, strict=False) if count)
