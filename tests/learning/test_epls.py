"""EPLS: the competition by hand, what it promises, its gradient, and what it learns."""

import numpy as np
import pytest

from minicnn.learning import epls


def literal_competition(answers, inhibition, share):
    """The rule as it is written, with lists."""
    winners, a = [], list(inhibition)
    for row in answers:
        best = max(range(len(a)), key=lambda k: (row[k] - a[k], -k))
        winners.append(best)
        a[best] += share
        if a[best] > 1 - share / 2:
            a[best] += 1
    return winners, a


def test_three_patches_by_hand():
    """The first output is the strongest of all three; after its one win it is too inhibited."""
    answers = np.array([[0.9, 0.2, 0.1], [0.8, 0.5, 0.4], [0.9, 0.6, 0.5]], np.float32)
    inhibition = np.zeros(3, np.float32)
    winners = epls.compete(answers, inhibition, 1.0)
    assert winners.tolist() == [0, 1, 2]
    assert inhibition.tolist() == [2, 2, 2]
    assert epls.compete(answers, np.zeros(3, np.float32), 0.1).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("count", "outputs"), [(60, 6), (61, 6), (7, 10), (500, 100), (3, 2)])
def test_each_output_wins_its_share(count, outputs):
    """One winner for each patch, N / K wins for each output, whatever it answers."""
    rng = np.random.default_rng(count)
    answers = rng.random((count, outputs)).astype(np.float32) * np.linspace(
        0, 1, outputs, dtype="f4"
    )
    inhibition = np.zeros(outputs, np.float32)
    winners = epls.compete(answers, inhibition, outputs / count)
    wins = np.bincount(winners, minlength=outputs)
    assert wins.sum() == count
    assert wins.max() <= -(-count // outputs) and wins.min() >= count // outputs - (count < outputs)
    expected, a = literal_competition(
        answers, np.zeros(outputs, np.float32), np.float32(outputs / count)
    )
    assert winners.tolist() == expected
    np.testing.assert_allclose(inhibition, a, rtol=1e-4)


def test_white_patches_have_no_mean_and_variance_one():
    rng = np.random.default_rng(0)
    patches = (rng.normal(size=(4000, 12)) @ rng.normal(size=(12, 12)) + 3).astype(np.float32)
    white = epls.whitening(patches, 8)
    found = white(patches)
    assert found.shape == (4000, 8)
    assert abs(found.mean(axis=0)).max() < 1e-4
    covariance = found.T @ found / len(found)
    assert abs(covariance - np.diag(np.diag(covariance))).max() < 1e-3
    assert 0.5 < np.diag(covariance).min() and np.diag(covariance).max() < 1.001


def test_a_constant_and_few_patches_are_white_too():
    white = epls.whitening(np.full((50, 6), 7, np.float32), 4)
    assert np.isfinite(white.matrix).all() and abs(white(np.full((1, 6), 7, "f4"))).max() < 1e-3
    assert epls.whitening(np.eye(3, 9, dtype=np.float32), 20).matrix.shape == (9, 9)


def test_whitening_is_folded_into_the_filters():
    rng = np.random.default_rng(1)
    patches = rng.normal(2, 3, (300, 10)).astype(np.float32)
    white = epls.whitening(patches, 6)
    weight, bias = rng.normal(size=(5, 6)).astype("f4"), rng.normal(size=5).astype("f4")
    folded, moved = white.folded(weight, bias)
    said = white(patches) @ weight.T + bias
    np.testing.assert_allclose(patches @ folded.T + moved, said, atol=1e-4)


def stripes(count, rng, size=6):
    """Patches of a single edge at one of four angles, and a little noise."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    angles = rng.integers(0, 4, count) * np.pi / 4
    planes = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    return (np.sign(planes + 0.1) + rng.normal(0, 0.2, planes.shape)).reshape(count, -1), angles


def test_it_learns_the_sources_of_what_it_sees():
    """Four kinds of edges, eight filters: every output lives, they keep the length 1, the error
    falls, and who wins tells the angle."""
    rng = np.random.default_rng(2)
    patches, angles = stripes(4000, rng)
    white = epls.whitening(patches.astype(np.float32), 20)
    errors = []
    weight, bias, error, wins = epls.learn(
        white(patches.astype(np.float32)), 8, 20, watch=lambda epoch, e: errors.append(e)
    )
    assert weight.shape == (8, 20) and bias.shape == (8,)
    np.testing.assert_allclose((weight**2).sum(axis=1), 1, rtol=1e-5)
    assert wins.tolist() == [500] * 8
    assert errors[-1] == error < 0.5 * errors[0]
    answers = white(patches.astype(np.float32)) @ weight.T + bias
    assert (answers.max(axis=0) > 0).all()  # none is dead
    strongest = answers.argmax(axis=1)
    same = sum(
        np.unique(angles[strongest == k], return_counts=True)[1].max() for k in set(strongest)
    )
    assert same / len(patches) > 0.9


def test_the_gradient_is_that_of_the_error():
    """2 (H - T) H (1 - H) through the sigmoid, against differences of |H - T|^2 in float64."""
    rng = np.random.default_rng(3)
    x, w, b = rng.normal(size=(7, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)
    target = np.eye(3)[rng.integers(0, 3, 7)]
    error = lambda w, b: ((1 / (1 + np.exp(-(x @ w.T + b))) - target) ** 2).sum()  # noqa: E731
    h = 1 / (1 + np.exp(-(x @ w.T + b)))
    gw, gb = epls.gradients(x, h, target)
    for at in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[at] = 1e-6
        slope = (error(w + step, b) - error(w - step, b)) / 2e-6
        assert gw[at] == pytest.approx(slope, abs=1e-7)
    for k in range(3):
        step = 1e-6 * np.eye(3)[k]
        assert gb[k] == pytest.approx((error(w, b + step) - error(w, b - step)) / 2e-6, abs=1e-7)


def test_the_same_on_the_emulated_device(kernel_device):
    rng = np.random.default_rng(4)
    patches = rng.normal(size=(200, 5)).astype(np.float32)
    here, there = (epls.learn(patches, 4, 2, device=d) for d in ("cpu", kernel_device))
    np.testing.assert_allclose(here[0], there[0], atol=1e-4)
    assert here[3].tolist() == there[3].tolist()
