"""What a student's code raised, in words: which line, which error."""

import linecache
import traceback
from pathlib import Path


def of_error(error, path):
    """One sentence on an exception from the file `path`."""
    if isinstance(error, SyntaxError) and error.filename and _same(error.filename, path):
        place = f"line {error.lineno}, `{(error.text or '').strip()}`: "
        return f"{place}{type(error).__name__}: {error.msg}"
    if isinstance(error, MemoryError):
        return f"{_place(error, path)}the memory is full"
    if isinstance(error, RecursionError):
        return (
            f"{_place(error, path)}RecursionError: the function calls itself too often; for "
            "what is deep take a loop and a list of your own"
        )
    name, text = type(error).__name__, " ".join(str(error).split())
    return f"{_place(error, path)}{name}: {text}" if text else f"{_place(error, path)}{name}"


def _same(one, other):
    return Path(one).resolve() == Path(other).resolve()


def _place(error, path):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _same(f.filename, path)]
    return of_line(frames[-1].lineno, path) if frames else ""


def running_line(frame, path):
    """Where in the file `path` a program is that has come to `frame`; "" if nowhere in it."""
    while frame and not _same(frame.f_code.co_filename, path):
        frame = frame.f_back
    return of_line(frame.f_lineno, path) if frame else ""


def of_line(number, path):
    return f"line {number}, `{linecache.getline(str(path), number).strip()}`: "
