"""A page for each exercise: its task and its blank, and how one begins. Never what checks it."""

import html
from textwrap import dedent

from minicnn.course.book.layout import chapter_link, code, write_page


def write_exercise_page(exercise, chapters, folder):
    """`exercises/exNN.html` in the folder of the book; it leads to those of `chapters` that ask
    for this exercise."""
    (folder / "exercises").mkdir(exist_ok=True)
    asking = [chapter for chapter in chapters if exercise.name in chapter.exercises]
    where = "; ".join(chapter_link(chapter, "../") for chapter in asking)
    number = exercise.number
    blank = exercise.head.split('"""', 2)[2].strip()  # below the docstring
    body = f"""<h1><span class="number">{number}</span>{html.escape(exercise.title)}</h1>
<div class="head"><p><b>Chapter:</b> {where or exercise.chapter}<br>
<b>Time:</b> about {exercise.minutes} minutes</p></div>
{_task(exercise.docstring)}
<h2>The blank</h2>
<div class="code">{code(blank)}</div>
<h2>How to go on</h2>
<div class="printed"><pre>minicnn exercise start {number} --to my/     # copies the blank
minicnn exercise check --in my/          # after each change
minicnn exercise hint {number} --in my/      # a nudge, then a stronger one</pre></div>"""
    write_page(folder / "exercises" / f"{number}.html", exercise.title, body, up="../")


def _task(docstring):
    """The docstring below its title and minutes: paragraphs, and what is indented as it is."""
    blocks = docstring.split("\n\n")
    parts = []
    for block in blocks[2:]:
        if all(line.startswith("    ") for line in block.split("\n")):
            parts.append(f'<pre class="task">{html.escape(dedent(block))}</pre>')
        else:
            parts.append(f"<p>{html.escape(block)}</p>")
    return "\n".join(parts)
