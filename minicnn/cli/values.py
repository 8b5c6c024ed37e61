"""What the values of the command line's options mean."""

import argparse
import contextlib
import itertools
import math
import re
from pathlib import Path

from minicnn.basics.writing import check_free, remove_empty
from minicnn.learning.checkpoints import LAST, PLAN

TEXTS = ("classes", "lists", "mapping", "more", "often")  # of data sets: 007 is a name


def whole_number(least, most=math.inf):
    """The argparse type of whole numbers from `least` on, up to `most`."""

    def convert(text):
        if not text.isdecimal() or len(text) > 30 or not least <= int(text) <= most:
            which = f"{least} or more" if most == math.inf else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {which}")
        return int(text)

    return convert


def refuse_beside(o, mode, flags, usual=None):
    """ValueError if one of these flags was given, which `minicnn MODE` would not hear. `usual`:
    {flag: its default}, of those whose default is none of None, False and ""."""
    for flag in flags:
        if getattr(o, flag) not in (None, False, "", (usual or {}).get(flag)):
            raise ValueError(f"--{flag} does not go with  minicnn {mode}")


def positive(text):
    """The argparse type of finite numbers above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def setting(text):
    """The argparse type of KEY=VALUE: a pair of texts."""
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


@contextlib.contextmanager
def new_folder(chosen, otherwise, adding=False):
    """The folder for results, made and empty: the chosen one, or the next free of `otherwise`-1,
    -2, ... (none if that is None). One that was made here goes again if it stays empty. With
    `adding` the chosen one need not be empty."""
    if chosen is None and otherwise is None:
        yield None
        return
    if chosen is not None:
        folder = Path(chosen)
        hint = "choose another --out"
        if (folder / LAST).is_file() or (folder / PLAN).is_file():
            hint += f", or go on with this run: minicnn resume {folder}"
        if not (adding and folder.is_dir()):
            check_free(folder, hint)
        made = False
        with contextlib.suppress(FileExistsError):  # somebody else's, who may be just beginning
            folder.mkdir(parents=True)
            made = True
    else:
        parent = Path(otherwise).parent
        made, made_parent = True, not parent.exists()
        for number in itertools.count(1):  # mkdir decides: two commands never get the same
            folder = Path(f"{otherwise}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=True)
                break
    try:
        yield folder
    finally:
        if made:
            remove_empty(folder)
        if chosen is None and made_parent:
            remove_empty(parent)


def check_plot(file):
    """ValueError if a picture cannot be written to `file` (None: nobody asks for one)."""
    if file and not Path(file).parent.is_dir():
        raise ValueError(f"{file}: there is no folder {Path(file).parent}")
    if file and Path(file).suffix not in (".png", ".pdf", ".svg"):
        raise ValueError(f"--plot {file}: the name has to end in .png, .pdf or .svg")


def split_settings(pairs, only_data=False):
    """--set values as (settings of recipe and network, options of the data set)."""
    settings, data_options = {}, {}
    for key, value in pairs:
        if key == "data.fold":
            raise ValueError(f"--set {key}={value}: the fold is given with --fold {value}")
        if key.startswith("data."):
            name = key.removeprefix("data.")
            data_options[name] = value if name in TEXTS else _parsed(value)
        elif only_data:
            raise ValueError(f"--set {key}={value}: only options of the data (data.KEY) apply here")
        else:
            settings[key] = value  # the recipe knows of which kind each is
    return settings, data_options


def _parsed(text):
    """'120x160' as (120, 160), numbers and truth values as themselves, other text as it is."""
    if re.fullmatch(r"\d+x\d+", text):
        return tuple(map(int, text.split("x")))
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
