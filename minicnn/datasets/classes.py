"""classes.txt: the classes of a folder data set, their stored numbers and their colours."""

import re
from dataclasses import dataclass

import numpy as np

from minicnn.basics.plain import read_text
from minicnn.datasets.colours import class_colours, rgb
from minicnn.datasets.dataset import VOID, DataError
from minicnn.datasets.finding import composed

FORM = "id <tab> name [<tab> #rrggbb]"


@dataclass
class Classes:
    """What a classes.txt says.

    names    tuple of K names
    colours  uint8 (K, 3), ours where the file gives none
    index    int16 (256,): from a stored label to 0 .. K-1, 255 for void, or -1 for no class
    painted  {(r, g, b): 0 .. K-1 or 255} of the colours that the file gives
    twice    the first two names that share one colour, or None
    """

    path: object
    names: tuple
    colours: np.ndarray
    index: np.ndarray
    painted: dict
    twice: tuple | None

    def from_numbers(self, stored, path):
        """uint8 (H, W) of classes from the numbers stored in a label file."""
        labels = self.index[stored]
        if (labels < 0).any():
            row, column = np.argwhere(labels < 0)[0]
            raise DataError(
                f"{path}: label {stored[row, column]} at row {row}, column {column}, which "
                f"{self.path} does not list (all such files: minicnn data check)"
            )
        return labels.astype(np.uint8)

    def from_colours(self, colours, opaque, path):
        """uint8 (H, W) of classes from a label picture uint8 (H, W, 3) in the very colours of
        classes.txt; void where `opaque`, bool (H, W) or None, is False."""
        if not self.painted:
            raise DataError(
                f"{path}: is a colour picture, but labels are numbers: save it as an indexed or an "
                f"8-bit grey PNG, or give every class its colour in {self.path}"
            )
        if self.twice:
            one, other = self.twice
            raise DataError(
                f"{path}: is a colour picture, but {one!r} and {other!r} have the same colour in "
                f"{self.path}"
            )
        codes = np.sort([_code(np.array(c, np.uint8)) for c in self.painted])
        values = {int(_code(np.array(c, np.uint8))): value for c, value in self.painted.items()}
        table = np.array([values[int(code)] for code in codes], np.uint8)
        labels = np.empty(colours.shape[:2], np.uint8)
        for row, line in enumerate(colours):  # a row at a time: codes need four times the memory
            found = _code(line)
            place = np.searchsorted(codes, found).clip(max=len(codes) - 1)
            seen = np.ones(len(line), bool) if opaque is None else opaque[row]
            unknown = (codes[place] != found) & seen
            if unknown.any():
                column = int(unknown.argmax())
                colour = "#" + bytes(line[column].tolist()).hex()
                raise DataError(
                    f"{path}: colour {colour} at row {row}, column {column}, which {self.path} "
                    "gives to no class (labels must not be smoothed, scaled or saved as JPEG; what "
                    f"counts for nothing is listed as  255 <tab> void <tab> {colour})"
                )
            labels[row] = np.where(seen, table[place], VOID)
        return labels


def _code(colours):
    """uint32 (...): 0xrrggbb of uint8 (..., 3)."""
    wide = colours.astype(np.uint32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def read_classes(path):
    """The Classes in a file. Raises DataError with the line."""
    names, colours, index = [], [], np.full(256, -1, np.int16)
    painted, owner, twice = {}, {}, None
    index[VOID] = VOID
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        fields = _fields(line)
        if len(fields) not in (2, 3) or not re.fullmatch("[0-9]{1,9}", fields[0]) or not fields[1]:
            raise DataError(f"{where}: must be  {FORM}, not {line!r}")
        stored, name = int(fields[0]), composed(fields[1])
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
        if colour is not None:
            key = tuple(colour)
            if key in painted and painted[key] != index[stored]:
                twice = twice or (owner[key], name)
            painted[key], owner[key] = int(index[stored]), name
        if not void:
            names.append(name)
            colours.append(colour)
    if not names:
        raise DataError(f"{path}: lists no class")
    return Classes(path, tuple(names), class_colours(names, colours), index, painted, twice)


def _fields(line):
    """[id, name] or [id, name, colour]: between tabs, or, where an editor has made spaces of them,
    the number before the first space, the colour after the last, and the name between."""
    fields = [field.strip() for field in line.strip().split("\t")]
    if len(fields) == 1:
        fields = line.split(None, 1)
    if len(fields) == 2 and (found := re.fullmatch(r"(.*\S)\s+(#\S*)", fields[1].strip())):
        fields = [fields[0], *found.groups()]
    return [field.strip() for field in fields]


def numbered_lines(path):
    """(number, line) of the lines of a text file that are not blank. A name may hold any character
    but a line feed, so nothing else ends a line."""
    lines = read_text(path, DataError).split("\n")
    return [(i, line.removesuffix("\r")) for i, line in enumerate(lines, 1) if line.strip()]
