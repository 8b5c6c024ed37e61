"""The same results as PyTorch, forward and gradients, for every argument that exists in both."""

import numpy as np
import pytest

from minicnn import functional as F
from minicnn.engine.tensor import Tensor

torch = pytest.importorskip(
    "torch", reason="torch is not installed; it serves as a comparison only"
)
T = torch.nn.functional

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def integers(low, high, count, random):
    return tuple(int(v) for v in random.integers(low, high, count))


def compare(ours, theirs, *arrays, dtype):
    """ours(*Tensors) and theirs(*torch tensors): values, dtype, gradients for a random gy."""
    arrays = [np.asarray(a, dtype) for a in arrays]
    mine = [Tensor(a, requires_grad=True) for a in arrays]
    yours = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*mine), theirs(*yours)
    assert y.dtype == dtype and y.shape == tuple(z.shape)
    tolerance = {np.float32: 3e-5, np.float64: 1e-11}[dtype]
    close = dict(rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(y.data, z.detach().numpy(), **close)
    gy = np.asarray(np.random.default_rng(1).normal(size=y.shape), dtype)
    y.backward(gy)
    z.backward(torch.tensor(gy))
    for a, b in zip(mine, yours, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), **close)


def normal(*shape):
    return np.random.default_rng(shape).normal(size=shape)


# ------------------------------------------------------------------------------------ convolution
CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"stride": (1, 3), "padding": (2, 0)},
    {"padding": 1, "dilation": (2, 1)},
    {"padding": "same"},
    {"padding": "valid", "stride": 2},
    {"padding": "same", "dilation": 2},
]


@DTYPES
@pytest.mark.parametrize("options", CONVOLUTIONS)
@pytest.mark.parametrize("size", [(3, 3), (2, 3), (1, 1)])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_conv2d(options, size, groups, dtype):
    x, w, b = normal(2, 4, 9, 8), normal(6, 4 // groups, *size), normal(6)
    for arrays in ((x, w), (x, w, b)):
        compare(
            lambda *a: F.conv2d(*a, **options, groups=groups),
            lambda *a: T.conv2d(*a, **options, groups=groups),
            *arrays,
            dtype=dtype,
        )


@DTYPES
@pytest.mark.parametrize("options", CONVOLUTIONS[:4])
def test_conv2d_table_in_full_is_conv2d(options, dtype):
    x, w, b, g = normal(2, 3, 9, 8), normal(12, 3, 2), normal(4), normal(12)
    table = np.array([[k, c] for c in range(4) for k in range(3)])
    compare(
        lambda x, w, b, g: F.conv2d_table(x, w, b, table, g, **options),
        lambda x, w, b, g: T.conv2d(x, (w * g[:, None, None]).reshape(4, 3, 3, 2), b, **options),
        *(x, w, b, g),
        dtype=dtype,
    )


# ---------------------------------------------------------------------------------------- pooling
def pooling_options(random):
    kernel = integers(1, 5, 2, random)
    return {
        "kernel_size": kernel,
        "stride": [None, integers(1, 4, 2, random)][random.integers(2)],
        "padding": tuple(int(random.integers(0, k // 2 + 1)) for k in kernel),
        "ceil_mode": bool(random.integers(2)),
    }


@DTYPES
@pytest.mark.parametrize("seed", range(60))
def test_max_pool2d(seed, dtype):
    random = np.random.default_rng(seed)
    options = {**pooling_options(random), "dilation": integers(1, 3, 2, random)}
    x = random.integers(-9, 9, size=(2, 3, *random.integers(9, 20, 2)))  # with ties
    compare(
        lambda x: F.max_pool2d(x, **options),
        lambda x: T.max_pool2d(x, **options),
        x,
        dtype=dtype,
    )
    x = x.astype(dtype)
    _, indices = F.max_pool2d(x, **options, return_indices=True)
    _, expected = T.max_pool2d(torch.tensor(x), **options, return_indices=True)
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(indices, expected.numpy())


@DTYPES
@pytest.mark.parametrize("seed", range(60))
def test_avg_pool2d(seed, dtype):
    random = np.random.default_rng(seed)
    options = {
        **pooling_options(random),
        "count_include_pad": bool(random.integers(2)),
        "divisor_override": [None, None, 3][random.integers(3)],
    }
    x = random.normal(size=(2, 3, *random.integers(4, 20, 2)))
    compare(
        lambda x: F.avg_pool2d(x, **options),
        lambda x: T.avg_pool2d(x, **options),
        x,
        dtype=dtype,
    )


# ---------------------------------------------------------------------------------- interpolation
@DTYPES
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("seed", range(60))
def test_interpolate(seed, mode, dtype):
    random = np.random.default_rng(seed)
    x = random.normal(size=(2, 3, *random.integers(2, 24, 2)))
    if seed % 2:
        options = {"size": integers(1, 40, 2, random)}
    else:
        scales = random.uniform(0.5, 3.3, 2).round(int(random.integers(1, 4)))
        options = {
            "scale_factor": [tuple(scales.tolist()), float(scales[0]), 2, 4][random.integers(4)],
            "recompute_scale_factor": [None, True, False][random.integers(3)],
        }
    if mode == "bilinear":
        options["align_corners"] = [None, True, False][random.integers(3)]
    compare(
        lambda x: F.interpolate(x, mode=mode, **options),
        lambda x: T.interpolate(x, mode=mode, **options),
        x,
        dtype=dtype,
    )


# ----------------------------------------------------------------------- probabilities and losses
SHAPES = [(6,), (5, 4), (2, 4, 7), (2, 4, 3, 5)]


@DTYPES
@pytest.mark.parametrize("shape,dim", [(s, d) for s in SHAPES for d in range(-len(s), len(s))])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name, shape, dim, dtype):
    ours, theirs = getattr(F, name), getattr(T, name)
    compare(lambda x: ours(x, dim), lambda x: theirs(x, dim), 4 * normal(*shape), dtype=dtype)


def weights(shape, weighted, dtype):
    """Class weights for minicnn and for torch, or None for both."""
    if not weighted:
        return None, None
    weight = np.linspace(0.5, 2, shape[min(len(shape) - 1, 1)]).astype(dtype)
    return weight, torch.tensor(weight)


def losses(test):
    """What all tests of losses run through."""
    for name, values in (
        ("shape", SHAPES),
        ("weighted", [False, True]),
        ("reduction", ["none", "mean", "sum"]),
        ("dtype", [np.float32, np.float64]),
    ):
        test = pytest.mark.parametrize(name, values)(test)
    return test


def some_target(shape, ignore_index):
    """Classes 0 and 1 and, where there is room, the ignored one among them."""
    if len(shape) == 1:
        return np.array(3)
    target = np.random.default_rng(shape).integers(0, shape[1], shape[:1] + shape[2:])
    target.flat[:2] = 0, max(ignore_index, 1)
    return target


@losses
@pytest.mark.parametrize("ignore_index", [-100, 1, 255])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy(shape, ignore_index, weighted, reduction, smoothing, dtype):
    target, (w, torch_w) = some_target(shape, ignore_index), weights(shape, weighted, dtype)
    options = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": smoothing}
    compare(
        lambda x: F.cross_entropy(x, target, w, **options),
        lambda x: T.cross_entropy(x, torch.tensor(target), torch_w, **options),
        3 * normal(*shape),
        dtype=dtype,
    )


@losses
@pytest.mark.parametrize("ignore_index", [-100, 1, 255])
def test_nll_loss(shape, ignore_index, weighted, reduction, dtype):
    target, (w, torch_w) = some_target(shape, ignore_index), weights(shape, weighted, dtype)
    options = {"ignore_index": ignore_index, "reduction": reduction}
    compare(
        lambda x: F.nll_loss(x, target, w, **options),
        lambda x: T.nll_loss(x, torch.tensor(target), torch_w, **options),
        normal(*shape),
        dtype=dtype,
    )


@losses
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_with_distributions(shape, weighted, reduction, smoothing, dtype):
    """Gradients of the distributions too: they may come from another network."""
    w, torch_w = weights(shape, weighted, dtype)
    options = {"reduction": reduction, "label_smoothing": smoothing}
    compare(
        lambda x, d: F.cross_entropy(x, d, w, **options),
        lambda x, d: T.cross_entropy(x, d, torch_w, **options),
        3 * normal(*shape),
        abs(normal(*shape)),
        dtype=dtype,
    )


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_a_loss_of_void_alone(name):
    """Nothing to average: NaN, and gradients of zero."""
    target = np.full((2, 3), 255)
    x, z = Tensor(np.ones((2, 4, 3)), requires_grad=True), torch.ones(2, 4, 3, requires_grad=True)
    y = getattr(F, name)(x, target, ignore_index=255)
    expected = getattr(T, name)(z, torch.tensor(target), ignore_index=255)
    assert np.isnan(y.item()) and torch.isnan(expected)
    y.backward()
    expected.backward()
    np.testing.assert_array_equal(x.grad, z.grad.numpy())


def test_a_void_pixel_may_hold_a_nan():
    x = np.ones((1, 3, 2))
    x[0, :, 1] = np.nan
    x = Tensor(x, requires_grad=True)
    y = F.cross_entropy(x, [[0, 255]], ignore_index=255)
    y.backward()
    assert np.isfinite(y.item()) and (x.grad[0, :, 1] == 0).all()


# ------------------------------------------------------------------------------------ the others
@DTYPES
@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_elementwise(name, dtype):
    x = normal(2, 3, 5, 4)
    x[0, 0, 0, :2] = 0, -0.0
    compare(getattr(F, name), getattr(torch, name), x, dtype=dtype)


@DTYPES
@pytest.mark.parametrize("options", [{}, {"dim": 1}, {"dim": (0, 2), "keepdim": True}])
@pytest.mark.parametrize("name", ["sum", "mean", "amax"])
def test_reductions(name, options, dtype):
    ours, theirs = getattr(F, name), getattr(torch, name)
    x = np.round(normal(3, 4, 5), 1)  # with ties
    compare(lambda x: ours(x, **options), lambda x: theirs(x, **options), x, dtype=dtype)


@DTYPES
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2), (2, 1, 0, 3)])
def test_pad(padding, mode, dtype):
    x = normal(2, 3, 5, 4) if len(padding) == 4 else normal(2, 3, 5)
    options = {"value": 0.5} if mode == "constant" else {}
    compare(
        lambda x: F.pad(x, padding, mode, **options),
        lambda x: T.pad(x, padding, mode, **options),
        x,
        dtype=dtype,
    )


@DTYPES
def test_linear(dtype):
    for arrays in ((normal(2, 3, 4), normal(5, 4)), (normal(3, 4), normal(5, 4), normal(5))):
        compare(F.linear, T.linear, *arrays, dtype=dtype)
