"""Processes that need the same thing at the same time, which takes long to make: one of them makes
it, the others wait and take what it has made."""

import contextlib
import fcntl
import os
import time

PATIENCE = 60  # seconds to wait for another process, before making it oneself
_locked = []  # the file, open and locked, that says that this process is making something


def find_or_make(file, find):
    """find(), or None: then whoever asks makes it and calls `made`, and until then other processes
    wait that ask with the same `file` and find nothing."""
    found = find()
    if found is None:
        _wait_for(file)
        found = find()
        if found is not None:
            made()
    return found


def made():
    while _locked:
        with contextlib.suppress(OSError):  # a forked child may have it open, too
            fcntl.flock(_locked[0], fcntl.LOCK_UN)
        os.close(_locked.pop())


def _wait_for(file):
    made()  # if what was to be made ended in an error
    try:
        _locked.append(os.open(file, os.O_RDONLY))
        for _ in range(20 * PATIENCE):
            try:
                return fcntl.flock(_locked[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
    except OSError:  # no file, or on a disk that knows no locks
        pass


def _in_the_child():
    """A lock is its parent's, who lets it go."""
    while _locked:
        os.close(_locked.pop())


os.register_at_fork(after_in_child=_in_the_child)
