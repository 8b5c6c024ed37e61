"""What the normalisations promise beyond their cases, and that a wrong backward is caught."""

import numpy as np
import pytest
from support import reference

from minicnn import functional as F
from minicnn.engine.kernel import algorithm
from minicnn.engine.tensor import Tensor
from minicnn.ops import local_contrast_norm as contrast

X = np.random.default_rng(0).normal(size=(2, 7, 5, 4))


# ------------------------------------------------------------------------------------- response
@pytest.mark.parametrize("within_map", [False, True])
def test_without_alpha_it_is_the_identity(within_map):
    x = Tensor(X, requires_grad=True)
    y = F.local_response_norm(x, 5, alpha=0, k=1, within_map=within_map)
    y.backward(np.cos(X))
    np.testing.assert_array_equal(y.data, X)
    np.testing.assert_array_equal(x.grad, np.cos(X))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_both_alpha_conventions_agree_when_scaled(size):
    for within_map, places in ((False, size), (True, size**2)):
        divided = F.local_response_norm(X, size, alpha=0.6, within_map=within_map)
        per_term = F.local_response_norm(
            X, size, alpha_per_term=0.6 / places, within_map=within_map
        )
        np.testing.assert_allclose(divided.data, per_term.data, rtol=1e-14)


def test_the_formula_of_the_paper():
    """k = 2, n = 5, alpha = 1e-4 not divided, two maps on each side."""
    y = F.local_response_norm(100 * X, 5, k=2, alpha_per_term=1e-4).data
    squares = (100 * X[:, 1:6]) ** 2
    expected = 100 * X[:, 3] / (2 + 1e-4 * squares.sum(axis=1)) ** 0.75
    np.testing.assert_allclose(y[:, 3], expected, rtol=1e-13)


def test_a_window_within_a_map_sees_no_other_map():
    changed = X.copy()
    changed[:, 3] += 1
    before, after = (F.local_response_norm(x, 3, 0.5, within_map=True).data for x in (X, changed))
    others = [0, 1, 2, 4, 5, 6]
    np.testing.assert_array_equal(before[:, others], after[:, others])
    assert (before[:, 3] != after[:, 3]).all()


@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_zeros_without_k_are_nan(beta):
    """0 / 0, as in PyTorch, and no exception from inside a kernel."""
    x = Tensor(np.zeros((1, 3, 2, 2)), requires_grad=True)
    y = F.local_response_norm(x, 3, 0.5, beta, k=0.0)
    y.backward(np.ones(y.shape))
    assert np.isnan(y.data).all() and np.isnan(x.grad).all()


@pytest.mark.parametrize("shape", [(2, 7, 5, 4), (2, 3, 6), (2, 4, 3, 2, 5), (0, 3, 2, 4)])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 15, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_response_against_torch(shape, size, dtype):
    torch = pytest.importorskip(
        "torch", reason="torch is not installed; it serves as a comparison only"
    )
    array = np.random.default_rng(size).normal(size=shape).astype(dtype)
    gy = np.random.default_rng(1).normal(size=shape).astype(dtype)
    for alpha, beta, k in ((1e-4, 0.75, 1.0), (0.5, 0.75, 2.0), (20.0, 0.6, 0.5), (3.0, 1.0, 1.0)):
        x, z = Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        y = F.local_response_norm(x, size, alpha, beta, k)
        expected = torch.nn.functional.local_response_norm(z, size, alpha, beta, k)
        y.backward(gy)
        expected.backward(torch.tensor(gy))
        tolerance = {np.float32: 1e-5, np.float64: 1e-12}[dtype]
        close = dict(rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(y.data, expected.detach().numpy(), **close)
        np.testing.assert_allclose(x.grad, z.grad.numpy(), **close)


# ------------------------------------------------------------------------------------- contrast
@pytest.mark.parametrize("window", [1, 3, 4, 15, np.array([[1, 2, 0], [0, 3, 1]])])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_picture_becomes_zero_up_to_the_border(window, dtype):
    for value in (0.1, -3e4):
        for floor in (None, 0.0, 0.2):
            x = Tensor(np.full((2, 3, 8, 6), value, dtype), requires_grad=True)
            y = F.local_contrast_norm(x, window, floor=floor)
            np.testing.assert_array_equal(y.data, 0)
            y.backward(np.ones(y.shape, dtype))
            assert np.isfinite(x.grad).all()
        y = F.local_contrast_norm(x, window, divide=False)
        np.testing.assert_array_equal(y.data, 0)


def test_contrast_knows_neither_brightness_nor_contrast():
    """With the mean floor y is the same for 3 x + 5 as for x, and each picture stands alone."""
    y = F.local_contrast_norm(X, 5).data
    np.testing.assert_allclose(F.local_contrast_norm(3 * X + 5, 5).data, y, rtol=1e-10)
    np.testing.assert_array_equal(F.local_contrast_norm(X[1:], 5).data, y[1:])


def test_a_window_beyond_the_picture_is_one_mean():
    """Equal weights that hold the whole picture from everywhere: mean and deviation of it all."""
    y = F.local_contrast_norm(X, np.ones((11, 9))).data
    v = X - X.mean(axis=(1, 2, 3), keepdims=True)
    sigma = np.sqrt((v**2).mean(axis=(1, 2, 3), keepdims=True))
    np.testing.assert_allclose(y, v / sigma, rtol=1e-12)


def test_only_the_ratios_of_weights_count_and_ints_are_gaussian():
    w = np.array([[1, 2, 0], [0, 3, 1]])
    y, z = F.local_contrast_norm(X, w), F.local_contrast_norm(X, 0.3 * w)
    np.testing.assert_allclose(y.data, z.data, rtol=1e-12)
    line = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 4) ** 2))
    y, z = F.local_contrast_norm(X, 7), F.local_contrast_norm(X, np.outer(line, line))
    np.testing.assert_allclose(y.data, z.data, rtol=1e-12)


@pytest.mark.parametrize("window", [2, 7, 12, np.ones((3, 6)), np.outer([1, 0, 2], [3, 1, 1, 0])])
def test_two_steps_are_one_window(window):
    results = []
    for which in ("simple", "fast"):
        x = Tensor(X, requires_grad=True)
        with algorithm(which):
            y = F.local_contrast_norm(x, window)
            y.backward(np.cos(X))
        results.append((y.data, x.grad))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_floors_of_the_cases_are_passed_and_not_touched():
    """Pixels above and below every floor, none so near that a finite difference crosses it."""
    for case in contrast.cases():
        options = {"floor": None, "divide": True, "subtract": True, **case.options}
        if not options["divide"]:
            continue
        (x,), window = case.arrays, options["window"]
        if options["subtract"]:
            x = reference.local_contrast_norm(x, window, divide=False)
        sigma = reference.deviations(x, window)
        floor = options["floor"] or sigma.mean(axis=(1, 2), keepdims=True)
        assert (sigma > floor).any() and (sigma < floor).any(), case.name
        assert abs(sigma - floor).min() > 1e-4, case.name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_nan_is_not_lost(dtype):
    x = X.astype(dtype)
    x[1, 2, 1, 1] = np.nan
    for y in (
        F.local_response_norm(x, 3),
        F.local_response_norm(x, 3, within_map=True),
        F.local_contrast_norm(x, 3),
        F.local_contrast_norm(x, 3, floor=0.5),
        F.local_contrast_norm(x, 3, subtract=False, floor=0.5),
    ):
        assert np.isnan(y.data[1, 2, 1, 1]) and not np.isnan(y.data[0]).any()


# --------------------------------------------------------------- clear sentences for wrong inputs
LEFT = np.array([[1, 0, 0, 0, 0]])
WRONG = [
    (lambda: F.local_response_norm(X, 0), "size=0: expected an int of at least 1"),
    (lambda: F.local_response_norm(X, 2.5), "size=2.5: expected an int"),
    (lambda: F.local_response_norm(X, 5, 0.5, alpha_per_term=0.1), "alpha_per_term=0.1 .*not both"),
    (lambda: F.local_response_norm(X[0, 0], 3), r"expected input .*, got \(5, 4\)"),
    (lambda: F.local_response_norm(X[0], 3, within_map=True), "within_map needs input"),
    (lambda: F.local_contrast_norm(X[0], 3), r"expected input .*, got \(7, 5, 4\)"),
    (lambda: F.local_contrast_norm(X, 0), "window=0: expected an int of at least 1"),
    (lambda: F.local_contrast_norm(X, [1, 2]), "2-D array of weights"),
    (lambda: F.local_contrast_norm(X, [[1, -1]]), "none negative"),
    (lambda: F.local_contrast_norm(X, [[0, 0]]), "not all zero"),
    (lambda: F.local_contrast_norm(X, LEFT), "all weights of the window .1, 5. that lie inside"),
    (lambda: F.local_contrast_norm(X, 3, floor=-1), "floor=-1: expected None or"),
    (lambda: F.local_contrast_norm(X, 3, divide=False, floor=1.0), "floor=1.0: expected None or"),
    (lambda: F.local_contrast_norm(X, 3, False, False), "leave nothing to do"),
]


@pytest.mark.parametrize("call,message", WRONG)
def test_wrong_inputs(call, message):
    with pytest.raises(ValueError, match=message):
        call()
