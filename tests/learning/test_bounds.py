"""Numbers that are too large get a sentence, and take no memory before."""

import resource

import pytest
from support.small_runs import SCENES

import minicnn
from minicnn import cli
from minicnn.learning import configuring, memory
from minicnn.learning.config import TRAINING_DEFAULTS, TRAINING_RANGES
from minicnn.learning.cover_training import RANGES
from minicnn.models import MODELS

OPTIONS = {"data_options": SCENES, "quiet": True}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"steps": 1e30}, r"steps=1e\+30: expected a number up to 1,000,000,000"),
        ({"steps": 10**400}, "steps=a number of more than 30 digits: expected"),
        ({"epochs": 1e308}, r"epochs=1e\+308: expected a number up to 1,000,000"),
        ({"minutes": 1e30}, r"minutes=1e\+30: expected a number up to 525,600"),
        ({"minutes": float("nan")}, "minutes=NaN: expected"),
        ({"seed": -1}, "seed is -1, expected 0 to"),
        ({"seed": 2**64}, "seed is 18446744073709551616, expected 0 to"),
    ],
)
def test_lengths_and_seeds(arguments, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        minicnn.train("single-scale", out=tmp_path / "run", **OPTIONS | arguments)
    assert not (tmp_path / "run").exists()


def test_epochs_of_too_many_pictures(monkeypatch):
    monkeypatch.setitem(configuring.LENGTHS, "steps", 5)
    with pytest.raises(ValueError, match="steps=6: expected a number up to 5"):
        minicnn.train("single-scale", epochs=3, settings={"width": 0.1}, **OPTIONS)


@pytest.mark.parametrize("text", ["1" * 31, "9" * 5000, "1e30", "-1", "1.5"])
@pytest.mark.parametrize("option", ["--steps", "--seed", "--fold", "--threads"])
def test_whole_numbers_of_the_command_line(option, text, capsys):
    assert cli.main(["train", "patch", f"{option}={text}"]) == 2
    assert "is not a whole number" in capsys.readouterr().err


@pytest.mark.parametrize("model", MODELS)
def test_every_number_that_can_be_set_has_bounds(model):
    """Options of the networks and of the training, and none is left without."""
    cls, _ = MODELS[model]
    zeros = {k for k, v in (cls.DEFAULTS | TRAINING_DEFAULTS).items() if type(v) is not bool}
    named = {k for k in zeros if not isinstance((cls.DEFAULTS | TRAINING_DEFAULTS)[k], str)}
    assert named == set(cls.RANGES) | set(TRAINING_RANGES)
    for name in sorted(named):
        for value in ("1e31", "-1e31", "nan", "inf", "1e400", -1e-9, 10**400):
            with pytest.raises(ValueError, match=f"option {name}="):
                minicnn.train(model, steps=1, settings={name: value}, **OPTIONS)


def test_those_of_the_cover_too():
    run = minicnn.train("patch", steps=1, settings={"width": 0.1}, **OPTIONS)
    for name in RANGES:
        for value in ("1e31", "-1", "nan"):
            with pytest.raises(ValueError, match=f"option {name}="):
                minicnn.train_cover(run, settings={name: value})
    with pytest.raises(ValueError, match=r"epochs=1e\+30: expected a whole number, 1 to 100000"):
        minicnn.train_cover(run, epochs=1e30)


@pytest.mark.parametrize(
    ("model", "settings", "sentence"),
    [
        ("multi-scale", {"width": 16}, "width=16 .*take about 7.. GB .* a smaller width$"),
        ("multi-scale", {"width": 16, "tables": "random"}, "with width=16 "),
        ("multi-scale", {"hidden": 60000}, "hidden=60000 .* give a smaller hidden"),
        ("recurrent", {"width": 16}, "width=16 would .* a smaller width$"),
        ("patch", {"width": 16}, "training patch with width=16 "),
    ],
)
def test_memory_is_estimated_before_it_is_taken(model, settings, sentence, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 100_000_000)
    options = OPTIONS | {"out": tmp_path / "run", "steps": 1}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=sentence.replace("..", r"\.\d")) as caught:
        minicnn.train(model, settings=settings, **options)
    assert "and 0.1 GB are free" in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000  # kB
    assert not (tmp_path / "run").exists()


def test_large_pictures_take_memory_too(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 8_000_000_000)
    defaults = MODELS["multi-scale"][0].DEFAULTS
    memory.check_training("multi-scale", 8, defaults, 320)
    memory.check_training("multi-scale", 8, defaults, None)
    with pytest.raises(ValueError, match=r"pictures of 6000 pixels would take about \d+\.\d GB"):
        memory.check_training("multi-scale", 8, defaults, 6000)


def test_what_the_cover_collects_is_estimated(monkeypatch):
    run = minicnn.train("patch", steps=1, settings={"width": 0.1}, **OPTIONS)
    monkeypatch.setattr(memory, "available", lambda: 100_000_000)
    with pytest.raises(ValueError, match="train cover with segments=5, grid=16, units=65536 would"):
        minicnn.train_cover(run, settings={"units": 65536, "grid": 16, "segments": 5})


def test_this_machine_has_memory():
    assert memory.available() is None or memory.available() > 1e8
