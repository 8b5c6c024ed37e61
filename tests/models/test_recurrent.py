"""Recurrent networks: a picture is answered as its patches are, however fine the output is."""

import json

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, optim
from minicnn import functional as F
from minicnn.cli import main
from minicnn.learning.config import TRAINING_DEFAULTS
from minicnn.models.recurrent import NETS, Recurrent

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (21, 26, 3), np.uint8)
LABELS = RNG.integers(0, 4, (1, 21, 26)).astype(np.uint8)
OUTPUTS = {"CNN1": (1, 8, 16), "rCNN2": (1, 2, 4, 8, 16), "rCNN3": (1, 2, 4, 8)}


def network(net, classes=4, **options):
    minicnn.manual_seed(1)
    return Recurrent(classes, net=net, width=0.15, **options)


def of_a_patch(net, patch, instances, feedback):
    """The formula, literally: F^1 = [0, I], F^p = [f(F^(p-1)), I^p], whole planes, and zeros."""
    x = Tensor(patch[None])
    said = np.zeros((1, net.classes, *patch.shape[1:]), patch.dtype) * net.reads_itself
    for _ in range(instances):
        y = F.concat([Tensor(said), x], dim=1) if net.reads_itself else x
        for layer, (size, maps, pool) in zip(net.layers, NETS[net.options["net"]], strict=True):
            assert layer.weight.shape[2:] == (size, size)
            y = F.max_pool2d(F.conv2d(y, layer.weight, layer.bias), pool)
            y = y if maps is None else F.tanh(y)
        said = (F.softmax(y, 1) if feedback == "probabilities" else y).numpy()
        # the mean colour of the cells of s x s pixels around the middles of what each score saw
        s, rows = net.step, y.shape[2]
        first = (net.field - s) // 2
        cells = x.numpy()[0, :, first : first + s * rows, first : first + s * rows]
        x = Tensor(cells.reshape(-1, rows, s, rows, s).mean(axis=(2, 4))[None])
    assert y.shape == (1, net.classes, 1, 1)
    return y.numpy().ravel()


@pytest.mark.parametrize(
    ("net", "sees"), [("CNN1", [133]), ("rCNN2", [25, 121]), ("rCNN3", [23, 67, 155])]
)
def test_an_instance_has_the_size_of_the_paper(net, sees):
    minicnn.manual_seed(0)
    whole = Recurrent(8, net=net)
    assert [whole.sees(p + 1) for p in range(len(sees))] == sees
    assert whole.instances == len(sees)
    assert OUTPUTS[net][-1] == whole.step ** len(sees)
    if net == "rCNN2":
        assert sum(p.size for p in whole.parameters()) == 98_083


@pytest.mark.parametrize(
    ("net", "feedback"), [("CNN1", "scores"), ("rCNN2", "scores"), ("rCNN3", "probabilities")]
)
def test_a_picture_is_answered_as_its_patches_are(net, feedback):
    """Every output that the pools allow, dilated and by stitching, against patch for patch."""
    normalise = "both" if net == "rCNN2" else "picture"
    model = network(net, feedback=feedback, normalise=normalise)
    sees = model.sees(model.instances)
    for every in OUTPUTS[net]:
        model.change(output=every, fine="dilated")
        assert model.stride == every
        (planes,) = model.preprocess(PICTURE)
        dilated = model(Tensor(planes[None])).numpy()[0]
        assert dilated.shape[1:] == (-(-21 // every), -(-26 // every))
        for i, j in {(0, 0), (dilated.shape[1] - 1, dilated.shape[2] // 2)}:
            patch = planes[:, every * i :, every * j :][:, :sees, :sees]
            alone = of_a_patch(model, patch, model.instances, feedback)
            np.testing.assert_allclose(dilated[:, i, j], alone, atol=2e-6)
        if every >= 4:  # every pixel would take 64 or 256 runs
            stitched = model.change(fine="stitch")(Tensor(planes[None])).numpy()[0]
            np.testing.assert_allclose(stitched, dilated, atol=2e-6)


def test_stitching_and_dilated_agree_at_every_pixel():
    model = network("rCNN3", instances=2, output=1)
    (planes,) = model.preprocess(PICTURE[:7, :6])
    dilated = model(Tensor(planes[None])).numpy()
    stitched = model.change(fine="stitch")(Tensor(planes[None])).numpy()
    assert dilated.shape == (1, 4, 7, 6)
    np.testing.assert_allclose(stitched, dilated, atol=2e-6)


@pytest.mark.parametrize("every", [1, 4, 8])
def test_an_answer_lies_at_the_pixel_that_it_is_for(every):
    """The patch of an answer has its middle at the middle pixel of the answer's cell."""
    model = network("rCNN3", output=every)
    image = np.zeros((24, 32, 3), np.uint8)
    image[9, 13] = 255
    (planes,) = model.preprocess(image)
    (row,), (column,) = np.nonzero(planes[0] == planes[0].max())
    k = model.sees(3) // 2 - (every - 1) // 2  # the middle of the first patch is the pixel of
    assert (row, column) == (9 + k, 13 + k)  # the first cell, (every - 1) // 2 from its corner


def test_the_loss_asks_every_instance_at_its_own_pixels():
    """Label for label: a picture whose label is a function of the pixel, any shift of the step."""
    model = network("rCNN3", instances=2, classes=200, feedback="scores").train()
    numbers = (np.arange(14)[:, None] * 14 + np.arange(14)).astype(np.uint8)[None]  # all different
    inputs = [Tensor(model.preprocess(PICTURE[:14, :14])[0][None])]
    origin = model.sees(2) // 2 - 1  # where the padded picture has the first pixel: output=4
    seen = set()
    for step in range(12):
        minicnn.manual_seed(3, step)
        loss, scores = model.loss(inputs, numbers)
        minicnn.manual_seed(3, step)
        a, b = minicnn.engine.randomness.generator().integers(0, 4, 2)
        seen.add((a % 2, b % 2))
        expected = 0.0
        for field, every in ((23, 2), (67, 4)):
            patches = inputs[0].data[:, :, a:, b:]
            answers = [y for y in model.compose(Tensor(patches), 4) if y.every == every]
            log_p = F.log_softmax(answers[0].scores, 1).numpy()[0]
            losses = []
            for u, v in np.ndindex(log_p.shape[1:]):
                row, column = (field // 2 + every * k - origin + s for k, s in ((u, a), (v, b)))
                if 0 <= row < 14 and 0 <= column < 14 and min(row - a, column - b) >= 0:
                    losses.append(-log_p[row * 14 + column, u, v])
            expected += np.mean(losses)
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        assert scores.shape == (1, 200, 14, 14)
    assert len(seen) == 4


@pytest.mark.parametrize("feedback", ["probabilities", "scores"])
def test_the_gradient_goes_back_through_all_instances(feedback):
    """Along a random direction, against a difference of losses, in float64."""
    model = network("rCNN3", feedback=feedback).to(dtype=np.float64).eval()
    inputs = [Tensor(model.preprocess(PICTURE[:9, :9])[0][None].astype(np.float64))]
    rng = np.random.default_rng(2)
    directions = [rng.normal(size=p.shape) for p in model.parameters()]

    def loss(t=0.0):
        for p, d in zip(model.parameters(), directions, strict=True):
            p.data = p.data + t * d
        result = model.loss(inputs, LABELS[:, :9, :9])[0]
        for p, d in zip(model.parameters(), directions, strict=True):
            p.data = p.data - t * d
        return result

    loss().backward()
    along = sum((p.grad * d).sum() for p, d in zip(model.parameters(), directions, strict=True))
    h = 1e-6
    assert along == pytest.approx((loss(h).item() - loss(-h).item()) / (2 * h), rel=1e-5)
    assert np.abs(model.layers[0].weight.grad[:, : model.classes]).max() > 0  # what was said


def test_random_composition_and_the_late_third_instance(monkeypatch):
    model = network("rCNN3", objective="random", pairs_until=0.5).train()
    inputs, counts = [Tensor(model.preprocess(PICTURE)[0][None])], []
    compose = model.compose
    monkeypatch.setattr(model, "compose", lambda x, *r: counts.append(r[-1]) or compose(x, *r))

    def drawn(done):
        model.share_done = done
        del counts[:]
        for step in range(20):
            minicnn.manual_seed(0, step)
            loss, _ = model.loss(inputs, LABELS)
            assert loss.item() < 2.5  # of one instance: about ln 4
        return set(counts)

    assert drawn(0.0) == drawn(0.49) == {1, 2}
    assert drawn(0.5) == {1, 2, 3}
    model.options["objective"] = "sum"
    model.share_done = 0.0
    assert model.loss(inputs, LABELS)[0].item() == pytest.approx(2 * np.log(4), rel=0.3)
    model.share_done = 1.0
    assert model.loss(inputs, LABELS)[0].item() == pytest.approx(3 * np.log(4), rel=0.3)


def test_all_instances_can_be_looked_at():
    model = network("rCNN3", output=4)
    each = model.predict_each(PICTURE)
    assert [scores.shape for scores in each] == [(4, 21, 26)] * 3
    np.testing.assert_array_equal(each[-1], model.predict(PICTURE))
    planes = Tensor(model.preprocess(PICTURE)[0][None])
    first = model.compose(planes, 4)[0]
    row = 11 - (model.sees(3) // 2 - 1) + 2 * 40  # of its 40th answer
    got, right = each[0][:, row : row + 2, row : row + 2], first.scores.numpy()[0, :, 40, 40]
    weights = np.array([0.75, 0.25])  # bilinear: cells of two pixels, the first of them asked
    around = first.scores.numpy()[0, :, 39:42, 39:42]
    expected = np.einsum("a,b,kab->k", *([weights[::-1]] * 2), around[:, :2, :2])
    np.testing.assert_allclose(got[:, 0, 0], expected, atol=1e-6)
    assert np.abs(expected - right).max() < 1


def test_gradients_that_are_too_long_are_shortened_together():
    a, b, c = (minicnn.Tensor(np.zeros(2, "f4"), requires_grad=True) for _ in range(3))
    a.grad, b.grad = np.array([3, 0], "f4"), np.array([0, 4], "f4")
    assert optim.clip_grad_norm_([a, b, c], 10) == 5
    np.testing.assert_array_equal(a.grad, [3, 0])
    assert optim.clip_grad_norm_([a, b, c], 1) == 5
    np.testing.assert_allclose([a.grad, b.grad], [[0.6, 0], [0, 0.8]], rtol=1e-6)
    assert c.grad is None and TRAINING_DEFAULTS["clip"] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"net": "CNN1", "instances": 2}, "CNN1 does not read its own answer"),
        ({"net": "CNN1", "output": 4}, r"output=4: CNN1 with 1 instance can be \[1, 8, 16\]"),
        ({"net": "rCNN2", "output": 3}, r"with 2 instances can be \[1, 2, 4, 8, 16\]"),
        ({"net": "rCNN4"}, "choose CNN1 or rCNN2 or rCNN3"),
    ],
)
def test_what_cannot_be_is_said(options, words):
    with pytest.raises(ValueError, match=words):
        Recurrent(4, **options)


def test_from_training_to_labels(tmp_path, capsys):
    """Trained, stopped, evaluated with other instances and outputs, labelled by superpixels."""
    run = str(tmp_path / "run")
    small = ["data.size=24x32", "data.train=2", "data.val=1", "data.test=2", "width=0.15"]
    assert main(["train", "recurrent", "--steps", "2", "--set", *small, "--out", run]) == 0
    found = {}
    for changes in (["output=4"], ["instances=1"], ["output=1", "labelling=crf", "fine=dilated"]):
        capsys.readouterr()
        assert main(["evaluate", run, "--json", "--set", *changes]) == 0
        found[changes[0]] = json.loads(capsys.readouterr().out)
    assert all(result["pictures"] == 2 for result in found.values())
    assert found["output=1"]["labelling"] == "crf"
    assert main(["evaluate", run, "--set", "output=3"]) == 2
    assert "output=3: rCNN2 with 2 instances can be" in capsys.readouterr().err
    with pytest.raises(ValueError, match="width: of Recurrent only instances, output, fine can be"):
        network("rCNN2").change(width=1)
    with pytest.raises(ValueError, match="option fine='stich': choose dilated or stitch"):
        network("rCNN2").change(fine="stich")
    assert main(["train", "recurrent", "--recipe", "faithful", "--steps", "1", "--set", *small,
                 "net=rCNN3", "--out", str(tmp_path / "faithful")]) == 0  # fmt: skip
    assert minicnn.resume(run, quiet=True).steps_done == 2
