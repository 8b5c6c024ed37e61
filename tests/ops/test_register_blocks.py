"""Products in blocks of registers, and the convolutions on them: equal to what a few lines of numpy
and the loops give."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minicnn
from minicnn.engine.kernel import Kernel, algorithm
from minicnn.ops import conv2d
from minicnn.ops.fast import choose, direct, few_blocks, phases, register_blocks
from minicnn.ops.fast.register_blocks import (
    COMPLEX,
    complex_block,
    gather_rows,
    lanes,
    panel_block,
    rows_block,
    shape,
    turn_over,
)

pytestmark = pytest.mark.skipif(shape() is None, reason="this processor has no FMA instructions")

multiply_panel = Kernel("multiply_panel")
multiply_rows = Kernel("multiply_rows")
multiply_complex = Kernel("multiply_complex")
move_rows = Kernel("move_rows")
turn = Kernel("turn")


@multiply_panel.cpu
def multiply_panel_cpu(a, b, place, c, fresh):
    panel_block(a, b, place, c[:, 3:-2], fresh)


@multiply_rows.cpu
def multiply_rows_cpu(a, row, b, place, c, fresh):
    rows_block(a, row, b, place, c[:, 3:-2], fresh)


@multiply_complex.cpu
def multiply_complex_cpu(a, b, row, c, d, place, real, imaginary):
    complex_block(a, b, row, c, d, place, real[:, 3:-2], imaginary[:, 3:-2])


@move_rows.cpu
def move_rows_cpu(b, place, out, step, vectors):
    gather_rows(b, place, out, step, vectors)


@turn.cpu
def turn_cpu(b, place, out, step, count):
    turn_over(b, place, out, step, count)


def numbers(*size, seed=0, dtype=np.float32):
    return np.random.default_rng([16, seed]).normal(size=size).astype(dtype)


PYTHON = {"panel_block": panel_block, "rows_block": rows_block}  # before kernels are compiled
PYTHON["complex_block"] = complex_block
PYTHON |= {"gather_rows": gather_rows, "turn_over": turn_over}


@pytest.mark.parametrize("vectors", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 7, 130])
def test_complex_blocks(vectors, depth):
    R, most = COMPLEX[shape()[2]]
    if vectors > most:
        pytest.skip("no block of so many vectors on this processor")
    width, rng = vectors * lanes(np.dtype(np.float32)), np.random.default_rng(2)
    a, b, c, d = (numbers(900, seed=seed) for seed in range(4))
    place, row = rng.integers(0, 900 - width, depth), rng.integers(0, 900 - depth, R)
    got = [np.full((R, width + 5), np.nan, np.float32) for _ in range(2)]
    expected = [one.copy() for one in got]
    multiply_complex(a, b, row, c, d, place, *got)
    PYTHON["complex_block"](a, b, row, c, d, place, *(one[:, 3:-2] for one in expected))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-4)
    x, y = (m.astype(complex) + 1j * n for m, n in ((a, b), (c, d)))  # and what it shall be
    z = sum(np.outer(x[row + k], y[p : p + width]) for k, p in enumerate(place))
    np.testing.assert_allclose(got[0][:, 3:-2] + 1j * got[1][:, 3:-2], z, rtol=0, atol=2e-4)


@pytest.mark.parametrize("dtype, bound", [(np.float32, 2e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("vectors", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 7, 130])
def test_blocks(dtype, bound, fresh, vectors, depth):
    R, width = shape()[0], vectors * lanes(np.dtype(dtype))
    rng = np.random.default_rng(1)
    b, place = numbers(900, seed=1, dtype=dtype), rng.integers(0, 900 - width, depth)
    before = numbers(R, width + 5, seed=2, dtype=dtype)
    if fresh:
        before[:] = np.nan  # must not be read
    panel, long_row = numbers(depth, R, dtype=dtype), numbers(500, seed=3, dtype=dtype)
    row = rng.integers(0, 500 - depth, R)
    for kernel, first in (
        (multiply_panel, (panel,)),
        (multiply_rows, (long_row, row)),
    ):
        got, expected = before.copy(), before.copy()
        kernel(*first, b, place, got, fresh)
        name = "panel_block" if len(first) == 1 else "rows_block"
        PYTHON[name](*first, b, place, expected[:, 3:-2], fresh)
        np.testing.assert_allclose(got, expected, rtol=0, atol=bound)
        factor = panel.T if len(first) == 1 else np.array([long_row[r : r + depth] for r in row])
        product = factor @ np.array([b[p : p + width] for p in place])
        product += 0 if fresh else before[:, 3:-2]
        # as many numbers as this processor's registers hold: other sums, another rounding
        np.testing.assert_allclose(got[:, 3:-2], product, rtol=bound / 10, atol=bound)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_gathered_and_turned_over(dtype):
    b, place = numbers(700, dtype=dtype), np.random.default_rng(2).integers(0, 600, 16)
    for kernel, name, step, count in (
        (move_rows, "gather_rows", 50, 3),
        (turn, "turn_over", 20, 16),
        (turn, "turn_over", 20, 9),
    ):
        got, expected = np.full(900, np.nan, dtype), np.full(900, np.nan, dtype)
        kernel(b, place, got, step, count)
        PYTHON[name](b, place, expected, step, count)
        np.testing.assert_array_equal(got, expected)
        assert np.isnan(got).sum() == 900 - 16 * (48 if name == "gather_rows" else count)


# ------------------------------------------------------------------------------ the convolutions
def layer(rng):
    """Arrays and geometry of any layer that all three results of direct.py can have."""
    G, K, L, sh, sw, dh, dw = (int(n) for n in rng.integers(1, 5, 7))
    N, C, F, ph, pw = (int(n) for n in rng.integers((1, 1, 1, 0, 0), (4, 9, 40, 3, 3)))
    if rng.random() < 0.5:
        sh = sw = 1
    else:
        dh = dw = 1
    ph, pw = min(ph, dh * (K - 1)), min(pw, dw * (L - 1))
    H, W = (int(n) for n in rng.integers(13, 33, 2))
    OH, OW = (H + 2 * ph - dh * (K - 1) - 1) // sh + 1, (W + 2 * pw - dw * (L - 1) - 1) // sw + 1
    shapes = (N, G * C, H, W), (G * F, C, K, L), (G * F,), (N, G * F, OH, OW)
    return [rng.normal(size=s) for s in shapes], (sh, sw, ph, pw, dh, dw, G)


def results(x, w, b, gy, geometry, module=None):
    y, gx, gw = (np.full_like(a, np.nan) for a in (gy, x, w))
    if module is None:
        with algorithm("simple"):
            conv2d.conv2d_forward(x, w, b, *geometry, y)
            conv2d.conv2d_grad_input(gy, w, *geometry, gx)
            conv2d.conv2d_grad_weight(gy, x, *geometry, gw)
    else:
        keep = {}
        module.forward(x, w, b, *geometry, y, keep)
        module.grad_input(gy, w, *geometry, gx, keep)
        module.grad_weight(gy, x, *geometry, gw, keep)
    return y, gx, gw


def compare(seed, dtype=np.float32, bound=2e-6):
    arrays, geometry = layer(np.random.default_rng([17, seed]))
    expected = results(*arrays, geometry)
    got = results(*(a.astype(dtype) for a in arrays), geometry, direct)
    for name, a, b in zip(("y", "gx", "gw"), got, expected, strict=True):
        error = np.linalg.norm(a - b) / np.linalg.norm(b)
        assert a.dtype == dtype and error < bound, (name, [a.shape for a in arrays], geometry)


@pytest.mark.parametrize("seed", range(30))
def test_direct_equals_simple(seed):
    compare(seed)


@pytest.mark.parametrize("seed", [189, 317])  # 1x1, few maps: gw is not given what y laid out
def test_one_by_one_on_few_maps(seed):
    compare(seed)


@pytest.mark.parametrize("seed", range(8))
def test_few_blocks(seed):
    """1x1 filters, y and gx: whole and broken pieces, panels and depths."""
    rng = np.random.default_rng([18, seed])
    G, N = (int(n) for n in rng.integers(1, 3, 2))
    C, F = (int(n) for n in rng.integers(1, 70, 2))
    H, W = (int(n) for n in rng.integers(22, 40, 2))
    shapes = (N, G * C, H, W), (G * F, C, 1, 1), (G * F,), (N, G * F, H, W)
    x, w, b, gy = (rng.normal(size=s) for s in shapes)
    geometry = 1, 1, 0, 0, 1, 1, G
    y, gx, _ = results(x, w, b, gy, geometry)
    x, w, b, gy = (a.astype(np.float32) for a in (x, w, b, gy))
    got = np.full_like(gy, np.nan), np.full_like(x, np.nan)
    few_blocks.forward(x, w, b, *geometry, got[0], None)
    few_blocks.grad_input(gy, w, *geometry, got[1], None)
    for a, truth in zip(got, (y, gx), strict=True):
        assert np.linalg.norm(a - truth) < 2e-6 * np.linalg.norm(truth)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 530))
def test_direct_equals_simple_at_length(seed):
    compare(seed)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_direct_in_float64_and_on_threads(seed, threads):
    before = minicnn.get_num_threads()
    minicnn.set_num_threads(min(threads, before))
    compare(seed, np.float64, 1e-14)
    minicnn.set_num_threads(before)


def test_no_window_sees_more_than_its_own(monkeypatch):
    """A NaN spoils the windows that hold it, and no pixel more; in gw it is left to im2col."""
    x, w = np.ones((1, 3, 30, 31), np.float32), np.ones((40, 3, 3, 3), np.float32)
    x[0, 0, 0, 0] = x[0, 1, 20, 25] = np.nan
    spoilt = np.zeros((28, 29), bool)
    spoilt[0, 0] = spoilt[18:21, 23:26] = True
    for few in (1, 1000):
        monkeypatch.setattr(direct, "FEW", few)
        y = np.empty((1, 40, 28, 29), np.float32)
        direct.forward(x, w, np.ones(40, np.float32), 1, 1, 0, 0, 1, 1, 1, y, {})
        np.testing.assert_array_equal(np.isnan(y), np.broadcast_to(spoilt, y.shape))


def test_phases_there_and_back():
    """11x11 with stride 4 is 3x3 on 16 times the maps."""
    x = numbers(2, 3, 22, 19)
    laid, offsets, width, of_a_map = phases.frame(x, (1, 3, 11, 11), 4, 4, 1, 2, 1, 1)
    assert width == 6 and of_a_map == 16 * 6 * 6 and laid.shape == (2, 3 * of_a_map)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 3)))
    maps = laid.reshape(2, 3, 4, 4, 6, 6)
    np.testing.assert_array_equal(maps[1, 2, 3, 1], padded[1, 2, 3::4, 1::4])
    k, u, v, i, j = 1, 9, 6, 2, 2
    tap = offsets.reshape(3, 11, 11)[k, u, v]
    assert laid[0, tap + i * width + j] == padded[0, k, 4 * i + u, 4 * j + v]
    back = np.full_like(x, np.nan)
    phases.interleaved(laid.reshape(2, 48, 6, 6), 4, 4, 1, 2, back)
    np.testing.assert_array_equal(back, x)


def test_without_the_instructions_im2col_does_it(monkeypatch):
    known = {"w_shape": (96, 3, 11, 11), "y_shape": (8, 96, 55, 55), "geometry": (4, 4, 0, 0, 1, 1)}
    assert choose.convolution("y", **known) == "direct"
    monkeypatch.setattr(register_blocks, "shape", lambda: None)
    assert choose.convolution("y", **known) == "im2col"


def test_in_plain_python():
    """With NUMBA_DISABLE_JIT=1 a debugger walks through the blocks, too."""
    program = """
import os
import subprocess
import sys

import numpy as np
from minicnn.ops.fast import complex_blocks, direct, linear_blocks
x = np.arange(432, dtype=np.float32).reshape(2, 3, 9, 8)
w, y = np.ones((5, 3, 3, 3), np.float32), np.empty((2, 5, 4, 3), np.float32)
geometry = 2, 2, 0, 0, 1, 1, 1
direct.forward(x, w, np.zeros(5, np.float32), *geometry, y, {})
assert y[0, 0, 0, 0] == x[0, :, :3, :3].sum()
gx, gw = np.empty_like(x), np.empty_like(w)
direct.grad_input(y, w, *geometry, gx, {})
direct.grad_weight(y, x, *geometry, gw, {})
assert gx[1, 2, 4, 4] == y[1, :, 1:3, 1:3].sum()
assert np.isclose(gw[3, 1, 2, 0], (y[:, 3] * x[:, 1, 2::2, 0:6:2]).sum())
assert linear_blocks.forward(w.reshape(5, -1)[:, :16], np.ones((8, 16), np.float32))[0, 0] == 16
left, right = np.ones((1, 2, 1, 3, 2), np.float32), np.ones((1, 2, 1, 2, 16), np.float32)
out = np.empty((1, 2, 1, 3, 16), np.float32)
complex_blocks.multiply(left, right, False, False, out)  # (1 + i)(1 + i), twice
assert (out[0, 0] == 0).all() and (out[0, 1] == 4).all()
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
