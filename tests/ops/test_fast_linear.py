"""Matrix products on the threads of the kernels: equal to numpy's."""

import numpy as np
import pytest

import minicnn
from minicnn import functional as F
from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import algorithm
from minicnn.ops.fast import linear, linear_blocks
from minicnn.ops.fast.matrix_product import product
from minicnn.ops.fast.register_blocks import shape
from minicnn.ops.fast.shifted import strip_of


def numbers(*shape, seed=0):
    return np.random.default_rng([9, seed]).normal(size=shape)


@pytest.fixture
def products(monkeypatch):
    """The names of the kernels that are called."""
    calls = []
    for name in ("product", "product_over_rows", "shifted_sums", "shifted_products"):
        kernel = getattr(linear, name)
        count = lambda *args, name=name, kernel=kernel: (calls.append(name), kernel(*args))[1]  # noqa: E731
        monkeypatch.setattr(linear, name, count)
    return calls


BY_BLAS = ["product", "product_over_rows", "product"]
BY_ROWS = ["shifted_products", "shifted_sums", "product"]


@pytest.mark.parametrize(
    "batch, kernels", [((1,), ["product"] * 2), ((2, 5), BY_ROWS), ((17,), BY_BLAS)]
)
def test_large_linear_layers(batch, kernels, products):
    x, w, b = numbers(*batch, 512), numbers(261, 512, seed=1), numbers(261, seed=2)
    gy = numbers(*batch, 261, seed=3)
    tensors = [minicnn.Tensor(a, requires_grad=True) for a in (x, w, b)]
    y = F.linear(*tensors)
    y.backward(gy)
    np.testing.assert_allclose(y.data, x @ w.T + b, rtol=1e-12, atol=1e-11)
    flat = gy.reshape(-1, 261)
    expected = gy @ w, flat.T @ x.reshape(-1, 512), flat.sum(axis=0)
    for tensor, gradient in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(tensor.grad, gradient, rtol=1e-12, atol=1e-11)
    assert products == kernels


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_products_do_not_wake_the_threads_of_numpy(dtype, products):
    """They would keep the cores busy for a while after each product; see choose.little_for_blas."""
    sizes = (500, 117, 80), (300, 40, 50), (64, 1024, 21), (1, 300, 200), (700, 30, 31)
    for rows, K, F_ in sizes:
        x, w, gy = numbers(rows, K), numbers(F_, K, seed=1), numbers(rows, F_, seed=2)
        x, w, gy = (a.astype(dtype) for a in (x, w, gy))
        tensors = [minicnn.Tensor(a, requires_grad=True) for a in (x, w)]
        y = F.linear(*tensors)
        y.backward(gy)
        found = [y.data, *(t.grad for t in tensors)]
        tensors = [minicnn.Tensor(a, requires_grad=True) for a in (x, w.T)]
        z = F.matmul(*tensors)
        z.backward(gy)
        found += [z.data, tensors[0].grad, tensors[1].grad.T]
        expected = [x @ w.T, gy @ w, gy.T @ x]
        for a, b in zip(found, [*expected, *expected], strict=True):
            assert a.dtype == dtype and np.linalg.norm(a - b) <= 1e-6 * np.linalg.norm(b)
        assert products == 6 * ["product"] or (rows == 1 and "product" in products)
        products.clear()
    half = [a.astype(np.float16) for a in (numbers(500, 60), numbers(40, 60, seed=1))]
    y = F.linear(*map(minicnn.Tensor, half)).data  # by numpy, as before
    np.testing.assert_allclose(y, half[0].astype(float) @ half[1].T, rtol=1e-2, atol=0.1)


@pytest.mark.parametrize(
    "columns, strip", [(4096, 1024), (9216, 768), (2 * 263, 263), (521, 0), (4100, 410)]
)
def test_strips(columns, strip):
    assert strip_of(columns, 2) == strip


@pytest.mark.parametrize("a_transposed", [False, True])
@pytest.mark.parametrize("b_transposed", [False, True])
@pytest.mark.parametrize("M, K, N", [(5, 4, 3), (200, 3, 70), (201, 70, 90)])
def test_product(a_transposed, b_transposed, M, K, N):
    a, b, bias, y = numbers(M, K), numbers(K, N, seed=1), numbers(M, seed=2), np.empty((M, N))
    bias[0] = 0
    left, right = (a.T.copy() if a_transposed else a), (b.T.copy() if b_transposed else b)
    product(left, a_transposed, right, b_transposed, bias, get_num_threads(), y)
    np.testing.assert_allclose(y, a @ b + bias[:, None], rtol=1e-12, atol=1e-12)


def test_gradients_of_leaves_are_their_own():
    """Not an array that an op keeps, or that somebody else got too."""
    kept = []

    class Keeps(minicnn.Op):
        def forward(self, x, y):
            return x + y

        def backward(self, gy):
            gx = 1 * gy
            kept.append(gx)
            return gx, gx

    x, y = (minicnn.Tensor(numbers(3), requires_grad=True) for _ in range(2))
    gradient = np.ones(3)
    Keeps()(x, y).backward(gradient)
    x.grad += 7
    np.testing.assert_array_equal(y.grad, 1)
    np.testing.assert_array_equal(kept[0], 1)
    x.grad = None
    x.backward(gradient)
    x.grad += 7
    np.testing.assert_array_equal(gradient, 1)


@pytest.mark.skipif(shape() is None, reason="this processor has no FMA instructions")
@pytest.mark.parametrize("rows", [1, 2, 8, 13, 32, 50, 129])
@pytest.mark.parametrize("F_, K", [(16, 32), (72, 816), (264, 528)])
def test_linear_layers_in_blocks(rows, F_, K):
    """In float32, whatever the number of rows; each result an array of its own."""
    x, w, gy = numbers(rows, K), numbers(F_, K, seed=1), numbers(rows, F_, seed=2)
    x4, w4, gy4 = (a.astype(np.float32) for a in (x, w, gy))
    for got, expected in (
        (linear_blocks.forward(x4, w4), x @ w.T),
        (linear_blocks.grad_input(gy4, w4), gy @ w),
        (linear_blocks.grad_weight(gy4, x4), gy.T @ x),
    ):
        assert got.dtype == np.float32 and got.flags.c_contiguous and got.base is None
        assert np.linalg.norm(got - expected) <= 2e-6 * np.linalg.norm(expected)


@pytest.mark.skipif(shape() is None, reason="this processor has no FMA instructions")
def test_blocks_are_taken_in_float32_and_not_by_simple(monkeypatch):
    calls = []
    for name in ("forward", "grad_input", "grad_weight"):
        function = getattr(linear_blocks, name)
        count = lambda *a, name=name, f=function: (calls.append(name), f(*a))[1]  # noqa: E731
        monkeypatch.setattr(linear_blocks, name, count)
    arrays = numbers(8, 512), numbers(264, 512, seed=1), numbers(264, seed=2)
    tensors = [minicnn.Tensor(a.astype(np.float32), requires_grad=True) for a in arrays]
    F.linear(*tensors).backward(np.ones((8, 264), np.float32))
    assert calls == ["forward", "grad_input", "grad_weight"]
    with algorithm("simple"):
        F.linear(*tensors).backward(np.ones((8, 264), np.float32))
    assert len(calls) == 3
