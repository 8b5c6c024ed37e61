# %% [markdown]
# # Convolution and the connection table
#
# - **Slides:** Структура слоя сети; Convolutional Networks (LeCun et al., 89)
# - **Source:** minicnn/ops/conv2d.py; minicnn/ops/conv2d_table.py; minicnn/nn/tables.py
# - **Exercises:** ex02_conv2d_forward; ex07_connection_table
#
# **The problem.** The network of chapter 03 saw one pixel at a time, and a grey pixel may be road,
# wall or cloud. It must see the neighbours. But if every output may look at every pixel, a picture
# of 320x240 needs a weight for each pair: $6 \cdot 10^9$ of them for one map. The slide's answer
# has two parts. An output looks at a small window only, and the window is the same everywhere. And
# a map need not look at *all* maps below: a table says which.

# %%
import numpy as np

import minicnn
from minicnn import algorithm, datasets, figures, nn
from minicnn import functional as F
from minicnn.course.lecturing import (
    BLUE,
    ORANGE,
    SIGNED,
    Table,
    figure,
    numbers,
    picture,
    show,
    source,
)
from minicnn.ops.conv2d import conv2d_forward
from minicnn.ops.conv2d_table import conv2d_table_forward

# %% [markdown]
# ## 1. The picture: a window that slides
#
# Lay the 3x3 filter on the corner of the input. Multiply what lies over each other, add up, write
# the sum into the output. Move on by one pixel.

# %%
x = np.array(
    [
        [0, 0, 0, 9, 9, 9],
        [0, 0, 0, 9, 9, 9],
        [0, 0, 0, 9, 9, 9],
        [0, 0, 0, 9, 9, 9],
        [0, 0, 0, 9, 9, 9.0],
    ]
)[None, None]
w = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1.0]])[None, None]
y = F.conv2d(x, w).numpy()
drawing, axes = figure(1, 3, size=(11, 3.8), width_ratios=(6, 3, 4))
numbers(axes[0], x[0, 0], "input: dark, then bright", around=(1, 1, 3, 3))
numbers(axes[1], w[0, 0], "filter")
numbers(axes[2], y[0, 0], "output: here is an edge", around=(1, 1, 1, 1))
show(drawing, "A 3x3 filter finds the vertical edge between dark and bright")

# %%
assert y.shape == (1, 1, 3, 4)
assert np.array_equal(y[0, 0], [[0, 27, 27, 0]] * 3)

# %% [markdown]
# On a scene, four filters see four different things. Orange is positive, purple negative. Nobody
# will draw filters by hand: the network learns them. These only show what a filter can be.

# %%
scene = datasets.load("scenes", size=(96, 128)).split("train")[14]
grey = (scene.image.mean(axis=2) / 128 - 1)[None, None]
hand = {
    "vertical edges": np.tile([-1, 0, 1], (3, 1)) / 3,
    "horizontal edges": np.tile([[-1], [0], [1]], (1, 3)) / 3,
    "spots": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]) / 8,
    "blur": np.full((3, 3), 1 / 9),
}
bank = np.stack(list(hand.values()))[:, None]
maps = F.conv2d(grey, bank, padding=1).numpy()[0]
drawing, axes = figure(1, 5, size=(14, 2.9))
picture(axes[0], scene.image, "scene")
for ax, name, values in zip(axes[1:], hand, maps, strict=True):
    picture(ax, values, name, cmap=SIGNED, vmin=-0.5, vmax=0.5)
show(drawing, "A scene, and what four filters make of it")

# %% [markdown]
# ## 2. The formula, with every letter
#
# Several maps in, several maps out. Output map $c$ has one filter for each input map $k$, and a
# bias:
#
# $$y_{c,i,j} = b_c + \sum_{k}\sum_{u,v} w_{c,k,u,v}\; x_{k,\; s i + d u - a,\; s j + d v - a}$$
#
# $s$ is the stride, $d$ the dilation, $a$ the padding: outside of the picture $x$ is zero.
#
# **The size.** The last window must still fit. Its last tap lies at $s(H_o - 1) + d(K-1)$ of a
# picture that padding made $H + 2a$ high. So $s(H_o-1) + d(K-1) \le H + 2a - 1$, and
#
# $$H_o = \left\lfloor \frac{H + 2a - d(K-1) - 1}{s} \right\rfloor + 1$$

# %%
rows = []
for H, K, s, a, d in ((46, 7, 1, 0, 1), (227, 11, 4, 0, 1), (32, 5, 1, 2, 1), (20, 3, 1, 0, 4)):
    formula = (H + 2 * a - d * (K - 1) - 1) // s + 1
    got = F.conv2d(np.zeros((1, 1, H, H)), np.zeros((1, 1, K, K)), stride=s, padding=a, dilation=d)
    rows.append((H, K, s, a, d, formula, got.shape[2]))
Table(("H", "K", "stride", "padding", "dilation", "formula", "conv2d"), rows)

# %%
assert all(row[-1] == row[-2] for row in rows)
assert rows[1][-1] == 55  # AlexNet's first layer: 227 pixels, not the 224 of the paper

# %% [markdown]
# **Two properties follow from the formula alone.** It is *local*: $y$ at one place depends on $K
# \times K$ pixels. And it is *equivariant*: the same weights everywhere, so a shifted picture
# gives shifted maps. Whoever recognises a car on the left recognises it on the right.

# %%
shifted = np.roll(grey, (5, 9), axis=(2, 3))
moved = F.conv2d(shifted, bank).numpy()
still = F.conv2d(grey, bank).numpy()
assert np.allclose(moved[..., 5:, 9:], still[..., :-5, :-9])

# %% [markdown]
# ## 3. Our source

# %%
source(conv2d_forward)

# %% [markdown]
# `prange` is a loop that runs on all cores. Each output map of each picture belongs to one of them,
# so the first of these six loops runs over both. They are the definition. What runs by default is a
# product of matrices or a Fourier transform with the same result, many times as fast (chapter 13).

# %%
with algorithm("simple"):
    by_the_loops = F.conv2d(grey, bank, padding=1).numpy()[0]
assert np.allclose(by_the_loops, maps)

# %% [markdown]
# ## 4. The connection table
#
# The slide writes
#
# $$y_c := \sum_{k=1}^{K_i} g_{k,c}\,(z_k * f_{k,c})$$
#
# with a factor $g_{k,c}$ that ordinary convolutions do not have. Read it as a table: $g_{k,c}=1$
# if output map $c$ looks at input map $k$, else 0 and the filter is not there. LeNet-5 had the
# most famous one, by hand: 6 maps in, 16 out.

# %%
triples = [(k, (k + 1) % 6, (k + 2) % 6) for k in range(6)]
fours = [tuple((k + m) % 6 for m in range(4)) for k in range(6)]
split = [(0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)]
edges = [(k, c) for c, maps_ in enumerate([*triples, *fours, *split, range(6)]) for k in maps_]
lenet = nn.tables.explicit(edges, 6, 16)
show(figures.draw_table(lenet, 6, 16), "The table of LeNet-5: which of 6 maps feed which of 16")

# %%
parameters = len(lenet) * 25 + 16  # a 5x5 filter for each edge, a bias for each map
print(f"{len(lenet)} edges, {parameters} parameters; with a full table {6 * 16 * 25 + 16}")
assert len(lenet) == 60 and parameters == 1516  # the number in LeCun et al. 1998

# %% [markdown]
# Why would one leave connections out? LeCun gives two reasons: fewer multiplications, and
# *breaking the symmetry*. Maps that see different things must learn different things. The gradient
# is that of chapter 05 with shorter sums.

# %%
source(conv2d_table_forward)

# %% [markdown]
# A table is a dense convolution with zeros in it. That is the test, and it is also how the fast
# version computes it:

# %%
random = np.random.default_rng(0)
maps6, filters = random.normal(size=(1, 6, 14, 14)), random.normal(size=(60, 5, 5))
dense = np.zeros((16, 6, 5, 5))
dense[lenet[:, 1], lenet[:, 0]] = filters
along_table = F.conv2d_table(maps6, filters, None, lenet).numpy()
assert np.allclose(along_table, F.conv2d(maps6, dense).numpy())
assert minicnn.gradcheck(
    lambda x, w: F.conv2d_table(x, w, None, lenet), maps6[:, :, :6, :6], filters
)

# %% [markdown]
# ## 5. What it saves: the tables of Farabet et al.
#
# The multi-scale network of chapter 10 has three convolutions of 7x7. Its authors fed every map of
# the second from 8 of 16 maps, and of the third from 32 of 64, drawn at random.

# %%
minicnn.manual_seed(0)
first = [(0, c) for c in range(10)] + [(k, c) for c in range(10, 16) for k in (1, 2)]
tables = (
    ("3 -> 16", nn.tables.explicit(first, 3, 16), 3, 16),
    ("16 -> 64", nn.tables.random_fan_in(16, 64, 8), 16, 64),
    ("64 -> 256", nn.tables.random_fan_in(64, 256, 32), 64, 256),
)
counts = [(name, 49 * len(t) + o, 49 * i * o + o) for name, t, i, o in tables]
drawing, axes = figure(size=(9, 4))
places = np.arange(3)
for k, mark, colour, name in ((1, "o", BLUE, "with the table"), (2, "s", ORANGE, "full")):
    axes.plot([row[k] for row in counts], places, mark, color=colour, markersize=13, label=name)
axes.set_yticks(places, [row[0] for row in counts])
axes.set(xscale="log", xlabel="parameters", ylim=(-0.5, 2.5))
axes.grid(axis="x", color="0.9")
axes.legend(frameon=False, loc="lower right")
show(drawing, "Parameters of the three convolutions, with tables and without")

# %%
with_tables, full = (sum(row[k] for row in counts) for k in (1, 2))
print(f"with tables {with_tables:,}, full {full:,}")
assert with_tables == 427_910 and full == 855_680
assert np.bincount(tables[1][1][:, 0]).tolist() == [32] * 16  # each map is used equally often

# %% [markdown]
# ## 6. An experiment: what is lost with fewer connections?
#
# A layer must copy what an unknown layer does to a scene: 4 maps in, 6 out, 3x3. The unknown one
# uses all 24 connections. Ours may use only those of a random table. We do not train. A
# convolution is linear in its weights, so the best filters are a least squares problem: the pixels
# of each window are a row, the value of the target is the right-hand side. What remains is what no
# training can reach.

# %%
inputs = F.conv2d(grey, random.normal(size=(4, 1, 5, 5)) / 5).numpy()
target = F.conv2d(inputs, random.normal(size=(6, 4, 3, 3))).numpy()[0]
windows = np.lib.stride_tricks.sliding_window_view(inputs[0], (3, 3), axis=(1, 2))
windows = windows.transpose(1, 2, 0, 3, 4).reshape(-1, 4, 9)[::3]  # every third pixel is plenty


def left_over(table):
    """The share of the target's variance that the best filters of a table cannot explain."""
    rest = total = 0.0
    for c in range(6):
        seen = table[table[:, 1] == c, 0]
        rows, wanted = windows[:, seen].reshape(len(windows), -1), target[c].ravel()[::3]
        best = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        rest += ((rows @ best - wanted) ** 2).sum()
        total += (wanted**2).sum()
    return rest / total


losses = {}
for fan_in in (1, 2, 3, 4):
    losses[fan_in] = []
    for seed in range(5):
        minicnn.manual_seed(seed)
        losses[fan_in].append(left_over(nn.tables.random_fan_in(4, 6, fan_in)))
drawing, axes = figure(size=(9, 4))
for fan_in, values in losses.items():
    axes.plot([fan_in] * 5, 100 * np.array(values), "o", color=BLUE, alpha=0.5)
axes.plot(list(losses), [100 * np.mean(v) for v in losses.values()], color=ORANGE, label="mean")
axes.set(xlabel="input maps that each output map sees", ylabel="left over, %", xticks=[1, 2, 3, 4])
axes.legend(frameon=False)
show(drawing, "What the best filters cannot explain, over the fan-in of five random tables each")

# %%
mean = {fan_in: float(np.mean(values)) for fan_in, values in losses.items()}
print({fan_in: f"{value:.1%}" for fan_in, value in mean.items()})
assert mean[1] > mean[2] > mean[3] > mean[4]
assert mean[4] < 1e-9  # all connections: nothing is left, for the target is such a layer itself

# %% [markdown]
# So a table costs something if the task was made for a full layer. In a network it need not: the
# layers above and below learn to live with it, and what is saved may go into more maps.
#
# ## 7. What the authors reported, what we measured
#
# LeNet-5 (LeCun et al. 1998): the table above, 1,516 parameters where a full one has 2,416.
# Farabet et al. 2013: 427,910 with tables. Today's networks use full tables, since hardware likes
# dense products; tables in blocks live on as `groups`. On scenes `examples/layer.py` compares both
# in one small network. `minicnn train multi-scale --set tables=random` trains with the authors'
# tables.
#
# ## 8. Your turn
#
# **ex02**, convolution forward: write the loops, without padding and stride; those come in ex06,
# where they hurt. **ex07** adds the connection table.

# %% [markdown]
# ### Two questions for paper
#
# **1.** A layer takes 3 maps of 320x240 to 16 maps with filters of 7x7, no padding. How many
# numbers does it learn? How many, if every output had a weight for every input?
#
# <details><summary>Answer</summary>
#
# $16 \cdot 3 \cdot 49 + 16 = 2368$. The outputs are $16 \cdot 314 \cdot 234$ = 1,175,616, the
# inputs 230,400: their product is $2.7 \cdot 10^{11}$.
#
# </details>
#
# **2.** Convolution 7x7, maximum 2x2, convolution 7x7, maximum 2x2, convolution 7x7: what is left
# of 46x46 pixels? Of 49x49? From which size on is there a second answer?
#
# <details><summary>Answer</summary>
#
# 46, 40, 20, 14, 7, 1: one answer. 49, 43, 21, 15, 7, 1: again one. 50, 44, 22, 16, 8, 2: two. So
# there is an answer for every fourth pixel, as two poolings by 2 must make it, and what does not
# fill a window is cut off.
#
# </details>
