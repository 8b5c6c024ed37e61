"""Every kernel compiles for three generations of GPUs, and none spills registers into memory.

NVRTC, the compiler that cupy uses, needs neither GPU nor driver; nvrtc.py prints the numbers. In CI
a missing NVRTC is a failure (MINICNN_REQUIRE_NVRTC=1), elsewhere a skip."""

import os

import pytest
from support import nvrtc

import minicnn.ops

if nvrtc.library() is None:
    if os.environ.get("MINICNN_REQUIRE_NVRTC"):
        raise RuntimeError("NVRTC is required here: pip install '.[nvrtc]'")
    pytest.skip("no NVRTC to compile with (pip install -e '.[nvrtc]')", allow_module_level=True)


WITHOUT_ARITHMETIC = {"conv2d_table_pick"}  # it moves numbers: instructions for any 64 bits do


@pytest.fixture(scope="module")
def table():
    return list(nvrtc.table())


def test_every_kernel_compiles_for_every_architecture(table):
    names = {k.name for k in minicnn.ops.all_kernels() if k.gpu_body}
    for architecture in nvrtc.ARCHITECTURES:
        assert {kernel for _, _, sm, kernel, *_ in table if sm == architecture} == names


def test_no_kernel_spills(table):
    for _, options, sm, kernel, (_, _, spilled, _), _ in table:
        assert spilled == 0, f"{kernel} {options} on sm_{sm} spills {spilled} bytes"


def test_two_blocks_of_the_product_fit_on_a_multiprocessor(table):
    """As its __launch_bounds__(256, 2) asks for: 65536 registers, 48 kB of static shared memory."""
    for _, options, sm, kernel, (registers, shared, _, stack), _ in table:
        assert shared <= 48 << 10
        if kernel.startswith("conv2d_product"):
            assert registers <= 128 and stack == 0, f"{kernel} {options} on sm_{sm}: {registers}"


def test_no_kernel_for_float_computes_in_double(table):
    """A bare 0.5 in a text is a double, and makes one of everything that it meets."""
    for number, options, _, kernel, _, in_double in table:
        assert in_double == (number == 1) or kernel in WITHOUT_ARITHMETIC, f"{kernel} {options}"


def test_a_double_would_be_seen():
    text = 'extern "C" __global__ void half(float* y) { y[0] *= WHAT; }'
    for what, kernels in (("0.7", {"half"}), ("0.7f", set())):
        assert nvrtc.in_double(nvrtc.compile(text.replace("WHAT", what), 80)[1]) == kernels


def test_a_spill_would_be_seen():
    text = """
    extern "C" __global__ void __launch_bounds__(1024, 2) many(const float* x, float* y) {
        float a[100];
        for (int i = 0; i < 100; i++) a[i] = x[i * 100 + threadIdx.x];
        for (int k = 0; k < 100; k++)
            for (int i = 0; i < 100; i++) a[i] = a[i] * a[(i + 7) % 100] + a[(i * 3 + 1) % 100];
        for (int i = 0; i < 100; i++) y[i * 100 + threadIdx.x] = a[i];
    }"""
    registers, _, spilled, stack = nvrtc.needs(nvrtc.compile(text, 80)[0])["many"]
    assert registers <= 32 and spilled + stack > 0


def test_an_error_names_the_line():
    with pytest.raises(RuntimeError, match=r"kernel.cu\(2\).*nothing"):
        nvrtc.compile('extern "C" __global__ void f(float* y) {\n y[0] = nothing; }', 80)
