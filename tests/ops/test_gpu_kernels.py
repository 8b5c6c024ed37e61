"""Every CUDA kernel computes what the CPU computes, in both dtypes, the same bits in every order of
its threads, and under the emulator's eyes: see kernel_cases.py. `pytest --gpu` asks a real GPU."""

import numpy as np
import pytest
from support.configurations import GENERATORS
from support.kernel_cases import (
    CONVOLUTIONS,
    FAST,
    KERNELS,
    LARGE,
    check,
    configurations,
    turns,
    watched,
)

import minicnn.ops
from minicnn.engine.tensor import Tensor
from minicnn.optim import SGD

NAMES = sorted({case.function.__name__ for case in minicnn.ops.all_cases()} & set(GENERATORS))
SHAPES = 6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_kernels(name, dtype, kernel_device):
    with watched() as shapes:
        for configuration in configurations(name, dtype):
            check(configuration, dtype, kernel_device)
    expected = KERNELS.get(name, set())
    if (name, dtype) != ("conv2d", "float64"):
        expected = expected | FAST.get(name, set())
    assert expected <= set(shapes), f"not started: {expected - set(shapes)}"
    for kernel in expected:
        assert len(shapes[kernel]) >= SHAPES, f"{kernel}: only {shapes[kernel]}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_update_of_sgd(dtype, kernel_device):
    def steps(device, dtype):
        random = np.random.default_rng(0)
        shapes = [(1,), (3, 5), (255,), (256,), (257,), (2, 3, 4, 1), (5, 2, 3)]
        parameters = [Tensor(random.normal(size=s), requires_grad=True) for s in shapes]
        parameters = [p.to(dtype=dtype).to(device) for p in parameters]
        sgd = SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01)
        for _ in range(3):
            for p in parameters:
                p.grad = Tensor(random.normal(size=p.shape)).to(dtype=dtype).to(device).data
            sgd.step()
        return [p.numpy() for p in parameters]

    expected, bits = steps("cpu", "float64"), set()
    for turn in turns(kernel_device):
        with turn:
            found = steps(kernel_device, dtype)
        for ours, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, right, atol=1e-13 if dtype == "float64" else 1e-6)
        bits.add(b"".join(ours.tobytes() for ours in found))
    assert len(bits) == 1


def test_no_kernel_is_forgotten():
    tested = {"sgd_update"}.union(*KERNELS.values(), *FAST.values())
    assert tested == {k.name for k in minicnn.ops.all_kernels() if k.gpu_body}
    assert set(KERNELS) <= set(NAMES)


def test_the_shapes_of_convolutions_differ_in_everything():
    assert {weight[0] > 64 for _, weight, _ in LARGE} == {True, False}
    used = {key for *_, options in CONVOLUTIONS + LARGE for key in options}
    assert used == {"padding", "stride", "dilation", "groups"}
