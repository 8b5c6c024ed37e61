"""Where does the time of a training step go? A table by operation.

    with profile() as table:
        loss = network.loss(inputs, labels)[0]
        loss.backward()
    print(*table.lines(), sep="\\n")

While nobody profiles, nothing is timed. What other threads compute in the meantime is theirs.
"""

import contextlib
import threading
import time

from minicnn.engine.launching import launched_here


class _OfThread(threading.local):
    """Each thread's list of functions that get (op, "forward" or "backward", seconds)."""

    def __init__(self):
        self.watchers = []


_of_thread = _OfThread()


def timed(op, phase, function, *arrays):
    """function(*arrays), its time told to whoever profiles."""
    watchers = _of_thread.watchers
    if not watchers:
        return function(*arrays)
    start = time.perf_counter()
    result = function(*arrays)
    seconds = time.perf_counter() - start
    for watch in watchers:
        watch(op, phase, seconds)
    return result


class Profile:
    """Calls and seconds, forward and backward, of each kind of operation."""

    def __init__(self):
        self.rows = {}  # op name -> [calls, seconds forward, seconds backward]
        self.launches = 0  # of our kernels on a GPU; array functions of cupy come on top
        self.seconds = 0.0  # of the whole, the engine and everything beside the ops included

    def note(self, op, phase, seconds):
        name = type(op).__name__
        row = self.rows.setdefault(name, [0, 0.0, 0.0])
        row[0] += phase == "forward"
        row[1 if phase == "forward" else 2] += seconds

    def lines(self, steps=1):
        """The table as lines of text, milliseconds for one of `steps` equal steps, the largest
        first; «other» is what passes outside of operations."""
        ms = 1000 / steps
        inside = sum(f + b for _, f, b in self.rows.values())
        table = [
            (name, calls / steps, f * ms, b * ms)
            for name, (calls, f, b) in sorted(self.rows.items(), key=lambda item: -sum(item[1][1:]))
        ]
        table.append(("other", 0, (self.seconds - inside) * ms, 0.0))
        total = max(self.seconds * ms, 1e-9)
        text = [
            f"{'operation':16} {'calls':>6} {'forward ms':>11} {'backward ms':>12} {'share':>7}"
        ]
        for name, calls, f, b in table:
            count = f"{calls:g}" if calls else ""
            text.append(f"{name:16} {count:>6} {f:11.2f} {b:12.2f} {(f + b) / total:7.1%}")
        text.append(f"{'together':16} {'':6} {total:11.2f} ms a step")
        if self.launches:
            text.append(f"{'GPU kernels':16} {self.launches / steps:6g} launches a step")
        return text


@contextlib.contextmanager
def profile():
    """Inside, every operation is timed; gives a Profile that fills."""
    table = Profile()
    watchers = _of_thread.watchers
    watchers.append(table.note)
    before = launched_here()
    start = time.perf_counter()
    try:
        yield table
    finally:
        table.seconds += time.perf_counter() - start
        table.launches += launched_here() - before
        watchers.remove(table.note)
