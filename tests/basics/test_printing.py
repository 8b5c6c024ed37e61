"""What comes from outside reaches a terminal as one line that it shows as it is."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

from minicnn import datasets
from minicnn.basics.printing import Guarded, one_line, print_lines, printable
from minicnn.cli import main
from minicnn.inference import baselines

NOT_UTF8 = os.fsdecode(b"photo\xff")
TEXTS = [
    ("sky", "sky"),
    ("небо, 空, á", "небо, 空, á"),
    ("\x1b[2Jsky", r"\x1b[2Jsky"),
    ("a\nb\tc\r\x07", r"a\nb\tc\r\x07"),
    ("\x9b31m", r"\x9b31m"),  # the same as ESC [
    ("\u202egrass", r"\u202egrass"),  # turns the direction of what follows
    ("two\u2028lines", r"two\u2028lines"),
    ("wide\u00a0space", "wide\u00a0space"),
    ("पक्\u200dष", "पक्\u200dष"),  # a joiner is part of the word
    (NOT_UTF8, r"photo\xff"),
    ("\ud800", r"\ud800"),
]


@pytest.mark.parametrize("text, shown", TEXTS)
def test_printable(text, shown):
    assert printable(text) == shown
    assert len(printable(text).splitlines()) == 1
    printable(text).encode()


def test_the_lines_of_a_message_become_one():
    assert one_line(ValueError("first\nsecond \x1b[3m")) == r"first second \x1b[3m"


def test_each_line_stays_one(capsys):
    print_lines(["a\nb", NOT_UTF8])
    assert capsys.readouterr().out == "a\\nb\nphoto\\xff\n"


@pytest.mark.parametrize(
    "written, there",
    [
        ("one\ntwo\n", "one\ntwo\n"),
        ("\r 50%|#####\r", "\r 50%|#####\r"),  # a bar goes back to its beginning
        ("\n\x1b[A", "\n\x1b[A"),  # and up, with nothing else in the same write
        ("name \x1b[A\x1b[31m\n", "name \\x1b[A\\x1b[31m\n"),
        (f"«{NOT_UTF8}»", "«photo\\xff»"),
    ],
)
def test_a_guarded_stream(written, there):
    stream = io.StringIO()
    assert Guarded(stream).write(written) == len(there)
    assert stream.getvalue() == there


def test_a_terminal_that_knows_fewer_characters():
    raw = io.BytesIO()
    stream = Guarded(io.TextIOWrapper(raw, "ascii"))
    stream.write("«небо»")
    stream.flush()
    assert raw.getvalue().startswith(rb"\xab\u043d")


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """A folder data set whose names are not what one expects."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "odd"
    names = ["\x1b[31mred", "two\nlines", NOT_UTF8, *(f"p{k}" for k in range(7))]
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
        for k, name in enumerate(names):
            size = (8, 10, 3) if folder == "images" else (8, 10)
            Image.fromarray(np.full(size, k % 2, np.uint8)).save(root / folder / f"{name}.png")
    classes = "0\t\x1b[2Jsky\t#8080ff\n1\t$\\frac$grass\n"
    (root / "classes.txt").write_text(classes)
    return root


def test_names_of_classes_and_files(odd, capsys):
    assert main(["data", "check", "odd"]) == 0
    said = capsys.readouterr().out
    assert r"\x1b[2Jsky" in said and "\x1b" not in said
    (odd / "images/two\nlines.png").write_bytes(b"no picture")
    assert main(["data", "check", "odd"]) == 1
    out, err = capsys.readouterr()
    (bad,) = [line for line in out.splitlines() if line.startswith("BAD")]
    assert r"two\nlines" in bad
    assert main(["data", "show", "odd", "--count", "10", "--out", "sheets"]) == 0


def test_an_error_is_one_line(odd, capsys):
    for name in ("\x1b[3mgone", "two\nlines", NOT_UTF8):
        assert main(["segment", f"{name}.jpg", "--model", "single-scale"]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and err.startswith("minicnn: ") and "codec" not in err
        assert err.rstrip("\n").isprintable()


def test_photographs_with_such_names(odd, capsys):
    files = [f"odd/images/{name}.png" for name in ("\x1b[31mred", "two\nlines", NOT_UTF8)]
    assert main(["segment", *files, "--model", "single-scale", "--out", "out"]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 3 and said.replace("\n", "").isprintable()


def test_names_that_are_not_utf8_are_dealt_like_others(odd):
    dataset = datasets.load("odd")
    dealt = [name for split in ("train", "val", "test") for name in dataset.names(split)]
    assert len(dealt) == 10 and NOT_UTF8 in dealt


def test_the_streams_are_the_old_ones_afterwards(capsys):
    before = sys.stdout, sys.stderr
    assert main(["data", "list"]) == 0 and main(["bogus"]) == 2
    assert (sys.stdout, sys.stderr) == before


def test_rules_without_a_network_say_it_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["baselines", "scenez\x1b[3m"])
    with pytest.raises(SystemExit) as ended:
        baselines.main()
    err = capsys.readouterr().err
    assert ended.value.code == 2 and err.count("\n") == 1 and "did you mean scenes?" in err


def test_a_line_and_its_end_are_written_at_once(monkeypatch):
    """So lines of several processes do not run into one another where nothing is buffered."""
    written = []
    out = io.StringIO()
    monkeypatch.setattr(out, "write", written.append)
    monkeypatch.setattr("sys.stdout", out)
    print_lines(["one", "two"])
    assert [text for text in written if text] == ["one\n", "two\n"]
