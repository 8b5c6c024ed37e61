# %% [markdown]
# # The simplest network
#
# - **Slides:** Простейший подход к сегментации; Простейший подход к сегментации - результаты
# - **Source:** minicnn/models/patch.py; minicnn/models/dense.py; minicnn/ops/interpolate.py
# - **Exercises:** ex19_upsampling_backward; ex20_shift_and_stitch
#
# **The problem.** We have all the parts. How does one make a *segmentation* of them, a name for
# every pixel? Grangier, Bottou and Collobert gave the simplest answer in 2009: cut a patch around
# the pixel, classify the patch, do it for every pixel. No superpixels, no graphical model, no
# features made by hand. This chapter builds it, finds out what exactly the network sees, and
# removes the one thing that is bad about it: that it computes nearly everything again and again.

# %%
import numpy as np

import minicnn
from minicnn import Tensor, datasets, figures, optim
from minicnn.course.lecturing import RED, Table, figure, measured, picture, show, source
from minicnn.models.dense import dense, shift_and_stitch
from minicnn.models.patch import BLOCKS, Patch

minicnn.manual_seed(0)
scenes = datasets.load("scenes", size=(60, 80), train=60, test=8)
network = Patch(len(scenes.classes), width=0.5, nonlinearity="relu", normalise="both")

# %% [markdown]
# ## 1. The picture: what one answer is made from
#
# Three patches of 34x34 pixels. The question is always the same: what is the pixel in the middle?

# %%
scene = datasets.load("scenes", size=(120, 160)).split("train")[14]
places = ((95, 60), (40, 25), (20, 90))
drawing, axes = figure(1, 4, size=(12, 3.4), width_ratios=(1.6, 1, 1, 1))
picture(axes[0], scene.image, "scene")
for ax, (row, column) in zip(axes[1:], places, strict=True):
    r, c = row - 16, column - 16
    axes[0].plot([c, c + 34, c + 34, c, c], [r, r, r + 34, r + 34, r], color=RED, linewidth=2)
    picture(
        ax, np.pad(scene.image, ((16, 17), (16, 17), (0, 0)))[row : row + 34, column : column + 34]
    )
    ax.plot(16, 16, "+", color=RED, markersize=16, markeredgewidth=2)
show(drawing, "Three patches of a scene; the network has to name the pixel in the middle")

# %% [markdown]
# ## 2. The formula: how far does it see?
#
# Layer $l$ has a window of $k_l$ pixels and a stride of $s_l$. One step in its input is $S_{l-1} =
# s_1 s_2 \cdots s_{l-1}$ pixels of the picture. Each layer widens the view by $k_l - 1$ of its own
# steps:
#
# $$r = 1 + \sum_l (k_l - 1)\, S_{l-1}$$
#
# *Derivation.* The outermost taps of the last layer lie $(k_l - 1)$ of its steps apart, so the two
# windows below them are shifted by $(k_l-1) S_{l-1}$ pixels against each other. What they see
# together is what one of them sees, and this shift. Go down layer by layer; the pixel itself is
# the 1.

# %%
rows, sees, step = [], 1, 1
for number, (size, _, pooled) in enumerate(BLOCKS, 1):
    sees += (size - 1) * step
    rows.append((f"block {number}: convolution {size}x{size}", step, sees))
    if pooled:
        sees += step
        step *= 2
        rows.append((f"block {number}: max pooling 2x2", step // 2, sees))
Table(("layer", "its step in pixels", "sees"), rows)

# %%
assert (sees, step) == (34, 4) == (network.sees, network.stride)

# %% [markdown]
# **Is it true?** Ask the gradient. Take the answer for one patch and go back to the pixels: where
# the gradient is not zero, the network looks. It also shows *how strongly* it looks: the middle
# counts more, since more paths lead there.


# %%
def footprint(tries=25):
    """The mean size of the gradient of one answer by the pixels of its patch."""
    total = np.zeros((50, 50))
    for seed in range(tries):
        minicnn.manual_seed(seed)
        one = Patch(8, width=0.25, nonlinearity="relu")
        x = Tensor(np.random.default_rng(seed).normal(size=(1, 3, 50, 50)).astype(np.float32), True)
        y = one(x)[:, :, 2:3, 2:3]  # one answer somewhere in the middle
        y.backward(np.ones(y.shape, np.float32))
        total += np.abs(x.grad[0]).sum(axis=0)
    return total / tries


looked = footprint()
seen = looked > 1e-4 * looked.max()  # what is below is roundoff of the Fourier tiles, chapter 13
rows_seen, columns_seen = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
drawing, axes = figure(1, 2, size=(10, 4.2))
drawn = picture(axes[0], looked, "where one answer looks", cmap="viridis")
drawing.colorbar(drawn, ax=axes[0], label="mean |gradient|")
axes[1].plot(looked.sum(axis=0))
axes[1].set(xlabel="column", ylabel="sum of the column", title="the middle counts most")
show(drawing, "The gradient by the input: a square of 34 pixels, strongest in the middle")

# %%
print(f"{len(rows_seen)} rows and {len(columns_seen)} columns of 50 are looked at")
assert len(rows_seen) == len(columns_seen) == 34
assert looked.sum(axis=0)[rows_seen[0] + 17] > 3 * looked.sum(axis=0)[rows_seen[0]]

# %% [markdown]
# ## 3. Our source

# %%
source(Patch)

# %% [markdown]
# ## 4. Do not cut patches: convolve the picture
#
# The patch of the pixel next door shares 33 of 34 columns with ours. Its first layer computes the
# same sums again. So give the whole picture to the same layers: because a convolution does not
# care where it is, all answers come at once, each as its patch would give it. Only pooling is in
# the way. It skips, so there is an answer for every fourth pixel only.

# %%
image = scenes.split("test")[2].image
x = Tensor(network.preprocess(image)[0][None])
whole = network(x).numpy()[0]
patches = network.patches(x.data, np.zeros(3, int), np.array([0, 20, 40]), np.array([0, 32, 60]))
single = network(Tensor(patches)).numpy()[:, :, 0, 0]
for k, (r, c) in enumerate([(0, 0), (5, 8), (10, 15)]):
    assert np.allclose(single[k], whole[:, r, c], atol=1e-4)


# %%
def multiplications(height, width):
    """Of all convolutions of the network at an input of this size."""
    total, inputs = 0, 6  # planes: the picture in two ways
    for size, maps, pooled in BLOCKS:
        height, width = height - size + 1, width - size + 1
        total += height * width * size * size * inputs * maps
        inputs = maps
        if pooled:
            height, width = height // 2, width // 2
    return total


by_patches = 240 * 320 * multiplications(34, 34)
at_once = multiplications(240 + 33, 320 + 33)
print(f"a picture of 320x240, patch by patch: {by_patches:.2e} multiplications")
print(
    f"answers at every fourth pixel, at once: {at_once:.2e}, {by_patches / at_once:.0f} times fewer"
)
print(
    f"patch by patch at every fourth pixel would take {by_patches / 16 / at_once:.0f} times as many"
)
assert round(by_patches / at_once) == 401
assert round(by_patches / 16 / at_once) == 25

# %% [markdown]
# ## 5. And the pixels in between?
#
# Three ways, all in the literature.
#
# **Interpolate** the scores. Cheap and smooth; it blurs thin things.
#
# **Shift and stitch.** Shift the picture by one pixel, run again, and so on: $4 \times 4$ runs,
# whose answers are put between each other. Every answer is then that of its own patch.
#
# **Dilated convolution.** Let pooling step by one pixel, so that nothing is thrown away, and let
# all later layers skip over what belongs to other shifts. One run, nothing twice, the same
# numbers.

# %%
source(dense)

# %%
layers = [layer for block in network.blocks for layer in block.modules]
with minicnn.no_grad():
    stitched = shift_and_stitch(lambda a: network(Tensor(a)).numpy(), x.data, network.stride)
    dilated = network.classifier(dense(layers, x)[0]).numpy()
print(f"16 runs stitched: {stitched.shape}, one dilated run: {dilated.shape}")

# %%
assert stitched.shape == dilated.shape == (1, 8, 60, 80)
assert np.allclose(stitched, dilated, atol=1e-4)

# %% [markdown]
# ## 6. An experiment: it learns
#
# Sixty drawn scenes, each seen twice. Each step is one picture: forward, loss, backward, step. A
# minute of it on real photographs would be the same loop.

# %%
train, test = list(scenes.split("train")), list(scenes.split("test"))
inputs = [network.preprocess(p.image) for p in train]
steps = 2 * len(train)
schedule = optim.warm_up(optim.polynomial(steps), 10)
optimizer = optim.SGD(
    network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, schedule=schedule
)
network.train()
losses = []
for step in range(steps):
    p = train[step % len(train)]
    loss, _ = network.loss([Tensor(a[None]) for a in inputs[step % len(train)]], p.labels[None])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
network.eval()

maps = [network.predict(p.image).argmax(axis=0).astype(np.uint8) for p in test]
right = [float((m == p.labels)[p.labels < 8].mean()) for m, p in zip(maps, test, strict=True)]
labels = np.concatenate([p.labels.ravel() for p in train])
commonest = np.bincount(labels[labels < 8]).argmax()
majority = np.mean([(p.labels == commonest)[p.labels < 8].mean() for p in test])

drawing, axes = figure(3, 4, size=(12, 7))
for k in range(4):
    picture(axes[0, k], test[k].image)
    picture(axes[1, k], figures.colour_map(test[k].labels, scenes.colours))
    picture(axes[2, k], figures.colour_map(maps[k], scenes.colours), f"{right[k]:.0%} right")
for row, title in enumerate(("scenes", "truth")):
    axes[row, 0].set_title(title, loc="left")
figures.legend(drawing, scenes.classes, scenes.colours, columns=8).set_in_layout(True)
show(drawing, "Test scenes, their true labels, and what the patch network says")

# %%
print(
    f"{np.mean(right):.1%} right on {len(test)} unseen scenes; the commonest class: {majority:.1%}"
)
print(f"loss {np.mean(losses[:30]):.2f} -> {np.mean(losses[-30:]):.2f}")
assert np.mean(losses[-30:]) < 0.9 * np.mean(losses[:30])
assert np.mean(right) > majority + 0.1

# %% [markdown]
# Look at its mistakes. It knows textures and colours, and mixes up what looks alike near by: a
# lake is called sky, a path building, trees and grass change places. In 34 pixels they *are*
# alike. No training will cure that; the network must see *more*. That is the next chapter.
#
# ## 7. What the authors reported, what we measured
#
# The authors trained *greedily*: block 1 with a classifier of its own, which is thrown away; then
# block 2 on top; and so on. `minicnn train patch --greedy` does that. They worked on photographs
# of Spanish cities from LabelMe with 20 classes and showed Madrid, which was held out. The lecture
# shows these pictures. In what we could read of the work there is not a single number: neither
# layer sizes nor accuracies. So the sizes here are ours, and we compare it with what needs no
# network at all: the commonest class, the commonest at each height, the commonest of each colour.
# On the photographs of Stanford Background:

# %%
rows = [
    ("commonest class", measured("stanford, rules: class")),
    ("commonest class at each height", measured("stanford, rules: row")),
    ("commonest class of each colour", measured("stanford, rules: colour")),
    ("blocks together", measured("stanford, patch: blocks together")),
    ("block by block", measured("stanford, patch: block by block")),
]
Table(
    ("on the test photographs of fold 1", "pixel accuracy", "command"),
    [(name, f"{value:g} %", value.command) for name, value in rows],
)

# %%
values = [value for _, value in rows]
assert values[:3] == sorted(values[:3])
assert min(values[3:]) > max(values[:3]) + 5  # what lies around is worth more than any rule

# %% [markdown]
# ## 8. Your turn
#
# **ex20**, shift and stitch, and **ex19**, bilinear upsampling backward. The second is the gather
# rule of chapter 05 again: which outputs did this input feed, and with which weight?

# %% [markdown]
# ### Two questions for paper
#
# **1.** Convolution 3x3, maximum 2x2, convolution 3x3, maximum 2x2, convolution 3x3. How far does
# it see, and for which pixels does it answer?
#
# <details><summary>Answer</summary>
#
# $r = 1 + 2 \cdot 1 + 1 \cdot 1$ $+\; 2 \cdot 2 + 1 \cdot 2 + 2 \cdot 4 = 18$ pixels, and it
# answers for every fourth one.
#
# </details>
#
# **2.** Compare the work of shift and stitch with that of the dilated run, layer by layer, for the
# network of the question before.
#
# <details><summary>Answer</summary>
#
# There are 16 runs. The first convolution works on all pixels in each of them: 16 times as much as
# in one dilated run. The second one works on a quarter of the pixels: 4 times as much. The third
# on a sixteenth: the same. What is computed twice lies before the poolings.
#
# </details>
