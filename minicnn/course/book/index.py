"""The first page of the book: the chapters with thumbnails, and the map of the lecture."""

import html

from minicnn.course.book.layout import chapter_link, exercise_link, slide_words, source_link
from minicnn.course.book.slides import SLIDES

TO_COME = "its system, and its chapter, are still to come"


def index_page(chapters, others, thumbnails, glossary):
    """The body of the page, HTML.

    chapters     those in the book
    others       those of the lecture that are not (a book of one chapter has many)
    thumbnails   chapter -> file name of a picture, or None
    glossary     whether there is one
    """
    more = '<p><a href="api.html">What one calls: functions and classes</a></p>'
    more += '<p><a href="glossary.html">Russian-English glossary</a></p>' if glossary else ""
    rows = "".join(_rows(slide, chapters, others) for slide in SLIDES)
    return f"""<h1>Convolutional networks for image segmentation</h1>
<p>The chapters follow the lecture of M. Figurnov (Moscow State University, 2014) and run on
pictures that the program draws. Every number on these pages was computed when they were built, and
checked; what was measured elsewhere comes with its command.</p>
<ul class="cards">{"".join(_card(chapter, thumbnails[chapter]) for chapter in chapters)}</ul>
{more}
<h2 id="map">Map of the lecture</h2>
<p>Every slide in its order, the chapters that follow it, the source files that they read, and the
exercises.</p>
<table class="map"><thead><tr><th>Slide</th><th>Chapter</th><th>Source</th><th>Exercise</th></tr>
</thead><tbody>{rows}</tbody></table>
<p>Start with ex05, ten minutes and one line: <code>minicnn exercise start ex05 --to my/</code>.
<code>minicnn exercise list</code> shows them all.</p>"""


def _card(chapter, picture):
    image = f'<img src="{picture}" alt="">' if picture else ""
    title = html.escape(chapter.title)
    return (
        f'<li><a href="{chapter.name}.html">{image}<span><b>{chapter.number}</b>'
        f"{title}</span></a></li>"
    )


def _rows(slide, chapters, others):
    """What belongs to a slide: a row for each chapter of the book, or one that says why not."""
    about = [chapter for chapter in chapters if slide in chapter.slides]
    if not about:
        elsewhere = [f"{c.number} {c.title}" for c in others if slide in c.slides]
        words = f"not in this book: {'; '.join(elsewhere)}" if elsewhere else TO_COME
        return (
            f'<tr class="open"><td>{slide_words(slide)}</td>'
            f'<td colspan="3">{html.escape(words)}</td></tr>'
        )
    rows = []
    for k, chapter in enumerate(about):
        first = slide_words(slide) if k == 0 else ""
        sources = "<br>".join(source_link(name) for name in chapter.sources)
        asked = [name for name in chapter.exercises if not name.startswith("none")]
        rows.append(
            f"<tr><td>{first}</td><td>{chapter_link(chapter)}</td><td>{sources}</td>"
            f"<td>{'<br>'.join(map(exercise_link, asked)) or '–'}</td></tr>"
        )
    return "".join(rows)
