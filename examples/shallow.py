# %% [markdown]
# # The traditional way: the story step by step
#
# `python examples/shallow.py` does on drawn scenes what was done before networks: channels that
# somebody thought up, 761 numbers for each pixel, a classifier, a graphical model; in less than two
# minutes on two cores. Pictures go to the folder `shallow-story`.

# %%
import argparse
import time
from pathlib import Path

import numpy as np

import minicnn
from minicnn import datasets, figures
from minicnn.labelling.potts import potts
from minicnn.labelling.probabilities import softmax
from minicnn.models.pixel_features import PixelFeatures

parser = argparse.ArgumentParser()
parser.add_argument("--pictures", type=int, default=40, help="to learn from")
parser.add_argument("--rounds", type=int, default=40, help="trees of a class")
parser.add_argument("--tests", type=int, default=12, help="pictures to test on")
chosen = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("shallow-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Features: what somebody thought up
# 33 channels; of each the value at a pixel, mean and variance of nine squares around it, of its row
# and of its column; and where it lies.

# %%
options = {"size": (60, 80), "train": chosen.pictures, "val": 2, "test": chosen.tests}
scenes = datasets.load("scenes", **options)
test = list(scenes.split("test"))
features = PixelFeatures(test[0].image)
print(f"features of a pixel: {len(features.at([30], [40]))}")

# %% [markdown]
# ## 2. Two classifiers: a linear one on the features, and one on what boosted trees say of them

# %%
settings = {"every": 25, "patches": 150, "batch": 200, "rounds": chosen.rounds}
runs, seconds = {}, {}
for name in ("logistic", "stacked"):
    begun = time.perf_counter()
    own = {"classifier": name} | ({"gamma": 4.0} if name == "logistic" else {})
    runs[name] = minicnn.train(
        "shallow", "scenes", data_options=options, settings=settings | own, epochs=10, quiet=True
    )
    seconds[name] = time.perf_counter() - begun

# %% [markdown]
# ## 3. What each of them is worth, and what the graphical model adds


# %%
def right(answers):
    """The share of the pixels with a label that are named rightly."""
    known = [picture.labels < 255 for picture in test]
    return np.concatenate(
        [(a == p.labels)[k] for a, p, k in zip(answers, test, known, strict=True)]
    ).mean()


said = {"logistic regression": [runs["logistic"].network.predict(p.image) for p in test]}
stacked = runs["stacked"].network
said["boosted and stacked"] = [stacked.predict(p.image) for p in test]
labels = {name: [s.argmax(axis=0) for s in scores] for name, scores in said.items()}
gamma = stacked.options["gamma"]
scores = said["boosted and stacked"]
labels["with a Potts model"] = [
    potts(p.image, softmax(s), gamma) for p, s in zip(test, scores, strict=True)
]
for name, answers in labels.items():
    print(f"{name}: pixel accuracy {right(answers):.1%}")
print(f"trained in {seconds['logistic']:.0f} s and {seconds['stacked']:.0f} s; gamma {gamma:g}")
shown = {name: answers[:4] for name, answers in labels.items()}
sheet = figures.compare_sheet(test[:4], shown, scenes.classes, scenes.colours)
sheet.savefig(story / "2-labels.png")

# %% [markdown]
# ## 4. Stage by stage, of one picture

# %%
result = minicnn.segment(test[0].image, runs["stacked"])
for name, figure in result.stages().items():
    figure.savefig(story / f"1-{name}.png")
