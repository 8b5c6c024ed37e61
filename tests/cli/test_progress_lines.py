"""Long commands say how far they are, where no bar can be drawn too."""

import itertools

from minicnn.cli import common


def test_a_line_every_half_minute_where_stderr_is_a_file(capsys):
    times = itertools.count(0, 20)  # seconds: the third item comes 60 after the beginning
    items = list(common._in_lines("abcdef", 6, lambda: next(times)))
    assert items == list("abcdef")
    out, said = capsys.readouterr()
    assert not out and said.splitlines() == [
        "1 of 6, 3:20 left",
        "3 of 6, 1:20 left",
        "5 of 6, 0:24 left",
    ]


def test_quick_ones_say_nothing(capsys):
    assert list(common.bar([1, 2, 3])) == [1, 2, 3]
    assert list(common.bar(iter([1, 2]), total=2)) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_of_how_many_need_not_be_known(capsys):
    times = itertools.count(0, 40)
    assert list(common._in_lines(iter("ab"), None, lambda: next(times))) == ["a", "b"]
    assert capsys.readouterr().err == "1 done\n"


def test_in_a_terminal_it_is_a_bar(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    drawn = common.bar([1, 2, 3])
    assert drawn.total == 3 and list(drawn) == [1, 2, 3]
