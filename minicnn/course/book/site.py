"""The book as pages that need no network and no script: the chapters, an index with a map from
slide to chapter to source file to exercise, the exercises, the source files, the glossary.

nbconvert turns markdown and code into HTML. Formulas become MathML, which browsers draw themselves.
"""

import base64
import html
import re
import struct
from pathlib import Path

from minicnn.course.book.api import api_page
from minicnn.course.book.chapters import chapters as all_chapters
from minicnn.course.book.exercise_pages import write_exercise_page
from minicnn.course.book.index import index_page
from minicnn.course.book.layout import (
    code,
    exercise_link,
    markdown,
    slide_words,
    source_link,
    write_page,
    write_style,
)
from minicnn.course.book.notebooks import needs, notebook
from minicnn.course.book.running import run, say
from minicnn.course.exercises.exercise import find
from minicnn.course.lecturing import ROOT


def build(chapters, folder, glossary=None, results_of=run):
    """Writes the site of `chapters` into `folder`; returns the path of its index.

    glossary     path of a markdown file, or None
    results_of   chapter -> what running.run gives
    """
    needs("jupytext", "nbconvert", "latex2mathml", "pygments")
    folder = Path(folder)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    write_style(folder)
    thumbnails = {}
    for k, chapter in enumerate(chapters):
        body, thumbnails[chapter] = _chapter(chapter, results_of(chapter), folder)
        say(f"{chapter.number} {chapter.title}")
        around = [chapters[j] if 0 <= j < len(chapters) else None for j in (k - 1, k + 1)]
        write_page(folder / f"{chapter.name}.html", chapter.title, body, around)
    for name in sorted({name for chapter in chapters for name in chapter.sources}):
        _source_page(name, folder)
    for name in sorted({name for chapter in chapters for name in chapter.exercises}):
        if not name.startswith("none"):
            write_exercise_page(find(name), chapters, folder)
    if glossary:
        write_page(folder / "glossary.html", "Glossary", markdown(Path(glossary).read_text()))
    write_page(folder / "api.html", "What one calls", api_page())
    others = [chapter for chapter in all_chapters() if chapter not in chapters]
    index = index_page(chapters, others, thumbnails, bool(glossary))
    write_page(folder / "index.html", "Lectures", index)
    return folder / "index.html"


# ---------------------------------------------------------------------------------------- a chapter
def _chapter(chapter, results, folder):
    """(HTML of a chapter, file name of its thumbnail or None). Its pictures go to `figures`."""
    parts, pictures = [], []
    book = notebook(chapter, results)
    for number, cell in enumerate(book.cells):
        if cell.cell_type == "markdown":
            text = _head(chapter, cell.source) if number == 0 else markdown(cell.source)
            parts.append(text)
            continue
        bare_source = re.fullmatch(r"source\(.*\)", cell.source.strip())
        if not bare_source:
            parts.append(_code(cell.source))
        for output in cell.outputs:
            parts.append(_output(output, chapter, pictures, folder))
    return "\n".join(parts), pictures[0] if pictures else None


def _head(chapter, text):
    """The first cell: title, where it belongs in the lecture, and the problem."""
    title, rest = text.split("\n", 1)
    before, after = re.split(r"(?<=\n)(?=\*\*The problem)", rest, maxsplit=1)
    slides = "; ".join(map(slide_words, chapter.slides))
    sources = "; ".join(source_link(name) for name in chapter.sources)
    exercises = "; ".join(map(exercise_link, chapter.exercises))
    return (
        f'<h1><span class="number">{chapter.number}</span>{html.escape(chapter.title)}</h1>\n'
        f'<div class="head"><p><b>Slides:</b> {slides}<br><b>Source:</b> {sources}<br>'
        f"<b>Exercises:</b> {exercises}</p></div>\n" + markdown(after)
    )


LONG = 16  # lines of code from which on a cell is folded if it only prepares a figure


def _code(text):
    shown = code(text)
    if text.count("\n") >= LONG or text.startswith(("import ", "from ")):
        lines = text.count("\n") + 1
        said = f"the code of this step, {lines} lines"
        shown = f"<details><summary>{said}</summary>{shown}</details>"
    return f'<div class="code">{shown}</div>'


def _output(output, chapter, pictures, folder):
    if output["output_type"] == "stream":
        return f'<div class="printed"><pre>{html.escape(output["text"].rstrip())}</pre></div>'
    data = output["data"]
    if "image/png" in data:
        name = f"figures/{chapter.number}-{len(pictures) + 1}.png"
        content = base64.b64decode(data["image/png"])
        (folder / name).write_bytes(content)
        pictures.append(name)
        return _figure(name, content, html.escape(data["text/plain"]))
    if "text/html" in data:
        return data["text/html"]
    return f'<div class="printed"><pre>{html.escape(data["text/plain"])}</pre></div>'


def _figure(name, content, words):
    """A picture with its caption. It opens in full; on a narrow screen it keeps a size at which
    its words can be read (page.css), and scrolls."""
    width, height = struct.unpack(">II", content[16:24])  # of the PNG
    picture = f'<img src="{name}" alt="{words}" width="{width}" height="{height}">'
    return (
        f'<figure><div class="wide" style="--width: {width}px"><a href="{name}">{picture}</a></div>'
        f"<figcaption>{words}</figcaption></figure>"
    )


# ----------------------------------------------------------------------------------- a source file
def _source_page(name, folder):
    (folder / "source").mkdir(exist_ok=True)
    shown = code((ROOT / name).read_text(), name, linenos="inline", anchorlinenos=False)
    body = f'<h1><code>{name}</code></h1><div class="code file">{shown}</div>'
    write_page(folder / "source" / f"{name.replace('/', '_')}.html", name, body, up="../")
