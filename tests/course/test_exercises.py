"""The exercises are proved: blanks are not done, the framework's own code is right, every typical
wrong answer is caught and gets its own hint, and so are wrong variants that nobody thought of."""

import contextlib
import inspect
import signal

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view as windows
from support import cuda_mutants, exercise_variants
from support.emulated import REQUIRED
from support.exercise_variants import EQUIVALENT

from minicnn.course.exercises.checking import NOT_DONE, RIGHT, WRONG, check
from minicnn.course.exercises.exercise import MARK, all_exercises
from minicnn.course.exercises.parts import interpreted

EXERCISES = all_exercises()
every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.number)


@pytest.fixture(autouse=True)
def plain_kernels():
    with interpreted():
        yield


def skip_where_impossible(exercise):
    if exercise.part("why_not") and (reason := exercise.parts.why_not()):
        (pytest.fail if REQUIRED else pytest.skip)(reason)


def test_there_are_enough_each_with_a_number_of_its_own():
    """Numbers that are missing belong to chapters that are still to come."""
    numbers = [int(e.number[2:]) for e in EXERCISES]
    assert len(set(numbers)) == len(numbers) and set(range(1, 22)) <= set(numbers)


@every_exercise
def test_an_exercise_has_all_its_parts(exercise):
    assert 5 <= exercise.minutes <= 120 and exercise.text.count(MARK) == 1
    assert "By hand" in exercise.docstring and "Returns" in exercise.docstring
    hints = [hint for _, hint in exercise.mutants.values()]
    assert len(set(hints)) == len(hints) >= 4
    assert len(exercise.part("HINTS")) >= 2
    blank, key = (
        list(inspect.signature(f).parameters) for f in (exercise.blank, exercise.parts.key)
    )
    assert blank == key == list(inspect.signature(exercise.parts.truth).parameters)


@every_exercise
def test_a_blank_is_not_done_yet(exercise):
    skip_where_impossible(exercise)
    verdict = check(exercise, exercise.blank)
    assert (verdict.state, verdict.message) == (NOT_DONE, "not done yet")


@every_exercise
def test_the_framework_and_the_plain_key_are_right(exercise):
    skip_where_impossible(exercise)
    for answer in (exercise.parts.truth, exercise.parts.key):
        verdict = check(exercise, answer)
        assert verdict.state == RIGHT, verdict
    losses = exercise.parts.train()
    assert losses[-1] < 0.9 * losses[0]


@every_exercise
def test_every_typical_wrong_answer_gets_its_own_hint(exercise):
    skip_where_impossible(exercise)
    for name, (mutant, hint) in exercise.mutants.items():
        verdict = check(exercise, mutant)
        assert verdict.state == WRONG, name
        assert (verdict.mutant, verdict.hint) == (name, hint), verdict


OTHERWISE = {  # right answers that have nothing in common with the keys: whole arrays, no loops
    "ex02": lambda x, w, b: (
        np.einsum("nkijuv,ckuv->ncij", windows(x, w.shape[2:], (2, 3)), w) + b[:, None, None]
    ),
    "ex04": lambda gy, x, K, L: np.einsum(
        "ncij,nkuvij->ckuv", gy, windows(x, gy.shape[2:], (2, 3))
    ),
    "ex05": lambda gy: gy.sum((0, 2, 3)),
    "ex08": lambda gy, y: gy * (y > 0),
    "ex09": lambda gy, y: gy * (1 - y) * (1 + y),
    "ex11": lambda x, maps, size: windows(x, (maps, size, size), (1, 2, 3))[
        :, ::maps, ::size, ::size
    ].max((4, 5, 6)),
    "ex28": lambda x, w: (
        windows(x, 4, 1)[:, ::2]
        @ np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], x.dtype).T
        * np.array([w[0], w.sum() / 2, (w[0] - w[1] + w[2]) / 2, w[2]]),
        windows(x, 3, 1) @ w,
    ),
    "ex18": lambda w, g, v, lr, m, d: (w - lr * (m * v + g + d * w), m * v + g + d * w),
}


@pytest.mark.parametrize("number", OTHERWISE)
def test_answers_written_in_another_way_are_right(number):
    exercise = next(e for e in EXERCISES if e.number == number)
    verdict = check(exercise, OTHERWISE[number])
    assert verdict.state == RIGHT, verdict


@contextlib.contextmanager
def at_most(seconds):
    """Ends a loop that never ends: an exception after so many seconds of a processor."""

    def stop(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def variants_of(exercise):
    """[(description, function)]"""
    source = inspect.getsource(exercise.parts.key)
    if exercise.number == "ex21":
        text = exercise.parts.key()
        found = [
            (f"{m.kind}, line {m.line}: {m.before} -> {m.after}", m.text)
            for m in cuda_mutants.candidates(text)
        ]
        return [(d, lambda t=t: t) for d, t in exercise_variants.drawn(exercise.number, found)]
    found = exercise_variants.drawn(exercise.number, exercise_variants.variants(source))
    return [(description, exercise.variant(text)) for description, text in found]


def accepted(exercise, variants):
    """The descriptions of the variants that the check does not reject."""
    wrongly = []
    for description, function in variants:
        if (exercise.number, description) in EQUIVALENT:
            continue
        with at_most(10):
            if check(exercise, function).state == RIGHT:
                wrongly.append(description)
    return wrongly


@every_exercise
def test_drawn_variants_are_rejected(exercise):
    skip_where_impossible(exercise)
    variants = variants_of(exercise)
    assert len(variants) >= 17  # 20, or all that a key of two lines has
    assert not accepted(exercise, variants)


def test_what_is_called_equivalent_is_drawn_and_is_right():
    for exercise in EXERCISES:
        listed = [description for number, description in EQUIVALENT if number == exercise.number]
        variants = dict(variants_of(exercise)) if listed else {}
        for description in listed:
            assert check(exercise, variants[description]).state == RIGHT
