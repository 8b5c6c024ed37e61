# %% [markdown]
# # Local normalisation
#
# - **Slides:** Структура слоя сети; Архитектура для ImageNet (2012)
# - **Source:** minicnn/ops/local_contrast_norm.py; minicnn/ops/local_response_norm.py;
#   minicnn/images/normalise.py
# - **Exercises:** ex13_local_response_norm; ex14_local_response_norm_backward;
#   ex15_subtract_local_mean_backward; ex16_divide_by_deviation_backward
#
# **The problem.** The same wall stands half in the sun and half in the shade. To a filter, which
# only multiplies and adds, these are two different walls: its answers differ by a factor of three.
# The slide lists «local normalisation» among the nonlinearities. There are two famous kinds.
# *Contrast* normalisation takes light and shade away from a neighbourhood of pixels. *Response*
# normalisation lets neighbouring maps damp each other. Both have a gradient with a cross term, and
# that cross term is the most forgotten one in the field.

# %%
import numpy as np

import minicnn
from minicnn import Tensor, datasets
from minicnn import functional as F
from minicnn.course.lecturing import (
    BLACK,
    BLUE,
    ORANGE,
    RED,
    SIGNED,
    Table,
    figure,
    measured,
    picture,
    show,
    source,
)
from minicnn.images.normalise import normalise_locally
from minicnn.ops.local_contrast_norm import LocalMean
from minicnn.ops.local_response_norm import LocalResponseNorm, local_response_norm_backward

random = np.random.default_rng(0)

# %% [markdown]
# ## 1. The picture: a shadow falls on a scene
#
# We darken the right half of a scene to a third and normalise both versions. The shadow is gone,
# except for the line where it begins.

# %%
scene = datasets.load("scenes", size=(96, 128)).split("train")[15].image
grey = scene.mean(axis=2, dtype=np.float64)[None, None]
light = np.ones(128)
light[64:] = 1 / 3
shaded = grey * light


def contrast(x):
    return F.local_contrast_norm(x, 9, floor=1.0).numpy()


drawing, axes = figure(2, 3, size=(12, 6))
for row, image, title in ((0, grey, "scene"), (1, shaded, "with a shadow")):
    picture(axes[row, 0], image[0, 0], title, vmin=0, vmax=230)
    minus = F.local_contrast_norm(image, 9, divide=False).numpy()[0, 0]
    picture(axes[row, 1], minus, "minus the local mean", cmap=SIGNED, vmin=-60, vmax=60)
    both = contrast(image)[0, 0]
    picture(axes[row, 2], both, "and divided by the deviation", cmap=SIGNED, vmin=-2.5, vmax=2.5)
show(drawing, "Subtraction removes the brightness, division the contrast; the shadow disappears")

# %%
inside = np.s_[..., 70:120]  # away from the shadow's edge by more than half a window
difference = np.abs(contrast(grey)[inside] - contrast(shaded)[inside]).mean()
print(
    f"mean difference: raw {np.abs(grey - shaded)[inside].mean():.1f}, normalised {difference:.3f}"
)
assert difference < 0.1
flat = F.local_contrast_norm(np.full((1, 1, 12, 12), 7.0), 9).numpy()
assert np.abs(flat).max() < 1e-9  # a constant picture becomes zero, at its border too

# %% [markdown]
# ## 2. Local contrast normalisation: formula
#
# Let $M$ be the weighted mean over a window, and over all maps together. First subtract, then
# divide:
#
# $$v = x - M(x), \qquad y = \frac{v}{\max(\sigma, t)}, \qquad \sigma = \sqrt{M(v^2)}$$
#
# The floor $t$ keeps the noise of a clear sky from being blown up to full contrast. Jarrett et al.
# (2009) take the mean of $\sigma$ over the picture.
#
# *Gradient of the subtraction.* $M$ is linear: $M(x)_p = \sum_q m_{pq} x_q$. So $x_q$ acts on
# $v_q$ with slope 1, and on every $v_p$ whose window holds $q$ with $-m_{pq}$:
#
# $$\bar{x}_q = \bar{v}_q - \sum_p m_{pq}\,\bar{v}_p$$
#
# The sum runs over the *first* index. That is the transpose of $M$, and at the border, where
# windows are cut off and weights renormalised, it is not the same as $M$.
#
# *Gradient of the division*, for one map and above the floor. $v_q$ stands in the numerator of
# $y_q$, and inside of $\sigma_p$ for every $p$ around:
#
# $$\bar{v}_q = \frac{\bar{y}_q}{\sigma_q}
#   - v_q \sum_p m_{pq}\, \frac{\bar{y}_p\, v_p}{\sigma_p^{3}}$$
#
# *Derivation of the second term.* $\partial y_p / \partial \sigma_p = -v_p / \sigma_p^2$. And
# $\sigma_p^2 = \sum_q m_{pq} v_q^2$ gives $\partial \sigma_p / \partial v_q = m_{pq} v_q /
# \sigma_p$. Multiply, and sum over $p$.

# %%
source(LocalMean)

# %% [markdown]
# Is the transpose really needed? In the middle of a picture a symmetric window is its own
# transpose. Near the border it is not. We build both as matrices for one row of pixels.

# %%
row = np.eye(16).reshape(16, 1, 1, 16)  # sixteen pictures, each with one bright pixel
mean = LocalMean(np.full((1, 7), 1 / 7), row)
M = mean(row)[:, 0].T  # column q: what pixel q does to the means
drawing, axes = figure(1, 3, size=(11, 3.8))
for ax, matrix, title in zip(
    axes, (M, M.T, M - M.T), ("M", "its transpose", "difference"), strict=True
):
    picture(ax, matrix, title, cmap=SIGNED, vmin=-0.25, vmax=0.25)
show(drawing, "The local mean as a matrix: symmetric but for the border")

# %%
assert np.allclose(M.sum(axis=1), 1)  # every mean is a mean
assert np.abs(M - M.T)[4:12, 4:12].max() < 1e-12 < np.abs(M - M.T).max()

# %% [markdown]
# ## 3. Local response normalisation
#
# Krizhevsky et al. (2012) normalise across maps. At one pixel, map $i$ is damped by the maps in
# its window:
#
# $$b_i = a_i\, S_i^{-\beta}, \qquad S_i = k + \alpha \sum_{j \in w(i)} a_j^2$$
#
# Strong neighbours push a value down. The maps compete, a thing that the authors compare to real
# neurons.
#
# *Gradient.* $a_i$ is the numerator of $b_i$. But it is also a term of $S_j$ for every $j$ whose
# window holds $i$:
#
# $$\frac{\partial b_j}{\partial a_i} = [i=j]\, S_i^{-\beta}
#   - 2\alpha\beta\, a_i\, a_j\, S_j^{-\beta-1}\,[i \in w(j)]$$
#
# $$\bar{a}_i = \bar{b}_i\, S_i^{-\beta}
#   - 2\alpha\beta\, a_i \sum_{j:\, i \in w(j)} \frac{\bar{b}_j\, b_j}{S_j}$$
#
# Mind the index inside the sum: it is $\bar{b}_j$, not $\bar{b}_i$. Whoever writes $i$ has
# forgotten whom $a_i$ has pushed down.

# %%
maps = np.zeros((1, 9, 1, 1))
maps[0, :, 0, 0] = [1, 1, 1, 1, 6, 1, 1, 1, 1]
damped = F.local_response_norm(maps, 5, alpha=2.5, beta=0.75, k=1.0).numpy()[0, :, 0, 0]
drawing, axes = figure(size=(9, 4))
axes.bar(np.arange(9) - 0.2, maps[0, :, 0, 0], 0.38, color=BLUE, label="before")
axes.bar(np.arange(9) + 0.2, damped, 0.38, color=ORANGE, label="after")
axes.set(xlabel="map", xticks=range(9), ylabel="value at one pixel")
axes.legend(frameon=False)
show(drawing, "A strong map damps itself and two neighbours on each side, more than the others do")

# %%
# without the strong map in reach: 1 to 0.50 with three maps in the window, to 0.44 with four
assert np.allclose(damped[:2], [2.5**-0.75, 3**-0.75])
assert [f"{value:.2f}" for value in damped[:2]] == ["0.50", "0.44"]
assert damped[3] < 0.25 * damped[0]  # a neighbour of the strong map, and one outside of its reach
assert damped.argmax() == 4

# %%
source(local_response_norm_backward)

# %% [markdown]
# ## 4. An experiment: which check finds the missing cross term?
#
# Here are three wrong backwards, such as people write them: without the cross term, with the
# factor 2 lost, with $\bar{b}_i$ in the sum. And two ways to check: with the paper's $\alpha =
# 10^{-4}$, where the whole sum hardly matters, and with $\alpha = 0.5$; each with an upstream
# gradient of ones and with a random one.


# %%
def gradient(kind, x, gy, alpha, beta=0.75, k=1.0, reach=2):
    """The gradient of response normalisation across maps, right or wrong. x, gy: (C,)"""
    C = len(x)
    near = np.abs(np.subtract.outer(np.arange(C), np.arange(C))) <= reach
    S = k + alpha * near @ (x * x)
    y = x * S**-beta
    direct = gy * S**-beta
    factor = 1 if kind == "factor 2 lost" else 2
    if kind == "no cross term":
        return direct
    inner = near @ (y / S) * gy if kind == "gy of i, not j" else near @ (gy * y / S)
    return direct - factor * alpha * beta * x * inner


def error_of(kind, alpha, upstream, tries=20):
    """The largest relative error that a difference along a random direction shows."""
    worst = 0.0
    for seed in range(tries):
        r = np.random.default_rng(seed)
        x, v = r.normal(size=9), r.normal(size=9)
        gy = np.ones(9) if upstream == "ones" else r.normal(size=9)

        def s(x, gy=gy):
            y = F.local_response_norm(x.reshape(1, 9, 1, 1), 5, alpha=5 * alpha, k=1.0)
            return (gy * y.numpy().ravel()).sum()

        numeric = (s(x + 1e-6 * v) - s(x - 1e-6 * v)) / 2e-6
        claim = gradient(kind, x, gy, alpha)
        worst = max(worst, abs(claim @ v - numeric) / max(abs(numeric), np.linalg.norm(claim)))
    return worst


kinds = ("right", "no cross term", "factor 2 lost", "gy of i, not j")
ways = [(1e-4, "ones"), (1e-4, "random"), (0.5, "ones"), (0.5, "random")]
errors = np.array([[error_of(kind, *way) for way in ways] for kind in kinds])
drawing, axes = figure(size=(10, 4.4))
for row, (kind, mark) in enumerate(zip(kinds, "osD^", strict=True)):
    colour = (BLACK, BLUE, ORANGE, RED)[row]
    axes.semilogy(errors[row], mark, color=colour, markersize=12, label=kind, alpha=0.8)
axes.axhspan(1e-11, 1e-6, color="0.9")
axes.axhline(3e-3, color="0.4", linestyle=":")
axes.text(3.4, 3.6e-3, "tolerance 0.003", ha="right", fontsize=12)
axes.set_xticks(range(4), [f"alpha {alpha:g}\n{upstream}" for alpha, upstream in ways])
axes.set(xlim=(-0.5, 3.5), ylim=(1e-11, 10), ylabel="error that the check sees")
axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.17), fontsize=12)
show(drawing, "At the paper's alpha wrong gradients look right to a tolerance of 0.003")

# %%
assert errors[0].max() < 1e-6  # the right one passes everywhere
assert errors[1:, :2].max() < 3e-3  # at alpha 1e-4 every wrong one passes a loose test
assert errors[3, 2] < 1e-6  # to an upstream of ones i and j are the same, whatever alpha is
assert errors[1:, 3].min() > 3e-2  # alpha 0.5 and a random upstream: none does

# %% [markdown]
# So test where the term is large. `gradcheck` is strict and its cases take $\alpha \ge 0.5$. It
# even names the mistake:


# %%
class Forgetful(LocalResponseNorm):
    """Response normalisation without the cross term."""

    def backward(self, gy):
        self.x = self.x * 0  # only the cross term is multiplied by x
        return super().backward(gy)


x = random.normal(size=(1, 7, 2, 3))
try:
    minicnn.gradcheck(lambda t: Forgetful(3, a=0.5, beta=0.75, k=1.0, within_map=False)(t), x)
    report = ""
except minicnn.GradientError as error:
    report = str(error).split("\n")[1]
print(report)
assert "cross term is missing" in report
assert minicnn.gradcheck(lambda t: F.local_response_norm(t, 3, alpha=1.5), x)

# %% [markdown]
# ## 5. An experiment: why normalise the input at all?
#
# Chapter 05 learnt a filter from one picture. Here is the same descent, from the raw picture and
# from the normalised one, each with half the step size at which it would begin to explode (chapter
# 08). Raw neighbours are nearly equal, so the loss is a long narrow valley: steep along the mean
# brightness, flat along everything that makes a texture.

# %%
secret = random.normal(size=(1, 1, 5, 5))


def descent(picture_, steps=80):
    x = (picture_ - picture_.mean()) / picture_.std()
    windows = np.lib.stride_tricks.sliding_window_view(x[0, 0], (5, 5)).reshape(-1, 25)
    valley = np.linalg.eigvalsh(windows.T @ windows / len(windows))  # its curvatures
    target, weight, errors = F.conv2d(x, secret).numpy(), np.zeros((1, 1, 5, 5)), []
    for _ in range(steps):
        t = Tensor(weight, requires_grad=True)
        difference = F.conv2d(x, t) - target
        (difference * difference).mean().backward()
        weight = weight - t.grad / (2 * valley[-1])
        errors.append(float(np.abs(weight - secret).mean()))
    return errors, valley[-1] / valley[0]


planes = normalise_locally(grey[0].astype(np.float32), window=9)[None].astype(np.float64)
(raw, narrow), (normal, wide) = descent(grey), descent(planes)
drawing, axes = figure(size=(9, 4))
axes.semilogy(raw, "--", color=ORANGE, label=f"raw picture, valley {narrow:.0f} : 1")
axes.semilogy(normal, color=BLUE, label=f"normalised, valley {wide:.0f} : 1")
axes.set(xlabel="step", ylabel="mean error of a weight")
axes.legend(frameon=False)
show(drawing, "From the raw picture the filter is hardly learnt, from the normalised one it is")

# %%
assert narrow > 10 * wide
assert normal[-1] < 0.5 * raw[-1]

# %% [markdown]
# ## 6. What the authors reported, what we measured
#
# Jarrett et al. (2009) found rectification and local contrast normalisation the two most important
# parts of their networks. Krizhevsky et al. (2012): response normalisation lowered the top-5 error
# by 1.2 points; their $\alpha = 10^{-4}$, $\beta = 0.75$, $k = 2$, $n = 5$. Farabet et al. (2013)
# normalised the *input* in windows of 15x15, and so do we. Conventions differ: PyTorch and Caffe
# divide $\alpha$ by the size of the window, the paper does not. Our argument `alpha_per_term` is
# the paper's.
#
# Normalisation in windows has a price, which we found late: it forgets colours. Sky, road and lake
# are the same grey. Our best networks see both, the normalised planes and the picture as it is:

# %%
rows = []
for name in ("one scale", "three scales"):
    alone = measured(f"stanford, {name}: normalised")
    both = measured(f"stanford, {name}: normalised and colours")
    rows.append((name, f"{alone:g} %", f"{both:g} %"))
    assert both > alone + 1
Table(("photographs, pixels right", "normalised", "and colours"), rows)

# %% [markdown]
# ## 7. Your turn
#
# **ex13** and **ex14**: response normalisation, forward and backward. **ex15** and **ex16**:
# contrast normalisation, its two gradients. Write down first in how many places $a_i$ occurs.

# %% [markdown]
# ### Two questions for paper
#
# **1.** A picture is made three times as bright, and 10 is added to every pixel. What does local
# contrast normalisation make of it, above the floor and below?
#
# <details><summary>Answer</summary>
#
# The weights of a window add up to 1, at the border too, so the mean takes the 10 away: $v$
# becomes $3v$, and $\sigma$ becomes $3\sigma$. Above the floor $y$ is the same as before. Below it
# $y = v/t$ is three times as large: there the floor keeps what is faint faint.
#
# </details>
#
# **2.** Response normalisation of one map with $k = 0$, $\alpha = 1$, $\beta = 1/2$ and a window
# of 1. What is $b$ for a given $a$? What does the formula of section 3 say of its gradient, and
# what would a program without the cross term say?
#
# <details><summary>Answer</summary>
#
# $S = a^2$, so $b = a/|a|$: the sign of $a$. It does not move with $a$, so the gradient is 0, and
# the formula agrees: $1/|a| - a^2/|a|^3 = 0$. Without the cross term it would be $1/|a|$.
#
# </details>
