# %% [markdown]
# # One network, three scales: the story step by step
#
# Run it cell by cell in a notebook or an editor, or whole: `python examples/multi_scale.py`. Every
# step leaves a picture in the folder `multi-scale-story`. It takes about a minute on two cores.

# %%
import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import minicnn
from minicnn import datasets, figures, optim
from minicnn import functional as F
from minicnn.learning.metrics import score
from minicnn.models.multi_scale import MultiScale

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=500, help="how many pictures to learn from")
parser.add_argument("--tests", type=int, default=40, help="pictures to test on")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
steps, story = given.steps, Path("multi-scale-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. The data: pictures, and a name for every pixel
# A small patch of water looks like sky, one of road like wall: look at the two columns.

# %%
scenes = datasets.load("scenes", size=(120, 160), train=max(steps, 12), test=given.tests)
pictures, test = scenes.split("train"), list(scenes.split("test"))
figures.contact_sheet(scenes).savefig(story / "1-data.png")

# %% [markdown]
# ## 2. What the network gets to see: the picture at three sizes
# In Y, U and V, each neighbourhood brought to mean 0 and variance 1, with a margin of zeros. The
# same 46 pixels that the network looks at span 46, 92 and 184 pixels of the picture.

# %%
minicnn.manual_seed(0)
network = MultiScale(len(scenes.classes), width=0.5, dropout=0.0)  # half of the maps
figures.planes(network.preprocess(test[0].image), "YUV").savefig(story / "2-pyramid.png")

# %% [markdown]
# ## 3. Before it has learnt anything, it guesses


# %%
def look(name):
    """Draws what the network makes of three test pictures now."""
    maps = [network.predict(p.image).argmax(axis=0) for p in test[:3]]
    sheet = figures.prediction_sheet(test[:3], maps, scenes.classes, scenes.colours)
    sheet.savefig(story / name)


look("3-before.png")

# %% [markdown]
# ## 4. Learning: forward, loss, backward, step

# %%
schedule = optim.warm_up(optim.polynomial(steps), steps // 10)
optimizer = optim.SGD(
    network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4, schedule=schedule
)
network.train()
log = []
for step in tqdm(range(steps)):
    picture = pictures[step]
    labels = picture.labels[None]
    inputs = [minicnn.Tensor(level[None]) for level in network.preprocess(picture.image)]

    scores = network.scores(inputs, labels.shape[1:])  # forward: 8 scores for every pixel
    loss = F.cross_entropy(scores, labels, ignore_index=datasets.VOID)
    optimizer.zero_grad()
    loss.backward()  # the gradient of the loss in every weight
    optimizer.step()  # each weight a little downhill

    right = (scores.numpy().argmax(axis=1) == labels).mean()
    log.append({"step": step + 1, "loss": loss.item(), "accuracy": float(right)})

mean = [  # a single picture is easy or hard; 20 of them tell how it goes
    {name: float(np.mean([r[name] for r in log[k : k + 20]])) for name in log[0]}
    for k in range(0, steps, 20)
]
figures.curves(mean).savefig(story / "4-learning.png")

# %% [markdown]
# ## 5. What it has learnt: filters, and what they find in a picture
# What is large is found one level farther down: look at what a picture and its half have in common.

# %%
figures.filters(network).savefig(story / "5-filters.png")
figures.feature_maps(network, test[0].image).savefig(story / "5-maps.png")
figures.scale_sheet(network, test[0].image).savefig(story / "5-scale.png")

# %% [markdown]
# ## 6. What it says now, and how often it is right

# %%
look("6-after.png")
confusion, seconds = score(network, test, scenes.classes)
figures.confusion_figure(confusion).savefig(story / "6-confusion.png")
print(f"pixel accuracy {confusion.pixel_accuracy:.1%} on {len(test)} scenes it has never seen")
print(f"{seconds:.3f} s a picture; the pictures of this story are in {story}")
