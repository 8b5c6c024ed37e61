"""SGD with momentum and weight decay: one step.

About 20 minutes; chapter 08.

The velocity v remembers the steps before and fades by the factor `momentum`; the weights are pulled
towards 0 by `weight_decay`, as if a term weight_decay / 2 w^2 stood in the loss:

    v <- momentum v + (g + weight_decay w)
    w <- w - lr v                                   with the new v

    w, g, v   arrays of the same shape: weights, their gradient, their velocity
    lr, momentum, weight_decay   numbers, each may be 0: a warm-up begins with a rate of 0

Returns (w, v), the new ones, as new arrays of their dtype; the old ones stay as they are.

By hand: w = 1, g = 2, v = 3, lr = 0.1, momentum = 0.5, weight_decay = 1 give v = 4.5, w = 0.55.
"""

import numpy as np

from minicnn.course.exercises import todo


def step(w, g, v, lr, momentum, weight_decay):
    todo("the new w and v")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import nn, optim
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal

RETURNS = ("w", "v")
HINTS = (
    "Two lines, in the order of the formula. Which v does the second one use?",
    "+= and -= on an array change it for everybody who has it. w = w - ... makes a new one.",
)
OWN = optim.sgd_update


def truth(w, g, v, lr, momentum, weight_decay):
    flat = [np.array(a).reshape(-1) for a in (g, v, w)]
    OWN(flat[0], *(w.dtype.type(a) for a in (lr, momentum, weight_decay)), *flat[1:])
    return flat[2].reshape(w.shape), flat[1].reshape(w.shape)


def by_hand():
    w, g, v = np.array([1.0]), np.array([2.0]), np.array([3.0])
    return (w, g, v, 0.1, 0.5, 1.0), (np.array([0.55]), np.array([4.5]))


def cases():
    w, g, v = normal(3, 4), normal(3, 4, seed=1), normal(3, 4, seed=2)
    yield "all of it", (w, g, v, 0.1, 0.9, 0.01)
    yield "without momentum", (w, g, v, 0.1, 0.0, 0.01)
    yield "without decay", (w, g, v, 0.1, 0.9, 0.0)
    yield "a rate of 0", (w, g, v, 0.0, 0.9, 0.01)
    yield "the first step", (w, g, np.zeros_like(v), 0.1, 0.9, 0.01)
    yield "no gradient any more", (w, np.zeros_like(g), v, 0.1, 0.9, 0.01)


def plug(answer):
    def update(g, rate, momentum, weight_decay, v, w):
        numbers = float(rate), float(momentum), float(weight_decay)
        w[...], v[...] = answer(w.copy(), g, v.copy(), *numbers)

    return replaced(optim, sgd_update=update)


def train():
    def network():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3))

    return fit(network, lr=0.1, momentum=0.8)


def key(w, g, v, lr, momentum, weight_decay):
    new_w, new_v = np.zeros(w.shape, w.dtype), np.zeros(w.shape, w.dtype)
    for at in np.ndindex(w.shape):
        new_v[at] = momentum * v[at] + g[at] + weight_decay * w[at]
        new_w[at] = w[at] - lr * new_v[at]
    return new_w, new_v


MUTANTS = {
    "uphill": (
        "w[at] - lr",
        "w[at] + lr",
        "The loss grows in the direction of the gradient.",
    ),
    "the old velocity": (
        "lr * new_v[at]",
        "lr * v[at]",
        "The first step does nothing: the gradient gets into the velocity, and the weights move "
        "with the velocity of before.",
    ),
    "no memory": (
        "momentum * v[at] + g[at]",
        "g[at]",
        "The velocity forgets everything at each step.",
    ),
    "in another order": (
        "return new_w, new_v",
        "return new_v, new_w",
        "Both arrays are right; the weights come first.",
    ),
    "decay forgotten": (
        "+ weight_decay * w[at]",
        "",
        "Without gradient and velocity the weights should still shrink.",
    ),
    "decay apart from the velocity": (
        "g[at] + weight_decay * w[at]\n        new_w[at] = w[at]",
        "g[at]\n        new_w[at] = w[at] - lr * weight_decay * w[at]",
        "The weights shrink, but the pull to 0 does not gather speed. In the formula it is a part "
        "of the gradient.",
    ),
    "a running mean": (
        "momentum * v[at] + g[at] + weight_decay * w[at]",
        "momentum * v[at] + (1 - momentum) * (g[at] + weight_decay * w[at])",
        "You take a weighted mean. Here the gradients add up; a large momentum makes the steps "
        "longer.",
    ),
    "rate in the velocity": (
        "momentum * v[at] + g[at] + weight_decay * w[at]\n        new_w[at] = w[at] - lr * "
        "new_v[at]",
        "momentum * v[at] + lr * (g[at] + weight_decay * w[at])\n        new_w[at] = w[at] - "
        "new_v[at]",
        "The rate is multiplied before the velocity is stored. As long as the rate stays the same "
        "nobody sees it; when it changes, old steps keep the old rate.",
    ),
    "ahead of itself": (
        "lr * new_v[at]",
        "lr * (momentum * new_v[at] + g[at] + weight_decay * w[at])",
        "That is Nesterov's form, which looks one step ahead. The task is the plain one.",
    ),
}
