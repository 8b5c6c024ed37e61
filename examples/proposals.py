# %% [markdown]
# # Object proposals: from edges to some hundred regions among which the objects are
#
# `python examples/proposals.py` takes apart what multiscale combinatorial grouping does (Arbelaez,
# Pont-Tuset, Barron, Marques, Malik 2014), on drawn scenes, in less than two minutes on two cores:
# edges at three scales, a hierarchy of regions from each, the four of them aligned, regions and
# their neighbours put together, and the best of them first. Pictures go to `proposals-story`.
#
# `--data voc2012-animals --edges edges` measures the shipped proposals on real photographs, with
# nothing fitted here.

# %%
import argparse
from pathlib import Path

import numpy as np
import region_peers as peers

import minicnn  # noqa: F401  gives figures to results
from minicnn import datasets, figures
from minicnn.datasets.instances import background_of, of_picture
from minicnn.datasets.splits import evenly
from minicnn.figures.proposals import edges_figure, hierarchy_figure, regions_figure
from minicnn.inference.regions import COUNTS, score_regions
from minicnn.labelling.contours import gradients
from minicnn.labelling.proposals.proposer import Proposer
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.proposal_training import fit_proposer

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="scenes")
parser.add_argument("--edges", default="", help="a network of edges with proposals; else gradients")
parser.add_argument("--train", type=int, default=40, help="pictures to learn from, without --edges")
parser.add_argument("--test", type=int, default=20, help="pictures to measure on")
chosen = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("proposals-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. Which regions, and how many of each kind: learnt from objects with masks
# A few regions of a tree, side by side, are nearly always an object. How many singles, pairs,
# triplets and 4-tuples of each tree are worth it, the training pictures tell, and a forest learns
# from 16 numbers how well a candidate fits. The edges of the scenes are gradients of brightness and
# colour: no network has seen them.

# %%
options = {"size": (96, 128), "train": chosen.train, "val": chosen.test}
data = datasets.load(chosen.data, **(options if chosen.data == "scenes" else {}))
background = background_of(data)
test = [data.read(name) for name in evenly(data.names("val"), chosen.test)]
if chosen.edges:
    proposer = load_proposer(chosen.edges)
else:
    train = [data.read(name) for name in evenly(data.names("train"), chosen.train)]
    proposer = fit_proposer(Proposer(gradients, [0] * 16), train, background, candidates=1500)
print(f"{'of each tree':18} combined, 1/2, 1 and 2 of the size")
rows = zip(
    ("singles", "pairs", "triplets", "4-tuples"), proposer.lengths.reshape(4, 4), strict=True
)
for name, row in rows:
    print(f"{name:18} {' '.join(f'{n:5}' for n in row)}")

# %% [markdown]
# ## 2. A picture on its way: edges, hierarchies, the best regions

# %%
shown = max(test, key=lambda picture: len(of_picture(picture, background)))
found = proposer(shown.image, 1000)
edges_figure(shown.image, found.strengths).savefig(story / "1-edges.png")
hierarchy_figure(shown.image, found.hierarchies).savefig(story / "2-hierarchies.png")
regions_figure(shown.image, found).savefig(story / "3-proposals.png")

# %% [markdown]
# ## 3. How good are they? The best overlap with each object, and simpler ways beside it
# In brackets the share of the objects that some region overlaps with by half. Boxes are rectangles
# of a grid; unions are superpixels and two or three neighbours; selective search merges the same
# superpixels by likeness. All on the same pictures.

# %%
ways = {
    "proposals": proposer,
    "boxes": lambda image, count: peers.boxes(image.shape[:2], count),
    "unions": peers.unions,
    "selective search": peers.selective_search,
}
print(f"{'':18}" + "".join(f"{f'first {count}':>14}" for count in COUNTS) + "   s each")
scores = {name: score_regions(way, test, background=background) for name, way in ways.items()}
for name, score in scores.items():
    print(score.line(name))
labels = sorted(set(scores["proposals"].labels))
if len(labels) > 1:
    heads = "".join(f"{f'first {count}':>14}" for count in COUNTS)
    print(f"\n{'proposals, of':18}{heads} objects")
    for label in labels:
        mine = scores["proposals"].of(label)
        print(mine.line(data.classes[label], len(mine.labels)))

# %%
from matplotlib.figure import Figure  # noqa: E402

figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.subplots()
for name, score in scores.items():
    axes.plot(COUNTS, score.j_i, marker="o", label=name)
axes.set(xscale="log", xlabel="regions of a picture", ylabel="mean best overlap", ylim=(0, 1))
axes.set_xticks(COUNTS, COUNTS)
axes.legend()
figure.savefig(story / "4-overlap.png")
if data.name == "scenes":  # the objects themselves
    figures.object_sheet(data, "val", 6).savefig(story / "0-objects.png")
worst = np.argsort(scores["proposals"].best[-1])[:3]
print("found worst:", ", ".join(data.classes[scores["proposals"].labels[k]] for k in worst))
