"""The keys that --set knows, with their defaults: the end of the help of the commands that have it.

They are read from where they are used, so that no list can fall behind.
"""

import inspect
import textwrap

from minicnn import models

WIDTH = 78


def of_training():
    """The keys of `train`: of every network, of its training, and of the data."""
    from minicnn import optim
    from minicnn.labelling.methods import LABELLINGS
    from minicnn.learning import cover_training, proposal_training
    from minicnn.learning.config import TRAINING_DEFAULTS as always

    yield "keys of --set, with their defaults (of recipe ours; what a network gives counts for it):"
    yield from _row("every network", always, {"schedule": optim.SCHEDULES})
    for name, (cls, _) in models.MODELS.items():
        chosen = models.recipe(name, "ours")
        own = {key: chosen.get(key, value) for key, value in cls.DEFAULTS.items()}
        own |= {key: v for key, v in chosen.items() if v != always.get(key, v)}
        yield from _row(name, own, cls.CHOICES)
    yield from _row("cover", cover_training.DEFAULTS | LABELLINGS["superpixels"])
    yield from _row("proposals", proposal_training.DEFAULTS)
    yield from _of_data()


def of_networks():
    """The keys of `export`, of a file that says nothing of them."""
    yield "keys of --set, with their defaults:"
    yield from _row("every network", {"model": "", "classes": ""})
    for name, (cls, _) in models.MODELS.items():
        yield from _row(name, cls.DEFAULTS, cls.CHOICES)


def of_labelling():
    """The keys of `segment`: of a trained network, and of what makes labels of its scores."""
    from minicnn.labelling.methods import LABELLINGS

    yield "keys of --set, with their defaults:"
    yield from _row("labels", {"labelling": "argmax"}, {"labelling": LABELLINGS})
    for name, options in LABELLINGS.items():
        yield from _row(f"labelling={name}", options) if options else ()
    for name, (cls, _) in models.MODELS.items():
        later = {key: cls.DEFAULTS[key] for key in cls.CHANGEABLE}
        yield from _row(name, later, cls.CHOICES) if later else ()


def of_evaluation():
    yield from of_labelling()
    yield from _of_data()


def of_data():
    yield "keys of --set, with their defaults:"
    yield from _of_data()


def _of_data():
    from minicnn.datasets.scenes.dataset import Scenes

    parameters = inspect.signature(Scenes).parameters.values()
    yield from _row("--data scenes", {f"data.{p.name}": p.default for p in parameters})
    several = {
        "data.mapping": "common, or the path of a mapping.txt",
        "data.often": "B:8 (its training pictures eight times an epoch)",
    }
    yield from _row("--data A+B", several)
    yield from _row("--data of classes", {"data.classes": "all, or some: cat,dog"})


def _row(owner, options, choices=()):
    """Lines `owner  key=default ...`; of a key with few values all, the default first."""
    texts = []
    for key, value in options.items():
        others = [other for other in choices[key] if other != value] if key in choices else []
        texts.append(f"{key}={'|'.join(map(_text, [value, *others]))}")
    indent = f"  {owner:22} "
    space = {"initial_indent": indent, "subsequent_indent": " " * len(indent)}
    keep_whole = {"break_long_words": False, "break_on_hyphens": False}
    room, text = WIDTH - len(indent), " ".join(texts)
    for long in [part for part in texts if len(part) > room]:  # many values: a row cut between two
        values = textwrap.wrap(long.replace("|", "| "), room, **keep_whole)
        text = text.replace(long, " ".join(line.replace("| ", "|") for line in values))
    return textwrap.wrap(text, WIDTH, **space, **keep_whole)


def _text(value):
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
