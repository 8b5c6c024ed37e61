"""What every data set offers: class names, colours, and splits of pictures read one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from minicnn.basics.printing import printable
from minicnn.datasets.splits import SPLITS


@dataclass(frozen=True, repr=False)
class Picture:
    """One labelled picture.

    name       str, unique within the data set
    image      uint8 (H, W, 3), RGB
    labels     uint8 (H, W): 0 .. number of classes - 1, or 255 for void
    instances  int32 (H, W) or None: 0 for none, else the number of the object
    tags       names of the classes that occur (an image-level label)
    notes      sentences on what was decided while it was read, though it might be otherwise
    objects    the Instances of it (instances.py), with class and mask, also those that overlap or
               are ignored; of instances, k is objects[k - 1]
    """

    name: str
    image: np.ndarray
    labels: np.ndarray
    instances: np.ndarray | None = None
    tags: tuple = ()
    notes: tuple = ()
    objects: tuple = ()

    def with_objects(self, objects, instances):
        """The same picture with these."""
        return replace(self, objects=tuple(objects), instances=instances)

    def __repr__(self):
        height, width = self.labels.shape
        return f"<Picture {self.name}: {width} x {height} pixels; {', '.join(self.tags)}>"


@dataclass(frozen=True)
class Photograph:
    """A picture that has one class: its name, uint8 (H, W, 3), and the number of the class."""

    name: str
    image: np.ndarray
    label: int


@dataclass(frozen=True, repr=False)
class Contours:
    """A picture and the borders that K people have drawn in it.

    name        str, unique within the data set
    image       uint8 (H, W, 3), RGB
    boundaries  bool (K, H, W): the pixels on the borders that each of them drew
    regions     int32 (K, H, W): the number of each pixel's region, for each of them
    """

    name: str
    image: np.ndarray
    boundaries: np.ndarray
    regions: np.ndarray

    def __repr__(self):
        count, height, width = self.boundaries.shape
        return f"<Contours {self.name}: {width} x {height} pixels, drawn by {count} people>"


class Dataset:
    """Base class. A subclass sets `name`, `classes` (tuple of str), `colours` (uint8 (K, 3)) and
    `_names`, {split: names} (or defines `names`), and defines `read(name)`."""

    kind = "pixels"  # what has a label; "pictures": Photographs; "boundaries": Contours
    name = ""
    classes = ()
    colours = None
    not_averaged = ()  # names of classes that averages over classes leave out
    sets = ()  # label K + s is one of the classes sets[s], and nobody said which: see several.py
    rules = ()  # what else the labels follow from, ready for JSON
    _files = None  # {name: path of the photograph}

    def names(self, split):
        """The picture names of 'train', 'val' or 'test', in a fixed order."""
        if split not in SPLITS:
            raise DataError(f"{self.name} has the splits train, val and test, not {split!r}")
        return list(self._names[split])

    def read(self, name):
        """The Picture of that name. Raises a DataError that names the file if it cannot be read."""
        raise NotImplementedError

    def photograph(self, name):
        """The path of the photograph of that name, or None if it has no file of its own."""
        return self._files.get(name) if self._files else None

    def check_labels(self, split):
        """Raises the DataError of the first label map that cannot be used, if they come from files:
        an hour of training shall not end at a mistake that a look beforehand finds."""

    def passed_over(self):
        """(mistakes, notes): sentences that name the files in the data set's folder which it does
        not use, though somebody put them there, and those that its lists leave out on purpose."""
        return [], []

    def split(self, split):
        """The pictures of 'train', 'val' or 'test' as a sequence; each is read when asked for."""
        return Split(self, self.names(split))


class Split(Sequence):
    """Pictures of one split; `split[3]` reads one, `split[:6]` is a Split of six."""

    def __init__(self, dataset, names):
        self.dataset, self.names = dataset, list(names)

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Split(self.dataset, self.names[index])
        return self.dataset.read(self.names[index])


class DataError(ValueError):
    """A file of a data set that cannot be used; the message, of one line, names it and says what
    to do."""

    def __init__(self, message):
        super().__init__(printable(str(message)))


class NotThere(DataError):
    """A data set that is not where it should be."""
