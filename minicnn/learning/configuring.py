"""What a training is going to be: its options, its length, the network it begins with."""

import contextlib
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minicnn import datasets, models, optim
from minicnn.basics import typed
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.options import merge_options
from minicnn.learning import checkpoints, timing
from minicnn.learning.config import (
    STEPS,
    TRAINING_DEFAULTS,
    TRAINING_RANGES,
    Config,
    TrainingOptions,
)
from minicnn.learning.errors import TrainingError
from minicnn.learning.planning import looks_that_fit, steps_that_fit

PATHS = ("edges", "mean")  # options of networks that may be one
READERS = {}  # {ending: function from a path to Begun}; interchange/foreign.py adds .onnx
LENGTHS = {"epochs": 1_000_000, "steps": STEPS, "minutes": 525_600}  # at most; a year


class Begun(NamedTuple):
    """The trained network whose weights a training begins with.

    arrays   {name: array}; or a function that gives those for a network, by the names that it has
    config   its Config, or None of one that was trained elsewhere
    source   its name, for people
    options  of a network, as far as such a file tells them
    """

    arrays: dict | Callable
    config: Config | None
    source: object
    options: dict = {}  # noqa: RUF012


def weights_of(start):
    """The Begun of a Run, of what `checkpoints.find` finds, or of a file of another program."""
    if hasattr(start, "network"):
        return Begun(start.network.state_dict(), start.config, start.folder or "a run")
    path = Path(start)
    if path.suffix in READERS and not path.is_dir():
        return READERS[path.suffix](path)
    path = checkpoints.find(start)
    network, _, config = checkpoints.restore(path)
    return Begun(network.state_dict(), config, path)


def configure(model, recipe, settings, dataset, seed, begun=None):
    """The Config of a new run. `begun`: what `weights_of` gives of the network whose weights it
    begins with."""
    cls, _ = models.find(model)
    merged = models.recipe(model, recipe) | (_as_before(cls, begun) if begun else {}) | settings
    known = set(cls.DEFAULTS) | set(TRAINING_DEFAULTS)
    unknown = sorted(set(merged) - known)
    if unknown:
        raise ValueError(
            f"there is no setting {unknown[0]!r}; there are {', '.join(sorted(known))}"
            f"{did_you_mean(unknown[0], known)}"
        )
    network = {k: _lasting(k, v) for k, v in merged.items() if k in cls.DEFAULTS}
    training = {k: v for k, v in merged.items() if k in TRAINING_DEFAULTS}
    optim.named_schedule(merged.get("schedule", TRAINING_DEFAULTS["schedule"]), 1)  # has it one?
    return Config(
        model=model,
        recipe=recipe,
        classes=list(dataset.classes),
        colours=np.asarray(dataset.colours).tolist(),
        options=cls.merged(network),
        training=TrainingOptions(
            **merge_options("training", TRAINING_DEFAULTS, training, TRAINING_RANGES)
        ),
        seed=int(seed),
        step=0,
    )


def _lasting(option, value):
    """The value of a network's option; a path shall mean the same from any folder."""
    return str(Path(value).resolve()) if option in PATHS and os.path.exists(value) else value


def check_length(**given):
    """TrainingError for a number of epochs, steps or minutes that is none, or ends never."""
    for name, length in given.items():
        if length is not None and not length <= LENGTHS[name]:
            raise TrainingError(
                f"{name}={typed.shown(length)}: expected a number up to {LENGTHS[name]:,}"
            )


def begins_with(model, recipe, start, settings):
    """(start, settings) of a training: of a network that begins with a shipped one, that, unless
    another is given, or «none»; then nothing is new beside it, and no rate of its own."""
    own = models.find(model)[0].begins_with(models.recipe(model, recipe) | settings)
    if own is None:
        return start, settings
    if start == "none":
        return None, {"head_lr": 1} | settings
    return own if start is None else start, settings


def _as_before(cls, begun):
    """The options of a trained network that say how its pictures were prepared, for another one of
    its kind."""
    config = begun.config
    if config is None:
        return {name: value for name, value in begun.options.items() if name in cls.DEFAULTS}
    before, _ = models.find(config.model)
    alike = issubclass(before, cls) or issubclass(cls, before)
    if not alike and config.model != cls.begins_with(cls.DEFAULTS):
        return {}
    return {name: config.options[name] for name in cls.PREPARATION if name in config.options}


def long_side(pictures):
    """Median of the longer side, in pixels, of some training pictures: the size that objects had in
    training, to which a photograph is brought before it is segmented."""
    sides = []
    for k in range(0, len(pictures), max(1, len(pictures) // 9)):
        with contextlib.suppress(datasets.DataError):  # the loader will speak of it
            sides.append(max(pictures[k].image.shape[:2]))
    return int(np.median(sides)) if sides else None


def plan(task, epochs, steps, minutes):
    """The number of steps to take. For a training in minutes the looks at `val` are planned, too:
    how many, and at how many pictures."""
    given = [v for v in (epochs, steps, minutes) if v is not None]
    if len(given) > 1:
        raise TrainingError("give one of epochs, steps and minutes, not several")
    if given and given[0] <= 0:
        raise TrainingError(f"a training of length {given[0]} is no training")
    if steps is not None:
        if int(steps) != steps:
            raise TrainingError(f"steps={steps:g}: expected a whole number")
        return int(steps)
    processes = task.config.processes
    if minutes is None:
        steps = task.steps_in_an_epoch() / processes
        return max(1, round((5 if epochs is None else epochs) * steps))
    per_step, per_picture = timing.measure(task)
    per_picture /= processes if task.deals else 1
    options, looks, count = task.config.training, 0, len(task.val)
    if count:
        looks, count = looks_that_fit(60 * minutes, per_picture, options.validations, count)
        options.validations = looks
        task.config.val_pictures = None if count == len(task.val) else count
    return steps_that_fit(60 * minutes, per_step, per_picture * count, looks)


def digest_of(dataset):
    """What tells a data set from another one: its classes, the names of its pictures, its rules."""
    names = [list(dataset.classes), *(dataset.names(split) for split in ("train", "val", "test"))]
    names += [dataset.rules] if dataset.rules else []
    return sha256(json.dumps(names).encode()).hexdigest()[:16]
