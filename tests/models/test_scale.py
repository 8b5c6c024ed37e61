"""The lecture's slide on scale: a picture and its double give the same response, one level apart.

What is exact: a level of the pyramid does not know which picture it belongs to. So if the picture
is the half of its double *as the pyramid halves*, all numbers are the same, bit for bit, where each
level is computed by itself; in one product for all of them (ops/fast/levels.py) to seven digits.

What is not: pixels of a photograph are whole numbers, so the half is rounded, by up to half a grey
level. And a double that was made by interpolation is not halved back exactly: weights [1 3 3 1]/8
after [1 3]/4 give (1.5, 5, 1.5)/8 of three neighbours, which takes 3/8 (1 - cos(2 pi / p)) from a
wave of p pixels: 0.7 % for p = 32. The tests below use such waves.
"""

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, figures, no_grad
from minicnn.engine.kernel import algorithm
from minicnn.figures.scale import halved, responses
from minicnn.images.colour import rgb_to_yuv
from minicnn.images.normalise import normalise_locally
from minicnn.images.pyramid import gaussian_pyramid, halve, laplacian_pyramid
from minicnn.images.resizing import resize
from minicnn.models.multi_scale import MARGIN, MultiScale, SingleScale
from minicnn.models.segmentation import pad_to


def waves(height, width):
    """A smooth uint8 picture: in every channel some waves of 32 pixels and longer."""
    y, x = np.mgrid[:height, :width]
    planes = [
        120 + 60 * np.sin(2 * np.pi * x / (32 + 9 * c)) + 55 * np.cos(2 * np.pi * y / (40 - 4 * c))
        for c in range(3)
    ]
    return np.rint(planes).astype(np.uint8).transpose(1, 2, 0)


def apart(first, second):
    """The mean difference of two responses, as a share of their standard deviation."""
    return np.abs(first - second).mean() / first.std()


@pytest.fixture(scope="module")
def network():
    minicnn.manual_seed(0)
    return MultiScale(5, width=0.125, hidden=8)


@pytest.mark.parametrize("build", [gaussian_pyramid, laplacian_pyramid])
@pytest.mark.parametrize("size", [(96, 128), (90, 122)])
def test_the_same_bits_one_level_apart(network, build, size):
    double = rgb_to_yuv(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8))

    def look(planes, which):
        levels = [pad_to(normalise_locally(p), MARGIN, 4) for p in build(planes, 3)]
        with network.watch(["stages"]) as seen, algorithm(which), no_grad():
            network.features(*(Tensor(level[None]) for level in levels))
        return [maps.numpy() for maps in seen["stages"]]

    large, small = look(double, "simple"), look(halve(double), "simple")
    for level in (0, 1):
        np.testing.assert_array_equal(small[level], large[level + 1])
    together, half = look(double, "fast"), look(halve(double), "fast")
    for level in (0, 1):
        bound = 2e-6 * np.abs(large[level + 1]).max()
        np.testing.assert_allclose(half[level], together[level + 1], rtol=0, atol=bound)
        np.testing.assert_allclose(half[level], small[level], rtol=0, atol=bound)
    assert large[0].shape != small[0].shape


def test_a_photograph_and_its_rounded_half(network):
    """Noise, where half a grey level is little beside the local deviation of some 20."""
    noise = np.random.default_rng(1).normal(128, 40, (96, 128, 3)).clip(0, 255).astype(np.uint8)
    large, small = responses(network, noise), responses(network, halved(noise))
    for level in (0, 1):
        assert apart(large[level + 1], small[level]) < 0.05
    assert apart(large[0][:, :12, :16], small[0]) > 0.2  # at the same level it is something else


def test_a_picture_and_its_interpolated_double(network):
    picture = waves(96, 128)
    large, small = responses(network, resize(picture, (192, 256))), responses(network, picture)
    for level in (0, 1):
        assert apart(large[level + 1], small[level]) < 0.05


def test_the_figure_shows_what_agrees(network):
    figure = figures.scale_sheet(network, waves(48, 64))
    figure.canvas.draw()
    titles = [axes.get_title() for axes in figure.axes]
    shown = [float(t.split()[-1].rstrip("%")) for t in titles if t.startswith("differs")]
    assert len(shown) == 2 and max(shown) < 10
    assert "a picture: level 1, 24 pixels high" in titles
    assert "half as large: level 0, 24 pixels high" in titles
    with pytest.raises(ValueError, match="no next level"):
        figures.scale_sheet(SingleScale(3, width=0.1, hidden=0), waves(16, 16))


@pytest.mark.parametrize("size", [(64, 96), (61, 90)])
def test_the_hidden_layer_commutes_with_enlarging(network, size):
    picture = np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8)
    levels = [Tensor(level[None]) for level in network.preprocess(picture)]
    with network.predicting():
        there = network.classify(network.features(*levels)).numpy()
        here = network(*levels).numpy()
    np.testing.assert_allclose(here, there, atol=1e-5 * np.abs(there).max())
