# %% [markdown]
# # From the names of pictures to their pixels
#
# `python examples/weak.py` teaches a network which drawn scenes show water, which a building, and
# which neither; never where (Pinheiro, Collobert 2015). Then it asks for every pixel. In less than
# two minutes on two cores; pictures go to `weak-story`. The features are those of the shipped
# `alexnet`, which has seen photographs of a hundred kinds of things, and do not learn.
#
# For photographs of cats and dogs, and for the peers that a result there has to beat, see
# `examples/weak_peers.py`.

# %%
import argparse
import functools
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import minicnn
from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.datasets.colours import class_colours
from minicnn.figures.grouping import grouping_sheet
from minicnn.figures.stages import prior_figures
from minicnn.inference.segmenting import labelling_for
from minicnn.labelling.methods import Labelling
from minicnn.learning.metrics import Confusion
from minicnn.learning.trained import trained

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--pictures", type=int, default=400, help="to learn from, two dozen or more")
parser.add_argument("--tests", type=int, default=40)
chosen = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("weak-story")
THINGS = ("water", "building")

# %% [markdown]
# ## 1. What is known of a picture
# Which of the two things it shows: the folder in which it lies says so, as with anybody's
# photographs. Scenes that show both are left out, for each has one label. What shows neither is
# background; without it nothing would tell water from the sky that is above it in every picture.

# %%
options = {"size": (96, 128), "train": chosen.pictures, "val": 60, "test": chosen.tests}
scenes = datasets.load("scenes", **options)
folders = story / "folders"
shutil.rmtree(folders, ignore_errors=True)  # an earlier call may have drawn more
for split in ("train", "val"):
    for picture in scenes.split(split):
        shown = [thing for thing in THINGS if thing in picture.tags] or ["background"]
        if len(shown) == 1:
            folder = folders / split / shown[0]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.image).save(folder / f"{picture.name}.png")
data = datasets.load(str(folders))
for split in ("train", "val"):
    counts = [f"{len(list((folders / split / name).glob('*')))} {name}" for name in data.classes]
    print(f"{split}: {', '.join(counts)}")

# %% [markdown]
# ## 2. One score for a picture, three ways
# Its mean over the places of the picture, its maximum, or log-sum-exp, which lies between the two.
# Each is learnt from the same pictures, with the same steps.

# %%
settings = {"side": 128, "head": "64-32", "filters": "3-1", "batch": 8, "validations": 4}
runs = {}
for way in ("mean", "max", "lse"):
    ours = settings | {"aggregation": way}
    runs[way] = minicnn.train("weak", folders, steps=chosen.steps, settings=ours, quiet=True)
classes, colours = data.classes, class_colours(data.classes)

# %% [markdown]
# ## 3. And now the pixels
# The scenes know the truth, and here it is asked for the first time. Beside the networks stands a
# rule that looks at no place: all of the picture is what the network calls it.

# %%
number = np.full(VOID + 1, classes.index("background"), np.uint8)
number[VOID] = VOID
for thing in THINGS:
    number[scenes.classes.index(thing)] = classes.index(thing)


def with_truth(split):
    return [replace(picture, labels=number[picture.labels]) for picture in scenes.split(split)]


val, test = with_truth("val"), with_truth("test")


def score(pictures, label_of):
    confusion, labels = Confusion(classes), [label_of(picture) for picture in pictures]
    for picture, found in zip(pictures, labels, strict=True):
        confusion.add(picture.labels, found)
    return confusion, labels


def say(name, confusion):
    iou = ", ".join(f"{c} {v:.1%}" for c, v in zip(classes, confusion.per_class_iou, strict=True))
    print(f"{name:30} mean IoU {confusion.mean_iou:.1%}   {iou}")


def everywhere(picture):
    best = runs["lse"].network.picture_scores(picture.image).argmax()
    return np.full(picture.labels.shape, best, np.uint8)


def highest(network, picture):
    return network.predict(picture.image).argmax(axis=0).astype(np.uint8)


def by(labelling, picture):
    return labelling(picture.image, runs["lse"].network.predict(picture.image))


drawn = {}
say("one for all pixels", score(test, everywhere)[0])
for way, run in runs.items():
    confusion, drawn[way] = score(test, functools.partial(highest, run.network))
    say(way, confusion)

# %% [markdown]
# ## 4. What else is known: the picture as a whole, and its regions
# How sure must a pixel be to be more than background? The masks of the `val` scenes decide.

# %%
network = trained(runs["lse"])


def ready(name, threshold):
    return labelling_for(network, Labelling(name, threshold=threshold))


for name in ("prior", "prior-superpixels"):
    found = {t: score(val, functools.partial(by, ready(name, t)))[0] for t in (0.1, 0.2, 0.3, 0.4)}
    best = max(found, key=lambda t: np.nan_to_num(found[t].mean_iou))
    labelling = ready(name, best)
    confusion, drawn[name] = score(test, functools.partial(by, labelling))
    say(f"lse, {name} ({best:g})", confusion)
few = range(0, len(test), max(1, len(test) // 4))
regions = [labelling.regions(test[k].image) for k in few]
shown = {name: [maps[k] for k in few] for name, maps in drawn.items()}
sheet = grouping_sheet([test[k] for k in few], regions, shown, classes, colours)
sheet.savefig(story / "1-pixels.png")
scores = network.network.predict(test[0].image)
stages = prior_figures(test[0].image, scores, labelling, classes, colours)
for place, (name, figure) in enumerate(stages.items(), 2):
    figure.savefig(story / f"{place}-{name}.png")
