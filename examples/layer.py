# %% [markdown]
# # What is in a layer? The lecture's slide, taken apart
#
# The slide «structure of a layer» lists: convolution with a connection table, a nonlinearity,
# local normalisation, pooling over pixels and over layers. Here each part is exchanged, one at a
# time, in a small network of two such layers, and the table at the end tells what it was worth on
# drawn scenes. Run it cell by cell, or whole: `python examples/layer.py`. The pictures go to the
# folder `layer-story`.

# %%
import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import minicnn
from minicnn import Tensor, datasets, figures, nn, optim
from minicnn import functional as F
from minicnn.learning.metrics import Confusion

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=200, help="pictures that each network learns from")
parser.add_argument("--tests", type=int, default=40, help="pictures to test on")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
steps, story = given.steps, Path("layer-story")
story.mkdir(exist_ok=True)
scenes = datasets.load("scenes", size=(96, 128), train=max(steps, 1), test=given.tests)
train, test = scenes.split("train"), list(scenes.split("test"))

# %% [markdown]
# ## 1. The layer
# With `over_maps=2` the convolution makes twice as many maps, and the pooling takes the largest
# value of two maps and 2x2 pixels at once: the slide's 3-D max pooling.


# %%
class Layer(nn.Module):
    def __init__(self, inputs, outputs, table="full", nonlinearity=nn.ReLU, norm=None, over_maps=1):
        made = outputs * over_maps
        if table == "full":
            self.convolution = nn.Conv2d(inputs, made, 5, padding=2)
        else:  # every map sees half of the maps below, drawn at random
            edges = nn.tables.random_fan_in(inputs, made, (inputs + 1) // 2)
            self.convolution = nn.ConvTable2d(edges, 5, padding=2)
        self.nonlinearity = nonlinearity()
        self.norm = norm or (lambda x: x)
        self.pool = nn.MaxPool2d(2) if over_maps == 1 else nn.MaxPoolMaps(over_maps, 2)

    def forward(self, x):
        return self.pool(self.norm(self.nonlinearity(self.convolution(x))))


class Network(nn.Module):
    def __init__(self, **parts):
        self.layers = [Layer(3, 12, **parts), Layer(12, 24, **parts)]
        self.classifier = nn.Conv2d(24, len(scenes.classes), 5, padding=2)

    def forward(self, image):
        x = Tensor((image.transpose(2, 0, 1)[None] / 128 - 1).astype(np.float32))
        for layer in self.layers:
            x = layer(x)
        return F.interpolate(self.classifier(x), size=image.shape[:2], mode="bilinear")


VARIANTS = {
    "full table, ReLU, pixels": {},
    "connection table": {"table": "random"},
    "tanh": {"nonlinearity": nn.Tanh},
    "local response norm": {"norm": nn.LocalResponseNorm(5, alpha=0.5, k=1.0)},
    "local contrast norm": {"norm": nn.LocalContrastNorm(9)},
    "pooling over maps": {"over_maps": 2},
}
table = nn.tables.random_fan_in(3, 12, 2)
figures.draw_table(table, 3, 12).savefig(story / "1-table.png")

# %% [markdown]
# ## 2. Each learns from the same scenes: forward, loss, backward, step

# %%
rows, losses = [], {}
for name, parts in VARIANTS.items():
    minicnn.manual_seed(0)
    network = Network(**parts)
    schedule = optim.warm_up(optim.polynomial(steps), steps // 10)
    optimizer = optim.SGD(network.parameters(), lr=0.004, momentum=0.9, schedule=schedule)
    losses[name] = []
    for step in tqdm(range(steps), desc=name):
        picture = train[step]
        loss = F.cross_entropy(
            network(picture.image), picture.labels[None], ignore_index=datasets.VOID
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[name].append(loss.item())
    confusion = Confusion(scenes.classes)
    with minicnn.no_grad():
        for picture in test:
            confusion.add(picture.labels, network(picture.image).data[0].argmax(axis=0))
    numbers = sum(p.size for p in network.parameters())
    rows.append((name, confusion.pixel_accuracy, numbers))

# %% [markdown]
# ## 3. What each part is worth

# %%
print(f"{'layer':26} {'accuracy':>9} {'parameters':>11}")
for name, accuracy, numbers in rows:
    print(f"{name:26} {accuracy:9.1%} {numbers:11,}")
figure = Figure(figsize=(9, 4.5), dpi=110, layout="constrained")
axes = figure.subplots()
for name, values in losses.items():
    width = max(1, steps // 10)  # a mean over so many scenes: single ones are easy or hard
    axes.plot(np.convolve(values, np.ones(width) / width, "valid"), label=name)
axes.set_xlabel("step")
axes.set_ylabel(f"loss, mean of {width}")
axes.legend()
figure.savefig(story / "2-losses.png")
