"""What libraries say for themselves while they decode a picture, kept from the terminal.

Pillow warns of odd headers in Python; libtiff writes its errors straight to the process' standard
error, and sometimes goes on with half a picture, so what it says decides whether the file is good.
"""

import contextlib
import os
import tempfile
import threading
import warnings

_lock = threading.Lock()
_inside, _before = 0, None


@contextlib.contextmanager
def no_warnings():
    """Inside, in whichever threads, Python's warnings are not shown: `warnings.catch_warnings` for
    blocks that overlap."""
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _before.__exit__(None, None, None)


_one = threading.Lock()  # there is one standard error


@contextlib.contextmanager
def listening():
    """Yields a list that holds, at the end of the block, the lines that C code has written to
    standard error meanwhile. One thread at a time."""
    lines = []
    with _one, tempfile.TemporaryFile() as heard:
        try:
            terminal = os.dup(2)
        except OSError:  # a program without standard error
            yield lines
            return
        os.dup2(heard.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            heard.seek(0)
            lines += heard.read(65536).decode(errors="replace").splitlines()
