"""Convolutions under 3x3 filters by Winograd's tiles: equal to the loops, as near to float64 as
winograd.py says, and nowhere else than choose.py says."""

import numpy as np
import pytest
from support.planted import planted

from minicnn import functional as F
from minicnn.engine.kernel import algorithm
from minicnn.engine.tensor import Tensor
from minicnn.ops import conv2d
from minicnn.ops.fast import choose, fourier, known_filters, magnitudes, winograd, winograd_products
from minicnn.ops.fast import conv2d as fast_conv2d
from minicnn.ops.fast import winograd_analysis as analysis
from minicnn.ops.fast import winograd_synthesis as synthesis

BOUND = 1e-5  # of the largest number of a result


# ------------------------------------------------------------------------------------ the matrices
def matrix(function, rows, columns, *more):
    """The matrix of a transform, from its columns."""
    function = getattr(function, "py_func", function)
    out = np.zeros((rows, columns))
    for k in range(columns):
        function(np.eye(columns)[k].copy(), 0, 1, column := np.zeros(rows), 1, *more)
        out[:, k] = column
    return out


def test_the_matrices_are_those_of_the_points():
    """A and G evaluate polynomials, B interpolates; the other three are their transposes."""
    A, G, B = winograd.matrices(winograd.POINTS)
    np.testing.assert_allclose(matrix(analysis.of_gradients, 6, 4), A)
    np.testing.assert_allclose(matrix(analysis.of_weights, 6, 3), G, atol=1e-7)
    np.testing.assert_allclose(matrix(analysis.of_pixels, 6, 6), B.T)
    np.testing.assert_allclose(matrix(synthesis.to_results, 4, 6), A.T)
    np.testing.assert_allclose(matrix(synthesis.to_weights, 3, 6), G.T, atol=1e-7)
    np.testing.assert_allclose(matrix(synthesis.to_pixels, 6, 6, 0), B)
    g, w = np.random.default_rng(0).normal(size=4), np.random.default_rng(1).normal(size=3)
    np.testing.assert_allclose(B @ ((A @ g) * (G @ w)), np.convolve(g, w), rtol=1e-12)
    np.testing.assert_allclose(A @ g, [*np.polyval(g[::-1], winograd.POINTS), g[3]])


# ------------------------------------------------------------------------- the same as seven loops
def layer(rng, N, C, F, H, W, ph, pw, G=1):
    """x, w, b, gy with C maps and F filters for each of G groups, and the geometry."""
    shapes = (N, G * C, H, W), (G * F, C, 3, 3), (G * F,)
    shapes += ((N, G * F, H + 2 * ph - 2, W + 2 * pw - 2),)
    return [rng.normal(size=s).astype(np.float32) for s in shapes], (1, 1, ph, pw, 1, 1, G)


def random_layer(rng):
    N, G = int(rng.choice([1, 2, 3, 5, 9, 17])), int(rng.integers(1, 4))
    C, F = (int(n) for n in rng.choice([1, 2, 3, 5, 8, 64, 70], 2, p=[0.2] * 4 + [0.1, 0.05, 0.05]))
    H, W = (int(n) for n in rng.integers(3, 24, 2))
    ph, pw = (int(n) for n in rng.choice([0, 1, 2, 5], 2, p=[0.3, 0.4, 0.2, 0.1]))
    return layer(rng, N, C, F, H, W, ph, pw, G)


def run(module, arrays, geometry, keep=None):
    """y, gx, gw of a file of ops/fast."""
    x, w, b, gy = arrays
    y, gx, gw = (np.full_like(a, np.nan) for a in (gy, x, w))
    module.forward(x, w, b, *geometry, y, keep)
    module.grad_input(gy, w, *geometry, gx, keep)
    module.grad_weight(gy, x, *geometry, gw, keep)
    return y, gx, gw


def loops(arrays, geometry):
    """The same by the loops to read, in float64."""
    x, w, b, gy = (a.astype(np.float64) for a in arrays)
    y, gx, gw = (np.empty_like(a) for a in (gy, x, w))
    with algorithm("simple"):
        conv2d.conv2d_forward(x, w, b, *geometry, y)
        conv2d.conv2d_grad_input(gy, w, *geometry, gx)
        conv2d.conv2d_grad_weight(gy, x, *geometry, gw)
    return y, gx, gw


def error(found, truth):
    return np.abs(found - truth).max() / np.abs(truth).max()


def compare(arrays, geometry, module=winograd, keep=None):
    truth = loops(arrays, geometry)
    results = run(module, arrays, geometry, keep)
    for name, found, right in zip(("y", "gx", "gw"), results, truth, strict=True):
        assert found.dtype == np.float32
        assert error(found, right) < BOUND, (name, [a.shape for a in arrays], geometry)


@pytest.mark.parametrize("seed", range(30))
def test_equals_the_loops(seed):
    rng = np.random.default_rng([8, seed])
    compare(*random_layer(rng), keep={} if seed % 2 else None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 530))
def test_equals_the_loops_at_length(seed):
    compare(*random_layer(np.random.default_rng([8, seed])), keep={})


@pytest.mark.parametrize("tiles", [1, 3, 8])
def test_a_batch_in_parts(tiles, monkeypatch):
    """Parts of a few rows of tiles, products whole and in pieces: the sums are the same."""
    monkeypatch.setattr(winograd, "TILES", tiles)
    monkeypatch.setattr(winograd_products, "SMALL", 64 * 70 * 5 * (tiles > 1))
    for sizes in ((9, 3, 4, 7, 6, 1, 1, 2), (1, 2, 3, 17, 19, 0, 2), (3, 70, 5, 13, 5, 1, 0)):
        compare(*layer(np.random.default_rng(0), *sizes), keep={})


@pytest.mark.parametrize("maps", [(2, 32, 48), (1, 130, 80)])
def test_few_tiles_of_many_maps(maps, monkeypatch):
    """gx of few tiles runs in blocks of registers, whole strips and a part of one."""
    monkeypatch.setattr(winograd_products, "SMALL", 0)
    G, F, C = maps
    compare(*layer(np.random.default_rng(0), 2, C, F, 9, 13, 1, 1, G), keep={})


def test_filters_are_transformed_again_when_they_change(monkeypatch):
    monkeypatch.setattr(known_filters._kept, "filters", {}, raising=False)
    arrays, geometry = layer(np.random.default_rng(0), 2, 3, 4, 9, 9, 1, 1)
    first, again = run(winograd, arrays, geometry), run(winograd, arrays, geometry)
    np.testing.assert_array_equal(first[0], again[0])
    arrays[1][3, 2, 2, 2] += 1
    compare(arrays, geometry)


def test_the_same_bits_every_time():
    arrays, geometry = layer(np.random.default_rng(0), 9, 20, 30, 13, 13, 1, 1)
    for a, b in zip(run(winograd, arrays, geometry), run(winograd, arrays, geometry), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_kept_is_used_again(monkeypatch):
    """Filters from y to gx, unless they are few, gradients from gx to gw."""
    calls = []
    monkeypatch.setattr(winograd_products, "SMALL", 0)
    for name in ("winograd_filters", "winograd_gradients", "winograd_pictures"):
        kernel = getattr(winograd, name)
        counting = lambda *a, n=name, kernel=kernel: (calls.append(n), kernel(*a))  # noqa: E731
        monkeypatch.setattr(winograd, name, counting)
    arrays, geometry = layer(np.random.default_rng(0), 2, 3, 4, 9, 9, 1, 1)
    run(winograd, arrays, geometry, {})
    assert sorted(n.split("_")[1] for n in calls) == ["filters", "gradients"] + ["pictures"] * 2


MISTAKES = {
    "pictures see each other": ("size + padding, results", "size, results"),
    "gx on top of what was there": ("gx.fill(0)", "pass"),
    "one part of the batch for all": ('keep, ("winograd GY", first)', 'keep, "winograd GY"'),
    "gw of the last part only": ("np.add(total, GW, total)", "GW"),
    "a tile too few": ("-(-((count - 1) * pitch + results) // 4)", "((count * pitch) // 4)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name):
    broken = planted(winograd, *MISTAKES[name])
    for kernel in [n for n in vars(winograd) if n.startswith("winograd_")]:
        setattr(broken, kernel, getattr(winograd, kernel))  # compiled already
    broken.TILES = 8
    with pytest.raises((AssertionError, ValueError)):
        for size in (13, 6):
            compare(*layer(np.random.default_rng(0), 8, 3, 4, size, size, 1, 1), broken, {})


# --------------------------------------------------------------------------------------- how exact
def accuracy(maps):
    """{result: (error by tiles, error of the direct sum)}, both in float32, of the largest number
    of the result; 8 pictures of 13x13 pixels, `maps` maps under as many filters."""
    arrays, geometry = layer(np.random.default_rng(0), 8, maps, maps, 13, 13, 1, 1)
    arrays[0] = np.maximum(arrays[0], 0)  # as behind a ReLU
    exact, direct = (
        run_im2col([a.astype(float) for a in arrays], geometry),
        run_im2col(arrays, geometry),
    )
    tiles = run(winograd, arrays, geometry, {})
    return {
        name: (error(t, e), error(d, e))
        for name, t, d, e in zip(("y", "gx", "gw"), tiles, direct, exact, strict=True)
    }


def run_im2col(arrays, geometry):
    return run(fast_conv2d.im2col, arrays, geometry, {})


@pytest.mark.parametrize("maps", [16, 64, 256, pytest.param(512, marks=pytest.mark.slow)])
def test_errors(maps):
    for name, (tiles, direct) in accuracy(maps).items():
        print(f"{maps} maps, {name}: {tiles:.1e}, directly {direct:.1e}")
        assert direct < 2e-6 and tiles < BOUND, name


# ------------------------------------------------------------------------------------------ sheets
@pytest.mark.parametrize(
    "N, size, padding, tiles, pictures",
    [
        (1, 13, 1, 16, (1, 1)),
        (8, 13, 1, 98, (2, 2)),
        (128, 13, 1, 1568, (2, 2)),
        (128, 6, 1, 392, (4, 4)),  # 27 lines on 7 tiles
        (2, 6, 1, 8, (1, 1)),
        (2, 13, 1, 28, (1, 2)),
        (5, 14, 0, 45, (1, 1)),  # 12 results fill three tiles
        (16, 13, 2, 225, (4, 4)),  # 15 results, one after the other
    ],
)
def test_sheets(N, size, padding, tiles, pictures):
    assert winograd.tiles_of(N, size, size, padding, padding) == tiles
    assert winograd.tiling_of(N, size, size, padding, padding)[2:4] == pictures


# -------------------------------------------------------------------------------- where it is used
@pytest.fixture
def always(monkeypatch):
    """Wherever it can be, tiles are taken; collects the results that they gave."""
    monkeypatch.setattr(
        choose, "winograd_saves_time", lambda r, w, y, g, n, dtype: can_use(w, g, dtype)
    )
    can_use, ran = choose.can_use_winograd, []
    for name in ("forward", "grad_input", "grad_weight"):
        function = getattr(winograd, name)
        monkeypatch.setattr(
            winograd, name, lambda *a, n=name, f=function: (ran.append(n), f(*a))[1]
        )
    return ran


def train(x, w, dtype=np.float32, **options):
    """y, gx and gw through the tape, with gy of ones."""
    x, w = (Tensor(a.astype(dtype), requires_grad=True) for a in (x, w))
    y = F.conv2d(x, w, **options)
    y.backward(np.ones(y.shape, dtype))
    return y.data, x.grad, w.grad


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_float32_on_the_tape(always):
    x, w = normal(2, 4, 9, 10), normal(6, 2, 3, 3)
    found = train(x, w, padding=1, groups=2)
    assert always == ["forward", "grad_input", "grad_weight"]
    truth = train(x, w, np.float64, padding=1, groups=2)
    assert len(always) == 3  # and float64 went another way
    for a, b in zip(found, truth, strict=True):
        assert error(a, b) < BOUND


def test_what_does_not_go_through_tiles(always):
    x, w = normal(2, 4, 11, 12), normal(6, 4, 3, 3)
    train(x, w, stride=2)
    train(x, w, dilation=2)
    train(x, normal(6, 4, 3, 2))
    train(x, normal(6, 4, 5, 5))
    for other in ("simple", "fast"):  # «fast» are Fourier tiles, wherever they can be
        with algorithm(other):
            train(x, w)
    far_apart = x.copy()
    for value in (np.inf, np.nan, 1e9):
        far_apart[0, 0, 5, 5] = value
        with np.errstate(all="ignore"):
            train(far_apart, w)
    assert always == ["grad_input"] * 3  # the only result that does not see x


def test_not_contiguous(always):
    x, w = normal(9, 10, 4, 2).T, normal(3, 3, 4, 6).T
    for a, b in zip(train(x, w), train(x.copy(), w.copy()), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(always) == 6


def test_a_look_of_fewer_digits(always):
    """A pixel 3000 times as large as the others is little to Fourier tiles, but not to these; what
    networks compute is near enough."""
    x, w = normal(1, 2, 12, 12), normal(3, 2, 3, 3)
    x[0, 0, 5, 5] = 3000 * np.sqrt(np.mean(x**2))
    assert magnitudes.even(x.astype(np.float32), magnitudes.PICTURE)
    train(x, w)
    assert always == ["grad_input"]
    y, *_ = train(np.maximum(normal(1, 2, 12, 12), 0), w)
    assert always[1:] == ["forward", "grad_input", "grad_weight"]
    assert fourier.alike(None, 4, gy=y, x=np.exp(y / 2), w=w.astype(np.float32))
