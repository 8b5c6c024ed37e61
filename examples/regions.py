# %% [markdown]
# # Regions that have names: which of some hundred regions are objects, and what are they?
#
# `python examples/regions.py` does what Hariharan, Arbelaez, Girshick and Malik did in 2014, step
# by step, on drawn scenes, whose objects have masks, in less than two minutes on two cores: regions
# are proposed, cut out in two ways, named by a network that has learnt photographs before,
# suppressed, and drawn anew. Pictures go to `regions-story`.

# %%
import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import minicnn
from minicnn import datasets
from minicnn.datasets.colours import palette
from minicnn.datasets.instances import background_of, of_picture
from minicnn.figures.instance_scores import instance_scores_figure
from minicnn.images.context import context
from minicnn.images.naming import named_objects
from minicnn.images.painting import overlay
from minicnn.inference.objects import ObjectScores, shown_from
from minicnn.labelling.proposals.overlaps import mask_overlaps
from minicnn.labelling.regions.proposed import Proposed
from minicnn.labelling.regions.regions import Regions
from minicnn.learning.proposal_files import load_proposer
from minicnn.models.detection import detect

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=100, help="of the network")
parser.add_argument("--train", type=int, default=40, help="pictures to learn from")
parser.add_argument("--test", type=int, default=16, help="pictures to measure on")
parser.add_argument("--width", type=float, default=1.0, help="below 1: nothing learnt before")
chosen = parser.parse_known_args()[0]  # a notebook has arguments of its own
ORANGE = np.array([[230, 159, 0]], np.uint8)
story = Path("regions-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Two ways to look at a region
# The box with its surroundings, and the same square with the mean of all pictures in the place of
# what is not the region. Both are stretched to 56 x 56 pixels, as the shipped `alexnet` knows them.

# %%
options = {"size": (96, 128), "train": chosen.train, "val": chosen.test}
data = datasets.load("scenes", **options)
background, proposer = background_of(data), load_proposer("edges")
test = [data.read(name) for name in data.names("val")]
shown = max(test, key=lambda picture: len(of_picture(picture, background)))
proposed = Proposed.of(proposer, shown.image, 60)
figure = Figure(figsize=(11, 4.4), layout="constrained")
cells = figure.subplots(3, 10)
for k in range(10):
    part = context(proposed.boxes[k], 56, proposed.size)
    square = part.of(shown.image)
    mask = proposed.at(k, part.at) & part.inside
    masked = np.where(mask[:, :, None], square, np.uint8((124, 116, 104)))
    painted = overlay(shown.image, np.where(proposed.mask(k), 0, 255).astype(np.uint8), ORANGE)
    for axes, picture in zip(cells[:, k], (painted, square, masked), strict=True):
        axes.imshow(picture)
        axes.axis("off")
figure.savefig(story / "1-regions.png")

# %% [markdown]
# ## 2. A network with two pathways, learnt on regions of which a quarter are objects
# Before the first step stand the proposals of all pictures, behind the last one what is not learnt
# by gradients through the network: how masks are drawn anew, and which score is enough.

# %%
small = {"regions": 60, "test_regions": 60, "batch": 16, "validations": 1, "lr": 0.004}
small |= {"warm_up": min(10, chosen.steps), "width": chosen.width}
run = minicnn.train(
    "sds",
    "scenes",
    steps=chosen.steps,
    settings=small,
    data_options=options,
    start=None if chosen.width == 1 else "none",
    quiet=True,
)
print(f"regions of pictures that were held out, named rightly: {run.config.best.val_accuracy:.1%}")
network = run.network

# %% [markdown]
# ## 3. Every region has a score for every class; of those that share a pixel the best stays
# The best region of all, and what the network says of the ten that overlap it most.

# %%
features = network.describe(shown.image, proposed)
scores = network.class_scores(features)
best = int(scores.max(axis=1).argmax())
masks = np.stack([proposed.mask(k) for k in range(len(proposed))])
near = np.argsort(-mask_overlaps(masks, masks[best : best + 1])[:, 0])[:10]
figure = Figure(figsize=(11, 4), layout="constrained")
for axes, k in zip(figure.subplots(2, 5).ravel(), near, strict=False):
    label = int(scores[k].argmax())
    text = f"{data.classes[label]} {scores[k, label]:.2f}"
    axes.imshow(overlay(shown.image, np.where(masks[k], 0, 255).astype(np.uint8), ORANGE))
    axes.set_title(text, fontsize=10)
    axes.axis("off")
figure.savefig(story / "2-scores.png")

# %% [markdown]
# ## 4. Masks are drawn anew: 10 x 10 cells from the network, borders from the picture

# %%
size = shown.labels.shape
figure = Figure(figsize=(11, 3.2), layout="constrained")
ways = {"as proposed": "no", "drawn anew": "yes"}
for axes, (title, refine) in zip(figure.subplots(1, 2), ways.items(), strict=True):
    found = detect(network, shown.image, proposed, features, refine=refine)
    found = found[found.scores > shown_from(network)][:6]
    texts = [
        f"{data.classes[k]} {score:.2f}"
        for k, score in zip(found.classes, found.scores, strict=True)
    ]
    axes.imshow(named_objects(shown.image, found.masks, palette(len(found)), texts))
    axes.set_title(title, fontsize=10)
    axes.axis("off")
figure.savefig(story / "3-drawn-anew.png")

# %% [markdown]
# ## 5. How many objects are found, and how well are they drawn?
# AP^r: regions by their scores, right where they overlap with an object of their class by more than
# half.

# %%
found = {title: ObjectScores(data.classes) for title in ways}
for picture in test:
    truth = Regions.of_objects(of_picture(picture, background), picture.labels.shape)
    proposed = Proposed.of(proposer, picture.image, network.options["test_regions"])
    features = network.describe(picture.image, proposed)
    for title, refine in ways.items():
        found[title].add(detect(network, picture.image, proposed, features, refine=refine), truth)
for title, score in found.items():
    volume = np.nanmean(score.ap_volume)
    print(f"{title:12} mean AP^r {score.mean_ap():.1%}, over all overlaps {volume:.1%}")
instance_scores_figure(found["drawn anew"]).savefig(story / "4-scores.png")
