"""What every page of the book has: head and foot, markdown, formulas, code, links."""

import html
import re
from pathlib import Path

from minicnn.basics.writing import write_atomically
from minicnn.course.book.slides import SLIDES
from minicnn.course.exercises.exercise import find

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


def write_page(path, title, body, around=(None, None), up=""):
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


def write_style(folder):
    """`page.css`: our own rules, and the colours of code."""
    from pygments.formatters import HtmlFormatter

    css = Path(__file__).with_name("page.css").read_text()
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    colours = re.sub(r"^\.highlight \{.*\n", "", colours, flags=re.M)
    write_atomically(folder / "page.css", css + colours)


# ----------------------------------------------------------------------------------- text and code
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
    body = re.sub(r"<p>\s*((?:formula\d+formula\s*)+)</p>", r"\1", body)
    return re.sub(r"formula(\d+)formula", lambda m: mathml(formulas[int(m[1])]), body)


def mathml(formula):
    """`$...$` or `$$...$$` as MathML."""
    from latex2mathml.converter import convert

    display = "block" if formula.startswith("$$") else "inline"
    made = convert(" ".join(formula.strip("$").split()), display=display)
    return f'<div class="formula">{made}</div>' if display == "block" else made


def code(text, name="x.py", **options):
    """A text as coloured HTML, in the language that the file name tells; a .cu counts as C++."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_for_filename

    lexer = get_lexer_for_filename(name.replace(".cu", ".cpp"))
    return highlight(text, lexer, HtmlFormatter(cssclass="highlight", **options))


# ------------------------------------------------------------------------------------------- links
def slide_words(name):
    """The title of a slide, and what it means where it is in Russian."""
    english = f" <small>({SLIDES[name]})</small>" if SLIDES[name].lower() != name.lower() else ""
    return html.escape(name) + english


def chapter_link(chapter, up=""):
    title = f"{chapter.number} {html.escape(chapter.title)}"
    return f'<a href="{up}{chapter.name}.html">{title}</a>'


def exercise_link(name, up=""):
    """The number of an exercise, which leads to its page, its title and its minutes."""
    if name.startswith("none"):
        return html.escape(name)
    e = find(name)
    title = f"<code>{e.number}</code> {html.escape(e.title)}"
    return f'<a href="{up}exercises/{e.number}.html">{title}</a> ({e.minutes} min)'


def source_link(name):
    short = name.removeprefix("minicnn/")
    return f'<a href="source/{name.replace("/", "_")}.html"><code>{short}</code></a>'
