# %% [markdown]
# # ReLU, tanh, pooling over pixels and over layers
#
# - **Slides:** Структура слоя сети
# - **Source:** minicnn/ops/relu.py; minicnn/ops/tanh.py; minicnn/ops/max_pool2d.py;
#   minicnn/ops/max_pool_maps.py; minicnn/ops/subsample2d.py
# - **Exercises:** ex08_relu_backward; ex09_tanh_backward; ex10_max_pool_backward;
#   ex11_pool_over_maps; ex12_subsampling_backward
#
# **The problem.** Convolution after convolution is again one convolution: a thousand linear layers
# can do no more than a single one with a larger filter. Something must bend between them. And a
# network that shall say «car» must not care whether the car stands one pixel further to the left:
# something must forget the exact place. The slide has one line for each: $y_c := \max(y_c, 0)$, and
# a maximum over «some layers, some pixels».

# %%
import numpy as np

import minicnn
from minicnn import Tensor, datasets
from minicnn import functional as F
from minicnn.course.lecturing import BLUE, ORANGE, RED, figure, numbers, picture, show, source
from minicnn.ops.elementwise import Elementwise
from minicnn.ops.map_lists import lists_of_maps
from minicnn.ops.max_pool2d import max_pool2d_backward
from minicnn.ops.relu import ReLU, relu_forward

random = np.random.default_rng(0)

# %% [markdown]
# ## 1. Two curves
#
# $$\tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}, \qquad \mathrm{relu}(x) = \max(x, 0)$$
#
# *Derivatives.* Let $s = e^x + e^{-x}$ and $d = e^x - e^{-x}$. Then $s' = d$ and $d' = s$, so
# $(d/s)' = (s\,s - d\,d)/s^2 = 1 - y^2$. The backward pass needs only its own output. For ReLU the
# slope is 1 where $x > 0$ and 0 where $x < 0$. At 0 there is none, and we take 0.

# %%
x = np.linspace(-4, 4, 401)
drawing, axes = figure(1, 2, size=(11, 4))
for f, colour, style in ((F.relu, BLUE, "-"), (F.tanh, ORANGE, "--")):
    t = Tensor(x, requires_grad=True)
    y = f(t)
    y.backward(np.ones_like(x))
    axes[0].plot(x, y.numpy(), style, color=colour, label=f.__name__)
    axes[1].plot(x, t.grad, style, color=colour, label=f.__name__)
axes[0].set(title="value", xlabel="x", ylim=(-1.5, 4))
axes[1].set(title="slope: what comes through backward", xlabel="x", ylim=(-0.1, 1.2))
axes[0].legend(frameon=False)
show(drawing, "ReLU and tanh, and their slopes")

# %%
assert t.grad.max() == 1 and t.grad[0] < 0.002  # tanh saturates: at 4 hardly anything comes through

# %% [markdown]
# **Why it matters in deep networks.** A message that goes back through $n$ layers is multiplied by
# $n$ slopes. Those of tanh are below 1, those of ReLU are exactly 0 or 1. We send a random message
# back through 20 layers and look at how much of it arrives.


# %%
def arriving(nonlinearity, gain, layers=20, width=64):
    """The size of the gradient at each layer, the last one first."""
    weights = [random.normal(size=(width, width)) * gain / np.sqrt(width) for _ in range(layers)]
    hidden = [Tensor(random.normal(size=(32, width)), requires_grad=True)]
    for w in weights:
        hidden.append(nonlinearity(F.linear(hidden[-1], w)))
        hidden[-1].retain_grad()
    hidden[-1].backward(random.normal(size=(32, width)))
    return [float(np.abs(h.grad).mean()) for h in hidden[::-1]]


runs = {
    "tanh, weights 1/sqrt(n)": arriving(F.tanh, 1.0),
    "ReLU, weights 1/sqrt(n)": arriving(F.relu, 1.0),
    "ReLU, weights sqrt(2/n)": arriving(F.relu, np.sqrt(2.0)),
}
drawing, axes = figure(size=(10, 4.2))
for (name, sizes), colour, style in zip(
    runs.items(), (ORANGE, RED, BLUE), ("--", ":", "-"), strict=True
):
    axes.semilogy(sizes, style, color=colour, label=name)
axes.set(xlabel="layers below the loss", ylabel="mean |gradient|")
axes.legend(frameon=False, loc="lower left")
show(drawing, "How much of the gradient arrives: with the right weights ReLU passes all of it")

# %%
left = {name: sizes[-1] / sizes[0] for name, sizes in runs.items()}
print({name: f"{share:.3g}" for name, share in left.items()})
assert 0.1 < left["ReLU, weights sqrt(2/n)"] < 10
assert left["ReLU, weights 1/sqrt(n)"] < 0.01  # half of the units are off in each layer

# %% [markdown]
# The factor $\sqrt{2}$ is no magic. Half of the units are off, so half of the variance is lost in
# each layer, and weights with twice the variance make up for it (He et al. 2015).
#
# ## 2. Our source: what an operation looks like here
#
# `relu.py` is the shortest complete file of the project. Formula, CPU kernel, CUDA kernel, class.

# %%
source(relu_forward)

# %%
source(relu_forward, "gpu")

# %%
source(ReLU)

# %% [markdown]
# `forward` and `backward`, which call the two kernels, are the same for all nonlinearities:

# %%
source(Elementwise)

# %% [markdown]
# ## 3. Pooling over pixels
#
# $$y_{c,i,j} = \max_{u,v}\; x_{c,\; s i + u,\; s j + v}$$
#
# *Gradient.* Near a given input one of the values is the largest, and $y$ *is* that value. It
# follows the winner with slope 1 and does not notice the others. So each `gy` goes to the winner
# of its window, and a pixel that won two overlapping windows gets both. Of equal values the first
# one wins, row by row: look at the two 2s below.

# %%
x = np.array([[1, 3, 2, 0], [5, 4, 1, 1], [0, 2, 9, 8], [2, 1, 7, 6.0]])[None, None]
gy = np.array([[10, 20], [30, 40.0]])[None, None]
t = Tensor(x, requires_grad=True)
y = F.max_pool2d(t, 2)
y.backward(gy)
pooled = y.numpy()
drawing, axes = figure(1, 4, size=(12, 3.3))
shown = ((x, "x, windows of 2x2"), (pooled, "y"), (gy, "gy"), (t.grad, "gx"))
for ax, (a, title) in zip(axes, shown, strict=True):
    numbers(ax, a[0, 0], title, around=(0, 0, 2, 2) if a.shape[2] == 4 else (0, 0, 1, 1))
show(drawing, "Each window hands its gradient to its winner")

# %%
assert np.array_equal(pooled[0, 0], [[5, 2], [2, 9]])
assert np.array_equal(t.grad[0, 0], [[0, 0, 20, 0], [10, 0, 0, 0], [0, 30, 40, 0], [0] * 4])

# %%
source(max_pool2d_backward)

# %% [markdown]
# **What it buys: a little freedom.** Shift a scene by one to six pixels and compare the maps
# before and after. Pooled maps change less, the more so the larger the window.

# %%
scene = datasets.load("scenes", size=(96, 128)).split("train")[15]
grey = (scene.image.mean(axis=2) / 64 - 2)[None, None]
bank = random.normal(size=(12, 1, 5, 5)) / 5
bank -= bank.mean(axis=(2, 3), keepdims=True)


def features(shift, window):
    maps = F.relu(F.conv2d(np.roll(grey, shift, axis=3)[..., 16:-16], bank))
    return F.max_pool2d(maps, window, stride=1).numpy()


shifts, kept = range(7), {}
for window in (1, 2, 4, 8):
    still = features(0, window)
    kept[window] = [np.corrcoef(features(s, window).ravel(), still.ravel())[0, 1] for s in shifts]
drawing, axes = figure(1, 2, size=(12, 4.2), width_ratios=(1, 1.3))
picture(axes[0], scene.image, "scene")
for (window, values), style in zip(kept.items(), ("-", "--", "-.", ":"), strict=True):
    axes[1].plot(shifts, values, style, marker="o", label=f"window {window}x{window}")
axes[1].set(xlabel="shift in pixels", ylabel="correlation with unshifted")
axes[1].legend(frameon=False)
show(drawing, "The larger the pooling window, the less a small shift changes the maps")

# %%
print({window: f"{values[2]:.2f}" for window, values in kept.items()})
assert kept[1][2] < kept[2][2] < kept[4][2] < kept[8][2]

# %% [markdown]
# The price: the place is forgotten. After two poolings of 2x2 the network answers for every fourth
# pixel, and somebody has to bring the resolution back (chapters 09 and 10).
#
# ## 4. Pooling over layers: the slide's 3-D maximum
#
# $$y_{c,p} := \max_{d \in D(c),\; q \in Q(p)} y_{d,q}$$
#
# The slide's maximum runs over some pixels *and some layers*. If the maps of one group are edge
# detectors of different directions, the result says «an edge, whichever way it runs». Freedom of
# place and of orientation, by the same operation. Without the pixels it is *maxout*: the largest
# of several lines, a nonlinearity that is learnt.

# %%
angles = np.arange(8) * np.pi / 8
v, u = np.mgrid[-3:4, -3:4]
directions = [(u * np.cos(a) + v * np.sin(a)) * np.exp(-(u**2 + v**2) / 5) for a in angles]
edges = F.relu(F.conv2d(grey, np.stack(directions)[:, None] / 4, padding=3))
any_direction = F.max_pool_maps(edges, 8, 1).numpy()[0, 0]
drawing, axes = figure(1, 4, size=(13, 3))
picture(axes[0], scene.image, "scene")
picture(axes[1], edges.numpy()[0, 0], "edges, one way")
picture(axes[2], edges.numpy()[0, 4], "edges, the other way")
picture(axes[3], any_direction, "maximum of 8 maps")
show(drawing, "Pooling over eight directions keeps every edge, whatever its direction")

# %%
assert np.array_equal(any_direction, edges.numpy()[0].max(axis=0))

# %%
source(lists_of_maps)

# %% [markdown]
# Maxout of two lines can be ReLU ($\max(x, 0)$), the absolute value ($\max(x, -x)$), or any bend
# between:

# %%
line = np.linspace(-2, 2, 101)
two = np.stack([line, -line])[None, :, None, :]
absolute = F.max_pool_maps(two, 2, 1).numpy()[0, 0, 0]
assert np.allclose(absolute, np.abs(line))
assert minicnn.gradcheck(
    lambda x: F.max_pool_maps(x, 3, 2), random.permutation(96).reshape(1, 6, 4, 4) / 9.0
)

# %% [markdown]
# ## 5. Subsampling, the older way
#
# LeNet took no maximum. It averaged, and learnt one gain $a_c$ and one bias $b_c$ for each map:
#
# $$y_{c,p} = a_c \cdot \mathrm{mean}_{q \in Q(p)}\, x_{c,q} + b_c$$
#
# *Gradients*: $\bar{b}_c = \sum_p \bar{y}_{c,p}$, $\bar{a}_c = \sum_p \bar{y}_{c,p}\,
# \mathrm{mean}$, and every pixel of a window of $n$ gets $a_c\,\bar{y}/n$. A weak answer among
# strong ones is diluted by the mean and ignored by the maximum; a single strong one is kept by the
# maximum alone.

# %%
spot = np.zeros((1, 1, 8, 8))
spot[0, 0, 3, 3] = 4.0
by_mean = F.subsample2d(spot, 4, np.ones(1), np.zeros(1)).numpy()[0, 0]
by_max = F.max_pool2d(spot, 4).numpy()[0, 0]
drawing, axes = figure(1, 3, size=(10, 3.6), width_ratios=(8, 4, 4))
numbers(axes[0], spot[0, 0], "one strong answer")
numbers(axes[1], by_mean, "mean of 4x4", limit=4)
numbers(axes[2], by_max, "maximum of 4x4", limit=4)
show(drawing, "The mean dilutes a single answer, the maximum keeps it")

# %%
assert by_max.max() == 4 and by_mean.max() == 4 / 16

# %% [markdown]
# ## 6. What the authors reported, what we measured
#
# Krizhevsky et al. (2012) reached a training error of 25 % on CIFAR-10 six times as fast with ReLU
# as with tanh; overlapping pooling (3x3, every second pixel) lowered their top-5 error by 0.3
# points. `examples/layer.py` exchanges ReLU for tanh, and pixels for layers, in one small network
# on scenes and prints what each was worth.
#
# ## 7. Your turn
#
# **ex08** ReLU, **ex09** tanh, **ex10** max pooling backward, **ex11** pooling over maps, **ex12**
# subsampling. Begin with ReLU: it takes ten minutes and shows how the checker talks. For max
# pooling think of two things that the checker will ask: overlapping windows, and equal values.

# %% [markdown]
# ### Two questions for paper
#
# **1.** All four pixels of a window of 2x2 are equal. Our backward gives `gy` to the first. Would
# it be wrong to give a quarter to each?
#
# <details><summary>Answer</summary>
#
# There is a kink: moving one pixel up moves the maximum, moving it down does not. Every way to
# share out `gy` that adds up to it is a subgradient, so neither is wrong as mathematics. As a rule
# one must be chosen, and the first one costs no counting and gives the same bits on every machine.
# What would be wrong is to give all of `gy` to each of them.
#
# </details>
#
# **2.** A message goes back through five layers whose tanh units sit at $y = 0.9$. What is left of
# it, weights apart? And with ReLU units that are on?
#
# <details><summary>Answer</summary>
#
# The slope is $1 - 0.81 = 0.19$, and $0.19^5 = 0.00025$. Of ReLU units that are on, the slope is
# 1: all of it.
#
# </details>
