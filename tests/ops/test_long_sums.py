"""Sums of millions of numbers in float32: what was added last must not be lost in what is there."""

import numpy as np
import pytest
from support.emulated import needs_compiler

from minicnn import Tensor
from minicnn import functional as F
from minicnn.engine.kernel import algorithm

DEVICES = ["cpu", pytest.param("emulated", marks=needs_compiler)]
ROWS = 1_000_000


def tenths(*shape, device="cpu", **options):
    return Tensor(np.full(shape, 0.1, np.float32), **options).to(device)


def is_right(found, expected):
    assert found.dtype == np.float32
    assert np.allclose(Tensor(found).numpy(), np.float64(np.float32(0.1)) * expected, rtol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_sums_and_means_over_leading_dimensions(device):
    x = tenths(ROWS, 2, device=device)
    is_right(x.sum(0).data, ROWS)
    is_right(x.mean(0).data, 1)
    is_right(x.reshape(ROWS // 2, 2, 2).sum((0, 2)).data, ROWS)
    turned = Tensor(x.data.T)
    is_right(turned.sum(1).data, ROWS)
    is_right(turned.sum().data, 2 * ROWS)


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_of_what_is_broadcast(device):
    x, b = tenths(ROWS, 2, device=device), tenths(2, device=device, requires_grad=True)
    (x + b).backward(x)
    is_right(b.grad, ROWS)


TABLE = np.array([[0, 0], [0, 1]])
WITH_BIAS = {  # of a linear layer, and of others over very many small pictures
    "linear": lambda x, w, b: F.linear(x[:, :, 0, 0], w[:, :, 0, 0], b),
    "conv2d": F.conv2d,
    "conv2d_table": lambda x, w, b: F.conv2d_table(x, w[:, 0], b, TABLE),
    "subsample2d": lambda x, w, b: F.subsample2d(F.concat([x, x], 1), 1, b.detach(), b),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", WITH_BIAS)
def test_gradients_by_biases(name, device):
    rows = 60_000  # a GPU has no more blocks
    x, w = tenths(rows, 1, 1, 1, device=device), tenths(2, 1, 1, 1, device=device)
    for chosen in ("simple", "auto"):
        b = Tensor([0.0, 0.0], requires_grad=True).to(device)
        with algorithm(chosen):
            y = WITH_BIAS[name](x, w, b)
        y.backward(tenths(*y.shape, device=device))
        is_right(b.grad, rows)
