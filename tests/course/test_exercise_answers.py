"""The checker against three thousand answers: whole arrays, recursion, other orders of loops, and
what students get wrong in them (tests/course/answers, written without a look at the typical
mistakes that the exercises list)."""

import pytest
from support.emulated import REQUIRED
from support.exercise_answers import FOLDER, answers

from minicnn.course.exercises import recognising
from minicnn.course.exercises.calling import Local
from minicnn.course.exercises.checking import RIGHT, WRONG
from minicnn.course.exercises.exercise import all_exercises
from minicnn.course.exercises.parts import interpreted
from minicnn.course.exercises.process import ready
from minicnn.engine import cases

EXERCISES = [e for e in all_exercises() if (FOLDER / f"{e.number}.txt").exists()]
every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.number)


def verdicts(exercise, folder, chosen=slice(None)):
    """[(name, whether it is right, file, verdict)]"""
    if exercise.part("why_not") and (reason := exercise.parts.why_not()):
        (pytest.fail if REQUIRED else pytest.skip)(reason)
    found = []
    for k, (name, right, text) in enumerate(answers(exercise)[chosen]):
        path = folder / f"{k}" / exercise.path.name
        path.parent.mkdir()
        path.write_text(text)
        found.append((name, right, path, ready().check(exercise, path)))
    return found


@every_exercise
def test_there_are_enough(exercise):
    found = [right for _, right, _ in answers(exercise)]
    assert found.count(True) >= 5 and found.count(False) >= 25


@every_exercise
def test_some_answers_are_judged_rightly(exercise, tmp_path):
    for name, right, _, verdict in verdicts(exercise, tmp_path, slice(0, None, 25)):
        assert verdict["state"] == (RIGHT if right else WRONG), (name, verdict)


@pytest.mark.slow
@every_exercise
def test_all_answers_are_judged_rightly_and_soon_and_hints_explain(exercise, tmp_path):
    hints = []
    for name, right, path, verdict in verdicts(exercise, tmp_path):
        assert verdict["state"] == (RIGHT if right else WRONG), (name, verdict)
        assert verdict["seconds"] <= 2, (name, verdict)
        if verdict["hint"]:
            hints.append((path, verdict["mutant"]))
    explained = [explains(exercise, path, mutant) for path, mutant in hints]
    assert sum(explained) >= 0.9 * len(hints) > 0


def explains(exercise, path, mutant):
    """Whether a typical mistake gives what the answer gives wherever that is wrong, for numbers
    that the check has not used."""
    parts = exercise.parts
    with interpreted(), pytest.MonkeyPatch.context() as context:
        for name in {"normal", "separated"} & vars(parts).keys():
            context.setattr(parts, name, others(getattr(cases, name)))
        answer = Local(exercise, path=path)
        answer.begin()
        for args in recognising.calls(exercise):
            own, right, typical = (
                recognising.outcome(exercise, function, args)
                for function in (answer, parts.truth, exercise.mutants[mutant][0])
            )
            if not recognising.alike(own, right) and not recognising.alike(own, typical):
                return False
    return True


def others(random):
    return lambda *shape, seed=0, **options: random(*shape, seed=seed + 77, **options)
