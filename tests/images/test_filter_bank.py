"""The hand-made channels and integral images, against loops and closed forms."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from minicnn.images.colour import rgb_to_lab
from minicnn.images.filter_bank import NAMES, binary_patterns, channels, gradient_histogram
from minicnn.images.integral import integral_image, window_sum

IMAGE = np.random.default_rng(0).integers(0, 256, (11, 14, 3), np.uint8)


def test_lab_is_that_of_others():
    np.testing.assert_allclose(rgb_to_lab(IMAGE), np.moveaxis(rgb2lab(IMAGE), 2, 0), atol=1e-9)
    black, white = (np.full((1, 1, 3), v, np.uint8) for v in (0, 255))
    np.testing.assert_allclose(rgb_to_lab(white).ravel(), [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(rgb_to_lab(black).ravel(), 0, atol=1e-9)


def test_there_are_33_channels_of_about_one():
    found = channels(IMAGE)
    assert found.shape == (33, 11, 14) and len(NAMES) == len(set(NAMES)) == 33
    assert np.isfinite(found).all() and np.abs(found).max() <= 1.2
    np.testing.assert_array_equal(found[17:20], np.moveaxis(IMAGE, 2, 0) / 255)


def test_a_flat_picture_has_no_edges():
    found = dict(zip(NAMES, channels(np.full((9, 9, 3), 77, np.uint8)), strict=True))
    for name, plane in found.items():
        assert np.ptp(plane) < 1e-9
        if any(word in name for word in ("derived", "Laplacian", "gradients", "brighter")):
            assert np.abs(plane).max() < 1e-3, name  # a Laplacian's window ends somewhere


def test_derivatives_answer_to_their_edges():
    step = np.zeros((40, 40, 3), np.uint8)
    step[:, 20:] = 200
    found = dict(zip(NAMES, channels(step), strict=True))
    across, down = found["L derived across, sigma 2"], found["L derived down, sigma 2"]
    assert across[20].argmax() in (19, 20) and across[20, 20] > 0.2 and np.abs(down).max() < 1e-9
    blob = found["L Laplacian, sigma 2"][20]
    assert blob[17] > 0.05 and blob[22] < -0.05  # above on the dark side, below on the bright one


@pytest.mark.parametrize("degrees", [0, 20, 30, 90, 100, 170])
def test_gradients_are_counted_where_they_point(degrees):
    """A plane that rises in one direction: all its gradients are in one bin, or in two."""
    angle = np.deg2rad(degrees)
    rows, columns = np.mgrid[0:20, 0:20]
    found = gradient_histogram(columns * np.cos(angle) + rows * np.sin(angle))[:, 10, 10]
    lower = degrees // 20
    assert set(np.flatnonzero(found)) <= {lower, (lower + 1) % 9}
    assert found[lower] == pytest.approx(1) if degrees % 20 == 0 else found[lower] > 0.9


def test_patterns_by_hand():
    right, above, left, below = binary_patterns(np.array([[1.0, 2.0], [3.0, 0.0]]))
    assert right.tolist() == [[1, 0], [0, 0]] and left.tolist() == [[0, 0], [0, 1]]
    assert above.tolist() == [[0, 0], [0, 1]] and below.tolist() == [[1, 0], [0, 0]]


def test_sums_over_windows():
    planes = np.random.default_rng(1).normal(size=(2, 5, 7))
    sums = integral_image(planes)
    assert sums.shape == (2, 6, 8) and not sums[:, 0].any() and not sums[:, :, 0].any()
    for c, top, left, bottom, right in [(0, 0, 0, 5, 7), (1, 2, 3, 3, 4), (1, 1, 0, 5, 2)]:
        expected = planes[c, top:bottom, left:right].sum()
        assert window_sum(sums[c], top, left, bottom, right) == pytest.approx(expected)
