"""The data sets that minicnn knows by name, where they are installed, and `load`."""

import functools
import inspect
import os
import re
from pathlib import Path

from minicnn.basics.nearest import did_you_mean
from minicnn.datasets.bsds import BSDS
from minicnn.datasets.coco import COCO, COCOPanoptic
from minicnn.datasets.dataset import DataError, NotThere
from minicnn.datasets.finding import composed
from minicnn.datasets.folder import Folder
from minicnn.datasets.image_folder import ImageFolder, is_image_folder
from minicnn.datasets.labelmefacade import LabelMeFacade
from minicnn.datasets.mapping import SHIPPED, read_mapping
from minicnn.datasets.msrc import Msrc
from minicnn.datasets.official import ARCHIVES, BY_HAND
from minicnn.datasets.several import Several
from minicnn.datasets.sift_flow import SiftFlow
from minicnn.datasets.stanford_background import StanfordBackground
from minicnn.datasets.tiny_imagenet import TinyImageNet
from minicnn.datasets.voc import VOC, is_voc
from minicnn.datasets.voc_animals import VOCAnimals
from minicnn.datasets.weak_cats_dogs import WeakCatsDogs

# Data sets of files. A new one needs `name, description, source, terms, digests`, `locate`, and a
# line in official.py.
OF_PICTURES = (StanfordBackground, SiftFlow, Msrc, LabelMeFacade, TinyImageNet, WeakCatsDogs)
OF_REGIONS = (BSDS, VOCAnimals, VOC, COCOPanoptic, COCO)
INSTALLABLE = {kind.name: kind for kind in (*OF_PICTURES, *OF_REGIONS)}
DRAWN = ("scenes",)
COMMON = "common"  # the mapping.txt that comes with minicnn
FINGERPRINTS = ".fingerprints.json"  # in `data_home`, of photographs that several sets may share


def load(name_or_path, /, fold=None, **options):
    """The data set of that name, or the one in a folder: of our layout (folder.py, or a folder for
    each class), or of that of a VOCdevkit, SBD, COCO or BSDS500; or several as one, A+B. Returns a
    Dataset.

    `fold` is the fold to test on, for data sets that have folds; other options go to the data
    set's constructor, for example `load("scenes", size=(120, 160))`. Raises DataError for a name
    or a path that leads nowhere, a data set that is not installed, and an unknown option.
    """
    name = os.fspath(name_or_path)
    if fold is not None:
        options["fold"] = fold
    if "mapping" in options or is_joined(name):
        return _joined(name, **options)
    more = options.get("more")
    if more is not None and not callable(more):  # another data set, found when it is needed
        options["more"] = functools.partial(load, str(more))
    return _construct(name, options, *_found(name))


def is_joined(name):
    """Whether a name means several data sets as one: A+B."""
    return "+" in name and name not in INSTALLABLE and not Path(name).is_dir()


def _joined(name, /, fold=None, mapping=COMMON, often=None, **options):
    """Several data sets as one (several.py), or one with common classes. `fold` goes to those that
    have folds; `mapping` is the path of a mapping.txt, or «common» for that of minicnn; `often`
    says of which one each picture is learnt from several times in an epoch: "msrc:4,coco:8"."""
    known = ["fold", "mapping", "often"]
    for option in options:
        near = did_you_mean(option, known)
        has = ", ".join(known)
        raise DataError(f"{name}: there is no option {option!r} here; it has {has}{near}")
    parts, folds = {}, 0
    for text in name.split("+") if is_joined(name) else [name]:
        if not (text := text.strip()):
            raise DataError(f"{name}: a name is missing beside +; write  one+another")
        kind, *where = _found(text)
        has_folds = "fold" in inspect.signature(kind).parameters
        chosen = {"fold": fold} if has_folds and fold is not None else {}
        folds += len(chosen)
        short = text if text in (*DRAWN, *INSTALLABLE) else composed(Path(text).resolve().name)
        if short in parts:
            raise DataError(f"{name}: two data sets are called {short}; rename a folder")
        parts[short] = _construct(text, chosen, kind, *where)
    if fold is not None and not folds:
        raise DataError(f"{name}: none of these has folds, so there is no fold {fold}")
    mapping = read_mapping(SHIPPED if mapping == COMMON else str(mapping))
    return Several(parts, mapping, data_home() / FINGERPRINTS, _times(name, often, parts))


def _times(name, often, parts):
    """{data set: how many times} of a text like "msrc:4,coco:8"."""
    times = {}
    for text in str(often).split(",") if often is not None else ():
        one, _, count = (part.strip() for part in text.rpartition(":"))
        if one not in parts or one in times or not re.fullmatch("[1-9][0-9]{0,3}", count):
            raise DataError(
                f"{name}: often={often}: write  NAME:TIMES,...  with names of {', '.join(parts)}, "
                "each once, and 1 to 9999 times"
            )
        times[one] = int(count)
    return times


def _found(name):
    """(class, its first arguments) of the data set of this name or in this folder. Raises
    NotThere."""
    if name in DRAWN:
        from minicnn.datasets.scenes.dataset import Scenes  # draws, so it costs time to import

        return (Scenes,)
    if name in INSTALLABLE:
        return INSTALLABLE[name], installed_at(name)
    if Path(name).is_dir():
        return _kind_of(Path(name)), name
    if "/" in name or Path(name).exists():
        raise NotThere(f"{name}: is not a folder, so there is no data set in it")
    near = did_you_mean(name, [*DRAWN, *INSTALLABLE])
    raise NotThere(f"there is no data set {name!r}; {overview()}{near}")


def lasting_name(name_or_path):
    """What `load` took, as a text that means the same from any folder: paths become absolute."""
    name = os.fspath(name_or_path)
    if is_joined(name):
        return "+".join(lasting_name(part.strip()) for part in name.split("+"))
    is_path = name not in DRAWN and name not in INSTALLABLE and Path(name).is_dir()
    return str(Path(name).resolve()) if is_path else name


def lasting_options(options):
    """The options of a data set, a mapping's path, and that of `more`, made absolute."""
    options = dict(options or {})
    if (path := options.get("mapping", COMMON)) != COMMON:
        options["mapping"] = str(Path(str(path)).resolve())
    if (more := options.get("more")) is not None and not callable(more):
        options["more"] = lasting_name(str(more))
    return options


def data_home():
    """The folder of installed data sets: MINICNN_DATA, or the user's cache folder."""
    if chosen := os.environ.get("MINICNN_DATA"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "minicnn"


def is_installed(name):
    """Whether that data set is there, of A+B each. Installing is atomic, so a folder is whole or
    not there."""
    return all((data_home() / part).is_dir() for part in name.split("+"))


def installed_at(name):
    """The folder of an installed data set. Raises DataError with how to install it."""
    if not is_installed(name):
        raise NotThere(f"{name} is not installed in {data_home()}; {how_to_install(name)}")
    return data_home() / name


FOLDERS = "a folder with images/, labels/ and classes.txt, or with a folder of pictures a class"


def how_to_install(name):
    """The sentence that says where the archive is to be had, and the commands."""
    by_hand = (
        f"get it from {INSTALLABLE[name].source} and run  "
        f"minicnn data install {name} --from ARCHIVE_OR_FOLDER"
    )
    return f"minicnn data install {name}  fetches it; or {by_hand}" if name in ARCHIVES else by_hand


def official_archive(name):
    """The official Archive of a data set. Raises DataError if there is none to be fetched."""
    if name in ARCHIVES:
        return ARCHIVES[name]
    why = BY_HAND.get(name, "is on no server that minicnn knows")
    raise DataError(f"{name} {why}: {how_to_install(name)}")


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


def _construct(name, options, kind, *arguments):
    known = list(inspect.signature(kind).parameters)[len(arguments) :]
    for option in options:
        if option not in known:
            has = f"its options are {', '.join(known)}" if known else "it has none"
            has += did_you_mean(option, known)
            raise DataError(f"{name}: there is no option {option!r} here; {has}")
    return kind(*arguments, **options)
