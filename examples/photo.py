# %% [markdown]
# # One network for anybody's photographs
#
# `photo` learnt from six data sets at once. Here it stands beside a network that knows one of
# them: on the test pictures of each set, in common classes, as they are and in other light; and
# then on photographs that neither has learnt from.
#
#     python examples/photo.py                             photo beside multi-scale, test pictures
#     python examples/photo.py runs/mine --split val       where choices are made
#     python examples/photo.py --overlays voc2012-animals coco-panoptic     sheets to look at

# %%
import argparse
from pathlib import Path

import numpy as np

from minicnn import datasets
from minicnn.basics.writing import save_png
from minicnn.datasets.mapping import SHIPPED, read_mapping
from minicnn.datasets.splits import evenly
from minicnn.figures.photographs import photograph_sheet
from minicnn.images.labels import VOID
from minicnn.images.light import relight
from minicnn.inference.segmenting import segment
from minicnn.learning.trained import trained

parser = argparse.ArgumentParser()
parser.add_argument("models", nargs="*", default=["photo", "multi-scale"])
parser.add_argument("--split", default="test")
parser.add_argument("--pictures", type=int, help="of each set, evenly spread (all)")
parser.add_argument("--labelling", help="how scores become labels (argmax)", default="argmax")
parser.add_argument("--overlays", nargs="*", default=[], metavar="DATA", help="sheets of these")
chosen = parser.parse_known_args()[0]
out = Path("photo-story")
SETS = (
    "stanford-background",
    "sift-flow",
    "labelmefacade",
    "msrc",
    "voc2012-animals",
    "coco-panoptic",
)
FOLDS = {"stanford-background": 1}
mapping = read_mapping(SHIPPED)

# %% [markdown]
# ## Two networks that know different classes
#
# Every label and every answer becomes the set of common classes that it may be: «foreground object»
# is a person, a vehicle, an animal or something else. An answer is right if it shares one with the
# truth. That is kind to whoever answers vaguely, so look at it as what the old network can reach.


# %%
def may_be(classes, name):
    """bool (256, K): the common classes that each label of a data set, or of a network, may be."""
    table = np.zeros((VOID + 1, len(mapping.classes)), bool)
    own = mapping.parts.get(name) if tuple(classes) != mapping.classes else None
    for label, one in enumerate(classes):
        table[label, list(own[one]) if own else label] = True
    return table


def share_right(model, data, name, light=0.0):
    """The share of labelled test pixels that a model names rightly, 0 to 1."""
    truths = may_be(data.classes, name)
    answers = may_be(model.config.classes, model.config.data.name)
    right = labelled = 0
    names = data.names(chosen.split) or data.names("val")  # VOC and COCO have none for testing
    for place, one in enumerate(evenly(names, chosen.pictures)):
        picture = data.read(one)
        image = picture.image
        if light:
            image = relight(image, np.random.default_rng(place), light)
        found = segment(image, model, labelling=chosen.labelling).labels
        known = truths[picture.labels].any(axis=2)
        both = (truths[picture.labels] & answers[found]).any(axis=2)
        right, labelled = right + int(both[known].sum()), labelled + int(known.sum())
    return right / labelled


models = {name: trained(name) for name in chosen.models}
for name in SETS if not chosen.overlays else ():
    if not datasets.is_installed(name):
        print(f"{name}: not installed, so not looked at")
        continue
    data = datasets.load(name, fold=FOLDS.get(name))
    for called, model in models.items():
        usual, other = (share_right(model, data, name, light) for light in (0.0, 1.0))
        print(f"{name:20} {called:12} as it is {usual:.1%}, in other light {other:.1%}", flush=True)

# %% [markdown]
# ## Pictures of other kinds
#
# Look at them. What is sky, and what does a network call a sofa that has never seen one?

# %%
for name in chosen.overlays:
    data = datasets.load(name)
    split = "val" if data.names("val") else "train"
    shown, unlike = [], 0
    names = evenly(data.names(split), chosen.pictures or 20)
    for one in names:
        image = data.read(one).image
        found = {called: segment(image, model) for called, model in models.items()}
        unlike += found[chosen.models[0]].unlike
        shown.append((image, one, "black"))
        shown += [(r.overlay(legend=False), Path(n).stem, "black") for n, r in found.items()]
    out.mkdir(exist_ok=True)
    save_png(photograph_sheet(shown, name), out / f"{name}.png")
    print(f"{name}: {unlike} of {len(names)} are called unlike what is known; {out}/{name}.png")
