"""Loops of an answer that are slow in plain Python are compiled by Numba, as the framework's own
are, once they are known to be right. What Numba has against them is put into words."""

import linecache
import re
import time
from pathlib import Path

import numpy as np

from minicnn.course.exercises.comparing import same

SLOW = 0.5  # seconds of a training in plain Python before compiling pays


class Quickened:
    """The function `answer`, compiled from the moment on when it has taken `after` seconds. `note`
    says what came of it."""

    def __init__(self, answer, path, after=SLOW):
        self.answer, self.path, self.after = answer, path, after
        self.function, self.spent, self.note = answer, 0.0, ""

    def __call__(self, *args):
        if not self.note and self.spent >= self.after:
            self.compile(args)
        begun = time.perf_counter()
        result = self.function(*args)
        self.spent += time.perf_counter() - begun
        return result

    def compile(self, args):
        import numba

        args = tuple(np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a for a in args)
        compiled = numba.njit(error_model="numpy")(self.answer)
        try:
            again = same(compiled(*args), self.answer(*args))
        except Exception as error:  # Numba has many, and its code raises others than Python's
            self.note = f"trained in plain Python; Numba: {words(error, self.path)}"
            return
        if not again:
            self.note = (
                "compiled by Numba the function gives other numbers, so training does without"
            )
            return
        plain, quick = seconds(self.answer, args), seconds(compiled, args)
        self.function = compiled
        self.note = f"compiled by Numba it runs {plain / quick:.0f} times as fast"


def seconds(function, args):
    """The shortest of three calls."""
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        function(*args)
        taken.append(time.perf_counter() - begun)
    return max(min(taken), 1e-9)


def words(error, path):
    """One sentence on why Numba cannot compile a function of the file `path`."""
    text, name = str(error), re.escape(Path(path).name)
    lines = re.findall(rf'{name}"?(?:, line | \()(\d+)', text)
    code = linecache.getline(str(path), int(lines[0])).strip() if lines else ""
    place = f"line {lines[0]}, `{code}`: " if lines else ""
    if m := re.search(r"Cannot unify (.+) and (.+) for '([\w]+)", text):
        return (
            f"{place}the variable {m[3]} is {kind(m[1])} at one place and {kind(m[2])} at another; "
            "in compiled loops a variable stays of one kind"
        )
    if m := re.search(r"unsupported NumPy function '([\w.]+)'", text):
        return f"{place}{m[1]} cannot be compiled; loops over indices can"
    if m := re.search(r"name '(\w+)' is not defined", text):
        return f"{place}the name {m[1]} is not defined"
    if m := re.search(r">>> (\w+)\((.*)\)", text):
        kinds = " and ".join(kind(part) for part in re.split(r", (?![^(\[]*[)\]])", m[2]))
        return f"{place}{m[1]} cannot be compiled for {kinds}"
    said = [s for s in map(str.strip, text.split("\n")) if s and not s.startswith("Failed in")]
    return place + (said[0] if said else type(error).__name__)


KINDS = {
    r"array\((\w+), (\d)d": "an array of {0} with {1} dimensions",
    r"Literal\[int\]|u?int\d*\b": "a whole number",
    r"float\d*\b": "a number with a point",
    r"Literal\[str\]|unicode": "a text",
    r"none\b": "None",
    r"bool": "a truth value",
    r"(?:Uni)?Tuple": "a tuple",
    r"(?:reflected )?list": "a list",
    r"class\((\w+)\)|dtype\((\w+)\)": "a dtype",
}


def kind(type_name):
    """Numba's name of a type, in words."""
    for pattern, text in KINDS.items():
        if m := re.match(pattern, type_name.strip()):
            return text.format(*m.groups())
    return type_name.strip()
