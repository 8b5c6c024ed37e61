"""Pooling over maps and pixels on tied inputs, against its special cases, and its sentences; the
soft pooling between the mean and the maximum; the layers around them."""

import numpy as np
import pytest
from support import reference

from minicnn import Tensor, gradcheck, nn
from minicnn import functional as F
from minicnn.engine.cases import normal, separated

# Small whole numbers: nearly every window has several largest ones.
TIED = np.random.default_rng(0).integers(0, 3, size=(2, 7, 6, 5)).astype(float)
POOLINGS = [
    {"maps": 7},
    {"maps": 3, "maps_stride": 2},
    {"maps": 3, "maps_stride": 2, "kernel_size": 2},
    {"maps": 1, "maps_stride": 3, "kernel_size": 3, "stride": 1, "padding": 1},
    {"maps": 4, "maps_stride": 1, "kernel_size": (3, 2), "stride": (2, 3), "ceil_mode": True},
    {"maps": [[6, 1, 3], [0], [1, 2, 3, 4, 5], [3, 1]], "kernel_size": 3, "stride": 2},
    {"maps": [[2, 0], [2, 0]], "kernel_size": 2, "stride": 1, "padding": 1},
]


def pooled(function, x, gy_seed=1, **options):
    """(y, gx) for a random upstream gradient."""
    x = Tensor(x, requires_grad=True)
    y = function(x, **options)
    y.backward(np.random.default_rng(gy_seed).normal(size=y.shape).astype(y.dtype))
    return y.data, x.grad


# ----------------------------------------------------------------------------- pooling over maps
@pytest.mark.parametrize("options", POOLINGS)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_equal_values_the_first_wins(options, sign, dtype):
    values = (sign * TIED).astype(dtype)
    x = Tensor(values, requires_grad=True)
    y, indices = F.max_pool_maps(x, **options, return_indices=True)
    expected, where = reference.max_pool_maps_and_places(values, **options)
    np.testing.assert_array_equal(y.data, expected)
    np.testing.assert_array_equal(indices, where)
    assert indices.dtype == np.int64
    gy = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    y.backward(gy)
    gx = np.zeros(values.shape)
    for n, c, i, j in reference.places(*y.shape):
        gx[n].flat[where[n, c, i, j]] += gy[n, c, i, j]
    np.testing.assert_allclose(x.grad, gx, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "ceil_mode": True},
    ],
)
def test_one_map_each_is_max_pool2d(options):
    expected = pooled(F.max_pool2d, TIED, **options)
    for maps in (1, [[c] for c in range(7)]):
        for a, b in zip(pooled(F.max_pool_maps, TIED, maps=maps, **options), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_windows_of_one_pixel_are_maxout():
    """The largest of each group of maps, which amax of a reshaped input says too."""

    def maxout(x):
        return x.reshape(2, 4, 3, 5, 2).amax(dim=2)

    x = separated(2, 12, 5, 2)
    for a, b in zip(pooled(F.max_pool_maps, x, maps=3), pooled(maxout, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_maxout_can_become_relu_and_the_absolute_value():
    x = separated(2, 3, 5, 4)
    pairs = [[c, c + 3] for c in range(3)]
    for other, expected in ((0 * x, np.maximum(x, 0)), (-x, abs(x))):
        y = F.max_pool_maps(np.concatenate([x, other], axis=1), pairs)
        np.testing.assert_array_equal(y.data, expected)


def test_overlapping_lists_add_their_gradients():
    x = np.zeros((1, 3, 1, 1))
    x[0, 1] = 5
    y, gx = pooled(F.max_pool_maps, x, maps=[[0, 1], [1, 2], [2], [1]])
    gy = np.random.default_rng(1).normal(size=4)
    assert y.ravel().tolist() == [5, 5, 0, 5]
    np.testing.assert_allclose(gx.ravel(), [0, gy[0] + gy[1] + gy[3], gy[2]], rtol=1e-14)


def test_a_map_that_no_list_names_gets_no_gradient():
    _, gx = pooled(F.max_pool_maps, TIED, maps=[[0, 2], [5]], kernel_size=2)
    assert not gx[:, [1, 3, 4, 6]].any() and gx[:, 0].any()


def test_groups_with_gaps_between_them():
    y = F.max_pool_maps(TIED, 2, maps_stride=5).data
    np.testing.assert_array_equal(y[:, 0], TIED[:, :2].max(axis=1))
    np.testing.assert_array_equal(y[:, 1], TIED[:, 5:].max(axis=1))


def test_padding_never_wins_and_a_nan_always_does():
    y = F.max_pool_maps(-1 - TIED, 7, 3, 1, 1).data
    assert y.max() <= -1 and np.isfinite(y).all()
    x = TIED.copy()
    x[1, 4, 2, 2] = np.nan
    y, gx = pooled(F.max_pool_maps, x, maps=[[0, 1], [3, 4]], kernel_size=3, stride=1)
    assert np.isnan(y[1, 1, :3, :3]).all() and np.isnan(y).sum() == 9
    assert gx[1, 4, 2, 2] != 0
    np.testing.assert_array_equal(F.max_pool_maps(np.full((1, 2, 1, 3), -np.inf), 2).data, -np.inf)


X = np.zeros((2, 7, 6, 5))
WRONG = [
    (lambda: F.max_pool_maps(X[0], 7), r"max_pool_maps: expected input \(N, C, H, W\), got"),
    (
        lambda: F.max_pool_maps(X, 3),
        "groups of 3 maps, one every 3, do not come out even with the 7",
    ),
    (lambda: F.max_pool_maps(X, 8), "groups of 8 maps, one every 8, do not come out even"),
    (lambda: F.max_pool_maps(X, 0), "max_pool_maps: maps=0: expected an int of at least 1"),
    (lambda: F.max_pool_maps(X, 1.5), "max_pool_maps: maps=1.5: expected an int"),
    (lambda: F.max_pool_maps(X, 1, maps_stride=0), "maps_stride=0: expected an int of at least 1"),
    (
        lambda: F.max_pool_maps(X, [[0], [7, 1]]),
        r"list 1 is \[1, 7\], but the input has the maps 0",
    ),
    (lambda: F.max_pool_maps(X, [[-1]]), r"list 0 is \[-1\], but the input has the maps 0 to 6"),
    (lambda: F.max_pool_maps(X, [[0, 1, 0]]), r"list 0, \[0, 0, 1\], names a map twice"),
    (lambda: F.max_pool_maps(X, [[0], []]), "an int or a list of lists, none of them empty"),
    (lambda: F.max_pool_maps(X, []), "an int or a list of lists, none of them empty"),
    (lambda: F.max_pool_maps(X, [0, 1]), "an int or a list of lists, none of them empty"),
    (lambda: F.max_pool_maps(X, [[0]], maps_stride=2), "maps_stride goes with a group size"),
    (
        lambda: F.max_pool_maps(X, 7, 9),
        "max_pool_maps: kernel_size .9, 9. is larger than the padded",
    ),
    (
        lambda: F.max_pool_maps(X, 7, 2, padding=2),
        "max_pool_maps: padding .2, 2. is more than half",
    ),
    (lambda: F.max_pool_maps(X, 7, 2, 0), "max_pool_maps: stride=0: expected an int of at least 1"),
    (lambda: F.subsample2d(X, 2, X[0, :6, 0, 0], X[0, :, 0, 0]), r"gain \(6,\), but .* has 7 maps"),
    (lambda: F.subsample2d(X, 2, X[0, :, 0, 0], X[0, :1, 0, 0]), r"bias \(1,\), but .* has 7 maps"),
    (
        lambda: F.subsample2d(X, 9, X[0, :, 0, 0], X[0, :, 0, 0]),
        "subsample2d: kernel_size .9, 9. is",
    ),
    (lambda: F.lp_pool2d(X, 0, 2), "lp_pool2d: norm_type must not be 0"),
    (lambda: F.lp_pool2d(X, 2, 0), "lp_pool2d: kernel_size=0: expected an int of at least 1"),
    (lambda: F.lp_pool2d(X[0], 2, 2), "lp_pool2d: expected input"),
    (lambda: F.log_sum_exp_pool(X, 0), "log_sum_exp_pool: r must not be 0"),
    (lambda: F.log_sum_exp_pool(X, -np.inf), "log_sum_exp_pool: r must not be -inf; mean and amax"),
    (lambda: F.max_pool_maps(X, 2.5), "max_pool_maps: maps=2.5: expected an int of at least 1"),
    (lambda: F.max_pool_maps(X, np.nan), "max_pool_maps: maps=nan: expected an int of at least 1"),
    (lambda: F.log_sum_exp_pool(X[0, 0]), r"dim 2 does not exist in shape \(6, 5\)"),
    (lambda: F.log_sum_exp_pool(X, dim=(1, -3)), "one or more, each once"),
    (lambda: F.log_sum_exp_pool(X, dim=()), "one or more, each once"),
    (lambda: F.log_sum_exp_pool(X[:0]), "nothing to pool in shape"),
]


@pytest.mark.parametrize("k", range(len(WRONG)))
def test_wrong_inputs_get_a_sentence(k):
    call, sentence = WRONG[k]
    with pytest.raises(ValueError, match=sentence):
        call()


# ---------------------------------------------------------------------------------- soft pooling
def test_log_sum_exp_goes_from_the_smallest_over_the_mean_to_the_largest():
    x = 3 * normal(2, 5, 3, 4)
    smallest, mean, largest = x.min((2, 3)), x.mean((2, 3)), x.max((2, 3))
    soft = [F.log_sum_exp_pool(x, r).data for r in (-1e4, -1, -1e-6, 1e-6, 1, 5, 1e4)]
    for lower, higher in zip(soft[:-1], soft[1:], strict=True):
        assert (lower < higher + 1e-9).all()
    np.testing.assert_allclose(soft[0], smallest, atol=1e-3)
    np.testing.assert_allclose(soft[2], mean, atol=1e-4)
    np.testing.assert_allclose(soft[3], mean, atol=1e-4)
    np.testing.assert_allclose(soft[-1], largest, atol=1e-3)


def test_log_sum_exp_of_equal_scores_is_the_score_whatever_the_size():
    for size in ((1, 1), (3, 40)):
        for value in (-2.5, 0.0, 1000.0):
            y = F.log_sum_exp_pool(np.full((1, 2, *size), value), 5.0).data
            np.testing.assert_allclose(y, value, rtol=1e-14)


def test_log_sum_exp_gives_each_pixel_its_share():
    x = 2 * normal(2, 5, 3, 4)
    for r in (0.001, 1.0, 5.0, 1e4):
        t = Tensor(x, requires_grad=True)
        F.log_sum_exp_pool(t, r).backward(np.ones((2, 5)))
        np.testing.assert_allclose(t.grad.sum((2, 3)), 1, rtol=1e-9)
    np.testing.assert_array_equal(t.grad.argmax(3), x.argmax(3) * (t.grad > 0.5).any(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_sum_exp_of_huge_scores(dtype):
    x = np.array([[[[1e4, 0.0, -1e4]]], [[[-1e4, -1e4, -1e4]]]], dtype)
    y, gx = pooled(F.log_sum_exp_pool, x, r=2.0)
    np.testing.assert_allclose(y.ravel(), [1e4 - np.log(3) / 2, -1e4], rtol=1e-6)
    assert np.isfinite(gx).all() and y.dtype == gx.dtype == dtype
    x[0, 0, 0, 1] = np.nan
    assert np.isnan(F.log_sum_exp_pool(x).data).ravel().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_of_huge_scores(dtype):
    x = np.array([-1e4, -90, 0, 90, 1e4, np.nan, -np.inf, np.inf], dtype)
    y = F.sigmoid(x).data
    np.testing.assert_allclose(y, [0, np.exp(-90), 0.5, 1, 1, np.nan, 0, 1], rtol=1e-4, atol=1e-44)


def test_the_scaled_tanh_is_one_at_one():
    np.testing.assert_allclose(F.scaled_tanh(np.array([1.0, -1.0, 0])).data, [1, -1, 0], atol=1e-4)
    assert np.isnan(F.scaled_tanh(np.array([np.nan])).data[0])


# ------------------------------------------------------------------------------------- the layers
def test_the_layers_are_their_operations():
    x = normal(2, 6, 7, 5)
    for layer, expected in (
        (nn.MaxPoolMaps(3, 2), F.max_pool_maps(x, 3, 2)),
        (nn.MaxPoolMaps(2, maps_stride=4), F.max_pool_maps(x, 2, maps_stride=4)),
        (nn.Sigmoid(), F.sigmoid(x)),
        (nn.ScaledTanh(), F.scaled_tanh(x)),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), F.avg_pool2d(x, 3, 2, 1, False, False)),
        (nn.LocalResponseNorm(4, 0.5, 0.6, 2.0), F.local_response_norm(x, 4, 0.5, 0.6, 2.0)),
        (nn.LocalContrastNorm(3, floor=0.1), F.local_contrast_norm(Tensor(x), 3, floor=0.1)),
        (nn.Subsample2d(6, 2).to(dtype=np.float64), F.avg_pool2d(x, 2)),
    ):
        np.testing.assert_array_equal(layer(x).data, expected.data)


def test_subsampling_learns_a_gain_and_a_bias_for_each_map():
    layer = nn.Subsample2d(3, 2).to(dtype=np.float64)
    assert {name: p.shape for name, p in layer.named_parameters()} == {"gain": (3,), "bias": (3,)}
    x, gain, bias = normal(2, 3, 4, 6), normal(3), normal(3, seed=1)
    assert gradcheck(lambda x, a, b: F.subsample2d(x, 2, a, b), x, gain, bias)
    layer.load_state_dict({"gain": gain, "bias": bias})
    mean = x.reshape(2, 3, 2, 2, 3, 2).mean((3, 5))
    expected = gain[:, None, None] * mean + bias[:, None, None]
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12)
