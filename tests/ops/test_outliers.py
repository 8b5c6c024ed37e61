"""One number that is infinite, no number, or 1e9 among ordinary ones: every algorithm spoils what
sees it, as the loops to read do, and nothing else."""

import numpy as np
import pytest
from support.emulated import needs_compiler

from minicnn import functional as F
from minicnn.engine.kernel import algorithm
from minicnn.engine.tensor import Tensor
from minicnn.ops.fast import choose, conv2d, fourier, magnitudes

VALUES = [-np.inf, np.nan, 1e9, -3e38]
PLACES = {  # where in an array of this shape
    "first": lambda shape: (0,) * len(shape),
    "last": lambda shape: tuple(n - 1 for n in shape),
    "border": lambda shape: (*(n // 2 for n in shape[:-1]), shape[-1] - 1),
}
LAYERS = {  # function, shapes, options
    "transforms": (F.conv2d, [(1, 4, 24, 26), (5, 4, 7, 7)], {}),
    "transforms, padded": (F.conv2d, [(1, 4, 24, 26), (5, 4, 7, 7)], {"padding": 3}),
    "tiles of Winograd": (F.conv2d, [(2, 4, 9, 14), (5, 4, 3, 3)], {}),
    "tiles of Winograd, padded": (F.conv2d, [(2, 4, 9, 14), (5, 4, 3, 3)], {"padding": 1}),
    "shifted pictures": (F.conv2d, [(1, 3, 49, 52), (5, 3, 5, 3), (5,)], {}),
    "shifted, padded": (F.conv2d, [(1, 3, 49, 52), (5, 3, 3, 3)], {"padding": 1}),
    "shifted, strided": (F.conv2d, [(1, 3, 95, 103), (5, 3, 3, 3)], {"stride": 2}),
    "windows": (F.conv2d, [(1, 16, 12, 14), (30, 16, 3, 3), (30,)], {"padding": 1}),
    "table": (
        lambda x, w: F.conv2d_table(x, w, None, np.array([[0, 0], [2, 0], [1, 1], [3, 1]])),
        [(2, 5, 9, 8), (4, 3, 3)],
        {},
    ),
    "few maps": (F.conv2d, [(2, 9, 20, 20), (5, 9, 1, 1), (5,)], {}),
    "shifted rows": (F.linear, [(5, 123), (67, 123), (67,)], {}),
    "products": (F.linear, [(1, 123), (67, 123)], {}),
    "average": (F.avg_pool2d, [(2, 3, 10, 11)], {"kernel_size": 3, "stride": 1, "padding": 1}),
    "maximum": (F.max_pool2d, [(2, 3, 10, 11)], {"kernel_size": 3, "stride": 1, "padding": 1}),
    "contrast": (F.local_contrast_norm, [(2, 3, 20, 21)], {"window": 5, "floor": 0.1}),
    "response": (F.local_response_norm, [(2, 9, 7, 6)], {"size": 5}),
    "response within": (F.local_response_norm, [(2, 2, 9, 8)], {"size": 3, "within_map": True}),
    "smooth maximum": (F.log_sum_exp_pool, [(2, 3, 9, 8)], {"r": 5}),
    "softmax": (F.softmax, [(2, 7, 5, 5)], {"dim": 1}),
}


def run(function, arrays, options, gy=None, device="cpu"):
    """([y, gradients...], gy)"""
    with np.errstate(all="ignore"):
        tensors = [Tensor(a, requires_grad=True).to(device) for a in arrays]
        y = function(*tensors, **options)
        if gy is None:
            gy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
        y.backward(Tensor(gy).to(device).data)
        return [Tensor(a).numpy() for a in (y.data, *(t.grad for t in tensors))], gy


def kinds(a):
    """0 for a number, else NaN, 1 or -1; numbers of 1e37 and more may overflow on the way."""
    return np.where(np.isnan(a), 7, np.where(np.abs(a) > 1e37, np.sign(a), 0))


def padded_convolution_of(which, value, options):
    """Where the loops leave zeros out that others multiply: 0 times infinity is not a number."""
    return options.get("padding") and which != 0 and not np.isfinite(value)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_a_fast_algorithm_spoils_what_the_simple_one_does(name, monkeypatch):
    if "Winograd" in name:
        wherever = lambda _, w, y, g, n, dtype: choose.can_use_winograd(w, g, dtype)  # noqa: E731
        monkeypatch.setattr(choose, "winograd_saves_time", wherever)
    function, shapes, options = LAYERS[name]
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    _, gy = run(function, arrays, options)
    for which in range(len(arrays) + 1):
        for place in PLACES.values():
            for value in VALUES:
                if padded_convolution_of(which, value, options):
                    continue
                changed = [a.copy() for a in (*arrays, gy)]
                changed[which][place(changed[which].shape)] = value
                *inputs, upstream = changed
                with algorithm("fast" if "transforms" in name else "auto"):
                    found, _ = run(function, inputs, options, upstream)
                with algorithm("simple"):
                    right, _ = run(function, inputs, options, upstream)
                for ours, theirs in zip(found, right, strict=True):
                    what = f"{value} in array {which}"
                    assert (kinds(ours) == kinds(theirs)).all(), what
                    ordinary = np.abs(theirs) <= 1e4  # of NaN this is not true
                    error = np.abs(ours[ordinary] - theirs[ordinary]).max(initial=0)
                    assert error < 0.02, f"{what}: off by {error}"  # tiles were off by 100


def test_which_numbers_are_alike():
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 3, 40, 50)).astype(np.float32)
    sparse, small = np.zeros_like(x), 1e-20 * x
    sparse[0, 0, 0, 0] = 1e5
    for name in ("normal", "pooled", "sparse", "small", "zeros", "scores"):
        array = {
            "normal": x,
            "pooled": np.maximum(x, 0),
            "sparse": sparse,
            "small": small,
            "zeros": 0 * x,
            "scores": np.exp(2 * x),
        }[name]
        assert magnitudes.even(array, magnitudes.PICTURE), name
    for value in (np.nan, np.inf, -np.inf, 1e9, -3e38, 1e5):
        for share in (1, 10, 1000, 4000):  # of 12,000
            y = x.copy()
            y.ravel()[:share] = value
            assert not magnitudes.even(y, magnitudes.PICTURE) or (value, share) == (1e5, 4000)
            assert magnitudes.finite(y) == bool(np.isfinite(value))
    assert magnitudes.finite(np.ones(0, np.float32)) and not magnitudes.even(x * 1e13, 14)
    assert not magnitudes.finite(np.array([1.0, np.inf]))


def test_ordinary_numbers_still_go_through_tiles(monkeypatch):
    """And the check of a network's pictures is asked for once an array."""
    asked = []
    monkeypatch.setattr(
        fourier, "even", lambda a, spread: asked.append(a.shape) or magnitudes.even(a, spread)
    )
    ran = []
    before = fourier.multiply
    monkeypatch.setattr(fourier, "multiply", lambda *a, **k: ran.append(1) or before(*a, **k))
    random = np.random.default_rng(0)
    arrays = [random.normal(size=s).astype(np.float32) for s in ((1, 32, 44, 48), (64, 32, 7, 7))]
    run(F.conv2d, arrays, {})
    assert len(ran) == 3 and len(set(asked)) == len(asked) == 3
    monkeypatch.setattr(fourier, "even", lambda a, spread: False)
    run(F.conv2d, arrays, {})
    assert len(ran) == 3


@pytest.mark.parametrize(
    "file, layer",
    [(fourier, "transforms"), (fourier, "tiles of Winograd"), (conv2d, "shifted pictures")],
)
def test_without_the_look_the_tests_above_fail(file, layer, monkeypatch):
    name = "even" if file is fourier else "finite"
    monkeypatch.setattr(file, name, lambda *args: True)
    with pytest.raises(AssertionError):
        test_a_fast_algorithm_spoils_what_the_simple_one_does(layer, monkeypatch)


# --------------------------------------------------------------------------------- interpolation
SIZES = [(7, 9), (10, 8), (5, 4), (3, 2), (1, 1)]


@needs_compiler
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("device", ["cpu", "emulated"])
@pytest.mark.parametrize("corners", [True, False])
def test_a_pixel_of_weight_zero_takes_no_part(device, corners):
    random = np.random.default_rng(0)
    for size in SIZES:
        options = {"size": size, "mode": "bilinear", "align_corners": corners}
        for value in (-np.inf, np.nan):
            for place in PLACES.values():
                x = random.normal(size=(1, 1, 5, 4)).astype(np.float32)
                at = place(x.shape)
                weights = np.zeros_like(x)
                weights[at] = 1
                weight = F.interpolate(weights, **options).numpy()  # of this pixel in each result
                x[at] = 0
                without, gy = run(F.interpolate, [x], options, device=device)
                x[at] = value
                with_it, _ = run(F.interpolate, [x], options, device=device)
                expected = np.where(weight > 0, np.float32(value), without[0])
                np.testing.assert_array_equal(with_it[0], expected)
                # and the way back: an infinite gradient reaches those that it was made of
                at = place(gy.shape)
                gy[at] = value
                _, gx = run(F.interpolate, [x], options, gy, device)[0]
                gy[at] = 0
                _, other = run(F.interpolate, [x], options, gy, device)[0]
                one = np.zeros_like(gy)
                one[at] = 1
                _, part = run(F.interpolate, [x], options, one, device)[0]
                np.testing.assert_array_equal(gx, np.where(part > 0, np.float32(value), other))


def test_nearest_takes_what_it_takes():
    x = np.float32([[[[1, np.inf], [np.nan, 2]]]])
    y = F.interpolate(x, size=(4, 4)).numpy()
    np.testing.assert_array_equal(y, x.repeat(2, 2).repeat(2, 3))
