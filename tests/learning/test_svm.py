"""Support vector machines against scikit-learn's, and what is asked of their examples."""

import numpy as np
import pytest

from minicnn.learning import svm
from minicnn.learning.svm import BIAS, POSITIVE, C, Machines, train_svm


def examples(n=300, width=8, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.where(np.arange(n) % 4 == 0, 1, -1)
    x = rng.normal(size=(n, width)) * 6 + truth[:, None] * np.linspace(0, 6, width)
    return x.astype(np.float32), truth


def objective(w, x, truth):
    inner = np.append(w[:-1], w[-1] / BIAS)
    lacks = np.maximum(0, 1 - truth * (x @ w[:-1] + w[-1]))
    return 0.5 * inner @ inner + C * (np.where(truth > 0, POSITIVE, 1) * lacks).sum()


def test_as_good_as_liblinear():
    sklearn = pytest.importorskip("sklearn.svm")
    x, truth = examples()
    ours = train_svm(x, truth)
    theirs = sklearn.LinearSVC(
        C=C, loss="hinge", dual=True, intercept_scaling=BIAS, class_weight={1: POSITIVE},
        max_iter=200_000, tol=1e-6, random_state=0,
    ).fit(x, truth)  # fmt: skip
    best = objective(np.append(theirs.coef_[0], theirs.intercept_[0]), x, truth)
    assert objective(ours, x, truth) < 1.02 * best
    again = train_svm(x, truth, ours)
    assert objective(again, x, truth) < 1.02 * best


def test_many_examples_go_in_parts(monkeypatch):
    monkeypatch.setattr(svm, "BATCH", 64)
    x, truth = examples(400)
    right = (np.sign(x @ (w := train_svm(x, truth))[:-1] + w[-1]) == truth).mean()
    assert right > 0.9


def test_hard_negatives_are_looked_for(monkeypatch):
    monkeypatch.setattr(svm, "FULL", 40)
    x, truth = examples()
    machines = Machines(3, x.shape[1])
    assert (machines.scores(x) == -1).all()  # every negative is hard at first
    machines.offer(0, x[truth < 0], machines.scores(x[truth < 0])[:, 0])
    assert not machines.learnt.any()  # without a positive there is nothing to learn
    machines.replace_positives(1, x[truth > 0])
    machines.offer(1, x[truth < 0], machines.scores(x[truth < 0])[:, 1])
    assert machines.learnt.tolist() == [False, True, False]
    left = sum(map(len, machines.negatives[1]))
    assert 0 < left < (truth < 0).sum()  # the easy ones went
    machines.offer(1, x[truth < 0], np.full((truth < 0).sum(), -3.0))
    assert sum(map(len, machines.negatives[1])) == left
    machines.learn_all()
    said = x @ machines.of(2.0)[:, :-1].T / 2 + machines.of(2.0)[:, -1]
    assert np.allclose(said[:, 1], machines.scores(x)[:, 1], atol=1e-4)
    assert (said[:, [0, 2]] == svm.NEVER).all()
