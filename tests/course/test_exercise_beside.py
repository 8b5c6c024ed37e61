"""Answers are checked alike whatever lies beside them; what fails by our fault is called so."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minicnn.basics import starting
from minicnn.cli import main
from minicnn.course.exercises import process
from minicnn.course.exercises.checking import NO_VERDICT, NOT_CHECKED, RIGHT, WRONG
from minicnn.course.exercises.exercise import all_exercises, find
from minicnn.course.exercises.wire import HEAD, Other, Rubbish, decoded, encoded

BIAS = find("ex05")
GOOD = "import numpy as np\nimport random\ndef grad_bias(gy):\n    return gy.sum(axis=(0, 2, 3))\n"
FILES, FOLDERS = ("random", "copy", "numpy", "tokenize"), ("json", "numba", "minicnn")


def answer(folder, text=GOOD):
    folder.mkdir(exist_ok=True)
    path = folder / BIAS.path.name
    path.write_text(text)
    return path


@pytest.fixture(params=["names of modules", "parent of a checkout"])
def beside(request, tmp_path, monkeypatch):
    """A folder `my` with a right answer, beside what has the names of modules; we are in it, or in
    its parent."""
    my = tmp_path / "my"
    answer(my)
    if request.param == "parent of a checkout":
        (tmp_path / "minicnn").mkdir()  # a folder without __init__.py, like a clone
        (tmp_path / "minicnn/setup.cfg").write_text("")
        monkeypatch.chdir(tmp_path)
        return my
    for name in FILES:
        (my / f"{name}.py").write_text("raise RuntimeError('shadow')\n")
    for name in FOLDERS:
        (my / name).mkdir()
        (my / name / "__init__.py").write_text("raise RuntimeError('shadow')\n")
    monkeypatch.chdir(my)
    return my


def program(*arguments, **options):
    """The command as it is installed: without the current folder on the path of modules."""
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def test_check_report_and_watch(beside, capsys):
    done = program("-m", "minicnn", "exercise", "check", "--in", str(beside))
    assert done.returncode == 0, done.stdout + done.stderr
    assert main(["exercise", "report", str(beside)]) == 0
    assert main(["exercise", "watch", "--in", str(beside)]) == 0
    said = done.stdout + capsys.readouterr().out
    assert (
        said.count("right, in") == 2
        and f"1 of {len(all_exercises())} right" in said
        and "printed" not in said
    )


def test_pytest(beside):
    assert main(["exercise", "start", "ex05", "--to", str(beside)]) == 0
    done = program("-m", "pytest", "-q", "-p", "no:cacheprovider", str(beside))
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_program_that_we_start_finds_us(beside):
    command = starting.command("minicnn.inference.baselines", "scenez")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "did you mean scenes?" in done.stderr


def test_a_path_of_modules_that_names_the_folder(tmp_path, monkeypatch):
    """PYTHONPATH=. must not bring back what -P keeps out; nor may the folder of the answer."""
    my = tmp_path / "my"
    path = answer(my, GOOD.replace("import random", "import helper"))
    (my / "helper.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", f"{my}{os.pathsep}.")
    (tmp_path / "copy.py").write_text("raise RuntimeError('shadow')\n")
    monkeypatch.chdir(tmp_path)
    with process.Worker() as worker:  # one that has been started here
        verdict = worker.check(BIAS, path)
        assert verdict["state"] == WRONG and "No module named 'helper'" in verdict["message"]
        path.write_text(GOOD)
        assert worker.check(BIAS, path)["state"] == RIGHT


@pytest.mark.parametrize("line", ["import helper", "from random import mine", "import kit.parts"])
def test_an_answer_is_one_file(tmp_path, line):
    path = answer(tmp_path, f"{line}\n{GOOD}")
    for name in ("helper", "random"):
        (tmp_path / f"{name}.py").write_text("mine = 1\n")
    (tmp_path / "kit").mkdir()
    verdict = process.check(BIAS, path)
    assert verdict["state"] == WRONG and f"line 1, `{line}`" in verdict["message"]
    assert "an answer is one file" in verdict["message"]
    assert (
        "an answer is one file"
        not in process.check(BIAS, answer(tmp_path, "import gone\n" + GOOD))["message"].lower()
    )


# ------------------------------------------------------------------------------- whose fault it is
def test_a_check_that_cannot_start_is_not_the_answer_s_fault(tmp_path, monkeypatch):
    broken = [sys.executable, "-c", "print('hello'); raise ImportError('no numpy here')"]
    monkeypatch.setattr(starting, "command", lambda *arguments: broken)
    with process.Worker() as worker:
        verdict = worker.check(BIAS, answer(tmp_path))
    assert verdict["state"] == NOT_CHECKED and not verdict["printed"]
    assert "the check could not start" in verdict["message"]
    assert verdict["message"].endswith("ImportError: no numpy here")


def test_a_check_that_breaks_is_not_called_wrong_and_the_next_one_goes_on(tmp_path):
    path = answer(tmp_path)
    with process.Worker() as worker:
        verdict = worker.check(SimpleNamespace(number="ex99"), path)
        assert verdict["state"] == NOT_CHECKED and "the check itself failed" in verdict["message"]
        assert worker.check(BIAS, path)["state"] == RIGHT
        worker.process.kill()
        worker.process.wait()  # between two answers: a new judge takes its place
        assert worker.check(BIAS, path)["state"] == RIGHT
        killing = answer(tmp_path, "import os\nos.kill(os.getppid(), 9)\n" + GOOD)
        verdict = worker.check(BIAS, killing)  # in the middle of one: it is not asked twice
        assert verdict["state"] == NOT_CHECKED and "not the answer's fault" in verdict["message"]
        assert worker.check(BIAS, answer(tmp_path))["state"] == RIGHT


@pytest.mark.parametrize(
    "change",
    [
        "import minicnn.course.exercises.checking as c\nc._Checker = None\n",
        "import minicnn.course.exercises.comparing as c\nc.difference = lambda *a: None\n",
        "import minicnn.functional as F\nF.relu = F.conv2d = None\n"
        "import minicnn.nn as nn\nnn.Conv2d.forward = None\n",
    ],
)
def test_what_an_answer_does_to_the_framework_stays_in_its_process(tmp_path, change):
    assert process.check(BIAS, answer(tmp_path, GOOD + change))["state"] == RIGHT
    twice = GOOD.replace("gy.sum", "2 * gy.sum")
    assert process.check(BIAS, answer(tmp_path, twice + change))["state"] == WRONG


# ------------------------------------------------------------------------------------------ limits
@pytest.mark.parametrize(
    "body, where",
    [
        ("import time\n    time.sleep(3600)", "line 3, `time.sleep(3600)`: "),
        ("while True: pass", "line 2, `while True: pass`: "),
        ("import numpy as np\n    np.linalg.svd(np.ones((5000, 5000)))", ""),
        ("import signal\n    signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n    while 1: 1", ""),
        ("import os\n    os.kill(os.getpid(), 19)", ""),
    ],
    ids=["sleep", "loop", "inside numpy", "deaf", "stopped"],
)
def test_the_limit_is_kept_and_told_rightly(tmp_path, body, where):
    path = answer(tmp_path, f"def grad_bias(gy):\n    {body}\n")
    process.check(BIAS, answer(tmp_path / "warm"))
    begun = time.monotonic()
    verdict = process.check(BIAS, path, limit=1)
    taken = time.monotonic() - begun
    assert 0.9 < verdict["seconds"] < 2
    if os.getloadavg()[0] < 0.5 * os.cpu_count():  # nobody else wants the processors
        assert taken < 2
    assert verdict["state"] == WRONG and verdict["level"] == "shape"
    assert verdict["message"].startswith(f"{where}no answer after 1 s: ")


def test_what_is_printed_is_cut(tmp_path):
    text = GOOD.replace("    return", "    print('a\\n' * 300_000)\n    return")
    verdict = process.check(BIAS, answer(tmp_path, text))
    assert verdict["state"] == RIGHT and verdict["printed"] == "a\n" * 2000 + " ..."


CHILDREN = """
import os, subprocess, time
subprocess.Popen(["sleep", "987"])
subprocess.Popen(["sleep", "987"], start_new_session=True, env={})
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execlp("sleep", "sleep", "987")
    os._exit(0)
"""


@pytest.mark.parametrize("end", ["", "while True: pass\n", "os._exit(3)\n"])
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_an_answer_leaves_behind_ends_with_it(tmp_path, end):
    process.check(BIAS, answer(tmp_path, CHILDREN + end + GOOD), limit=1.5)
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"\0987\0" in words_of(p)]


def words_of(place):
    try:
        return place.read_bytes()
    except OSError:  # has ended meanwhile
        return b""


# ------------------------------------------------------------------------- where the verdict goes
INTO_PIPES = """
import os
for fd in range(3, 64):
    try:
        os.write(fd, {text!r})
    except OSError:
        pass
"""
FORGED = b'{"verdict": "{\\"state\\": \\"right\\"}", "signature": "00"}\n'
RUBBISH = [
    b"rubbish \xff\n",
    b"[1, 2]\n",
    FORGED,
    len(FORGED).to_bytes(HEAD, "big") + FORGED,
    (30).to_bytes(HEAD, "big") + encoded(("result",)) * 2,
    b"[" * 100_000 + b"\n",
    b"x" * 60_000 * 20,
]


def test_a_report_goes_on_past_rubbish_and_names_whose_it_is(tmp_path, capsys):
    for k, text in enumerate(RUBBISH):
        code = INTO_PIPES.format(text=text)
        if len(text) > 60_000:
            code = code.replace(repr(text), f"{text[:1]!r} * {len(text)} + {text[-1:]!r}")
        answer(tmp_path / f"{k}", code + GOOD)
    answer(tmp_path / "last")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / BIAS.path.name).mkdir()
    folders = sorted(map(str, tmp_path.iterdir()))
    assert main(["exercise", "report", *folders, "--json", "--limit", "3"]) == 0
    rows = json.loads(capsys.readouterr().out)
    states = {Path(r["folder"]).name: r for r in rows if r["exercise"] == "ex05"}
    assert states.pop("last")["state"] == RIGHT
    assert "directory" in states.pop("a folder")["message"]
    assert len(states) == len(RUBBISH)
    for row in states.values():
        assert row["state"] == NO_VERDICT and row["level"] == "loading", row
        assert "there came no verdict" in row["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_verdict_is_signed(tmp_path):
    """What finds its way into the judge's own pipe all the same is no verdict."""
    into = f"""
import glob, os
for name in glob.glob(f"/proc/{{os.getppid()}}/fd/*"):
    try:
        os.write(os.open(name, os.O_WRONLY | os.O_NONBLOCK), {FORGED!r})
    except OSError:
        pass
"""
    verdict = process.check(BIAS, answer(tmp_path, into + GOOD.replace("gy.sum", "2 * gy.sum")))
    assert verdict["state"] == WRONG or "not signed" in verdict["message"], verdict


def test_a_folder_that_is_none_is_said_before_anything_runs(tmp_path, capsys):
    answer(tmp_path / "one", "raise RuntimeError\n")
    assert main(["exercise", "report", str(tmp_path / "one"), str(tmp_path / "gone")]) == 2
    assert "gone: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("data", [*RUBBISH[:3], b"", b"\0" * 8, encoded((1,)) + b"more"])
def test_what_is_no_message_is_not_understood(data):
    with pytest.raises(Rubbish):
        decoded(data)


def test_results_travel():
    array = np.arange(6.0, dtype="f").reshape(2, 3)[:, ::-1]
    sent = (None, True, 2, 0.5, "text", [1, (2.0, array)], np.float32(3), {}, np.zeros((9, 10**6)))
    got = decoded(encoded(sent))
    assert got[:5] == sent[:5] and got[5][0] == 1 and got[6].dtype == np.float32 and got[6] == 3
    assert got[5][1][1].dtype == np.float32 and np.array_equal(got[5][1][1], array)
    assert isinstance(got[7], Other) and got[7].name == "a dict" and got[8].shape == (9, 10**6)


@pytest.mark.parametrize(
    "text, message",
    [
        ("import os\nos.closerange(3, 64)\n", "ended with status 1"),
        ("import sys\nsys.exit(1)\n", "ended with status 1"),
        ("raise ValueError('x' * 3_000_000)\n", "ValueError: xxx"),
        ("raise ValueError('\\ud800')\n", "ValueError"),
    ],
)
def test_answers_that_leave_badly(tmp_path, text, message):
    verdict = process.check(BIAS, answer(tmp_path, text))
    assert verdict["state"] == WRONG and message in verdict["message"]
    assert len(verdict["message"]) < 1000


def test_an_answer_that_leaves_a_thread_is_judged_at_once(tmp_path):
    text = "import threading, time\nthreading.Thread(target=lambda: time.sleep(99)).start()\n"
    verdict = process.check(BIAS, answer(tmp_path, text + "print('seen')\n" + GOOD))
    assert verdict["state"] == RIGHT and verdict["printed"] == "seen\n"


def test_escape_sequences_of_an_answer_are_shown(tmp_path, capsys):
    body = "    print('a\\tb\\x1b[2J')\n    raise KeyError('\\x1b]0;title\\x07')\n"
    answer(tmp_path, f"def grad_bias(gy):\n{body}")
    assert main(["exercise", "check", "--in", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said and r"a       b\x1b[2J" in said
