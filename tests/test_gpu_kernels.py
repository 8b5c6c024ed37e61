"""Every CUDA kernel computes what the CPU computes, in both dtypes, the same bits in every order of
its threads, and under the emulator's eyes: see kernel_cases.py. `pytest --gpu` asks a real GPU."""

import pytest
from configurations import GENERATORS
from kernel_cases import CONVOLUTIONS, FAST, KERNELS, LARGE, check, configurations, watched

import minicnn.ops

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


def test_no_kernel_is_forgotten():
    tested = set().union(*KERNELS.values(), *FAST.values())
    assert tested == {k.name for k in minicnn.ops.all_kernels() if k.gpu_body}
    assert set(KERNELS) <= set(NAMES)


def test_the_shapes_of_convolutions_differ_in_everything():
    assert {weight[0] > 64 for _, weight, _ in LARGE} == {True, False}
    used = {key for *_, options in CONVOLUTIONS + LARGE for key in options}
    assert used == {"padding", "stride", "dilation", "groups"}
