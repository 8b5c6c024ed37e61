"""The process in which one answer runs: python -m minicnn.exercising.worker FD

It loads what it needs, then waits for one line of JSON on stdin: the exercise, the file with the
answer, how long it may take and where a picture may go. Lines of JSON go to the file descriptor FD:
the level that begins, at the end the verdict, or the line at which the time was up. What the answer
prints goes to stdout.
"""

import json
import math
import os
import signal
import sys
import time

from minicnn.exercising import words
from minicnn.exercising.checking import NOT_DONE, RIGHT, WRONG, Verdict, check
from minicnn.exercising.exercise import find, load
from minicnn.exercising.parts import NotDone, interpreted
from minicnn.exercising.picture import draw

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


def say_where(frame, path, descriptor):
    """Tells the line of the answer at which its time was up."""
    where = words.running_line(frame, path)
    os.write(descriptor, json.dumps({"where": where}).encode() + b"\n")


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
    # past `out`, which the signal may have found in the middle of a line of its own
    limit_resources(job["limit"], lambda frame: say_where(frame, job["path"], out.fileno()))
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
