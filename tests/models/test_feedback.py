"""The network with unrolled feedback: shapes and weights layer by layer, that a linear classifier
commutes with enlarging, pictures of any size, and what is refused."""

import numpy as np
import pytest

import minicnn
from minicnn import Tensor
from minicnn import functional as F
from minicnn.engine.op import no_grad
from minicnn.learning.features import at_pixels
from minicnn.models import recipe
from minicnn.models.feedback import RECIPES, Feedback
from minicnn.models.iteration import COARSER, surroundings

SMALL = {"side": 32, "levels": 3, "maps": 5, "mix": 3, "filter": 3, "iterations": 2, "folds": 2}


def network(classes=4, **options):
    """One whose weights are drawn: before it is trained, they are 0."""
    minicnn.manual_seed(1)
    net, rng = Feedback(classes, **SMALL | options), np.random.default_rng(1)
    for path, p in net.named_parameters():
        p.data[...] = rng.normal(size=p.shape) * 0.4 + (1 if path.endswith("spread") else 0)
    return net


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_numbers_of_the_paper():
    """A pixel of the first iteration has 3 + 600 numbers, of a later one 33 more: 636, as on the
    slide; the last layer's maps are 4 wide."""
    options = {k: v for k, v in recipe("feedback", "faithful").items() if k in Feedback.DEFAULTS}
    net = Feedback(33, iterations=2, folds=0, **options)
    first, second = net.iterations
    assert first.classifier.mean.shape == (603,) and second.classifier.mean.shape == (636,)
    weights = [sum(layer.filters.weight.size for layer in i.layers) for i in net.iterations]
    assert weights == [5 * 250_000 + 7_500, 5 * 250_000 + 90_000]
    with no_grad():
        levels = first.levels(Tensor(np.zeros((1, 3, 256, 256), np.float32)))
    assert [m.shape[2] for m in levels] == [256, 128, 64, 32, 16, 8, 4]
    products = [m.shape[2] ** 2 * w for m, w in zip(levels, [7500] + [250_000] * 5, strict=False)]
    assert sum(products) / 1e9 == pytest.approx(5.95, abs=0.05)


@pytest.mark.parametrize("cells", [0, 4])
def test_classifying_each_level_is_classifying_each_pixel(cells):
    """Scores of all levels, enlarged and summed, are those of the enlarged features."""
    net = network(cells=cells)
    iteration, x = net.iterations[0], Tensor(np.random.default_rng(2).normal(size=(1, 3, 32, 32)))
    net.to(dtype=np.float64)
    with no_grad():
        levels = iteration.levels(x)
        scores = iteration.classify(levels, 32, head=1).numpy()[0]
        rows, columns = np.array([0, 5, 31, 17]), np.array([0, 20, 31, 3])
        numbers = [at_pixels(m.numpy()[0], rows, columns, 32) for m in levels]
        told = iteration.whole.shares(iteration.describe(levels), 1).numpy()
        numbers = np.concatenate([*numbers, np.repeat(told, 4, axis=0)], axis=1)
        heads = iteration.classifier
        standard = (numbers - heads.mean.numpy()) / heads.spread.numpy()
        expected = standard @ heads.weight.numpy()[1].T + heads.bias.numpy()[1]
    np.testing.assert_allclose(scores[:, rows, columns].T, expected, atol=1e-5)
    with no_grad():  # at a quarter of the size, finer levels are averaged, coarser ones enlarged
        coarse = iteration.classify(levels, 8, head=1).numpy()[0]
        weight, bias = (t.numpy() for t in heads.folded(1))
        total, first = bias + weight[:, -4:] @ told[0], 0
        total = np.repeat(total, 64).reshape(4, 8, 8)
        for maps in levels:
            own = np.einsum("kc,chw->khw", weight[:, first : first + maps.shape[1]], maps.data[0])
            first, side = first + maps.shape[1], maps.shape[2]
            if side > 8:
                own = own.reshape(4, 8, side // 8, 8, side // 8).mean(axis=(2, 4))
            total += F.interpolate(Tensor(own[None]), size=(8, 8), mode="bilinear").numpy()[0]
    np.testing.assert_allclose(coarse, total, atol=1e-5)


def test_maps_are_averaged_over_cells():
    """Of levels of 32, 16, 8 and 4 pixels, those larger than the grid are read once more."""
    iteration = network(cells=4).iterations[0]
    assert iteration.classifier.mean.shape == (3 + 3 * 5 + 3 + 2 * 5 + 4,)
    x = Tensor(np.random.default_rng(5).normal(size=(1, 3, 32, 32)).astype(np.float32))
    with no_grad():
        levels = [maps.numpy()[0] for maps in iteration.levels(x)]
    assert [maps.shape[1] for maps in levels] == [32, 16, 8, 4, 4, 4, 4]
    for maps, mean in zip(levels[:3], levels[4:], strict=True):
        side = maps.shape[1] // 4
        expected = maps.reshape(-1, 4, side, 4, side).mean(axis=(2, 4))
        np.testing.assert_allclose(mean, expected, atol=1e-5)


def test_what_has_been_said_around_is_read_from_a_distance():
    """One class is seen at one pixel of maps of 16; averaged by two, it is at (3, 5) of 8."""
    net = network(feedback="surroundings", side=64)
    assert net.iterations[0].around is False and net.iterations[1].around is True
    assert net.iterations[1].classifier.mean.shape == (7 + 3 * 5 + 18 * 4 + 4,)
    said = np.zeros((1, 4, 16, 16), np.float32)
    said[0, 2, 6, 10] = 1
    levels = [maps.numpy()[0] for maps in surroundings(Tensor(said))]
    assert [maps.shape for maps in levels] == [(4, 8, 8)] * 9 + [(4, 4, 4)] * 9
    steps = [(a, b) for a in (0, -2, 2) for b in (0, -2, 2)]
    for maps, (down, right) in zip(levels, steps, strict=False):
        assert np.argwhere(maps).tolist() == [[2, 3 - down, 5 - right]]
        assert maps[2, 3 - down, 5 - right] == 0.25
    corner = np.zeros((1, 4, 16, 16), np.float32)
    corner[0, 1, :2, :2] = 1  # beyond the border lies what is at the border
    up_left = surroundings(Tensor(corner))[4].numpy()[0, 1]
    assert up_left[:3, :3].tolist() == [[1, 1, 1]] * 3 and up_left.sum() == 9
    assert net.predict(picture(64, 64)).shape == (4, 64, 64)


def test_pixels_lie_where_interpolation_has_them():
    maps = np.random.default_rng(3).normal(size=(2, 4, 4)).astype(np.float32)
    full = F.interpolate(Tensor(maps[None]), size=(32, 32), mode="bilinear").numpy()[0]
    rows, columns = np.mgrid[:32, :32].reshape(2, -1)
    np.testing.assert_allclose(at_pixels(maps, rows, columns, 32), full.reshape(2, -1).T, atol=1e-5)


def test_the_second_iteration_reads_what_the_first_has_said():
    net, image = network(), picture(32, 32)
    first = network().change(iterations=1).predict(image)
    both = net.predict(image)
    assert abs(first - both).max() > 0.1
    x = Tensor(net.preprocess(image)[0][None])
    with no_grad():
        said = F.softmax(net.iterations[0](x, None, 32 // COARSER), dim=1)
        expected = net.iterations[1](x, said, 32).numpy()[0]
    np.testing.assert_allclose(both, expected, atol=1e-5)
    np.testing.assert_allclose(said.numpy().sum(axis=1), 1, atol=1e-5)
    with pytest.raises(ValueError, match="iterations=3: this network has learnt 2"):
        net.change(iterations=3)
    with pytest.raises(ValueError, match="only iterations can be changed"):
        net.change(maps=3)


@pytest.mark.parametrize("size", [(32, 32), (97, 400), (400, 97), (1, 1), (5, 3), (3000, 4000)])
def test_pictures_of_any_size(size):
    """97x400, 12 megapixels, and a single pixel: scores of every pixel, and finite."""
    net = network(classes=3, iterations=1)
    scores = net.predict(picture(*size))
    assert scores.shape == (3, *size) and scores.dtype == np.float32 and np.isfinite(scores).all()


def test_what_lies_beside_a_picture_is_cut_away():
    """A wide picture fills the upper half of the square; its scores come from there."""
    net = network(iterations=1)
    image = picture(16, 32)
    with no_grad():
        x = Tensor(net.preprocess(image)[0][None])
        assert not x.data[:, :, 16:].any()
        square = net(x).numpy()[0]
    np.testing.assert_allclose(net.predict(image), square[:, :16], atol=1e-6)


@pytest.mark.parametrize("answer", ["rectified", "logistic"])
@pytest.mark.parametrize("pool", ["max", "average"])
def test_a_layer_answers_and_pools(answer, pool):
    """Where the largest is taken, the answer comes after it: it grows, so that is the same."""
    layer = network(answer=answer, pool=pool, mix=0).iterations[0].layers[0]
    x = Tensor(np.random.default_rng(4).normal(size=(1, 3, 8, 8)).astype(np.float32))
    with no_grad():
        said = F.conv2d(x, layer.filters.weight, layer.filters.bias, padding=1)
        said = F.relu(said) if answer == "rectified" else F.sigmoid(said)
        parts = said.numpy()[0].reshape(5, 4, 2, 4, 2)
        expected = parts.max(axis=(2, 4)) if pool == "max" else parts.mean(axis=(2, 4))
        np.testing.assert_allclose(layer(x).numpy()[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"side": 100}, "side=100 cannot be halved 3 times: take a multiple of 8"),
        ({"feedback": "surroundings", "side": 24}, "feedback=surroundings needs a multiple of 16"),
        ({"filter": 4}, "filter=4: it needs a middle"),
        ({"feedback": "none"}, "feedback=none: there is one iteration then"),
        ({"global": "some"}, "option global='some': choose scores or none"),
        ({"iterations": 0}, "option iterations=0: expected 1 to 9"),
    ],
)
def test_options_that_do_not_go_together(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Feedback(4, **SMALL | options)


def test_the_same_on_the_emulated_device(kernel_device):
    net, image = network(), picture(20, 32)
    here = net.predict(image)
    np.testing.assert_allclose(net.to(kernel_device).predict(image), here, atol=1e-4)


def test_recipes_name_options_that_there_are():
    for name in RECIPES:
        given = {k: v for k, v in recipe("feedback", name).items() if k in Feedback.DEFAULTS}
        Feedback(2, **given | {"maps": 2, "iterations": 1})
