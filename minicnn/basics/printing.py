"""Text that comes from outside, as it may stand on a terminal.

The names of classes and of files and the messages of libraries are written by others. An escape
sequence in one of them would colour the terminal, or delete what stands there; a line break would
make two lines of one; a file name that is not UTF-8 cannot be encoded at all.
"""

import contextlib
import re
import sys
import unicodedata

JOINERS = "\u200c\u200d"  # invisible, but without them some scripts and emoji fall apart
# What a bar of tqdm needs for itself: it goes up with nothing else in the same write.
MOVES = re.compile(r"(?:\n|\x1b\[A)*")


def printable(text):
    """`text` on one line: what is no visible character is shown as its escape, as \\x1b."""
    if text.isprintable():
        return text
    return "".join(c if _shows(c) else _escape(c) for c in text)


def one_line(text):
    """The lines of a message as one, and printable."""
    return printable(" ".join(str(text).split("\n")))


def _shows(c):
    return c.isprintable() or c in JOINERS or unicodedata.category(c) == "Zs"  # kinds of spaces


def _escape(c):
    if "\udc80" <= c <= "\udcff":  # a byte of a file name that is not UTF-8
        return f"\\x{ord(c) - 0xDC00:02x}"
    return c.encode("unicode_escape").decode()


class Guarded:
    """A text stream like another one that shows escapes in the place of control characters. The
    ends of lines and the returns of a bar pass; print_lines keeps them out of names."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        if not MOVES.fullmatch(text):
            text = "".join(p if p in "\n\r" else printable(p) for p in re.split(r"([\n\r])", text))
        try:
            self._stream.write(text)
        except UnicodeEncodeError:  # a terminal that knows fewer characters
            kinds = {"encoding": self._stream.encoding, "errors": "backslashreplace"}
            self._stream.write(text.encode(**kinds).decode(self._stream.encoding))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)


@contextlib.contextmanager
def guarded():
    """Inside, sys.stdout and sys.stderr are Guarded."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Guarded(sys.stdout), Guarded(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def print_lines(lines, file=None):
    """Prints lines (or one), each of which stays one, also where several processes print: an end
    that is written by itself (as with PYTHONUNBUFFERED) may come behind the line of another."""
    for line in [lines] if isinstance(lines, str) else lines:
        print(printable(str(line)) + "\n", end="", file=file, flush=True)
