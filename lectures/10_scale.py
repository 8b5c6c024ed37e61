# %% [markdown]
# # Scale: the pyramid with shared weights
#
# - **Slides:** Инвариантность к масштабу; Пирамида изображений; Многомасштабные признаки;
#   Многомасштабные признаки - результаты
# - **Source:** minicnn/images/pyramid.py; minicnn/models/multi_scale.py;
#   minicnn/ops/interpolate.py
# - **Exercises:** ex19_upsampling_backward
#
# **The problem.** The network of chapter 09 confuses sky with water and road with wall, because in
# a small window they are the same. Let it see more, then. But a window three times as wide has
# nine times as many weights and needs more data. And there is a second trouble, the slide's: a car
# nearby is large, a car far away is small, and filters know one size only. The lecture's answer
# solves both at once, without one more filter: look at the *same picture at several sizes* with the
# *same filters*. (It is not free: the classifier on top reads three times as many maps.)

# %%
import numpy as np

import minicnn
from minicnn import Tensor, datasets, figures
from minicnn.course.lecturing import (
    BLUE,
    COLOURS,
    ORANGE,
    SIGNED,
    Table,
    figure,
    measured,
    picture,
    show,
    source,
)
from minicnn.images.colour import rgb_to_yuv
from minicnn.images.pyramid import double, gaussian_pyramid, halve, laplacian_pyramid
from minicnn.learning import checkpoints
from minicnn.learning.metrics import Confusion
from minicnn.models.multi_scale import MultiScale, Stages

# %% [markdown]
# ## 1. The picture: 46 pixels at three sizes
#
# The network sees 46x46 pixels. Of the picture at its own size that is a piece of wall or water.
# Of the picture at a quarter of its size it is most of the scene.

# %%
scenes = datasets.load("scenes", size=(180, 240))
scene = scenes.split("train")[29]
centre = (112, 60)
drawing, axes = figure(1, 4, size=(13, 3.6), width_ratios=(1.5, 1, 1, 1))
picture(axes[0], scene.image, "what is at the cross?")
axes[0].plot(centre[1], centre[0], "+", color="w", markersize=18, markeredgewidth=3)
padded = np.pad(scene.image, ((92, 92), (92, 92), (0, 0)))
for k in range(3):
    half = 23 * 2**k
    r, c = centre[0] + 92, centre[1] + 92
    seen = padded[r - half : r + half, c - half : c + half]
    for _ in range(k):
        seen = halve(np.moveaxis(seen, 2, 0).astype(np.float32)).transpose(1, 2, 0)
    picture(axes[k + 1], np.clip(seen, 0, 255).astype(np.uint8), f"46 pixels at 1/{2**k}")
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * half
    axes[0].plot(centre[1] + box[:, 0], centre[0] + box[:, 1], color=COLOURS[k], linewidth=2.5)
axes[0].set(xlim=(0, 239), ylim=(179, 0))
show(drawing, "The same 46 pixels of the network span 46, 92 and 184 pixels of the scene")

# %% [markdown]
# ## 2. The pyramid
#
# Halving means: smooth, then keep every second pixel. Without smoothing, what is finer than two
# pixels comes back as a false pattern (aliasing). We smooth with
#
# $$\frac{1}{8}\,(1,\; 3,\; 3,\; 1)$$
#
# *Why four taps and not five?* A pixel of the small picture stands for 2x2 pixels of the large
# one, and its centre lies *between* them. A filter with an even number of taps has its centre
# there too. With five taps the levels would be shifted against each other by half a pixel, and the
# maps would not lie over each other when they are enlarged again.
#
# *Why these numbers?* $(1,3,3,1)$ is $(1,1)$ convolved with itself twice, three factors in all:
# smooth, and zero at the highest frequency. Its sum is 8, so brightness stays.

# %%
stripes = np.tile(np.arange(64) % 3 == 0, (1, 48, 1)).astype(np.float32) * 255
dropped = stripes[:, ::2, ::2]
halved = halve(stripes)
again = dropped[:, ::2, ::2], halve(halved)
drawing, axes = figure(1, 3, size=(12, 3.2))
picture(axes[0], stripes[0], "stripes, every third pixel")
picture(axes[1], again[0][0], "every 4th pixel: false stripes", vmin=0, vmax=255)
picture(axes[2], again[1][0], "smoothed and halved, twice", vmin=0, vmax=255)
show(drawing, "Dropping pixels invents stripes; smoothing first leaves the grey that is there")

# %%
assert np.allclose(np.convolve(np.convolve([1, 1], [1, 1]), [1, 1]), [1, 3, 3, 1])
assert again[0].std() > 8 * again[1][:, 2:-2, 2:-2].std()
ramp = np.arange(32, dtype=np.float32).reshape(1, 1, 32).repeat(4, axis=1)
assert np.allclose(halve(ramp)[0, 1, 2:-2], (ramp[0, 0, ::2] + 0.5)[2:-2])  # between the pixels

# %%
source(halve)

# %% [markdown]
# The authors take a *Laplacian* pyramid: of each level only what the next coarser one cannot show.
# All levels and the rest together give the picture back.

# %%
planes = rgb_to_yuv(scene.image)
gauss, laplace = gaussian_pyramid(planes, 3), laplacian_pyramid(planes, 3)
drawing, axes = figure(2, 3, size=(12, 6.2))
for k in range(3):
    picture(axes[0, k], gauss[k][0], f"Gaussian, 1/{2**k}")
    picture(axes[1, k], laplace[k][0], f"Laplacian, 1/{2**k}", cmap=SIGNED, vmin=-25, vmax=25)
show(drawing, "The brightness of a scene in a Gaussian and in a Laplacian pyramid")

# %%
rest = gaussian_pyramid(planes, 4)[3]
for level in laplace[::-1]:
    rest = level + double(rest, *level.shape[1:])
assert np.allclose(rest, planes, atol=1e-3)  # nothing was lost

# %% [markdown]
# ## 3. The same features at every level
#
# Let $f_\theta$ be the three-stage network with weights $\theta$, and $x_k$ the picture at level
# $k$. The features of a pixel are
#
# $$\left[\, f_\theta(x_0),\;\; u(f_\theta(x_1)),\;\; u^2(f_\theta(x_2)) \,\right]$$
#
# where $u$ enlarges maps to twice their size. Three times 256 maps, and one set of weights. *The
# gradient* of shared weights is the sum over their uses, as in chapter 02:
#
# $$\frac{\partial E}{\partial \theta} = \sum_{k} \frac{\partial E_k}{\partial \theta}$$
#
# where $\partial E_k$ lets $\theta$ change in the network of level $k$ only.
#
# Nothing new is needed for that: the same tensor has three users, and messages add. So the cell
# below that computes it, level by level. (`MultiScale` hands all levels to each layer at once,
# `of_levels`. One operation then gives three results and sums the gradient of the weights itself,
# which saves a tenth of the time: `ops/conv2d_of_levels.py`.)

# %%
source(MultiScale.features)

# %%
source(Stages)

# %%
minicnn.manual_seed(0)
network = MultiScale(8, width=0.25, dropout=0.0)
levels = [Tensor(level[None]) for level in network.preprocess(scene.image)]
weight = network.stages.stages[0].weight
by_level = []
for k in range(3):
    maps = network.stages(levels[k])
    weight.grad = None
    maps.sum().backward()
    by_level.append(weight.grad)
weight.grad = None
together = (
    network.stages(levels[0]).sum()
    + network.stages(levels[1]).sum()
    + network.stages(levels[2]).sum()
)
together.backward()
assert np.allclose(weight.grad, sum(by_level), rtol=1e-3, atol=1e-2 * np.abs(weight.grad).max())


# %%
def count(network):
    stages = sum(p.size for p in network.stages.parameters())
    return stages, sum(p.size for p in network.parameters()) - stages


rows = [
    (f"{n} scale{'s'[: n > 1]}", 46 * 2 ** (n - 1), *count(MultiScale(8, scales=n)))
    for n in (1, 2, 3)
]
Table(("network", "sees, pixels", "weights of the stages", "weights of the classifier"), rows)

# %%
assert rows[0][2] == rows[1][2] == rows[2][2]  # more scales cost no weight of the features
assert [row[1] for row in rows] == [46, 92, 184]
assert (rows[0][3], rows[2][3]) == (135_688, 397_832)  # the classifier pays: 256 or 768 maps in

# %% [markdown]
# **What it sees.** The gradient of one answer by the pixels of each level, as in chapter 09, laid
# over each other in pixels of the picture. It will be somewhat more than 46, 92 and 184: maps of
# coarser levels are enlarged, so each answer is mixed of two neighbouring ones there, 4 pixels of
# that level apart. That makes $(46 + 4) \cdot 2 = 100$ and $(46 + 4) \cdot 4 = 200$.

# %%
blank = [
    Tensor(np.random.default_rng(k).normal(size=l.shape).astype(np.float32), True)
    for k, l in enumerate(levels)
]
y = network(*blank)
answer = y[:, :, y.shape[2] // 2 : y.shape[2] // 2 + 1, y.shape[3] // 2 : y.shape[3] // 2 + 1]
answer.backward(np.ones(answer.shape, np.float32))
drawing, axes = figure(1, 3, size=(12, 3.6))
widths = []
for k, ax in enumerate(axes):
    g = np.abs(blank[k].grad[0]).sum(axis=0)[21:-21, 21:-21]
    large = g.repeat(2**k, axis=0).repeat(2**k, axis=1)[:180, :240]
    picture(ax, np.log10(large + 1e-6 * large.max()), f"level {k}", cmap="viridis")
    found = np.nonzero((large > 1e-5 * large.max()).any(axis=0))[0]  # more than roundoff
    widths.append(int(found[-1] - found[0] + 1))
show(drawing, "Where one answer looks, on a logarithmic scale: finely near by, coarsely far away")

# %%
print("pixels across at each level:", widths)
assert widths == [46, 100, 200]

# %% [markdown]
# ## 4. An experiment: networks that have never seen a drawing
#
# The package ships two networks, one scale and three, both trained on the same photographs in the
# same way, but for as long as it helped: one scale 10,815 steps, three scales 20,600. We show them
# drawn scenes. They were trained on nothing of the kind, so both will do worse than on photographs.
# Does context still help?

# %%
drawn = datasets.load("scenes", size=(120, 160)).split("test")
test = [drawn[k] for k in range(20)]
names = {"single-scale": "one scale", "multi-scale": "three scales"}
said, scores = {}, {}
for model, name in names.items():
    trained, _ = checkpoints.load_model(model)
    said[name] = [trained.predict(p.image).argmax(axis=0).astype(np.uint8) for p in test]
    confusion = Confusion(scenes.classes)
    for p, labels in zip(test, said[name], strict=True):
        confusion.add(p.labels, labels)
    scores[name] = confusion.pixel_accuracy

drawing, axes = figure(4, 5, size=(13, 8.4))
for k in range(5):
    picture(axes[0, k], test[k].image)
    for row, labels in enumerate(
        (test[k].labels, said["one scale"][k], said["three scales"][k]), 1
    ):
        picture(axes[row, k], figures.colour_map(labels, scenes.colours))
for row, title in enumerate(("scenes", "truth", *said)):
    axes[row, 0].set_title(title, loc="left")
figures.legend(drawing, scenes.classes, scenes.colours, columns=8)
show(drawing, "Drawn scenes, named by networks that were trained on photographs only")

# %%
print({name: f"{score:.1%}" for name, score in scores.items()})
assert 0.75 > scores["three scales"] > scores["one scale"] + 0.03 > 0.5

# %% [markdown]
# Why so much right, where not a line is drawn as in a photograph? (On the scenes of this size the
# demo's networks, which learnt from scenes, reach no more: theirs are half as wide and took 400
# steps.) The drawings keep what the photographs taught: above is sky and blue, below is grass and
# green. Take one of the two away, by exchanging red with blue, or up with down:

# %%
changes = {"as drawn": np.s_[:], "red for blue": np.s_[..., ::-1], "upside down": np.s_[::-1]}
changed = {}
for name, how in changes.items():
    confusion = Confusion(scenes.classes)
    for p in test:
        answer = trained.predict(p.image[how].copy()).argmax(axis=0).astype(np.uint8)
        confusion.add(p.labels[::-1] if name == "upside down" else p.labels, answer)
    changed[name] = confusion.pixel_accuracy
print({name: f"{score:.1%}" for name, score in changed.items()})
assert changed["as drawn"] == scores["three scales"] > changed["red for blue"] + 0.1
assert changed["red for blue"] > changed["upside down"]

# %% [markdown]
# ## 5. What the authors reported, what we measured
#
# On photographs, with every choice made on validation pictures: first both networks after the same
# 5150 steps with the same options, then as they are shipped, with jitter and with colours beside
# what is normalised (10,815 and 20,600 steps); and on 60 scenes, where both were trained on scenes.
# The colours help the one with little else to go by most (chapter 07).

# %%
one = measured("stanford, one scale: normalised and colours")
three = measured("stanford, three scales: normalised and colours")
equal_one = measured("stanford, one scale: 10 epochs")
equal_three = measured("stanford, three scales: 10 epochs")
drawn_one = measured("scenes, demo: one scale")
drawn_three = measured("scenes, demo: three scales")
Table(
    ("", "one scale", "three scales", "command"),
    [
        ("lecture, photographs", "66.0 %", "78.8 %", "Farabet et al. 2013"),
        ("ours, equal training", f"{equal_one:g} %", f"{equal_three:g} %", equal_three.command),
        ("ours, as shipped", f"{one:g} %", f"{three:g} %", three.command),
        ("ours, drawn scenes", f"{drawn_one:g} %", f"{drawn_three:g} %", drawn_one.command),
    ],
)

# %%
assert min(three - one, equal_three - equal_one, drawn_three - drawn_one) > 5
assert three > 78.8

# %%
drawing, axes = figure(size=(9, 3.6))
places, ones = np.arange(4), [66.0, equal_one, one, drawn_one]
axes.bar(places - 0.2, ones, 0.38, color=ORANGE, label="one scale")
threes = [78.8, equal_three, three, drawn_three]
axes.bar(places + 0.2, threes, 0.38, color=BLUE, label="three scales")
axes.set_xticks(places, ["lecture", "equal training", "as shipped", "drawn scenes"])
axes.set(ylabel="pixels right, %", ylim=(0, 100))
axes.legend(frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.15))
show(drawing, "Three scales against one: in the lecture, on photographs, on drawn scenes")

# %% [markdown]
# The authors report 0.6 seconds for a picture of 320x240 on a machine of 2013, where the best
# method of the time took more than a minute. `minicnn demo` trains both networks on scenes, in
# about two minutes.
#
# ## 6. Your turn
#
# **ex19**, bilinear upsampling backward: the $u$ of section 3. And a question for paper: with four
# levels, how many pixels would the network see, and why does it not become much better on pictures
# of 320x240?

# %% [markdown]
# ### Two questions for paper
#
# **1.** What does $(1, 3, 3, 1)/8$ make of a row of pixels 1, 0, 1, 0, ...? And what would be left
# of that row if one kept every second pixel without smoothing?
#
# <details><summary>Answer</summary>
#
# $(1 + 3)/8 = 1/2$ at every place: the finest pattern is gone, and its mean stays. Without
# smoothing every second pixel is all ones or all zeros, according to where one begins: a bright or
# a dark area that is not in the picture.
#
# </details>
#
# **2.** How much more does a network compute on three levels than on one? What is the limit for
# any number of levels?
#
# <details><summary>Answer</summary>
#
# A level has a quarter of the pixels of the one before: $1 + 1/4 + 1/16 = 1.31$, so 31 % more. The
# limit is $4/3$.
#
# </details>
