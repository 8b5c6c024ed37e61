"""An answer as a function that can be called: what it gives, and what it has done to what is not
its own. `Local` is one in this process; answering.py has one in a process of its own."""

import copy

import numpy as np

from minicnn.course.exercises import words
from minicnn.course.exercises.comparing import listed
from minicnn.course.exercises.compiling import Quickened
from minicnn.course.exercises.exercise import load
from minicnn.course.exercises.parts import NotDone


class Failed(Exception):
    """What an answer has raised, in words; `kind` is a name for it."""

    def __init__(self, sentence, kind):
        super().__init__(sentence)
        self.kind = kind


class Over(BaseException):
    """The answer's process has come to its end; no `except Exception` is to catch that. `time` is
    True where the time was up, and then the text says at which line."""

    def __init__(self, text, time=False):
        super().__init__(text)
        self.time = time


def used(exercise, function, args):
    """What a function makes of the arguments of a case."""
    use = exercise.part("use")
    with np.errstate(all="ignore"):  # what comes of it is looked at later
        return use(function, *args) if use else function(*args)


def kind_of(exercise, error):
    """A name for an error, so that two functions that fail alike are known to."""
    named = exercise.part("kind", lambda error: None)(error)
    return named or type(error).__name__


class Local:
    """An answer in this process: a function, or that of the file `path` after begin()."""

    def __init__(self, exercise, function=None, path=None):
        self.exercise, self.function = exercise, function
        self.path = path or exercise.path
        self.given = []  # the arrays of all results, each with a copy of how it was

    def begin(self):
        """Loads the file. Raises NotDone, or Failed with what is wrong with it."""
        try:
            module = load(self.path)
        except NotDone:
            raise
        except Exception as error:
            raise Failed(words.of_error(error, self.path), "loading") from error
        self.function = getattr(module, self.exercise.function, None)
        if not callable(self.function):
            what = f"there is no function {self.exercise.function} in {self.path}"
            raise Failed(what, "loading")

    def __call__(self, *args):
        """The result for the arguments of a case. Raises NotDone or Failed."""
        try:
            return used(self.exercise, self.function, args)
        except (NotDone, Failed):
            raise
        except Exception as error:
            kind = kind_of(self.exercise, error)
            raise Failed(words.of_error(error, self.path), kind) from error

    def checked(self, args):
        """(the result, the number of the argument that has changed or None, whether an array of
        an earlier result was written to). The call works on copies."""
        passed = copy.deepcopy(args)
        result = self(*passed)
        changed = [k for k, (a, b) in enumerate(zip(args, passed, strict=True)) if differ(a, b)]
        reused = any(differ(before, now) for now, before in self.given)
        self.given += [(a, a.copy()) for a in listed(result) if isinstance(a, np.ndarray)]
        return result, changed[0] if changed else None, reused

    def quicken(self, after):
        """From now on loops that are slow are compiled."""
        self.function = Quickened(self.function, self.path, after)

    @property
    def note(self):
        """What came of compiling."""
        return getattr(self.function, "note", "")


def differ(before, after):
    """Whether two arguments, or what is in them, are not the same any more."""
    if isinstance(before, np.ndarray):
        return before.shape != after.shape or not np.array_equal(
            before, after, equal_nan=before.dtype.kind == "f"
        )
    if isinstance(before, list | tuple):
        return len(before) != len(after) or any(map(differ, before, after))
    if isinstance(before, dict):
        return before.keys() != after.keys() or any(differ(before[k], after[k]) for k in before)
    return isinstance(before, int | float | str) and before != after
