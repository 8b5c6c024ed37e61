# %% [markdown]
# # A network that reads its own answer: the story step by step
#
# `python examples/recurrent.py` trains a small recurrent network (Pinheiro, Collobert 2014) on
# drawn scenes, in about two minutes on two cores. Pictures go to the folder `recurrent-story`.

# %%
import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import minicnn
from minicnn import datasets, figures, optim
from minicnn.learning.metrics import score
from minicnn.models.recurrent import Recurrent

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=1000, help="how many pictures to learn from")
parser.add_argument("--tests", type=int, default=40, help="pictures to test on")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
steps, story = given.steps, Path("recurrent-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. What each instance sees and says, before it has learnt
# The first sees patches of 25 pixels and names every fourth. The second gets the picture on that
# lattice and what the first said: the same 25 points span 121 pixels. The frame is the picture.

# %%
scenes = datasets.load("scenes", size=(96, 128), train=max(steps, 12), test=given.tests)
pictures, test = scenes.split("train"), list(scenes.split("test"))
minicnn.manual_seed(0)
options = {"net": "rCNN2", "nonlinearity": "relu", "normalise": "local", "width": 0.5}
network = Recurrent(len(scenes.classes), **options)
figures.instance_figure(network, test[0].image, scenes.colours).savefig(story / "1-before.png")

# %% [markdown]
# ## 2. Learning: the losses of both instances together, through both of them

# %%
schedule = optim.warm_up(optim.polynomial(steps), steps // 10)
optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9, schedule=schedule)
network.train()
log = []
for step in tqdm(range(steps)):
    picture = pictures[step]
    inputs = [minicnn.Tensor(planes[None]) for planes in network.preprocess(picture.image)]
    loss, scores = network.loss(inputs, picture.labels[None])  # forward, through both instances
    optimizer.zero_grad()
    loss.backward()  # back through the second, what it read, and the first
    optim.clip_grad_norm_(optimizer.parameters, 5)
    optimizer.step()
    right = (scores.numpy().argmax(axis=1) == picture.labels).mean()
    log.append({"step": step + 1, "loss": loss.item(), "accuracy": float(right)})
mean = [  # a single picture is easy or hard; 20 of them tell how it goes
    {name: float(np.mean([r[name] for r in log[k : k + 20]])) for name in log[0]}
    for k in range(0, steps, 20)
]
figures.curves(mean).savefig(story / "2-learning.png")

# %% [markdown]
# ## 3. What they see and say now, and what the second has mended
# The weights are the same: it is what was read that makes the difference.

# %%
figures.instance_figure(network, test[0].image, scenes.colours).savefig(story / "3-after.png")
each = [network.predict_each(p.image) for p in test[:4]]
results = {f"instance {k + 1}": [s[k].argmax(axis=0) for s in each] for k in (0, 1)}
sheet = figures.compare_sheet(test[:4], results, scenes.classes, scenes.colours)
sheet.savefig(story / "3-instances.png")

# %% [markdown]
# ## 4. The ladder of resolutions: the same weights, an answer for every 16th to every single pixel

# %%
ladder = {}
for every in (16, 4, 1):
    network.change(output=every)
    confusion, seconds = score(network, test, scenes.classes)
    ladder[f"1/{every}"] = [network.predict(p.image).argmax(axis=0) for p in test[:4]]
    print(f"1/{every}: pixel accuracy {confusion.pixel_accuracy:.1%}, {seconds:.3f} s a picture")
sheet = figures.compare_sheet(test[:4], ladder, scenes.classes, scenes.colours)
sheet.savefig(story / "4-ladder.png")
