"""The judge: a process that checks one answer after another; process.py starts it, with a file
descriptor FD.

It loads what it needs, then reads its jobs from stdin. Each is a line of JSON, with the exercise,
the file with the answer, how long it may take and where a picture may go, and a line with a key.
The key is read once the answer has a process of its own, so that this one has never held it. Lines
of JSON go to FD: the level that begins, at the end the verdict with its signature, or why the
check itself has failed.
"""

import contextlib
import functools
import json
import os
import sys

from minicnn.course.exercises import words
from minicnn.course.exercises.calling import Failed, Over
from minicnn.course.exercises.checking import (
    NO_VERDICT,
    NOT_DONE,
    NOT_HERE,
    RIGHT,
    WRONG,
    Verdict,
    check,
)
from minicnn.course.exercises.clock import Clock
from minicnn.course.exercises.ending import CHILD_SUBREAPER, DUMPABLE, prctl
from minicnn.course.exercises.exercise import find
from minicnn.course.exercises.parts import NotDone, interpreted
from minicnn.course.exercises.picture import draw
from minicnn.course.exercises.remote import Remote
from minicnn.course.exercises.wire import Rubbish, signature

exercise_of = functools.cache(
    find
)  # with what has been computed for one answer and serves the next


def main():
    out = os.fdopen(int(sys.argv[1]), "w")

    def tell(**message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    prctl(DUMPABLE, 0)
    prctl(CHILD_SUBREAPER, 1)
    with interpreted(), contextlib.suppress(BrokenPipeError):
        tell(ready=True)
        while line := read_line():
            judge(json.loads(line), tell, keep=(0, out.fileno()))


def read_line():
    """A line of stdin, and not a byte after it: nothing of the key may be in our memory early."""
    found = b""
    while not found.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            return b""
        found += piece
    return found


def judge(job, tell, keep):
    """Tells the verdict on the answer of a job, and what it has printed."""
    try:
        exercise = exercise_of(job["exercise"])
        reason = exercise.part("why_not") and exercise.parts.why_not()
        answer = Remote(exercise, job["path"], job["limit"], keep)
        clock = Clock(os.getpid(), answer.pid)
    except Exception as error:
        read_line()
        return tell(failure=words.of_ours(error), printed="")
    try:
        key = read_line().decode().strip()
        if reason:
            verdict = Verdict(exercise.number, NOT_HERE, message=reason)
        else:
            verdict = verdict_on(exercise, answer, job, lambda level: tell(level=level))
        found = verdict.as_dict() | {"seconds": round(clock.seconds(), 3)}
        arrays = verdict.difference
        if job.get("picture") and verdict.state != RIGHT and arrays and arrays.expected is not None:
            with contextlib.suppress(OSError):  # a folder in which nothing may be written
                found["picture"] = str(draw(arrays, job["picture"]))
    except Exception as error:
        answer.close()
        return tell(failure=words.of_ours(error), printed=answer.text)
    finally:
        answer.close()
    text = json.dumps(found | {"printed": answer.text})
    tell(verdict=text, signature=signature(key, text))


def verdict_on(exercise, answer, job, began):
    """The Verdict, also where the answer does not come so far."""
    levels = ["loading"]

    def next_level(level):
        levels.append(level)
        began(level)

    def wrong(message, state=WRONG):
        return Verdict(exercise.number, state, level=levels[-1], message=message)

    try:
        answer.begin()
        return check(exercise, answer, next_level, job["compile"])
    except NotDone:
        return Verdict(exercise.number, NOT_DONE, message=NOT_DONE)
    except Failed as error:  # the file itself
        return wrong(str(error))
    except Over as over:
        if not over.time:
            return wrong(str(over))
        return wrong(
            f"{over}no answer after {job['limit']:g} s: is there a loop that never ends, or one "
            "inside many others? (--limit gives more time)"
        )
    except Rubbish:
        what = "there came no verdict: the answer writes something else where its results go"
        return wrong(what, NO_VERDICT)


if __name__ == "__main__":
    main()
