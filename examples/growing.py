# %% [markdown]
# # «Cannot use large data»: features by hand and a network, from few photographs and from many
#
# `python examples/growing.py --data sift-flow --counts 140 280 560 1120 2237` trains the old way
# (761 features by hand, boosted trees) and a network of three scales from more and more
# photographs, and asks both about the same test pictures. The network takes as many steps each
# time; trees read all pixels that they are given, so their cost grows with the pictures.
#
# Without arguments: a few drawn scenes, in two minutes. Results go to the folder `growing-story`,
# a line each; what stands there is not trained again.

# %%
import argparse
import json
import os
import time
from pathlib import Path
from unittest.mock import patch

from matplotlib.figure import Figure

import minicnn
from minicnn import datasets
from minicnn.datasets.splits import by_digest

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="scenes", choices=["scenes", "sift-flow"])
parser.add_argument("--counts", type=int, nargs="+", default=[4, 16, 64], help="training pictures")
parser.add_argument("--steps", type=int, default=300, help="of the network, a picture a step")
parser.add_argument("--width", type=float, default=0.25, help="of the network, 1 is the paper's")
parser.add_argument("--every", type=int, default=100, help="one pixel in so many teaches the trees")
parser.add_argument("--rounds", type=int, default=20, help="trees of a class")
parser.add_argument("--only", choices=["shallow", "multi-scale"], help="one of the two")
parser.add_argument("--out", type=Path, default=Path("growing-story"))
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
given.out.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Fewer photographs of a data set
# Drawn scenes are as many as one asks for. SIFT Flow reads `trainval.txt`, if there is one, and
# holds a tenth of it out, always the same pictures first: so a folder of links with a shorter list
# is a smaller data set.


# %%
def options_of(count):
    """Options with which `datasets.load` gives so many training pictures."""
    if given.data == "scenes":
        return {"size": (60, 80), "train": count, "val": 4, "test": 24}
    whole = datasets.load("sift-flow")
    root, home = whole.root, given.out.resolve() / f"data-{count}" / "sift-flow"
    if not home.is_dir():
        home.mkdir(parents=True)
        for path in root.iterdir():
            if path.name != "trainval.txt":
                (home / path.name).symlink_to(path)
        train = by_digest(whole.names("train"), "growing")[:count]
        held = by_digest(whole.names("val"), "sift-flow val")[: round(count / 9)]
        (home / "trainval.txt").write_text("\n".join(sorted(train + held)) + "\n")
    os.environ["MINICNN_DATA"] = str(home.parent)
    return {}


# %% [markdown]
# ## 2. Both systems, from each number of photographs

# %%
SYSTEMS = {
    "shallow": {"every": given.every, "rounds": given.rounds, "depth": 3, "gamma": 1},
    "multi-scale": {"width": given.width, "normalise": "both", "validations": 1}
    | {"lr": 0.005, "clip": 2, "warm_up": 100},
}
file = given.out / "growing.jsonl"
rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
for count in given.counts:
    for system, settings in SYSTEMS.items():
        known = any((r["system"], r["pictures"]) == (system, count) for r in rows)
        if known or given.only not in (None, system):
            continue
        length = {"epochs": 10} if system == "shallow" else {"steps": given.steps}
        with patch.dict(os.environ):  # where the smaller data set lies
            options, begun = options_of(count), time.process_time()
            data = {"data_options": options, "settings": settings}
            run = minicnn.train(system, given.data, seed=0, quiet=True, **length, **data)
            seconds = time.process_time() - begun
            assert len(run.task.pictures) == count
            scores = minicnn.evaluate(run, labelling="argmax").confusion
        rows.append({"system": system, "pictures": count, "seconds": round(seconds, 1)})
        rows[-1] |= {"right": scores.pixel_accuracy, "classes": scores.class_accuracy}
        print(f"{system:12}{count:6} pictures: {scores.pixel_accuracy:.1%} right, {seconds:.0f} s")
        with open(file, "a") as out:
            print(json.dumps(rows[-1]), file=out)

# %% [markdown]
# ## 3. The curves: what is right, and what it costs

# %%
figure = Figure(figsize=(10, 4.5), dpi=110, layout="constrained")
for axes, key, label in zip(
    figure.subplots(1, 2),
    ("right", "seconds"),
    ("share of right test pixels", "seconds of processor time of the training"),
    strict=True,
):
    for system, colour, name in (
        ("shallow", "#D55E00", "features by hand, boosted trees"),
        ("multi-scale", "#0072B2", "three scales"),
    ):
        points = sorted((r["pictures"], r[key]) for r in rows if r["system"] == system)
        if points:
            axes.plot(*zip(*points, strict=True), "o-", color=colour, label=name)
    axes.set(xscale="log", ylim=(0, None), xlabel="training pictures", ylabel=label)
    axes.set_xticks(given.counts, given.counts)
    axes.minorticks_off()
    axes.legend(frameon=False)
figure.savefig(given.out / "growing.png")
