"""The pages of the book that no chapter is: exercises and map; figures; chapters side by side."""

import html
import io
import re
from textwrap import dedent

import matplotlib.image
import numpy as np
import pytest
from support import the_site

from minicnn.course import lecturing
from minicnn.course.book import parallel
from minicnn.course.book.chapters import chapters, read
from minicnn.course.book.exercise_pages import write_exercise_page
from minicnn.course.book.index import TO_COME, index_page
from minicnn.course.book.parallel import results_of_all
from minicnn.course.book.running import ChapterError, run
from minicnn.course.book.slides import SLIDES
from minicnn.course.exercises.exercise import all_exercises

HEAD = """# %% [markdown]
# # Planted {number}
#
# - **Slides:** Deep learning; Выводы
# - **Source:** minicnn/ops/relu.py
# - **Exercises:** ex05_conv2d_grad_bias
#
# **The problem.** $$y = x$$
#
# %%
"""
DRAW = """from minicnn.course.lecturing import figure, picture, show
drawing, axes = figure(1, 2, size=(12, 3))
for ax in axes:
    picture(ax, [[0, 1]], "a title")
show(drawing, "two pictures < one")
"""


def planted(folder, number, code):
    path = folder / f"{number}_planted.py"
    path.write_text(HEAD.format(number=number) + code + "\n")
    return read(path)


# ------------------------------------------------------------------------- exercises, map, figures
@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.number)
def test_the_page_of_an_exercise_has_its_task_and_nothing_of_its_key(exercise, tmp_path):
    asking = [c for c in chapters() if exercise.name in c.exercises]
    write_exercise_page(exercise, chapters(), tmp_path)
    page = (tmp_path / "exercises" / f"{exercise.number}.html").read_text()
    shown = html.unescape(re.sub(r"<[^>]+>", "", page))
    for block in exercise.docstring.split("\n\n")[2:]:
        assert dedent(block) in shown or block in shown
    assert f"def {exercise.function}(" in shown and f"exercise start {exercise.number}" in shown
    assert all(f'href="../{chapter.name}.html"' in page for chapter in asking)
    head, _, checks = exercise.text.partition("# ---- below")
    secret = [line.strip() for line in checks.split("\n")[1:]]
    long = [line for line in secret if len(line) > 20 and line not in head]
    assert len(long) > 20 and not [line for line in long if line in shown]


def test_the_map_names_every_slide_and_says_what_is_missing():
    found = chapters()
    one, others = [c for c in found if c.number == "05"], [c for c in found if c.number != "05"]
    page = index_page(one, others, {one[0]: None}, False)
    assert all(html.escape(slide) in page for slide in SLIDES)
    assert page.count("<tr") == 1 + len(SLIDES)  # a head, and a row for each: one chapter, once
    covered = {slide for chapter in found for slide in chapter.slides}
    assert page.count(TO_COME) == len(set(SLIDES) - covered)
    assert "not in this book: 13 Fast convolution" not in page  # its slides have others before it
    assert page.count("not in this book: 09 The simplest network") == 2
    assert 'href="exercises/ex03.html"' in page and 'href="05_convolution_backward.html"' in page


def test_a_chapter_leads_to_its_exercise_and_its_figures_open_in_full(tmp_path):
    the_site.needed()
    from minicnn.course.book import site

    chapter = planted(tmp_path, 77, DRAW)
    site.build([chapter], tmp_path / "book")
    page = (tmp_path / "book" / "77_planted.html").read_text()
    assert '<a href="exercises/ex05.html"><code>ex05</code>' in page
    assert '<div class="formula"><math' in page
    found = re.search(r'style="--width: (\d+)px"><a href="(figures/77-1.png)"><img src="\2"', page)
    image = matplotlib.image.imread(tmp_path / "book" / found[2])
    assert image.shape[1] == int(found[1])
    for edge in (image[:3], image[-3:], image[:, :3], image[:, -3:]):
        assert (edge[..., :3] == 1).all()  # nothing is cut
    assert np.ptp(image[:40, :, 0]) == 1  # and there are titles


# ------------------------------------------------------------------------------ several at once
def test_chapters_run_side_by_side_and_the_first_error_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    threads = "import os, minicnn\n(minicnn.get_num_threads(), os.getpid())"
    good = planted(tmp_path, 71, threads)
    wrong = planted(tmp_path, 72, "x = 2\nassert x == 3")
    with (
        pytest.raises(ChapterError, match=r"72_planted.py, line 12: AssertionError"),
        results_of_all([good, wrong]) as results_of,
    ):
        shown = results_of(good)[1][1][0]["data"]["text/plain"]
        assert re.match(r"\(1, \d+\)", shown) and shown != run(good)[1][1][0]["data"]["text/plain"]
        results_of(wrong)


def test_a_chapter_whose_process_is_killed_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    dead = [planted(tmp_path, number, "import os\nos._exit(1)") for number in (71, 72)]
    with (
        pytest.raises(ChapterError, match="71_planted.py or one beside it, was ended from outside"),
        results_of_all(dead) as results_of,
    ):
        results_of(dead[0])


def test_one_chapter_runs_in_this_process(tmp_path):
    with results_of_all([planted(tmp_path, 71, "1")]) as results_of:
        assert results_of is run


def test_titles_of_pictures_are_not_cut_in_a_script_either():
    drawing, axes = lecturing.figure(1, 3, size=(12, 3.2))
    for ax in axes:
        lecturing.picture(ax, np.zeros((48, 64)), "stripes, every third pixel")
    image = matplotlib.image.imread(io.BytesIO(lecturing.png(drawing)))
    assert (image[:4, :, :3] == 1).all()
