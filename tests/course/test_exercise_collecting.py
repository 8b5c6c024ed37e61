"""`minicnn exercise report` on what a class hands in."""

import json
import shutil

import pytest

from minicnn.cli import main
from minicnn.course.exercises.checking import NO_VERDICT, NOT_DONE, RIGHT, WRONG
from minicnn.course.exercises.collecting import handed_in
from minicnn.course.exercises.exercise import all_exercises, find

BIAS, RELU = find("ex05"), find("ex08")
GOOD = "def grad_bias(gy):\n    return gy.sum(axis=(0, 2, 3))\n"
MEAN = GOOD.replace("sum", "mean")
RUBBISH = "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'x' * 99)\n"
RUBBISH += "    except OSError:\n        pass\n"


def hand_in(folder, name=BIAS.path.name, text=GOOD):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def report(capsys, *folders):
    """({(folder, exercise): row}, what goes to stderr)"""
    assert main(["exercise", "report", *map(str, folders), "--json", "--jobs", "2"]) == 0
    out, err = capsys.readouterr()
    rows = {(r["folder"].split("/")[-1], r["exercise"]): r for r in json.loads(out)}
    return rows, err


@pytest.mark.parametrize(
    "name",
    [
        "ex05.py",
        "ex5.py",
        "EX05_conv2d_grad_bias.PY",
        "ex05_conv2d_grad_bias (1).py",
        "ex05_conv2d_grad_bias-2.py",
        "ex05_conv2d_grad_bias.py.txt",
        "ex 05 Müller.py",
    ],
)
def test_other_names_are_recognised_and_said(tmp_path, name):
    path = hand_in(tmp_path, name)
    found, said = handed_in(tmp_path, all_exercises())
    assert found == {"ex05": path}
    assert said == [f"{name} is taken for {BIAS.path.name}"]


@pytest.mark.parametrize("name", ["ex055.py", "ex99.py", "notes.py", "ex05.pyc", "answer_ex05.py~"])
def test_others_are_no_answers(tmp_path, name):
    hand_in(tmp_path, name)
    assert handed_in(tmp_path, all_exercises()) == ({}, ["there is no answer in it"])


def test_of_several_files_the_one_that_was_handed_out_counts(tmp_path):
    path, copy = hand_in(tmp_path), hand_in(tmp_path, "ex05_conv2d_grad_bias (1).py")
    found, said = handed_in(tmp_path, all_exercises())
    assert found == {"ex05": path} and said == [f"{copy.name} is left out, beside {path.name}"]


def test_answers_in_a_folder_of_the_folder(tmp_path):
    hand_in(tmp_path / "__MACOSX" / "my", "._ex05_conv2d_grad_bias.py")
    hand_in(tmp_path / ".git", "ex05.py")
    path = hand_in(tmp_path / "hand in" / "my")
    found, said = handed_in(tmp_path, all_exercises())
    assert found == {"ex05": path} and said == ["its answers are those in hand in/my"]


def test_a_report_survives_whatever_lies_there(tmp_path, capsys):
    hand_in(tmp_path / "anna")
    hand_in(tmp_path / "anna", RELU.path.name, RELU.head)
    hand_in(tmp_path / "boris", "ex05.py", MEAN)
    hand_in(tmp_path / "clara", text=RUBBISH + GOOD)
    hand_in(tmp_path / "dora", text="import os\nos.kill(os.getppid(), 9)\n" + GOOD)
    hand_in(tmp_path / "emil")
    (tmp_path / "empty").mkdir()
    stray = hand_in(tmp_path, "marks.txt")
    (tmp_path / "anna" / "ex08.py").symlink_to(tmp_path / "nowhere")
    rows, err = report(capsys, *sorted(tmp_path.iterdir()))
    states = {folder: rows[folder, "ex05"]["state"] for folder, e in rows if e == "ex05"}
    assert states.pop("dora") != RIGHT
    assert states == {
        "anna": RIGHT,
        "boris": WRONG,
        "clara": NO_VERDICT,
        "emil": RIGHT,
        "empty": "not begun",
    }
    assert rows["anna", "ex08"]["state"] == NOT_DONE and rows["boris", "ex05"]["file"] == "ex05.py"
    assert f"{stray}: no folder, left out" in err and "empty: there is no answer in it" in err


def test_a_table_of_the_class(tmp_path, capsys):
    for k in range(3):
        hand_in(tmp_path / f"{k}", text=MEAN if k else GOOD)
    hand_in(tmp_path / "3", text=RUBBISH + GOOD)
    assert main(["exercise", "report", *map(str, sorted(tmp_path.iterdir()))]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path}/3: 0 of" in said and "  ex05  no verdict at «loading»" in said
    assert said.endswith("all 4 folders:\n  ex05  2 wrong, 1 right, 1 no verdict (a mean 2)\n")


def test_nothing_but_files_is_refused(tmp_path, capsys):
    assert main(["exercise", "report", str(hand_in(tmp_path))]) == 2
    assert "there is no folder among these" in capsys.readouterr().err


@pytest.mark.slow
def test_a_thousand_folders(tmp_path, capsys):
    for k in range(1000):
        hand_in(tmp_path / f"{k}", "ex05.py", GOOD if k % 2 else MEAN)
        shutil.copy(RELU.path, tmp_path / f"{k}")
    rows, _ = report(capsys, *tmp_path.iterdir())
    for k in range(1000):
        assert rows[f"{k}", "ex05"]["state"] == (RIGHT if k % 2 else WRONG)
        assert rows[f"{k}", "ex08"]["state"] == NOT_DONE
