"""What training on whole pictures needs beside the loop: their mean, colours, rates that fall when
nothing gets better; and that a resumed run is the same."""

import numpy as np
import pytest
from PIL import Image
from support.image_folders import make_image_folder, square

import minicnn
from minicnn import cli, datasets, optim
from minicnn.datasets.kept import Kept
from minicnn.learning import checkpoints, fitting
from minicnn.learning.config import Config, Stalls
from minicnn.learning.planning import DIVISIONS, PATIENCE, stalled
from minicnn.learning.statistics import measure, tint
from minicnn.models.alexnet import AlexNet
from minicnn.nn import init

SETTINGS = {
    "size": 33,
    "width": 0.05,
    "batch": 6,
    "validations": 4,
    "lr": 0.05,
    "warm_up": 0,
    "rescale": 0.2,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_image_folder(tmp_path_factory.mktemp("data") / "squares", size=(36, 44))


def trained(root, out=None, steps=12, recipe="ours", quiet=True, **settings):
    options = {"steps": steps, "recipe": recipe, "quiet": quiet, "seed": 3}
    return minicnn.train("alexnet", root, out=out, settings=SETTINGS | settings, **options)


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# ------------------------------------------------------------------------------ mean and colours
class Images:
    """A Split of given pictures."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        return datasets.Photograph(f"p{k}", self.images[k], 0)


def test_statistics_by_hand():
    with init.shapes_only():
        network = AlexNet(3, size=56)
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(9, 64, 64, 3)) @ rng.normal(size=(3, 3)) * 20 + 128
    images = np.clip(mixed, 0, 255).astype(np.uint8)
    found = measure(network, Images(images))
    inner = images[:, 4:60, 4:60].astype(np.float64)
    np.testing.assert_allclose(found.mean, np.moveaxis(inner.mean(axis=0), 2, 0), rtol=1e-5)
    covariance = np.cov(inner.reshape(-1, 3).T / 255, bias=True)
    # P l, whose outer products sum to the square of the covariance
    np.testing.assert_allclose(
        found.axes @ found.axes.T / 255**2, covariance @ covariance, rtol=1e-4, atol=1e-12
    )
    lengths = np.linalg.norm(found.axes, axis=0) / 255
    np.testing.assert_allclose(lengths, np.linalg.eigvalsh(covariance), rtol=1e-4)
    assert found.small == [] and measure(network, Images(images[:, :50])).small[0] == "p0"


def test_the_noise_has_the_covariance_that_it_should():
    axes = np.random.default_rng(0).normal(size=(3, 3)) * 30
    rng = np.random.default_rng(1)
    drawn = np.stack([tint(axes, 0.1, rng) for _ in range(20_000)])
    np.testing.assert_allclose(np.cov(drawn.T), 0.01 * axes @ axes.T, atol=0.4)
    assert abs(drawn.mean(axis=0)).max() < 0.2 and drawn.dtype == np.float32


def crop_at(run, place):
    """What a step sees of the first picture, at this place of an epoch."""
    frame = Kept(run.task.pictures, run.network.frame, 1e9)[0]
    return run.task._batch([run.task._part(frame, place)])[1][0][0]


def test_a_crop_gets_one_colour_all_over(root):
    run = trained(root, steps=1, colour_noise=3.0, rescale=0, flip=False)
    crops = [crop_at(run, place) for place in (5, 5, 6)]
    assert np.array_equal(crops[0], crops[1]) and not np.array_equal(crops[0], crops[2])
    run.config.training.colour_noise = 0.0
    plain = crop_at(run, 5)
    added = crops[0] - plain
    assert added.std(axis=(1, 2)).max() < 1e-4 and abs(added).max() > 1


def test_weights_that_begin_from_pictures(root):
    """Every map of every hidden layer has mean 0 and deviation 1 over the training pictures."""
    run = trained(root, steps=1, lr=0, width=0.1, initial="data")
    network = run.network
    x = np.stack([network.crop(picture.image) for picture in run.task.pictures])
    with network.watch(network.HIDDEN) as seen:
        network(minicnn.Tensor(x))
    for name in network.HIDDEN:
        maps = seen[name][0].numpy()
        axes = (0, *range(2, maps.ndim))
        np.testing.assert_allclose(maps.mean(axis=axes), 0, atol=1e-3)
        np.testing.assert_allclose(maps.std(axis=axes), 1, atol=1e-2)
    start = {k: v.copy() for k, v in network.state_dict().items()}
    begun = minicnn.train(
        "alexnet",
        root,
        start=run,
        steps=1,
        quiet=True,
        settings=SETTINGS | {"lr": 0, "width": 0.1, "initial": "data"},
    )
    assert same(start, begun.network.state_dict())  # these have learnt already


def test_the_mean_is_kept_with_the_weights(root, tmp_path):
    run = trained(root, tmp_path / "run")
    seen = np.stack([run.network.crop(p.image) for p in run.task.pictures]).mean(axis=0)
    for network in (run.network, checkpoints.load_model(run.folder)[0]):
        np.testing.assert_allclose(network.mean.numpy(), seen, rtol=1e-5)
    checkpoints.export(run, tmp_path / "small.safetensors")
    network, _ = checkpoints.load_model(tmp_path / "small.safetensors")
    np.testing.assert_allclose(network.mean.numpy(), seen, rtol=1e-3)
    other = make_image_folder(tmp_path / "more", {"train": 9, "val": 2}, (64, 64))
    again = minicnn.train("alexnet", other, start=run, steps=1, settings=SETTINGS, quiet=True)
    assert "mean" in again.config.start.taken
    assert np.array_equal(again.network.mean.numpy(), run.network.mean.numpy())


# ---------------------------------------------------------------------------------- the schedule
def test_when_the_rate_is_divided():
    stalls, at = Stalls(), []
    looks = [0.1, 0.2, 0.2, 0.15, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    for step, accuracy in enumerate(looks):
        if stalled(stalls, {"val_accuracy": accuracy}, step):
            at.append(step)
    assert PATIENCE == 2 and at == stalls.divided == [3, 6, 8] and len(at) == DIVISIONS
    factors = [optim.plateau(at)(step) for step in (0, 2, 3, 5, 6, 7, 8, 100)]
    np.testing.assert_allclose(factors, [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_run_whose_rates_fall_says_so_and_remembers(root, tmp_path, capsys, monkeypatch):
    values = iter([0.5, 0.4, 0.5, 0.6, 0.1, 0.1])

    def look(task, count=None):
        return {"val_accuracy": next(values), "val_top5": 1.0}

    monkeypatch.setattr("minicnn.learning.pictures.Pictures.validate", look)
    options = {"schedule": "plateau", "validations": 6}
    run = trained(root, tmp_path / "run", 60, quiet=False, **options)
    rates = {r["step"]: r["rate"] for r in run.log.records if "rate" in r}
    np.testing.assert_allclose([rates[s] for s in (10, 30)], 0.05)
    np.testing.assert_allclose([rates[s] for s in (40, 60)], 0.005)
    assert run.config.stalls.divided == [30, 60] and run.config.stalls.best == 0.6
    assert capsys.readouterr().err.count("it stalls, the rate is divided by 10") == 2
    stored = Config.from_json(checkpoints.load(run.folder / "last.safetensors")[1], "a")
    assert stored.stalls == run.config.stalls


@pytest.mark.parametrize("stop", [7, 23])
def test_a_resumed_run_ends_with_the_same_bits(stop, root, tmp_path, monkeypatch):
    """With colour noise, random crops, dropout, and rates that fell before or fall after."""
    settings = {"schedule": "plateau", "validations": 15, "lr": 0.5, "colour_noise": 0.1}
    whole = trained(root, tmp_path / "whole", 30, **settings)
    assert whole.config.stalls.divided

    def interrupted(run, before=fitting._Fitting._trim):
        before(run)
        if run.run.steps_done == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(fitting._Fitting, "_trim", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(root, tmp_path / "run", 30, **settings)
    monkeypatch.undo()
    run = minicnn.resume(tmp_path / "run", quiet=True)
    assert run.config.stalls == whole.config.stalls
    assert same(run.network.state_dict(), whole.network.state_dict())
    last = [checkpoints.load(f / "last.safetensors")[0] for f in (run.folder, whole.folder)]
    assert same(*last)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("colour_axes",), None, "colour_axes is missing, and training.colour_noise needs it"),
        (("colour_axes",), [[1.0, 2.0, 3.0]], "colour_axes holds 1 values, expected 3"),
        (
            ("colour_axes", 0),
            [1.0, 2.0, 3e9],
            r"colour_axes\[0\] is 3000000000.0, expected -255 to 255",
        ),
        (("stalls",), {"best": 7.0}, "stalls.best is 7.0, expected 0 to 1"),
        (("training", "colour_noise"), -1.0, "training.colour_noise is -1.0, expected 0 to 10"),
    ],
)
def test_a_damaged_header(path, value, words, root, tmp_path):
    run = trained(root, steps=1, schedule="plateau")
    header = run.config.to_json()
    place = header
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(checkpoints.CheckpointError, match=words):
        Config.from_json(header, "a")


# ---------------------------------------------------------------------------------- bad pictures
def test_pictures_that_are_broken_grey_cmyk_or_small(tmp_path, capsys):
    root = make_image_folder(tmp_path / "mine", size=(36, 44))
    grey = Image.fromarray(square("red", 1, (36, 44))).convert("L")
    grey.save(root / "train/red/train0.png")
    Image.fromarray(square("green", 1, (36, 44))).convert("CMYK").save(root / "train/green/c.jpg")
    Image.fromarray(square("blue", 1, (20, 44))).save(root / "train/blue/train1.png")
    assert cli.main(["data", "check", str(root)]) == 0
    said = capsys.readouterr().out
    assert "note: 1 of the pictures, grey: the same in red, green and blue: train/red" in said
    assert "note: 1 of the pictures, CMYK, read as RGB without the profile" in said
    assert "train/green/c.jpg" in said
    trained(root, steps=2, quiet=False)
    said = capsys.readouterr().err
    assert "note: 1 of the training pictures are smaller than the crop of 33 pixels and are" in said
    assert "train/blue/train1.png" in said
    command = [
        "train",
        "alexnet",
        "--data",
        str(root),
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "r"),
    ]
    command += ["--set", *(f"{k}={v}" for k, v in SETTINGS.items())]
    (root / "train/red/train0.png").write_bytes(b"no picture")
    assert cli.main(command) == 2
    error = capsys.readouterr().err
    assert "train/red/train0.png" in error and "--skip-bad" in error
    assert cli.main(
        [*command[: -len(SETTINGS) - 1], "--skip-bad", *command[-len(SETTINGS) - 1 :]]
    ) in (0, 2)


@pytest.mark.parametrize("name", ["balance", "patches", "rotate"])
def test_settings_for_pixels_are_refused(name, root):
    with pytest.raises(ValueError, match=f"{name} is for labels of pixels; alexnet learns whole"):
        trained(root, steps=1, **{name: 1})


# ------------------------------------------------------------------------------ the command line
def test_ten_crops_and_a_map_from_the_command_line(root, tmp_path, capsys):
    run = trained(root, tmp_path / "run", 60, width=0.2, dropout=0.0)
    for crops in ("1", "10"):
        assert cli.main(["evaluate", str(run.folder), "--crops", crops, "--json"]) == 0
        assert f'"crops": {crops}' in capsys.readouterr().out
    assert cli.main(["evaluate", str(run.folder), "--set", "crops=10"]) == 0
    assert "top-5 accuracy" in capsys.readouterr().out
    assert cli.main(["evaluate", "multi-scale", "--crops", "10", "--data", "scenes"]) == 2
    assert "crops: of MultiScale" in capsys.readouterr().err
    two = np.concatenate([square("red", 5, (80, 80)), square("blue", 5, (80, 80))], axis=1)
    Image.fromarray(two).save(tmp_path / "two.png")
    command = ["segment", str(tmp_path / "two.png"), "--model", str(run.folder)]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    labels = np.array(Image.open(tmp_path / "out" / "two-labels.png"))
    assert labels.shape == (80, 160)
    for name, part in (("red", labels[:, :50]), ("blue", labels[:, -50:])):
        assert (part == run.config.classes.index(name)).mean() > 0.9
