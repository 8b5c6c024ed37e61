"""A folder belongs to one run: nobody overwrites, removes or loses what lies in it."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from support.datasets_samples import make_folder
from support.small_runs import SCENES

import minicnn
from minicnn import cli
from minicnn.basics.writing import check_free, claimed, lock_folder, remains, remove_empty
from minicnn.cli.showing import show
from minicnn.learning import checkpoints, pixels, timing
from minicnn.learning.checkpoints import BEST, LAST, CheckpointError
from minicnn.learning.greedy import Plan
from minicnn.learning.log import Log, LogError, read_log

SETTINGS = {"width": 0.1, "hidden": 40, "checkpoint_steps": 1, "validations": 2}
OPTIONS = {"steps": 3, "settings": SETTINGS, "data_options": SCENES, "quiet": True}


def train(out, **changes):
    return minicnn.train("single-scale", out=out, **OPTIONS | changes)


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# ------------------------------------------------------------------------------------ one at a time
def test_a_second_training_is_refused_while_the_first_compiles_and_times(tmp_path, monkeypatch):
    """The first is still at `--minutes`, before its first file; the second must not get in, nor
    take the folder away."""
    folder, said = tmp_path / "run", []

    def meanwhile(task):
        assert folder.is_dir() and not list(folder.iterdir())
        command = ["train", "single-scale", "--steps", "1", "--out", str(folder)]
        said.append(cli.main(command))
        with pytest.raises(ValueError, match="another process is training here"):
            train(folder)
        assert folder.is_dir()
        return 100.0, 0.0

    monkeypatch.setattr(timing, "measure", meanwhile)
    run = train(folder, steps=None, minutes=0.1)
    assert said == [2] and run.steps_done == 1 and (folder / BEST).is_file()


def test_a_folder_that_was_filled_in_the_meantime_is_found_full(tmp_path, monkeypatch):
    """Found free, then another training begins and ends, then it is locked."""
    from minicnn.basics import writing

    first = True

    def filled(folder):
        nonlocal first
        if first:
            first = False
            (folder / "weights").write_text("of the other")
        return lock_folder(folder)

    monkeypatch.setattr(writing, "lock_folder", filled)
    with pytest.raises(ValueError, match="not an empty folder; choose another"):
        train(tmp_path / "run")
    assert (tmp_path / "run" / "weights").read_text() == "of the other"


def test_of_many_that_want_one_folder_one_gets_it(tmp_path):
    folder, got, refused = tmp_path / "run", [], []
    start = threading.Barrier(8)

    def want(number):
        start.wait()
        try:
            with claimed(folder, "choose another"):
                (folder / "weights").write_text(str(number))
                got.append(number)
        except ValueError:
            refused.append(number)

    threads = [threading.Thread(target=want, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1 and len(refused) == 7
    assert (folder / "weights").read_text() == str(got[0])


def test_only_a_folder_of_ones_own_is_removed(tmp_path):
    with pytest.raises(OSError), claimed(tmp_path / "mine", ""):  # made here, and left empty
        raise OSError
    assert not (tmp_path / "mine").exists()
    (tmp_path / "theirs").mkdir()
    with pytest.raises(OSError), claimed(tmp_path / "theirs", ""):
        raise OSError
    with lock_folder(tmp_path / "theirs"):
        remove_empty(tmp_path / "theirs")
    assert (tmp_path / "theirs").is_dir()
    remove_empty(tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()


# --------------------------------------------------------------------------------- killed, and lost
KILLED = """
import os, signal, sys
import minicnn
replace, left = os.replace, int(sys.argv[3])
def killed(source, target):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = killed
if sys.argv[1] == "greedy":
    minicnn.train_greedily("patch", out=sys.argv[2], **{options!r})
else:
    minicnn.train("single-scale", out=sys.argv[2], **{options!r})
"""


def kill(what, folder, write, options):
    """A training in another process, killed within its `write`-th write."""
    script = KILLED.replace("{options!r}", repr(options))
    command = [sys.executable, "-c", script, what, str(folder), str(write)]
    assert subprocess.run(command).returncode == -9


def test_killed_at_its_very_first_checkpoint_the_same_command_begins_anew(tmp_path):
    folder = tmp_path / "run"
    kill("train", folder, 1, OPTIONS)
    assert len(list(folder.iterdir())) == len(remains(folder)) == 1
    run = train(folder)
    assert run.steps_done == 3 and not remains(folder)
    assert same(run.network.state_dict(), train(None).network.state_dict())


def test_what_is_ours_to_clear_and_what_is_not(tmp_path):
    for name in (".last.safetensors.77.tmp", ".curves.png.1234567.tmp"):
        (tmp_path / name).touch()
    check_free(tmp_path, "")
    for name in (".hidden", "notes.tmp", ".notes.tmp"):
        (tmp_path / name).touch()
        with pytest.raises(ValueError, match="not an empty folder"):
            check_free(tmp_path, "")
        with lock_folder(tmp_path):
            assert (tmp_path / name).exists() and not remains(tmp_path)
        (tmp_path / name).unlink()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_copy_keeps_no_folder_locked_behind_its_parent(tmp_path):
    """The copy that compiles ahead may work for seconds after a training was stopped."""
    (said, say), (ended, end) = os.pipe(), os.pipe()
    with lock_folder(tmp_path):
        copy = os.fork()
        if not copy:
            os.close(end)
            os.write(say, b"here")
            os.read(ended, 1)  # until the parent closes its end
            os._exit(0)
        assert os.read(said, 4) == b"here"
        with pytest.raises(ValueError, match="another process"), lock_folder(tmp_path):
            pass
    with lock_folder(tmp_path):  # while the copy still lives
        assert os.waitpid(copy, os.WNOHANG) == (0, 0)
    for descriptor in (end, ended, said, say):
        os.close(descriptor)
    assert os.waitpid(copy, 0)[1] == 0


GREEDY = {
    "steps": 2,
    "settings": {"width": 0.25, "patches": 20, "checkpoint_steps": 1, "blocks": 2},
    "data_options": {"size": (40, 48), "train": 3, "val": 1, "test": 1},
    "quiet": True,
}


@pytest.fixture(scope="module")
def greedy():
    return [run.network.state_dict() for run in minicnn.train_greedily("patch", **GREEDY)]


@pytest.mark.parametrize("write", [1, 7])
def test_greedy_and_killed_it_goes_on_to_the_same_bits(write, greedy, tmp_path):
    """Within the plan, which is written first, and within the second block."""
    kill("greedy", tmp_path, write, GREEDY)
    if write == 1:
        run = minicnn.train_greedily("patch", out=tmp_path, **GREEDY)[-1]
    else:
        run = minicnn.resume(tmp_path, quiet=True)
    assert same(run.network.state_dict(), greedy[1])
    first, _ = checkpoints.load_model(tmp_path / "block-1")
    assert same(first.state_dict(), greedy[0])
    again = minicnn.resume(tmp_path, quiet=True)  # nothing is left to do
    assert again.begun_at == again.steps_done == 2 and same(again.network.state_dict(), greedy[1])


def test_greedy_and_interrupted_it_says_how_to_go_on(greedy, tmp_path, monkeypatch, capsys):
    real, calls = pixels.share_right, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:  # the first step of the second block
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(pixels, "share_right", interrupted)
    folder = tmp_path / "run"
    with pytest.raises(
        KeyboardInterrupt, match=f"of block 2; go on with: minicnn resume {folder}$"
    ):
        minicnn.train_greedily("patch", out=folder, **GREEDY)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="a training block by block; which"):
        checkpoints.find(folder)
    with pytest.raises(ValueError, match="not an empty folder"):
        minicnn.train_greedily("patch", out=folder, **GREEDY)
    assert cli.main(["resume", str(folder)]) == 0
    assert "2 steps done" in capsys.readouterr().out
    network, _ = checkpoints.load_model(folder / "block-2")
    assert same(network.state_dict(), greedy[1])


def test_greedy_and_resumed_the_plan_remembers_what_was_said(tmp_path, capsys):
    """Of the blocks that are left, too, and not where other data are."""
    data = make_folder(tmp_path / "data", count=8, size=(20, 24))
    others = make_folder(tmp_path / "others", count=9, size=(20, 24))
    settings = GREEDY["settings"]
    minicnn.train_greedily(
        "patch", data, steps=1, out=tmp_path / "run", settings=settings, quiet=True
    )
    before = Plan.load(tmp_path / "run")
    assert cli.main(["resume", str(tmp_path / "run"), "--data", str(others)]) == 2
    assert "holds other pictures" in capsys.readouterr().err
    assert Plan.load(tmp_path / "run") == before and not before.skip_bad
    minicnn.resume(tmp_path / "run", skip_bad=True, quiet=True)
    assert Plan.load(tmp_path / "run").skip_bad
    there = data.rename(tmp_path / "there")
    minicnn.resume(tmp_path / "run", quiet=True, data=there)
    after = Plan.load(tmp_path / "run")
    assert after.skip_bad and after.data == str(there)


def test_a_plan_that_is_damaged(tmp_path):
    path = tmp_path / "greedy.json"
    Plan("patch", "scenes").save(tmp_path)
    whole = json.loads(path.read_text())
    for text in ("", "null", "[]", "{}", "\xff", *(json.dumps(whole | {k: [1]}) for k in whole)):
        path.write_text(text)
        with pytest.raises(CheckpointError, match="greedy.json: its description is damaged"):
            minicnn.resume(tmp_path)


@pytest.mark.parametrize("how", ["lost", "cut short", "of NaN"])
def test_a_run_whose_best_weights_are_lost_can_be_resumed(how, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setattr("minicnn.learning.sureness.FEWEST", 1)
    whole = train(folder)
    best = folder / BEST
    if how == "lost":
        best.unlink()
    elif how == "cut short":
        best.write_bytes(best.read_bytes()[:1000])
    else:
        arrays, config = checkpoints.load(best)
        checkpoints.save(best, {k: a * np.float32(np.nan) for k, a in arrays.items()}, config)
    run = minicnn.resume(folder)
    assert "the best weights are chosen from here on" in capsys.readouterr().err
    last, _ = checkpoints.load(folder / LAST)
    assert same(run.network.state_dict(), {k: a for k, a in last.items() if "/" not in k})
    assert run.config.best.step == run.steps_done == whole.steps_done
    assert run.config.best.sure == run.log.records[-1]["sure"] is not None
    _, config = checkpoints.load_model(folder)
    assert config.best == run.config.best
    os.unlink(folder / LAST)
    with pytest.raises(ValueError, match=f"its best weights can begin another .*--start {folder}"):
        minicnn.resume(folder)


# ------------------------------------------------------------------------------------------ the log
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("3", "it is 3, expected an object"),
        ("null", "it is null"),
        ("[1, 2]", "a list of 2"),
        ("{}", "step is missing"),
        ('{"step": "10"}', 'step is "10", expected a whole number'),
        ('{"step": 1.5}', "step is 1.5"),
        ('{"step": true}', "step is true"),
        ('{"step": -1}', "step is -1, expected 0"),
        ('{"step": 1, "loss": null, "accuracy": 0}', "loss is null, expected a number"),
        ('{"step": 1, "loss": NaN, "accuracy": 0}', "loss is NaN"),
        ('{"step": 1, "loss": 1}', "accuracy is missing"),
        ('{"step": 1, "val_accuracy": "good"}', 'val_accuracy is "good"'),
        ('{"step": 1, "val_iou": Infinity}', "val_iou is Infinity"),
        ('{"step": 1', "it is no JSON"),
        ("\udcff", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_a_line_of_a_log_that_is_none(line, words, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(LogError) as caught:
        read_log(path)
    assert f"{path}, line 2: " in str(caught.value) and words in str(caught.value)


def test_logs_that_are_good(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.write(step=1, loss=0.5, accuracy=float("nan"), rate=1)
    log.write(step=2, val_accuracy=0.5)
    with open(log.path, "a") as file:
        file.write('{"step": 3, "lo')  # killed while it wrote
    assert [r["step"] for r in read_log(log.path)] == [1, 2]
    os.unlink(log.path)
    os.mkfifo(log.path)
    with pytest.raises(LogError, match="is no plain file"):
        Log(log.path)


def test_a_damaged_log_is_named_by_all_that_read_it(tmp_path):
    train(tmp_path / "run")
    log = tmp_path / "run" / "log.jsonl"
    log.write_text("[]\n" + log.read_text())
    for use in (lambda: show(tmp_path / "run"), lambda: minicnn.resume(tmp_path / "run")):
        with pytest.raises(LogError, match="log.jsonl, line 1: .*remove this line"):
            use()
    log.write_text(log.read_text().removeprefix("[]\n"))
    assert minicnn.resume(tmp_path / "run", quiet=True).steps_done == 3
