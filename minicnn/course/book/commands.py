"""What `minicnn lectures list | build | open` do."""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from minicnn.course.book.chapters import chapters, lectures_folder


def show_list():
    for chapter in chapters():
        print(f"{chapter.number}  {chapter.title}")
        print(f"    {'; '.join(chapter.slides)}")


def build(to, only, out):
    """Builds notebooks or the site into the folder `out`, chapters side by side."""
    from minicnn.course.book import notebooks, site
    from minicnn.course.book.parallel import results_of_all

    chosen = chapters(only)
    if to == "ipynb":
        notebooks.needs("jupytext", "nbformat")
        with results_of_all(chosen) as results_of:
            for chapter in chosen:
                print(notebooks.write_notebook(chapter, Path(out), results_of(chapter)))
        return
    site.needs("jupytext", "nbconvert", "latex2mathml", "pygments")
    glossary = lectures_folder() / "glossary.md"
    with results_of_all(chosen) as results_of:
        print(site.build(chosen, out, glossary if glossary.exists() else None, results_of))


def open_in_jupyter(only):
    """Starts Jupyter on a copy of a chapter, in a folder that is named and stays."""
    from minicnn.course.book import notebooks

    chapter = chapters(only)[0]
    notebooks.needs("jupytext", "jupyterlab")
    import jupytext

    folder = Path(tempfile.mkdtemp(prefix="minicnn-lecture-"))
    path = folder / f"{chapter.name}.ipynb"
    path.write_text(jupytext.writes(notebooks.notebook(chapter), fmt="ipynb"))
    print(f"a copy of chapter {chapter.number}: {path}", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        # that of this Python, whatever lies in the current folder or comes first on the PATH
        command = [sys.executable, "-P", "-m", "jupyterlab", str(path)]
        return subprocess.run(command, cwd=folder, check=False).returncode
