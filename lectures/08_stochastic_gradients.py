# %% [markdown]
# # Stochastic gradients: loss, momentum, what goes wrong
#
# - **Slides:** Convolutional Networks (LeCun et al., 89); Deep learning
# - **Source:** minicnn/ops/cross_entropy.py; minicnn/ops/softmax.py; minicnn/optim.py;
#   minicnn/nn/init.py; minicnn/learning/parallel.py
# - **Exercises:** ex17_cross_entropy_void; ex18_momentum_sgd
#
# **The problem.** «Supervised learning; stochastic gradient methods», says the slide, and two
# slides later: «hard to train». Both are true. We have the gradient. Now we need a number that
# says how wrong the network is, a rule that turns gradients into steps, and the eye to see what
# goes wrong when it goes wrong. That eye is most of the craft.

# %%
import json

import numpy as np

import minicnn
from minicnn import Tensor, datasets, nn, optim
from minicnn import functional as F
from minicnn.course.lecturing import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    ROOT,
    figure,
    numbers,
    show,
    source,
)
from minicnn.engine.cases import normal
from minicnn.ops.cross_entropy import cross_entropy_backward
from minicnn.optim import sgd_update

random = np.random.default_rng(0)

# %% [markdown]
# ## 1. The loss
#
# The network gives a score $s_c$ for each class. Softmax makes probabilities of them, and the loss
# is the surprise at the true class $t$:
#
# $$p_c = \frac{e^{s_c}}{\sum_k e^{s_k}}, \qquad \ell = -\ln p_t = \ln \sum_k e^{s_k} - s_t$$
#
# *Gradient.* $\partial \ln \sum_k e^{s_k} / \partial s_c = p_c$, and $s_t$ stands there once more
# with a minus. So
#
# $$\frac{\partial \ell}{\partial s_c} = p_c - [c = t]$$
#
# What was said minus what is true. No saturation: a network that is certain and wrong gets the
# full slope.

# %%
scores = np.array([[2.0, -1.0, 0.5]])
t = Tensor(scores, requires_grad=True)
loss = F.cross_entropy(t, np.array([1]))
loss.backward()
p = F.softmax(scores, dim=1).numpy()
drawing, axes = figure(1, 3, size=(10, 2))
parts = ((scores, "scores"), (p, "probabilities"), (t.grad, "gradient, true class 1"))
for ax, (values, title) in zip(axes, parts, strict=True):
    numbers(ax, values, title, form="{:.2f}")
show(drawing, "Scores, probabilities, and the gradient: said minus true")

# %%
assert np.allclose(t.grad, p - [[0, 1, 0]])
assert np.isclose(loss.item(), -np.log(p[0, 1]))
assert np.isclose(F.cross_entropy(np.zeros((1, 8)), np.array([3])).item(), np.log(8))

# %% [markdown]
# The last line is worth remembering. A network that knows nothing of 8 classes has the loss $\ln 8
# = 2.08$. If yours starts at 20, its initial weights are too large. If it stays at 2.08, nothing
# is learnt.
#
# **Two traps.** $e^{1000}$ is infinite, so one subtracts the largest score first, which changes
# nothing in $p$. And pixels that nobody labelled («void») must count neither in the loss nor in
# the number that it is divided by.

# %%
big = F.cross_entropy(np.array([[1000.0, 0.0, -1000.0]]), np.array([1])).item()
assert big == 1000.0  # finite, and exact
maps, labels = normal(1, 3, 2, 2), np.array([[[0, 255], [2, 255]]])
both = F.cross_entropy(maps, labels, ignore_index=255).item()
single = [
    F.cross_entropy(maps[:, :, [[i]], [[0]]].reshape(1, 3), labels[:, i, 0]).item() for i in (0, 1)
]
assert np.isclose(both, np.mean(single))  # the mean of the two labelled pixels

# %%
source(cross_entropy_backward)

# %% [markdown]
# ## 2. The step
#
# $$v \leftarrow \mu v + g + \lambda w, \qquad w \leftarrow w - \eta v$$
#
# $\eta$ is the learning rate, $\mu$ the momentum, $\lambda$ the weight decay. Without momentum it
# is plain descent.

# %%
source(sgd_update)

# %% [markdown]
# **How large may $\eta$ be?** Along a direction of curvature $a$ the loss is $\frac{a}{2} w^2$ and
# its gradient $a w$. A step gives $w \leftarrow (1 - \eta a)\, w$. That shrinks only if $|1 - \eta
# a| < 1$, so $\eta < 2/a$. The steepest direction sets the limit; the flattest then needs about
# $a_{max}/a_{min}$ steps. That quotient, the *condition*, is what makes training slow.
#
# **What momentum does.** Across the valley successive gradients cancel, along it they add up, to
# $1/(1-\mu)$ times a single one. The number of steps falls from the condition to about its square
# root. Here is a valley with condition 25.

# %%
curvature = np.array([1.0, 25.0])


def walk(rate, momentum, steps=40):
    w = Tensor(np.array([-4.0, 1.0]), requires_grad=True)
    optimizer, path = optim.SGD([w], rate, momentum), [w.data.copy()]
    for _ in range(steps):
        w.grad = curvature * w.data
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


walks = {
    "rate 0.04": (walk(0.04, 0.0), BLUE, "o-"),
    "rate 0.081: too large": (walk(0.081, 0.0, 12), RED, "s:"),
    "rate 0.04, momentum 0.7": (walk(0.04, 0.7), ORANGE, "^-"),
}
drawing, axes = figure(1, 3, size=(13, 4), sharey=True)
u, v = np.meshgrid(np.linspace(-5, 2, 80), np.linspace(-3, 3, 80))
for ax, (name, (path, colour, style)) in zip(axes, walks.items(), strict=True):
    ax.contour(u, v, u**2 + 25 * v**2, levels=[1, 4, 10, 25, 60, 120], colors="0.75")
    ax.plot(*path.T, style, color=colour, markersize=5, linewidth=1.5)
    ax.plot(0, 0, "k*", markersize=14)
    ax.set(title=name, xlim=(-5, 2), ylim=(-3, 3))
show(drawing, "A narrow valley: slow, exploding, and with momentum")

# %%
ends = {name: np.abs(path[-1]).max() for name, (path, *_) in walks.items()}
print({name: f"{end:.4f}" for name, end in ends.items()})
assert ends["rate 0.04, momentum 0.7"] < 0.1 * ends["rate 0.04"]
assert ends["rate 0.081: too large"] > 1  # 0.081 > 2 / 25

# %% [markdown]
# **Stochastic** means: the gradient of one picture, not of all. It is noisy, but cheap, and right
# on average. With a constant rate the weights end up jittering around the minimum; so the rate
# falls towards the end.
#
# ## 3. A network to break
#
# A small convolutional network on drawn scenes, trained for 60 steps, always from the same start.
# We shall break it in five ways and look at the loss: this is what the slide «Deep learning» means
# by «hard to train». Learn these curves by heart: in practice the curve is all you get.

# %%
scenes = datasets.load("scenes", size=(48, 64), train=60)
data = [
    ((p.image.transpose(2, 0, 1)[None] / 128 - 1).astype(np.float32), p.labels[None, ::4, ::4])
    for p in scenes.split("train")
]


def make():
    minicnn.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 12, 7, padding=3), nn.ReLU(), nn.MaxPool2d(4), nn.Conv2d(12, 8, 5, padding=2)
    )


def train(lr=0.01, momentum=0.9, change=None, forget=False, epochs=1, data=data):
    network, losses = make(), []
    if change:
        change(network)
    optimizer = optim.SGD(network.parameters(), lr, momentum)
    for x, labels in list(data) * epochs:
        loss = F.cross_entropy(network(Tensor(x)), labels, ignore_index=datasets.VOID)
        if not forget:
            optimizer.zero_grad()
        loss.backward()
        with np.errstate(all="ignore"):
            optimizer.step()
        losses.append(min(loss.item(), 50.0) if np.isfinite(loss.item()) else 50.0)
    return losses


def all_zero(network):
    for p in network.parameters():
        p.data = p.data * 0


def too_large(network):
    for p in network.parameters():
        p.data = p.data * 20


shuffled = [(x, random.permutation(labels.ravel()).reshape(labels.shape)) for x, labels in data]
curves = {
    "as it should be": train(),
    "rate 100 times too small": train(lr=0.0001),
    "rate 10 times too large": train(lr=0.1),
    "all weights zero": train(change=all_zero),
    "weights 20 times too large": train(change=too_large),
    "labels shuffled": train(data=shuffled),
}
drawing, axes = figure(2, 3, size=(13, 6.4), sharex=True)
for ax, (name, losses), colour in zip(
    axes.ravel(), curves.items(), (GREEN, BLUE, RED, ORANGE, PURPLE, BLUE), strict=True
):
    ax.plot(losses, ".", color=colour, alpha=0.4)
    ax.plot(np.convolve(losses, np.ones(8) / 8, "valid"), color=colour)
    ax.axhline(np.log(8), color="0.4", linestyle=":")
    ax.set(
        title=name,
        ylim=(0, 5)
        if name not in ("rate 10 times too large", "weights 20 times too large")
        else (0, 52),
    )
for ax in axes[1]:
    ax.set_xlabel("step")
show(drawing, "Six training curves; the dotted line is ln 8, the loss of whoever knows nothing")

# %%
end = {name: float(np.mean(losses[-10:])) for name, losses in curves.items()}
print({name: round(value, 2) for name, value in end.items()})
knows_nothing = np.log(8)
assert end["as it should be"] < 0.85 * knows_nothing
assert end["rate 100 times too small"] > end["as it should be"] + 0.1
assert end["rate 10 times too large"] > 1.1 * end["as it should be"]
assert max(curves["weights 20 times too large"][:3]) > 3 * knows_nothing

# %% [markdown]
# What to read from them:
#
# - **All weights zero.** The hidden maps stay zero, so the filters get no gradient. Only the last
#   bias learns, and it learns how frequent each class is. That is better than $\ln 8$, so the loss
#   *falls* and one thinks that all is well.
# - **Labels shuffled.** The same curve! Nothing can be seen in the pictures, but frequencies can
#   be learnt. This is the level that a real network must fall below. Whoever sees it in his own
#   training should look at whether pictures and labels belong together.

# %%
assert abs(end["all weights zero"] - end["labels shuffled"]) < 0.25
assert end["as it should be"] < end["all weights zero"] - 0.1

# %% [markdown]
# ## 4. The test that finds most bugs: learn one picture by heart
#
# A network that cannot learn one single picture has a bug. It takes seconds, so do it first.
# `minicnn train MODEL --overfit-one` is the command.

# %%
one = train(epochs=60, data=data[:1])
forgot = train(epochs=60, data=data[:1], forget=True)  # without zero_grad: gradients pile up
drawing, axes = figure(size=(9, 4))
axes.plot(one, color=GREEN, label="one picture")
axes.plot(forgot, "--", color=RED, label="without zero_grad()")
axes.set(xlabel="step", ylabel="loss", ylim=(0, 6))
axes.legend(frameon=False)
show(drawing, "One picture learnt by heart, and the same with a forgotten zero_grad")

# %%
print(
    f"one picture: {one[0]:.2f} -> {one[-1]:.2f}; without zero_grad the worst was {max(forgot):.1f}"
)
assert one[-1] < 0.5 * one[0]
assert np.mean(forgot[-20:]) > 1.5 * np.mean(one[-20:])

# %% [markdown]
# ## 5. Reproducible to the bit
#
# Weights, order and dropout come from counters, not from the clock. The same seed gives the same
# bits, and then a change in the curve is a change that you made.

# %%
assert train(data=data[:6]) == curves["as it should be"][:6]

# %% [markdown]
# ## 6. What the authors reported, what we measured
#
# Farabet et al. (2013): rate $10^{-3}$, one patch at a time, no momentum, weight decay $10^{-5}$,
# 2 to 5 days. Krizhevsky et al. (2012): rate 0.01 and three times divided by 10, momentum 0.9,
# weight decay $5 \cdot 10^{-4}$, 90 epochs. For the table in `lectures/results/README.md` we took
# 0.005, momentum 0.9, $10^{-4}$ and a rate that falls as $(1 -
# \mathrm{step}/\mathrm{total})^{0.9}$. Its training curve:

# %%
text = (ROOT / "lectures/results/multi-scale-first.jsonl").read_text()
log = [json.loads(line) for line in text.splitlines()]
log = [entry for entry in log if "loss" in entry and "rate" in entry]
step, loss = (np.array([entry[name] for entry in log]) for name in ("step", "loss"))
drawing, axes = figure(size=(10, 4))
axes.plot(step, loss, color=BLUE, alpha=0.3)
axes.plot(step[10:-9], np.convolve(loss, np.ones(20) / 20, "valid"), color=BLUE)
axes.axhline(np.log(8), color="0.4", linestyle=":")
axes.set(xlabel="step", ylabel="loss", ylim=(0, 2.4))
show(drawing, "The loss of three scales over the first 5150 steps on photographs")

# %%
print("minicnn train multi-scale --data stanford-background --fold 1 --epochs 10 --seed 0")
assert loss[0] > knows_nothing > 2 * loss[-50:].mean()

# %% [markdown]
# ## 7. Many machines
#
# Let machine $k$ have a picture of its own with $c_k$ labelled pixels, a loss $\ell_k$, which is a
# mean over them, and its gradient $g_k$. Whoever had all pictures would learn from
#
# $$\ell = \frac{\sum_k c_k\, \ell_k}{\sum_k c_k}, \qquad g = \frac{\sum_k c_k\, g_k}{\sum_k c_k}$$
#
# So they add up $c_k g_k$ and $c_k$, and all make the same step: `mpiexec -n 4 minicnn train ...`.
# The mean of the $g_k$ is another gradient. Here are 3 pictures with 1, 4 and 16 columns of labels.


# %%
def gradient(x, labels):
    network = make()
    F.cross_entropy(network(Tensor(x)), labels, ignore_index=datasets.VOID).backward()
    return np.concatenate([p.grad.ravel() for p in network.parameters()])


x, labels = (np.concatenate(arrays) for arrays in zip(*data[:3], strict=True))
labels = np.where(np.arange(16) < 4 ** np.arange(3)[:, None, None], labels, datasets.VOID)
counts = (labels != datasets.VOID).sum(axis=(1, 2))
each = [gradient(x[[k]], labels[[k]]) for k in range(3)]
assert np.allclose(np.average(each, axis=0, weights=counts), gradient(x, labels), atol=1e-6)
assert np.abs(np.mean(each, axis=0) - gradient(x, labels)).max() > 0.01

# %% [markdown]
# What does it cost? A message of $n$ bytes takes $\alpha + n \beta$. To add up the gradients of
# $p$ machines takes $T = 2 \log_2 p\, \alpha + 2 \frac{p-1}{p} n \beta$: hardly more for 256 of
# them than for 16. What counts is how the seconds of a step compare with its bytes. A convolution
# uses each weight at every pixel, a fully connected layer once: `python -m minicnn.bench.machines`.
#
# ## 8. Your turn
#
# **ex17**, softmax cross-entropy with void, and **ex18**, momentum. In the first, think of a
# picture in which every pixel is void. In the second, think of what the velocity is before the
# first step.

# %% [markdown]
# ### Two questions for paper
#
# **1.** Eight classes; the true one has the score 3 and the others 0. What is the loss, and the
# gradient by the true score?
#
# <details><summary>Answer</summary>
#
# $\ln(e^3 + 7) - 3 = \ln 27.09 - 3 = 0.299$. $p_t = 20.09/27.09 = 0.742$, so the gradient is
# $-0.258$; the other seven share $+0.258$.
#
# </details>
#
# **2.** The gradient stays the same, $g$, for many steps. How far does one step go with $\mu =
# 0.9$, in the end and in the first three? What follows for the rate when somebody switches
# momentum off?
#
# <details><summary>Answer</summary>
#
# The velocity becomes $g (1 + 0.9 + 0.81 + \cdots) = 10 g$ in the end; in the first three steps it
# is $g$, $1.9 g$ and $2.71 g$. Without momentum the rate must be about ten times as large to go as
# far along a valley, and may then be too large across it.
#
# </details>
