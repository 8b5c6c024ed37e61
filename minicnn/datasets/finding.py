"""Which files of a folder are pictures, and which are passed over, with the reason.

Names are compared in Unicode's composed form (NFC): one system writes «é» as one character, another
as an e and an accent (NFD), and a photograph from the one shall find its labels from the other.
"""

import os
import unicodedata
from itertools import islice
from pathlib import Path, PureWindowsPath

from minicnn.basics.plain import read_text
from minicnn.datasets.dataset import DataError
from minicnn.images.formats import ENDINGS

LEFTOVERS = ("thumbs.db", "desktop.ini")  # what systems leave in folders; hidden files, too


def composed(name):
    """The name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name)


def find(folder, endings):
    """({name: path} of the files in `folder` with one of these endings, [a sentence for each other
    file or folder]). Raises DataError if two have the same name."""
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder")
    files, others = {}, []
    for path in sorted(folder.iterdir()):
        if is_leftover(path):
            continue
        ending = next((e for e in endings if path.name.lower().endswith(e)), None)
        if path.is_dir():
            others.append(_about_folder(path))
        elif ending is None:
            others.append(f"{path}: is passed over; what is read here is {' '.join(endings)}")
        else:
            name = composed(path.name[: -len(ending)])
            if name in files:
                raise DataError(_same_name(path, files[name]))
            files[name] = path
    return files, others


def is_leftover(path):
    return path.name.startswith(".") or path.name.lower() in LEFTOVERS


def pairless(labels, files, folder):
    """A sentence for every label file without a photograph."""
    return [
        f"{path}: is passed over; {folder} holds no photograph {name!r}"
        for name, path in sorted(labels.items())
        if name not in files
    ]


def unlisted(files, splits):
    """A sentence for every photograph, {name: path}, that is in none of {split: names}."""
    listed = {name for names in splits.values() for name in names}
    rest = sorted(set(files) - listed)
    return [f"{files[name]}: is passed over; no list names it" for name in rest]


def read_list(path, files, owner):
    """The names in a list of photographs, one a line: NAME, FOLDER/NAME.jpg or FOLDER\\NAME.jpg.
    `files`: {name: path}; `owner`: {name: the list that has it already}, filled here. Raises
    DataError: there is no such list, or no such photograph, or a name occurs twice."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such list of pictures")
    lines = (PureWindowsPath(line.strip()).name for line in read_text(path, DataError).splitlines())
    names = [composed(line.removesuffix(".jpg")) for line in lines if line]
    for number, name in enumerate(names, 1):
        if name not in files:
            raise DataError(f"{path}, name {number}: there is no photograph {name}.jpg")
        if name in owner:
            raise DataError(f"{path}, name {number}: {name!r} is in {owner[name]} already")
        owner[name] = path.name
    return names


def _about_folder(path):
    count = sum(
        Path(name).suffix.lower() in ENDINGS
        for _, _, names in islice(os.walk(path), 1000)  # a link may lead to half a disk
        for name in names
    )
    what = f"the {count} pictures in it are" if count != 1 else "the picture in it is"
    return f"{path}: is a folder; {what} passed over, so move them into {path.parent}"


def _same_name(path, other):
    if path.stem == other.stem:
        return (
            f"{path}: {other.name} beside it has the same name; which one do the labels in "
            f"{path.stem}.png belong to?"
        )
    return (
        f"{path}: {ascii(other.name)} beside it looks the same as {ascii(path.name)}, but is "
        "written with other characters (Unicode's forms NFC and NFD); rename one of them"
    )
