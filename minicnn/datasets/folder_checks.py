"""What `data check` finds in folders of classes beside the pictures that are read: files that are
passed over, and pictures that are not in colour."""

import contextlib
import os
from pathlib import Path

from minicnn.datasets.finding import is_leftover
from minicnn.datasets.folder import ENDINGS
from minicnn.images.formats import FORMATS, ImageError, opened
from minicnn.images.reading import MAX_PIXELS

NOT_IN_COLOUR = {
    "grey: the same in red, green and blue": ("1", "L", "LA", "I", "I;16", "I;16B"),
    "CMYK, read as RGB without the profile of the printer": ("CMYK",),
}


def passed_over(root, known):
    """A sentence for each folder below `root` in which files lie that are no pictures, or pictures
    that are not `known`, since they have no class. Texts are thought to be about the others."""
    wrong = []
    for folder, _, names in sorted(os.walk(root)):
        folder = Path(folder)
        if any(part.startswith(".") for part in folder.relative_to(root).parts):
            continue
        others, lost = [], []
        for file in (folder / name for name in sorted(names)):
            if is_leftover(file) or file.suffix.lower() == ".txt":
                continue
            if file.suffix.lower() not in ENDINGS:
                others.append(file)
            elif file.relative_to(root).as_posix() not in known:
                lost.append(file)
        wrong += _sentence(others, f"what is read here is {' '.join(ENDINGS)}")
        wrong += _sentence(lost, "its place tells no class; CLASS/ or CLASS/images/ would")
    return wrong


def _sentence(files, why):
    """[What there is to say of these files of one folder], [] of none."""
    more = f" (and {len(files) - 1} more files there)" if len(files) > 1 else ""
    return [f"{files[0]}{more}: passed over; {why}"] if files else []


def not_in_colour(root, names):
    """A sentence for each kind of pictures among `names`, below `root`, that have no colours, or
    those of a printer."""
    found = {kind: [] for kind in NOT_IN_COLOUR}
    for name in names:
        with contextlib.suppress(ImageError):  # who reads it will speak of it
            with opened(root / name, FORMATS, MAX_PIXELS) as picture:
                for kind, modes in NOT_IN_COLOUR.items():
                    found[kind] += [name] * (picture.mode in modes)
    return [
        f"{len(them)} of the pictures, {kind}: {', '.join(them[:3])}{', ...' * (len(them) > 3)}"
        for kind, them in found.items()
        if them
    ]
