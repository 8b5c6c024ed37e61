"""minicnn train cover --start RUN: the classifier of labelling=cover, for a trained network."""

import json

import minicnn
from minicnn.cli.common import bar, machine
from minicnn.learning import checkpoints
from minicnn.learning.covers import cover_file


def train(o, settings, data_options):
    flags = ("data", "fold", "minutes", "steps", "greedy", "overfit_one", "out")
    wrong = [
        f"--{name.replace('_', '-')}" for name in flags if getattr(o, name) not in (None, False)
    ]
    wrong += [f"--set data.{name}" for name in data_options]
    if wrong:
        raise ValueError(f"train cover follows the network that it is for; leave {wrong[0]} away")
    if not o.start:
        raise ValueError("train cover: for which network? minicnn train cover --start RUN")
    with machine(o) as device:
        classifier = minicnn.train_cover(
            o.start,
            **({"epochs": o.epochs} if o.epochs else {}),
            settings=settings,
            seed=o.seed,
            device=device,
            skip_bad=o.skip_bad,
            progress=bar,
        )
    about = {"cover": str(cover_file(checkpoints.find(o.start)))} | classifier.about
    if o.json:
        return print(json.dumps(about))
    print(f"cover: {about['segments']} segments, loss {about['losses'][-1]:.3f}; {about['cover']}")
    print(f"next: minicnn evaluate {o.start} --set labelling=cover")
