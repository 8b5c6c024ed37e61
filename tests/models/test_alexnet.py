"""AlexNet: shapes and parameters, layer by layer, the order of its layers, answers everywhere."""

import numpy as np
import pytest

import minicnn
from minicnn import functional as F
from minicnn import models
from minicnn.engine.tensor import Tensor
from minicnn.models.alexnet import AlexNet
from minicnn.models.everywhere import Everywhere
from minicnn.nn import init
from minicnn.nn.receptive_fields import layers

SMALL = {"size": 56, "width": 0.125, "columns": 1, "spread": 60.0, "initial": "he", "dropout": 0.0}


def built(classes=10, **options):
    minicnn.manual_seed(0)
    return AlexNet(classes, **(SMALL | options))


def pictures(count, height, width, seed=0):
    x = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    return x


def prepared(network, parts):
    return Tensor(np.stack([network.normalise(part) for part in parts]))


# ----------------------------------------------------------------------------------- what it is
PAPER = {  # (maps or units, rows, columns), parameters of the layer
    "conv1": ((96, 55, 55), 96 * (11 * 11 * 3 + 1)),
    "conv2": ((256, 27, 27), 256 * (5 * 5 * 48 + 1)),
    "conv3": ((384, 13, 13), 384 * (3 * 3 * 256 + 1)),
    "conv4": ((384, 13, 13), 384 * (3 * 3 * 192 + 1)),
    "conv5": ((256, 13, 13), 256 * (3 * 3 * 192 + 1)),
    "fc6": ((4096,), 4096 * (6 * 6 * 256 + 1)),
    "fc7": ((4096,), 4096 * (4096 + 1)),
    "fc8": ((1000,), 1000 * (4096 + 1)),
}


def test_the_published_network_layer_by_layer():
    with init.shapes_only():
        network = AlexNet(1000)
    assert sum(p.size for p in network.parameters()) == 60_965_224
    by_module = {row.module: row for row in layers(network) if row.module}
    assert {m: (row.output[1:], row.parameters) for m, row in by_module.items()} == PAPER
    assert sum(p for m, (_, p) in PAPER.items() if m.startswith("conv")) == 2_334_080
    # what the paper's figure 2 says of the pools, and what every layer sees
    pools = [row for row in layers(network) if row.name == "MaxPool2d"]
    assert [row.output[1:] for row in pools] == [(96, 27, 27), (256, 13, 13), (256, 6, 6)]
    assert [row.sees for row in pools] == [(19, 19), (67, 67), (195, 195)]
    assert pools[-1].every == (network.stride,) * 2 == (32, 32)


@pytest.mark.parametrize(
    ("options", "shapes", "parameters"),
    [
        ({"columns": 1}, [(96, 55, 55), (256, 27, 27), (384, 13, 13)], 62_378_344),
        ({"size": 112}, [(64, 56, 56), (128, 27, 27), (192, 13, 13)], None),
        ({"size": 128}, [(64, 64, 64), (128, 31, 31), (192, 15, 15)], None),
        ({"size": 56, "columns": 1}, [(64, 28, 28), (128, 13, 13), (192, 6, 6)], 2_027_368),
        ({"size": 56, "overlap": False}, [(64, 28, 28), (128, 14, 14), (192, 7, 7)], None),
        ({"size": 56, "width": 0.5}, [(32, 28, 28), (64, 13, 13), (96, 6, 6)], None),
        ({"size": 33}, [(64, 17, 17), (128, 8, 8), (192, 3, 3)], None),
    ],
)
def test_the_table_of_sizes(options, shapes, parameters):
    with init.shapes_only():
        network = AlexNet(1000, **options)
    found = [row.output[1:] for row in layers(network) if row.module.startswith("conv")]
    assert found[:3] == shapes
    if parameters:
        assert sum(p.size for p in network.parameters()) == parameters


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, ["LocalResponseNorm", "MaxPool2d"] * 2 + ["MaxPool2d"]),
        ({"order": "caffe"}, ["MaxPool2d", "LocalResponseNorm"] * 2 + ["MaxPool2d"]),
        ({"norm": 0}, ["MaxPool2d"] * 3),
    ],
)
def test_what_is_normalised_and_pooled_in_which_order(options, order):
    rows = layers(built(**options))
    assert [r.name for r in rows if r.name in ("LocalResponseNorm", "MaxPool2d")] == order
    assert sum(row.name == "ReLU" for row in rows) == 7
    assert sum(row.name == "Tanh" for row in layers(built(nonlinearity="tanh"))) == 7


def test_the_norm_is_the_papers():
    """Five maps, k = 2, alpha as it stands in the formula, beta = 0.75."""
    a = np.random.default_rng(0).normal(size=(1, 7, 2, 3)) * 50
    literal = np.empty_like(a)
    for i in range(7):
        near = a[:, max(0, i - 2) : min(6, i + 2) + 1]
        literal[:, i] = a[:, i] / (2 + 1e-4 * (near**2).sum(axis=1)) ** 0.75
    with init.shapes_only():
        norm = AlexNet(10).norm
    np.testing.assert_allclose(norm(Tensor(a)).numpy(), literal, rtol=1e-12)


def test_two_columns_do_not_see_each_other():
    """What changes in the first half of conv1's maps reaches the second half only by conv3."""
    network = built(columns=2, norm=1e-12, width=0.25).eval()
    with network.watch(["conv2", "conv3"]) as seen:
        x = prepared(network, pictures(1, 56, 56))
        network(x)
        half = len(network.conv1.weight.numpy()) // 2
        network.conv1.weight.data[:half] += 1
        network(x)
    before, after = (r.numpy()[0] for r in seen["conv2"])
    middle = len(before) // 2
    assert (before[:middle] != after[:middle]).any()
    assert np.allclose(before[middle:], after[middle:], rtol=1e-5)
    before, after = (r.numpy()[0] for r in seen["conv3"])
    assert all((b != a).any() for b, a in zip(before, after, strict=True) if b.any())


def test_how_the_weights_begin():
    minicnn.manual_seed(0)
    network = AlexNet(10, size=56)
    biases = {n: p.numpy() for n, p in network.named_parameters() if n.endswith("bias")}
    ones = [f"{name}.bias" for name in ("conv2", "conv4", "conv5", "fc6", "fc7")]
    assert all((b == (name in ones)).all() for name, b in biases.items())
    for name, p in network.named_parameters():
        if name.endswith("weight"):
            assert p.numpy().std() == pytest.approx(0.01, rel=0.1)
            assert abs(p.numpy().mean()) < 1e-3
    x = prepared(network, pictures(8, 56, 56))
    losses = []
    for other in (network, AlexNet(100, **(SMALL | {"width": 1.0}))):
        scores = other(x)
        losses.append(F.cross_entropy(scores, np.arange(8)).item() - np.log(scores.shape[1]))
    assert max(map(abs, losses)) < 0.5  # all classes nearly alike, as a network that knows nothing


# ------------------------------------------------------------------------------- the class map
def test_a_map_of_a_picture_as_large_as_the_crop_is_its_answer():
    network = built().eval()
    network.mean.data = network.mean.data * 0 + network.mean.data.mean(axis=(1, 2), keepdims=True)
    x = prepared(network, pictures(2, 56, 56))
    found = network.class_map(x).numpy()
    assert found.shape == (2, 10, 1, 1)
    np.testing.assert_allclose(found[..., 0, 0], network(x).numpy(), rtol=1e-4, atol=1e-5)


def test_the_map_of_a_larger_picture_equals_its_crops(monkeypatch):
    """Exactly, if nothing is filled up with zeros: those at the border of a crop are not in the
    larger picture."""
    network = built(size=112, width=0.05).eval()
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        stride, _, *rest = getattr(network, name).geometry
        getattr(network, name).geometry = stride, 0, *rest
    network.mean.data = network.mean.data * 0 + network.mean.data.mean(axis=(1, 2), keepdims=True)
    side = network.features(Tensor(np.zeros((1, 3, 112, 112), np.float32))).shape[-1]
    network.side, units = side, len(network.fc6.weight.numpy())
    weight = np.random.default_rng(0).normal(size=(units, network.conv5.bias.size * side**2))
    network.fc6.weight.data = weight.astype(np.float32)
    x = prepared(network, pictures(1, 145, 129))
    found = network.class_map(x).numpy()[0]
    assert found.shape == (10, 3, 2)
    for i in range(3):
        for j in range(2):
            top, left = network.stride * i, network.stride * j
            crop = Tensor(np.ascontiguousarray(x.data[:, :, top : top + 112, left : left + 112]))
            np.testing.assert_allclose(
                found[:, i, j], network(crop).numpy()[0], rtol=1e-3, atol=1e-4
            )


def test_the_fully_connected_layers_slide_over_the_features():
    network = built(width=0.25).eval()
    x = prepared(network, pictures(1, 100, 84))
    found = network.class_map(x).numpy()[0]
    maps = network.features(x - network.mean.mean(dim=(1, 2), keepdim=True)).numpy()
    side = network.side
    assert found.shape[1:] == tuple(n - side + 1 for n in maps.shape[2:])
    for i in range(found.shape[1]):
        for j in range(found.shape[2]):
            y = Tensor(maps[:, :, i : i + side, j : j + side].reshape(1, -1))
            for layer in (network.fc6, network.fc7):
                y = network.activation(layer(y))
            np.testing.assert_allclose(
                found[:, i, j], network.fc8(y).numpy()[0], rtol=1e-4, atol=1e-5
            )


def test_gradients_of_the_class_map():
    network = built(width=0.02, size=56).to(dtype=np.float64)
    x = Tensor(np.random.default_rng(0).uniform(0, 255, (1, 3, 60, 76)))
    first = network.fc6.weight
    shift = np.random.default_rng(2).normal(size=first.shape) * 1e-6

    def value():
        found = network.class_map(x)
        return (found * found).sum()

    value().backward()
    slope = float((first.grad * shift).sum())
    before = first.data.copy()
    ends = []
    for sign in (1, -1):
        first.data = before + sign * shift
        ends.append(value().item())
    assert slope == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-4)


def test_it_is_asked_at_every_place_of_a_picture():
    """What it says in the middle of a square of the stride is what it says of the crop there."""
    network = built(width=0.25).eval()
    everywhere = Everywhere(network, "alexnet")
    (image,) = pictures(1, 80, 112)
    scores = everywhere.predict(image)
    assert scores.shape == (10, 80, 112) and scores.dtype == np.float32
    mean = network.mean.numpy().mean(axis=(1, 2))
    padded = np.zeros((3, 80 + 40, 112 + 40), np.float32) + mean[:, None, None]
    padded[:, 20:100, 20:132] = np.moveaxis(image, 2, 0)
    coarse = network.class_map(Tensor(padded[None])).numpy()[0]
    assert coarse.shape[1:] == (5, 7)
    full = F.interpolate(Tensor(coarse[None]), scale_factor=16, mode="bilinear").numpy()[0]
    np.testing.assert_allclose(scores, full, rtol=1e-4, atol=1e-5)
    for shape in ((1, 1), (7, 300)):
        assert everywhere.predict(pictures(1, *shape)[0]).shape == (10, *shape)
    with init.shapes_only(), pytest.raises(ValueError, match="big knows 1000 classes, and the lab"):
        Everywhere(AlexNet(1000), "big")


# -------------------------------------------------------------------------------------- pictures
def test_ten_crops():
    network = built()
    (image,) = pictures(1, 64, 80)
    crops = network.ten_crops(image)
    square = image[:, 8:72]
    places = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]
    for k, (top, left) in enumerate(places):
        part = np.moveaxis(square[top : top + 56, left : left + 56], 2, 0)
        assert np.array_equal(crops[2 * k], part)
        assert np.array_equal(crops[2 * k + 1], part[:, :, ::-1])
    assert np.array_equal(network.crop(image), crops[8])
    shares = F.softmax(network.eval()(Tensor(crops)), dim=1).numpy().mean(axis=0)
    ten = network.change(crops=10).predict(image)
    np.testing.assert_allclose(np.exp(ten), shares, rtol=1e-4)
    with pytest.raises(ValueError, match="crops=3: choose 1 or 10"):
        network.change(crops=3)


@pytest.mark.parametrize("size", [56, 112, 227])
def test_crops_of_pictures_of_any_size(size):
    with init.shapes_only():
        network = AlexNet(3, size=size)
    side = 256 if size == 227 else size * 8 // 7
    for shape in ((size, size), (16, 300), (300, 40), (5, 5)):
        (image,) = pictures(1, *shape)
        assert network.frame(image).shape == (side, side, 3)
        rng = np.random.default_rng(0)
        frame = network.frame(image)
        jittered = network.normalise(network.part(frame, rng, True, 0.5)[None])[0]
        for crop in (network.crop(image), jittered):
            assert crop.shape == (3, size, size) and crop.dtype == np.float32


def test_random_crops_go_everywhere():
    network = built()
    rows, columns = np.mgrid[:64, :64]
    image = np.stack([rows, columns, rows * 0], axis=-1).astype(np.uint8)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(600):
        down, across = np.moveaxis(network.part(network.frame(image), rng, flip=True), 2, 0)[:2]
        seen.add((int(down[0, 0]), int(across.min()), bool(across[0, 0] > across[0, -1])))
    assert {s[0] for s in seen} == {s[1] for s in seen} == set(range(9))
    assert len(seen) > 150  # of 162: nine rows, nine columns, two sides
    sides = [network.part(image, rng, rescale=0.3)[0, :, 1] for _ in range(60)]
    spans = [int(row.max()) - int(row.min()) for row in sides]
    assert min(spans) < 48 and max(spans) > 60  # parts that are smaller and larger than 56


# ------------------------------------------------------------------------------------- mistakes
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 20}, "size=20: expected 33 to 512"),
        ({"columns": 3}, "columns=3: expected 1 to 2"),
        ({"order": "torch"}, "order='torch': choose paper or caffe"),
        ({"nonlinearity": "gelu"}, "choose relu or tanh"),
        ({"initial": "zero"}, "choose paper or he or data"),
        ({"crops": 5}, "crops=5: choose 1 or 10"),
        ({"stride": 2}, "AlexNet has no option 'stride'"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(ValueError, match=words):
        AlexNet(10, **options)


def test_recipes():
    assert models.recipe("alexnet", "faithful")["schedule"] == "plateau"
    ours = models.recipe("alexnet", "ours")
    assert ours["size"] == 56 and ours["columns"] == 1
    options = {k: v for k, v in ours.items() if k in AlexNet.DEFAULTS}
    with init.shapes_only():
        count = sum(p.size for p in AlexNet(100, **options).parameters())
    assert 2 * count < 4_000_000  # bytes, as it is shipped
