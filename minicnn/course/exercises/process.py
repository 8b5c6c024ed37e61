"""An answer runs in a process of its own, with a time limit: a loop that never ends, a crash or an
array of the size of the moon become a sentence, and so does a check that fails by our own fault."""

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time

from minicnn.basics import starting
from minicnn.course.exercises.checking import NOT_CHECKED, STATES, WRONG

LIMIT = 10.0  # seconds of a processor for an answer
WAITING = 6  # so many times as long it may take by the clock: other programs want a processor, too
START = 60.0  # for the process to load what it needs
END = 1.0  # for it to end once the verdict is there
SHOWN = 4000  # characters of what an answer prints
LONGEST = 1 << 20  # bytes of a message

TEXTS = ("ready", "level", "where", "failure")  # messages that are a text (or true)
VERDICT = {"exercise": str, "state": str, "level": str, "message": str, "mutant": str, "hint": str}
VERDICT |= {"passed": list, "notes": list}


class Rubbish(Exception):
    """What came is no message of the worker's."""


class Worker:
    """One process for one answer. It loads the framework as soon as it is made, so that making it
    early makes the answer quick."""

    def __init__(self):
        self.read, write = os.pipe()
        self.printed = tempfile.TemporaryFile()
        # nothing lies about between the answers, and programs that an answer starts look for
        # modules where we do
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
        self.process = subprocess.Popen(
            starting.command("minicnn.course.exercises.worker", write),
            stdin=subprocess.PIPE,
            stdout=self.printed,
            stderr=subprocess.STDOUT,
            pass_fds=[write],
            env=environment | {"OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        os.close(write)
        self.buffer = b""
        self.ours = None  # bytes that were printed before the answer ran

    def check(self, exercise, path, picture=None, limit=LIMIT, compile=False):
        """The verdict on the answer in a file, as a dict."""
        begun, level, where = time.monotonic(), "loading", ""

        def failed(message, level="", state=NOT_CHECKED):
            found = {name: kind() for name, kind in VERDICT.items()}
            found |= {"exercise": exercise.number, "state": state, "level": level}
            seconds = round(time.monotonic() - begun, 3)
            return found | {"message": message, "seconds": seconds, "printed": self.output()}

        try:
            job = {"exercise": exercise.number, "path": str(path), "picture": picture}
            job |= {"limit": limit, "compile": compile}
            if self.message(time.monotonic() + START) is None or not self.send(job):
                return failed(self.why_no_start())
            begun = time.monotonic()
            while True:
                message = self.message(begun + WAITING * limit)
                if message is None:
                    return failed(self.reason(where, limit), level, WRONG)
                if "failure" in message:
                    return failed(message["failure"])
                level, where = message.get("level", level), message.get("where", "")
                if found := message.get("verdict"):
                    found["seconds"] = round(time.monotonic() - begun, 3)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.process.wait(END)
                    return found | {"printed": self.output()}
        except Rubbish:
            what = "there came no verdict: the answer writes something else where it goes"
            return failed(what, level, WRONG)
        finally:
            self.close()

    def send(self, job):
        """Whether the process takes the job. From now on it is the answer that prints."""
        self.ours = os.fstat(self.printed.fileno()).st_size
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def message(self, until):
        """The next message; None if the process ended, or the time is up."""
        while b"\n" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                return None
            piece = os.read(self.read, 1 << 16)
            if not piece:
                return None
            self.buffer += piece
            if len(self.buffer) > LONGEST:
                raise Rubbish
        line, _, self.buffer = self.buffer.partition(b"\n")
        return understood(line)

    def why_no_start(self):
        end = os.fstat(self.printed.fileno()).st_size
        said = self.text(max(0, end - SHOWN)).strip().splitlines()
        why = f": {said[-1]}" if said else ""
        return f"the check could not start, which is not the answer's fault{why}"

    def reason(self, where, limit):
        try:
            status = self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            status = -signal.SIGXCPU
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            return (
                f"{where}no answer after {limit:g} s: is there a loop that never ends, or one "
                "inside many others? (--limit gives more time)"
            )
        return f"the program ended with status {status} before the function returned"

    def output(self):
        """What the answer printed, or its beginning."""
        text = self.text(self.ours) if self.ours is not None else ""
        return text[:SHOWN] + (" ..." if len(text) > SHOWN else "")

    def text(self, begin):
        return os.pread(self.printed.fileno(), 4 * SHOWN, begin).decode(errors="replace")

    def close(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
        self.process.wait()
        with contextlib.suppress(OSError):  # what the process did not take is still in there
            self.process.stdin.close()
        self.printed.close()
        os.close(self.read)


def understood(line):
    """A message, from its line of JSON. An answer can write there, too: Rubbish if it is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise Rubbish from None
    if not isinstance(found, dict) or not found.keys() <= {*TEXTS, "verdict"}:
        raise Rubbish
    if not all(isinstance(found.get(name, ""), str | bool) for name in TEXTS):
        raise Rubbish
    verdict = found.get("verdict")
    if "verdict" in found and not (
        isinstance(verdict, dict)
        and verdict.keys() <= {*VERDICT, "picture"}
        and all(isinstance(verdict.get(name), kind) for name, kind in VERDICT.items())
        and all(isinstance(text, str) for text in verdict["passed"] + verdict["notes"])
        and isinstance(verdict.get("picture", ""), str)
        and verdict["state"] in STATES
    ):
        raise Rubbish
    return found


def check(exercise, path, picture=None, limit=LIMIT, compile=False):
    """The verdict, as a dict, on the answer in a file, from a process of its own."""
    return Worker().check(exercise, path, picture, limit, compile)
