"""The checker is checked: what is wrong must be caught, what is right must pass."""

import numpy as np
import pytest

from minicnn import GradientError, Op, Tensor, gradcheck
from minicnn import functional as F
from minicnn.engine.cases import normal, separated


class Square(Op):
    """y = x^2 with a backward that a test can spoil."""

    def __init__(self, spoil=lambda gx: gx):
        self.spoil = spoil

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, gy):
        return self.spoil(2 * self.x * gy)


def one_wrong(gx):
    gx = gx.copy()
    gx.reshape(-1)[7] += 0.01
    return gx


@pytest.mark.parametrize(
    "spoil",
    [
        lambda gx: gx * 1.001,
        lambda gx: -gx,
        lambda gx: gx * 0,
        lambda gx: gx / 2,
        lambda gx: gx[::-1].copy(),
        lambda gx: np.full_like(gx, np.nan),
        one_wrong,
    ],
)
def test_a_planted_error_is_caught(spoil):
    x = normal(4, 3, 5)
    assert gradcheck(lambda t: Square()(t), x)
    with pytest.raises(GradientError):
        gradcheck(lambda t: Square(spoil)(t), x)


def test_upstream_ones_would_not_see_these():
    """The two mistakes of which a check with an upstream gradient of ones knows nothing."""

    class Softmax(Op):
        def forward(self, x):
            e = np.exp(x)
            return e / e.sum(axis=1, keepdims=True)

        def backward(self, gy):
            return np.zeros_like(gy)

    with pytest.raises(GradientError):
        gradcheck(lambda t: Softmax()(t), normal(3, 4))

    class Conv(Op):
        def forward(self, x, w):
            self.x, self.w = x, w
            return F.conv2d(Tensor(x), Tensor(w), padding=2).data

        def backward(self, gy):
            unflipped = np.swapaxes(self.w, 0, 1)
            gx = F.conv2d(Tensor(gy), Tensor(np.ascontiguousarray(unflipped))).data
            return gx, None

    def f(x):
        return Conv()(x, Tensor(normal(4, 3, 3, 3)))

    with pytest.raises(GradientError):
        gradcheck(f, normal(2, 3, 5, 6))


def test_the_report_names_the_elements():
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda t: Square(one_wrong)(t), normal(2, 8))
    report = str(caught.value)
    assert "the gradient of input 0 (shape (2, 8)) is wrong in 1 of 16 elements" in report
    assert report.splitlines()[-5].split()[:2] == ["(0,", "7)"]


def test_the_wrong_one_of_two_inputs_is_named():
    class Product(Op):
        def forward(self, a, b):
            self.a, self.b = a, b
            return a * b

        def backward(self, gy):
            return gy * self.b, gy * self.b

    with pytest.raises(GradientError, match="input 1"):
        gradcheck(lambda a, b: Product()(a, b), normal(3, 4), normal(3, 4, seed=1))


def test_large_values_and_sums_are_no_false_alarm():
    assert gradcheck(lambda t: (t * t).sum(), 1e4 * normal(5, 6))
    assert gradcheck(lambda t: (t * 0.0).sum(), normal(5, 6))
    for seed in range(50):
        assert gradcheck(F.relu, separated(4, 5, seed=seed), seed=seed)


@pytest.mark.parametrize("factor", [0, 1])
def test_a_gradient_that_roundoff_hides_is_no_right_one(factor):
    class Shifted(Op):
        def forward(self, x):
            return x + 1e9

        def backward(self, gy):
            return factor * gy

    with pytest.raises(GradientError, match=r"up to 1e\+09, hides the gradient of input 0; subtr"):
        gradcheck(lambda t: Shifted()(t), normal(3, 4))


def test_a_gradient_of_zero_may_have_roundoff():
    assert gradcheck(lambda t: 1000 * F.softmax(t, dim=1).sum(), normal(20, 20))
    assert gradcheck(lambda t: 1000 * (t - t) + 1000, normal(20, 20))


def test_integers_are_passed_as_they_are():
    labels = np.array([0, 2, 1])
    assert gradcheck(lambda x, t: F.cross_entropy(x, t.data), normal(3, 4), labels)


def test_a_function_that_changes_the_dtype_or_the_type_is_refused():
    with pytest.raises(GradientError, match="into float32"):
        gradcheck(lambda t: t.to(dtype=np.float32), normal(2))
    with pytest.raises(TypeError, match="must return a Tensor"):
        gradcheck(lambda t: t.data, normal(2))
    with pytest.raises(GradientError, match="does not depend"):
        gradcheck(lambda t: Tensor(t.data * 2), normal(2))
