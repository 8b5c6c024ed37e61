"""What libraries say for themselves while they decode a picture, kept from the terminal.

Pillow warns of odd headers in Python; libtiff writes its errors straight to the process' standard
error, and sometimes goes on with half a picture, so what it says decides whether the file is good.
"""

import contextlib
import os
import re
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


MOST, FIRST = 1 << 20, 3  # bytes that are looked at; lines that are kept
_one = threading.Lock()  # there is one standard error


# A line of libtiff's begins with the function that writes it, or with the name Pillow gives a file.
LIBTIFF = re.compile(
    rb"(_?TIFF\w*|\w+(Decode\w*|SetupDecode|PreDecode|Setup|VSetField|Lib|Cleanup)|tempfile\.tif"
    rb"|filename|LogL\w*|Lerc\w*|\w*Fax\w*|OJPEG\w*): .*"
)


@contextlib.contextmanager
def listening():
    """Yields a list that holds, at the end of the block, the lines that libtiff has written to
    standard error meanwhile. What others wrote there, as a bar of progress in another thread does,
    is passed on. One thread at a time."""
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
            heard.seek(0)
            for line in heard.read(MOST).splitlines(keepends=True):
                if LIBTIFF.fullmatch(line.strip()):
                    lines.append(line.decode(errors="replace").strip())
                else:
                    os.write(terminal, line)
            os.close(terminal)
            del lines[FIRST:]
