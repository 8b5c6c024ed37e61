# %% [markdown]
# # The simplest network: one label for a patch, learnt block by block
#
# `python examples/patch.py` follows Grangier, Bottou and Collobert (2009) on drawn scenes, in about
# two minutes on two cores. Each step leaves a picture in the folder `patch-story`.

# %%
import argparse
from pathlib import Path

from matplotlib.figure import Figure
from tqdm import tqdm

import minicnn
from minicnn import datasets, figures, optim
from minicnn.inference.baselines import baselines
from minicnn.learning.metrics import score
from minicnn.models.patch import Patch

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=300, help="pictures that each block learns from")
parser.add_argument("--tests", type=int, default=30, help="pictures to test on")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
steps, story = given.steps, Path("patch-story")
story.mkdir(exist_ok=True)
scenes = datasets.load("scenes", size=(120, 160), train=3 * steps, test=given.tests)
pictures, test = scenes.split("train"), list(scenes.split("test"))
names = scenes.classes

# %% [markdown]
# ## 1. What the network gets to see: 34x34 pixels, of which it names the middle one

# %%
figure = Figure(figsize=(11, 1.9), dpi=110, layout="constrained")
for k, axes in enumerate(figure.subplots(1, 8)):
    row, column = 40 + 8 * k, 19 + 17 * k
    axes.imshow(test[0].image[row - 16 : row + 18, column - 16 : column + 18])
    axes.set_title(names[test[0].labels[row, column]], fontsize=9)
    axes.axis("off")
figure.savefig(story / "1-patches.png")

# %% [markdown]
# ## 2. Learning: forward, loss, backward, step
# The loss of a picture is the mean over all of its patches; a convolution computes them at once.


# %%
def learn(network, steps, name):
    parameters = [p for p in network.parameters() if p.requires_grad]
    schedule = optim.warm_up(optim.polynomial(steps), steps // 10)
    optimizer = optim.SGD(parameters, lr=0.003, momentum=0.9, schedule=schedule)
    for step in tqdm(range(steps), desc=name):
        picture = pictures[step]
        inputs = [minicnn.Tensor(planes[None]) for planes in network.preprocess(picture.image)]
        loss, _ = network.loss(inputs, picture.labels[None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% [markdown]
# ## 3. Block by block, and all at once
# The first block learns with a classifier of its own. It keeps what it has learnt, gets a second
# block and a new classifier on top, and so on. Beside it, three blocks that learn together, for as
# many pictures as the others in all.

# %%
options = {"nonlinearity": "relu", "normalise": "both"}
networks, before = {}, []
for count in (1, 2, 3):
    minicnn.manual_seed(count)
    network = Patch(len(names), blocks=count, **options)
    for block, done in zip(network.blocks, before, strict=False):
        block.load_state_dict(done.state_dict())
    network.freeze(*(f"blocks.{k}" for k in range(count - 1)))
    name = f"{count} block{'s' * (count > 1)}, {network.sees} pixels"
    networks[name], before = learn(network, steps, name), network.blocks
networks["all at once"] = learn(Patch(len(names), **options), 3 * steps, "all at once")
sheets = {
    name: [n.predict(p.image).argmax(axis=0) for p in test[:3]] for name, n in networks.items()
}
figures.compare_sheet(test[:3], sheets, names, scenes.colours).savefig(story / "2-blocks.png")

# %% [markdown]
# ## 4. An answer for every pixel, or for every fourth, enlarged

# %%
maps = {}
for every in (1, 4):
    network.options["every"] = every
    maps[f"every {every}"] = [network.predict(test[0].image).argmax(axis=0)]
figures.compare_sheet(test[:1], maps, names, scenes.colours).savefig(story / "3-every-pixel.png")

# %% [markdown]
# ## 5. How often is it right, beside rules that look at a pixel alone?

# %%
few = [pictures[k] for k in range(min(steps, 200))]
for rule, confusion in baselines(few, test, names).items():
    print(f"{rule:20} pixel accuracy {confusion.pixel_accuracy:.1%}")
for name, network in networks.items():
    confusion, seconds = score(network, test, names)
    print(f"{name:20} pixel accuracy {confusion.pixel_accuracy:.1%}, {seconds:.3f} s a picture")
