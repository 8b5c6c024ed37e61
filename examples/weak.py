# %% [markdown]
# # From the names of pictures to their pixels
#
# `python examples/weak.py` teaches a network which of eight things each drawn scene shows, and
# never where (Pinheiro, Collobert 2015); then it asks for every pixel. In less than two minutes on
# two cores; pictures go to `weak-story`. The features are those of the shipped `alexnet`, which has
# seen photographs of a hundred kinds of things, and do not learn.
#
# For photographs of cats and dogs, and for the peers that a result there has to beat, see
# `examples/weak_peers.py`.

# %%
import argparse
import functools
from pathlib import Path

import numpy as np

import minicnn
from minicnn import datasets
from minicnn.figures.grouping import grouping_sheet
from minicnn.figures.stages import prior_figures
from minicnn.inference.segmenting import labelling_for
from minicnn.labelling.methods import Labelling
from minicnn.learning.metrics import Confusion
from minicnn.learning.trained import trained

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=150)
parser.add_argument("--pictures", type=int, default=160, help="to learn from")
parser.add_argument("--tests", type=int, default=30)
chosen = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("weak-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. What is known of a picture
# Its tags: the names of what occurs in it. Nothing else of the labels is looked at.

# %%
options = {"size": (96, 128), "train": chosen.pictures, "val": 10, "test": chosen.tests}
scenes = datasets.load("scenes", **options)
for picture in list(scenes.split("train"))[:3]:
    print(f"{picture.name}: {', '.join(picture.tags)}")

# %% [markdown]
# ## 2. One score for a picture, three ways
# Its mean over the places of the picture, its maximum, or log-sum-exp, which lies between the two.
# Each is learnt from the same pictures, with the same steps.

# %%
settings = {"objective": "sigmoid", "side": 128, "head": "64-32", "filters": "3-1"}
settings |= {"batch": 8, "validations": 2, "lr": 0.05, "flip": False}
runs = {}
for way in ("mean", "max", "lse"):
    runs[way] = minicnn.train(
        "weak",
        "scenes",
        steps=chosen.steps,
        settings=settings | {"aggregation": way},
        data_options=options,
        quiet=True,
    )

# %% [markdown]
# ## 3. And now the pixels
# Beside them a rule without a network: all of the picture is what the network is surest of.

# %%
test = list(scenes.split("test"))


def score(name, label_of):
    confusion, labels = Confusion(scenes.classes), [label_of(picture) for picture in test]
    for picture, found in zip(test, labels, strict=True):
        confusion.add(picture.labels, found)
    iou = f"mean IoU {confusion.mean_iou:.1%}"
    print(f"{name:20} pixel accuracy {confusion.pixel_accuracy:.1%}, {iou}")
    return labels


def everywhere(picture):
    best = runs["lse"].network.picture_scores(picture.image).argmax()
    return np.full(picture.labels.shape, best, np.uint8)


def highest(network, picture):
    return network.predict(picture.image).argmax(axis=0).astype(np.uint8)


def by(labelling, picture):
    return labelling(picture.image, runs["lse"].network.predict(picture.image))


drawn = {}
score("one for all pixels", everywhere)
for way, run in runs.items():
    drawn[way] = score(way, functools.partial(highest, run.network))

# %% [markdown]
# ## 4. What else is known: the picture as a whole, and its regions

# %%
network = trained(runs["lse"])
for name in ("prior", "prior-superpixels"):
    labelling = labelling_for(network, Labelling(name))
    drawn[name] = score(f"lse, {name}", functools.partial(by, labelling))
few = range(0, len(test), max(1, len(test) // 4))
regions = [labelling.regions(test[k].image) for k in few]
shown = {name: [maps[k] for k in few] for name, maps in drawn.items()}
sheet = grouping_sheet([test[k] for k in few], regions, shown, scenes.classes, scenes.colours)
sheet.savefig(story / "1-pixels.png")
scores = network.network.predict(test[0].image)
stages = prior_figures(test[0].image, scores, labelling, scenes.classes, scenes.colours)
for number, (name, figure) in enumerate(stages.items(), 2):
    figure.savefig(story / f"{number}-{name}.png")
