# %% [markdown]
# # From scores to labels: superpixels, neighbours that agree, and the purest segments
#
# `python examples/labelling.py` trains a small network on drawn scenes, in about a minute on two
# cores, and then does not touch it again: only how its scores become labels changes. Pictures go to
# the folder `labelling-story`.

# %%
import argparse
from pathlib import Path

import minicnn
from minicnn import datasets, figures
from minicnn.figures.stages import stage_figures
from minicnn.labelling.alpha_expansion import alpha_expansion, energy
from minicnn.labelling.crf import crf_energy
from minicnn.labelling.methods import Labelling, labelled, softmax
from minicnn.learning.covers import cover_labelling
from minicnn.learning.metrics import score

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=400, help="how many pictures to learn from")
parser.add_argument("--tests", type=int, default=60, help="pictures to test on")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
steps, story = given.steps, Path("labelling-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. A network whose scores are right on the whole, and blurred at every border

# %%
options = {"size": (120, 160), "train": max(steps, 12), "val": 4, "test": given.tests}
settings = {"width": 0.5}
run = minicnn.train("multi-scale", "scenes", steps=steps, settings=settings, data_options=options)
scenes = datasets.load("scenes", **options)
test = list(scenes.split("test"))
pixels = [run.network.predict(p.image).argmax(axis=0) for p in test[:3]]
figures.prediction_sheet(test[:3], pixels, scenes.classes, scenes.colours).savefig(
    story / "1-pixels.png"
)


def draw(labelling):
    """Each stage of a labelling of the first test picture, as a figure."""
    stages = stage_figures(image, scores, features, labelling, scenes.classes, scenes.colours)
    for name, figure in stages.items():
        step = {"superpixels": 2, "crf": 3, "tree": 4, "cover": 4}[name]
        figure.savefig(story / f"{step}-{name}.png")


# %% [markdown]
# ## 2. Superpixels: the picture knows where its borders are
# Small regions of like colour. Each takes the class of the highest mean probability.

# %%
superpixels = Labelling("superpixels", min_size=10)
image = test[0].image
scores, features = run.network.predict_with_features(image)
draw(superpixels)

# %% [markdown]
# ## 3. A CRF: a region that is unsure listens to its neighbours
# What a label costs a region, and what it costs that two regions that touch have different ones.
# Each move offers one class to all regions at once; the minimum cut says which of them take it.
# Here that is worth about a point, whatever gamma is: on 120 validation scenes superpixels were
# right at 57.7 %, with gamma 0.5, 1, 2, 4, 8 it was 58.3, 58.6, 58.7, 58.7, 59.1 %. So small a gain
# needs many scenes: on the first 20 test scenes gamma 6 lost 1.6 points, and gamma 2 won 2.8.

# %%
crf = Labelling("crf", min_size=10, gamma=2.0)
draw(crf)
regions = crf.regions(image)
costs = crf_energy(image, softmax(scores), regions, alpha=4.0, beta=0.1, gamma=2.0)
moves = []
labels = alpha_expansion(*costs, trace=moves)
first, last = energy(*costs, costs[0].argmin(axis=1)), energy(*costs, labels)
print(f"{regions.max() + 1} regions, energy {first:.0f} to {last:.0f} in {len(moves)} moves:")
print("   ", ", ".join(scenes.classes[alpha] for alpha, _ in moves) or "nothing to gain")

# %% [markdown]
# ## 4. The optimal cover: which segment tells best what a pixel is?
# The superpixels are merged, the most alike first, up to the whole picture. A small classifier
# learns which classes a segment contains; each pixel believes the purest segment that it is in.

# %%
classifier = minicnn.train_cover(run, settings={"segments": 30, "min_size": 10})
cover = cover_labelling(classifier)
draw(cover)

# %% [markdown]
# ## 5. How much is each worth, and what does it cost?

# %%
for way in (Labelling("argmax"), superpixels, crf, cover):

    def label(network, image, way=way):
        return labelled(network, image, way)[0]

    right, seconds = score(run.network, test, scenes.classes, label=label)
    print(f"{way.name:12} pixel accuracy {right.pixel_accuracy:.1%}, {seconds:.3f} s a picture")
