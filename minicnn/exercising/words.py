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


def of_typing(error, path):
    """One sentence on what Numba could not compile."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    place = next((line for line in lines if line.startswith("File ") and "line " in line), "")
    number = place.rpartition("line ")[2].rstrip(":)") if place else ""
    where = f"line {number}" if number.isdecimal() else Path(path).name
    for line in lines:
        if "Cannot unify" in line:
            kinds = line.partition("Cannot unify ")[2].partition(" for ")[0]
            return f"{where}: a variable is first of one kind, then of another ({kinds})"
        if "Untyped global name" in line:
            return f"{where}: compiled loops do not know the name {line.split(chr(39))[1]!r}"
        if "NameError" in line or "undefined" in line or "not defined" in line:
            return f"{where}: {line}"
        if "No implementation of function" in line:
            what = line.partition("No implementation of function ")[2].partition(" found")[0]
            return f"{where}: this cannot be compiled with such arguments: {what}"
        if "Unknown attribute" in line or "Use of unsupported" in line:
            return f"{where}: {line}"
    return f"{where}: {lines[0] if lines else type(error).__name__}"
