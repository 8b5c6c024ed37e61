"""Answers to the exercises as students write them, right and wrong ones: `tests/course/answers`.

A file holds the bodies of functions. `= name` begins a right one, `! name` a wrong one; a line
`- old => new` makes a wrong one of the right one above it, several changes are joined by ` ;; `,
and `\\n` in them is the end of a line. What stands in ex21.txt is CUDA C.
"""

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "course" / "answers"
HEAD = """import math
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as windows

"""


def answers(exercise):
    """[(name, right, text of a file)] of an exercise."""
    found, name, right, body, changes = [], None, True, "", []

    def finish():
        if name:
            found.append((name, right, file(exercise, body)))
            for change in changes:
                found.append((change, False, file(exercise, changed(body, change))))

    for line in (FOLDER / f"{exercise.number}.txt").read_text().splitlines():
        if line.startswith(("= ", "! ")):
            finish()
            name, right, body, changes = line[2:], line[0] == "=", "", []
        elif line.startswith("- ") and right:
            changes.append(line[2:])
        else:
            body += line + "\n"
    finish()
    return found


def changed(body, change):
    for one in change.split(" ;; "):
        old, new = (part.replace("\\n", "\n") for part in re.split(r" =>(?: |$)", one, maxsplit=1))
        if old not in body:
            raise ValueError(f"{old!r} is not in\n{body}")
        body = body.replace(old, new)
    return body


def file(exercise, body):
    """The text of a file with this body of the function."""
    function = next(
        node
        for node in ast.parse(exercise.head).body
        if isinstance(node, ast.FunctionDef) and node.name == exercise.function
    )
    first = f"def {exercise.function}({ast.unparse(function.args)}):\n"
    if exercise.number == "ex21":
        head = f'HEAD = r"""{exercise.parts.HEAD}"""\n\n\n'
        return f'{head}{first}    return HEAD + r"""{body}}}\n"""\n'
    # the lines that the blank has already
    given = [ast.unparse(node) for node in function.body if isinstance(node, ast.Assign)]
    return HEAD + first + "".join(f"    {line}\n" for line in [*given, *body.splitlines()])
