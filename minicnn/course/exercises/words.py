"""What a student's code raised, in words: which line, which error. And what ours raised."""

import linecache
import traceback
from pathlib import Path

LONGEST = 500  # characters of what an error says


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
    return f"{_place(error, path)}{_named(error)}{_beside(error, path)}"


def of_ours(error):
    """One sentence on an exception that ended the check itself."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    fault = "a fault of ours, unless the answer changes what is not its own"
    return f"the check itself failed: {_named(error)} ({where}); {fault}"


def _named(error):
    name, text = type(error).__name__, " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    return f"{name}: {text}" if text else name


def _beside(error, path):
    """Why a module that lies beside the answer is not found (or Python's own one instead)."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ImportError) or not name:
        return ""
    beside = [Path(path).with_name(f"{name}.py"), Path(path).with_name(name)]
    found = [place.name for place in beside if place.exists()]
    what = "an answer is one file, and nothing is imported from its folder"
    return f"; {what}: put what it needs of {found[0]} into it" if found else ""


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
