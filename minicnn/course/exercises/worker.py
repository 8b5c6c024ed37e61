"""The process in which one answer runs; process.py starts it, with a file descriptor FD.

It loads what it needs, then waits for one line of JSON on stdin: the exercise, the file with the
answer, how long it may take and where a picture may go. Lines of JSON go to FD: the level that
begins, at the end the verdict, or the line at which the time was up, or why the check itself has
failed. What the answer prints goes to stdout. Of the answer's folder only its own file is read.
"""

import contextlib
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

from minicnn.basics import starting
from minicnn.course.exercises import words
from minicnn.course.exercises.checking import NOT_DONE, NOT_HERE, RIGHT, WRONG, Verdict, check
from minicnn.course.exercises.exercise import find, load
from minicnn.course.exercises.parts import NotDone, interpreted
from minicnn.course.exercises.picture import draw

MEMORY, WRITTEN = 6 << 30, 64 << 20  # bytes: enough for any exercise, too little to do harm


def limit_resources(seconds, ending):
    """From now on the process gets so many seconds of a processor. Then `ending(frame)` is called,
    and the process is killed; a second later at the latest, if it is where Python cannot call."""
    try:
        import resource
    except ImportError:  # not a Unix
        return

    def time_is_up(number, frame):
        signal.signal(number, signal.SIG_DFL)
        try:
            ending(frame)
        finally:
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGXCPU, time_is_up)
    seconds = math.ceil(time.process_time() + seconds)
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_DATA, MEMORY, MEMORY),
        (resource.RLIMIT_FSIZE, WRITTEN, WRITTEN),
    ):
        before = resource.getrlimit(what)[1]
        if before != resource.RLIM_INFINITY:
            soft, hard = min(soft, before), min(hard, before)
        resource.setrlimit(what, (soft, hard))


def run(exercise, path, began, compile=False):
    """The Verdict on the answer in a file."""
    if exercise.part("why_not") and (reason := exercise.parts.why_not()):
        return Verdict(exercise.number, NOT_HERE, message=reason)
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


def say_where(frame, path, descriptor):
    """Tells the line of the answer at which its time was up."""
    where = words.running_line(frame, path)
    os.write(descriptor, json.dumps({"where": where}).encode() + b"\n")


def main():
    out = os.fdopen(int(sys.argv[1]), "w")

    def tell(**message):
        try:
            out.write(json.dumps(message) + "\n")
            out.flush()
        except OSError:  # the answer has closed it; nobody is left to be told
            os._exit(1)

    tell(ready=True)
    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    # past `out`, which the signal may have found in the middle of a line of its own
    limit_resources(job["limit"], lambda frame: say_where(frame, job["path"], out.fileno()))
    sys.stdin = open(os.devnull)  # input() fails at once
    starting.forget_folder(Path(job["path"]).parent)
    levels = ["loading"]

    def began(level):
        levels.append(level)
        tell(level=level)

    try:
        found = judge(job, began)
    except MemoryError:  # what the answer has taken is missing elsewhere
        full = Verdict(job["exercise"], WRONG, level=levels[-1], message="the memory is full")
        found = full.as_dict()
    except Exception as error:
        return tell(failure=words.of_ours(error))
    with contextlib.suppress(Exception):  # whatever the answer has put in its place
        sys.stdout.flush()
    tell(verdict=found)


def judge(job, began):
    """The verdict as a dict; a picture of what is wrong is drawn where one may go."""
    exercise = find(job["exercise"])
    verdict = run(exercise, job["path"], began, job["compile"])
    found = verdict.as_dict()
    arrays = verdict.difference
    if job.get("picture") and verdict.state != RIGHT and arrays and arrays.expected is not None:
        found["picture"] = str(draw(arrays, job["picture"]))
    return found


if __name__ == "__main__":
    main()
