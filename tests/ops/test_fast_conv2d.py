"""The fast convolutions of the CPU: equal to the simple loops, and the same bits every time."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minicnn.ops  # noqa: F401  (registers the algorithms)
from minicnn.engine.kernel import algorithm
from minicnn.ops import conv2d
from minicnn.ops.fast import (
    choose,
    complex_blocks,
    complex_products,
    dft16,
    dft16_inverse,
    fourier,
    im2col,
    known_filters,
    register_blocks,
    shift_and_add,
    sums_of_maps,
)


def layer(rng, N, C, F, H, W, K, L, ph, pw, G=1):
    """x, w, b, gy of a layer with these sizes (C and F for each of G groups), and its geometry
    (stride and dilation 1)."""
    OH, OW = H + 2 * ph - K + 1, W + 2 * pw - L + 1
    shapes = (N, G * C, H, W), (G * F, C, K, L), (G * F,), (N, G * F, OH, OW)
    return [rng.normal(size=s).astype(np.float32) for s in shapes], (1, 1, ph, pw, 1, 1, G)


def random_layer(rng):
    N, C, F, G = (int(rng.integers(1, top)) for top in (4, 8, 8, 3))
    K, L = rng.integers(1, 12, 2)
    ph, pw = rng.integers(0, 12, 2)
    H, W = rng.integers(11, 50, 2)
    return layer(rng, N, C, F, H, W, K, L, ph, pw, G)


def run(arrays, geometry):
    """y, gx, gw."""
    x, w, b, gy = arrays
    y, gx, gw = np.empty_like(gy), np.empty_like(x), np.empty_like(w)
    keep = {}
    conv2d.conv2d_forward(x, w, b, *geometry, y, keep=keep)
    conv2d.conv2d_grad_input(gy, w, *geometry, gx, keep=keep)
    conv2d.conv2d_grad_weight(gy, x, *geometry, gw, keep=keep)
    return y, gx, gw


def error(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def compare(arrays, geometry, bound=2e-6):
    with algorithm("fast"):
        fast = run(arrays, geometry)
    with algorithm("simple"):
        simple = run([a.astype(np.float64) for a in arrays], geometry)
    for name, a, b in zip(("y", "gx", "gw"), fast, simple, strict=True):
        assert a.dtype == np.float32
        assert error(a, b) < bound, (name, [z.shape for z in arrays], geometry)


@pytest.fixture
def transforms(monkeypatch):
    """Counts the calls of the Fourier method."""
    calls = []
    kernel = fourier.spectra
    monkeypatch.setattr(fourier, "spectra", lambda *args: (calls.append(1), kernel(*args)))
    return calls


@pytest.mark.parametrize("seed", range(60))
def test_fast_equals_simple(seed, transforms):
    compare(*random_layer(np.random.default_rng([4, seed])))
    assert len(transforms) == 4  # w, x for y, gy, x for gw: nothing fell back


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60, 560))
def test_fast_equals_simple_at_length(seed):
    compare(*random_layer(np.random.default_rng([4, seed])))


@pytest.mark.parametrize(
    "H, W, K, L, ph, pw",
    [
        (13, 13, 5, 5, 2, 2),
        (14, 13, 5, 5, 2, 3),
        (15, 15, 3, 3, 1, 1),
        (15, 12, 3, 7, 1, 0),
        (16, 16, 3, 3, 0, 0),
        (12, 11, 5, 6, 4, 5),
        (6, 5, 5, 3, 2, 2),
        (1, 2, 1, 2, 0, 1),
    ],
)
def test_pictures_that_are_a_tile_of_their_own(H, W, K, L, ph, pw, transforms):
    """Whose zeros serve as the border on both sides."""
    arrays, geometry = layer(np.random.default_rng([8, H]), 3, 2, 4, H, W, K, L, ph, pw, 2)
    assert fourier.in_one_tile(arrays[0].shape, arrays[1].shape, ph, pw)
    compare(arrays, geometry)
    assert len(transforms) == 4
    for wide in (17 - ph, W), (H, 17 - pw):  # one pixel more, and it is not
        assert not fourier.in_one_tile((3, 4, *wide), arrays[1].shape, ph, pw)


def test_more_than_a_block_of_tiles():
    compare(*layer(np.random.default_rng(0), 2, 9, 5, 80, 61, 7, 7, 3, 3))


@pytest.mark.parametrize(
    "sizes",
    [
        (2, 20, 35, 23, 31, 5, 7, 2, 3),
        (1, 32, 40, 9, 40, 7, 3, 3, 0),
        (2, 32, 34, 17, 12, 4, 6, 0, 5, 2),
    ],
)
def test_many_maps_are_fetched_together(sizes):
    """Sixteen at once, and the rest of a group one by one; tiles that hang over all sides."""
    compare(*layer(np.random.default_rng(7), *sizes))


@pytest.mark.parametrize("part", [(0, 5, 0, 7), (6, 16, 6, 16), fourier.WHOLE])
def test_maps_fetched_together_are_those_fetched_alone(part):
    """Up to the last number of the array, behind which nothing may be read."""
    x = np.random.default_rng(3).normal(size=(1, 50, 11, 13)).astype(np.float32)
    for top, left in ((0, 0), (-4, -3), (5, 9), (-20, 0)):
        found = [np.full((130, 2, 50), np.nan, np.float32) for _ in range(2)]
        for share, spectrum in zip((50, 1), found, strict=True):
            tiling = 1, 1, 16, 16, top, left
            dft16.spectra(x, tiling, part, fourier.SPECTRUM, share, 0, spectrum)
        np.testing.assert_array_equal(*found)


def test_transform_against_numpy():
    x = np.random.default_rng(1).normal(size=(1, 1, 16, 16)).astype(np.float32)
    spectrum = np.empty((130, 2, 1), np.float32)
    tiling = (1, 1, 16, 16, 0, 0)
    dft16.spectra(x, tiling, fourier.WHOLE, fourier.SPECTRUM, 1, 0, spectrum)
    expected, f = np.fft.fft2(x[0, 0]), 0
    for k in range(9):
        for l in range(9):
            for column in (l, -l) if 0 < k < 8 and 0 < l < 8 else (l,):
                number = spectrum[f, 0, 0] + 1j * spectrum[f, 1, 0]
                assert abs(number - expected[k, column]) < 1e-4
                f += 1
    assert f == 130
    back = np.empty_like(x)
    none = np.zeros(1, np.float32)
    dft16_inverse.pictures(spectrum, tiling, fourier.SPECTRUM, 1, 0, none, back)
    np.testing.assert_allclose(back, x, atol=2e-6)


needs_blocks = pytest.mark.skipif(register_blocks.shape() is None, reason="no such processor")


@needs_blocks
@pytest.mark.parametrize("seed", range(40))
def test_products_of_complex_matrices_in_blocks(seed):
    """By itself, against numpy, and against those that BLAS does: rows and columns that fill no
    block, one row, transposed matrices, groups."""
    rng = np.random.default_rng([11, seed])
    G, M, K, N = (int(n) for n in (rng.integers(1, 3), *rng.integers(1, 70, 3)))
    for left_transposed, right_transposed in ((False, False), (True, False), (False, True)):
        m, k, n = max(M, 16 * left_transposed), max(K, 16 * right_transposed), max(N, 16)
        left = (3, 2, G, k, m) if left_transposed else (3, 2, G, m, k)
        right = (3, 2, G, n, k) if right_transposed else (3, 2, G, k, n)
        a, b = (rng.normal(size=shape).astype(np.float32) for shape in (left, right))
        flags = left_transposed, right_transposed
        found, by_blas = (np.full((3, 2, G, m, n), np.nan, np.float32) for _ in range(2))
        assert complex_blocks.can_use(a, b, *flags)
        complex_blocks.multiply(a, b, *flags, found)
        complex_products.products(a, flags[0], b, flags[1], by_blas)
        x, y = (z[:, 0].astype(complex) + 1j * z[:, 1] for z in (a, b))
        x, y = x.swapaxes(2, 3) if flags[0] else x, y.swapaxes(2, 3) if flags[1] else y
        for result in found, by_blas:
            assert error(result[:, 0] + 1j * result[:, 1], x @ y) < 1e-6


@needs_blocks
def test_matrices_that_fill_no_vector_are_left_to_blas():
    def can(left, right, *flags):
        return complex_blocks.can_use(
            np.empty((1, 2, 1, *left)), np.empty((1, 2, 1, *right)), *flags
        )

    assert can((1, 1), (1, 16), False, False) and not can((9, 9), (9, 15), False, False)
    assert can((3, 16), (16, 16), True, False) and not can((3, 15), (3, 20), True, False)
    assert can((9, 16), (20, 16), False, True) and not can((9, 15), (20, 15), False, True)
    assert not can((9, 20), (15, 20), False, True)


def test_filters_are_transformed_once(transforms):
    """While they stay the same, in whatever array; not when one number has changed in place."""
    (x, w, b, _), geometry = layer(np.random.default_rng(7), 1, 2, 3, 20, 20, 7, 7, 0, 0)
    results = [np.empty((1, 3, 14, 14), np.float32) for _ in range(3)]
    with algorithm("fast"):
        conv2d.conv2d_forward(x, w, b, *geometry, results[0])
        conv2d.conv2d_forward(x, w, b, *geometry, results[1])
        assert len(transforms) == 3  # w, x, x
        w[2, 1, 6, 6] += 1
        conv2d.conv2d_forward(x, w, b, *geometry, results[2])
    assert len(transforms) == 5
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0][:, :2], results[2][:, :2])
    np.testing.assert_allclose(results[2][0, 2] - results[0][0, 2], x[0, 1, 6:, 6:], atol=1e-4)


def test_memory_of_filters_is_bounded(monkeypatch):
    monkeypatch.setattr(known_filters, "KNOWN", 3000)
    monkeypatch.setattr(known_filters._kept, "filters", {}, raising=False)
    x, b, y = (np.zeros(s, np.float32) for s in ((1, 2, 9, 9), 3, (1, 3, 3, 3)))
    filters = [np.full((3, 2, 7, 7), k, np.float32) for k in range(3)]  # spectra of 1560 numbers
    with algorithm("fast"):
        for w in filters:
            conv2d.conv2d_forward(x, w, b, 1, 1, 0, 0, 1, 1, 1, y)
    ((kept, _),) = known_filters._kept.filters.values()
    np.testing.assert_array_equal(kept, filters[-1])


@pytest.mark.parametrize("dtype, bound", [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("shape", [(3, 5, 61, 67), (1, 2, 200, 100), (130, 64, 2, 3)])
def test_gradient_by_a_bias(shape, dtype, bound):
    gy = np.random.default_rng(0).uniform(-1, 2, shape)
    found = sums_of_maps.grad_bias(gy.astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, gy.sum(axis=(0, 2, 3)), rtol=bound)
    assert sums_of_maps.grad_bias(gy[:, :1, :2, :3].copy()) is None  # numpy is as fast


def test_falls_back(transforms):
    arrays, geometry = layer(np.random.default_rng(2), 1, 2, 3, 9, 10, 5, 5, 0, 0)  # too small
    run(arrays, geometry)
    with algorithm("simple"):
        run(*layer(np.random.default_rng(2), 1, 16, 32, 60, 60, 7, 7, 0, 0))
    assert not transforms


def test_a_nan_spoils_tiles_and_no_more():
    (x, w, b, _), geometry = layer(np.random.default_rng(3), 1, 2, 3, 50, 50, 7, 7, 0, 0)
    x[0, 1, 25, 25] = np.nan
    y = np.empty((1, 3, 44, 44), np.float32)
    with algorithm("fast"):
        conv2d.conv2d_forward(x, w, b, *geometry, y)
    spoiled = np.isnan(y[0, 0])
    assert spoiled[19:26, 19:26].all()  # the windows that contain the NaN, as it must be,
    assert not spoiled[:10].any() and not spoiled[30:].any()  # and the tiles around them


@pytest.fixture
def direct(monkeypatch):
    """Few input maps on any picture go the direct way; counts its calls."""
    calls = []
    monkeypatch.setattr(shift_and_add, "STRIP", 60)
    monkeypatch.setattr(choose, "few_input_maps", lambda *args: True)
    monkeypatch.setattr(choose, "can_use_direct", lambda *args: False)
    for name in ("shifted_sums", "shifted_products"):
        kernel = getattr(shift_and_add, name)
        counting = lambda *args, kernel=kernel: (calls.append(1), kernel(*args))[1]  # noqa: E731
        monkeypatch.setattr(shift_and_add, name, counting)
    return calls


@pytest.mark.parametrize("dtype, bound", [(np.float64, 1e-14), (np.float32, 2e-6)])
@pytest.mark.parametrize("seed", range(20))
def test_direct_equals_simple(seed, dtype, bound, direct):
    """Any geometry of one group, in strips of a few lines, also where the last window ends before
    the picture does."""
    rng = np.random.default_rng([6, seed])
    C, F, K, L, sh, sw, dh, dw = (int(n) for n in rng.integers(1, 6, 8))
    N, ph, pw = (int(n) for n in rng.integers(0, 4, 3) + (1, 0, 0))
    H, W = rng.integers(26, 40, 2)
    OH, OW = (H + 2 * ph - dh * (K - 1) - 1) // sh + 1, (W + 2 * pw - dw * (L - 1) - 1) // sw + 1
    shapes = (N, C, H, W), (F, C, K, L), F, (N, F, OH, OW)
    arrays = [rng.normal(size=shape) for shape in shapes]
    geometry = sh, sw, ph, pw, dh, dw, 1
    with algorithm("simple"):
        expected = run(arrays, geometry)
    got = run([a.astype(dtype) for a in arrays], geometry)
    assert len(direct) == 2
    for name, a, b in zip(("y", "gx", "gw"), got, expected, strict=True):
        assert a.dtype == dtype and error(a, b) < bound, name


def test_direct_forward_reads_nothing_beside_the_windows(direct):
    """A NaN spoils the windows that hold it, and no pixel more."""
    x, w = np.ones((1, 3, 30, 31), np.float32), np.ones((5, 3, 3, 3), np.float32)
    x[0, 0, 0, 0] = x[0, 1, 20, 25] = np.nan
    y = np.empty((1, 5, 28, 29), np.float32)
    conv2d.conv2d_forward(x, w, np.ones(5, np.float32), 1, 1, 0, 0, 1, 1, 1, y)
    expected = np.full(y.shape[2:], False)
    expected[0, 0] = expected[18:21, 23:26] = True
    np.testing.assert_array_equal(np.isnan(y), np.broadcast_to(expected, y.shape))


@pytest.mark.parametrize("seed", range(20))
def test_im2col_equals_simple(seed, transforms):
    """Any geometry, in pieces of a few lines and of a few maps, on one thread and on all."""
    rng = np.random.default_rng([5, seed])
    G, C, F, K, L, sh, sw, dh, dw = (int(n) for n in rng.integers(1, 4, 9))
    N, ph, pw = (int(n) for n in rng.integers(1, 3, 3))
    H, W = rng.integers(9, 18, 2)
    x, w = rng.normal(size=(N, G * C, H, W)), rng.normal(size=(G * F, C, K, L))
    OH, OW = (H + 2 * ph - dh * (K - 1) - 1) // sh + 1, (W + 2 * pw - dw * (L - 1) - 1) // sw + 1
    arrays = [x, w, rng.normal(size=G * F), rng.normal(size=(N, G * F, OH, OW))]
    geometry = sh, sw, ph, pw, dh, dw, G
    with algorithm("simple"):
        expected = run(arrays, geometry)
    for name, a, b in zip(("y", "gx", "gw"), run(arrays, geometry), expected, strict=True):
        assert error(a, b) < 1e-14, name
    assert not transforms


@pytest.mark.parametrize(
    "maps, size",
    [((2, 5, 4), (3, 2)), ((1, 2, 3), (2, 3)), ((1, 66, 70), (1, 1)), ((2, 7, 5), (1, 1))],
)
def test_im2col_in_pieces(maps, size, monkeypatch):
    monkeypatch.setattr(im2col, "PIECE", 300)
    monkeypatch.setattr(im2col, "PIXELS", 20)
    arrays, geometry = layer(np.random.default_rng(6), *maps, 12, 13, *size, 0, 0, 2)
    arrays = [a.astype(np.float64) for a in arrays]
    with algorithm("simple"):
        expected = run(arrays, geometry)
    for a, b in zip(run(arrays, geometry), expected, strict=True):
        assert error(a, b) < 1e-14


def test_in_plain_python():
    """With NUMBA_DISABLE_JIT=1 the kernels are Python that a debugger can walk through."""
    program = """
import numpy as np
from minicnn.engine.kernel import algorithm
from minicnn.ops import conv2d
from minicnn.ops.fast import dft16, dft16_inverse
for file in (dft16, dft16_inverse):
    file.LANES, file.TILES = 2, 4
    file.ACROSS, file.DOWN, file.BUFFER = 2, 32, 512
    file.FAR_ACROSS, file.FAR_DOWN, file.BLOCK = 4, 68, 17 * 68
x, w = np.ones((1, 1, 40, 30), np.float32), np.ones((1, 1, 5, 5), np.float32)
y = np.empty((1, 1, 36, 26), np.float32)
with algorithm("fast"):
    conv2d.conv2d_forward(x, w, np.ones(1, np.float32), 1, 1, 0, 0, 1, 1, 1, y)
assert abs(y - 26).max() < 1e-4, y
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
