"""A data set of your own: a folder of photographs and label maps.

    images/NAME.jpg or .png
    labels/NAME.png         8-bit, indexed or grey: the number of a class for every pixel
    classes.txt             one line a class:  id <tab> name [<tab> #rrggbb]
    train.txt  val.txt  test.txt        optional: one NAME a line, with or without its ending

The ids may be any numbers from 0 to 254; inside the program they become 0 .. K-1 in the order of
classes.txt. A class named void, and 255, count neither in the loss nor in a score.

Without train.txt and test.txt the pictures that no list names are dealt by a digest of their names
(splits.py): a tenth for testing, the rest for training. With one of the two, the other gets what
no list names. Without val.txt a tenth of the training pictures is for validation.
"""

from pathlib import Path, PurePath

import numpy as np

from minicnn.datasets.colours import palette, rgb
from minicnn.datasets.dataset import VOID, DataError, Dataset
from minicnn.datasets.pairing import labelled
from minicnn.datasets.splits import SPLITS, hold_out
from minicnn.images.reading import read_labels

ENDINGS = (".jpg", ".jpeg", ".png")


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
        self.classes, self.colours, self._index = read_classes(self.root / "classes.txt")
        self._files = self._find_pictures()
        self._listed_at = {}  # name -> "train.txt, line 3", for messages
        self._names = self._make_splits()

    def names(self, split):
        if split not in SPLITS:
            raise DataError(f"{self.name} has the splits train, val and test, not {split!r}")
        return list(self._names[split])

    def read(self, name):
        if name not in self._files:
            where = self._listed_at.get(name)
            place = f"{self.root / where}: names {name!r}" if where else f"{name!r} is asked for"
            raise DataError(f"{place}, but {self.root / 'images'} holds no such picture")
        labels = self.root / "labels" / f"{name}.png"
        return labelled(name, self._files[name], labels, self._read_labels, self.classes)

    def check_labels(self, split):
        for name in self.names(split):
            self._read_labels(self.root / "labels" / f"{name}.png")

    def _read_labels(self, path):
        stored = read_labels(path)
        labels = self._index[stored]
        if (labels < 0).any():
            row, column = np.argwhere(labels < 0)[0]
            raise DataError(
                f"{path}: label {stored[row, column]} at row {row}, column {column}, which "
                f"{self.root / 'classes.txt'} does not list (all such files: minicnn data check)"
            )
        return labels.astype(np.uint8)

    def _find_pictures(self):
        """name -> path of every photograph in images/."""
        files = {}
        for path in sorted((self.root / "images").iterdir()):
            if path.suffix.lower() not in ENDINGS or path.name.startswith("."):
                continue
            if path.stem in files:
                raise DataError(
                    f"{path}: {files[path.stem].name} beside it has the same name; which one do "
                    f"the labels in {path.stem}.png belong to?"
                )
            files[path.stem] = path
        return files

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
        if val is None:
            train, val = hold_out(train, "folder val")
        return {"train": train, "val": val, "test": test}

    def _read_list(self, file_name):
        """The names in a list, or None if there is no such list."""
        path = self.root / file_name
        if not path.is_file():
            return None
        names = []
        for number, line in numbered_lines(path):
            name, where = line.strip(), f"{file_name}, line {number}"
            if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
                raise DataError(f"{self.root / where}: {name!r} points outside the data set")
            if name not in self._files and PurePath(name).suffix.lower() in ENDINGS:
                name = name[: -len(PurePath(name).suffix)]
            if name in self._listed_at:
                raise DataError(
                    f"{self.root / where}: {name!r} is listed already in {self._listed_at[name]}"
                )
            self._listed_at[name] = where
            names.append(name)
        return names


def read_classes(path):
    """(names, colours uint8 (K, 3), index int16 (256,) from a stored label to 0 .. K-1, 255 for
    void, or -1 where there is no such class) of a classes.txt. Raises DataError with the line."""
    names, colours, index = [], [], np.full(256, -1, np.int16)
    index[VOID] = VOID
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) not in (2, 3) or not fields[0].isdecimal() or not fields[1]:
            raise DataError(f"{where}: must be  id <tab> name [<tab> #rrggbb], not {line!r}")
        stored, name = int(fields[0]), fields[1]
        void = name.lower() == "void"
        if stored > VOID or (stored == VOID and not void):
            raise DataError(f"{where}: a class id is 0 to 254 (255 is void), not {stored}")
        if name in names or (stored != VOID and index[stored] >= 0):
            raise DataError(f"{where}: the id {stored} or the name {name!r} occurs twice")
        try:
            colour = rgb(fields[2]) if len(fields) == 3 and fields[2] else None
        except ValueError as error:
            raise DataError(f"{where}: {error}") from None
        index[stored] = VOID if void else len(names)
        if not void:
            names.append(name)
            colours.append(colour)
    if not names:
        raise DataError(f"{path}: lists no class")
    ours = palette(len(names))
    chosen = [ours[i] if colour is None else colour for i, colour in enumerate(colours)]
    return tuple(names), np.array(chosen, np.uint8), index


def numbered_lines(path):
    """(number, line) of the lines of a text file that are not blank."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is not readable as UTF-8 text ({error})") from error
    return [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
