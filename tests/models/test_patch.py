"""The simplest network: one label for a patch, block by block, and an answer for every pixel."""

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, nn
from minicnn.models.dense import dense, shift_and_stitch
from minicnn.models.patch import Patch

PICTURE = np.random.default_rng(0).integers(0, 256, (21, 26, 3), np.uint8)


@pytest.mark.parametrize(("blocks", "sees", "stride"), [(1, 8, 2), (2, 18, 4), (3, 34, 4)])
def test_a_picture_is_answered_as_its_patches_are(blocks, sees, stride):
    """Every pixel by dilated convolution, every fourth by convolution, all by stitching: the same
    numbers as patch for patch."""
    minicnn.manual_seed(blocks)
    normalise = ("picture", "local", "both")[blocks - 1]
    net = Patch(5, blocks=blocks, width=0.3, every=1, normalise=normalise)
    assert (net.sees, net.stride) == (sees, stride)
    (planes,) = net.preprocess(PICTURE)
    x = planes[None]
    height, width = PICTURE.shape[:2]
    patches = net.patches(x, *np.indices((1, height, width)).reshape(3, -1))
    assert patches.shape == (height * width, len(planes), sees, sees)
    one_by_one = net(Tensor(patches)).numpy().reshape(height, width, 5).transpose(2, 0, 1)
    whole = net.predict(PICTURE)
    np.testing.assert_allclose(whole, one_by_one, atol=2e-6)

    rows, columns = height - height % stride, width - width % stride  # whole cells only
    cut = x[:, :, : rows + sees - 1, : columns + sees - 1]
    stitched = shift_and_stitch(lambda part: net(Tensor(part)).numpy(), cut, stride)[0]
    np.testing.assert_allclose(stitched, one_by_one[:, :rows, :columns], atol=2e-6)

    half = shift_and_stitch(lambda part: net(Tensor(part)).numpy(), cut, stride, every=stride // 2)
    np.testing.assert_allclose(half[0], stitched[:, :: stride // 2, :: stride // 2], atol=2e-6)

    net.options["every"] = stride
    coarse = net(Tensor(x)[:, :, (stride - 1) // 2 :, (stride - 1) // 2 :]).numpy()[0]
    first = (stride - 1) // 2
    own = one_by_one[:, first::stride, first::stride]
    np.testing.assert_allclose(
        coarse[:, : own.shape[1], : own.shape[2]][:, :5, :5], own[:, :5, :5], atol=2e-6
    )
    assert net.predict(PICTURE).shape == (5, height, width)


def test_filters_with_holes_skip_no_layer_and_pool_of_any_stride():
    minicnn.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 3), nn.Tanh(), nn.MaxPool2d(3, stride=2), nn.Conv2d(3, 2, 2)]
    layers += [nn.MaxPool2d(2), nn.Conv2d(2, 4, 3)]
    x = np.random.default_rng(1).normal(size=(2, 2, 40, 37)).astype("f4")

    def coarse(part):
        y = Tensor(part)
        for layer in layers:
            y = layer(y)
        return y.numpy()

    y, dilation = dense(layers, Tensor(x))
    assert dilation == 4 and layers[3].geometry[2] == 1  # put back
    np.testing.assert_allclose(y.numpy()[:, :, ::4, ::4], coarse(x), atol=2e-6)
    height, width = y.shape[2] // 4 * 4, y.shape[3] // 4 * 4
    stitched = shift_and_stitch(coarse, x[:, :, : 40 - y.shape[2] % 4, : 37 - y.shape[3] % 4], 4)
    np.testing.assert_allclose(stitched, y.numpy()[:, :, :height, :width], atol=2e-6)
    with pytest.raises(ValueError, match="every=3 does not divide the stride 4"):
        shift_and_stitch(coarse, x, 4, every=3)


def test_the_loss_is_that_of_the_patches_around_the_labelled_pixels():
    minicnn.manual_seed(3)
    net = Patch(4, width=0.3)
    (planes,) = net.preprocess(PICTURE)
    labels = np.full((1, *PICTURE.shape[:2]), 255, np.uint8)
    chosen = [(0, 0, 1), (3, 7, 0), (20, 25, 3)]
    for row, column, label in chosen:
        labels[0, row, column] = label
    loss, scores = net.loss([Tensor(planes[None])], labels)
    net.options["every"] = 1
    every = net.predict(PICTURE)
    for answer, (row, column, _) in zip(scores.numpy(), chosen, strict=True):
        np.testing.assert_allclose(answer, every[:, row, column], atol=2e-6)
    log_p = scores.numpy() - np.log(np.exp(scores.numpy()).sum(axis=1, keepdims=True))
    expected = -np.mean([log_p[k, label] for k, (*_, label) in enumerate(chosen)])
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_greedy_training_keeps_the_earlier_blocks(tmp_path):
    options = {"data_options": {"size": (40, 48), "train": 3, "val": 1, "test": 1}, "quiet": True}
    settings = {"width": 0.25, "patches": 20}
    runs = minicnn.train_greedily(out=tmp_path / "run", steps=2, settings=settings, **options)
    assert [len(run.network.blocks) for run in runs] == [1, 2, 3]
    weights = [run.network.state_dict() for run in runs]
    first = "blocks.0.modules.0.weight"
    assert np.array_equal(weights[0][first], weights[2][first])
    assert weights[1]["blocks.1.modules.0.weight"].shape == (8, 4, 5, 5)
    names = [*(f"block-{k}" for k in (1, 2, 3)), "greedy.json"]
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == names
    with pytest.raises(ValueError, match="multi-scale has no blocks"):
        minicnn.train_greedily("multi-scale")
    with pytest.raises(ValueError, match=r"freeze=blocks\.0: patch is trained part by part"):
        minicnn.train_greedily(settings={"freeze": "blocks.0"})
