"""mapping.txt: which classes of each data set become which common ones.

    # a line that begins so says nothing
    [classes]
    sky  #80beff                    the common classes in their order, with or without a colour
    tree
    ...
    [stanford-background]           a part for each data set: its name, or that of its folder
    sky = sky                       and in it a line for each of its classes
    foreground object = person, vehicle, animal
    grass = void

A class that may be one of several, for nobody said which, names them all, with commas between: a
network learns that it is one of these. What is void is neither learnt nor scored; void of the data
set stays void. Classes that make the same set of common ones share one label. A part for a data
set that is not asked for may be there, so that one file serves many.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minicnn.basics.nearest import did_you_mean
from minicnn.datasets.classes_txt import numbered_lines
from minicnn.datasets.colours import class_colours, rgb
from minicnn.datasets.dataset import DataError
from minicnn.datasets.finding import composed
from minicnn.images.labels import VOID

SHIPPED = Path(__file__).with_name("mapping.txt")
CLASSES, NOTHING = "classes", "void"


@dataclass
class Mapping:
    """What a mapping.txt says.

    classes, colours   the common ones: names, and uint8 (K, 3)
    parts    {data set: {its class: tuple of places of common classes, () for void}}
    where    {data set: "FILE, line 7"}, for messages
    """

    path: Path
    classes: tuple
    colours: np.ndarray
    parts: dict
    where: dict

    def tables(self, owners):
        """(sets, {name: table}) for data sets {name: its classes}.

        sets    tuple of tuples: the places of the common classes that a label K + s may be
        table   uint8 (256,): from a label of that data set to 0 .. K - 1, K + s, or 255

        Raises DataError for a data set or a class that the file leaves out or does not know.
        """
        sets, tables = [], {}
        for name, classes in owners.items():
            wanted = self._of(name, classes)
            tables[name] = np.full(VOID + 1, VOID, np.uint8)
            for label, own in enumerate(classes):
                places = wanted[own]
                if len(places) > 1 and places not in sets:
                    sets.append(places)
                if len(self.classes) + len(sets) > VOID:
                    raise DataError(f"{self.path}: makes more than {VOID} classes and sets of them")
                if places:
                    one = len(places) == 1
                    code = places[0] if one else len(self.classes) + sets.index(places)
                    tables[name][label] = code
        return tuple(sets), tables

    def _of(self, name, classes):
        if name not in self.parts:
            has = f"; it has {', '.join(f'[{part}]' for part in self.parts) or 'none'}"
            raise DataError(
                f"{self.path}: has no part [{name}] that says what the classes of {name} are{has}"
                f"{did_you_mean(name, self.parts)}"
            )
        part, where = self.parts[name], self.where[name]
        for own in part:
            if own not in classes:
                near = did_you_mean(own, classes)
                raise DataError(f"{where}: [{name}] has no class {own!r}{near}")
        if missing := [own for own in classes if own not in part]:
            raise DataError(
                f"{where}: [{name}] leaves out {', '.join(missing)}: give each a line, for "
                f"instance  {missing[0]} = {NOTHING}"
            )
        return part


def read_mapping(path):
    """The Mapping in a file. Raises DataError with the line."""
    parts, where, section = {}, {}, None
    names, colours = [], []
    for number, line in numbered_lines(path):
        line, at = composed(line.strip()), f"{path}, line {number}"
        if line.startswith("#"):
            continue
        if found := re.fullmatch(r"\[(.+)\]", line):
            section = found[1].strip()
            if section in parts or (section == CLASSES and names):
                raise DataError(f"{at}: there is a part [{section}] already")
            if section != CLASSES:
                if not names:
                    raise DataError(f"{at}: the part [{CLASSES}] has to come first")
                parts[section], where[section] = {}, at
        elif section is None:
            raise DataError(f"{at}: begin with the part [{CLASSES}], not {line!r}")
        elif section == CLASSES:
            name, colour = _common(line, at)
            if name in names:
                raise DataError(f"{at}: {name!r} is there twice")
            names.append(name)
            colours.append(colour)
        else:
            own, places = _line(line, at, names)
            if own in parts[section]:
                raise DataError(f"{at}: {own!r} is there twice in [{section}]")
            parts[section][own] = places
    if len(names) < 2:
        raise DataError(f"{path}: its part [{CLASSES}] has to name two classes or more")
    return Mapping(Path(path), tuple(names), class_colours(names, colours), parts, where)


def _common(line, at):
    """(name, colour or None) of a common class."""
    found = re.fullmatch(r"(.*?)(?:\s+(#\S*))?", line)
    name = found[1].strip()
    if not name or "," in name or "=" in name or name == NOTHING:
        raise DataError(f"{at}: {line!r} is no class; write  name #rrggbb  without , and =")
    try:
        return name, rgb(found[2]) if found[2] else None
    except ValueError as error:
        raise DataError(f"{at}: {error}") from None


def _line(line, at, names):
    """(class, places of the common ones), from  class = one, another."""
    own, sign, right = (text.strip() for text in line.rpartition("="))
    wanted = [text.strip() for text in right.split(",")]
    if not sign or not own or not all(wanted):
        raise DataError(f"{at}: must be  class = common class, another, ..., not {line!r}")
    if wanted == [NOTHING]:
        return own, ()
    for name in wanted:
        if name not in names:
            near = did_you_mean(name, names)
            raise DataError(f"{at}: {name!r} is none of the common classes{near}")
        if wanted.count(name) > 1:
            raise DataError(f"{at}: names {name!r} twice")
    return own, tuple(sorted(names.index(name) for name in wanted))
