# %% [markdown]
# # A million pictures
#
# - **Slides:** Архитектура для ImageNet (2012); Выборки
# - **Source:** minicnn/models/alexnet.py; minicnn/models/classification.py;
#   minicnn/learning/statistics.py; minicnn/learning/fine_tuning.py; minicnn/optim.py
# - **Exercises:** ex23_ten_crops
#
# **The problem.** Labelling the pixels of one photograph takes a person many minutes, so the data
# sets of this lecture have some hundred photographs. Saying what a photograph shows takes a second,
# and of such labels there are millions. They do not say where anything is. But a network that can
# tell a thousand kinds of things apart must have learnt what edges, fur and wheels look like, and
# that is what a network for pixels needs, too. In 2012 one such network (Krizhevsky, Sutskever,
# Hinton) left all others far behind, and for years everybody began with its weights.

# %%
import json

import numpy as np

import minicnn
from minicnn import Tensor, datasets, optim
from minicnn import functional as F
from minicnn.course.lecturing import BLUE, RED, ROOT, Table, figure, measured, picture, show, source
from minicnn.datasets.registry import INSTALLABLE
from minicnn.engine.randomness import generator
from minicnn.figures.network import mosaic
from minicnn.learning import checkpoints
from minicnn.learning.statistics import tint
from minicnn.learning.tasks import KINDS
from minicnn.models.alexnet import AlexNet
from minicnn.nn import init

# %% [markdown]
# ## 1. The data: how many pictures, and what is known of them
#
# The slide names three data sets, and two of its numbers are those of pictures without a label for
# every pixel: of VOC's ten thousand, 2,913 have one; COCO announced 300,000 and published 123,287.
# Below them stands what this program reads.

# %%
ours = [(name, kind.description, KINDS[kind.kind]) for name, kind in INSTALLABLE.items()]
Table(
    ("data set", "pictures", "what is known"),
    [
        ("ImageNet", "15,000,000; 1,200,000 in the contest of 2012", "pictures of a class each"),
        ("PASCAL VOC 2008-2012", "10,000", "boxes; of 2,913 a label for every pixel"),
        ("Microsoft COCO 2014", "300,000", "outlines of things; of 123,287 published"),
        *ours,
        ("scenes", "as many as you like, drawn", KINDS["pixels"]),
    ],
)

# %% [markdown]
# ## 2. The network, layer by layer
#
# Five convolutions, three fully connected layers. The authors write crops of 224x224; their sizes
# come out whole with 227 only, and that is what we take.

# %%
with init.shapes_only():
    alexnet = AlexNet(1000)
sides = {"conv1": 55, "conv2": 27, "conv3": 13, "conv4": 13, "conv5": 13}
layers = {name: m for name, m in alexnet.named_modules() if hasattr(m, "weight")}
places = [sides.get(name, 1) ** 2 for name in layers]
parameters = np.array([sum(p.size for p in layer.parameters()) for layer in layers.values()])
work = np.array([m.weight.size for m in layers.values()]) * places
shapes = ["x".join(map(str, layer.weight.shape)) for layer in layers.values()]
numbers = (map("{:,}".format, array) for array in (parameters, work))
rows = zip(layers, shapes, places, *numbers, strict=True)
Table(("layer", "weights", "places", "parameters", "multiplications"), rows)

# %%
assert parameters.sum() == 60_965_224  # «60 million», says the paper
assert parameters[5:].sum() > 0.96 * parameters.sum()  # nearly all of them in three layers
assert work[:5].sum() > 0.91 * work.sum()  # which do a twelfth of the work
assert alexnet.conv2.weight.shape[1] == alexnet.conv1.weight.shape[0] // 2  # two columns

# %% [markdown]
# A filter of a convolution is used at every place, a weight of a fully connected layer once. So it
# is the last three layers that learn by heart, and dropout is put there: in each step half of the
# units of fc6 and fc7 are 0 and the others doubled, so that on average a unit gives what it gave.
#
# *Two columns.* Each graphics card of the authors held half of the maps. Where a row of the table
# has half as many input maps as one expects, the cards did not look at each other (`groups=2`).

# %%
source(AlexNet.forward)

# %% [markdown]
# ## 3. More pictures than there are
#
# Sixty million weights and 1.2 million pictures: the network would know them all by heart. So no
# picture is shown twice as it is.
#
# **Crops and mirrors.** Of 256x256 pixels 224x224 are cut anywhere, and mirrored one time in two:
# $2 \cdot 32^2 = 2048$ pictures of one, says the paper.
#
# **Colour.** Light may be stronger or redder, and what is seen stays what it is. Let $C$ be the
# covariance of the RGB values of all training pixels, $C = P \Lambda P^T$. Each time a picture is
# shown, the same three numbers are added to all of its pixels:
#
# $$\delta = P \Lambda a, \qquad a_1, a_2, a_3 \sim N(0, \sigma^2), \quad \sigma = 0.1$$
#
# How do these vary? The $a$ are independent, so $\mathrm{E}\, a a^T = \sigma^2 I$ and
#
# $$\mathrm{E}\, \delta \delta^T = P \Lambda\, \mathrm{E}[a a^T]\, \Lambda P^T
#   = \sigma^2 P \Lambda^2 P^T = \sigma^2 C^2$$
#
# Where pixels vary most, that is in brightness, the noise does so even more; a grey world never
# turns green.

# %%
scenes = datasets.load("scenes", size=(96, 128), train=300, test=100)
some = [scenes.split("train")[k].image for k in range(60)]
pixels = np.concatenate([image.reshape(-1, 3) for image in some]) / 255
C = np.cov(pixels.T)
values, P = np.linalg.eigh(C)
drawn = np.array([tint(P * values, 0.1, generator(k)) for k in range(20_000)])
assert np.allclose(drawn.T @ drawn / len(drawn), 0.01 * C @ C, atol=0.05 * 0.01 * (C @ C).max())
assert values[2] > 5 * values[1]  # mostly brightness

# %%
drawing, axes = figure(1, 4, size=(12, 2.8))
for k, (ax, sd) in enumerate(zip(axes, (0, 0.1, 1, 1), strict=True)):
    noise = 255 * tint(P * values, sd, generator(7, k))
    picture(ax, np.clip(some[29] + noise, 0, 255).astype(np.uint8), f"noise {sd:g}")
show(drawing, "Colour noise as in the paper, hardly visible, and ten times stronger")

# %% [markdown]
# ## 4. Ten answers to one picture
#
# For a test the network is asked about ten crops: corners, middle, and these in a mirror. What is
# their common answer worth? Let $p^{(c)}$ be the probability that crop $c$ gives to the true class.
# The logarithm bends downwards, so (Jensen)
#
# $$-\ln \Big( \frac{1}{10} \sum_c p^{(c)} \Big) \;\le\; \frac{1}{10} \sum_c \big( -\ln p^{(c)}
#   \big)$$
#
# The loss of the mean is never above the mean of the losses. A small network of this kind learns
# from windows of drawn scenes, each called after what covers most of it.

# %%
OPTIONS = {"size": 42, "width": 0.25, "columns": 1, "spread": 60.0, "initial": "he", "norm": 0.1}


def windows(split):
    """{class: [windows of 48x48]} of which more than half is of the class."""
    found = {name: [] for name in scenes.classes}
    for n, scene in enumerate(scenes.split(split)):
        for row, column in generator(n).integers(0, (49, 81), (4, 2)):
            area = np.s_[row : row + 48, column : column + 48]
            counts = np.bincount(scene.labels[area].ravel(), minlength=256)[:8]
            if counts.max() > 48 * 48 / 2:
                found[scenes.classes[counts.argmax()]].append(scene.image[area])
    return found


def pairs(found, names, most):
    return [(image, k) for k, name in enumerate(names) for image in found[name][:most]]


def learn(network, examples, steps, groups, rate, seed=0):
    schedule = optim.warm_up(optim.polynomial(steps), steps // 10)
    optimizer = optim.SGD(groups, rate, momentum=0.9, weight_decay=5e-4, schedule=schedule)
    network.train()
    for step in range(steps):
        minicnn.manual_seed(seed, step)
        rng = generator(seed + 1, step)
        chosen = [examples[k] for k in rng.integers(0, len(examples), 24)]
        parts = [network.part(network.frame(i), rng, flip=True, rescale=0.15) for i, _ in chosen]
        crops = Tensor(network.normalise(np.stack(parts)))
        loss = F.cross_entropy(network(crops), np.array([k for _, k in chosen]))
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(optimizer.parameters, 5)
        optimizer.step()
    network.eval()


def probabilities(network, crops):
    with network.predicting():
        return F.softmax(network(Tensor(crops)), dim=1).numpy()


seen, new = windows("train"), windows("test")
NAMES = ("sky", "tree", "road", "grass")
minicnn.manual_seed(0)
network = AlexNet(4, **OPTIONS)
learn(network, pairs(seen, NAMES, 120), 250, network.parameters(), 0.02)
test = pairs(new, NAMES, 60)
ten = np.array([probabilities(network, network.ten_crops(image)) for image, _ in test])
of_truth = ten[np.arange(len(test)), :, [k for _, k in test]]
single, common = -np.log(of_truth).mean(axis=1), -np.log(of_truth.mean(axis=1))
drawing, axes = figure(size=(6, 5))
axes.plot(single, common, "o", color=BLUE, alpha=0.5)
axes.plot([0, single.max()], [0, single.max()], color="0.4")
axes.set(xlabel="mean of the losses of ten crops", ylabel="loss of their mean")
assert (common <= single + 1e-6).all() and common.mean() < 0.9 * np.log(4)
print(f"one crop: loss {single.mean():.2f}, ten: {common.mean():.2f}")
show(drawing, "No picture lies above the line: ten answers together are never worse on average")

# %% [markdown]
# ## 5. What is learnt once serves twice
#
# The network of section 4 has seen sky, trees, roads and grass, 120 windows each. Now somebody
# wants to tell water from buildings, and has four pictures of each. We take its weights; only the
# last layer begins anew, with ten times the rate, because it has nothing to lose. Beside it the
# same network from nothing; both take 24 steps.

# %%
source(optim.SGD.step)

# %%
OTHERS = ("water", "building")
few, others = pairs(seen, OTHERS, 4), pairs(new, OTHERS, 60)
rates, results = (0.003, 0.01, 0.03), {}
learnt = {k: a for k, a in network.state_dict().items() if not k.startswith("fc8")}
for rate in rates:
    for seed in range(2):
        for way in ("from nothing", "from weights"):
            minicnn.manual_seed(10 + seed)
            begun = AlexNet(2, **OPTIONS)
            groups = begun.parameters()
            if way == "from weights":
                begun.load_state_dict(begun.state_dict() | learnt)
                head = begun.fc8.parameters()
                body = [p for p in begun.parameters() if not any(p is q for q in head)]
                groups = [{"params": body}, {"params": head, "lr": 10 * rate}]
            learn(begun, few, 24, groups, rate, seed)
            said = probabilities(begun, np.stack([begun.crop(image) for image, _ in others]))
            share = (said.argmax(axis=1) == [k for _, k in others]).mean()
            results.setdefault((way, rate), []).append(float(share))
drawing, axes = figure(size=(8, 4.4))
for way, colour in (("from weights", BLUE), ("from nothing", RED)):
    axes.plot(rates, [results[way, r] for r in rates], ".", color=colour)
    axes.plot(rates, [np.mean(results[way, r]) for r in rates], color=colour, label=way)
axes.set(xlabel="learning rate", ylabel="share right", xscale="log")
axes.set_xticks(rates, rates)
axes.minorticks_off()
axes.legend(frameon=False)
show(drawing, "Water or building after four pictures of each: three rates, two seeds")
gains = [np.mean(results["from weights", r]) - np.mean(results["from nothing", r]) for r in rates]
print("points gained at each rate:", np.round(100 * np.array(gains)))
assert gains[0] > 0.05 and np.mean(gains) > 0.05

# %% [markdown]
# With one rate alone the gain may be made as large as one likes; with the best of each way it is
# small on these easy pictures. Each way needs its own rate, chosen on pictures that are neither
# learnt nor tested. So we did for photographs, in section 7.
#
# ## 6. What the first layer has learnt
#
# The shipped network learnt from 21,600 photographs of Tiny ImageNet, 64 pixels wide, of a hundred
# classes. Nobody told it what an edge is.

# %%
shipped, _ = checkpoints.load_model("alexnet")
minicnn.manual_seed(0)
beginning = AlexNet(100, **shipped.options)
drawing, axes = figure(1, 2, size=(13, 6.8))
rough = []
for ax, net, title in zip(axes, (beginning, shipped), ("as they begin", "learnt"), strict=True):
    filters = net.conv1.weight.numpy()
    tiles = 0.5 + 0.5 * filters / np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    picture(ax, mosaic(list(np.moveaxis(tiles, 1, 3)), 8), title)
    rough.append((np.diff(filters, axis=2) ** 2).sum() / (filters**2).sum())
assert rough[1] < 0.7 * rough[0]  # neighbours have become alike
show(drawing, "64 filters of 7x7 in the colours that they answer to: noise, then edges and colours")

# %% [markdown]
# ## 7. What the authors reported, what we measured
#
# On the contest of 2012: the right class is among the first five for 81.8 % of the pictures, where
# the best method without a network had 74 %. Two cards, 90 epochs, five to six days. What their
# parts are worth, on pictures of 2010: both columns instead of one of half the width 1.7 points,
# normalisation 1.4, overlapping pools 0.4, colour noise more than 1. Ours had a hundred classes,
# 21,600 pictures of 64x64, and one core for an hour and a half.

# %%
top1, top5 = (measured(f"tiny-imagenet, alexnet: {name}, ten crops") for name in ("top-1", "top-5"))
assert top1 > 30 and top5 > 60  # one of a hundred classes drawn by lot: 1 % and 5 %
Table(
    ("", "classes", "training pictures", "top-1", "top-5", "command"),
    [
        ("authors, ImageNet 2010, test", 1000, "1,200,000", "62.5 %", "83.0 %", "paper, table 1"),
        ("authors, 2012, validation", 1000, "1,200,000", "59.3 %", "81.8 %", "paper, table 2"),
        ("ours, Tiny ImageNet, test", 100, "21,600", f"{top1:g} %", f"{top5:g} %", top1.command),
    ],
)

# %% [markdown]
# **What the parts are worth here.** The same network at half its width, six epochs, whole and each
# time without one part; one seed. The curves are in `lectures/results/relu-and-tanh.png`.

# %%
rows = []
for row in map(json.loads, (ROOT / "lectures/results/ablations.jsonl").read_text().splitlines()):
    shares = [f"{share:.1%}" for _, share in row["val_top1"]]
    rows.append((row["name"], *shares))
    value = measured(f"tiny-imagenet val, alexnet at half width: {row['name']}")
    assert abs(value - 100 * row["val_top1"][-1][1]) < 0.06
Table(("validation pictures right", *(f"epoch {k}" for k in range(1, 7))), rows)

# %% [markdown]
# Of 2,400 pictures, shares of 11 % can be told apart if they differ by 1.8 points. So ReLU, norm,
# overlap and colour noise are worth nothing here, where the authors needed six times fewer epochs
# with ReLU (a smaller network, each with its own rate). Ours have one rate, and begin with layers
# whose numbers lie mostly between -1 and 1, where tanh is not yet flat (its slope there is between
# 0.42 and 1). Only dropout counts, and it costs eight points: it pays when pictures are known by
# heart, and six epochs do not come so far.
#
# **What weights are worth.** Cats against dogs, 600 photographs, five folds: 432 to learn from, 48
# to choose the rate by, 120 to test. Both ways take 80 steps of 32 pictures, each with its own best
# rate of four, with three seeds. The network of section 6, which knows breeds of both from other
# pictures, and the same one from nothing, which in 80 steps learns next to nothing.

# %%
lines = (ROOT / "lectures/results/fine-tuning.jsonl").read_text().splitlines()
runs = [run for run in map(json.loads, lines) if "test" in run]
ways = {"from weights": BLUE, "from nothing": RED}
drawing, axes = figure(1, 2, size=(13, 4.4))
for way, colour in ways.items():
    for ax, name in zip(axes, ("losses", "looks"), strict=True):
        curves = np.array([run[name] for run in runs if run["way"] == way])
        ax.plot(curves[0, :, 0], curves[:, :, 1].mean(axis=0), "o-", color=colour, label=way)
        low, high = np.quantile(curves[:, :, 1], (0.1, 0.9), axis=0)
        ax.fill_between(curves[0, :, 0], low, high, color=colour, alpha=0.15)
axes[0].set(xlabel="step", ylabel="loss of training pictures")
axes[1].set(xlabel="step", ylabel="held-out pictures right")
axes[1].legend(frameon=False)
show(drawing, "Cats against dogs: the mean of fifteen trainings, and where eight of ten lie")

# %%
values = {way: measured(f"weak-cats-dogs, alexnet: {way}") for way in ways}
Table(("", "right", "command"), [(way, f"{v:g} %", v.command) for way, v in values.items()])

# %%
assert len(runs) == 30 and values["from weights"] - values["from nothing"] > 10
for way, value in values.items():
    assert abs(100 * np.mean([r["test"] for r in runs if r["way"] == way]) - value) < 0.05

# %% [markdown]
# `python examples/fine_tuning.py` gives these numbers again; `python examples/alexnet.py` draws
# what the fifth layer answers to, and which pictures the last layer takes for alike.
#
# ## 8. Your turn
#
# **ex23**, the mean of ten crops.
#
# ### Two questions for paper
#
# **1.** A fully connected layer on maps of 6x6 is a convolution with filters of 6x6. The network of
# section 2 is given a picture of 451x323 instead of 227x227: how many answers does fc8 give, how
# many pixels are they apart, and how much work does conv1 save against as many crops?
#
# <details><summary>Answer</summary>
#
# Strides 4, 2, 2 and 2: one every 32 pixels. Across $(451 - 227) / 32 + 1 = 8$, down
# $(323 - 227) / 32 + 1 = 4$, 32 answers. conv1 has $111 \cdot 79 = 8769$ places instead of
# $32 \cdot 55^2 = 96800$, an eleventh: the crops overlap, and what they share is computed once.
# `AlexNet.class_map` does it; the next chapters need it.
#
# </details>
#
# **2.** In training we set half of the units of fc7 to 0 and double the others, and leave them as
# they are in the test. The authors do not double, and halve all of them in the test. With which
# weights of fc8 is that the same network, and with which rate does it learn alike?
#
# <details><summary>Answer</summary>
#
# With twice ours, $W' = 2 W$: both give $2 W (m \odot h)$ in training and $W h$ in the test. With
# $\delta$ the gradient of the scores, theirs is $\delta (m \odot h)^T$ and ours twice that. A step
# of rate $\eta'$ changes $W'$ by $\eta'$ times theirs, so $W$ by half of it, which is $\eta' / 4$
# times ours: $\eta = \eta' / 4$ for this layer.
#
# </details>
