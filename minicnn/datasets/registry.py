"""The data sets that minicnn knows by name, where they are installed, and `load`."""

import functools
import inspect
import os
from pathlib import Path

from minicnn.basics.nearest import did_you_mean
from minicnn.datasets.bsds import BSDS
from minicnn.datasets.coco import COCO, COCOPanoptic
from minicnn.datasets.dataset import DataError, NotThere
from minicnn.datasets.folder import Folder
from minicnn.datasets.image_folder import ImageFolder, is_image_folder
from minicnn.datasets.msrc import Msrc
from minicnn.datasets.sift_flow import SiftFlow
from minicnn.datasets.stanford_background import StanfordBackground
from minicnn.datasets.tiny_imagenet import TinyImageNet
from minicnn.datasets.voc import VOC, is_voc
from minicnn.datasets.voc_animals import VOCAnimals
from minicnn.datasets.weak_cats_dogs import WeakCatsDogs

# Data sets of files. A new one needs `name, description, source, terms, digests` and `locate`.
OF_PICTURES = (StanfordBackground, SiftFlow, Msrc, TinyImageNet, WeakCatsDogs)
OF_REGIONS = (BSDS, VOCAnimals, VOC, COCOPanoptic, COCO)
INSTALLABLE = {kind.name: kind for kind in (*OF_PICTURES, *OF_REGIONS)}
DRAWN = ("scenes",)


def load(name_or_path, /, fold=None, **options):
    """The data set of that name, or the one in a folder: of our layout (folder.py, or a folder for
    each class), or of that of a VOCdevkit, SBD, COCO or BSDS500. Returns a Dataset.

    `fold` is the fold to test on, for data sets that have folds; other options go to the data
    set's constructor, for example `load("scenes", size=(120, 160))`. Raises DataError for a name
    or a path that leads nowhere, a data set that is not installed, and an unknown option.
    """
    name = os.fspath(name_or_path)
    if fold is not None:
        options["fold"] = fold
    if name in DRAWN:
        from minicnn.datasets.scenes.dataset import Scenes  # draws, so it costs time to import

        return _construct(name, Scenes, options)
    if name in INSTALLABLE:
        if isinstance(options.get("more"), str):  # another data set, to be found when it is needed
            options["more"] = functools.partial(load, options["more"])
        return _construct(name, INSTALLABLE[name], options, installed_at(name))
    if Path(name).is_dir():
        kind = _kind_of(Path(name))
        return _construct(name, kind, options, name)
    if "/" in name or Path(name).exists():
        raise NotThere(f"{name}: is not a folder, so there is no data set in it")
    near = did_you_mean(name, [*DRAWN, *INSTALLABLE])
    raise NotThere(f"there is no data set {name!r}; {overview()}{near}")


def lasting_name(name_or_path):
    """What `load` took, as a text that means the same from any folder: paths become absolute."""
    name = os.fspath(name_or_path)
    is_path = name not in DRAWN and name not in INSTALLABLE and Path(name).is_dir()
    return str(Path(name).resolve()) if is_path else name


def data_home():
    """The folder of installed data sets: MINICNN_DATA, or the user's cache folder."""
    if chosen := os.environ.get("MINICNN_DATA"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "minicnn"


def is_installed(name):
    """Whether that data set is there. Installing is atomic, so the folder is whole or not there."""
    return (data_home() / name).is_dir()


def installed_at(name):
    """The folder of an installed data set. Raises DataError with how to install it."""
    if not is_installed(name):
        raise NotThere(f"{name} is not installed in {data_home()}; {how_to_install(name)}")
    return data_home() / name


FOLDERS = "a folder with images/, labels/ and classes.txt, or with a folder of pictures a class"


def how_to_install(name):
    """The sentence that says where the archive is to be had, and the command."""
    return (
        f"get it from {INSTALLABLE[name].source} and run  "
        f"minicnn data install {name} --from ARCHIVE_OR_FOLDER"
    )


def overview():
    """One clause with everything that `load` takes now."""
    ready = [*DRAWN, *filter(is_installed, INSTALLABLE)]
    missing = [name for name in INSTALLABLE if not is_installed(name)]
    text = f"ready to use: {', '.join(ready)}"
    if missing:
        text += f"; known but not installed: {', '.join(missing)}"
    return text + f"; or the path of {FOLDERS}"


def listing():
    """What `minicnn data list` prints: a list of lines."""
    lines = [f"installed data sets are in {data_home()}", ""]
    for name in DRAWN:
        lines.append(f"{name:22} ready      drawn by the program, needs no files")
    for name, kind in INSTALLABLE.items():
        state = "installed" if is_installed(name) else "missing"
        lines.append(f"{name:22} {state:10} {kind.description}")
        if state == "missing":
            lines.append(f"{'':22} {'':10} {how_to_install(name)}")
    return lines + [f"{'PATH':22} {'':10} {FOLDERS}"]


def _kind_of(folder):
    """The class that reads a folder of this layout."""
    if is_voc(folder) or is_voc(folder / "dataset") or (folder / "VOCdevkit").is_dir():
        return VOC
    if (folder / "groundTruth").is_dir():
        return BSDS
    for kind in (COCO, COCOPanoptic):
        if any(folder.glob(f"annotations/{kind.files}_*.json")):
            return kind
    if not (folder / "images").is_dir() and any(map(is_voc, folder.glob("VOC*"))):
        return VOC
    return ImageFolder if is_image_folder(folder) else Folder


def _construct(name, kind, options, *arguments):
    known = list(inspect.signature(kind).parameters)[len(arguments) :]
    for option in options:
        if option not in known:
            has = f"its options are {', '.join(known)}" if known else "it has none"
            has += did_you_mean(option, known)
            raise DataError(f"{name}: there is no option {option!r} here; {has}")
    return kind(*arguments, **options)
