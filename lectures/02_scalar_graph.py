# %% [markdown]
# # A scalar graph, and why order matters
#
# - **Slides:** Convolutional Networks (LeCun et al., 89)
# - **Source:** minicnn/engine/tensor.py; minicnn/engine/graph.py; minicnn/engine/op.py
# - **Exercises:** ex01_topological_backward
#
# **The problem.** A network has a million weights and one loss. To make the loss smaller we need
# its derivative by every weight. Moving one weight at a time and looking at the loss costs a
# million forward passes for one step. Back-propagation costs about two. It is not an approximation
# and no special trick of neural networks: it is the chain rule, applied in the right order. In
# this chapter we build it out of single numbers, break it in two ways, and then read the real one.

# %%
import numpy as np

from minicnn import Tensor, datasets, figures
from minicnn import functional as F
from minicnn.course.lecturing import BLUE, GREEN, ORANGE, RED, Table, figure, picture, show, source
from minicnn.engine.graph import in_order
from minicnn.engine.op import Op

# %% [markdown]
# ## 1. The picture: a graph of numbers
#
# Every computation is a graph. A box is a number, an arrow says «was computed from». Here is $E =
# (a\,b + b)^2$ with $a = 2$ and $b = 3$. Note that $b$ is used twice.

# %%
a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
loss = (a * b + b) ** 2
show(figures.draw_graph(loss, {"a": a, "b": b}), "The graph of (ab + b)^2: b feeds two boxes")

# %%
loss.backward()
print(f"E = {loss.item():g}, dE/da = {a.grad:g}, dE/db = {b.grad:g}")
assert loss.item() == 81
assert a.grad == 2 * 9 * 3  # 2 (ab + b) b
assert b.grad == 2 * 9 * (2 + 1)  # 2 (ab + b) (a + 1)

# %% [markdown]
# ## 2. The idea and the formula
#
# Ask of each number $x$: by how much does the loss change when $x$ changes a little? Call the
# answer $\bar{x} = \partial E / \partial x$. The loss itself has $\bar{E} = 1$. Everything else
# acts on the loss only through the numbers computed from it, its *users*:
#
# $$\bar{x} = \sum_{y \,\mathrm{uses}\, x} \bar{y}\, \frac{\partial y}{\partial x}$$
#
# *Derivation.* Move $x$ by $\epsilon$. Each user $y$ moves by $\epsilon\,\partial y / \partial x$
# to first order, and nothing else moves directly. A move of $y$ by $\delta$ moves the loss by
# $\bar{y}\,\delta$, by the meaning of $\bar{y}$. Sum up and divide by $\epsilon$.
#
# Two things are hidden in this line.
#
# 1. It is a **sum over users**. A number that is used twice gets two messages, and they add.
# 2. It needs $\bar{y}$ **complete**. A number may pass its message on only when all of its own
#    users have spoken.
#
# The second one is why order matters. An order in which every number comes after all of its users
# is called a *topological order*.

# %% [markdown]
# ## 3. Twenty lines that do it, and two ways to get it wrong
#
# A toy, only to count with. Each number knows its value and, for each input, the local slope.


# %%
class Number:
    def __init__(self, value, inputs=()):
        self.value, self.inputs, self.grad = value, inputs, 0.0  # inputs: (Number, slope)

    def __add__(self, other):
        return Number(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Number(self.value * other.value, ((self, other.value), (other, self.value)))


def along_every_path(y, message=1.0):
    """Right, but a number speaks each time that something arrives. Returns the messages sent."""
    y.grad += message
    return sum(1 + along_every_path(x, message * slope) for x, slope in y.inputs)


def first_come_first_served(y):
    """Wrong: a number speaks once, as soon as it is reached."""
    y.grad, queue, seen, messages = 1.0, [y], {y}, 0
    for node in queue:
        for x, slope in node.inputs:
            x.grad += node.grad * slope
            messages += 1
            if x not in seen:
                seen.add(x)
                queue.append(x)
    return messages


def in_topological_order(y):
    """Right, and each arrow is used once."""
    order, seen, messages = [], set(), 0

    def visit(node):
        if node not in seen:
            seen.add(node)
            for x, _ in node.inputs:
                visit(x)
            order.append(node)  # when it is left: all its inputs stand before it

    visit(y)
    y.grad = 1.0
    for node in reversed(order):
        for x, slope in node.inputs:
            x.grad += node.grad * slope
            messages += 1
    return messages


# %% [markdown]
# **The wrong order.** Take $d = 2a$ and $E = d^3 + d^2$, built as $(d\,d + d)\,d$. Three boxes use
# $d$. The queue reaches $d$ early, from the box next to the loss. The sum has spoken to it by
# then, the product $d\,d$ has not, and what that says comes too late.


# %%
def example():
    a = Number(1.0)
    d = a + a
    c = d * d + d
    return c * d, a  # E = d^3 + d^2 with d = 2a: dE/da = 2 (3 d^2 + 2 d) = 32


rows = []
for walk in (along_every_path, first_come_first_served, in_topological_order):
    loss, leaf = example()
    messages = walk(loss)
    rows.append((walk.__name__.replace("_", " "), messages, f"{leaf.grad:g}"))
Table(("walk", "messages", "dE/da"), rows)

# %%
assert [row[2] for row in rows] == ["32", "16", "32"]  # the middle one is wrong, silently
assert rows[0][1] > rows[2][1]

# %% [markdown]
# The middle one is easy to write and hard to notice. It does not crash and its answer looks like a
# gradient. Only a check by finite differences finds it (chapter 05).
#
# **The slow order.** Following every path is right, but there may be very many paths. Double a
# number $n$ times, $x_{k+1} = x_k + x_k$: there are $n$ boxes, $2n$ arrows, and $2^n$ paths.

# %%
lengths = range(1, 15)
counts = {"along every path": [], "in topological order": []}
for n in lengths:
    for name, walk in (
        ("along every path", along_every_path),
        ("in topological order", in_topological_order),
    ):
        x = leaf = Number(1.0)
        for _ in range(n):
            x = x + x
        counts[name].append(walk(x))
        assert leaf.grad == 2.0**n
drawing, axes = figure(size=(9, 4.4))
for (name, values), colour, mark in zip(counts.items(), (RED, BLUE), "so", strict=True):
    axes.semilogy(lengths, values, marker=mark, color=colour, label=name)
axes.set(xlabel="doublings", ylabel="messages")
axes.legend(frameon=False)
show(drawing, "Messages over the number of doublings: exponential along paths, linear in order")

# %%
assert counts["along every path"][-1] == 2 * (2**14 - 1)
assert counts["in topological order"][-1] == 2 * 14

# %% [markdown]
# ## 4. Our source
#
# The real engine sorts with a stack of its own, not by recursion: a recurrent network unrolled
# over many steps is a chain of thousands of boxes, and Python gives up at a depth of a thousand.

# %%
source(in_order)

# %% [markdown]
# Backward then walks from the end to the start. The messages live in a dict, and each is dropped
# as soon as it has been passed on. Find the two lines in which messages add.

# %%
source(Tensor.backward)

# %%
x = start = Tensor(1.0, requires_grad=True)
for _ in range(3000):
    x = x + 0.001
x.backward()
deep = start.grad.item()
try:
    chain = Number(1.0)
    for _ in range(3000):
        chain = chain + Number(0.001)
    in_topological_order(chain)
    toy = "went through"
except RecursionError:
    toy = "RecursionError"
print(f"3000 boxes deep: ours {deep:g}, the recursive toy: {toy}")

# %%
assert deep == 1.0 and toy == "RecursionError"

# %% [markdown]
# An operation is a class with two methods. It never sees the graph, only arrays: what it gets and
# what it passes down.


# %%
class Square(Op):
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, gy):
        return gy * 2 * self.x


t = Tensor(3.0, requires_grad=True)
Square()(t).backward()
assert t.grad == 6

# %% [markdown]
# ## 5. An experiment: three numbers that find the sky
#
# Is a pixel sky? Say yes with probability $p = 1/(1 + e^{-z})$, $z = u\,\mathrm{blue} +
# v\,\mathrm{height} + c$. Three weights, sixty pixels, one graph of single numbers, 664 boxes.
# Each step is forward, backward, and a little downhill.

# %%
scene = datasets.load("scenes", size=(48, 64)).split("train")[29]
height = np.linspace(1, -1, 48)[:, None] + np.zeros((48, 64))
blue = (scene.image[..., 2].astype(float) - scene.image.mean(axis=2)) / 40
truth = scene.labels == 0  # class 0 is sky
random = np.random.default_rng(0)
chosen = random.integers(0, truth.size, 60)
weights = [Tensor(np.float64(0.0), requires_grad=True) for _ in range(3)]
u, v, c = weights
trace = []
for _step in range(25):
    loss = Tensor(np.float64(0.0))
    for k in chosen:
        z = u * blue.flat[k] + v * height.flat[k] + c
        p = F.sigmoid(z)
        loss = loss + (p - float(truth.flat[k])) ** 2
    for weight in weights:
        weight.grad = None
    boxes = len(in_order(loss))
    loss.backward()
    for weight in weights:
        weight.data = weight.data - 0.5 * weight.grad
    trace.append([loss.item() / 60, *(w.item() for w in weights)])

found = u.item() * blue + v.item() * height + c.item() > 0
right = float((found == truth).mean())
drawing, axes = figure(1, 3, size=(12, 3.8), width_ratios=(1, 1, 1.1))
picture(axes[0], scene.image, "scene")
picture(axes[1], found, f"called sky: {right:.0%} right")
for name, values, colour in zip(
    ("loss", "u blue", "v height", "c"), np.array(trace).T, (RED, BLUE, ORANGE, GREEN), strict=True
):
    axes[2].plot(values, color=colour, label=name)
axes[2].set(title="three weights learn", xlabel="step")
axes[2].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
show(drawing, "Sky found by three weights, and how the weights moved")

# %%
print(f"{right:.1%} of the pixels right; saying no everywhere: {1 - truth.mean():.1%}")
assert boxes == 664
assert trace[-1][0] < 0.5 * trace[0][0]
assert right > max(truth.mean(), 1 - truth.mean()) + 0.1

# %% [markdown]
# ## 6. What the authors reported, what we measured
#
# Rumelhart, Hinton and Williams made back-propagation known in 1986, LeCun et al. used it for
# convolutional networks in 1989. The cost is the point: one backward pass is a small constant
# times one forward pass, for any number of weights. Griewank's bound for scalar graphs is 4 or 5,
# depending on how one counts. In this chapter, $2n$ messages instead of $2^{n+1}-2$.
#
# ## 7. Your turn
#
# **ex01**: write the backward walk yourself. `minicnn exercise start ex01 --to my/` gives you the
# file. Before you write, draw `b = a + a; c = b + b` and number the messages.

# %% [markdown]
# ### Two questions for paper
#
# **1.** $x_1 = x_0 x_0$, $x_2 = x_1 x_1$, $x_3 = x_2 x_2$, and $x_0 = 2$. Send the messages by
# hand, then check them with the power that $x_3$ is.
#
# <details><summary>Answer</summary>
#
# The values are 2, 4, 16, 256. Each box is used twice by the next one, so $\bar{x}_k = 2 x_k
# \bar{x}_{k+1}$: 1, then $2 \cdot 16 = 32$, then $2 \cdot 4 \cdot 32 = 256$, then $2 \cdot 2 \cdot
# 256 = 1024$. And $x_3 = x_0^8$ has the slope $8 \cdot 2^7 = 1024$.
#
# </details>
#
# **2.** One can also walk from the inputs to the end and carry along the derivative by one input.
# When is that cheaper than back-propagation?
#
# <details><summary>Answer</summary>
#
# Such a walk gives the derivatives of all results by one input; back-propagation those of one
# result by all inputs. So it is cheaper where there are few inputs and many results, as for a
# curve that depends on the time alone. A network has a million inputs, its weights, and one
# result, the loss.
#
# </details>
