"""The chapters of a checkout: `lectures/NN_title.py`, in the percent format of Jupytext.

The first cell of each is its head, which the site's map is made from:

    # %% [markdown]
    # # Back-propagating a convolution, and checking it
    #
    # - **Slides:** Структура слоя сети; ...
    # - **Source:** minicnn/ops/conv2d.py; ...
    # - **Exercises:** conv2d_backward_input; ...
"""

import re
from dataclasses import dataclass
from pathlib import Path

from minicnn.course.lecturing import ROOT


@dataclass(frozen=True)
class Cell:
    """One cell of a chapter; `line` is that of its first line in the file."""

    kind: str  # code or markdown
    line: int
    text: str


@dataclass(frozen=True)
class Chapter:
    path: Path
    text: str  # of the file
    title: str
    slides: tuple
    sources: tuple
    exercises: tuple
    cells: tuple

    @property
    def number(self):
        return self.path.name[:2]

    @property
    def name(self):
        return self.path.stem


def lectures_folder():
    """`lectures` of the checkout that this package runs from. Raises ValueError elsewhere."""
    folder = ROOT / "lectures"
    if not list(folder.glob("[0-9][0-9]_*.py")):
        raise ValueError(
            "the lectures are in the checkout, not in the installed package: clone the repository, "
            'and install it from there with  pip install -e ".[lectures]"'
        )
    return folder


def chapters(only=None):
    """The chapters in their order, or the one whose number is `only`."""
    found = [read(path) for path in sorted(lectures_folder().glob("[0-9][0-9]_*.py"))]
    if only is None:
        return found
    number = str(only).zfill(2)
    chosen = [chapter for chapter in found if chapter.number == number]
    if not chosen:
        there = ", ".join(chapter.number for chapter in found)
        raise ValueError(f"there is no chapter {only}; the chapters are {there}")
    return chosen


def read(path):
    """The Chapter in a file. Raises ValueError where its head is not as it should be."""
    text = Path(path).read_text()
    cells = split(text)
    head = cells[0]
    title = re.match(r"# (.+)", head.text)
    if head.kind != "markdown" or not title:
        raise ValueError(f"{path}: the first cell is not markdown with a title")

    def listed(word):
        line = re.search(rf"^- \*\*{word}:\*\* (.+(?:\n  .+)*)", head.text, re.M)
        if not line:
            raise ValueError(f"{path}: the head has no line «- **{word}:** ...»")
        items = (" ".join(item.split()).strip("`") for item in line[1].split(";"))
        return tuple(item for item in items if item)

    slides, sources, exercises = map(listed, ("Slides", "Source", "Exercises"))
    return Chapter(Path(path), text, title[1], slides, sources, exercises, tuple(cells))


def split(text):
    """The cells of a percent script."""
    cells, kind, lines, first = [], None, [], 0

    def finish():
        body = "\n".join(lines).strip("\n")
        if kind == "markdown":
            body = "\n".join(re.sub(r"^# ?", "", line) for line in body.split("\n"))
        if kind and body:
            cells.append(Cell(kind, first, body))

    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("# %%"):
            finish()
            kind, lines, first = "markdown" if "[markdown]" in line else "code", [], number + 1
        elif lines or line:
            if not lines:
                first = number
            lines.append(line)
    finish()
    return cells
