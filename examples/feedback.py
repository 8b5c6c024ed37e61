# %% [markdown]
# # Features without labels, and answers that are fed back: the story step by step
#
# `python examples/feedback.py` learns features from drawn scenes without a single label (EPLS),
# puts a linear classifier on them, and feeds its answers back (Gatta, Romero, van de Weijer 2014),
# in less than two minutes on two cores. Pictures go to the folder `feedback-story`.

# %%
import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import minicnn
from minicnn import datasets, figures
from minicnn.figures.network import grey, mosaic
from minicnn.images.normalise import normalise_rgb
from minicnn.learning import epls
from minicnn.learning.features import drawn_patches

parser = argparse.ArgumentParser()
parser.add_argument("--pictures", type=int, default=150, help="to learn from")
parser.add_argument("--iterations", type=int, default=5)
parser.add_argument("--tests", type=int, default=40, help="pictures to test on")
chosen = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("feedback-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Filters from patches: no label is asked for
# Patches of 7x7 pixels, made white; each picks one of 64 outputs, and each output gets its share.

# %%
size = (64, 96)
options = {"size": size, "train": chosen.pictures, "val": 10, "test": chosen.tests}
scenes = datasets.load("scenes", **options)
rng = np.random.default_rng(0)
planes = [normalise_rgb(picture.image) for picture in scenes.split("train")]
patches = np.concatenate([drawn_patches(p[:, 4:-4, 4:-4], 7, 120, rng) for p in planes])
white = epls.whitening(patches, 80)
weight, bias, error, wins = epls.learn(white(patches), 64, 10)
print(f"error of a patch {error:.2f}; each output won {wins.min()} to {wins.max()} of the patches")
seen = (white.patches(weight) - white.mean).reshape(-1, 3, 7, 7).transpose(0, 2, 3, 1)
seen = 0.5 + 0.5 * seen / np.abs(seen).max(axis=(1, 2, 3), keepdims=True)
figure = Figure(figsize=(6, 6), layout="constrained")
axes = figure.subplots()
axes.imshow(mosaic(list(seen), 8), interpolation="nearest")
axes.set_title("the patches that 64 outputs stand for")
axes.axis("off")
figure.savefig(story / "1-filters.png")

# %% [markdown]
# ## 2. Learning: features of an iteration, a linear classifier on them, then the next iteration
# The training pictures are dealt to three folds. What is fed back of a picture comes from a
# classifier that has not seen it.

# %%
settings = {"iterations": chosen.iterations, "side": 64, "levels": 5, "maps": 60, "mix": 12}
settings |= {"samples": 15000, "passes": 6, "patches": 150, "batch": 200, "validations": 1}
settings |= {"weight_decay": 3e-3, "global": "none"}  # 150 pictures are few
settings |= {"cells": 0, "feedback": "probabilities"}  # too few for `ours` to read more of them
run = minicnn.train("feedback", "scenes", data_options=options, settings=settings, epochs=4)
network = run.network

# %% [markdown]
# ## 3. What the layers make of a picture: from the pixel to the whole

# %%
test = list(scenes.split("test"))
x = minicnn.Tensor(network.preprocess(test[0].image)[0][None])
with minicnn.no_grad():
    levels = network.iterations[0].levels(x)
figure = Figure(figsize=(14, 2.6), layout="constrained")
for axes, maps in zip(figure.subplots(1, len(levels)), levels, strict=True):
    maps = maps.numpy()[0]
    axes.imshow(grey(maps[maps.std(axis=(1, 2)).argmax()]), cmap="gray")
    axes.set_title(f"{len(maps)} maps of {maps.shape[1]}x{maps.shape[2]}")
    axes.axis("off")
figure.savefig(story / "2-levels.png")

# %% [markdown]
# ## 4. Input, iterations, truth: the lecture's last slide of it

# %%
said = {}
for count in range(1, chosen.iterations + 1):
    network.change(iterations=count)
    labels = [network.predict(picture.image).argmax(axis=0) for picture in test]
    known = [picture.labels < 255 for picture in test]
    right = [(s == p.labels)[k] for s, p, k in zip(labels, test, known, strict=True)]
    print(f"iteration {count}: pixel accuracy {np.concatenate(right).mean():.1%}")
    said[f"iteration {count}"] = labels[:4]
sheet = figures.compare_sheet(test[:4], said, scenes.classes, scenes.colours)
sheet.savefig(story / "3-iterations.png")
