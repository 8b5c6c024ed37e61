"""Which algorithm runs: the rules of ops/fast/choose.py as a table, and that they are obeyed."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest

import minicnn
from minicnn import functional as F
from minicnn.engine.kernel import Kernel, algorithm
from minicnn.ops.fast import choose, register_blocks
from minicnn.ops.fast import conv2d as fast_conv2d

# maps C, filters F, side K, pictures N, pixels OH x OW, more: the algorithms for y, gx and gw
CONVOLUTIONS = """
3   16  7  1  240x320               direct          fourier         direct
3   25  6  1  240x320               direct          im2col          direct
3   16  7  1  30x30                 direct          fourier         direct
6   16  7  1  240x320               direct          direct          direct
5   16  7  1  60x60                 direct          direct          direct
3   96  7  1  60x60                 direct          im2col          direct
16  64  7  1  120x160               fourier         fourier         fourier
16  64  7  1  60x60                 fourier         fourier         fourier
16  64  7  1  10x10                 im2col          im2col          im2col
64  256 7  1  60x80                 fourier         fourier         fourier
256 512 7  1  60x60                 direct          direct          direct
16  64  12 1  60x60                 direct          direct          direct
16  64  7  1  60x60    stride=2     direct          direct          direct
16  64  7  1  60x60    dilation=2   direct          direct          direct
16  64  7  1  60x60    float64      im2col          im2col          im2col
48  256 5  1  27x27    groups=2     direct          im2col          direct
48  256 5  8  27x27    groups=2     fourier         fourier         fourier
64  64  3  1  120x160               winograd        winograd        winograd
64  64  3  1  120x160  float64      im2col          im2col          im2col
64  64  3  1  60x80    stride=2     direct          direct          direct
256 384 3  1  13x13                 im2col          im2col          im2col
256 384 3  8  13x13                 winograd        winograd        winograd
192 384 3  8  13x13    groups=2     winograd        winograd        winograd
256 512 3  1  28x28                 winograd        winograd        winograd
192 128 3  128 6x6                  winograd        winograd        winograd
6   8   3  8  20x20                 im2col          im2col          im2col
3   96  11 1  55x55    stride=4     direct          direct          direct
768 512 1  1  60x80                 direct          direct          matrix_product
512 8   1  1  60x80                 few_blocks      matrix_product  matrix_product
512 8   1  1  60x80    float64      few_maps        matrix_product  matrix_product
512 3   1  1  60x80                 few_maps        matrix_product  matrix_product
512 8   1  4  60x80                 few_blocks      matrix_product  direct
50  32  1  1  60x80                 few_blocks      few_blocks      im2col
50  8   1  1  20x20                 few_maps        im2col          matrix_product
64  64  1  4  60x80                 direct          direct          im2col
""".strip().split("\n")

# rows of x, K, F: the algorithms for y, gx and gw, on two threads
LINEAR = """
1   4096 4096   threads        linear_row     linear_blocks
2   4096 4096   linear_blocks  linear_blocks  linear_blocks
8   9216 4096   linear_blocks  linear_blocks  linear_blocks
16  4096 1000   linear_blocks  linear_blocks  linear_blocks
17  4096 4096   linear_blocks  linear_blocks  linear_blocks
8   4096 1001   strips         strips         threads
8   521  4096   threads        threads        threads
256 768  512    linear_blocks  linear_blocks  threads
257 768  512    rows     rows     rows
500 1174 80     rows     rows     rows
8   255  255    rows     rows     rows
4   255  255    numpy    numpy    numpy
1   255  255    rows     rows     rows
1   96   96     numpy    numpy    numpy
0   4096 4096   numpy    numpy    numpy
""".strip().split("\n")


@pytest.fixture(autouse=True)
def instructions(monkeypatch):
    """A processor with vectors of 512 bits, which tests need not run on."""
    monkeypatch.setattr(register_blocks, "shape", lambda: (8, 3, 64))


def convolution(line):
    """(what choose.convolution needs, the three names)."""
    C, F, K, N, pixels, *more, y, gx, gw = line.split()
    (C, F, K, N), (OH, OW) = map(int, (C, F, K, N)), map(int, pixels.split("x"))
    options, geometry = {}, [1, 1, 0, 0, 1, 1]
    for word in more:
        name, _, value = word.partition("=")
        if name == "stride":
            geometry[:2] = [int(value)] * 2
        elif name == "dilation":
            geometry[4:] = [int(value)] * 2
        elif name == "groups":
            options["groups"] = int(value)
        else:
            options["dtype"] = np.dtype(name)
    return {"w_shape": (F, C, K, K), "y_shape": (N, F, OH, OW), "geometry": tuple(geometry)} | (
        options
    ), (y, gx, gw)


@pytest.mark.parametrize("line", CONVOLUTIONS, ids=lambda line: " ".join(line.split()[:-3]))
def test_convolutions(line):
    options, names = convolution(line)
    assert tuple(choose.convolution(r, **options) for r in ("y", "gx", "gw")) == names


@pytest.mark.parametrize("line", CONVOLUTIONS[:7] + CONVOLUTIONS[-3:])
def test_with_fast_fourier_is_taken_wherever_it_can_be(line):
    options, _ = convolution(line)
    with algorithm("fast"):
        assert {choose.convolution(r, **options) for r in ("y", "gx", "gw")} == {"fourier"}


def test_on_a_gpu_float32_is_tiled_and_float64_is_not():
    options, _ = convolution(CONVOLUTIONS[5])
    assert choose.convolution("y", **options, device="gpu") == "tiled_gpu"
    options["dtype"] = np.dtype("float64")
    assert choose.convolution("y", **options, device="gpu") == "loops"
    assert choose.linear("y", 8, (4096, 4096), device="gpu") == "numpy"


@pytest.mark.parametrize("line", LINEAR, ids=lambda line: " ".join(line.split()[:3]))
def test_linear(line, monkeypatch):
    monkeypatch.setattr(choose, "get_num_threads", lambda: 2)
    rows, K, F, *names = line.split()
    found = [choose.linear(r, int(rows), (int(F), int(K))) for r in ("y", "gx", "gw")]
    assert found == names


def test_what_is_chosen_is_what_runs(monkeypatch):
    """A convolution asks for the algorithm of each result with its own shapes."""
    ran = []
    for name, module in fast_conv2d.ALGORITHMS.items():
        for function in ("forward", "grad_input", "grad_weight"):
            if hasattr(module, function):
                monkeypatch.setattr(module, function, lambda *args, n=name: ran.append(n))
    large = next(line for line in CONVOLUTIONS if "winograd" in line)
    for line in CONVOLUTIONS[0], CONVOLUTIONS[5], CONVOLUTIONS[-3], large:
        options, names = convolution(line)
        (F_, C, K, _), (N, _, OH, OW) = options["w_shape"], options["y_shape"]
        x = minicnn.Tensor(np.zeros((N, C, OH + K - 1, OW + K - 1), np.float32), True)
        w = minicnn.Tensor(np.zeros((F_, C, K, K), np.float32), True)
        F.conv2d(x, w).backward(np.zeros((N, F_, OH, OW), np.float32))
        assert ran == list(names)
        ran.clear()


def test_the_examples_at_the_top_are_what_is_chosen():
    examples = re.findall(r"^    (\w+\(.*\)) +'(\w+)'$", choose.__doc__, re.M)
    assert len(examples) == 4
    for call, name in examples:
        assert eval(call, vars(choose)) == name, call


def test_a_kernel_has_one_fast_algorithm_for_a_device():
    kernel = Kernel("twice")
    kernel.fast()(print)
    kernel.fast(device="gpu")(print)
    with pytest.raises(ValueError, match="twice has a fast algorithm on the cpu already"):
        kernel.fast()(print)


PROGRAM = """
import importlib, sys
import minicnn.ops.conv2d
for name in sys.argv[1:]:
    importlib.import_module("minicnn.ops.fast." + name)
from minicnn.ops import FAST, all_kernels
for kernel in all_kernels():
    if kernel._fast:
        print(kernel.name, {d: (f[2].__module__, f[2].name) if hasattr(f[2], "cpu_body") else
              (f[2].__module__, f[2].__name__) for d, f in kernel._fast.items()})
"""


def test_the_order_of_imports_does_not_matter():
    from minicnn.ops import FAST

    def registered(names):
        program = PROGRAM.replace("(f[2].__module__, f[2].name)", "f[2].name")
        done = subprocess.run(
            [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True
        )
        return done.stdout

    first = registered(FAST)
    assert first.count("\n") > 20
    others = ["fourier", "shift_and_add", "tiled_gpu", "im2col"]
    assert registered([*others, *itertools.chain(reversed(FAST))]) == first
