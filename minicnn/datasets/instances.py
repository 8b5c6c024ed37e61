"""Instances: the objects of a picture one by one, where a label map only tells their classes.

    for one in picture.objects:
        if not one.ignored:
            picture.image[one.mask], dataset.classes[one.label]

A crowd that nobody took apart, and an object that its data set calls difficult, is `ignored`: to
find it is neither right nor wrong, and nothing is learnt from it.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.datasets.dataset import DataError
from minicnn.images.labels import VOID


@dataclass(frozen=True, repr=False)
class Instance:
    """One object.

    label    the number of its class
    mask     bool (H, W): its pixels; None where only its box is known
    box      (top, left, bottom, right) in pixels, the last two beyond it
    ignored  whether it counts for nothing: a crowd, or a difficult object
    """

    label: int
    mask: np.ndarray | None
    box: tuple
    ignored: bool = False

    def __repr__(self):
        size = "no mask" if self.mask is None else f"{int(self.mask.sum())} pixels"
        return f"<Instance of class {self.label}: {size}{', ignored' * self.ignored}>"


def instance(label, mask, ignored=False):
    """The Instance of a mask that has a pixel at least."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    return Instance(int(label), mask, box, ignored)


def background_of(dataset):
    """The label of what is no object: of the class background, or void."""
    return 0 if dataset.classes[0] == "background" else VOID


def counted_in(dataset):
    """The labels of the classes that a data set calls `frequent`, on which objects are scored; None
    if it says nothing: all."""
    return [dataset.classes.index(name) for name in getattr(dataset, "frequent", ())] or None


def of_map(numbers, labels, path, background=0):
    """The Instances of an object map, (H, W) with 0 and 255 for none, in the order of the numbers;
    the class of each is the one that most of its pixels have in the label map. Raises DataError,
    which begins with `path`, for a map of another size, and for an object without a class."""
    if numbers.shape != labels.shape:
        (h, w), (rows, columns) = labels.shape, numbers.shape
        raise DataError(
            f"{path}: has {columns} x {rows} object numbers, but the picture is {w} x {h}"
        )
    found = []
    for number in np.unique(numbers):
        if number in (0, VOID):
            continue
        mask = numbers == number
        counts = np.bincount(labels[mask], minlength=VOID + 1)
        counts[[background, VOID]] = 0
        if not counts.any():
            raise DataError(
                f"{path}: object {number} has no pixel of a class in the class map beside it"
            )
        found.append(instance(counts.argmax(), mask))
    return tuple(found)


def numbered(objects, size):
    """int32 (H, W): each pixel's object, counted from 1, 0 where none is. Of objects that overlap,
    the smaller lies on top; what is ignored has no number."""
    numbers = np.zeros(size, np.int32)
    order = [(-int(one.mask.sum()), k) for k, one in enumerate(objects) if not one.ignored]
    for _, k in sorted(order):
        numbers[objects[k].mask] = k + 1
    return numbers


def of_picture(picture, background=0):
    """The Instances of a Picture: its `objects`, or those of its map `instances`, as the drawn
    scenes have it (there the label of an object is that of most of its pixels)."""
    if picture.objects or picture.instances is None:
        return picture.objects
    return of_map(picture.instances, picture.labels, picture.name, background)
