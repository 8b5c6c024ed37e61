"""Every process that an answer has started ends with it."""

import ctypes
import os
import signal
import sys
from pathlib import Path

# of Linux, see prctl(2): a signal at the death of the parent; whether others of the same user may
# look into the memory; whether processes whose parent has gone become children of this one
PDEATHSIG, DUMPABLE, CHILD_SUBREAPER = 1, 4, 36


def prctl(option, value):
    """Asks Linux for a property of this process; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def children():
    """The numbers of the processes whose parent this one is."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:  # has ended meanwhile
            continue
        if fields[1] == str(os.getpid()):
            found.append(int(place.parent.name))
    return found


def end_children():
    """Ends every process that has come from this one. Those whose own parent has gone belong to
    this one, since it has said that it takes them in (CHILD_SUBREAPER)."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
