"""An answer in a process of its own, as the judge sees it (answering.py is the other end). There is
one limit on its time, by the clock of clock.py."""

import contextlib
import fcntl
import os
import select
import signal
import time

from minicnn.course.exercises import answering
from minicnn.course.exercises.calling import Failed, Over
from minicnn.course.exercises.clock import Clock
from minicnn.course.exercises.ending import end_children
from minicnn.course.exercises.parts import NotDone
from minicnn.course.exercises.wire import HEAD, LONGEST, Rubbish, decoded, pickled

SHOWN = 4000  # characters of what an answer prints; what comes after them is dropped
PIPE = 1 << 20  # bytes of what is printed that wait to be taken
SAYS_WHERE = 0.3  # seconds for an answer whose time is up to say in which line it is


def called(function, args):
    """The message with what a function of ours gives."""
    try:
        return "gives", function(*args)
    except Exception as error:  # the answer has called it in a wrong way
        return "raises", str(error)


class Remote:
    """An answer in a process of its own, with the face of `Local`."""

    def __init__(self, exercise, path, seconds, keep=()):
        """Forks the process. It closes the file descriptors `keep`, which are the judge's own;
        after so many `seconds` of the clock it is over."""
        self.exercise, self.path, self.seconds = exercise, path, seconds
        self.note, self.functions = "", []
        self.out = b""
        pipes = [os.pipe() for _ in range(4)]
        (asked, ask), (self.replies, reply), (self.printed, printing), (self.where, say) = pipes
        self.requests = ask
        with contextlib.suppress(AttributeError, OSError):  # of Linux; fewer turns for a long text
            fcntl.fcntl(self.printed, fcntl.F_SETPIPE_SZ, PIPE)
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (ask, self.replies, self.printed, self.where, *keep):
                os.close(descriptor)
            answering.answer(exercise, path, asked, reply, printing, say)
        for descriptor in (asked, reply, printing, say):
            os.close(descriptor)
        self.left, self.clock = seconds, None  # the time that is left; that of the request
        self.watched = [self.printed, *keep[:1]]

    # ------------------------------------------------------------------------------- as Local does
    def begin(self):
        """Loads the file. Raises NotDone, or Failed with what is wrong with it."""
        self.ask(("begin",))

    def __call__(self, *args):
        return self.ask(("call", args))

    def checked(self, args):
        match found := self.ask(("checked", args)):
            case (_, int(changed), bool()) if 0 <= changed < len(args):
                return found
            case (_, None, bool()):
                return found
        raise Rubbish

    def quicken(self, after):
        self.ask(("quicken", after))

    # ----------------------------------------------------------------------------------- messages
    def ask(self, request):
        """The answer to a request. On the way it may want to call a function of ours."""
        self.functions = []
        self.clock = Clock(self.pid, os.getpid())
        try:
            return self.talk(request)
        finally:
            self.left -= self.clock.seconds()

    def talk(self, request):
        self.send(request)
        while True:
            message = self.receive()
            match message:
                case ("result", str(note), result):
                    self.note = note
                    return result
                case ("not done",):
                    raise NotDone
                case ("failed", str(sentence), str(kind)):
                    raise Failed(sentence, kind)
                case ("function", int(number), tuple(args)) if 0 <= number < len(self.functions):
                    self.send(called(self.functions[number], args))
                case _:
                    raise Rubbish

    def send(self, message):
        data = pickled(message, self.functions)
        data = memoryview(len(data).to_bytes(HEAD, "big") + data)
        os.set_blocking(self.requests, False)
        while data:
            self.wait(writing=True)
            try:
                data = data[os.write(self.requests, data) :]
            except BlockingIOError:
                continue
            except OSError:  # it has closed its end
                raise Over(self.end_of_process()) from None

    def receive(self):
        length = int.from_bytes(self.bytes(HEAD), "big")
        if length > LONGEST:
            raise Rubbish
        return decoded(self.bytes(length))

    def bytes(self, count):
        pieces = []
        while count:
            self.wait()
            piece = os.read(self.replies, min(count, 1 << 20))
            if not piece:
                raise Over(self.end_of_process())
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def wait(self, writing=False):
        """Until it can be written to, or read from. What is printed is taken meanwhile."""
        wanted = self.requests if writing else self.replies
        while True:
            reading = self.watched if writing else [*self.watched, wanted]
            left = self.left - self.clock.seconds()
            if left <= 0:
                raise Over(self.place(), time=True)
            ready = select.select(reading, [wanted] if writing else [], [], left)
            ready = {*ready[0], *ready[1]}
            if self.printed in ready:
                self.take_printed()
            if wanted in ready:
                return
            if ready - {self.printed}:
                raise Over("nobody waits for the verdict any more")

    def take_printed(self):
        piece = os.read(self.printed, PIPE)
        if not piece:
            self.watched.remove(self.printed)
        self.out += piece[: 4 * SHOWN - len(self.out)]

    # ---------------------------------------------------------------------------------- the end
    def place(self):
        """The line at which the answer is."""
        os.kill(self.pid, signal.SIGXCPU)
        if select.select([self.where], [], [], SAYS_WHERE)[0]:
            return os.read(self.where, 1 << 12).decode(errors="replace")
        return ""

    def end_of_process(self):
        until = time.monotonic() + 1
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                code = os.waitstatus_to_exitcode(status)
                return f"the program ended with status {code} before the function returned"
            time.sleep(0.01)
        return "the program has closed what it answers through before the function returned"

    def close(self):
        """Ends the process and all that it has started."""
        if self.pid:
            for end in (os.killpg, os.kill):  # it may not have a group of its own yet
                with contextlib.suppress(ProcessLookupError):
                    end(self.pid, signal.SIGKILL)
        end_children()
        os.set_blocking(self.printed, False)
        with contextlib.suppress(BlockingIOError):
            while self.printed in self.watched and len(self.out) < 4 * SHOWN:
                self.take_printed()
        for descriptor in (self.requests, self.replies, self.printed, self.where):
            os.close(descriptor)

    @property
    def text(self):
        """What the answer has printed, or its beginning."""
        text = self.out.decode(errors="replace")
        return text[:SHOWN] + (" ..." if len(text) > SHOWN else "")
