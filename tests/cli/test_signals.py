"""SIGTERM saves a training as Ctrl-C does; Ctrl-C while the package is imported is quiet."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import cli
from minicnn.cli import info
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import LAST
from minicnn.learning.interrupts import Terminated, defer_interrupt, terminable

ROOT = Path(__file__).parents[2]
OPTIONS = ["--set", "data.size=32x48", "data.train=3", "data.val=1", "width=0.1", "patches=20"]
OPTIONS += ["checkpoint_steps=1", "validations=1"]


def test_sigterm_saves_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "minicnn", "train", "patch", "--steps", "100000"]
    process = subprocess.Popen(
        [*command, "--out", str(folder), *OPTIONS], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / LAST).is_file() and checkpoints.load(folder / LAST)[1]["step"] >= 3:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    header = checkpoints.load(folder / LAST)[1]
    sentence = f"stopped after step {header['step']}; go on with: minicnn resume {folder}"
    assert said.splitlines()[-1] == f"minicnn: {sentence}" and "Traceback" not in said


def test_sigterm_ends_any_command(monkeypatch, capsys):
    monkeypatch.setattr(info, "run", lambda o: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["info"]) == 143
    assert capsys.readouterr().err == "minicnn: stopped\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_half_an_update_is_never_saved():
    done = []
    with pytest.raises(Terminated), terminable():
        with defer_interrupt():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("first half")
            time.sleep(0.01)
            done.append("second half")
        done.append("never")
    assert done == ["first half", "second half"]


def test_a_block_by_block_training_keeps_the_kind_of_signal(tmp_path, monkeypatch):
    from minicnn.learning.fitting import Progress

    def terminated(self, done, *figures):
        if done == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

    monkeypatch.setattr(Progress, "step", terminated)
    command = ["train", "patch", "--greedy", "--steps", "3", "--out", str(tmp_path), *OPTIONS]
    assert cli.main(command) == 143
    monkeypatch.undo()
    first = minicnn.resume(tmp_path, quiet=True)
    assert first.steps_done == 3 and np.isfinite(first.network.parameters()[0].numpy()).all()


def test_sigterm_saves_in_a_script_too_but_a_handler_of_its_own_stays(tmp_path, monkeypatch):
    from minicnn.learning.fitting import Progress

    def terminated(self, done, *figures):
        if done == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

    monkeypatch.setattr(Progress, "step", terminated)
    options = {"settings": {"width": 0.1, "patches": 20}, "data_options": {"size": (32, 48)}}
    options["data_options"] |= {"train": 3, "val": 1, "test": 1}
    with pytest.raises(Terminated, match="stopped after step 2; go on with: minicnn resume"):
        minicnn.train("patch", steps=3, out=tmp_path / "run", quiet=True, **options)
    assert checkpoints.load(tmp_path / "run" / LAST)[1]["step"] == 2
    came = []
    before = signal.signal(signal.SIGTERM, lambda *signals: came.append(signals))
    try:
        assert minicnn.train("patch", steps=3, quiet=True, **options).steps_done == 3
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(came) == 1


def test_a_second_ctrl_c_does_not_spoil_what_the_first_saves(tmp_path, monkeypatch):
    from minicnn.learning.fitting import Progress
    from minicnn.learning.run import Run

    save = Run.save

    def interrupted(self, done, *figures):
        if done == 2:
            raise KeyboardInterrupt

    def impatient(self):
        if self.steps_done == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        save(self)

    monkeypatch.setattr(Progress, "step", interrupted)
    monkeypatch.setattr(Run, "save", impatient)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = ["train", "patch", "--steps", "3", "--out", str(tmp_path / "run"), *OPTIONS[:-2]]
        assert cli.main(command) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert checkpoints.load(tmp_path / "run" / LAST)[1]["step"] == 2


# ----------------------------------------------------------------------------- while it is imported
IMPORTING = """
import os, signal, sys
signal.signal(signal.SIGINT, {handler})
class Finder:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
import minicnn_command
assert not any(name.startswith(("numpy", "minicnn.")) for name in sys.modules)
sys.argv = ["minicnn", "--version"]
sys.exit(minicnn_command.main())
"""


@pytest.mark.parametrize("module", ["minicnn", "numpy", "minicnn.learning.run", "minicnn.cli"])
def test_ctrl_c_while_the_package_is_imported_is_quiet(module):
    code = IMPORTING.format(module=module, handler="signal.default_int_handler")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    def find_spec(self, name, *rest):
        if name == "numpy":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(
    ("module", "status"), [("minicnn", 130), ("minicnn.cli", 130), ("theirs", -signal.SIGINT)]
)
def test_as_a_module_it_is_quiet_too_and_a_library_leaves_ctrl_c_alone(module, status, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED)  # runs before the program
    (tmp_path / "theirs.py").write_text("import minicnn\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == status and bool(done.stderr) == (module == "theirs")


def test_where_ctrl_c_shall_not_matter_it_does_not():
    """In the background of a shell."""
    code = IMPORTING.format(module="minicnn.cli", handler="signal.SIG_IGN")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("minicnn ") and not done.stderr


def test_afterwards_ctrl_c_does_what_it_always_does(monkeypatch):
    import minicnn_command

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(cli, "main", lambda: signal.getsignal(signal.SIGINT))
        assert minicnn_command.main() is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
