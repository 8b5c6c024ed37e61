"""One exercise: its file, in two parts.

Above the mark, for the student: a docstring with the task, shapes, formula and the minutes, and
one function that calls `todo()`. Below, for the check:

    truth(*args)     what the framework's own operation answers: the key
    by_hand()        (args, expected): a case that can be followed with a pencil
    cases()          (name, args) of more of them; the first one is an ordinary one
    plug(answer)     a context in which the framework computes with `answer`, which is called with
                     the arguments of a case
    gradient()       (f, arrays) for gradcheck, inside `plug`; left out where nothing has a gradient
    train()          losses of a small network that learns inside `plug`
    RETURNS          names of what the function returns
    key(*args)       the answer in plain Python
    MUTANTS          typical wrong answers: name -> (text of key, text in its place, hint), or
                     (function, hint) where one is not like the key
    HINTS            from the first nudge to the last

Three more where they are needed: `use(function, *args)`, what the function is for if not simply
called with the arguments of a case; `kind(error)`, a name for an error that a typical wrong answer
raises; `why_not()`, why the exercise cannot run on this machine ("" if it can).
"""

import ast
import contextlib
import functools
import importlib.machinery
import importlib.util
import inspect
import re
from pathlib import Path

import minicnn

# Where a beginner starts: one line to write, after which the checker has shown all that it says.
FIRST = "ex05"
MARK = "# ---- below: what checks the answer"


def folder():
    """Where the exercises are. Raises ValueError where there is no checkout."""
    found = Path(minicnn.__file__).parent.parent / "lectures" / "exercises"
    if not found.is_dir():
        raise ValueError(
            "the exercises run from a checkout of minicnn (git clone, then pip install -e .); "
            f"{found} does not exist"
        )
    return found


def paths():
    """{number: path} of all exercises, in the order of their numbers."""
    return {path.name[:4]: path for path in sorted(folder().glob("ex[0-9][0-9]_*.py"))}


def all_exercises():
    """Every Exercise, in the order of their numbers."""
    return [Exercise(path) for path in paths().values()]


def find(name):
    """The Exercise with this number (`ex03`, `3`), or that a file answers (`my/ex03_mine.py`)."""
    stem = Path(name).stem
    number = f"ex{int(stem):02}" if stem.isdecimal() else stem[:4]
    found = paths()
    if number not in found:
        raise ValueError(f"there is no exercise {name!r}; there are {in_ranges(found)}")
    return Exercise(found[number])


def in_ranges(numbers):
    """«ex01 to ex03, ex07» of numbers in their order."""
    parts = []
    for number in sorted(numbers):
        if parts and int(number[2:]) == int(parts[-1][-1][2:]) + 1:
            parts[-1] = parts[-1][0], number
        else:
            parts.append((number,))
    return ", ".join(" to ".join(part) for part in parts)


class Exercise:
    def __init__(self, path):
        self.path, self.name = Path(path), Path(path).stem
        self.behaviours = {}  # of recognising.py: of each typical wrong answer
        self.number = self.name[:4]
        self.text = self.path.read_text()
        self.head = self.text.partition(MARK)[0]
        tree = ast.parse(self.head)
        self.docstring = ast.get_docstring(tree)
        self.title = self.docstring.splitlines()[0].rstrip(".")
        self.minutes = int(re.search(r"About (\d+) minutes", self.docstring)[1])
        self.chapter = re.search(r"chapter (\d+)", self.docstring)[1]
        self.function = next(
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and "todo" in ast.dump(node)
        )

    def __repr__(self):
        return f"Exercise({self.name})"

    @functools.cached_property
    def parts(self):
        """The file as a module."""
        return load(self.path)

    @property
    def blank(self):
        """The function as it is handed out."""
        return getattr(self.parts, self.function)

    def part(self, name, otherwise=None):
        return getattr(self.parts, name, otherwise)

    @functools.cached_property
    def mutants(self):
        """name -> (function, hint)"""
        source = inspect.getsource(self.parts.key)
        found = {}
        for name, (*change, hint) in self.parts.MUTANTS.items():
            if len(change) == 1:
                found[name] = change[0], hint
                continue
            old, new = change
            if source.count(old) != 1:
                raise ValueError(f"{self.name}, «{name}»: key holds {old!r} {source.count(old)}x")
            found[name] = self.variant(source.replace(old, new)), hint
        return found

    def variant(self, source):
        """The function `key` from another text, with the names that the exercise's file has."""
        names = dict(vars(self.parts))
        exec(compile(source, f"<{self.name}>", "exec"), names)
        return names["key"]

    @contextlib.contextmanager
    def plugged(self, answer):
        """`answer` is called with the arguments of a case."""
        use = self.part("use")
        function = answer if use is None or hasattr(answer, "checked") else _used(use, answer)
        with self.parts.plug(function):
            yield

    @functools.cached_property
    def right_losses(self):
        """Those of the training with the framework's own code."""
        with self.plugged(self.parts.truth):
            return self.parts.train()


def _used(use, function):
    return lambda *args: use(function, *args)


def load(path):
    """A Python file, whatever its name ends in, as a module that nothing else can import."""
    name = f"exercise_{Path(path).stem}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
