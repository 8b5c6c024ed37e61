"""An answer runs in a process of its own, with a time limit: a loop that never ends, a crash or an
array of the size of the moon become a sentence."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

from minicnn.exercising.checking import WRONG

LIMIT = 10.0  # seconds of a processor for an answer
WAITING = 6  # so many times as long it may take by the clock: other programs want a processor, too
START = 60.0  # for the process to load what it needs
SHOWN = 4000  # characters of what an answer prints


class Worker:
    """One process for one answer. It loads the framework as soon as it is made, so that making it
    early makes the answer quick."""

    def __init__(self):
        self.read, write = os.pipe()
        self.printed = tempfile.TemporaryFile()
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minicnn.exercising.worker", str(write)],
            stdin=subprocess.PIPE,
            stdout=self.printed,
            stderr=subprocess.STDOUT,
            pass_fds=[write],
            env=environment,
            start_new_session=True,
        )
        os.close(write)
        self.buffer = b""

    def check(self, exercise, path, picture=None, limit=LIMIT, compile=False):
        """The verdict on the answer in a file, as a dict."""
        begun, level, where = time.monotonic(), "loading", ""
        try:
            if self.message(time.monotonic() + START) is None:
                return self.failed(exercise, level, "the check could not start", begun)
            begun = time.monotonic()
            job = {"exercise": exercise.number, "path": str(path), "picture": picture}
            job |= {"limit": limit, "compile": compile}
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            while True:
                message = self.message(begun + WAITING * limit)
                if message is None:
                    return self.failed(exercise, level, self.reason(where, limit), begun)
                level, where = message.get("level", level), message.get("where", "")
                if "verdict" in message:
                    found = message["verdict"]
                    found["seconds"] = round(time.monotonic() - begun, 3)
                    self.process.wait(START)
                    return found | {"printed": self.output()}
        finally:
            self.close()

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
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

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

    def failed(self, exercise, level, message, begun):
        return {
            "exercise": exercise.number,
            "state": WRONG,
            "passed": [],
            "level": level,
            "message": message,
            "mutant": "",
            "hint": "",
            "notes": [],
            "seconds": round(time.monotonic() - begun, 3),
            "printed": self.output(),
        }

    def output(self):
        self.printed.seek(0)
        text = self.printed.read(SHOWN + 1).decode(errors="replace")
        return text[:SHOWN] + (" ..." if len(text) > SHOWN else "")

    def close(self):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process.stdin.close()
        self.printed.close()
        os.close(self.read)


def check(exercise, path, picture=None, limit=LIMIT, compile=False):
    """The verdict, as a dict, on the answer in a file, from a process of its own."""
    return Worker().check(exercise, path, picture, limit, compile)
