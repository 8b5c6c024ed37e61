"""What a student's code raised, in words: which line, which error."""

import linecache
import traceback
from pathlib import Path


def of_error(error, path):
    """One sentence on an exception from the file `path`."""
    if isinstance(error, SyntaxError) and error.filename and _same(error.filename, path):
        text = (error.text or "").strip()
        return f"line {error.lineno}: {error.msg}: {text}"
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
    if not frames:
        return ""
    line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
    return f"line {frames[-1].lineno}, `{line}`: "
