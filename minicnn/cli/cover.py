"""minicnn train cover --start RUN: the classifier of labelling=cover, for a trained network."""

import json

import minicnn
from minicnn.cli.common import bar, beside_start, given, machine
from minicnn.learning.covers import cover_file

FLAGS = ("data", "fold", "minutes", "steps", "greedy", "overfit_one", "recipe", "out")


def train(o, settings, data_options):
    if wrong := given(o, FLAGS, data_options):
        raise ValueError(f"train cover follows the network that it is for; leave {wrong[0]} away")
    if not o.start:
        raise ValueError("train cover: for which network? minicnn train cover --start RUN")
    file = beside_start(o, cover_file)
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
    about = {"cover": file} | classifier.about
    if o.json:
        return print(json.dumps(about))
    print(f"cover: {about['segments']} segments, loss {about['losses'][-1]:.3f}; {about['cover']}")
    print(f"next: minicnn evaluate {o.start} --set labelling=cover")
