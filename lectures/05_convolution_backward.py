# %% [markdown]
# # Back-propagating a convolution, and checking it
#
# - **Slides:** Convolutional Networks (LeCun et al., 89); Структура слоя сети
# - **Source:** minicnn/ops/conv2d.py; minicnn/checking/gradients.py; minicnn/checking/diagnosis.py
# - **Exercises:** ex03_conv2d_grad_input; ex04_conv2d_grad_weight; ex05_conv2d_grad_bias;
#   ex06_conv2d_stride_padding
#
# **The problem.** The slide says: «the gradient is computed by back-propagation of errors». For a
# convolution that is one line in a paper and the commonest bug in homework. A wrong gradient does
# not crash. The network still learns a little, and nobody knows why it does not learn more. In
# this chapter we derive the three gradients, look at them, read the loops that compute them, and
# build the tool that tells a right backward from a wrong one.

# %%
import numpy as np

import minicnn
from minicnn import Tensor, datasets
from minicnn import functional as F
from minicnn.course.lecturing import (
    BLACK,
    BLUE,
    COLOURS,
    ORANGE,
    SIGNED,
    figure,
    numbers,
    picture,
    show,
    source,
)
from minicnn.images.normalise import normalise_locally
from minicnn.ops.conv2d import Conv2d, conv2d_grad_input, conv2d_grad_weight

# %% [markdown]
# ## 1. The picture: whom did I feed?
#
# Forward, an output pixel asks: *which inputs do I read?* The answer is a window. Backward, an
# input pixel asks: *which outputs did I feed, and through which weight?* The answer is a window as
# well, but it lies on the other side. Take a 5x5 input and a 3x3 filter. The number 7 at the
# centre is read by nine outputs. Output (0, 0) reads it through the *last* weight of the filter,
# output (2, 2) through the *first* one. So the weights come out in reverse order.

# %%
x = np.zeros((1, 1, 5, 5))
x[0, 0, 2, 2] = 7.0
w = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
y = F.conv2d(x, w).numpy()

drawing, axes = figure(1, 3, size=(11, 4))
numbers(axes[0], x[0, 0], "input x: one pixel", around=(0, 0, 3, 3))
numbers(axes[1], w[0, 0], "filter w")
numbers(axes[2], y[0, 0], "output y: whom it fed", around=(0, 0, 1, 1))
show(drawing, "One bright pixel is read by nine outputs, through the filter in reverse order")

# %%
assert np.array_equal(y[0, 0], 7 * w[0, 0, ::-1, ::-1])  # the flipped filter, times 7

# %% [markdown]
# ## 2. The formula, and where it comes from
#
# One map in, one map out, stride 1, no padding:
#
# $$y_{ij} = b + \sum_{u}\sum_{v} w_{uv}\, x_{i+u,\,j+v}$$
#
# Mathematicians call this a *cross-correlation*; their convolution has $x_{i-u,\,j-v}$, the filter
# turned by 180 degrees. Networks learn their filters and do not care, so everybody says
# convolution.
#
# Somebody above us computed a loss $E$ and hands down $g_{ij} = \partial E / \partial y_{ij}$, an
# array of the shape of $y$. The code calls it `gy`. The chain rule says: sum over everything
# through which a quantity acts on the loss.
#
# **By the bias.** $b$ stands in every $y_{ij}$ with the factor 1, so
#
# $$\frac{\partial E}{\partial b} = \sum_{i,j} g_{ij}$$
#
# **By a weight.** In $y_{ij}$ the weight $w_{uv}$ has the factor $x_{i+u,j+v}$, so
#
# $$\frac{\partial E}{\partial w_{uv}} = \sum_{i,j} g_{ij}\, x_{i+u,\,j+v}$$
#
# A weight is used at every place of the picture, and its gradient is the sum over all uses. That
# is all that *weight sharing* means for learning. (It is a convolution again: of $x$ with the
# filter $g$.)
#
# **By an input.** The pixel $x_{pq}$ stands in $y_{ij}$ if $i+u=p$ and $j+v=q$ for some $u, v$.
# There its factor is $w_{uv}$. With $i = p - u$ and $j = q - v$,
#
# $$\frac{\partial E}{\partial x_{pq}} = \sum_{u}\sum_{v} w_{uv}\, g_{p-u,\,q-v}$$
#
# where $g$ is zero outside of the output. Here is the trap: $u$ has a *minus*. The window walks
# backwards, and that is what people mean by «convolution with the flipped filter». (And this one
# *is* the convolution of the mathematicians.) Each $x$ has a gradient, so the result is larger than
# $g$ by $K-1$: put $K-1$ zeros around $g$ («full» padding), turn the filter, and convolve forward.
#
# **Batch and maps.** Picture $n$, input map $k$, output map $c$. Nothing new: sum over all uses. A
# bias and a weight are used by all pictures, an input map by all output maps.
#
# $$\bar b_c = \sum_{n,i,j} g_{ncij}$$
# $$\bar w_{ckuv} = \sum_{n,i,j} g_{ncij}\, x_{nk,i+u,j+v}$$
# $$\bar x_{nkpq} = \sum_{c,u,v} w_{ckuv}\, g_{nc,p-u,q-v}$$
#
# With stride $s$, padding $a$ and dilation $d$ the condition becomes $s\,i + d\,u = p + a$. So $i
# = (p + a - d\,u)/s$, and only those $u$ count for which the division comes out even: the other
# pixels of the grid were never read through that weight.

# %% [markdown]
# ## 3. By hand, on numbers small enough
#
# Do it on paper before you run the cell: a 3x3 input, a 2x2 filter, and an upstream gradient with
# a single 1 in its corner (0, 1).

# %%
x = np.arange(9.0).reshape(1, 1, 3, 3)
w = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
gy = np.array([[[[0.0, 1.0], [0.0, 0.0]]]])

tx, tw, tb = (Tensor(a, requires_grad=True) for a in (x, w, np.zeros(1)))
F.conv2d(tx, tw, tb).backward(gy)

drawing, axes = figure(1, 5, size=(12, 3.2))
titles = ("x", "w", "gy", "gx: w, put down there", "gw: the window of x")
for ax, a, title in zip(axes, (x, w, gy, tx.grad, tw.grad), titles, strict=True):
    numbers(ax, a[0, 0], title)
show(drawing, "A single upstream 1 copies the filter into gx and the window of x into gw")

# %%
assert np.array_equal(tx.grad[0, 0], [[0, 1, 2], [0, 3, 4], [0, 0, 0]])
assert np.array_equal(tw.grad[0, 0], [[1, 2], [4, 5]])
assert tb.grad[0] == 1
full = F.conv2d(gy, w[..., ::-1, ::-1], padding=1).numpy()  # K - 1 = 1 zero around, filter turned
assert np.array_equal(tx.grad, full)

# %% [markdown]
# A single 1 in `gy` puts the filter down *unflipped* in `gx`. No contradiction: each pixel of `gy`
# spreads the filter as it is (scatter), so each pixel of `gx` collects it in reverse (gather). Our
# kernels always gather. A thread owns one output element and writes nothing else, so threads
# cannot collide, and the sum has the same bits every time.

# %% [markdown]
# ## 4. Our source
#
# Six loops, the first of them over pictures and input maps at once. Compare the line `i, j = p + ph
# - u * dh, ...` with the formula: the minus before `u`, and the test that the division by the
# stride comes out even.

# %%
source(conv2d_grad_input)

# %%
source(conv2d_grad_weight)

# %% [markdown]
# ## 5. Is it right? Ask the forward pass
#
# The derivative is a limit, and the forward pass can compute its quotient. Fix a random $g$. The
# number $s(x) = \sum g\, y(x)$ has the gradient that backward claims. Along a random direction $v$
#
# $$\frac{s(x + h v) - s(x - h v)}{2 h} = \langle \nabla s, v\rangle + O(h^2)$$
#
# and that costs two forward passes, whatever the size of $x$. How small should $h$ be? Too large,
# and the curve bends (error $h^2$). Too small, and the difference drowns in roundoff (error
# $\varepsilon / h$). A convolution is linear in each input, so that nothing bends; we put a tanh
# on top.


# %%
def layer(x, w):
    return F.tanh(F.conv2d(x, w))


random = np.random.default_rng(0)
x, w = random.normal(size=(2, 3, 6, 5)), random.normal(size=(4, 3, 3, 2))
v, gy = random.normal(size=x.shape), random.normal(size=(2, 4, 4, 4))


def relative_errors(dtype, steps):
    a, f, d, g = (array.astype(dtype) for array in (x, w, v, gy))
    t = Tensor(x, requires_grad=True)  # the claim, always in float64
    layer(t, w).backward(gy)
    claim = (t.grad * v).sum()
    for h in steps:
        h = dtype(h)
        up, down = ((g * layer(a + s * h * d, f).numpy()).sum() for s in (1, -1))
        yield abs((up - down) / (2 * h) - claim) / abs(claim)


steps = 10.0 ** np.arange(-12, 1)
errors = {t: np.array(list(relative_errors(t, steps))) for t in (np.float64, np.float32)}
drawing, axes = figure(size=(10, 4.6))
for dtype, colour, mark in ((np.float64, BLUE, "o"), (np.float32, ORANGE, "s")):
    axes.loglog(
        steps, np.maximum(errors[dtype], 1e-16), marker=mark, color=colour, label=dtype.__name__
    )
axes.axhline(1e-6, color=BLACK, linestyle=":", label="what gradcheck allows")
axes.set(xlabel="step h", ylabel="relative error of the difference")
axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.18), frameon=False)
show(drawing, "Roundoff on the left, curvature on the right; in float32 the two meet far too high")

# %%
assert errors[np.float64][steps == 1e-6][0] < 1e-8  # ten digits, nearly
assert errors[np.float32].min() > 10 * errors[np.float64].min()
assert errors[np.float64][0] > 1e-6  # a step that is too small proves nothing

# %% [markdown]
# Hence: check in float64 with $h = 10^{-6}$, train in float32.

# %%
assert minicnn.gradcheck(F.conv2d, x, w, random.normal(size=4))
assert minicnn.gradcheck(lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=1), x, w)

# %% [markdown]
# ## 6. Why the upstream gradient must be random
#
# Many tests of frameworks take $E = \sum y$, so that `gy` is all ones. Then the filter may lie the
# wrong way round and nobody notices. Here is that very bug: the filter is not flipped.


# %%
class Unflipped(Conv2d):
    """A convolution whose gradient by the input forgets to run backwards."""

    def backward(self, gy):
        gradients = super().backward(gy)
        self.w = np.ascontiguousarray(self.w[:, :, ::-1, ::-1])
        return super().backward(gy)[0], *gradients[1:]


def claimed(op, gy):
    t = Tensor(x, requires_grad=True)
    op(t, w).backward(gy)
    return t.grad


pads = {"padding": (2, 1)}  # filter size - 1: every pixel is read through every weight
ones = np.ones((2, 4, 8, 6))
right, wrong = claimed(Conv2d(**pads), ones), claimed(Unflipped(**pads), ones)
some = random.normal(size=ones.shape)
right_some, wrong_some = claimed(Conv2d(**pads), some), claimed(Unflipped(**pads), some)

drawing, axes = figure(1, 2, size=(10, 4))
for ax, pair, title in (
    (axes[0], (right, wrong), "gy all ones: no difference"),
    (axes[1], (right_some, wrong_some), "gy random: nothing fits"),
):
    ax.plot(pair[0].ravel(), pair[1].ravel(), "o", color=COLOURS[0], alpha=0.6)
    ax.axline((0, 0), slope=1, color=BLACK, linewidth=1)
    ax.set(title=title, xlabel="right gradient", ylabel="with the bug")
show(drawing, "With an upstream of ones the bug is invisible, with a random one it is plain")

# %%
assert np.allclose(right, wrong)
assert np.corrcoef(right_some.ravel(), wrong_some.ravel())[0, 1] < 0.5

# %% [markdown]
# `gradcheck` takes a random `gy`. When it finds an error it looks at the pattern and says what it
# is probably made of.

# %%
try:
    minicnn.gradcheck(lambda x, w: Unflipped(**pads)(x, w), x, w)
    report = ""
except minicnn.GradientError as error:
    report = str(error)
print(report)

# %%
assert "kernel not flipped" in report
assert "right: input 1" in report  # the gradient by the weights is sound

# %% [markdown]
# ## 7. An experiment: a filter learnt from one picture
#
# Somebody filtered a scene and gives us the result, but not the filter. Its 25 weights are
# unknown, the loss is the mean square of the difference, and `gw` is all that we need. Every pixel
# of the picture teaches the same 25 numbers: that is the strength of shared weights. Before that
# the picture is normalised locally (chapter 07): neighbouring pixels of a raw picture are nearly
# equal, and then two weights side by side can hardly be told apart.

# %%
scene = datasets.load("scenes", size=(96, 128)).split("train")[20].image
grey = scene.mean(axis=2, dtype=np.float32)[None]
grey = normalise_locally(grey, window=9)[None].astype(np.float64)
u = np.arange(-2, 3)
secret = -u[None, None, None, :] * np.exp(-(u[:, None] ** 2 + u[None, :] ** 2) / 3)  # edges
target = F.conv2d(grey, secret).numpy()

filter_ = Tensor(random.normal(size=(1, 1, 5, 5)) * 0.3, requires_grad=True)
losses, seen, velocity = [], [], 0.0
for step in range(150):
    difference = F.conv2d(grey, filter_) - target
    loss = (difference * difference).mean()
    filter_.grad = None
    loss.backward()
    velocity = 0.9 * velocity + filter_.grad
    filter_.data = filter_.data - 0.1 * velocity
    losses.append(loss.item())
    if step in (0, 149):
        seen.append(filter_.data[0, 0].copy())

drawing, axes = figure(2, 3, size=(11, 6.6))
picture(axes[0, 0], scene, "scene")
picture(axes[0, 1], target[0, 0], "what somebody made of it", cmap=SIGNED, vmin=-4, vmax=4)
axes[0, 2].semilogy(losses)
axes[0, 2].set(title="loss", xlabel="step")
filters = {"after 1 step": seen[0], "learnt in 150 steps": seen[1], "the secret": secret[0, 0]}
for ax, (title, f) in zip(axes[1], filters.items(), strict=True):
    numbers(ax, f, title, form="{:.1f}", limit=np.abs(secret).max())
show(drawing, "Gradient descent on the weights recovers the secret edge filter")

# %%
away = np.abs(filters["learnt in 150 steps"] - filters["the secret"]).max()
print(f"largest error of a weight: {away:.3f}, loss {losses[0]:.3f} -> {losses[-1]:.6f}")
assert losses[-1] < losses[0] / 10_000
assert away < 0.02

# %% [markdown]
# ## 8. What the authors reported, what we measured
#
# LeCun et al. (1989) trained their network for zip codes with exactly these sums: 1256 units and
# 64,660 connections, but thanks to shared weights only 9,760 free parameters. It read 5.0 % of
# 2007 test digits wrongly.
#
# `minicnn gradcheck` runs the check of section 5 over every operation of the package.
#
# ## 9. Your turn
#
# **ex03** (by the input), **ex04** (by the weights), **ex05** (by the bias), **ex06** (stride and
# padding). Start with ex05, also if it is your very first exercise: it is one line, and you see how
# an answer is checked. `minicnn exercise start ex05 --to my/` gives you the file, `minicnn exercise
# check` reads it. Then the others by their numbers. For ex03 write the condition $i + u = p$ on
# paper first, solve it for $i$, and ask which $u$ are allowed; for ex06 $s\,i + u = p + a$. The
# check tells you if you forgot the minus.

# %% [markdown]
# ### Two questions for paper
#
# **1.** A 3x3 filter on a 5x5 picture without padding. How many outputs do the pixels (0, 0), (0,
# 1) and (2, 2) feed? With `gy` all ones, what is `gx` there?
#
# <details><summary>Answer</summary>
#
# 1, 2 and 9. At (0, 0) only $i = u = 0$ is possible: $w_{00}$. At (0, 1) $j + v = 1$ has two
# solutions: $w_{00} + w_{01}$. At (2, 2) all nine: the sum of the filter.
#
# </details>
#
# **2.** Take `gy` all ones and a picture that is padded by $K - 1$ on each side. Why does nobody
# notice there if backward lays the filter the wrong way round?
#
# <details><summary>Answer</summary>
#
# Each pixel of the picture is read through all $K^2$ weights, and each of them meets a 1. A sum
# does not depend on the order: `gx` is the sum of the filter everywhere, turned or not. Without
# padding the corners would betray it. With a random `gy` every pixel does.
#
# </details>
