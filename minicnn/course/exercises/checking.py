"""The levels that an answer climbs, and the verdict.

    shape       it runs, and its result has the right shape
    by hand     a case small enough to be followed with a pencil
    gradient    it takes the place of the framework's own code, and finite differences agree
    edges       other sizes and strides, odd ones, other memory layouts, float32
    training    a small network learns with it

The framework's own operation says what is right. If the answer fails, its results are compared with
those of the typical wrong answers of the exercise: if one of them behaves alike, its hint is shown.
"""

import contextlib
import copy
import dataclasses
import inspect

import numpy as np

from minicnn.checking import gradcheck
from minicnn.course.exercises import words
from minicnn.course.exercises.calling import Failed, Local, Over, used
from minicnn.course.exercises.comparing import Difference, difference, difference_of_kind
from minicnn.course.exercises.compiling import SLOW
from minicnn.course.exercises.parts import NotDone
from minicnn.course.exercises.recognising import recognised
from minicnn.course.exercises.wire import Rubbish

NOT_DONE, WRONG, RIGHT = "not done yet", "wrong", "right"
NO_VERDICT = "no verdict"  # the answer has written where its results go
NOT_HERE, NOT_CHECKED = "cannot run here", "could not be checked"  # which is not the answer's fault
STATES = NOT_DONE, WRONG, RIGHT, NO_VERDICT, NOT_HERE, NOT_CHECKED
FALLS_ALIKE = 0.02  # the loss at the end of training, against the framework's own


@dataclasses.dataclass
class Verdict:
    exercise: str
    state: str  # one of STATES
    passed: list = dataclasses.field(default_factory=list)  # names of levels
    level: str = ""  # where it failed
    message: str = ""
    mutant: str = ""  # the typical wrong answer that behaves alike
    hint: str = ""
    notes: list = dataclasses.field(default_factory=list)
    difference: Difference = None  # for the picture

    def as_dict(self):
        found = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        found.pop("difference")
        return found


class Wrong(Exception):
    def __init__(self, message, difference=None):
        super().__init__(message)
        self.difference = difference


def check(exercise, answer, began=lambda level: None, compile=False):
    """The Verdict on an answer: a function, or a `Local` or `Remote` one. `began(level)` is called
    as each level begins. With `compile` Numba compiles the answer for the training even if it is
    quick in plain Python."""
    answer = answer if hasattr(answer, "checked") else Local(exercise, answer)
    checker = _Checker(exercise, answer, 0.0 if compile else SLOW)
    verdict = Verdict(exercise.number, WRONG)
    for name, level in checker.levels():
        began(name)
        try:
            note = level()
        except NotDone:
            return Verdict(exercise.number, NOT_DONE, message=NOT_DONE)
        except Wrong as wrong:
            verdict.level, verdict.message = name, str(wrong)
            verdict.difference = wrong.difference
            with contextlib.suppress(Over, Rubbish):  # what is wrong is known already
                verdict.mutant, verdict.hint = recognised(exercise, answer)
            return verdict
        verdict.passed.append(name)
        verdict.notes += note or []
    verdict.state = RIGHT
    return verdict


class _Checker:
    def __init__(self, exercise, answer, slow):
        self.exercise, self.answer, self.slow = exercise, answer, slow
        self.names = exercise.part("RETURNS", ("the result",))
        self.arguments = list(inspect.signature(exercise.blank).parameters)
        self.truth = exercise.parts.truth
        self.cases = list(exercise.parts.cases())

    def levels(self):
        yield "shape", self.shape
        yield "by hand", self.by_hand
        if self.exercise.part("gradient"):
            yield "gradient", self.gradient
        yield "edges", self.edges
        yield "training", self.training

    # -------------------------------------------------------------------------------- the levels
    def shape(self):
        """Shapes and dtypes, and no number."""
        name, args = self.cases[0]
        found = difference_of_kind(self.right(args), self.call(args), self.names)
        if found:
            raise Wrong(f"{found.sentence}{told(args, self.arguments)}")

    def by_hand(self):
        args, expected = self.exercise.parts.by_hand()
        self.compare(args, expected, "")

    def gradient(self):
        self.engine(self.one_gradient)

    def one_gradient(self):
        f, arrays = self.exercise.parts.gradient()
        try:
            gradcheck(f, *arrays)
        except AssertionError as error:
            raise Wrong(f"finite differences disagree: {error}") from None

    def edges(self):
        for name, args in self.cases:
            self.compare(args, self.right(args), name)
        name, args = self.cases[0]
        floats = [a for a in args if isinstance(a, np.ndarray) and a.dtype == np.float64]
        if floats:
            other = [np.asfortranarray(a) if isinstance(a, np.ndarray) else a for a in args]
            self.compare(other, self.right(args), "columns first in memory")
            self.single_precision(args)

    def single_precision(self, args):
        def single(a):
            return a.astype(np.float32) if getattr(a, "dtype", None) == np.float64 else a

        args = [single(a) for a in args]
        expected, got = self.right(args), self.call(args)
        found = difference_of_kind(expected, got, self.names)
        if found:
            raise Wrong(found.sentence)
        found = difference(expected, got, self.names)
        if found:
            raise Wrong(f"{found.sentence}, in float32", found)

    def training(self):
        self.answer.quicken(self.slow)
        losses = self.engine(self.exercise.parts.train)
        right = self.exercise.right_losses
        fall = f"from {losses[0]:.3f} to {losses[-1]:.3f}"
        sentence = f"in {len(losses) - 1} steps the loss goes {fall}"
        if not abs(losses[-1] - right[-1]) <= FALLS_ALIKE * abs(right[0]):
            raise Wrong(f"{sentence}; with the framework's own code to {right[-1]:.3f}")
        note = self.answer.note
        return [sentence, note] if note else [sentence]

    def engine(self, run):
        """`run()` with the answer plugged into the framework."""
        try:
            with self.exercise.plugged(self.answer):
                return run()
        except (NotDone, Wrong):
            raise
        except Failed as error:
            raise Wrong(str(error)) from error
        except Exception as error:
            with self.exercise.plugged(self.truth):
                run()  # fails, too, where the fault is ours; then nobody calls the answer wrong
            raise Wrong(words.of_error(error, self.exercise.path)) from error

    # ---------------------------------------------------------------------------------- the calls
    def right(self, args):
        return used(self.exercise, self.truth, copy.deepcopy(args))

    def call(self, args):
        """The answer's result; what it was given, and what it gave before, must stay as it was."""
        try:
            result, changed, reused = self.answer.checked(args)
        except Failed as error:
            raise Wrong(str(error)) from error
        if changed is not None:
            raise Wrong(
                f"the function has changed argument {changed} ({self.arguments[changed]}), which "
                "is not its own: others still need it as it was; work on a copy"
            )
        if reused:
            raise Wrong(
                "a second call has changed the array that an earlier one gave: others still need "
                "it; make a new array in each call"
            )
        return result

    def compare(self, args, expected, name):
        got = self.call(args)
        found = difference(expected, got, self.names)
        if found:
            where = f", case «{name}»" if name else ""
            raise Wrong(f"{found.sentence}{where}{told(args, self.arguments)}", found)


def told(args, names):
    """The arguments of a small call, one after another; else the shapes of its arrays."""
    named = list(zip(names, args, strict=False))
    arrays = [(name, a) for name, a in named if isinstance(a, np.ndarray)]
    if not arrays or sum(a.size for _, a in arrays) > 40:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays)
        return f"\nthe arrays: {shapes}" if shapes else ""
    lines = []
    for name, a in named:
        if isinstance(a, np.ndarray):
            lines.append(f"{name} = {np.array2string(a, prefix=' ' * (len(name) + 3))}")
        elif isinstance(a, int | float | tuple | list | type(None)):
            lines.append(f"{name} = {a!r}")
    return "\n" + "\n".join(lines)
