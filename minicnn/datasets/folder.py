"""A data set of your own: a folder of photographs and label maps.

    images/NAME.jpg or .png (or another format that is read: images/formats.py)
    labels/NAME.png         8-bit, indexed or grey: the number of a class for every pixel; or in
                            colours, if classes.txt gives them
    classes.txt             one line a class:  id <tab> name [<tab> #rrggbb]; spaces will do
    train.txt  val.txt  test.txt        optional: one NAME a line, with or without its ending

The ids may be any numbers from 0 to 254; inside the program they become 0 .. K-1 in the order of
classes.txt. A class named void, and 255, count neither in the loss nor in a score.

A photograph that a camera turned (EXIF orientation) and its label picture are treated alike: each
is turned as it says itself. A label picture that says nothing is turned with its photograph if only
the size fits with which the photograph is stored, and else taken as it is. Where both sizes fit
(orientations 2 to 4, and squares) it is taken as it is, because most programs show a photograph
upright to those who draw on it; `minicnn data check` counts and names both kinds.

Without train.txt and test.txt the pictures that no list names are dealt by a digest of their names
(splits.py): a tenth for testing, the rest for training. With one of the two, the other gets what
no list names. Without val.txt a tenth of the training pictures is for validation.
"""

import os
from pathlib import Path, PurePath

from minicnn.datasets.classes_txt import numbered_lines, read_classes
from minicnn.datasets.dataset import DataError, Dataset
from minicnn.datasets.finding import composed, find, pairless
from minicnn.datasets.pairing import labelled
from minicnn.datasets.splits import SPLITS, hold_out
from minicnn.images.formats import ENDINGS
from minicnn.images.labels import is_painted, read_labels
from minicnn.images.reading import ImageError, read_with_mask


class Folder(Dataset):
    """The data set in the folder `root`. Raises DataError if classes.txt or a list is wrong; what
    is wrong with a single picture is said when that picture is read."""

    def __init__(self, root):
        self.root = Path(root)
        self.name = self.root.resolve().name
        for needed in ("images", "labels", "classes.txt"):
            if not (self.root / needed).exists():
                raise DataError(
                    f"{self.root}: has no {needed}; a data set needs images/, labels/, classes.txt"
                )
        self._classes = read_classes(self.root / "classes.txt")
        self.classes, self.colours = self._classes.names, self._classes.colours
        self._files, others = find(self.root / "images", ENDINGS)
        self._labels, more = find(self.root / "labels", (".png",))
        self._others, self._unlisted = others + more, []
        self._listed_at = {}  # name -> "train.txt, line 3", for messages
        self._names = self._make_splits()

    def read(self, name):
        if name not in self._files:
            where = self._listed_at.get(name)
            place = f"{self.root / where}: names {name!r}" if where else f"{name!r} is asked for"
            raise DataError(f"{place}, but {self.root / 'images'} holds no such picture")
        labels = self._label_path(name)
        return labelled(name, self._files[name], labels, self._read_labels, self.classes)

    def check_labels(self, split):
        for name in self.names(split):
            try:
                self._read_labels(self._label_path(name))
            except ImageError as error:
                raise DataError(str(error)) from error

    def passed_over(self):
        stray = [p for p in sorted(self.root.iterdir()) if p.suffix.lower() in ENDINGS]
        images = self.root / "images"
        return (
            [f"{path}: is passed over; move it into {images}" for path in stray]
            + self._others
            + pairless(self._labels, self._files, images),
            [f"{self._files[name]}: is passed over; no list names it" for name in self._unlisted],
        )

    def _label_path(self, name):
        return self._labels.get(name, self.root / "labels" / f"{name}.png")

    def _read_labels(self, path):
        if is_painted(path):
            return self._classes.from_colours(*read_with_mask(path), path)
        return self._classes.from_numbers(read_labels(path), path)

    def _make_splits(self):
        lists = {split: self._read_list(f"{split}.txt") for split in SPLITS}
        rest = sorted(set(self._files) - set(self._listed_at))
        train, val, test = (lists[split] for split in SPLITS)
        if train is None and test is None:
            train, test = hold_out(rest, "folder test")
        elif train is None:
            train = rest
        elif test is None:
            test = rest
        else:
            self._unlisted = rest
        if val is None:
            train, val = hold_out(train, "folder val")
        return {"train": train, "val": val, "test": test}

    def _read_list(self, file_name):
        """The names in a list, or None if there is no such list."""
        path = self.root / file_name
        if not os.path.lexists(path):
            return None
        names = []
        for number, line in numbered_lines(path):
            name, where = self._name_in(line), f"{file_name}, line {number}"
            if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
                raise DataError(f"{self.root / where}: {name!r} points outside the data set")
            if name in self._listed_at:
                raise DataError(
                    f"{self.root / where}: {name!r} is listed already in {self._listed_at[name]}"
                )
            self._listed_at[name] = where
            names.append(name)
        return names

    def _name_in(self, line):
        """The name that a line of a list means: with or without ending; with the spaces at its ends
        only if there is such a photograph."""
        line = composed(line)
        for name in (line, line.strip()):
            stem = _without_ending(name)
            if name in self._files or stem in self._files:
                return name if name in self._files else stem
        return stem


def _without_ending(name):
    ending = PurePath(name).suffix
    return name[: -len(ending)] if ending.lower() in ENDINGS else name
