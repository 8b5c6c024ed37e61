"""Training: it learns, it is never lost, and it can be resumed to the bit."""

import functools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import minicnn
from minicnn import datasets, optim
from minicnn.basics.writing import lock_folder
from minicnn.learning import checkpoints, fitting, pixels, training
from minicnn.learning.trained import Trained
from minicnn.learning.training import TrainingError

TINY = {
    "data": "scenes",
    "data_options": {"size": (32, 48), "train": 5, "val": 2, "test": 2},
    "settings": {"width": 0.125, "checkpoint_steps": 4, "validations": 2},
    "quiet": True,
}


def tiny(model="multi-scale", **changes):
    settings = TINY["settings"] | changes.pop("settings", {})
    return minicnn.train(model, **{**TINY, **changes, "settings": settings})


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("model", ["single-scale", "multi-scale"])
@pytest.mark.parametrize("recipe", ["ours", "faithful"])
def test_a_network_can_learn_one_picture_by_heart(model, recipe):
    settings = {"dropout": 0.0, "flip": False, "width": 0.25}
    run = tiny(model, recipe=recipe, steps=60, overfit_one=True, settings=settings)
    records = [r for r in run.log.records if "loss" in r]
    assert records[-1]["loss"] < 0.5 * records[0]["loss"]
    assert records[-1]["accuracy"] > 0.8


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    a, b, c = tiny(steps=6), tiny(steps=6), tiny(steps=6, seed=1)
    assert same(a.network.state_dict(), b.network.state_dict())
    assert not same(a.network.state_dict(), c.network.state_dict())


SCRIPT = """
import sys, minicnn
if sys.argv[1] == "train":
    minicnn.train("multi-scale", out=sys.argv[2], steps=60, {arguments})
else:
    minicnn.resume(sys.argv[2], quiet=True)
"""


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    """SIGKILL at three random places; the resumed run ends as the one that was left alone."""
    whole = tiny(steps=60, out=tmp_path / "whole")
    script = SCRIPT.format(arguments=", ".join(f"{k}={v!r}" for k, v in TINY.items()))
    killed = tmp_path / "killed"
    random = np.random.default_rng()  # another place every time this test runs
    places = sorted(random.integers(2, 55, size=3).tolist())
    command = "train"
    for place in places:
        process = subprocess.Popen(
            [sys.executable, "-c", script, command, str(killed)], env={**os.environ}
        )
        _wait_for_step(process, killed, place)
        process.send_signal(signal.SIGKILL)
        process.wait()
        command = "resume"
    run = minicnn.resume(killed, quiet=True)
    assert run.steps_done == 60
    assert same(run.network.state_dict(), whole.network.state_dict()), f"killed at {places}"
    last = [
        checkpoints.load(tmp_path / name / "last.safetensors")[0] for name in ("whole", "killed")
    ]
    assert same(*last), f"killed at {places}"
    steps = [r["step"] for r in run.log.records if "loss" in r]
    assert steps == [10, 20, 30, 40, 50, 60]


def _wait_for_step(process, folder, step):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "last.safetensors").is_file():
            if checkpoints.load(folder / "last.safetensors")[1]["step"] >= step - 4:
                return
        time.sleep(0.005)


def test_a_loss_that_is_not_a_number_stops_with_the_last_good_weights(tmp_path, monkeypatch):
    real = pixels.share_right
    monkeypatch.setattr(pixels, "share_right", lambda *a: seen.append(1) or real(*a))
    seen, step = [], optim.SGD.step

    def explode(self):
        step(self)
        if len(seen) == 10:  # the tenth step learns something that is no number
            self.parameters[0].data *= np.float32(np.nan)

    monkeypatch.setattr(optim.SGD, "step", explode)
    sentence = r"the loss became nan at step 10: the last good weights, of step 8, .*try --set lr="
    with pytest.raises(TrainingError, match=sentence):
        tiny(steps=60, out=tmp_path / "run")
    monkeypatch.undo()
    arrays, config = checkpoints.load(tmp_path / "run" / "last.safetensors")
    assert config["step"] == 8 and all(np.isfinite(a).all() for a in arrays.values())
    resumed = minicnn.resume(tmp_path / "run", quiet=True)  # what went wrong has been mended
    assert resumed.steps_done == 60


def test_an_interrupt_saves_and_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(self, done, *figures):
        if done == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(fitting.Progress, "step", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stopped after step 7; go on with: minicnn resume"):
        tiny(steps=20, out=tmp_path / "run")
    monkeypatch.undo()
    assert checkpoints.load(tmp_path / "run" / "last.safetensors")[1]["step"] == 7
    resumed = minicnn.resume(tmp_path / "run", quiet=True)
    assert same(resumed.network.state_dict(), tiny(steps=20).network.state_dict())


@pytest.mark.parametrize("place", ["update", "validation", "last validation"])
def test_wherever_an_interrupt_comes_nothing_is_lost_or_done_twice(
    place, tmp_path, monkeypatch, request
):
    def interrupting(function, call):
        def wrapped(*arguments, **options):
            result = function(*arguments, **options)
            calls.append(1)
            if len(calls) == call:
                os.kill(os.getpid(), signal.SIGINT)
            return result

        calls = []
        return wrapped

    # A shell that starts a command in the background lets it ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    whole = tiny(steps=11, out=tmp_path / "whole")
    if place == "update":
        monkeypatch.setattr(optim.SGD, "step", interrupting(optim.SGD.step, 7))
    else:
        call = 1 if place == "validation" else 2
        monkeypatch.setattr(pixels, "score", interrupting(pixels.score, call))
    with pytest.raises(KeyboardInterrupt, match="go on with: minicnn resume"):
        tiny(steps=11, out=tmp_path / "run")
    monkeypatch.undo()
    run = minicnn.resume(tmp_path / "run", quiet=True)
    assert run.config.best == whole.config.best
    for name in ("last", "best"):
        files = [tmp_path / folder / f"{name}.safetensors" for folder in ("whole", "run")]
        assert same(*(checkpoints.load(file)[0] for file in files))
    looked = [[r["step"] for r in x.log.records if "val_accuracy" in r] for x in (whole, run)]
    assert looked[0] == looked[1] == [6, 11]


def test_a_bad_validation_picture_is_skipped_too_if_that_is_asked_for(tmp_path):
    from support.datasets_samples import make_folder

    root = make_folder(tmp_path / "mine", count=6, size=(32, 40))
    (root / "val.txt").write_text("p0\np1\n")
    for path in (root / "images").glob("p1.*"):
        path.write_bytes(b"no picture")
    arguments = {"data": root, "data_options": {}, "steps": 2}
    with pytest.raises(
        ValueError, match=r"p1\..* is damaged.*; mend it, then minicnn resume .*-bad"
    ):
        tiny(**arguments, out=tmp_path / "run")
    resumed = minicnn.resume(tmp_path / "run", skip_bad=True, quiet=True)
    assert resumed.steps_done == 2 and resumed.config.best
    run = tiny(**arguments, skip_bad=True)
    assert 0 <= run.config.best.val_accuracy <= 1


def test_a_bad_label_is_found_before_an_hour_of_training(tmp_path):
    from PIL import Image
    from support.datasets_samples import make_folder

    root = make_folder(tmp_path / "mine", count=6, size=(32, 40))
    label = root / "labels" / "p4.png"
    Image.fromarray(np.full((32, 40), 77, np.uint8)).save(label)
    arguments = {"data": root, "data_options": {}, "steps": 2, "out": tmp_path / "run"}
    with pytest.raises(ValueError, match=r"p4.png: label 77 at row 0, .*minicnn data check"):
        tiny(**arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split, what", [("val", "choose the best weights by"), ("train", "learn")])
def test_a_split_that_is_void_all_over_is_found_beforehand(split, what, tmp_path):
    from PIL import Image
    from support.datasets_samples import make_folder

    root = make_folder(tmp_path / "mine", count=10)
    for name in datasets.load(root).names(split):
        Image.fromarray(np.full((6, 8), 255, np.uint8)).save(root / f"labels/{name}.png")
    sentence = rf"^mine: no pixel .* split '{split}' \(\d\) has a label.* nothing to {what}"
    with pytest.raises(datasets.DataError, match=sentence):
        tiny(data=root, data_options={}, steps=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_fails_before_its_first_step_leaves_no_weights(tmp_path, monkeypatch):
    def fail(*arguments):
        raise ValueError("no")

    monkeypatch.setattr(pixels.Pixels, "loss", fail)
    with pytest.raises(ValueError, match="no"):
        tiny(steps=2, out=tmp_path / "run")
    assert not list(tmp_path.glob("run/*"))


@pytest.mark.parametrize(
    "model, parts", [("patch", {"blocks": 2}), ("feedback", {"iterations": 3})]
)
def test_minutes_are_for_all_parts_together(model, parts, monkeypatch):
    def part(*_, minutes, **__):
        given.append(minutes)
        raise ValueError("enough")

    given, (count,) = [], parts.values()
    monkeypatch.setattr(training, "train_part", part)
    for train in (training.train_greedily, minicnn.train)[: 1 if model == "patch" else 2]:
        with pytest.raises(ValueError, match="enough"):
            train(model, "scenes", settings=parts, minutes=3)
    assert set(given) == {3 / count}


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_what_a_resume_that_fails_goes_on_from_stays(tmp_path, monkeypatch):
    """Also where no step was done yet."""

    def fail(*_):
        raise datasets.DataError("p1.jpg: cannot be read")

    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pixels.Pixels, "loss", interrupt)
        tiny(steps=2, out=out)
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(ValueError, match="p1.jpg.*; mend it"):
            patch.setattr(pixels.Pixels, "loss", fail)
            minicnn.resume(out, quiet=True)
    assert same(
        minicnn.resume(out, quiet=True).network.state_dict(), tiny(steps=2).network.state_dict()
    )


def test_a_plan_that_a_resume_that_fails_goes_on_from_stays(tmp_path, monkeypatch):
    def gone(*_, **__):
        raise datasets.NotThere("there is no such folder")

    out = tmp_path / "run"
    options = TINY | {"settings": {"width": 0.125, "blocks": 1}, "steps": 1, "out": out}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="go on with"):
        patch.setattr(datasets, "load", interrupt)
        training.train_greedily("patch", **options)
    plan = (out / "greedy.json").read_text()
    for where in (None, "/elsewhere"):
        with monkeypatch.context() as patch, pytest.raises(ValueError, match="no such folder"):
            patch.setattr(datasets, "load", gone)
            minicnn.resume(out, quiet=True, data=where)
        assert (out / "greedy.json").read_text() == plan
    assert minicnn.resume(out, quiet=True).steps_done == 1


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    tiny(steps=1, out=tmp_path / "run")
    with (
        lock_folder(tmp_path / "run"),
        pytest.raises(ValueError, match="another process is training here"),
    ):
        minicnn.resume(tmp_path / "run", quiet=True)
    assert (
        minicnn.resume(tmp_path / "run", quiet=True).steps_done == 1
    )  # the lock went with its holder


def test_the_result_is_the_best_on_validation(tmp_path):
    run = tiny(steps=20, out=tmp_path / "run")
    scores = [r["val_accuracy"] for r in run.log.records if "val_accuracy" in r]
    assert run.config.best.val_accuracy == max(scores)
    network, config = checkpoints.load_model(tmp_path / "run")
    assert config.best == run.config.best
    assert same(network.state_dict(), run.network.state_dict())
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000


def test_an_exported_network_is_one_file_in_float16(tmp_path):
    run = tiny(steps=2, out=tmp_path / "run")
    file = tmp_path / "mine.safetensors"
    checkpoints.export(tmp_path / "run", file)
    arrays, config = checkpoints.load(file)
    assert config == checkpoints.load(tmp_path / "run" / checkpoints.BEST)[1]
    best = run.network.state_dict()
    assert same(arrays, {name: a.astype(np.float16) for name, a in best.items()})
    assert {a.dtype.name for a in arrays.values()} == {"float16"}
    network, _ = checkpoints.load_model(file)
    for name, a in network.state_dict().items():
        assert a.dtype == np.float32 and np.allclose(a, best[name], rtol=1e-3, atol=1e-6)
    with pytest.raises(checkpoints.CheckpointError, match="neither a run folder"):
        checkpoints.export(tmp_path / "none", file)
    with pytest.raises(OSError):
        checkpoints.export(file, tmp_path / "no such folder" / "mine.safetensors")


def test_export_takes_a_run_and_refuses_what_float16_cannot_hold(tmp_path):
    run, file = tiny(steps=2, out=tmp_path / "run"), tmp_path / "of-the-run.safetensors"
    checkpoints.export(run, file)
    checkpoints.export(tmp_path / "run", tmp_path / "of-the-folder.safetensors")
    (arrays, config), (others, expected) = map(
        checkpoints.load, (file, tmp_path / "of-the-folder.safetensors")
    )
    assert same(arrays, others) and config == expected
    checkpoints.export(tiny(steps=2), file)  # a run without a folder
    before = file.read_bytes()
    for value in (1e5, np.nan, np.inf):
        run.network.parameters()[0].data.flat[0] = value
        with pytest.raises(checkpoints.CheckpointError, match="weight holds .* above 65504"):
            checkpoints.export(run, file)
    with pytest.raises(checkpoints.CheckpointError, match="no config"):
        checkpoints.export(Trained(run.network), file)
    assert file.read_bytes() == before


def test_tables_are_stored_with_the_run(tmp_path):
    run = tiny(steps=2, recipe="faithful", out=tmp_path / "run", seed=7)
    network, _ = checkpoints.load_model(tmp_path / "run")
    assert np.array_equal(network.stages.stages[1].table, run.network.stages.stages[1].table)
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(network.predict(image), run.network.predict(image))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model": "multiscale"},
            "there is no model 'multiscale'; there are .* did you mean multi-scale",
        ),
        ({"recipe": "theirs"}, "no recipe 'theirs'; it has ours, faithful"),
        ({"settings": {"widht": 1}}, "there is no setting 'widht'; there are"),
        ({"settings": {"width": "wide"}}, "option width='wide': expected a number"),
        ({"settings": {"tables": "some"}}, "option tables='some': choose full or random"),
        ({"settings": {"schedule": "sometimes"}}, "schedule 'sometimes': choose"),
        ({"steps": 3, "epochs": 2}, "one of epochs, steps and minutes"),
        ({"steps": 0}, "a training of length 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        tiny(**({"steps": 1} | changes if "epochs" not in changes else changes))


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not an empty folder"):
        tiny(steps=1, out=tmp_path)
    with pytest.raises(TrainingError, match="nothing to resume"):
        minicnn.resume(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, {"x": np.ones(3)}, {"step": 1})

    def no_space(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(path, {"x": np.zeros(3)}, {"step": 2})
    assert checkpoints.load(path)[1] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_files_that_are_no_checkpoints_are_named(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not safetensors at all")
    for path, sentence in [
        (broken, "broken.safetensors: not a readable checkpoint"),
        (tmp_path, "this folder holds no best.safetensors"),
        ("nowhere", "neither a run folder, a .safetensors file nor a shipped network"),
    ]:
        with pytest.raises(checkpoints.CheckpointError, match=sentence):
            checkpoints.load_model(path)


def test_a_run_without_validation_that_is_resumed_ends_with_its_last_weights(tmp_path, monkeypatch):
    """What the first stop left as the result is not the result of what came after it."""
    arguments = {"out": tmp_path / "run", "data_options": {**TINY["data_options"], "val": 0}}
    clock = iter([0.0] * 5 + [1e6] * 1000)
    with monkeypatch.context() as patch:
        fit = functools.partial(fitting.fit, clock=lambda: next(clock))
        patch.setattr(minicnn.learning.run, "fit", fit)
        patch.setattr(training, "plan", lambda *_: 9)
        stopped = tiny(minutes=1, **arguments)
    assert stopped.steps_done < 9
    resumed = minicnn.resume(tmp_path / "run", quiet=True)
    arrays, config = checkpoints.load(tmp_path / "run" / "best.safetensors")
    assert config["step"] == resumed.steps_done == 9
    assert same(arrays, resumed.network.state_dict())
    assert not same(arrays, stopped.network.state_dict())


def test_a_folder_called_like_a_data_set_does_not_take_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenes").mkdir()
    run = tiny(steps=1, out="run")
    assert run.config.data.name == "scenes"
    assert minicnn.resume("run", quiet=True).steps_done == 1
    assert minicnn.evaluate("run").pictures == 2


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"width": "inf"}, "option width=inf: expected 0.01 to 16"),
        ({"width": "nan"}, "option width=nan: expected 0.01 to 16"),
        ({"hidden": "inf"}, "option hidden='inf': expected a whole number"),
        ({"scales": 0}, "option scales=0: expected 1 to 6"),
        ({"lr": "nan"}, "option lr=nan: expected"),
        ({"warm_up": -3}, "option warm_up=-3: expected 0 to"),
        ({"dropout": 1}, "option dropout=1: expected 0 to 0.99"),
    ],
)
def test_values_out_of_range_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        tiny(steps=1, settings=settings)


def test_a_kernel_typed_at_a_prompt_works():
    source = """
import numpy as np
from minicnn.engine.kernel import Kernel, prange
double = Kernel("double")
@double.cpu
def double_cpu(x, y):
    for i in prange(x.size):
        y[i] = 2 * x[i]
y = np.empty(3)
double(np.arange(3.0), y)
print(y.tolist())
"""
    done = subprocess.run(
        [sys.executable, "-"], input=source, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[0.0, 2.0, 4.0]"
