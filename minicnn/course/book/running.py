"""Runs a chapter cell by cell, in this process, and keeps what each cell printed and drew.

It is what a notebook does, without a server: the value of a last line that is an expression is
shown, `show(figure)` leaves a picture below its cell, an error ends the run and names its line.
"""

import ast
import base64
import contextlib
import io
import os
import sys
import tempfile
import traceback

from minicnn.course import lecturing


class ChapterError(RuntimeError):
    """A cell that raised; the message names the file, the line, and what happened."""


def run(chapter):
    """[(cell, outputs)] of every cell; the outputs are dicts of the notebook format. Figures are
    made without a screen, files land in a folder that goes again."""
    names = {"__name__": "__main__", "__file__": str(chapter.path)}
    before, results = os.getcwd(), []
    with lecturing.style(), tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            for cell in chapter.cells:
                outputs = _run_cell(chapter, cell, names) if cell.kind == "code" else []
                results.append((cell, outputs))
        finally:
            os.chdir(before)
            lecturing.sink = None
    return results


def _run_cell(chapter, cell, names):
    outputs, printed = [], io.StringIO()

    def flush():
        if text := printed.getvalue():
            outputs.append({"output_type": "stream", "name": "stdout", "text": text})
            printed.seek(0)
            printed.truncate()

    def take(drawing, caption):
        flush()
        data = base64.b64encode(lecturing.png(drawing)).decode()
        metadata = {"image/png": {"alt": caption}}
        outputs.append(
            {
                "output_type": "display_data",
                "data": {"image/png": data, "text/plain": caption},
                "metadata": metadata,
            }
        )

    lecturing.sink = take
    tree = ast.parse(cell.text)
    ast.increment_lineno(tree, cell.line - 1)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, chapter.path, "exec"), names)
            value = None
            if last is not None:
                value = eval(compile(ast.Expression(last.value), chapter.path, "eval"), names)
    except Exception as error:
        raise ChapterError(_sentence(chapter, error)) from error
    flush()
    if value is not None:
        data = {"text/plain": repr(value)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_()
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    return outputs


def _sentence(chapter, error):
    here = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(chapter.path)]
    line = here[-1].lineno if here else "?"
    code = chapter.text.split("\n")[line - 1].strip() if here else ""
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"{chapter.path.name}, line {line}: {what} ({code})"


def say(text):
    print(text, file=sys.stderr, flush=True)
