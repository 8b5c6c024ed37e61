"""Which typical wrong answer behaves like this one?

A hint is shown only if its mistake explains all that the answer gets wrong, and nothing that it
gets right. For that the answer and every typical wrong answer are called with the same arguments.
"""

import copy

from minicnn.course.exercises.calling import Failed, kind_of, used
from minicnn.course.exercises.comparing import same


def recognised(exercise, answer):
    """(name, hint) of the typical wrong answer that gives the same results for every call, where
    the answer is wrong and where it is right. Blanks if there is none, or several."""
    own = [outcome(exercise, answer, args) for args in calls(exercise)]
    if all(map(alike, own, behaviour(exercise, None))):
        return "", ""  # it is wrong in something else, as the dtype
    found = [
        (name, hint)
        for name, (_, hint) in exercise.mutants.items()
        if all(map(alike, own, behaviour(exercise, name)))
    ]
    return found[0] if len(found) == 1 else ("", "")


def calls(exercise):
    """The arguments of every case, that by hand first."""
    return [exercise.parts.by_hand()[0], *(args for _, args in exercise.parts.cases())]


def behaviour(exercise, mutant):
    """What a typical wrong answer gives for each of the calls; for None, what is right."""
    known = exercise.behaviours
    if mutant not in known:
        function = exercise.mutants[mutant][0] if mutant else exercise.parts.truth
        known[mutant] = [outcome(exercise, function, args) for args in calls(exercise)]
    return known[mutant]


def outcome(exercise, function, args):
    """The result of one call; of one that fails a name for that, a text."""
    try:
        if hasattr(function, "checked"):
            return function(*copy.deepcopy(args))
        return used(exercise, function, copy.deepcopy(args))
    except Failed as error:
        return error.kind
    except Exception as error:  # whatever a wrong answer may raise
        return kind_of(exercise, error)


def alike(one, other):
    """Whether two outcomes are the same, but for rounding."""
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return type(one) is type(other) and one == other
    return same(one, other)
