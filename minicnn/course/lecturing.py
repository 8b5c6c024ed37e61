"""What the chapters in `lectures/` share: our source as it stands in its file, figures that can be
read from the last row, tables, and numbers that were measured elsewhere.

    source(conv2d_forward)                   the CPU body of a kernel, with its file and line
    source(conv2d_forward, "gpu")            its CUDA C
    drawing, axes = figure(1, 3)             a figure in the style of the lectures
    show(drawing, "what is to be seen")      in a notebook: right here; in a script: a PNG file
    measured("stanford, rules: class")       a number of lectures/results/measured.json

Colours are those of Okabe and Ito, which the colour-blind can tell apart; two of them that mean
different things also differ in brightness, for weak projectors.
"""

import html
import inspect
import io
import json
import sys
import textwrap
from pathlib import Path

import numpy as np

import minicnn
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.tables import aligned
from minicnn.engine.kernel import Kernel

ROOT = Path(minicnn.__file__).parent.parent
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#F0E442", "#000000"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
SIGNED = "PuOr_r"  # minus purple, plus orange, zero white
DPI = 110

STYLE = {
    "font.size": 15,
    "axes.titlesize": 15,
    "axes.labelsize": 15,
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
    "legend.fontsize": 13,
    "lines.linewidth": 2.5,
    "lines.markersize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
}

sink = None  # takes (figure, caption) while minicnn.course.book runs a chapter
_shown = 0


# ----------------------------------------------------------------------------------------- figures
def style():
    """A context in which matplotlib draws in the style of the lectures; it leaves no trace."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def figure(rows=1, columns=1, size=(11, 4.2), **options):
    """(Figure, its axes): one, or an array of them. `options` as those of Figure.subplots. From
    then on matplotlib draws everything in the style of the lectures."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)
    drawing = Figure(figsize=size, dpi=DPI, layout="constrained")
    return drawing, drawing.subplots(rows, columns, **options)


def picture(axes, image, title="", **options):
    """An image without ticks on `axes`; returns what imshow returns."""
    drawn = axes.imshow(image, **options)
    axes.set_title(title)
    axes.set_axis_off()
    return drawn


def numbers(axes, matrix, title="", form="{:g}", around=None, limit=None):
    """A small matrix as coloured squares with its numbers in them: minus purple, plus orange.
    `around` (row, column, height, width) frames some of them."""
    from matplotlib.patches import Rectangle

    matrix = np.asarray(matrix, dtype=float)
    limit = limit or max(float(np.abs(matrix).max()), 1e-12)
    picture(axes, matrix, title, cmap=SIGNED, vmin=-1.6 * limit, vmax=1.6 * limit)
    size = 15 if max(matrix.shape) < 8 else 11
    for (i, j), value in np.ndenumerate(matrix):
        text = form.format(value)
        text = text.removeprefix("-") if float(text) == 0 else text  # never «-0.0»
        axes.text(j, i, text, ha="center", va="center", fontsize=size)
    if around:
        i, j, height, width = around
        corner = (j - 0.5, i - 0.5)
        frame = Rectangle(corner, width, height, fill=False, edgecolor=BLACK, linewidth=3)
        frame.set_clip_on(False)
        axes.add_patch(frame)


def show(drawing, caption):
    """Shows a figure: in a notebook below the cell, in a script as a PNG in `lecture-figures`.
    The caption says in words what is to be seen."""
    global _shown
    if sink is not None:
        sink(drawing, caption)
        return
    if _in_a_notebook():
        from IPython.display import Image, display

        display(Image(data=png(drawing), alt=caption))
        return
    _shown += 1
    folder = Path("lecture-figures")
    folder.mkdir(exist_ok=True)
    path = folder / f"{Path(sys.argv[0]).stem}-{_shown}.png"
    path.write_bytes(png(drawing))
    print(f"[{path}] {caption}")


def _in_a_notebook():
    return "ipykernel" in sys.modules


def _print_in_a_script(thing):
    """A notebook and the book show what ends a cell; a script says nothing of it by itself."""
    if sink is None and not _in_a_notebook():
        print(f"{thing!r}\n")


def png(drawing):
    """The bytes of a figure as PNG."""
    buffer = io.BytesIO()
    # tight: what lies beyond the figure, as titles of pictures without axes do, is not cut off
    drawing.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.08)
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------ source
class Source:
    """A piece of a source file; a notebook shows it coloured, with its place above."""

    def __init__(self, path, line, text, language="python"):
        self.path, self.line, self.language = Path(path), line, language
        self.text = textwrap.dedent(text).strip("\n")
        _print_in_a_script(self)

    @property
    def place(self):
        return f"{self.path.relative_to(ROOT)}, line {self.line}"

    def __repr__(self):
        return f"{self.place}\n\n{self.text}"

    def _repr_html_(self):
        try:
            from pygments import highlight
            from pygments.formatters import HtmlFormatter
            from pygments.lexers import get_lexer_by_name

            lexer = get_lexer_by_name({"cuda": "c++"}.get(self.language, self.language))
            code = highlight(self.text, lexer, HtmlFormatter(cssclass="highlight"))
        except ImportError:
            code = f"<pre>{html.escape(self.text)}</pre>"
        return f'<div class="source"><p class="place">{html.escape(self.place)}</p>{code}</div>'


def source(thing, body="cpu"):
    """The text of a function, a class or a Kernel (`body`: cpu or gpu), or the docstring of a
    module, read from its file now: it is never older than the program."""
    if isinstance(thing, Kernel):
        return _cuda(thing) if body == "gpu" else source(thing.cpu_body)
    if inspect.ismodule(thing):
        return Source(thing.__file__, 1, thing.__doc__, "text")
    thing = getattr(thing, "py_func", thing)
    lines, first = inspect.getsourcelines(thing)
    return Source(inspect.getsourcefile(thing), first, "".join(lines))


def _cuda(kernel):
    """The CUDA C of a kernel, out of the file beside the op's or of a string in it."""
    home = Path(inspect.getsourcefile(kernel.cpu_body))
    begin = f'extern "C" __global__ void {kernel.name}('
    for path in (home.with_suffix(".cu"), home):
        text = path.read_text() if path.exists() else ""
        if begin in text:
            start = text.index(begin)
            end = text.index("\n}", start) + 2
            return Source(path, text.count("\n", 0, start) + 1, text[start:end], "cuda")
    raise ValueError(f"{home}: no CUDA text of {kernel.name}")


# ------------------------------------------------------------------------------- tables, numbers
class Table:
    """Rows of text under a header."""

    def __init__(self, header, rows):
        self.header, self.rows = list(header), [[str(cell) for cell in row] for row in rows]
        _print_in_a_script(self)

    def __repr__(self):
        return "\n".join(aligned([self.header, *self.rows], "-"))

    def _repr_html_(self):
        def row(cells, tag):
            return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

        body = "".join(row(cells, "td") for cells in self.rows)
        return f"<table><thead>{row(self.header, 'th')}</thead><tbody>{body}</tbody></table>"


class Measured(float):
    """A number that was measured elsewhere; `command` is what gives it again."""

    command = ""

    def __repr__(self):
        return f"{float(self):g}   ({self.command})"


def measured(name):
    """A number of lectures/results/measured.json, with the command that gives it again. Raises
    ValueError for a name that is not there."""
    found = json.loads((ROOT / "lectures/results/measured.json").read_text())["numbers"]
    if name not in found:
        raise ValueError(
            f"lectures/results/measured.json has no {name!r}{did_you_mean(name, found)}"
        )
    value = Measured(found[name]["value"])
    value.command = found[name]["command"]
    return value
