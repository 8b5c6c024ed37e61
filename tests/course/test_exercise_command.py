"""`minicnn exercise`: what a student and a teacher see, and answers that end badly."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn.cli import main
from minicnn.course.exercises import process
from minicnn.course.exercises.calling import Local
from minicnn.course.exercises.checking import NOT_DONE, RIGHT, WRONG, check
from minicnn.course.exercises.comparing import difference
from minicnn.course.exercises.exercise import FIRST, all_exercises, find, load
from minicnn.course.exercises.parts import interpreted
from minicnn.course.exercises.picture import draw
from minicnn.course.exercises.worker import verdict_on

BIAS = find("ex05")
RIGHT_BIAS = "import numpy as np\ndef grad_bias(gy):\n    return gy.sum(axis=(0, 2, 3))\n"


def written(folder, text, exercise=BIAS):
    path = folder / exercise.path.name
    path.write_text(text)
    return path


def judged(folder, text, exercise=BIAS, compile=False):
    """The verdict on the text of an answer, in this process."""
    answer = Local(exercise, path=written(folder, text, exercise))
    with interpreted():
        return verdict_on(exercise, answer, {"compile": compile}, lambda level: None)


def test_what_is_handed_out_is_the_part_above_the_mark(tmp_path, capsys):
    assert main(["exercise", "start", "ex05", "3", "--to", str(tmp_path)]) == 0
    path = tmp_path / BIAS.path.name
    blank = path.read_text()
    assert "todo(" in blank and "MUTANTS" not in blank and "hint" not in blank.lower()
    path.write_text("mine")
    assert main(["exercise", "start", "ex05", "--to", str(tmp_path)]) == 0
    assert path.read_text() == "mine" and "stays as it is" in capsys.readouterr().out
    assert main(["exercise", "list", "--json", "--in", str(tmp_path)]) == 0
    states = {r["exercise"]: r["state"] for r in json.loads(capsys.readouterr().out)}
    assert [e for e, state in states.items() if state == "begun"] == ["ex03", "ex05"]


def test_everything_names_the_same_exercise_to_start_with(tmp_path, capsys):
    assert find(FIRST).minutes == min(e.minutes for e in all_exercises())
    assert main(["exercise", "list", "--in", str(tmp_path)]) == 0
    said = [capsys.readouterr().out]
    assert main(["exercise", "check", "--in", str(tmp_path)]) == 2
    said.append(capsys.readouterr().err)
    root = Path(minicnn.__file__).parent.parent
    for name in ("README.md", "lectures/05_convolution_backward.py", "lectures/teachers.md"):
        said.append((root / name).read_text())
    said.append((root / "minicnn/course/book/index.py").read_text())
    for text in said:
        assert re.search(r"exercise start (ex\d\d)", text)[1] == FIRST
    for text in said[0], *said[2:]:
        assert re.search(f"start\\s+with {FIRST}", text, re.IGNORECASE)


def test_check_hint_and_report_agree(tmp_path, capsys):
    written(tmp_path, "def grad_bias(gy):\n    print('seen')\n    return gy.mean(axis=(0, 2, 3))\n")
    written(tmp_path, find("ex04").head, find("ex04"))
    folder = str(tmp_path)
    assert main(["exercise", "check", "ex05", "--in", folder]) == 1
    said = capsys.readouterr().out
    hint = BIAS.mutants["a mean"][1]
    assert "should be 9 and is 1" in said and hint in said and "seen" in said
    assert main(["exercise", "hint", "ex05", "--in", folder]) == 0
    assert capsys.readouterr().out.strip() == hint
    assert main(["exercise", "report", folder, "--json"]) == 0
    rows = {r["exercise"]: r for r in json.loads(capsys.readouterr().out)}
    assert rows["ex05"]["mutant"] == "a mean" and rows["ex04"]["state"] == NOT_DONE
    assert rows["ex01"]["state"] == "not begun" and len(rows) >= 18
    assert (tmp_path / "ex05-difference.png").exists()


def test_general_hints_come_one_after_another(tmp_path, capsys):
    assert main(["exercise", "hint", "ex05", "--in", str(tmp_path)]) == 0
    assert "hint 1 of 3" in capsys.readouterr().out
    assert main(["exercise", "hint", "ex05", "--number", "4", "--in", str(tmp_path)]) == 2
    assert "has 3 hints" in capsys.readouterr().err


ENDLESS = "def grad_bias(gy):\n    gb = 0\n    while True: gb = gb + gy\n"


@pytest.mark.parametrize(
    "text, sentence",
    [
        (ENDLESS, "line 3, `while True: gb = gb + gy`: no answer after 1 s: is there a"),
        ("import os\ndef grad_bias(gy):\n    os._exit(3)\n", "ended with status 3"),
    ],
)
def test_an_answer_that_never_comes_is_a_sentence(tmp_path, text, sentence):
    verdict = process.check(BIAS, written(tmp_path, text), limit=1)
    assert verdict["state"] == WRONG and sentence in verdict["message"]
    assert verdict["level"] == "shape"


@pytest.mark.parametrize(
    "text, happened",
    [
        ("def grad_bias(gy:\n", "line 1, `def grad_bias(gy:`: SyntaxError: '(' was never closed"),
        ("def grad_bias(gy):\n    gy.sum()\n", "the function returns None: is its `return` miss"),
        (ENDLESS, "line 3, `while True: gb = gb + gy`: no answer after 1 s"),
    ],
)
def test_a_hint_says_first_what_happens(tmp_path, text, happened, capsys):
    path = written(tmp_path, text)
    assert main(["exercise", "hint", "ex05", "--in", str(tmp_path), "--limit", "1"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path}: {happened}") and second.startswith("hint 1 of 3")


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("def grad_bias(gy:\n    pass\n", "line 1, `def grad_bias(gy:`: SyntaxError: '(' was"),
        ("def other(gy):\n    pass\n", "there is no function grad_bias"),
        ("def grad_bias(gy):\n    pass\n", "is its `return` missing?"),
        ("def grad_bias(gy):\n    return gy[0, 9]\n", "line 2, `return gy[0, 9]`: IndexError"),
        ("def grad_bias(gy):\n    return gy.sum()\n", "has the shape (), expected (3,)"),
        ("def grad_bias(gy):\n    return 'gb'\n", "gb holds <U2, expected numbers"),
        ("def grad_bias(gy):\n    return gy, gy\n", "2 results, but 1 are expected: gb"),
        (
            "def grad_bias(gy):\n    gy += 1\n    return gy.sum((0, 2, 3))\n",
            "has changed argument 0",
        ),
        (
            "def grad_bias(gy):\n    return gy.sum((0, 2, 3)).astype(float)\n",
            "for float32 arrays gb comes out as float64",
        ),
        ("def grad_bias(gy):\n    return gy.sum((0, 2, 3)).astype(int)\n", "holds whole numbers"),
        (
            "kept = {}\ndef grad_bias(gy):\n    gb = gy.sum((0, 2, 3))\n"
            "    kept.setdefault(gb.shape, gb)[:] = gb\n    return kept[gb.shape]\n",
            "has changed the array that an earlier one gave",
        ),
        (
            "def grad_bias(gy):\n    return gy.sum((0, 2, 3)).astype('f')\n",
            "for float64 arrays gb comes out as float32",
        ),
        (
            "def grad_bias(gy):\n    return gy.sum((0, 2, 3)) * (1 + 3e-8)\n",
            "gb[0] should be 9 and is 9.0000003 (",
        ),
        ("def grad_bias(gy):\n    return grad_bias(gy)\n", "calls itself too often"),
        ("def grad_bias(gy):\n    return gy.sum((0, 2, 3)) * float('nan')\n", "and is nan"),
    ],
)
def test_other_mistakes_are_sentences_too(tmp_path, text, sentence):
    verdict = judged(tmp_path, text)
    assert verdict.state == WRONG and sentence in verdict.message, verdict
    assert "Traceback" not in verdict.message


def test_an_unknown_mistake_shows_the_first_wrong_element(tmp_path):
    text = "def grad_bias(gy):\n    gb = gy.sum((0, 2, 3))\n    gb[1] += 5\n    return gb\n"
    verdict = judged(tmp_path, text)
    assert "gb[1] should be 9 and is 14 (1 of 2 are wrong)" in verdict.message
    assert not verdict.hint and verdict.difference.at == (1,)


def test_a_mistake_of_some_cases_alone_gets_no_hint(tmp_path):
    """Wrong in its own way for several maps, but for one map just like a typical answer: a hint
    that explains a part would lead astray."""
    text = """
import numpy as np
def grad_input(gy, w, x_shape):
    gx = np.zeros(x_shape, gy.dtype)
    K, L = w.shape[2:]
    for n, i, j in np.ndindex(gy.shape[0], *gy.shape[2:]):
        gx[n, :, i : i + K, j : j + L] = np.einsum("c,ckuv->kuv", gy[n, :, i, j], w)
    return gx
"""
    verdict = judged(tmp_path, text, find("ex03"))
    assert verdict.level == "by hand" and not verdict.mutant and not verdict.hint


def test_the_picture_frames_the_first_wrong_element(tmp_path):
    expected, got = np.zeros((1, 1, 3, 3)), np.zeros((1, 1, 3, 3))
    got[0, 0, 1, 2] = 2
    found = difference(expected, got, ["gx"])
    pixels = np.asarray(Image.open(draw(found, tmp_path / "difference.png")))
    orange = (pixels[..., 0] > 200) & (pixels[..., 2] < 120)
    columns = np.flatnonzero(orange.any(axis=0))
    assert orange.any() and columns[0] > pixels.shape[1] / 3  # in yours and in the difference


def test_watch_checks_what_is_saved_until_it_is_right(tmp_path):
    path = written(tmp_path, BIAS.head)
    watching = subprocess.Popen(
        [sys.executable, "-m", "minicnn.cli", "exercise", "watch", "--in", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        seen = [watching.stdout.readline() for _ in range(2)]
        assert NOT_DONE in seen[1]
        written(tmp_path, RIGHT_BIAS)
        os.utime(path, (time.time() + 5, time.time() + 5))
        said, _ = watching.communicate(timeout=60)
    finally:
        watching.kill()
    assert watching.returncode == 0 and "right, in" in said


def test_plain_pytest_checks_a_folder(tmp_path):
    assert main(["exercise", "start", "ex05", "ex08", "--to", str(tmp_path)]) == 0
    written(tmp_path, RIGHT_BIAS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout and "not done yet" in done.stdout, done.stdout


def test_a_folder_of_one_s_own_and_an_exercise_that_exists(tmp_path, capsys):
    exercises = Path(minicnn.__file__).parent.parent / "lectures" / "exercises"
    assert main(["exercise", "start", "--to", str(exercises)]) == 2
    assert "a folder of your own" in capsys.readouterr().err
    assert main(["exercise", "check", "ex99"]) == 2
    assert "there is no exercise 'ex99'; there are ex01 to" in capsys.readouterr().err
    assert main(["exercise", "check", "--in", str(tmp_path)]) == 2
    assert "there is no answer in" in capsys.readouterr().err


def test_elsewhere_than_in_a_checkout_one_sentence_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(minicnn, "__file__", str(tmp_path / "minicnn" / "__init__.py"))
    assert main(["exercise", "list"]) == 2
    assert "the exercises run from a checkout of minicnn" in capsys.readouterr().err


def test_a_right_answer_passes_every_level(tmp_path):
    with interpreted():
        verdict = check(BIAS, load(written(tmp_path, RIGHT_BIAS)).grad_bias)
    assert verdict.state == RIGHT
    assert verdict.passed == ["shape", "by hand", "gradient", "edges", "training"]
    assert "the loss goes from" in verdict.notes[0]


LOOPS = """
def grad_bias(gy):
    gb = np.zeros(gy.shape[1], gy.dtype)
    for n, c, i, j in np.ndindex(gy.shape):
        gb[c] += gy[n, c, i, j]
    return gb
"""


@pytest.mark.parametrize(
    "text, sentence",
    [
        (LOOPS, r"compiled by Numba it runs \d+ times as fast"),
        (LOOPS.replace("gb = ", "gb = 0\n    for _ in (1,):\n        gb = "), "the variable gb is"),
        (LOOPS.replace("+= gy", "+= 1 * gy.item(0) * 0 + gy"), "line 6, .*item"),
        (LOOPS.replace("return gb", "return np.einsum('c->c', gb)"), "numpy.einsum cannot be comp"),
    ],
)
def test_slow_loops_are_compiled_or_numba_s_reason_is_in_words(tmp_path, text, sentence):
    verdict = judged(tmp_path, "import numpy as np\n" + text, compile=True)
    assert verdict.state == RIGHT
    assert re.search(sentence, verdict.notes[1]), verdict.notes
