"""A kernel cache that is damaged, full or nowhere costs time and one sentence, and nothing else."""

import importlib.util
import os
import resource
import subprocess
import sys

import numba
import numpy as np
import pytest

from minicnn.engine import kernel_cache

COMPILING = "minicnn: compiling kernels, once (a minute at most)"
PROGRAM = """
import numpy as np
from minicnn import functional as F
print(F.relu(np.float32([-1, 2])).numpy())
"""


def run(folder, processes=1):
    """What a process, or several at once, says on stderr that runs one small kernel with its cache
    in `folder`."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    command, pipe = [sys.executable, "-W", "error", "-c", PROGRAM], subprocess.PIPE
    how = {"env": environment, "stdout": pipe, "stderr": pipe, "text": True}
    started = [subprocess.Popen(command, **how) for _ in range(processes)]
    said = [process.communicate(timeout=100) for process in started]
    assert not any(process.returncode for process in started), said
    assert all(out == "[0. 2.]\n" for out, _ in said), said
    return [line for _, err in said for line in err.splitlines()]


def test_a_real_kernel_is_compiled_once_and_again_if_its_cache_is_truncated(tmp_path):
    assert run(tmp_path, processes=2) == [COMPILING]  # one of them waits for the other
    files = [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]
    assert len(files) == 2
    for file in files:
        file.write_bytes(file.read_bytes()[:-9])
    said = run(tmp_path)
    assert "cannot be read" in said[0] and str(tmp_path) in said[0] and said[1:] == [COMPILING]
    assert run(tmp_path) == []


CALLED = """
from minicnn.engine.kernel import helper

STEP = 1

@helper
def step(x):
    return x + STEP

@helper
def further(x):
    return step(step(x))
"""
CALLING = """
import sys
import numpy as np
from called import further
from minicnn.engine.kernel import Kernel

walk = Kernel("walk")

@walk.cpu
def walk_cpu(x, y):
    for i in range(len(x)):
        y[i] = further(x[i])

y = np.zeros(1, np.float32)
walk(np.ones(1, np.float32), y)
print(y[0])
"""


@pytest.fixture
def walk(tmp_path):
    """What a process says that calls CALLING, with this text in called.py, and `edit` there once
    that was imported."""
    called, calling = tmp_path / "called.py", tmp_path / "calling.py"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(text, edit=None):
        if text != (called.read_text() if called.exists() else ""):
            called.write_text(text)
        edits = "" if edit is None else f"open({str(called)!r}, 'w').write({edit!r})\n"
        calling.write_text(CALLING.replace("y = np", edits + "y = np"))
        command = [sys.executable, "-B", str(calling)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
        return done.stdout.strip(), done.stderr.strip()

    return run


def test_an_edit_of_a_helper_in_another_file_is_noticed(walk):
    assert walk(CALLED) == ("3.0", COMPILING)
    assert walk(CALLED) == ("3.0", "")
    assert walk(CALLED.replace("STEP = 1", "STEP = 20")) == ("41.0", COMPILING)
    assert walk(CALLED.replace("x + STEP", "x + 30")) == ("61.0", COMPILING)


def test_an_edit_of_a_number_in_a_file_that_a_helper_imports_is_noticed(walk, tmp_path):
    importing = CALLED.replace("STEP = 1", "from numbers_ import STEP")
    for step, result in ((1, "3.0"), (20, "41.0")):
        (tmp_path / "numbers_.py").write_text(f"STEP = {step}\n")
        assert walk(importing) == (result, COMPILING)


def test_an_edit_while_a_process_runs_is_not_taken_for_what_it_has_loaded(walk):
    edited = CALLED.replace("x + STEP", "x + 30")
    assert walk(CALLED, edit=edited)[0] == "3.0"
    assert walk(edited) == ("61.0", COMPILING)
    assert walk(edited) == ("61.0", "")


def test_helpers_of_other_cells_of_a_notebook():
    pytest.importorskip("IPython", reason='notebooks need pip install -e ".[lectures]"')
    cells = [f"{CALLED}", "from minicnn.engine.kernel import Kernel\nimport numpy as np\n"]
    cells[1] += CALLING[CALLING.index("walk = ") :]
    program = f"""
import linecache
names = {{"__name__": "__main__"}}
for number, cell in enumerate({cells!r}):
    name = f"<ipython-input-{{number}}>"
    linecache.cache[name] = len(cell), None, cell.splitlines(True), name
    exec(compile(cell, name, "exec"), names)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.stdout, done.stderr.replace(COMPILING, "").strip()) == ("3.0\n", "")


FAILING = """
import fcntl, os, sys
import numpy as np
from minicnn.engine.kernel import Kernel

broken = Kernel("broken")

@broken.cpu
def broken_cpu(x, y):
    y[0] = x.nothing_like_that

def others_wait():
    with open(__file__) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

try:
    broken(np.ones(1), np.ones(1))
except Exception as error:
    print(type(error).__name__, others_wait())

from minicnn.basics import turns
turns._wait_for(__file__)
if os.fork():
    os.wait()
    print(others_wait())
    turns.made()
    print(others_wait())
else:
    os._exit(0)
"""


def test_nobody_waits_for_a_kernel_that_cannot_be_compiled_nor_for_a_forked_child(tmp_path):
    file = tmp_path / "failing.py"
    file.write_text(FAILING)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["TypingError", "False", "True", "False"]


# ------------------------------------------------- the rest in this process, with a small function
@pytest.fixture
def twice(tmp_path, monkeypatch, capsys):
    """A function that calls, as a new process would, what a file defines; its sentences."""
    source = tmp_path / "source.py"
    source.write_text("def twice(x):\n    return x + x\n")
    specification = importlib.util.spec_from_file_location("source", source)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "source", module)
    specification.loader.exec_module(module)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)

    def call():
        monkeypatch.setattr(kernel_cache, "_said", set())
        dispatcher = kernel_cache.cached(numba.njit(module.twice))
        assert dispatcher(np.float32(2)) == 4 and dispatcher(3) == 6  # two signatures, one word
        return capsys.readouterr().err.replace(COMPILING + "\n", "")

    return call


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("kept", [0, 1, 30, -1, None])
def test_damaged_files_are_compiled_anew_and_mended(twice, tmp_path, ending, kept):
    assert twice() == ""
    for file in tmp_path.rglob(f"*.{ending}"):
        file.write_bytes(b"no pickle at all" if kept is None else file.read_bytes()[:kept])
    said = twice()
    assert said.count("\n") == 1 and "cannot be read" in said and "compiled anew" in said
    assert twice() == ""


def test_a_full_disk_is_said_once(twice, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        said = twice()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert said.count("\n") == 1 and "cannot be kept" in said and "NUMBA_CACHE_DIR" in said
    assert not list(tmp_path.rglob("*.tmp.*"))
    assert twice() == "" == twice()


def test_no_folder_at_all_says_what_to_set(twice, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file" / "cache"))
    only = "UserProvidedCacheLocator"  # else Numba writes beside the source
    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", only)
    said = twice()
    assert said.count("\n") == 1 and "set NUMBA_CACHE_DIR to a folder that can" in said
