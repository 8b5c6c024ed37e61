"""Was somebody else at work while we measured? Whoever takes a core, or a part of the caches, makes
both sides slower, but not equally so, and then a ratio says nothing.

The system counts the time that all processes of the machine had together (/proc/stat; time that the
host gave to other machines counts, too), and that of our own with its children. What is left over
is that of the others. Linux counts in hundredths of a second, so a short look says nothing; other
systems tell nothing at all.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

MOST = 0.1  # of a core: more is a disturbance
SHORTEST = 0.3  # seconds
STAT = Path("/proc/stat")


# works as long as the process of that number, which began it, is there
WORK = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


@contextlib.contextmanager
def busy(count):
    """Inside, so many other processes keep a core busy, each as much of one as it gets."""
    processes = []
    try:
        for _ in range(count):
            processes.append(subprocess.Popen([sys.executable, "-c", WORK, str(os.getpid())]))
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def beside(count):
    """How a report begins that was measured beside so many."""
    return f"Beside {count} busy process{'es' * (count > 1)}"


class Look:
    """`cores`: how many cores the others had while the look lasted, or None if nobody can tell."""

    cores = None


@contextlib.contextmanager
def look():
    """with look() as found: ...; then found.cores"""
    found, start, busy, own = Look(), time.perf_counter(), _busy(), _own()
    yield found
    seconds = time.perf_counter() - start
    if busy is not None and seconds >= SHORTEST:
        found.cores = max(0.0, (_busy() - busy - (_own() - own)) / seconds)


def disturbed(cores):
    """Whether that is too much. Where nobody can tell, it is not."""
    return cores is not None and cores > MOST


def words(cores):
    return f"others took {cores:.2g} of a core"


def verdict(reached, cores):
    """(whether a target is reached, in a word) for a measurement while others had so many cores."""
    if disturbed(cores):
        return None, f"no verdict, {words(cores)}"
    return reached, "reached" if reached else "missed"


def can_tell():
    return _busy() is not None


def _busy():
    """Seconds that processors of this machine worked for any process; None if nobody tells."""
    try:
        numbers = [int(n) for n in STAT.read_text().partition("\n")[0].split()[1:]]
        user, nice, system, stolen = *numbers[:3], numbers[7]
        return (user + nice + system + stolen) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def _own():
    """Seconds that they worked for this process and its children that have ended."""
    return time.process_time() + sum(os.times()[2:4])
