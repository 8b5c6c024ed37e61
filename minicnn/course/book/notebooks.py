"""A chapter as a Jupyter notebook: by Jupytext, with the results that running it gave."""

import json

from minicnn.basics.writing import write_atomically
from minicnn.course.book.running import run


def needs(*modules):
    """Raises ValueError, in a sentence, where one of the modules is not installed."""
    import importlib.util

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f'{", ".join(missing)} not installed: pip install -e ".[lectures]" in the checkout'
        )


def notebook(chapter, results=None):
    """The chapter as a notebook (nbformat), with the outputs of `results` (see running.run)."""
    needs("jupytext")
    import jupytext

    book = jupytext.reads(chapter.text, fmt="py:percent")
    outputs = iter(out for cell, out in results or () if cell.kind == "code")
    count = 0
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number}"  # the same file each time, whoever builds it
        if cell.cell_type == "code" and results is not None:
            count += 1
            cell.execution_count = count
            cell.outputs = [_as_node(output) for output in next(outputs)]
    return book


def _as_node(output):
    from nbformat import from_dict

    return from_dict(output)


def write_notebook(chapter, folder, results=None):
    """Runs the chapter and writes `NN_title.ipynb` into `folder`; returns the path."""
    import jupytext

    results = run(chapter) if results is None else results
    path = folder / f"{chapter.name}.ipynb"
    text = jupytext.writes(notebook(chapter, results), fmt="ipynb")
    write_atomically(path, json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n")
    return path
