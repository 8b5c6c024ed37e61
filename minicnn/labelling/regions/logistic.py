r"""Logistic regression: the probability of a yes, from features, by gradient descent.

    p = 1 / (1 + exp(-(w x + b)))
    loss = 1/2 |w|^2 + C sum_n cross entropy(p_n, t_n)

is convex: it has one minimum, and descent with steps that are short enough comes to it. Divided by
C N it is the mean cross entropy with weight decay 1 / (C N), which our SGD takes with all examples
in each step. Its gradient changes at most L = lambda / 4 + 1 / (C N) times as fast as w, lambda the
largest eigenvalue of the mean of x x^T; a rate of 1 / L is short enough, so that none has to be
tried out. The bias is not pulled to 0.
"""

import numpy as np

from minicnn import functional as F
from minicnn.engine.tensor import Tensor
from minicnn.labelling.probabilities import sigmoid
from minicnn.optim import SGD

STEPS = 400
MOMENTUM = 0.9


def logistic_regression(x, targets, c, steps=STEPS):
    """(weight float32 (K, F), bias float32 (K,)) of K regressions at once.

    x        float32 (N, F), N at least 1
    targets  (N, K): 0, 1 or a probability
    c        how much the examples count against short weights
    """
    x, targets = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(targets, np.float32)
    count, kinds = targets.shape
    decay = 1 / (c * count)
    rate = 1 / (largest_eigenvalue(x) / 4 + decay)
    weight = Tensor(np.zeros((kinds, x.shape[1]), np.float32), requires_grad=True)
    bias = Tensor(np.zeros(kinds, np.float32), requires_grad=True)
    groups = [{"params": [weight], "weight_decay": decay}, {"params": [bias]}]
    descent = SGD(groups, lr=rate, momentum=MOMENTUM)
    inputs, wanted = Tensor(x), Tensor(targets)
    for _ in range(steps):
        descent.zero_grad()
        scores = F.linear(inputs, weight, bias)
        loss = F.binary_cross_entropy_with_logits(scores, wanted, reduction="sum") * (1 / count)
        loss.backward()
        descent.step()
    return weight.data, bias.data


def largest_eigenvalue(x, rounds=30):
    """Of the mean of [x 1] [x 1]^T over the N rows of x (N, F): the power method, which comes near
    it from below; a tenth is added."""
    x = np.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1)
    v = np.random.default_rng(0).normal(size=x.shape[1])  # along every axis, however x lies
    for _ in range(rounds):
        v = v / max(np.linalg.norm(v), 1e-30)
        v = (v @ x.T) @ x / len(x)
    return 1.1 * float(np.linalg.norm(v))


def probabilities(x, weight, bias):
    """float32 (N, K): what the regressions say of features (N, F)."""
    scores = np.asarray(x, np.float32) @ weight.T + bias
    return sigmoid(scores).astype(np.float32)
