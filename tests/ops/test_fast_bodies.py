"""Every kernel that has a fast algorithm: it gives what the loops to read give, on all cases, in
both dtypes; and under `algorithm("simple")` nothing of `ops/fast` runs."""

import contextlib
import sys

import numpy as np
import pytest

import minicnn.ops
from minicnn import functional as F
from minicnn.engine.cases import Case, normal
from minicnn.engine.kernel import Kernel, algorithm
from minicnn.engine.tensor import Tensor
from minicnn.ops import fast

CASES = list(minicnn.ops.all_cases())
FAST = {kernel.name for kernel in minicnn.ops.all_kernels() if "cpu" in kernel._fast}
EXACT = {"max_pool2d_forward", "max_pool_maps_forward"}  # comparisons do not round
# relative to the largest number of an array: sums are taken in another order, and a transform
# rounds each number of a tile as its largest
BOUND = {np.float64: 1e-13, np.float32: 2e-6}


def run(case, dtype):
    tensors = [Tensor(a.astype(dtype), requires_grad=True) for a in case.arrays]
    y = case.function(*tensors, **case.options)
    y.backward(np.random.default_rng(1).normal(size=y.shape).astype(dtype))


def calls(case, dtype):
    """[(kernel, its arguments)] of forward and backward, results not yet written."""
    found, call = [], Kernel.__call__

    def record(kernel, *args, keep=None):
        found.append((kernel, [a.copy() if isinstance(a, np.ndarray) else a for a in args]))
        return call(kernel, *args, keep=keep)

    with pytest.MonkeyPatch.context() as patch, algorithm("simple"):
        patch.setattr(Kernel, "__call__", record)
        run(case, dtype)
    return found


def results(kernel, args, which):
    """The arrays among the arguments of a kernel, after it ran."""
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    with algorithm(which):
        kernel(*args, keep={})
    return [a for a in args if isinstance(a, np.ndarray)]


def assert_same(kernel, args, which, dtype):
    pairs = zip(results(kernel, args, "simple"), results(kernel, args, which), strict=True)
    for simple, quick in pairs:
        if kernel.name in EXACT:
            np.testing.assert_array_equal(quick, simple, kernel.name)
            continue
        bound = BOUND[dtype] * abs(simple).max(initial=0, where=np.isfinite(simple))
        np.testing.assert_allclose(quick, simple, rtol=0, atol=bound, err_msg=kernel.name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fast_gives_what_the_loops_give(case, dtype):
    for kernel, args in calls(case, dtype):
        if kernel.name in FAST:
            assert_same(kernel, args, "auto", dtype)
            assert_same(kernel, args, "fast", dtype)


def test_every_kernel_with_a_fast_algorithm_is_in_the_table():
    assert {k.name for case in CASES for k, _ in calls(case, np.float32)} >= FAST
    assert len(FAST) >= 20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "function, options",
    [
        (F.max_pool2d, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
        (F.max_pool2d, {"kernel_size": 2}),
        (F.max_pool2d, {"kernel_size": 2, "dilation": 2}),
        (F.max_pool2d, {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        (F.max_pool2d, {"kernel_size": 3, "stride": 2}),  # small maps: all windows at once
        (F.max_pool2d, {"kernel_size": (2, 4), "stride": (1, 2), "dilation": (3, 2)}),
        (F.max_pool2d, {"kernel_size": (3, 1), "stride": 1}),
        (F.max_pool_maps, {"maps": 2, "kernel_size": 3, "stride": 2, "padding": 1}),
        (F.max_pool_maps, {"maps": [[3, 0], [1, 2, 3], [2]], "kernel_size": 2, "stride": 1}),
        (F.softmax, {"dim": 1}),
        (F.log_softmax, {"dim": 1}),
        (F.softmax, {"dim": -1}),
        (F.log_softmax, {"dim": -1}),
    ],
)
def test_ties_infinities_and_nans_too(function, options, dtype):
    x = np.random.default_rng(3).integers(0, 4, (2, 4, 13, 19)).astype(float)
    x[0, 1, 3:6, 4:7], x[1, 2, 5, 5], x[1, 0, 0] = np.nan, np.inf, -np.inf
    if function not in (F.max_pool2d, F.max_pool_maps):
        x[1, 2, 5, 5] = 100
    case = Case(function, (x,), options)
    for kernel, args in calls(case, dtype):
        assert_same(kernel, args, "fast", dtype)


@pytest.mark.parametrize("shape", [(5, 8, 13, 13), (1, 3, 50, 61), (2, 1, 3, 3)])
def test_small_maps_in_several_parts(shape):
    """Several maps to a line, of which the last has fewer; ties and what is no number, too."""
    x = np.random.default_rng(5).integers(0, 5, shape).astype(float)
    x.reshape(-1)[::37], x.reshape(-1)[5::41] = np.nan, -np.inf
    for options in ({"kernel_size": 3, "stride": 2}, {"kernel_size": (2, 3), "stride": (2, 1)}):
        for kernel, args in calls(Case(F.max_pool2d, (x,), options), np.float32):
            assert_same(kernel, args, "fast", np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [1, 7, 16, 37])
def test_scores_of_whole_pictures(classes, dtype):
    """As many as vector instructions take at once, fewer and more; void ones and weights, too."""
    target = np.arange(9) % classes
    target[4] = 255
    options = {"target": target, "ignore_index": 255, "label_smoothing": 0.2}
    options |= {"weight": np.linspace(0.5, 2, classes).tolist()}
    for case in [
        Case(F.cross_entropy, (3 * normal(9, classes),), options),
        Case(F.cross_entropy, (3 * normal(9, classes),), {"target": target, "ignore_index": 255}),
        Case(F.softmax, (3 * normal(9, classes),), {"dim": 1}),
        Case(F.log_softmax, (3 * normal(9, classes),), {"dim": 1}),
    ]:
        for kernel, args in calls(case, dtype):
            assert_same(kernel, args, "fast", dtype)


def test_tanh_to_the_last_digit_but_one():
    x = np.concatenate([np.linspace(-12, 12, 100_001), np.geomspace(1e-38, 1, 50_001)])
    x = np.float32(x)
    right = np.tanh(x.astype(float))
    wrong = abs(F.tanh(Tensor(x)).data - right) / np.spacing(abs(right).astype(np.float32))
    assert wrong.max() < 1.5
    odd = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 100, -100])
    y = F.tanh(Tensor(odd)).data
    np.testing.assert_array_equal(y, [0, 0, 1, -1, np.nan, 1, -1])
    assert np.signbit(y).tolist()[:2] == [False, True]


# ------------------------------------------------------------------------- what runs under «simple»
LARGE = [
    Case(F.linear, (normal(8, 512), normal(256, 512)), label="a batch"),
    Case(F.linear, (normal(1, 512), normal(256, 512)), label="one row"),
    Case(F.conv2d, (normal(1, 3, 66, 66), normal(16, 3, 7, 7)), label="a picture"),
    Case(F.conv2d, (normal(1, 65, 9, 8), normal(66, 65, 1, 1)), label="1x1"),
]


@contextlib.contextmanager
def watching():
    """A set that collects what of ops/fast runs: functions, and kernels that have their body there,
    which as machine code nobody sees."""
    folder, seen = fast.__path__[0], set()

    def watch(frame, event, arg):
        if event == "call" and frame.f_code.co_filename.startswith(folder):
            seen.add(frame.f_code.co_name)
        if event == "call" and frame.f_code is Kernel.__call__.__code__:
            kernel = frame.f_locals["self"]
            if kernel.cpu_body and kernel.cpu_body.__module__.startswith(fast.__name__):
                seen.add(kernel.name)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield seen
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("case", CASES + LARGE, ids=lambda case: case.name)
def test_under_simple_nothing_of_ops_fast_runs(case):
    for dtype in (np.float32, np.float64):
        with algorithm("simple"), watching() as seen:
            run(case, dtype)
        assert not seen


def test_it_would_be_seen():
    def seen_in(case):
        with watching() as seen:
            run(case, np.float32)
        return seen

    for case in LARGE:
        assert seen_in(case)
    by_name = {case.name: case for case in CASES}
    assert seen_in(by_name["softmax"]) >= {"softmax_forward_blocks", "softmax_backward_blocks"}
    assert "tanh_forward_whole" in seen_in(by_name["tanh"])
    assert not seen_in(by_name["relu"])
