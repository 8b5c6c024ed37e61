"""The levels that an answer climbs, and the verdict.

    shape       it runs, and its result has the right shape
    by hand     a case small enough to be followed with a pencil
    gradient    it takes the place of the framework's own code, and finite differences agree
    edges       other sizes and strides, odd ones, other memory layouts, float32
    training    a small network learns with it

The framework's own operation says what is right. If the answer fails, its results are compared with
those of the typical wrong answers of the exercise: if one of them behaves alike, its hint is shown.
"""

import copy
import dataclasses
import inspect

import numpy as np

from minicnn.checking import gradcheck
from minicnn.course.exercises import words
from minicnn.course.exercises.comparing import Difference, difference, listed, same
from minicnn.course.exercises.compiling import SLOW, Quickened
from minicnn.course.exercises.parts import NotDone

NOT_DONE, WRONG, RIGHT = "not done yet", "wrong", "right"
NOT_HERE, NOT_CHECKED = "cannot run here", "could not be checked"  # which is not the answer's fault
STATES = NOT_DONE, WRONG, RIGHT, NOT_HERE, NOT_CHECKED
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


def check(exercise, answer, path=None, began=lambda level: None, compile=False):
    """The Verdict on an answer, a function. `began(level)` is called as each level begins. With
    `compile` Numba compiles the answer for the training even if it is quick in plain Python."""
    checker = _Checker(exercise, answer, path or exercise.path, 0.0 if compile else SLOW)
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
            verdict.mutant, verdict.hint = checker.recognised()
            return verdict
        verdict.passed.append(name)
        verdict.notes += note or []
    verdict.state = RIGHT
    return verdict


class _Checker:
    def __init__(self, exercise, answer, path, slow):
        self.exercise, self.answer, self.path, self.slow = exercise, answer, path, slow
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
        name, args = self.cases[0]
        expected, got = self.right(args), self.call(args)
        found = difference(expected, got, self.names, np.inf)
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
        expected = self.right(args)
        got = self.call(args)
        found = difference(expected, got, self.names)
        if found:
            raise Wrong(f"{found.sentence}, in float32", found)
        results = zip(self.names, listed(expected), listed(got), strict=True)
        for name, a, b in results:
            if np.ndim(a) and np.asarray(a).dtype != np.asarray(b).dtype:
                raise Wrong(
                    f"for float32 arrays {name} comes out as {np.asarray(b).dtype}: networks train "
                    f"in float32; np.zeros(shape, x.dtype) makes an array of the kind of x"
                )

    def training(self):
        quick = Quickened(self.answer, self.path, self.slow)
        losses = self.engine(self.exercise.parts.train, quick)
        with self.exercise.plugged(self.truth):
            right = self.exercise.parts.train()
        fall = f"from {losses[0]:.3f} to {losses[-1]:.3f}"
        sentence = f"in {len(losses) - 1} steps the loss goes {fall}"
        if not abs(losses[-1] - right[-1]) <= FALLS_ALIKE * abs(right[0]):
            raise Wrong(f"{sentence}; with the framework's own code to {right[-1]:.3f}")
        return [sentence, quick.note] if quick.note else [sentence]

    def engine(self, run, answer=None):
        """`run()` with the answer plugged into the framework."""
        try:
            with self.exercise.plugged(answer or self.answer):
                return run()
        except (NotDone, Wrong):
            raise
        except Exception as error:
            with self.exercise.plugged(self.truth):
                run()  # fails, too, where the fault is ours; then nobody calls the answer wrong
            raise Wrong(words.of_error(error, self.path)) from error

    # ---------------------------------------------------------------------------------- the calls
    def used(self, function, args):
        """What a function makes of the arguments of a case."""
        use = self.exercise.part("use") or (lambda function, *args: function(*args))
        with np.errstate(all="ignore"):  # what comes of it is looked at later
            return use(function, *args)

    def right(self, args):
        return self.used(self.truth, copy.deepcopy(args))

    def call(self, args):
        """The answer's result; its inputs must be the same afterwards."""
        passed = copy.deepcopy(args)
        try:
            result = self.used(self.answer, passed)
        except NotDone:
            raise
        except Exception as error:
            raise Wrong(words.of_error(error, self.path)) from error
        for k, (before, after) in enumerate(zip(args, passed, strict=True)):
            if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
                raise Wrong(
                    f"the function has changed argument {k}, which is not its own: others still "
                    "need that array; work on a copy"
                )
        return result

    def compare(self, args, expected, name):
        got = self.call(args)
        found = difference(expected, got, self.names)
        if found:
            where = f", case «{name}»" if name else ""
            raise Wrong(f"{found.sentence}{where}{told(args, self.arguments)}", found)

    def recognised(self):
        """(name, hint) of the typical wrong answer that gives the same wrong results, or blanks:
        the same for every call, or if there is none the same for most of the calls."""
        calls = [self.exercise.parts.by_hand()[0], *(args for _, args in self.cases)]
        own, right = self.behaviour(self.answer, calls), self.behaviour(self.truth, calls)
        wrong = [k for k, a in enumerate(own) if a is not None and not alike(a, right[k])]
        partly = []
        for name, (mutant, hint) in self.exercise.mutants.items():
            theirs = self.behaviour(mutant, calls)
            shared = sum(alike(own[k], theirs[k]) for k in wrong)
            if shared == len(wrong) > 0 and all(
                alike(a, b) for a, b in zip(own, theirs, strict=True) if a is not None
            ):
                return name, hint
            partly.append((shared, name, hint))
        partly.sort(reverse=True)
        most = [p for p in partly if p[0] == partly[0][0]]
        return partly[0][1:] if partly[0][0] and len(most) == 1 else ("", "")

    def behaviour(self, function, calls):
        """What a function gives for each call; where it fails, what the exercise calls that, or
        None."""
        results, kind = [], self.exercise.part("kind", lambda error: None)
        for args in calls:
            try:
                results.append(self.used(function, copy.deepcopy(args)))
            except Exception as error:  # whatever a wrong answer may raise
                results.append(kind(error))
        return results


def alike(one, other):
    if any(a is None or isinstance(a, str) for a in (one, other)):
        return isinstance(one, type(other)) and one == other
    return same(one, other)


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
