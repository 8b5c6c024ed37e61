"""What describes a run: the model and its options, classes, data, how it learns, how far it is.

A checkpoint holds it as JSON in its header. `Config.from_json` is the only way in: it looks at
every value, and what is damaged or made by hand gets one sentence that names the file and the key.

The format of today is 7. Files from before formats were counted have none; what such a file lacks
has the value that it had before there was a choice. An option that is added makes a new format:
add 1 to FORMAT, and files of older formats go on to be read, with the option's default.
"""

import math
from dataclasses import dataclass, field, fields

from minicnn import models, optim
from minicnn.basics import typed
from minicnn.basics.typed import Malformed, number, word
from minicnn.learning.old_formats import FORMAT, CheckpointError, from_header

STEPS = 1_000_000_000  # the longest training that can be described
SEEDS = 2**63 - 1  # the largest seed
CLASSES = 100_000  # of whole pictures, at most


@dataclass
class TrainingOptions:
    """How a network learns: what a recipe may say besides the options of the network."""

    lr: float = number(0.005, 0, 1e30)
    momentum: float = number(0.9, 0, 0.9999)
    weight_decay: float = number(1e-4, 0, 1e3)
    schedule: str = word("polynomial", optim.SCHEDULES)
    warm_up: int = number(100, 0, STEPS)  # steps
    clip: float = number(0.0, 0, 1e30)  # the longest gradient; longer ones are shortened. 0: none
    batch: int = number(32, 1, 100_000)  # pictures of a step, where each has one class
    flip: bool = True  # mirror half of the pictures
    colour_noise: float = number(0.0, 0, 10)  # of whole pictures: see statistics.py; 0.1 in 2012
    rotate: float = number(0.0, 0, 180)  # turn pictures by up to so many degrees
    rescale: float = number(0.0, 0, 3)  # enlarge and shrink them: 0.1 by 1/1.1 to 1.1
    light: float = number(0.0, 0, 1)  # of labels of pixels: other light, see images/light.py
    patches: int = number(0, 0, 1e9)  # pixels that count in a step, drawn at random; 0: all
    balance: float = number(0.0, 0, 2)  # 0: pixels count alike; 1: classes; share^-balance
    freeze: str = ""  # modules that keep their weights, for example stages
    head_lr: float = number(1.0, 0, 1e6)  # factor on lr of what begins at random beside a start
    validations: int = number(12, 1, 1e6)  # times that `val` is looked at
    checkpoint_seconds: float = number(60.0, 0, 1e9)
    checkpoint_steps: int = number(0, 0, STEPS)  # if above 0, instead of the seconds

    @property
    def jitter(self):
        """{name: value} of what makes variants of pictures with labels: see images/jitter.py."""
        return {name: getattr(self, name) for name in ("flip", "rotate", "rescale", "light")}


TRAINING_DEFAULTS = {f.name: f.default for f in fields(TrainingOptions)}
TRAINING_RANGES = {
    f.name: f.metadata["range"] for f in fields(TrainingOptions) if "range" in f.metadata
}


@dataclass
class DataSource:
    """Where the pictures come from: what `datasets.load` takes."""

    name: str | None = None
    fold: int | None = number(None, 0, 1e6)
    options: dict[str, object] = field(default_factory=dict)
    digest: str | None = None  # of the classes and of the names of the pictures


@dataclass
class Best:
    """The step whose weights did best on `val`, and the limit of sureness.py there."""

    step: int = number(least=0, most=STEPS)
    val_accuracy: float = number(least=0, most=1)
    sure: float | None = number(None, 0, 1)


@dataclass
class Stalls:
    """What the schedule `plateau` remembers: the best of `val` since the rate was last divided, how
    many looks have passed since, and after which steps it was divided."""

    best: float = number(0.0, 0, 1)
    looks: int = number(0, 0, 1e6)
    divided: list[int] = field(default_factory=list)


@dataclass
class Start:
    """The network whose weights a run began with, and which parameters came from it."""

    from_: str
    taken: list[str]
    new: list[str]


@dataclass
class Config:
    """Everything that describes a run.

    model, options  the network; `options` are those of its architecture and preprocessing
    classes, colours  their names, and [red, green, blue] of each
    tables        {module: connection table}, drawn at random once
    recipe, training, seed, start, data   how it was trained, and on what
    long_side     of its training pictures, in pixels
    class_shares  of the labelled training pixels, if training.balance needs them
    colour_axes   of the training pictures, if training.colour_noise needs them: see statistics.py
    threads, processes   of each process, and how many there were: so many batches make a step
    step, total_steps, best   how far it is
    stalls        how far it is with training.schedule=plateau
    pace, val_pictures   of a training in minutes: see planning.py
    """

    model: str
    classes: list[str]
    options: dict[str, object]
    step: int = number(least=0, most=STEPS)
    recipe: str | None = None
    colours: list[list[int]] | None = None
    training: TrainingOptions | None = None
    seed: int | None = number(None, 0, SEEDS)
    best: Best | None = None
    data: DataSource = field(default_factory=DataSource)
    overfit_one: bool = False
    skip_bad: bool = False
    threads: int | None = number(None, 1, 1e6)
    processes: int = number(1, 1, 1e6)
    start: Start | None = None
    tables: dict[str, list[list[int]]] = field(default_factory=dict)
    long_side: int | None = number(None, 1, 16384)
    class_shares: list[float] | None = None
    colour_axes: list[list[float]] | None = None
    stalls: Stalls | None = None
    total_steps: int | None = number(None, 1, STEPS)
    pace: list[list[int]] | None = None
    val_pictures: int | None = number(None, 1, 1e9)

    def frozen(self):
        """The names of the modules that keep their weights."""
        always = models.find(self.model)[0].keeps(self.options)
        return [*self.training.freeze.replace(",", " ").split(), *always]

    @classmethod
    def from_json(cls, header, source):
        """The Config that a file's header (what json.loads made of it) describes. Raises
        CheckpointError, which begins with `source`, for whatever is not as it should be."""
        if isinstance(header, dict) and isinstance(header.get("model"), str):
            try:
                models.find(header["model"])
            except ValueError as error:  # perhaps of a newer minicnn, or no network at all
                raise CheckpointError(f"{source}: {error}") from None
        return from_header(cls, header, source, _check)

    def to_json(self):
        """The header of a file: a dict that json.dumps takes, its format included."""
        return {"format": FORMAT} | typed.write(self)


def _check(config, complete):
    """What the kinds of the fields do not say."""
    model, _ = models.find(config.model)
    config.options = _network_options(model, config.options, complete)
    count = len(config.classes)
    most = 255 if model.task == "pixels" else CLASSES  # the label of a pixel is a byte
    typed.check(count, "the number of classes", range=(1, most))
    if len(set(config.classes)) < count:
        raise Malformed("classes holds a name twice")
    if config.total_steps is not None:
        typed.check(config.step, "step", range=(0, config.total_steps))
    for k, colour in enumerate(_of_length(config.colours, count, "colours")):
        for part in _of_length(colour, 3, f"colours[{k}]"):
            typed.check(part, f"colours[{k}]", range=(0, 255))
    for k, share in enumerate(_of_length(config.class_shares, count, "class_shares")):
        typed.check(share, f"class_shares[{k}]", range=(0, 1))
    if config.training and config.training.balance and config.class_shares is None:
        raise Malformed("class_shares is missing, and training.balance needs it")
    if config.training and config.training.colour_noise and config.colour_axes is None:
        raise Malformed("colour_axes is missing, and training.colour_noise needs it")
    if config.colour_axes is not None:
        for k, row in enumerate(_of_length(config.colour_axes, 3, "colour_axes")):
            for part in _of_length(row, 3, f"colour_axes[{k}]"):
                typed.check(part, f"colour_axes[{k}]", range=(-255, 255))
    _check_pace(config)
    for path, table in config.tables.items():
        for k, edge in enumerate(table):
            for place in _of_length(edge, 2, f"tables.{typed.named(path)}[{k}]"):
                typed.check(place, f"tables.{typed.named(path)}[{k}]", range=(0, 1e6))
    if "fold" in config.data.options:
        raise Malformed("data.options.fold is a key that is not known")
    for key, value in config.data.options.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, list | dict) or part in (math.inf, -math.inf) or part != part:
                raise Malformed(
                    f"data.options.{typed.named(key)} is {typed.shown(value)}, expected one value"
                )


def _check_pace(config):
    """Steps that rise, each with a total beyond it."""
    if config.pace == []:
        raise Malformed("pace holds no values")
    before = -1
    for k, piece in enumerate(config.pace or []):
        step, total = _of_length(piece, 2, f"pace[{k}]")
        typed.check(
            step, f"pace[{k}][0]", range=(0 if k == 0 else before + 1, 0 if k == 0 else STEPS)
        )
        typed.check(total, f"pace[{k}][1]", range=(step + 1, STEPS))
        before = step


def _network_options(model, given, complete):
    """The options of a network, each of the kind, and in the range, that the model says."""
    for key in given:
        if key not in model.DEFAULTS:
            raise Malformed(f"options.{typed.named(key)} is a key that is not known")
    options = {}
    for key, default in model.DEFAULTS.items():
        if complete and key not in given:
            raise Malformed(f"options.{key} is missing")
        options[key] = typed.read(type(default), given.get(key, default), f"options.{key}")
        rules = {"range": model.RANGES.get(key), "choices": model.CHOICES.get(key)}
        typed.check(options[key], f"options.{key}", **rules)
    return options


def _of_length(values, count, place):
    if values is None:
        return []
    if len(values) != count:
        raise Malformed(f"{place} holds {len(values)} values, expected {count}")
    return values
