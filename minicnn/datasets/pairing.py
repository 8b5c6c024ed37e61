"""A photograph and its label map made into one Picture, with the checks all data sets need."""

import numpy as np

from minicnn.basics.plain import why_not_plain
from minicnn.datasets.dataset import VOID, DataError, Picture
from minicnn.images.reading import ImageError, orientation, read_with_mask, turned

# What is said of label pictures that do not say themselves how they lie
TURNED, AS_UPRIGHT = "has the size of the photograph as it is stored", "is taken as upright"


def labelled(name, image_path, label_path, read_label_map, classes):
    """The Picture of two files. `read_label_map(label_path)` returns uint8 (H, W) of class numbers
    and 255. Where the photograph is transparent, the labels become void: nothing is seen there.
    Raises DataError: one of the files is missing or damaged, or their sizes differ."""
    if why := why_not_plain(label_path):
        why = "does not exist" if why == "there is no such file" else f"is no label file ({why})"
        raise DataError(f"{image_path}: has no labels, because {label_path} {why}")
    try:
        (image, opaque), labels = read_with_mask(image_path), read_label_map(label_path)
        labels, notes = _as_the_photograph(image, image_path, labels, label_path)
    except ImageError as error:
        raise DataError(str(error)) from error
    if opaque is not None:
        labels = np.where(opaque, labels, np.uint8(VOID))
    return Picture(name, image, labels, tags=occurring(labels, classes), notes=notes)


def _as_the_photograph(image, image_path, labels, label_path):
    """(labels, notes): the label map turned as the photograph is.

    Cameras store a photograph as the sensor lay and tell in EXIF how to turn it. Each file is
    turned by what it says itself. A label picture that says nothing beside a photograph that does
    was drawn either on the upright picture or on the stored one: its size tells which. Where both
    fit, it is taken as upright, since that is what nearly every program shows.
    """
    turn = orientation(image_path) or 1
    own = orientation(label_path) if label_path.suffix.lower() == ".png" else None
    size, turns = image.shape[:2], []
    if turn != 1:
        turns.append(f"{image_path.name} is turned, EXIF orientation {turn}")
    if own not in (None, 1):
        turns.append(f"{label_path.name} is turned, EXIF orientation {own}")
    if turn == 1 or own is not None or labels.shape not in (size, size[::-1]):
        _same_size(image_path, size, label_path, labels.shape, turns)
        return labels, ()
    if labels.shape != size:  # then it is the stored size: orientations 5 to 8 exchange the sides
        _same_size(image_path, size, label_path, turned(labels, turn).shape, turns)
        return np.ascontiguousarray(turned(labels, turn)), (
            f"{label_path}: {TURNED}, so it is turned, too (EXIF orientation {turn})",
        )
    if turn < 5 or size[0] == size[1]:
        return labels, (
            f"{label_path}: {AS_UPRIGHT}; {image_path.name} is turned (EXIF orientation "
            f"{turn}), and nothing tells whether its labels are stored as it is: look at them with "
            "minicnn data show",
        )
    return labels, ()


def _same_size(image_path, size, label_path, label_size, turns):
    if size == label_size:
        return
    (h, w), (lh, lw) = size, label_size
    why = f" ({'; '.join(turns)})" if turns else ""
    raise DataError(f"{label_path}: has {lw} x {lh} labels, but {image_path} is {w} x {h}{why}")


def occurring(labels, classes):
    """The names of the classes that occur in a label map, in the order of the classes."""
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)
    return tuple(name for count, name in zip(counts, classes, strict=False) if count)
