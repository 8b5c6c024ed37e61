"""The judge, seen from here: a process that loads the framework once and then checks one answer
after another, each in a process of its own (worker.py). A loop that never ends, a crash or an array
of the size of the moon become a sentence, and so does a check that fails by our own fault."""

import contextlib
import functools
import hmac
import json
import os
import secrets
import select
import subprocess
import tempfile
import time

from minicnn.basics import starting
from minicnn.course.exercises.checking import NO_VERDICT, NOT_CHECKED
from minicnn.course.exercises.clock import Clock
from minicnn.course.exercises.wire import signature

LIMIT = 10.0  # seconds for an answer (how they are counted is in clock.py)
START = 60.0  # for the judge to load what it needs, counted in the same way
LOOKS = 1.0  # seconds between two looks at how far it is
BUSY, MORE = 10, 60.0  # so many times the limit, and seconds, until a judge is given up
FAULTS = "the check itself failed", "the check could not start"
END = 1.0  # for it to end when nobody needs it any more
SHOWN = 4000  # characters of what a judge says that could not start
LONGEST = 1 << 22  # bytes of a message

VERDICT = {"exercise": str, "state": str, "level": str, "message": str, "mutant": str, "hint": str}
VERDICT |= {"passed": list, "notes": list}


class Worker:
    """A judge. It loads the framework as soon as it is made, so that making it early makes the
    first answer quick. To be closed."""

    def __init__(self):
        self.process = None
        self.start()

    def start(self):
        self.read, write = os.pipe()
        self.said = tempfile.TemporaryFile()
        # nothing lies about between the answers, and programs that an answer starts look for
        # modules where we do
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
        self.process = subprocess.Popen(
            starting.command("minicnn.course.exercises.worker", write),
            stdin=subprocess.PIPE,
            stdout=self.said,
            stderr=subprocess.STDOUT,
            pass_fds=[write],
            env=environment | {"OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        os.close(write)
        self.buffer, self.ready = b"", False

    def check(self, *job, **options):
        """The verdict on the answer in a file, as a dict. Whatever ends a check in the middle, and
        a fault of the judge's own, ends the judge: after a fault a new one is asked, once."""
        try:
            verdict = self.ask(*job, **options)
            if verdict["state"] == NOT_CHECKED and verdict["message"].startswith(FAULTS):
                self.close()
                verdict = self.ask(*job, **options)
            return verdict
        except BaseException:
            self.close()
            raise

    def ask(self, exercise, path, picture=None, limit=LIMIT, compile=False):
        begun, level = time.monotonic(), ""
        if self.process is not None and self.process.poll() is not None:
            self.close()  # it has ended since the last answer, which no answer need hear of
        if self.process is None:
            self.start()

        def failed(message, level="", state=NOT_CHECKED, printed=""):
            found = {name: kind() for name, kind in VERDICT.items()}
            found |= {"exercise": exercise.number, "state": state, "level": level}
            seconds = round(time.monotonic() - begun, 3)
            return found | {"message": message, "seconds": seconds, "printed": printed}

        key = secrets.token_hex(32)
        job = {"exercise": exercise.number, "path": str(path), "picture": picture}
        job |= {"limit": limit, "compile": compile}
        if not self.ready:
            self.ready = self.loaded()
        if not self.ready or not self.send(f"{json.dumps(job)}\n{key}\n"):
            reason = self.why_no_start()
            self.close()
            return failed(reason)
        begun = time.monotonic()
        while True:
            message = self.message(begun + BUSY * limit + MORE)
            if message is None:
                self.close()
                return failed("the check itself has ended, which is not the answer's fault")
            if "failure" in message:
                return failed(message["failure"], printed=message["printed"])
            if "verdict" in message:
                break
            level = message.get("level", level)
        text = message["verdict"]
        if not hmac.compare_digest(signature(key, text), message.get("signature", "")):
            self.close()
            what = "there came no verdict: what came in its place is not signed by the check"
            return failed(what, level, NO_VERDICT)
        return json.loads(text)

    def loaded(self):
        """Whether the judge has loaded what it needs."""
        clock = Clock(self.process.pid)
        while clock.seconds() < START:
            if self.message(time.monotonic() + LOOKS) is not None:
                return True
            if self.process.poll() is not None:
                break
        return False

    def send(self, text):
        """Whether the judge takes it."""
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def message(self, until):
        """The next message, a dict; None if the judge has ended, or the time is up."""
        while b"\n" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                return None
            piece = os.read(self.read, 1 << 16)
            if not piece or len(self.buffer) > LONGEST:
                return None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        with contextlib.suppress(ValueError, RecursionError):
            return dict(json.loads(line))
        return {"verdict": "", "signature": ""}

    def why_no_start(self):
        end = os.fstat(self.said.fileno()).st_size
        said = os.pread(self.said.fileno(), SHOWN, max(0, end - SHOWN)).decode(errors="replace")
        lines = said.strip().splitlines()
        why = f": {lines[-1]}" if lines else ""
        return f"the check could not start, which is not the answer's fault{why}"

    def close(self):
        """Ends the judge, and with it the answer that it is asking."""
        if self.process is None:
            return
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait()
        self.said.close()
        os.close(self.read)
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@functools.cache
def ready():
    """The judge that serves whoever checks one answer after another."""
    import atexit

    worker = Worker()
    atexit.register(worker.close)
    return worker


def check(exercise, path, picture=None, limit=LIMIT, compile=False):
    """The verdict, as a dict, on the answer in a file."""
    return ready().check(exercise, path, picture, limit, compile)
