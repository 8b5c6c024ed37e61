"""Pyramids, local normalisation, and the geometry of the networks."""

import numpy as np
import pytest

import minicnn
from minicnn import Tensor
from minicnn.engine.cases import normal
from minicnn.images.colour import rgb_to_yuv
from minicnn.images.normalise import normalise_both, normalise_locally
from minicnn.images.pyramid import double, gaussian_pyramid, halve, laplacian_pyramid
from minicnn.learning.checkpoints import initialise_from
from minicnn.models.multi_scale import MultiScale, SingleScale
from minicnn.models.recurrent import Recurrent


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_grey_has_no_colour_and_white_is_255():
    y, u, v = rgb_to_yuv(np.full((2, 3, 3), 255, np.uint8))
    np.testing.assert_allclose(y, 255, rtol=1e-6)
    assert abs(u).max() < 0.01
    assert abs(v).max() < 0.01


@pytest.mark.parametrize("size", [(6, 8), (7, 9), (1, 1), (5, 2)])
def test_halving_follows_its_formula(size):
    x = normal(2, *size).astype("f4")
    y = halve(x)
    rows, cols = (size[0] + 1) // 2, (size[1] + 1) // 2
    assert y.shape == (2, rows, cols)
    for i in range(rows):
        for j in range(cols):
            total = 0.0
            for a, wa in zip(range(-1, 3), (1, 3, 3, 1), strict=True):
                for b, wb in zip(range(-1, 3), (1, 3, 3, 1), strict=True):
                    p, q = np.clip(2 * i + a, 0, size[0] - 1), np.clip(2 * j + b, 0, size[1] - 1)
                    total += wa * wb / 64 * x[1, p, q]
            assert y[1, i, j] == pytest.approx(total, abs=1e-5)


def test_a_ramp_stays_in_place_through_the_pyramid():
    """A pixel of the half picture lies in the middle of the 2x2 pixels that it stands for."""
    ramp = np.broadcast_to(np.arange(32, dtype="f4"), (1, 16, 32))
    half = halve(ramp)
    np.testing.assert_allclose(half[0, 4, 2:-2], np.arange(32).reshape(-1, 2).mean(1)[2:-2])
    np.testing.assert_allclose(double(half, 16, 32)[0, 8, 4:-4], ramp[0, 0, 4:-4], rtol=1e-6)


def test_the_laplacian_pyramid_adds_up_to_the_picture():
    x = normal(3, 20, 28).astype("f4")
    levels = laplacian_pyramid(x, 3)
    rest = gaussian_pyramid(x, 4)[3]
    for level in reversed(levels):
        rest = level + double(rest, *level.shape[1:])
    np.testing.assert_allclose(rest, x, atol=1e-5)


def test_local_normalisation_forgets_light_and_contrast():
    x = 30 * normal(1, 40, 50).astype("f4") + 120
    y = normalise_locally(x)
    np.testing.assert_allclose(y, normalise_locally(2 * x + 40), atol=1e-3)
    assert abs(y.mean()) < 0.05
    assert abs(y.std() - 1) < 0.1
    assert abs(normalise_locally(np.full((1, 20, 20), 200, "f4"))).max() < 1e-3
    faint = normalise_locally(0.1 * normal(1, 40, 50).astype("f4"), floor=4.0)
    assert abs(faint).max() < 0.2  # the noise of a clear sky is not blown up


def test_the_field_of_view_is_46_and_a_pixel_says_what_its_patch_says():
    """Dense inference is patch inference: the 46x46 patch alone gives the same numbers."""
    minicnn.manual_seed(0)
    stages = MultiScale(8, width=0.125).stages.to(dtype=np.float64)
    x = normal(1, 3, 20 + 42, 24 + 42)
    dense = stages(Tensor(x)).data
    assert dense.shape == (1, 32, 5, 6)
    for i, j in [(0, 0), (4, 5), (2, 3)]:
        patch = x[:, :, 4 * i : 4 * i + 46, 4 * j : 4 * j + 46]
        alone = stages(Tensor(np.ascontiguousarray(patch))).data
        assert alone.shape == (1, 32, 1, 1)
        np.testing.assert_allclose(alone[0, :, 0, 0], dense[0, :, i, j], rtol=1e-10)


def test_colours_beside_what_is_normalised():
    image = np.full((9, 11, 3), (40, 90, 200), np.uint8)
    planes = normalise_both(rgb_to_yuv(image))
    assert planes.shape == (6, 9, 11) and planes.dtype == np.float32
    assert abs(planes[:3]).max() < 1e-3  # nothing differs from its surroundings
    y, u, v = rgb_to_yuv(image)[:, 0, 0]
    np.testing.assert_allclose(planes[3:, 4, 5], [(y - 112) / 64, u / 24, v / 24], rtol=1e-5)
    with pytest.raises(ValueError, match="add tables=full"):
        MultiScale(4, normalise="both", tables="random")
    with pytest.raises(ValueError, match="add pyramid=gaussian"):
        MultiScale(4, normalise="both", pyramid="laplacian")


@pytest.mark.parametrize(
    "network, less, more",
    [
        (MultiScale, {}, {"normalise": "both"}),
        (MultiScale, {"scales": 1}, {"scales": 2}),
        (Recurrent, {"normalise": "local"}, {"normalise": "both"}),
    ],
)
def test_filters_that_see_more_maps_begin_with_zeros_for_them(network, less, more):
    """So a training that goes on with more to see begins where the other ended."""
    minicnn.manual_seed(0)
    old = network(4, width=0.1, **less).eval()
    new = network(4, width=0.1, **{**less, **more}).eval()
    about = initialise_from(old.state_dict(), {}, new, "old")
    assert not about.new
    image = picture(20, 28)
    np.testing.assert_allclose(new.predict(image), old.predict(image), atol=1e-5)
    narrower = network(4, width=0.1, **less)
    assert initialise_from(new.state_dict(), {}, narrower, "new").new  # nothing is cut off


def test_what_an_instance_saw_of_a_picture_is_kept_for_other_classes():
    """The first instance hears no class maps, so before its classifier all is as it was."""
    old, new = Recurrent(4, width=0.1), Recurrent(5, width=0.1)
    about = initialise_from(new.adapted(old.state_dict()), {}, new, "old")
    assert set(about.new) == {"layers.2.weight", "layers.2.bias"}
    x = Tensor(np.random.default_rng(0).random((1, 3, 40, 40), np.float32))
    for was, is_ in zip(old.layers[:2], new.layers[:2], strict=True):
        np.testing.assert_array_equal(was(x).numpy(), is_(x).numpy())
        x = was(x)
    assert not new.layers[0].weight.data[:, :5].any()  # class maps begin with nothing
    assert new.layers[0].weight.data[:, 5:].all()
    plain = Recurrent(5, net="CNN1", width=0.1)  # it reads no classes
    assert plain.adapted(old.state_dict()).keys() == old.state_dict().keys()


@pytest.mark.parametrize(
    "network, before, after, classes",
    [
        (Recurrent, {}, {}, 5),  # the maps of the classes come first: all others are shifted
        (MultiScale, {"hidden": 40}, {"hidden": 80}, 4),
    ],
)
def test_filters_are_not_widened_where_something_else_differs(network, before, after, classes):
    options = {"width": 0.1}
    old, new = network(4, **options | before), network(classes, **options | after)
    about = initialise_from(old.state_dict(), {}, new, "old")
    shapes = {path: p.shape for path, p in old.named_parameters()}
    differ = {path for path, p in new.named_parameters() if p.shape != shapes[path]}
    assert differ and differ <= set(about.new)


@pytest.mark.parametrize("network", [SingleScale, MultiScale])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (30, 41), (48, 64)])
def test_scores_have_the_size_of_the_picture(network, size):
    scores = network(5, width=0.0625).predict(picture(*size))
    assert scores.shape == (5, *size)
    assert scores.dtype == np.float32


def test_the_same_weights_look_at_every_level():
    one, three = SingleScale(8), MultiScale(8)
    size = sum(p.size for name, p in one.named_parameters() if name.startswith("stages"))
    assert size == sum(p.size for name, p in three.named_parameters() if name.startswith("stages"))
    with three.watch(["stages"]) as seen:
        three.predict(picture(32, 48))
    assert [t.shape[2:] for t in seen["stages"]] == [(8, 12), (4, 6), (2, 3)]


def test_faithful_has_the_number_of_parameters_of_the_paper():
    """papers: (10 + 6 x 2) x 49 + 16 + 64 x 8 x 49 + 64 + 256 x 32 x 49 + 256 = 427,910."""
    network = MultiScale(8, tables="random", nonlinearity="tanh", hidden=1024)
    stages = [p.size for name, p in network.named_parameters() if name.startswith("stages")]
    assert sum(stages) == 427_910


def test_prediction_leaves_training_mode_as_it_was():
    network = SingleScale(3, width=0.0625)
    network.train().predict(picture(8, 8))
    assert network.training
    network.eval().predict(picture(8, 8))
    assert not network.training
