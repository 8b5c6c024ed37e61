"""The checker is checked: wrong backwards of every operation are caught and named, right ones
pass."""

import numpy as np
import pytest
from support import (
    mutants,
    mutants_arrays,  # noqa: F401  each fills mutants.ALL
    mutants_norms,
    mutants_pictures,  # noqa: F401
)

import minicnn.ops
from minicnn import GradientError, gradcheck
from minicnn.checking import TOLERANCE, KinkError, gradient_errors
from minicnn.engine.cases import normal

every_mutant = pytest.mark.parametrize("mutant", mutants.ALL, ids=lambda mutant: mutant.name)


@every_mutant
def test_a_wrong_backward_is_caught_and_named(mutant):
    with pytest.raises(GradientError) as caught:
        gradcheck(mutant, *mutant.arrays)
    assert not isinstance(caught.value, KinkError)
    report = str(caught.value)
    assert mutant.phrase in report, report


def test_enough_of_them_for_every_operation():
    assert len(mutants.ALL) >= 40
    assert sum(bool(mutant.phrase) for mutant in mutants.ALL) >= 30
    assert len({mutant.name for mutant in mutants.ALL}) == len(mutants.ALL)


def test_a_students_lrn_without_its_cross_term_is_told_so():
    sentence = "the cross term is missing: the term through which one map acts on the gradient of"
    for size in (1.0, 0.01):  # at 0.01 the cross term is a small part of the gradient
        with pytest.raises(GradientError, match=sentence):
            gradcheck(lambda x: mutants_norms.StudentsLRN()(x), size * normal(2, 7, 3, 4))


@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(s, marks=pytest.mark.slow) for s in range(5, 200))]
)
def test_no_false_alarm(seed):
    """The arrays of a case are drawn anew by giving each another order, and a little more to every
    element, so that no two are equal: no new kinks, no negative number where a root is taken."""
    random = np.random.default_rng([seed, 40])

    def check(case):
        arrays = [
            random.permutation(a.reshape(-1) + 3e-4 * np.arange(a.size)).reshape(a.shape)
            for a in case.arrays
        ]
        return gradcheck(lambda *a: case.function(*a, **case.options), *arrays, seed=seed)

    for case in minicnn.ops.all_cases():
        try:
            assert check(case)
        except KinkError:  # by chance within 1e-6 of one (a contrast right at its floor): again
            assert check(case)


# ------------------------------------------------------------------------------------------ kinks
KINKS = [
    (lambda x: minicnn.functional.relu(x), [[1.0, 0.0, -2.0], [3.0, 4.0, 5.0]], r"first \(0, 1\)"),
    (lambda x: minicnn.functional.max_pool2d(x, 2), [[[[1.0, 2.0], [2.0, 0.0]]]], "in 2 of 4"),
]


@pytest.mark.parametrize("f,x,sentence", KINKS)
def test_a_kink_is_called_a_kink(f, x, sentence):
    with pytest.raises(KinkError, match=sentence) as caught:
        gradcheck(f, x)
    report = str(caught.value)
    assert "kink" in report and "wrong in" not in report


def test_a_kink_hides_no_mistake():
    class Wrong(minicnn.Op):
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, gy):
            return 2 * gy * (self.x > 0)

    with pytest.raises(GradientError, match="2 times what it should be") as caught:
        gradcheck(lambda x: Wrong()(x), [1.0, 0.0, -2.0, 3.0])
    assert not isinstance(caught.value, KinkError)


def test_how_ties_are_broken_is_not_seen_by_differences():
    """A backward that gives every tied winner the whole gradient passes where nothing is tied; the
    literal loops of test_ops.py see it."""
    pool = minicnn.ops.max_pool2d.MaxPool2d

    def all_winners(op, gy, right):
        y = op.inputs[0].data.reshape(1, 1, 2, 2, 2, 2).max(axis=(3, 5), keepdims=True)
        winners = op.inputs[0].data.reshape(1, 1, 2, 2, 2, 2) == y
        return (winners * gy.reshape(y.shape)).reshape(1, 1, 4, 4)

    mutant = mutants.Mutant("ties", lambda: pool(2), (), all_winners)
    assert gradcheck(mutant, np.arange(16.0).reshape(1, 1, 4, 4))
    with pytest.raises(KinkError):
        gradcheck(mutant, np.ones((1, 1, 4, 4)))


# ------------------------------------------------------------------------------------ the table
def test_gradient_errors():
    x, labels = normal(3, 4), np.array([0, 2, 1])
    errors = gradient_errors(lambda x, t: minicnn.functional.cross_entropy(x, t.data), x, labels)
    assert errors[0] < TOLERANCE and errors[1] is None
    wrong = next(m for m in mutants.ALL if m.name == "conv2d: kernel not flipped")
    errors = gradient_errors(wrong, *wrong.arrays)
    assert errors[0] > 0.01 and max(errors[1:]) < TOLERANCE


def test_a_gradient_of_zero_is_no_false_alarm():
    """Probabilities sum to 1, so differences of that sum are nothing but roundoff."""
    for seed in range(20):
        x = normal(4, 30, seed=seed)
        assert gradcheck(lambda x: minicnn.functional.softmax(x, 1).sum(), x, seed=seed)


def test_large_inputs_get_a_report_too():
    def wrong(x):
        return mutants.Mutant("", lambda: minicnn.ops.relu.ReLU(), (), lambda op, gy, right: -gy)(x)

    with pytest.raises(GradientError, match="minus what it should be"):
        gradcheck(wrong, 1 + abs(normal(30, 40)))
    with pytest.raises(GradientError, match="2000 elements looked at"):
        gradcheck(wrong, 1 + abs(normal(30, 100)))
