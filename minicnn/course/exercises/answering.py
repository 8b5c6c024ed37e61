"""The process in which an answer runs: the judge (worker.py) forks it, sends arguments and gets
results (remote.py is its end). So no line of the answer runs where the verdict is found, and where
the key lies with which the verdict is signed. Of the answer's folder only its own file is read.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

from minicnn.basics import starting
from minicnn.course.exercises import words
from minicnn.course.exercises.calling import Failed, Local
from minicnn.course.exercises.ending import PDEATHSIG, prctl
from minicnn.course.exercises.parts import NotDone
from minicnn.course.exercises.wire import HEAD, encoded, unpickled

MEMORY, WRITTEN = 6 << 30, 64 << 20  # bytes: enough for any exercise, too little to do harm


def answer(exercise, path, asked, reply, printing, say):
    """Serves requests from the descriptor `asked` for ever. `reply` takes what comes of them,
    `printing` what the answer prints, `say` the line at which it is when its time is up."""
    status = 1
    try:
        os.setsid()
        prctl(PDEATHSIG, signal.SIGKILL)
        null = os.open(os.devnull, os.O_RDONLY)
        for ours, theirs in ((null, 0), (printing, 1), (printing, 2)):
            os.dup2(ours, theirs)
        sys.stdin = open(os.devnull)  # input() fails at once
        limit_resources()

        def time_is_up(number, frame):
            os.write(say, words.running_line(frame, path).encode())

        signal.signal(signal.SIGXCPU, time_is_up)
        starting.forget_folder(Path(path).parent)
        Served(exercise, path, asked, reply).serve()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # nothing may go on in the judge's name
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(status & 255)


def limit_resources():
    try:
        import resource
    except ImportError:  # not a Unix
        return
    for what, most in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_FSIZE, WRITTEN)):
        before = resource.getrlimit(what)[1]
        most = most if before == resource.RLIM_INFINITY else min(most, before)
        resource.setrlimit(what, (most, most))


class Served:
    """The answer, and the two ends of the pipes through which it is asked."""

    def __init__(self, exercise, path, asked, reply):
        self.local = Local(exercise, path=path)
        self.asked, self.reply = asked, reply

    def serve(self):
        while True:
            kind, *found = self.receive()
            try:
                result = getattr(self, kind)(*found)
            except NotDone:
                message = ("not done",)
            except Failed as error:
                message = "failed", str(error), error.kind
            else:
                message = "result", self.local.note, result
            flush()
            self.send(message)

    # ----------------------------------------------------------------------------------- requests
    def begin(self):
        self.local.begin()

    def call(self, args):
        return self.local(*args)

    def checked(self, args):
        return self.local.checked(args)

    def quicken(self, after):
        self.local.quicken(after)

    # ----------------------------------------------------------------------------------- messages
    def ours(self, number):
        """What stands here for a function of the judge's that is among the arguments."""

        def function(*args):
            self.send(("function", number, args))
            kind, found = self.receive()
            if kind == "raises":
                raise ValueError(found)
            return found

        return function

    def receive(self):
        data = self.bytes(int.from_bytes(self.bytes(HEAD), "big"))
        return unpickled(data, self.ours)

    def bytes(self, count):
        pieces = []
        while count:
            piece = os.read(self.asked, min(count, 1 << 20))
            if not piece:
                os._exit(0)  # the judge has gone
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def send(self, message):
        data = encoded(message)
        data = memoryview(len(data).to_bytes(HEAD, "big") + data)
        while data:
            data = data[os.write(self.reply, data) :]


def flush():
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # whatever the answer has put in its place
            stream.flush()
