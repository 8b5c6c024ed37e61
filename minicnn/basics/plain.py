"""Plain text from plain files. What a stranger wrote never makes the program wait for ever, and
never fills the memory."""

import os
import stat

MOST_TEXT = 20_000_000  # bytes; no list of names, classes or labels of ours comes near it


def why_not_plain(path):
    """None for a plain file (or a link to one); otherwise what is wrong, as the end of a sentence.
    A pipe would be waited for, and a device may never end."""
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        return "may not be read (permission denied)"
    except (OSError, ValueError):  # ValueError: a name that holds a zero byte
        return "there is no such file"
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "is no plain file, but a pipe or a device"


def read_text(path, error=ValueError, most=MOST_TEXT):
    """The text of a UTF-8 file (with or without a byte order mark). Raises `error` with a sentence
    for what is no plain file, has more than `most` bytes, or is no such text."""
    if why := why_not_plain(path):
        raise error(f"{path}: {why}")
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)  # not the size that the system tells: files in /proc say 0
    except OSError as problem:
        raise error(f"{path}: may not be read ({problem.strerror})") from problem
    if len(data) > most:
        raise error(f"{path}: is larger than {most / 1e6:g} MB, too much for a text of this kind")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{path}: is not readable as UTF-8 text ({problem})") from problem
