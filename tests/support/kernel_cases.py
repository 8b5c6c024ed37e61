"""What every CUDA kernel is tested on, and how: on the emulator, where every access is checked and
threads take turns in two orders, or with `pytest --gpu` on a real GPU, twice.

Values are compared with the literal loops of reference.py, gradients with those of the CPU in
float64, which other tests hold against finite differences of these loops.
"""

import collections
import contextlib
import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pytest
from support import (
    configurations_pictures,  # noqa: F401  fills GENERATORS
    reference,
)
from support.configurations import HELPERS, apart, draw, numbers
from support.kernel_specials import SPECIALS

import minicnn.ops
from minicnn import emulator
from minicnn import functional as F
from minicnn.engine.kernel import algorithm
from minicnn.engine.launching import GpuBody
from minicnn.engine.tensor import Tensor

# operation -> the kernels that it starts
KERNELS = {
    name: {f"{name}_forward", f"{name}_backward"}
    for name in (
        "relu tanh sigmoid scaled_tanh softmax log_softmax max_pool2d avg_pool2d max_pool_maps "
        "log_sum_exp_pool local_response_norm hinge_loss"
    ).split()
}
KERNELS["cross_entropy"] = {"exponentials", "cross_entropy_forward", "cross_entropy_backward"}
KERNELS["dropout_with_key"] = {"dropout_mask"}
KERNELS["interpolate"] = KERNELS["interpolate_onto"] = {"resample"}
KERNELS["index"] = {"index_backward"}
KERNELS["local_contrast_norm"] = {"window_sum"}
KERNELS["conv2d"] = {"conv2d_forward", "conv2d_grad_input", "conv2d_grad_weight"}
KERNELS["conv2d_table_of"] = {f"conv2d_table_{way}" for way in ("forward", "grad_input")}
KERNELS["conv2d_table_of"] |= {"conv2d_table_grad_weight"}
FAST = {  # and those of its fast algorithm; that of conv2d is for float32 alone
    "conv2d": {f"conv2d_{part}" for part in ("product", "product_weight", "add_shares", "pad")},
    "conv2d_table_of": {"conv2d_table_dense", "conv2d_table_pick"},
}
# Rounding errors are in proportion to the terms of a sum, not to the sum, which may be near zero.
# What adds products, and subtracts nothing, is measured number by number against the same sums of
# |x| |w| or |gy| |w|; anything else against the largest number of the array. Tensor cores keep 11
# bits of each factor. Seen on the emulator: at most 1.4e-6, 4e-15, and 5e-4 for tf32.
SUMS_OF_PRODUCTS = {"conv2d", "conv2d_table_of", "avg_pool2d", "interpolate", "index", "matmul"}
SUMS_OF_PRODUCTS |= {"sum", "mean"}
TOLERANCE = {"float32": 1e-5, "float64": 1e-13, "tf32": 2**-9}


@dataclass(frozen=True)
class Configuration:
    name: str
    arrays: tuple
    options: dict = field(default_factory=dict)
    algorithm: str = "auto"
    literal: bool = True  # small enough for literal loops

    def __str__(self):
        shapes = ", ".join(str(a.shape) for a in self.arrays)
        short = {k: v for k, v in self.options.items() if len(repr(v)) < 80}
        return f"{self.name}({shapes}) {short} by {self.algorithm}"


def configurations(name, dtype, draws=6):
    """What the operation `name` is tested on: its own cases, windows wider than the input, random
    draws; a convolution in float32 both ways."""
    mine = [
        Configuration(name, case.arrays, case.options)
        for case in minicnn.ops.all_cases()
        if case.function.__name__ == name
    ]
    random = np.random.default_rng(0)
    for shape, options in WIDE.get(name, ()):
        mine.append(Configuration(name, (apart(random, *shape),), options))
    for shape, weight, options in CONVOLUTIONS if name == "conv2d" else ():
        arrays = numbers(random, *shape), numbers(random, *weight), numbers(random, weight[0])
        mine.append(Configuration(name, arrays, options))
    if name in KERNELS:
        mine += [Configuration(name, *draw(name, 5000 + k)[1:3]) for k in range(draws)]
    special = [Configuration(name, *c, literal=False) for c in SPECIALS.get(name, ())]
    if name in FAST:
        mine += [Configuration(c.name, c.arrays, c.options, "simple") for c in mine]
        for shape, weight, options in LARGE if (name, dtype) == ("conv2d", "float32") else ():
            arrays = numbers(random, *shape), numbers(random, *weight)
            which = "tf32" if options in TENSOR_CORES else "auto"
            mine.append(Configuration(name, arrays, options, which, literal=False))
    return mine + special


# Windows that reach over the input on both sides, and inputs of a single row or column.
POOLED = [
    ((1, 2, 2, 2), {"kernel_size": 4, "stride": 1, "padding": 2}),
    ((2, 1, 1, 5), {"kernel_size": (3, 2), "stride": (1, 3), "padding": (1, 0)}),
    ((1, 3, 3, 2), {"kernel_size": (5, 4), "stride": 2, "padding": (2, 1), "ceil_mode": True}),
]
WIDE = {
    "max_pool2d": [*POOLED, ((1, 1, 3, 5), {"kernel_size": 3, "padding": 1, "dilation": 2})],
    "avg_pool2d": [*POOLED, (POOLED[0][0], {**POOLED[0][1], "count_include_pad": False})],
    "max_pool_maps": [(shape, {**options, "maps": 1}) for shape, options in POOLED],
    "lp_pool2d": [((1, 1, 3, 5), {"kernel_size": 3, "norm_type": 2, "stride": 2})],
    "local_response_norm": [
        ((1, 2, 1, 3), {"size": 7, "alpha": 1.0}),
        ((2, 1, 2, 3), {"size": 9, "alpha": 1.0, "within_map": True}),
    ],
    "local_contrast_norm": [((1, 2, 3, 2), {"window": 9, "floor": 0.1})],
    "interpolate": [
        ((1, 2, 1, 3), {"size": (5, 1), "mode": "bilinear"}),
        ((1, 2, 7, 5), {"size": (2, 3), "mode": "nearest"}),
    ],
    "softmax": [((1, 300, 1), {"dim": 1}), ((300, 1), {"dim": -1})],
    "log_sum_exp_pool": [((3, 300), {"dim": 1, "r": 0.1}), ((2, 1, 17, 19), {"r": 0.01})],
    "index": [
        ((n, n + 1), {"index": (slice(None), np.arange(300) % n)} if n % 2 else {"index": [0] * n})
        for n in range(1, 8)
    ],
    "relu": [((257,), {}), ((0, 3), {})],
    "dropout_with_key": [((257,), {"p": 0.4, "key": 2**40 + 7}), ((2, 5), {"p": 1.0, "key": 3})],
}
CONVOLUTIONS = [  # input, weight
    ((1, 32, 3, 3), (32, 16, 1, 1), {"groups": 2}),  # whole tiles of maps
    ((1, 2, 2, 3), (3, 2, 5, 7), {"padding": (2, 3)}),
    ((2, 3, 1, 6), (2, 3, 3, 2), {"padding": (1, 0), "stride": (1, 3)}),
    ((1, 4, 5, 3), (6, 2, 3, 3), {"padding": 2, "dilation": 2, "groups": 2, "stride": 2}),
]
# Enough pixels for several shares of the filter gradient, enough filters for each size of tile.
LARGE = [
    ((2, 1, 17, 19), (3, 1, 3, 3), {"padding": 1}),
    ((1, 2, 41, 31), (5, 2, 3, 5), {"stride": (2, 1)}),
    ((3, 4, 18, 16), (6, 2, 2, 3), {"groups": 2}),
    ((1, 3, 25, 23), (17, 3, 1, 1), {}),
    ((5, 2, 15, 13), (35, 2, 3, 2), {"padding": (2, 1), "dilation": (2, 1)}),
    ((1, 3, 31, 37), (67, 3, 2, 2), {"padding": 1, "stride": (2, 1)}),
    ((1, 2, 29, 18), (130, 1, 3, 3), {"groups": 2, "padding": 1}),
    ((2, 2, 9, 11), (3, 2, 3, 3), {"padding": (1, 1)}),
    ((1, 3, 9, 10), (67, 3, 2, 3), {"stride": (2, 1), "padding": (0, 1)}),
]
TENSOR_CORES = [options for *_, options in LARGE[-2:]]  # these by TF32: a warp at a time is slow


@contextlib.contextmanager
def watched():
    """{kernel: the shapes with which it is started inside}."""
    found, call = collections.defaultdict(set), GpuBody.__call__

    def noted(self, cupy, *args):
        found[self.name].add(tuple(a.shape for a in args if hasattr(a, "shape")))
        return call(self, cupy, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GpuBody, "__call__", noted)
        yield found


def turns(device, orders=("reversed", "random")):
    """One context for each run whose bits are compared."""
    if device == "emulated":
        return [emulator.checked(order, seed=1) for order in orders]
    return [contextlib.nullcontext() for _ in orders]  # the order of a GPU is its own each time


def check(configuration, dtype, device, orders=("reversed", "random")):
    """AssertionError, with the operation and the kernels that were running, where something is
    wrong. `orders` of the threads must give the same bits."""
    c = configuration
    function = HELPERS.get(c.name) or getattr(F, c.name)
    arrays = [a.astype(dtype) for a in c.arrays]
    expected, gy = in_float64(c, function, arrays)
    expected = [np.asarray(right) for right in expected]
    magnitudes = [np.abs(right[np.isfinite(right)]).max(initial=0) for right in expected]
    if c.name in SUMS_OF_PRODUCTS:
        positive = dataclasses.replace(c, arrays=[np.abs(a) for a in arrays], literal=False)
        magnitudes, _ = in_float64(positive, function, positive.arrays, np.abs(gy))
    tolerance = TOLERANCE["tf32" if c.algorithm == "tf32" else dtype]
    bits, idle_before = None, emulator.idle_blocks.copy()
    for turn in turns(device, orders):
        with algorithm(c.algorithm), turn:
            found, started = on_device(c, function, arrays, gy.astype(dtype), device)
        for what, ours, right, size in zip(started, found, expected, magnitudes, strict=True):
            assert ours.shape == np.shape(right) and ours.dtype == dtype
            wrong = differing(ours, right, tolerance * size)
            assert not wrong.any(), f"{c}, {what}: {wrong.sum()} of {wrong.size} numbers are wrong"
        idle = emulator.idle_blocks - idle_before
        assert not idle, f"{c}: blocks that write nothing, so fewer are enough: {dict(idle)}"
        now = [ours.tobytes() for ours in found]
        bits = bits or now
        for what, before, after in zip(started, bits, now, strict=True):
            assert before == after, f"{c}, {what}: other bits in another order of the threads"


def differing(ours, right, most):
    """Where two arrays are more than `most` apart; infinities and NaN must be the same."""
    with np.errstate(invalid="ignore"):  # infinity - infinity
        near = np.isfinite(right) & (np.abs(ours - right) <= most)
    return ~(near | (ours == right) | (np.isnan(ours) & np.isnan(right)))


def in_float64(c, function, arrays, gy=None):
    """([value, gradients...], the upstream gradient) by literal loops and on the CPU."""
    exact = [a.astype(np.float64) for a in arrays]
    tensors = [Tensor(a, requires_grad=True) for a in exact]
    with algorithm("simple"):
        with np.errstate(all="ignore"):
            y = function(*tensors, **c.options)
        gy = np.asarray(np.random.default_rng(1).normal(size=y.shape)) if gy is None else gy
        with np.errstate(all="ignore"):
            y.backward(gy)
    value = getattr(reference, c.name)(*exact, **c.options) if c.literal else y.data
    return [value, *(t.grad for t in tensors)], gy


def on_device(c, function, arrays, gy, device):
    """([value, gradients...], [which kernels computed it])."""
    with watched() as forward:
        try:
            tensors = [Tensor(a, requires_grad=True).to(device) for a in arrays]
            y = function(*tensors, **c.options)
            value = y.numpy()
        except emulator.KernelError as error:
            raise AssertionError(f"{c}, forward by {', '.join(forward)}: {error}") from error
    with watched() as backward:
        try:
            y.backward(Tensor(gy).to(device).data)
            gradients = [Tensor(t.grad).numpy() for t in tensors]
        except emulator.KernelError as error:
            raise AssertionError(f"{c}, backward by {', '.join(backward)}: {error}") from error
    kernels = f"gradient {{}} by {', '.join(backward)}"
    names = [f"value by {', '.join(forward)}", *(kernels.format(k) for k in range(len(arrays)))]
    return [np.asarray(value), *(np.asarray(g) for g in gradients)], names
