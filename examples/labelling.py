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
from minicnn.covers import cover_labelling
from minicnn.evaluation import score
from minicnn.figures.stages import stage_figures
from minicnn.grouping.alpha_expansion import alpha_expansion, energy
from minicnn.grouping.crf import crf_energy
from minicnn.grouping.labelling import Labelling, softmax
from minicnn.grouping.superpixels import region_means, superpixels

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=400, help="how many pictures to learn from")
steps = parser.parse_known_args()[0].steps  # a notebook has arguments of its own
story = Path("labelling-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. A network whose scores are right on the whole, and blurred at every border

# %%
options = {"size": (120, 160), "train": max(steps, 12), "val": 4, "test": 20}
settings = {"width": 0.5}
run = minicnn.train("multi-scale", "scenes", steps=steps, settings=settings, data_options=options)
scenes = datasets.load("scenes", **options)
test = list(scenes.split("test"))
scores = [run.network.predict(p.image) for p in test[:3]]
pixels = [s.argmax(axis=0) for s in scores]
figures.prediction_sheet(test[:3], pixels, scenes.classes, scenes.colours).savefig(
    story / "1-pixels.png"
)

# %% [markdown]
# ## 2. Superpixels: the picture knows where its borders are
# Small regions of like colour. Each takes the class of the highest mean probability.

# %%
regions = [superpixels(p.image, min_size=10) for p in test[:3]]
means = [region_means(softmax(s), r) for s, r in zip(scores, regions, strict=True)]
grouped = [m.argmax(axis=1)[r] for m, r in zip(means, regions, strict=True)]
results = {"pixels": pixels, "superpixels": grouped}
sheet = figures.grouping_sheet(test[:3], regions, results, scenes.classes, scenes.colours)
sheet.savefig(story / "2-superpixels.png")

# %% [markdown]
# ## 3. A CRF: a region that is unsure listens to its neighbours
# What a label costs a region, and what it costs that two regions that touch have different ones.
# Each move offers one class to all regions at once; the minimum cut says which of them take it.
# Pictures half as large have a quarter of the pixels and half of the borders: gamma is halved too.

# %%
agreed = []
for picture, s, r, before in zip(test, scores, regions, means, strict=False):
    costs = crf_energy(picture.image, softmax(s), r, alpha=4.0, beta=0.1, gamma=6.0)
    trace = []
    labels = alpha_expansion(*costs, trace=trace)
    agreed.append(labels[r])
    first, last = energy(*costs, before.argmax(axis=1)), energy(*costs, labels)
    print(f"{len(before)} regions, energy {first:.0f} to {last:.0f} in {len(trace)} moves:")
    print("   ", ", ".join(scenes.classes[alpha] for alpha, _ in trace) or "nothing to gain")

results = {"superpixels": grouped, "CRF": agreed}  # what the CRF changed is framed in white
sheet = figures.grouping_sheet(test[:3], regions, results, scenes.classes, scenes.colours)
sheet.savefig(story / "3-crf.png")

# %% [markdown]
# ## 4. The optimal cover: which segment tells best what a pixel is?
# The superpixels are merged, the most alike first, up to the whole picture. A small classifier
# learns which classes a segment contains; each pixel believes the purest segment that it is in.

# %%
classifier = minicnn.train_cover(run, settings={"segments": 30, "min_size": 10})
cover = cover_labelling(classifier)
scored, features = run.network.predict_with_features(test[0].image)
drawn = stage_figures(test[0].image, scored, features, cover, scenes.classes, scenes.colours)
drawn["tree"].savefig(story / "4-tree.png")
drawn["cover"].savefig(story / "4-cover.png")

# %% [markdown]
# ## 5. How much is each worth, and what does it cost?

# %%
for label in (
    Labelling("argmax"),
    Labelling("superpixels", min_size=10),
    Labelling("crf", min_size=10, gamma=6.0),
    cover,
):
    confusion, seconds = score(run.network, test, scenes.classes, labelling=label)
    print(
        f"{label.name:12} pixel accuracy {confusion.pixel_accuracy:.1%}, {seconds:.3f} s a picture"
    )
