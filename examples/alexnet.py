# %% [markdown]
# # A network that names whole pictures: the story step by step
#
# `python examples/alexnet.py` trains a small AlexNet (Krizhevsky, Sutskever, Hinton 2012) on
# windows of drawn scenes, each called after what covers most of it, in about a minute on two cores.
# With `--data tiny-imagenet --model alexnet` it takes photographs, and the shipped weights instead
# of a training. Pictures go to the folder `alexnet-story`.

# %%
import argparse
import collections
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from tqdm import tqdm

import minicnn
from minicnn import datasets, figures, optim
from minicnn import functional as F
from minicnn.datasets.splits import evenly
from minicnn.engine.randomness import generator
from minicnn.figures.photographs import photograph_sheet
from minicnn.learning import checkpoints
from minicnn.learning.ranks import rank
from minicnn.models.alexnet import AlexNet

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=600, help="of 32 pictures each")
parser.add_argument("--scenes", type=int, default=700, help="to cut pictures to learn from out of")
parser.add_argument("--data", default="scenes", help="or a data set of classes, or its folder")
parser.add_argument("--model", help="a trained network, which is not trained any more")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("alexnet-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. The data: pictures of 48x48 with a class each
# A folder for each class, as ImageNet has them. A window of a scene that one class covers by more
# than half is a picture of this class; where in it the class is, nobody says.

# %%
scenes = datasets.load("scenes", size=(96, 128), train=given.scenes, test=100)


def write_windows(split, most, side=48):
    counts = collections.Counter()
    for n, scene in enumerate(scenes.split(split)):
        for k in range(4):
            rng = generator(n, k)
            row, column = rng.integers(0, 96 - side + 1), rng.integers(0, 128 - side + 1)
            area = np.s_[row : row + side, column : column + side]
            labelled = scene.labels[area][scene.labels[area] != datasets.VOID]
            shares = np.bincount(labelled, minlength=len(scenes.classes)) / side**2
            name = scenes.classes[shares.argmax()]
            if shares.max() > 0.5 and counts[name] < most:
                folder = story / "windows" / split / name
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(scene.image[area]).save(folder / f"{counts[name]:03}.png")
                counts[name] += 1


if given.data == "scenes":
    write_windows("train", 300)
    write_windows("test", 30)
data = datasets.load(story / "windows" if given.data == "scenes" else given.data)
train = data.split("train")
test = data.split("test" if given.data == "scenes" else "val")  # others' tests are for later
pictures = [train[k] for k in evenly(range(len(train)), 4000)]
tests = [test[k] for k in evenly(range(len(test)), 400)]
figures.class_sheet(data).savefig(story / "1-data.png")

# %% [markdown]
# ## 2. The network: five convolutions, three fully connected layers

# %%
minicnn.manual_seed(0)
if given.model:
    network, config = checkpoints.load_model(given.model)
    if config.classes != list(data.classes):
        raise SystemExit(f"{given.model} knows other classes than {data.name}")
else:
    options = {"columns": 1, "spread": 60.0, "initial": "he", "norm": 0.1, "dropout": 0.2}
    network = AlexNet(len(data.classes), size=42, width=0.25, **options)
    # what all pictures have in common says nothing
    network.mean.data = np.mean([network.crop(p.image) for p in pictures], axis=0)

names = [f"conv{k}" for k in range(1, 6)] + ["fc6", "fc7", "fc8"]


def look(crops):
    """{layer: its results} for float32 (N, 3, size, size), and the scores (N, classes)."""
    found = {name: [] for name in names}
    for batch in np.array_split(crops, -(-len(crops) // 64)):
        with network.predicting(), network.watch(names) as seen:
            network(minicnn.Tensor(batch))
        for name in names:
            found[name].append(np.maximum(seen[name][0].numpy(), 0 if name != "fc8" else -np.inf))
    return {name: np.concatenate(parts) for name, parts in found.items()}


layers = dict(network.named_modules())
for name, result in look(network.crop(tests[0].image)[None]).items():
    weights = sum(p.size for p in layers[name].parameters())
    print(f"{name}  {'x'.join(map(str, result.shape[1:])):10} {weights:10,} parameters")

# %% [markdown]
# ## 3. Learning: another part of each picture each time, mirrored one time in two

# %%
if not given.model:
    schedule = optim.warm_up(optim.polynomial(given.steps), given.steps // 10)
    parameters, losses = network.parameters(), []
    optimizer = optim.SGD(parameters, 0.03, momentum=0.9, weight_decay=5e-4, schedule=schedule)
    network.train()
    for step in tqdm(range(given.steps)):
        minicnn.manual_seed(0, step)  # dropout draws from it
        rng = generator(1, step)
        batch = [pictures[k] for k in rng.integers(0, len(pictures), 32)]
        parts = [network.part(network.frame(p.image), rng, True, rescale=0.15) for p in batch]
        crops = minicnn.Tensor(network.normalise(np.stack(parts)))
        loss = F.cross_entropy(network(crops), np.array([p.label for p in batch]))
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(parameters, 5)
        optimizer.step()
        losses.append(loss.item())
    network.eval()
    figure = Figure(figsize=(8, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.plot(losses, ".", color="0.7")
    smooth = min(20, len(losses))
    axes.plot(np.convolve(losses, np.ones(smooth) / smooth, "valid"), color="#0072B2")
    axes.axhline(np.log(len(data.classes)), color="0.4", linestyle=":")
    axes.set(xlabel="step", ylabel="loss", title="dotted: the loss of whoever knows nothing")
    figure.savefig(story / "2-loss.png")

# %% [markdown]
# ## 4. The filters: of the first layer as the patches that they answer to
# After a short training the noise that they began with is still in sight. Those of the shipped
# network, which learnt from 21,600 photographs for more than an hour, are edges and colours.

# %%
figures.filters(network, most=16).savefig(story / "3-filters.png")

# %% [markdown]
# ## 5. What the fifth layer answers to
# Of the maps that vary most, the pictures with the strongest answer, bright where it is.

# %%
size = network.options["size"]
middles = np.stack([network.crop(p.image) for p in tests])
seen = look(middles)
maps = seen["conv5"]
strongest = maps.max(axis=(2, 3))
chosen = np.argsort(-strongest.std(axis=0), kind="stable")[:8]
figure = Figure(figsize=(9, 9.6), dpi=110, layout="constrained")
cells = figure.subplots(len(chosen), min(8, len(tests)), squeeze=False)
for row, k in zip(cells, chosen, strict=True):
    for axes, n in zip(row, np.argsort(-strongest[:, k], kind="stable")[:8], strict=True):
        map = np.maximum(maps[n, k], 0) / max(strongest[n, k], 1e-9)
        light = F.interpolate(map[None, None], size=(size, size), mode="bilinear").numpy()[0, 0]
        part = np.moveaxis(middles[n], 0, 2) / 255
        axes.imshow(np.clip(part * (0.4 + 0.6 * light[:, :, None]), 0, 1))
        axes.axis("off")
    row[0].set_title(f"map {k}", fontsize=9, loc="left")
figure.savefig(story / "4-fifth-layer.png")

# %% [markdown]
# ## 6. Ten crops: corners, the middle, and those in a mirror; the mean of what is said of them

# %%
hardest = tests[
    int(np.argmin(np.sort(seen["fc8"], axis=1) @ np.r_[np.zeros(len(data.classes) - 2), -1, 1]))
]
crops = network.ten_crops(hardest.image)
said = F.softmax(look(crops)["fc8"], dim=1).numpy()
shown = [
    (
        np.moveaxis(crop, 0, 2).astype(np.uint8),
        f"{data.classes[p.argmax()]}\n{p.max():.0%}",
        "black",
    )
    for crop, p in zip(crops, said, strict=True)
]
mean = said.mean(axis=0)
title = f"all together: {data.classes[mean.argmax()]}, {mean.max():.0%}; "
title += f"it is {data.classes[hardest.label]}"
photograph_sheet(shown, title).savefig(story / "5-ten-crops.png")
for count, words in ((1, "the middle"), (10, "ten crops")):
    network.change(crops=count)
    ranks, _ = rank(network, tests, data.classes)
    print(f"{words:10} {ranks.top(1):.1%} of {len(tests)} new pictures right")
network.change(crops=1)

# %% [markdown]
# ## 7. Nearest neighbours
# Two pictures are alike if the last layer before the classes says the same of them; the pixels may
# differ. In front a new picture, behind it the training pictures next to it.

# %%
theirs = np.stack([network.crop(p.image) for p in pictures])
alike = {"the last layer": (seen["fc7"], look(theirs)["fc7"]), "pixels": (middles, theirs)}
columns, near = 6, {}
for name, (queries, known) in alike.items():
    queries, known = (a.reshape(len(a), -1).astype(np.float64) for a in (queries, known))
    distances = (queries**2).sum(axis=1)[:, None] - 2 * queries @ known.T + (known**2).sum(axis=1)
    near[name] = np.argsort(distances, axis=1, kind="stable")[:, : columns - 1]
    first = [pictures[row[0]].label == p.label for row, p in zip(near[name], tests, strict=True)]
    print(f"neighbours by {name:14} {np.mean(first):.1%} are of the same class")
shown = []
for n in evenly(range(len(tests)), 6):
    shown.append((tests[n].image, f"? {data.classes[tests[n].label]}", "#0072B2"))
    for k in near["the last layer"][n]:
        shown.append((pictures[k].image, data.classes[pictures[k].label], "black"))
photograph_sheet(shown, "what the last layer takes for alike").savefig(story / "6-neighbours.png")
