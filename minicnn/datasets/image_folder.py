"""Photographs that have one class each, in folders named after their classes.

    train/CLASS/*.jpg   val/CLASS/*.jpg   test/CLASS/*.jpg       as ImageNet is unpacked
    train/WNID/images/*.JPEG   val/images/*.JPEG   val/val_annotations.txt   wnids.txt   words.txt
                                                                 Tiny ImageNet, as it comes
    CLASS/*.jpg                                                  plain

What a network is tested on is `test`; where there is no such folder, that is `val`, whose pictures
ImageNet shows to everybody; and where there is none either, a tenth of each class. The split `val`,
by which training chooses its best weights, is `val` beside a folder `test`, and else a tenth of
each class of `train`. Tenths are dealt by a digest of the names (splits.py).
"""

from pathlib import Path

from minicnn.basics.nearest import did_you_mean
from minicnn.datasets.colours import palette
from minicnn.datasets.dataset import DataError, Dataset, Photograph
from minicnn.datasets.folder import ENDINGS, numbered_lines
from minicnn.datasets.folder_checks import not_in_colour, passed_over
from minicnn.datasets.splits import SPLITS, hold_out
from minicnn.images.reading import ImageError, read_image

ANNOTATIONS = "val_annotations.txt"  # of Tiny ImageNet: name <tab> WNID <tab> a box


def is_image_folder(root):
    """Whether the folder `root` looks like one of the layouts: it has folders with pictures, or
    folders of those in `train`, `val` or `test`. Beside `images`, `labels` are label maps."""
    root = Path(root)
    tops = [root / split for split in SPLITS if (root / split).is_dir()] or [root]
    if any((t / "images").is_dir() and (t / "labels").is_dir() for t in (root, *tops)):
        return False
    classes = (f for top in tops for f in _folders(top) if not (f / "labels").exists())
    return not (root / "classes.txt").exists() and any(map(_pictures, classes))


def names_of(classes):
    """The names of classes that a user gives: a list of them, or one text with commas; of a single
    one, a number may have become of it on the way."""
    one = isinstance(classes, str | int | float)
    return [str(c).strip() for c in (str(classes).split(",") if one else classes)]


class ImageFolder(Dataset):
    """The data set in the folder `root`, whose Photographs have the number of their class. Raises
    DataError if the folders do not fit together; what is wrong with a single picture is said when
    it is read.

    classes  those to tell apart, by the names of their folders or for people: a list, or a text
             with commas between them; None: all
    """

    kind = "pictures"

    def __init__(self, root, classes=None):
        self.root = Path(root)
        self.name = self.root.resolve().name
        halves = {split: self._split(split) for split in SPLITS if (self.root / split).is_dir()}
        if not halves:
            halves = {"train": self._classes_in(self.root)}
        if "train" not in halves:
            raise DataError(f"{self.root}: has a folder {[*halves][0]}, but no train to learn from")
        self.ids = self._ids(halves["train"])
        if [*halves.get("test", ())] == ["images"] != self.ids:
            del halves["test"]  # Tiny ImageNet's, whose classes were never published
        for split, found in halves.items():
            self._check(split, found)
        self.classes = tuple(self._words())
        if classes is not None:
            halves = self._chosen(classes, halves)
        self.colours = palette(len(self.classes))
        number = {c: k for k, c in enumerate(self.ids)}
        pairs = [(name, number[c]) for half in halves.values() for c in half for name in half[c]]
        self._label = dict(pairs)
        self._names = self._deal(halves)

    # ------------------------------------------------------------------------------ what is there
    def _split(self, split):
        """{class: [names]} of the folder `split`."""
        if (self.root / split / ANNOTATIONS).is_file():
            return self._annotated(split)
        return self._classes_in(self.root / split)

    def _classes_in(self, folder):
        """{class: [names]}: a name is the path of a picture below the data set's folder."""
        return {
            f.name: [p.relative_to(self.root).as_posix() for p in _pictures(f)]
            for f in _folders(folder)
        }

    def _annotated(self, split):
        """The same from the list that Tiny ImageNet has in the place of folders."""
        found, path, listed = {}, self.root / split / ANNOTATIONS, set()
        for number, line in numbered_lines(path):
            fields = line.split("\t")
            if len(fields) < 2:
                raise DataError(
                    f"{path}, line {number}: must be  picture <tab> class, not {line!r}"
                )
            if Path(fields[0]).name != fields[0] or fields[0] in listed:
                raise DataError(
                    f"{path}, line {number}: {fields[0]!r} is listed twice, or is no name of a "
                    f"picture in {split}/images"
                )
            listed.add(fields[0])
            found.setdefault(fields[1], []).append(f"{split}/images/{fields[0]}")
        return found

    def _ids(self, train):
        """The classes, in the order of wnids.txt where there is one, else of their names."""
        listed = self.root / "wnids.txt"
        ids = [line.strip() for _, line in numbered_lines(listed)] if listed.is_file() else []
        return ids if set(ids) == set(train) else sorted(train)

    def _words(self):
        """A name for people for each class: what words.txt says, up to its first comma, if no other
        class is called so; else that of its folder."""
        words, path = {}, self.root / "words.txt"
        if path.is_file():
            lines = (line.split("\t", 1) for _, line in numbered_lines(path) if "\t" in line)
            words = {c: text.split(",")[0].strip() for c, text in lines}
        names = [words.get(c, c) for c in self.ids]
        return [
            n if names.count(n) == 1 else f"{n} ({c})" for n, c in zip(names, self.ids, strict=True)
        ]

    def _chosen(self, wanted, halves):
        """The halves without the classes that nobody wants."""
        wanted = names_of(wanted)
        known = [*self.ids, *self.classes]
        for c in wanted:
            if c not in known:
                few = ", ".join(self.classes[:12]) + ", ..." * (len(self.classes) > 12)
                raise DataError(
                    f"{self.root}: classes={','.join(wanted)}: there is no class {c!r}; there are "
                    f"{few}{did_you_mean(c, known)}"
                )
        kept = [
            k
            for k, pair in enumerate(zip(self.ids, self.classes, strict=True))
            if {*pair} & {*wanted}
        ]
        if len(kept) < 2:
            raise DataError(
                f"{self.root}: classes={','.join(wanted)}: name two or more, to tell them apart"
            )
        self.ids = [self.ids[k] for k in kept]
        self.classes = tuple(self.classes[k] for k in kept)
        return {split: {c: found[c] for c in self.ids} for split, found in halves.items()}

    # ---------------------------------------------------------------------------- does it fit
    def _check(self, split, found):
        where = self.root / split if (self.root / split).is_dir() else self.root
        if unknown := sorted(set(found) - set(self.ids)):
            raise DataError(f"{where}: its class {unknown[0]!r} is none of train's")
        if missing := sorted(set(self.ids) - set(found)):
            raise DataError(f"{where}: has no folder for the class {missing[0]!r} of train")
        if empty := [c for c in self.ids if not found[c]]:
            raise DataError(
                f"{where}: its class {empty[0]!r} has no picture ({', '.join(ENDINGS)})"
            )
        if len(self.ids) < 2:
            raise DataError(
                f"{self.root}: has one class only, {self.ids[0]!r}, to tell from nothing"
            )

    def _deal(self, halves):
        splits = {split: _all(found) for split, found in halves.items()}
        train = halves["train"]
        if "test" not in splits:
            if "val" in splits:
                splits["test"] = splits.pop("val")
            else:
                train, splits["test"] = self._hold_out(train, "test")
        if "val" not in splits:
            train, splits["val"] = self._hold_out(train, "val")
        splits["train"] = _all(train)
        return splits

    def _hold_out(self, found, purpose):
        """({class: the rest}, [a tenth of each class])."""
        rest, taken = {}, []
        for c, names in found.items():
            rest[c], tenth = hold_out(names, f"image folder {purpose}")
            taken += tenth
        return rest, sorted(taken)

    def passed_over(self):
        """(wrong, notes) of folder_checks.py."""
        return passed_over(self.root, self._label), not_in_colour(self.root, self._label)

    # -------------------------------------------------------------------------------- reading
    def read(self, name):
        if name not in self._label:
            raise DataError(f"{self.root}: there is no picture {name!r}")
        try:
            return Photograph(name, read_image(self.root / name), self._label[name])
        except ImageError as error:
            raise DataError(str(error)) from error


def _folders(folder):
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _pictures(folder):
    """The pictures in the folder of a class, or in its folder `images`."""
    inner = folder / "images"
    files = (inner if inner.is_dir() else folder).iterdir()
    return sorted(f for f in files if f.suffix.lower() in ENDINGS and not f.name.startswith("."))


def _all(found):
    return sorted(name for names in found.values() for name in names)
