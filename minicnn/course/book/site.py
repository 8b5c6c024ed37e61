"""The chapters as pages that need no network and no script: an index with thumbnails, a map from
slide to chapter to source file to exercise, the source files, the glossary.

nbconvert turns markdown and code into HTML. Formulas become MathML, which browsers draw themselves.
"""

import base64
import html
import re
from pathlib import Path

from minicnn.basics.writing import write_atomically
from minicnn.course.book.api import api_page
from minicnn.course.book.notebooks import needs, notebook
from minicnn.course.book.running import run, say
from minicnn.course.book.slides import SLIDES
from minicnn.course.exercises.exercise import find
from minicnn.course.lecturing import ROOT

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<link rel="stylesheet" href="{up}page.css">
</head>
<body>
<header><nav>{nav}</nav></header>
<main>
{body}
</main>
<footer><nav>{foot}</nav></footer>
</body>
</html>
"""


def build(chapters, folder, glossary=None, results_of=run):
    """Writes the site of `chapters` into `folder`; returns the path of its index.

    glossary     path of a markdown file, or None
    results_of   chapter -> what running.run gives
    """
    needs("jupytext", "nbconvert", "latex2mathml", "pygments")
    from pygments.formatters import HtmlFormatter

    folder = Path(folder)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    css = Path(__file__).with_name("page.css").read_text()
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    write_atomically(
        folder / "page.css", css + re.sub(r"^\.highlight \{.*\n", "", colours, flags=re.M)
    )
    thumbnails = {}
    for k, chapter in enumerate(chapters):
        say(f"{chapter.number} {chapter.title}")
        body, thumbnails[chapter] = _chapter(chapter, results_of(chapter), folder)
        around = [chapters[j] if 0 <= j < len(chapters) else None for j in (k - 1, k + 1)]
        _write(folder / f"{chapter.name}.html", chapter.title, body, around)
    for name in sorted({name for chapter in chapters for name in chapter.sources}):
        _source_page(name, folder)
    if glossary:
        _write(folder / "glossary.html", "Glossary", markdown(Path(glossary).read_text()))
    _write(folder / "api.html", "What one calls", api_page())
    _write(folder / "index.html", "Lectures", _index(chapters, thumbnails, bool(glossary)))
    return folder / "index.html"


def _write(path, title, body, around=(None, None), up=""):
    links = [f'<a href="{up}index.html">All chapters</a>']
    foot = []
    for chapter, arrow in zip(around, ("← {}", "{} →"), strict=True):
        if chapter:
            text = arrow.format(f"{chapter.number} {html.escape(chapter.title)}")
            foot.append(f'<a href="{chapter.name}.html">{text}</a>')
        else:
            foot.append("<span></span>")
    links.append(f'<a href="{up}index.html#map">Map of the lecture</a>')
    page = PAGE.format(
        title=html.escape(f"{title} · minicnn"),
        up=up,
        nav="\n".join(links),
        body=body,
        foot="\n".join(foot),
    )
    write_atomically(path, page)


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
    slides = "; ".join(map(_slide, chapter.slides))
    sources = "; ".join(_source_link(name) for name in chapter.sources)
    exercises = "; ".join(map(_exercise, chapter.exercises))
    return (
        f'<h1><span class="number">{chapter.number}</span>{html.escape(chapter.title)}</h1>\n'
        f'<div class="head"><p><b>Slides:</b> {slides}<br><b>Source:</b> {sources}<br>'
        f"<b>Exercises:</b> {exercises}</p></div>\n" + markdown(after)
    )


def _slide(name):
    """The title of a slide, and what it means where it is in Russian."""
    english = f" <small>({SLIDES[name]})</small>" if SLIDES[name].lower() != name.lower() else ""
    return html.escape(name) + english


def _exercise(name):
    if name.startswith("none"):
        return html.escape(name)
    exercise = find(name)
    return f"<code>{exercise.number}</code> {html.escape(exercise.title)} ({exercise.minutes} min)"


def _source_link(name):
    short = name.removeprefix("minicnn/")
    return f'<a href="source/{name.replace("/", "_")}.html"><code>{short}</code></a>'


LONG = 16  # lines of code from which on a cell is folded if it only prepares a figure


def _code(text):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    code = highlight(text, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    if text.count("\n") >= LONG or text.startswith(("import ", "from ")):
        lines = text.count("\n") + 1
        code = f"<details><summary>the code of this step, {lines} lines</summary>{code}</details>"
    return f'<div class="code">{code}</div>'


def _output(output, chapter, pictures, folder):
    if output["output_type"] == "stream":
        return f'<div class="printed"><pre>{html.escape(output["text"].rstrip())}</pre></div>'
    data = output["data"]
    if "image/png" in data:
        caption = data["text/plain"]
        name = f"figures/{chapter.number}-{len(pictures) + 1}.png"
        (folder / name).write_bytes(base64.b64decode(data["image/png"]))
        pictures.append(name)
        words = html.escape(caption)
        return f'<figure><img src="{name}" alt="{words}"><figcaption>{words}</figcaption></figure>'
    if "text/html" in data:
        return data["text/html"]
    return f'<div class="printed"><pre>{html.escape(data["text/plain"])}</pre></div>'


def markdown(text):
    """Markdown with formulas as HTML with MathML."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    formulas = []

    def keep(match):
        formulas.append(match[0])
        return f"formula{len(formulas) - 1}formula"

    code = r"```.*?```|`[^`\n]*`"
    formula = r"\$\$.+?\$\$|\$[^$]+?\$"
    kept = re.sub(f"({code})|({formula})", lambda m: m[0] if m[1] else keep(m), text, flags=re.S)
    body = markdown2html_mistune(kept)
    body = re.sub(r'<a class="anchor-link".*?</a>', "", body)
    body = re.sub(r"<p>\s*(formula\d+formula)\s*</p>", r"\1", body)
    return re.sub(r"formula(\d+)formula", lambda m: mathml(formulas[int(m[1])]), body)


def mathml(formula):
    """`$...$` or `$$...$$` as MathML."""
    from latex2mathml.converter import convert

    display = "block" if formula.startswith("$$") else "inline"
    return convert(" ".join(formula.strip("$").split()), display=display)


# ------------------------------------------------------------------------------ index, map, sources
def _index(chapters, thumbnails, glossary):
    cards = []
    for chapter in chapters:
        picture = thumbnails[chapter]
        image = f'<img src="{picture}" alt="">' if picture else ""
        cards.append(
            f'<li><a href="{chapter.name}.html">{image}<span><b>{chapter.number}</b>'
            f"{html.escape(chapter.title)}</span></a></li>"
        )
    rows = []
    for slide in SLIDES:
        about = [chapter for chapter in chapters if slide in chapter.slides]
        if not about:
            continue
        for k, chapter in enumerate(about):
            first = _slide(slide) if k == 0 else ""
            exercises = [name for name in chapter.exercises if not name.startswith("none")]
            rows.append(
                f'<tr><td>{first}</td><td><a href="{chapter.name}.html">{chapter.number} '
                f"{html.escape(chapter.title)}</a></td>"
                f"<td>{'<br>'.join(_source_link(name) for name in chapter.sources)}</td>"
                f"<td>{'<br>'.join(map(_exercise, exercises)) or '–'}</td></tr>"
            )
    more = '<p><a href="api.html">What one calls: functions and classes</a></p>'
    more += '<p><a href="glossary.html">Russian-English glossary</a></p>' if glossary else ""
    return f"""<h1>Convolutional networks for image segmentation</h1>
<p>The chapters follow the lecture of M. Figurnov (Moscow State University, 2014) and run on
pictures that the program draws. Every number on these pages was computed when they were built, and
checked; what was measured elsewhere comes with its command.</p>
<ul class="cards">{"".join(cards)}</ul>
{more}
<h2 id="map">Map of the lecture</h2>
<table class="map"><thead><tr><th>Slide</th><th>Chapter</th><th>Source</th><th>Exercise</th></tr>
</thead><tbody>{"".join(rows)}</tbody></table>
<p>Start with ex05, ten minutes and one line: <code>minicnn exercise start ex05 --to my/</code>.
<code>minicnn exercise list</code> shows them all.</p>"""


def _source_page(name, folder):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_for_filename

    (folder / "source").mkdir(exist_ok=True)
    lexer = get_lexer_for_filename(name.replace(".cu", ".cpp"))
    look = HtmlFormatter(cssclass="highlight", linenos="inline", anchorlinenos=False)
    code = highlight((ROOT / name).read_text(), lexer, look)
    body = f'<h1><code>{name}</code></h1><div class="code">{code}</div>'
    _write(folder / "source" / f"{name.replace('/', '_')}.html", name, body, up="../")
