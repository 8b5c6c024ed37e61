"""Every operation against literal loops, its gradients against finite differences, and the house
rules that hold for all: dtypes, strides, untouched inputs, the same bits twice.

A new operation needs nothing here: its `cases()` are found through `minicnn.ops.FILES`, and its
literal loops in `reference.py` by the name of its public function.
"""

import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from support import reference

import minicnn.ops
from minicnn import functional as F
from minicnn.checking import gradcheck
from minicnn.engine.kernel import algorithm
from minicnn.engine.op import OPS
from minicnn.engine.tensor import Tensor

CASES = list(minicnn.ops.all_cases())
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

# Square filters are what people use, and groups make map counts multiples of each other.
EQUAL_SIZES = {case.name for case in CASES if case.name.startswith("conv2d")} - {
    case.name for case in CASES if case.name.startswith("conv2d_table")
}


def run(case, arrays):
    """(y, gradients) of a case for a random upstream gradient."""
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = case.function(*tensors, **case.options)
    gy = np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)
    y.backward(gy)
    return y.data, [t.grad for t in tensors]


def strided(array):
    """The same values in memory that is neither C- nor Fortran-contiguous."""
    if array.ndim == 0:
        return array
    doubled = np.full((*array.shape[:-1], 2 * array.shape[-1] + 1), np.nan, dtype=array.dtype)
    doubled[..., 1::2] = array
    return doubled[..., 1::2]


# --------------------------------------------------------------------------------- for all cases
@every_case
@pytest.mark.parametrize("which", ["simple", "fast"])
def test_forward_is_the_formula(case, which):
    with algorithm(which):
        y = case.function(*case.arrays, **case.options)
    expected = getattr(reference, case.function.__name__)(*case.arrays, **case.options)
    np.testing.assert_allclose(y.data, expected, rtol=1e-11, atol=1e-12)


@every_case
@pytest.mark.parametrize("which", ["simple", "fast"])
def test_gradients_are_derivatives(case, which):
    with algorithm(which):
        assert gradcheck(lambda *a: case.function(*a, **case.options), *case.arrays, seed=0)


@every_case
def test_float32_stays_float32_and_is_close(case):
    y, gradients = run(case, case.arrays)
    y32, gradients32 = run(case, [a.astype(np.float32) for a in case.arrays])
    for a, b in zip([y, *gradients], [y32, *gradients32], strict=True):
        assert a.dtype == np.float64 and b.dtype == np.float32
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4)


@every_case
def test_strided_inputs_give_the_same(case):
    y, gradients = run(case, case.arrays)
    y_strided, gradients_strided = run(case, [strided(a) for a in case.arrays])
    for a, b in zip([y, *gradients], [y_strided, *gradients_strided], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-13)


@every_case
def test_strided_upstream_gradient_gives_the_same(case):
    for changed in (lambda gy: gy, strided, lambda gy: np.broadcast_to(gy.ravel()[0], gy.shape)):
        tensors = [Tensor(a, requires_grad=True) for a in case.arrays]
        y = case.function(*tensors, **case.options)
        gy = changed(np.asarray(np.random.default_rng(1).normal(size=y.shape)))
        copies = [Tensor(a, requires_grad=True) for a in case.arrays]
        case.function(*copies, **case.options).backward(gy.copy())
        y.backward(gy)
        for a, b in zip(tensors, copies, strict=True):
            np.testing.assert_allclose(a.grad, b.grad, rtol=1e-12, atol=1e-13)


@every_case
def test_inputs_and_upstream_gradient_are_not_modified(case):
    arrays = [a.copy() for a in case.arrays]
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = case.function(*tensors, **case.options)
    kept = y.data.copy()
    gy = np.random.default_rng(1).normal(size=y.shape)
    gy_kept = gy.copy()
    y.backward(gy)
    for a, b in zip(arrays, case.arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(gy, gy_kept)
    np.testing.assert_array_equal(y.data, kept)


@every_case
def test_the_same_bits_twice(case):
    arrays = [a.astype(np.float32) for a in case.arrays]
    first, second = run(case, arrays), run(case, arrays)
    for a, b in zip([first[0], *first[1]], [second[0], *second[1]], strict=True):
        assert a.tobytes() == b.tobytes()


@every_case
def test_only_the_gradients_that_are_needed(case):
    """Each input alone requires a gradient: the same one as when all do."""
    _, expected = run(case, case.arrays)
    for k, wanted in enumerate(expected):
        tensors = [Tensor(a, requires_grad=i == k) for i, a in enumerate(case.arrays)]
        y = case.function(*tensors, **case.options)
        y.backward(np.random.default_rng(1).normal(size=y.shape))
        np.testing.assert_array_equal(tensors[k].grad, wanted)
        assert all(t.grad is None for i, t in enumerate(tensors) if i != k)


@every_case
def test_cases_are_small_and_tell_dimensions_apart(case):
    for array in case.arrays:
        assert array.size <= 500 and array.dtype == np.float64
        if case.name not in EQUAL_SIZES:
            sizes = [s for s in array.shape if s > 1]
            assert len(set(sizes)) == len(sizes), f"equal dimensions in {array.shape}"


def test_every_case_has_its_own_name():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


# ------------------------------------------------------------------------- nothing is forgotten
def test_every_file_with_an_op_is_listed():
    folder = pathlib.Path(minicnn.ops.__file__).parent
    with_op = {f.stem for f in folder.glob("*.py") if "(Op)" in f.read_text()}
    bases = {"elementwise", "losses", "pooling"}
    assert with_op - bases <= set(minicnn.ops.FILES)


def test_every_op_is_reached_by_a_case(monkeypatch):
    reached = set()
    for name, op in OPS.items():
        if op.__module__.startswith("minicnn.ops."):

            def forward(self, *arrays, name=name, forward=op.forward):
                reached.add(type(self).__name__)
                return forward(self, *arrays)

            monkeypatch.setattr(op, "forward", forward)
    for case in CASES:
        case.function(*case.arrays, **case.options)
    ours = {n for n, op in OPS.items() if op.__module__.startswith("minicnn.ops.")}
    bases = {"Elementwise", "ClassLoss", "Pool2d"}
    assert {n for n in ours if not n.startswith("_")} - bases == reached


def test_functional_names_what_it_exports():
    assert sorted(F.__all__) == F.__all__
    assert all(callable(getattr(F, name)) and getattr(F, name).__doc__ for name in F.__all__)


# --------------------------------------------------------------------------- ties and NaN values
TIED = np.random.default_rng(0).integers(0, 3, size=(2, 3, 7, 5)).astype(float)
POOLINGS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (3, 2), "stride": (2, 1), "dilation": (1, 2), "ceil_mode": True},
]


@pytest.mark.parametrize("options", POOLINGS)
def test_max_pool2d_gives_equal_values_to_the_first(options):
    x = Tensor(TIED, requires_grad=True)
    y, indices = F.max_pool2d(x, **options, return_indices=True)
    expected, where = reference.max_pool2d_and_places(TIED, **options)
    np.testing.assert_array_equal(y.data, expected)
    np.testing.assert_array_equal(indices, where)
    gy = np.random.default_rng(1).normal(size=y.shape)
    y.backward(gy)
    gx = np.zeros_like(TIED)
    for n, c, i, j in reference.places(*y.shape):
        gx[n, c].flat[where[n, c, i, j]] += gy[n, c, i, j]
    np.testing.assert_allclose(x.grad, gx, rtol=1e-13)


def test_amax_shares_among_equal_values():
    x = Tensor(TIED, requires_grad=True)
    x.amax(dim=(1, 3)).backward(np.arange(14.0).reshape(2, 7) + 1)
    for n, h in reference.places(2, 7):
        values = TIED[n, :, h]
        largest = values == max(values.ravel())
        np.testing.assert_allclose(
            x.grad[n, :, h], largest * (7 * n + h + 1) / np.count_nonzero(largest), rtol=1e-14
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_nan_is_not_lost(dtype):
    x = np.zeros((2, 3, 4, 5), dtype)
    x[1, 2, 1, 1] = np.nan
    target = np.zeros((2, 4, 5), int)
    for y in (
        F.relu(x),
        F.tanh(x),
        F.max_pool2d(x, 3, 1, 1),
        F.avg_pool2d(x, 2),
        F.interpolate(x, scale_factor=2),
        F.interpolate(x, scale_factor=2, mode="bilinear"),
        F.softmax(x, 1),
        F.log_softmax(x, 1),
        F.cross_entropy(x, target, reduction="none"),
    ):
        assert np.isnan(y.data[1]).any() and not np.isnan(y.data[0]).any()


def test_softmax_of_huge_scores():
    x = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    np.testing.assert_allclose(F.softmax(x, 1).data, [[1, 0, 0], [1 / 3] * 3])
    np.testing.assert_allclose(F.log_softmax(x, 1).data[0], [0, -1e4, -2e4])


# --------------------------------------------------------------------------------------- dropout
def test_dropout_keeps_one_minus_p_and_the_mean():
    x = np.ones((500, 401), np.float32)
    for p in (0.1, 0.5, 0.9):
        y = F.dropout(x, p).data
        kept = y != 0
        np.testing.assert_allclose(y[kept], 1 / (1 - p), rtol=1e-6)
        assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / x.size)
        for a, b in ((kept[:, 1:], kept[:, :-1]), (kept[1:], kept[:-1])):  # neighbours: unrelated
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(x.size)


def test_dropout_follows_the_seed():
    from minicnn.engine.randomness import manual_seed

    x = np.ones(1000, np.float32)
    manual_seed(3, step=7)
    first, second = F.dropout(x).data, F.dropout(x).data
    manual_seed(3, step=7)
    np.testing.assert_array_equal(F.dropout(x).data, first)
    assert (first != second).any()
    manual_seed(3, step=8)
    assert (F.dropout(x).data != first).any()
    np.testing.assert_array_equal(F.dropout(x.astype(float), training=False).data, x)


# --------------------------------------------------------------- clear sentences for wrong inputs
X = np.zeros((2, 3, 6, 5))
T = np.zeros((2, 6, 5), int)
PAIRS = np.array([[0, 0], [2, 1]])
WRONG = [
    (lambda: F.conv2d(X, np.zeros((4, 2, 3, 3))), "the input has 3 channels, but weight"),
    (lambda: F.conv2d(X, np.zeros((4, 3, 9, 3))), "smaller than the filter"),
    (lambda: F.max_pool2d(X[0], 2), r"max_pool2d: expected input \(N, C, H, W\), got \(3, 6, 5\)"),
    (lambda: F.max_pool2d(X, 9), "max_pool2d: kernel_size .9, 9. is larger than the padded input"),
    (lambda: F.max_pool2d(X, 2, padding=2), "max_pool2d: padding .2, 2. is more than half"),
    (lambda: F.max_pool2d(X, 0), "max_pool2d: kernel_size=0: expected an int of at least 1"),
    (lambda: F.max_pool2d(X, (2, 2, 2)), "max_pool2d: kernel_size="),
    (lambda: F.avg_pool2d(X, 7), "avg_pool2d: kernel_size .7, 7. is larger"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), "divisor_override must not be 0"),
    (lambda: F.interpolate(X), "interpolate: give one of size and scale_factor"),
    (lambda: F.interpolate(X, 4, 2.0), "interpolate: give one of size and scale_factor"),
    (lambda: F.interpolate(X, 4, mode="cubic"), "interpolate: mode 'cubic': choose"),
    (lambda: F.interpolate(X, 4, align_corners=True), "align_corners has a meaning"),
    (lambda: F.interpolate(X, scale_factor=0.1), "leaves nothing of"),
    (lambda: F.interpolate(X[0], 4), r"interpolate: expected input \(N, C, H, W\)"),
    (lambda: F.interpolate(X, 4, recompute_scale_factor=True), "goes with scale_factor"),
    (lambda: F.softmax(X, 4), "dim 4 does not exist in shape"),
    (lambda: F.log_softmax(X, -5), "dim -5 does not exist in shape"),
    (lambda: F.cross_entropy(X, T[:1]), r"needs a target of shape \(2, 6, 5\), got \(1, 6, 5\)"),
    (lambda: F.cross_entropy(X, T + 3), r"target holds 3, but the input scores 3 classes"),
    (lambda: F.cross_entropy(X, T - 1), r"target holds -1, but the input scores 3 classes"),
    (lambda: F.cross_entropy(X, T, np.ones(4)), r"cross_entropy: weight \(4,\) for 3 classes"),
    (lambda: F.cross_entropy(X, T, reduction="max"), "cross_entropy: reduction 'max': choose"),
    (lambda: F.cross_entropy(X, X[:, :2]), "a floating target holds a probability"),
    (lambda: F.cross_entropy(X, T, label_smoothing=2), "label_smoothing=2 is not in 0 to 1"),
    (lambda: F.nll_loss(X, T + 255), "nll_loss: target holds 255"),
    (lambda: F.nll_loss(X, T, reduction="most"), "nll_loss: reduction 'most': choose"),
    (lambda: F.dropout(X, 1.5), "dropout: p=1.5 must lie between 0 and 1"),
    (lambda: F.conv2d_table(X, np.zeros((3, 2, 2)), None, PAIRS), "has 3 edges, but table"),
    (lambda: F.conv2d_table(X, np.zeros((2, 2, 2)), None, PAIRS + 1), "names input map 3"),
    (lambda: F.conv2d_table(X, np.zeros((2, 2, 2)), np.zeros(1), PAIRS), "names output map 1"),
    (lambda: F.conv2d_table(X, np.zeros((2, 9, 2)), None, PAIRS), "smaller than the filter"),
    (
        lambda: F.conv2d_table(X, np.zeros((2, 2, 2)), None, PAIRS, gains=np.zeros(3)),
        r"gains \(3,\) for 2 edges",
    ),
    (lambda: F.add(X, X[:, :2]), "do not broadcast"),
    (lambda: F.linear(X, np.zeros((2, 4))), "linear: input"),
    (lambda: F.matmul(X, np.zeros((2, 5, 4))), r"matmul: shapes \(2, 3, 6, 5\) and \(2, 5, 4\) do"),
    (lambda: Tensor(X) < X[:, :2], "compare: shapes .* do not broadcast"),
    (lambda: F.conv2d(X, np.zeros((4, 3, 3)), padding="same"), "conv2d: expected input"),
    (lambda: F.local_response_norm([[1.0]], 3), r"local_response_norm: expected .*got \(1, 1\)"),
    (lambda: F.local_contrast_norm([[1.0]], 3), r"local_contrast_norm: expected .*got \(1, 1\)"),
    (lambda: F.cross_entropy_of_sets(X, T + 3, ((),)), r"sets has \(\); a set names one or more"),
    (lambda: F.cross_entropy_of_sets(X, T + 3, ((5,),)), r"sets has \(5,\); .*classes \(0 to 2\)"),
    (lambda: F.concat([X, X[:1]], 1), "differ outside dimension 1"),
    (lambda: F.pad(X, (5, 0), mode="reflect"), "pad: reflect by"),
    (lambda: F.reshape(X, (7, -1)), "does not fit"),
]


@pytest.mark.parametrize("k", range(len(WRONG)))
def test_wrong_inputs_get_a_sentence(k):
    call, sentence = WRONG[k]
    with pytest.raises(ValueError, match=sentence):
        call()


def test_nll_loss_refuses_floating_targets():
    with pytest.raises(TypeError, match="nll_loss: target must hold whole numbers, not float64"):
        F.nll_loss(X, T * 0.5)


# ----------------------------------------------------------------- the kernels without a compiler
def test_every_case_runs_as_plain_python():
    """With NUMBA_DISABLE_JIT=1 a debugger can walk through every kernel."""
    program = """
        import sys
        import numpy as np
        sys.path.insert(0, sys.argv[1])
        from support import reference
        import minicnn.ops
        from minicnn.engine.kernel import algorithm
        from minicnn.engine.tensor import Tensor
        for case in minicnn.ops.all_cases():
            for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 1e-4)):
                with algorithm("simple"):
                    arrays = [Tensor(a.astype(dtype), requires_grad=True) for a in case.arrays]
                    y = case.function(*arrays, **case.options)
                    y.backward(np.ones(y.shape))
                expected = getattr(reference, case.function.__name__)(*case.arrays, **case.options)
                np.testing.assert_allclose(y.data, expected, rtol=tolerance, atol=tolerance)
                assert y.dtype == dtype
        import numba
        assert numba.config.DISABLE_JIT
    """
    tests = str(pathlib.Path(__file__).parents[1])
    subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), tests],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        check=True,
        timeout=120,
    )


def test_editing_a_helper_is_noticed(tmp_path):
    """Numba's disk cache must not serve a kernel whose helper has changed since."""
    source = textwrap.dedent("""
        from minicnn.engine.kernel import Kernel, helper, prange
        twist = Kernel("twist")

        @helper
        def factor(i):
            return FACTOR * i

        @twist.cpu
        def twist_cpu(x, y):
            for i in prange(x.size):
                y[i] = factor(i) + x[i]
    """)
    program = "import numpy as np, mine; x = np.ones(3); mine.twist(x, x); print(x[2], end='')"
    for number in (2, 5):
        (tmp_path / "mine.py").write_text(source.replace("FACTOR", f"{number:3d}"))
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert float(run.stdout) == 2 * number + 1


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2, 2)])
def test_losses_of_no_pictures(shape, reduction):
    x = Tensor(np.zeros(shape), requires_grad=True)
    target = np.zeros(shape[:1] + shape[2:], int)
    for loss in (F.cross_entropy, F.nll_loss):
        y = loss(x, target, reduction=reduction)
        y.backward(np.ones(y.shape))
        assert x.grad.shape == shape
        assert reduction != "mean" or np.isnan(y.item())


def test_linear_of_nothing():
    x, w = (Tensor(np.ones(shape), requires_grad=True) for shape in ((3, 0), (2, 0)))
    F.linear(x, w).sum().backward()
    assert (x.grad.shape, w.grad.shape) == (x.shape, w.shape)


@pytest.mark.parametrize("make", [np.array, list])
def test_an_index_may_be_changed_before_backward(make):
    x, index = Tensor(np.zeros(3), requires_grad=True), make([0, 1])
    y = x[index]
    index[:] = make([2, 2])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 1, 0])


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_division_by_what_has_no_square_in_float32(size):
    a, b = (Tensor(np.full(3, value, np.float32), requires_grad=True) for value in (size, 2 * size))
    (a / b).backward(np.full(3, size, np.float32))
    assert b.grad.dtype == np.float32
    np.testing.assert_allclose(b.grad, np.full(3, -0.25), rtol=1e-6)


def test_division_broadcasts_on_the_way_back():
    a, b = Tensor(np.float32([[1, 2], [3, 4]])), Tensor([[2.0], [4.0]], requires_grad=True)
    (a / b).sum().backward()
    np.testing.assert_array_equal(b.grad, [[-3 / 4], [-7 / 16]])


@pytest.mark.parametrize("divisor", [0.5, 2.5, -3])
def test_avg_pool2d_divides_by_the_number_that_is_given(divisor):
    x = Tensor(np.ones((1, 1, 2, 4)), requires_grad=True)
    y = F.avg_pool2d(x, 2, divisor_override=divisor)
    y.sum().backward()
    np.testing.assert_allclose(y.data, np.full((1, 1, 1, 2), 4 / divisor))
    np.testing.assert_allclose(x.grad, np.full(x.shape, 1 / divisor))


@pytest.mark.parametrize(
    ("padding", "mode", "gradient"),
    [
        ((-4, 3), "replicate", [0, 0, 0, 3]),
        ((-5, 3), "replicate", [0, 0, 0, 2]),
        ((3, -5), "replicate", [2, 0, 0, 0]),
        ((-4, 3), "reflect", [1, 1, 1, 0]),
        ((3, -4), "reflect", [0, 1, 1, 1]),
        ((-4, 3), "circular", [1, 1, 1, 0]),
        ((4, -5), "circular", [1, 1, 1, 0]),
    ],
)
def test_a_pad_that_leaves_only_copies(padding, mode, gradient):
    """Reflect and replicate: what PyTorch gives."""
    x = Tensor(np.ones(4), requires_grad=True)
    F.pad(x, padding, mode).sum().backward()
    np.testing.assert_array_equal(x.grad, gradient)


def test_lists_and_whole_numbers_of_any_type():
    x = np.arange(12.0).reshape(1, 2, 2, 3)
    norm = F.local_response_norm(x.tolist(), 3).data
    np.testing.assert_allclose(norm, F.local_response_norm(x, 3).data, rtol=1e-6)
    np.testing.assert_array_equal(F.transpose([[1, 2]], 0, 1).data, [[1], [2]])
    same = F.conv2d(x.tolist(), np.ones((1, 2, 2, 2), np.float32), padding="same")
    assert same.shape == (1, 1, 2, 3)
    np.testing.assert_array_equal(F.max_pool_maps(x, 2.0).data, F.max_pool_maps(x, 2).data)


def test_dropout_multiplies_in_the_dtype_of_its_input():
    """A GPU does; a factor in float64 would round differently in one of a few places."""
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    y = F.dropout(x, 0.3).data
    kept = y != 0
    np.testing.assert_array_equal(y[kept], x[kept] * np.float32(1 / 0.7))
