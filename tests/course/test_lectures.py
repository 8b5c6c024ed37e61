"""The chapters run, their numbers hold, their heads name what exists; the site made of them has no
broken link, no missing picture, and no error in a browser."""

import ast
import fcntl
import html.parser
import inspect
import json
import os
import pickle
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import the_site

from minicnn import emulator
from minicnn.course import lecturing
from minicnn.course.book import site
from minicnn.course.book.chapters import chapters, read, split
from minicnn.course.book.running import ChapterError, run
from minicnn.course.book.slides import SLIDES
from minicnn.ops import all_kernels

ROOT = Path(__file__).parents[2]
CHAPTERS = chapters()


def ids(chapter):
    return chapter.number


@pytest.fixture(scope="session")
def results_of(tmp_path_factory, request):
    """chapter -> its results. It runs once in all workers together."""
    parallel = hasattr(request.config, "workerinput")
    folder = tmp_path_factory.getbasetemp().parent if parallel else tmp_path_factory.getbasetemp()

    def get(chapter):
        if chapter.number == "14" and (reason := emulator.why_not()):
            required = os.environ.get("MINICNN_REQUIRE_EMULATOR")
            (pytest.fail if required else pytest.skip)(reason)
        path = folder / f"{chapter.name}.pickle"
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                path.write_bytes(pickle.dumps(run(chapter)))
        return pickle.loads(path.read_bytes())

    return get


# ------------------------------------------------------------------------------------ each chapter
@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_a_chapter_runs_and_its_numbers_hold(chapter, results_of):
    outputs = [output for _, cell in results_of(chapter) for output in cell]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    sources = [o for o in outputs if 'class="source"' in o.get("data", {}).get("text/html", "")]
    assert len(pictures) >= 2 and sources  # something to project, something of ours to read
    assert all(len(o["data"]["text/plain"]) > 10 for o in pictures)  # a caption in words


@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_the_form_of_a_chapter(chapter):
    text = chapter.text
    last = chapter.number == "19"  # looks back at all others, and asks twelve questions
    title = "A written exam of twelve questions" if last else "Two questions for paper"
    told, _, questions = text.partition(f"\n# ### {title}")
    assert 150 <= told.count("\n") <= (480 if last else 350)
    assert 0 < questions.count("\n") <= (180 if last else 40)
    assert not [slide for slide in chapter.slides if slide not in SLIDES]
    assert not [name for name in chapter.sources if not (ROOT / name).is_file()]
    exercises = [name for name in chapter.exercises if not name.startswith("none")]
    folder = ROOT / "lectures" / "exercises"
    assert not [name for name in exercises if not (folder / f"{name}.py").is_file()]
    assert "**The problem.**" in chapter.cells[0].text
    assert "$$" in text  # a formula with its derivation
    assert re.search(r"^# ## \d+\. What (the authors reported|was measured)", text, re.M)
    assert re.search(r"^# ## \d+\. Your turn", text, re.M)
    asserts = sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))
    assert asserts >= 8
    assert not re.search(r"^[!%]", text, re.M)  # plain Python, no commands of a notebook


def test_no_notebook_is_committed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    assert not re.search(r"\.ipynb$", tracked, re.M)


def test_a_chapter_runs_as_a_script(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    chapter = next(c for c in CHAPTERS if c.number == "05")
    monkeypatch.setattr(sys, "argv", [str(chapter.path)])
    monkeypatch.setattr(lecturing, "_shown", 0)
    with lecturing.style():
        names = runpy.run_path(str(chapter.path), run_name="__main__")
    drawn = [[float(text.get_text()) for text in axes.texts] for axes in names["axes"][1, 1:]]
    learnt, secret = np.array(drawn)  # the filter that was to be found stands beside
    assert secret.size == 25 and np.ptp(secret) > 1 and np.abs(learnt - secret).max() < 0.11
    said = capsys.readouterr().out
    assert "kernel not flipped" in said
    assert re.search(r"^minicnn/ops/conv2d.py, line \d+\n\n@", said, re.M)
    assert len(list((tmp_path / "lecture-figures").glob("05_*-*.png"))) >= 4


def test_a_table_is_printed_in_a_script_alone(monkeypatch, capsys):
    lecturing.Table(("name", "value"), [("one", 1)])
    assert capsys.readouterr().out == "name  value\n-----------\none   1\n\n"
    monkeypatch.setattr(lecturing, "sink", print)  # the book shows what ends a cell
    lecturing.Table(("name", "value"), [("one", 1)])
    monkeypatch.setattr(lecturing, "sink", None)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # so does a notebook
    lecturing.Table(("name", "value"), [("one", 1)])
    assert capsys.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS, ids=ids)
def test_every_chapter_runs_as_a_script_within_a_minute(chapter, tmp_path):
    command = [sys.executable, "-W", "error", chapter.path]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True)


# ------------------------------------------------------------------------------- planted mistakes
def chapter_of(tmp_path, code, head="# %% [markdown]\n# # T\n#\n# - **Slides:** a; b\n"):
    path = tmp_path / "77_planted.py"
    rest = "# - **Source:** x.py\n# - **Exercises:** ex01\n#\n# **The problem.** None.\n\n"
    path.write_text(f"{head}{rest}# %%\n{code}\n")
    return read(path)


def test_a_wrong_number_in_a_chapter_is_found_and_named(tmp_path):
    chapter = chapter_of(tmp_path, "x = 2\n\n# %%\nassert x == 3")
    with pytest.raises(ChapterError, match=r"77_planted.py, line 14: AssertionError .assert x"):
        run(chapter)


def test_what_a_cell_prints_and_its_last_value_are_kept(tmp_path):
    chapter = chapter_of(tmp_path, "print('hello')\n6 * 7\n\n# %%\nx = 1")
    cells = run(chapter)
    assert [o["output_type"] for o in cells[1][1]] == ["stream", "display_data"]
    assert cells[1][1][1]["data"]["text/plain"] == "42" and cells[2][1] == []


def test_a_head_without_slides_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"77_planted.py: the head has no line .*Slides"):
        chapter_of(tmp_path, "x = 1", head="# %% [markdown]\n# # T\n#\n")


def test_cells_know_their_lines():
    cells = split("# %% [markdown]\n# # A\n\n# %%\n\nx = 1\n\n# %%\ny = 2\n")
    assert [(c.kind, c.line, c.text) for c in cells] == [
        ("markdown", 2, "# A"),
        ("code", 6, "x = 1"),
        ("code", 9, "y = 2"),
    ]


# -------------------------------------------------------------------------------- numbers, sources
def test_measured_numbers_come_with_their_command():
    value = lecturing.measured("stanford, three scales: normalised and colours")
    assert value > 70 and value.command.startswith("minicnn evaluate multi-scale")
    with pytest.raises(ValueError, match="no 'stanford, rules: clas'; did you mean"):
        lecturing.measured("stanford, rules: clas")


def test_measured_numbers_stand_in_the_readme_of_the_results_too():
    folder = ROOT / "lectures" / "results"
    text = " ".join((folder / "README.md").read_text().split())
    table = json.loads((folder / "measured.json").read_text())
    assert table["machine"] and len(table["numbers"]) > 10
    for name, entry in table["numbers"].items():
        assert set(entry) == {"value", "unit", "seed", "command"} and entry["command"], name
        assert re.search(rf"(?<![\d.]){re.escape(str(entry['value']))}(?!\d)", text), name


def test_the_cuda_text_of_every_operation_is_found():
    """It stands in the file of the operation or in the .cu beside it."""
    kernels = [k for k in all_kernels() if k.gpu_body and k.cpu_body]
    assert len(kernels) > 25
    for kernel in kernels:
        shown = lecturing.source(kernel, "gpu").text.strip()
        assert f"void {kernel.name}(" in shown and shown in kernel.gpu_body.source


def test_source_is_that_of_the_file():
    from minicnn.ops.conv2d import conv2d_forward
    from minicnn.ops.relu import ReLU, relu_forward

    for thing, body in (
        (relu_forward, "cpu"),
        (relu_forward, "gpu"),
        (conv2d_forward, "gpu"),
        (ReLU, "cpu"),
    ):
        shown = lecturing.source(thing, body)
        lines = shown.path.read_text().split("\n")
        first = shown.text.split("\n")[0]
        assert first == lines[shown.line - 1] and shown.text in "\n".join(lines)
        assert shown.place in shown._repr_html_()
    method = lecturing.source(ReLU.backward).text.split("\n")
    assert method[0] == "@hands_over" and method[1].startswith("def ")
    assert method[2].startswith("    gy")


# -------------------------------------------------------------------------------------- the site
class Links(html.parser.HTMLParser):
    """All that a page points at, its anchors, and pictures without words."""

    def __init__(self):
        super().__init__()
        self.targets, self.anchors, self.silent = [], set(), []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.targets += [found[name] for name in ("href", "src") if found.get(name)]
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "img" and "alt" not in found:
            self.silent.append(found.get("src"))


def faults(folder):
    """Links and pictures of all pages in a folder that lead nowhere."""
    pages = {path: Links() for path in folder.rglob("*.html")}
    for path, links in pages.items():
        links.feed(path.read_text())
    found = []
    for path, links in pages.items():
        found += [f"{path.name}: {src} has no words" for src in links.silent]
        for target in links.targets:
            if re.match(r"data:", target):
                continue
            if re.match(r"\w+:", target):
                found.append(f"{path.name}: {target} needs a network")
                continue
            name, _, anchor = target.partition("#")
            goal = (path.parent / name).resolve() if name else path
            if not goal.is_file() or not goal.stat().st_size:
                found.append(f"{path.name}: {target} is not there")
            elif anchor and anchor not in pages[goal].anchors:
                found.append(f"{path.name}: {target} has no such place")
    return found


@pytest.fixture(scope="session")
def pages(tmp_path_factory, results_of):
    the_site.needed()
    folder = tmp_path_factory.mktemp("book")
    site.build(CHAPTERS, folder, ROOT / "lectures" / "glossary.md", results_of)
    return folder


def test_the_site_has_no_broken_link_and_no_missing_picture(pages):
    assert faults(pages) == []
    index = (pages / "index.html").read_text()
    assert all(chapter.path.stem in index for chapter in CHAPTERS)
    assert index.count("<img") == len(CHAPTERS)


def test_every_formula_became_mathml(pages):
    for path in pages.glob("[0-9]*.html"):
        text = re.sub(r"<(pre|code).*?</\1>", "", path.read_text(), flags=re.S)
        assert "$" not in text and "merror" not in text, path.name
        left = re.search(r"<m[ion]>\\\w+|formula\d+formula", text)
        assert not left, f"{path.name}: {left}"


@pytest.fixture(scope="session")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or pytest.skip("no Chromium here to open the site with")


def test_a_browser_opens_every_page_without_complaint(browser, pages, tmp_path):
    opened = [*pages.glob("*.html"), *pages.glob("exercises/*"), *pages.glob("source/*conv2d*")]
    assert complaints(browser, tmp_path, *sorted(opened)) == []


def test_a_browser_would_complain(browser, tmp_path):
    bad = '<img src="no.png" alt=""><script>nobody()</script><p style="width: 500px">long</p>'
    (tmp_path / "bad.html").write_text(bad)
    said = "\n".join(complaints(browser, tmp_path, tmp_path / "bad.html"))
    assert "nobody is not defined" in said and "no picture" in said and "no.png" in said
    assert "wider than a phone" in said
    (tmp_path / "all.html").unlink()
    assert len(faults(tmp_path)) == 1


LOOK = """<script>
window.onload = () => {
  for (const frame of document.querySelectorAll("iframe")) {
    for (const image of frame.contentDocument.images)
      if (!image.naturalWidth) console.error("no picture: " + image.src);
    if (frame.contentDocument.documentElement.scrollWidth > 390)
      console.error("wider than a phone: " + frame.src);
  }
};
</script>"""


def complaints(browser, folder, *pages):
    """What Chromium writes to its console of some pages, side by side in one, each as wide as
    a phone: errors of scripts, pictures that do not show, pages that do not fit."""
    frames = (f'<iframe width=390 height=800 src="{page.as_uri()}"></iframe>' for page in pages)
    (folder / "all.html").write_text('<link rel="icon" href="data:,">' + "".join(frames) + LOOK)
    flags = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage"
    command = [
        browser,
        *flags.split(),
        "--allow-file-access-from-files",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
    ]
    command.append((folder / "all.html").as_uri())
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr
    return [line for line in said.split("\n") if "CONSOLE" in line]


def test_notebooks_hold_the_results(tmp_path, results_of):
    pytest.importorskip("jupytext", reason='notebooks need pip install -e ".[lectures]"')
    import nbformat

    from minicnn.course.book.notebooks import write_notebook

    chapter = next(c for c in CHAPTERS if c.number == "05")
    path = write_notebook(chapter, tmp_path, results_of(chapter))
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    outputs = [o for cell in book.cells if cell.cell_type == "code" for o in cell.outputs]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 4
    assert not [
        cell for cell in book.cells if cell.cell_type == "code" and not cell.execution_count
    ]


# ----------------------------------------------------------------------------------- the commands
def test_commands_in_a_sentence(tmp_path, capsys, monkeypatch):
    from minicnn.cli import main

    assert main(["lectures", "list"]) == 0
    assert "05  Back-propagating a convolution" in capsys.readouterr().out
    assert main(["lectures", "build", "99", "--out", str(tmp_path / "x")]) == 2
    assert "there is no chapter 99" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["lectures", "open", "5"]) == 2
    assert 'not installed: pip install -e ".[lectures]"' in capsys.readouterr().err
    monkeypatch.setattr("minicnn.course.book.chapters.ROOT", tmp_path)
    assert main(["lectures", "list"]) == 2
    assert "the lectures are in the checkout" in capsys.readouterr().err


def test_the_page_of_what_one_calls_names_everything_with_its_docstring():
    from minicnn.course.book.api import ROOMS, api_page, names_of

    page = api_page()
    for module in ROOMS:
        assert names_of(module)
        for name in names_of(module):
            assert f'id="{module.__name__}.{name}"' in page
            assert inspect.getdoc(getattr(module, name)), f"{module.__name__}.{name}"
    assert "minicnn/ops/conv2d.py, line" in page


@pytest.mark.parametrize("chapter", chapters()[:15], ids=lambda c: c.number)
def test_two_questions_for_paper_with_answers_folded_away(chapter):
    the_site.needed()
    text = chapter.cells[-1].text
    assert text.startswith("### Two questions for paper")
    body = site.markdown(text)
    folded = re.findall(r"<details><summary>Answer</summary>(.*?)</details>", body, re.DOTALL)
    assert len(folded) == 2 and all(len(answer) > 60 for answer in folded)
    asked = re.sub(r"<details>.*?</details>", "", body, flags=re.DOTALL)
    assert "<strong>1.</strong>" in asked and "<strong>2.</strong>" in asked
    assert "$" not in re.sub("<code>.*?</code>", "", body)
