"""The process in which one answer runs: python -m minicnn.exercising.worker FD

It loads what it needs, then waits for one line of JSON on stdin: the exercise, the file with the
answer, how long it may take and where a picture may go. Lines of JSON go to the file descriptor FD:
the level that begins, at the end the verdict. What the answer prints goes to stdout.
"""

import json
import math
import os
import sys
import time

from minicnn.exercising import words
from minicnn.exercising.checking import NOT_DONE, RIGHT, WRONG, Verdict, check
from minicnn.exercising.exercise import find, load
from minicnn.exercising.parts import NotDone, interpreted
from minicnn.exercising.picture import draw

MEMORY, WRITTEN = 6 << 30, 64 << 20  # bytes: enough for any exercise, too little to do harm


def limit_resources(seconds):
    """From now on the process gets so many seconds of a processor, then it is killed."""
    try:
        import resource
    except ImportError:  # not a Unix
        return
    seconds = math.ceil(time.process_time() + seconds)
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_FSIZE, WRITTEN),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, hard))


def run(exercise, path, began, compile=False):
    """The Verdict on the answer in a file."""
    if exercise.part("why_not") and (reason := exercise.parts.why_not()):
        return Verdict(exercise.number, "cannot run here", message=reason)
    try:
        module = load(path)
    except NotDone:
        return Verdict(exercise.number, NOT_DONE, message=NOT_DONE)
    except Exception as error:
        return Verdict(exercise.number, WRONG, level="loading", message=words.of_error(error, path))
    answer = getattr(module, exercise.function, None)
    if not callable(answer):
        message = f"there is no function {exercise.function} in {path}"
        return Verdict(exercise.number, WRONG, level="loading", message=message)
    with interpreted():
        return check(exercise, answer, path, began, compile)


def main():
    out = os.fdopen(int(sys.argv[1]), "w")

    def tell(**message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    tell(ready=True)
    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    limit_resources(job["limit"])
    sys.stdin = open(os.devnull)  # input() fails at once
    exercise = find(job["exercise"])
    verdict = run(exercise, job["path"], lambda level: tell(level=level), job["compile"])
    found = verdict.as_dict()
    arrays = verdict.difference
    if job.get("picture") and verdict.state != RIGHT and arrays and arrays.expected is not None:
        found["picture"] = str(draw(arrays, job["picture"]))
    tell(verdict=found)


if __name__ == "__main__":
    main()
