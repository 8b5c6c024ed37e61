"""Pixels from labels of pictures: what a step draws, what is refused, and that it learns."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from support.tagged_pictures import make_tagged, tagged

import minicnn
from minicnn import cli, datasets
from minicnn.datasets import DataError
from minicnn.learning.bags import Bags
from minicnn.learning.errors import TrainingError
from minicnn.learning.ranks import ranking_precision
from minicnn.learning.training import configure

SMALL = {"size": 33, "width": 0.1, "side": 48, "head": "12-8", "filters": "1-1", "dropout": 0.0}
SMALL |= {"features": "random", "layers": 5, "norm": 0.0, "r": 2.0, "batch": 9}
SMALL |= {"validations": 2, "lr": 0.03, "warm_up": 5}
TINY = SMALL | {
    "layers": 6,
    "width": 0.03,
    "head": "4",
    "filters": "1",
    "batch": 3,
    "validations": 1,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return make_tagged(tmp_path_factory.mktemp("tagged") / "squares")


@pytest.fixture(scope="session")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("weak") / "run"
    return minicnn.train("weak", folder, out=out, steps=60, settings=SMALL, quiet=True)


def test_it_learns_where_things_are_from_what_they_are(run):
    assert run.config.best.val_accuracy > 0.9
    assert "of the validation pictures right" in repr(run)
    gains = []
    for k in range(12):
        label = 1 + k % 2
        image, labels = tagged(label, 5000 + k)
        scores = run.network.predict(image)
        more = scores[label] - scores[0]
        gains.append(more[labels == label].mean() - more[labels == 0].mean())
    assert np.mean(gains) > 0 and np.mean(np.array(gains) > 0) > 0.8


def test_evaluate_names_pictures_and_segment_pixels(run, folder, capsys, tmp_path):
    assert minicnn.evaluate(run, folder).confusion.top(1) > 0.9
    image, labels = tagged(1, 5000)
    path = tmp_path / "cat.png"
    Image.fromarray(image).save(path)
    command = ["segment", str(path), "--model", str(run.folder), "--out", str(tmp_path / "seen")]
    assert cli.main([*command, "--stages", "--set", "labelling=prior-superpixels"]) == 0
    names = sorted(p.name for p in (tmp_path / "seen").iterdir())
    assert names == ["cat-labels.png", "cat-overlay.png", "cat-prior.png", "cat-superpixels.png"]
    assert cli.main(["info", str(run.folder)]) == 0 and "aggregation=lse" in capsys.readouterr().out
    assert cli.main(["show", str(run.folder), "--curve"]) == 0
    assert cli.main(["export", str(run.folder), str(tmp_path / "weak.safetensors")]) == 0
    assert cli.main(["export", str(run.folder), str(tmp_path / "weak.onnx")]) == 2
    assert "weak cannot be written as an ONNX file: it looks at" in capsys.readouterr().err


def test_a_resumed_run_ends_with_the_same_bits(run, folder, tmp_path):
    settings = TINY | {"checkpoint_steps": 2, "dropout": 0.5}
    whole = minicnn.train("weak", folder, steps=6, settings=settings, quiet=True)

    def stop(step, loss, before=None):
        if step == 4:
            raise KeyboardInterrupt

    from minicnn.learning import run as runs

    with pytest.MonkeyPatch.context() as context, pytest.raises(KeyboardInterrupt):
        own = runs.Run.step

        def step(self, batches):
            if self.steps_done == 4:
                raise KeyboardInterrupt
            return own(self, batches)

        context.setattr(runs.Run, "step", step)
        minicnn.train("weak", folder, out=tmp_path / "r", steps=6, settings=settings, quiet=True)
    again = minicnn.resume(tmp_path / "r", quiet=True).network.state_dict()
    assert all(np.array_equal(a, again[k]) for k, a in whole.network.state_dict().items())


def test_stopped_in_its_last_look_it_goes_on_from_there(folder, tmp_path, monkeypatch):
    """All steps are done, and what it looked at before the first one is needed once more."""

    def stop(self, count=None):
        raise KeyboardInterrupt

    settings = TINY | {"batch": 9, "lr": 0.03}
    whole = minicnn.train("weak", folder, steps=4, settings=settings, quiet=True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Bags, "validate", stop)
        minicnn.train("weak", folder, out=tmp_path / "r", steps=4, settings=settings, quiet=True)
    again = minicnn.resume(tmp_path / "r", quiet=True)
    assert again.config.best == whole.config.best and again.config.best.step == 4
    weights = again.network.state_dict()
    assert all(np.array_equal(a, weights[k]) for k, a in whole.network.state_dict().items())


def task_of(folder, **settings):
    data = datasets.load(folder)
    config = configure("weak", "ours", TINY | settings, data, 0)
    from minicnn.learning import checkpoints

    task = Bags(checkpoints.build(config), config, data)
    task.prepare(quiet=True)
    return task


def test_classes_are_drawn_alike_whatever_their_numbers(tmp_path):
    root = make_tagged(tmp_path / "few")
    for k in range(3, 12):
        (root / f"train/cat/cat{k}.png").unlink()
    task = task_of(root, batch=20)
    with task.feed(0, 30) as batches:
        drawn = [label for _, (_, _, labels) in batches for (label,) in labels]
    shares = np.bincount(drawn) / len(drawn)
    assert [len(group) for group in task.members] == [11, 2, 11] and abs(shares - 1 / 3).max() < 0.1


def test_patches_are_smaller_bags_and_kept_features_are_those_of_the_network(folder):
    task = task_of(folder, patches=24)
    ((_, (stacks, _, _)),) = list(task.feed(0, 1))
    whole = task.network.padded(np.zeros((24, 24, 3), np.uint8))
    assert [s.shape[1:] for s in stacks] == [whole.shape]
    task.frozen = True  # as of a network whose features do not learn
    image = task.pictures[0].image
    maps = task._features(task.network.seen(image))
    assert maps.shape[1:] == (5, 6) and maps.dtype == np.float16
    (planes,) = task.network.preprocess(image)
    with task.network.predicting():
        scores = task.network(minicnn.Tensor(planes[None])).numpy()
        kept = task.network.classify(minicnn.Tensor(maps[None].astype("f4"))).numpy()
    np.testing.assert_allclose(kept, scores, atol=2e-3)


def test_what_it_cannot_learn_from_is_said(folder, tmp_path, capsys):
    def refused(words, root, error=DataError, **settings):
        with pytest.raises(error, match=words):
            minicnn.train("weak", root, steps=1, settings=TINY | settings, quiet=True)

    lacking = make_tagged(tmp_path / "lacking", 3, 1, ("cat", "dog"))
    refused("has no class called background beside cat, dog", lacking, TrainingError)
    one = make_tagged(tmp_path / "one", 3, 1, ("background",))
    refused("has one class only, 'background'", one)
    twice = shutil.copytree(folder, tmp_path / "twice")
    shutil.copy(twice / "train/cat/cat0.png", twice / "train/dog/a.png")
    words = "train/cat/cat0.png and train/dog/a.png are one picture, which is called cat and dog"
    refused(words, twice)
    refused("balance: weak draws each class as often", folder, TrainingError, balance=0.5)
    refused("head=4 has 1 layers and filters=1-1 2", folder, ValueError, filters="1-1")
    refused("head='4-a': expected one like", folder, ValueError, head="4-a")
    small = {"size": (32, 48), "train": 3, "val": 1}
    with pytest.raises(DataError, match="two classes at least .* objective=sigmoid"):
        minicnn.train("weak", steps=1, settings=TINY, data_options=small, quiet=True)


def test_pictures_of_several_classes_are_asked_class_by_class():
    small = {"size": (32, 48), "train": 4, "val": 2, "test": 1}
    settings = TINY | {"objective": "sigmoid"}
    run = minicnn.train("weak", steps=2, settings=settings, data_options=small, quiet=True)
    assert 0 < run.config.best.val_accuracy <= 1
    assert minicnn.evaluate(run).confusion.matrix.sum() == 32 * 48


def test_the_same_network_with_masks():
    small = {"size": (32, 48), "train": 2, "val": 1, "test": 1}
    settings = {k: v for k, v in TINY.items() if k != "batch"} | {"supervision": "masks"}
    run = minicnn.train("weak", steps=2, settings=settings, data_options=small, quiet=True)
    assert run.task.kind == "pixels" and run.config.best


def test_the_shipped_features_are_kept_as_they_are(folder, capsys):
    settings = {"side": 48, "head": "8", "filters": "1", "batch": 3, "flip": False}
    run = minicnn.train("weak", folder, steps=1, settings=settings | {"validations": 1})
    assert "begin at random: " in capsys.readouterr().err
    shipped = minicnn.learning.checkpoints.load_model("alexnet")[0].state_dict()
    own = run.network.state_dict()
    assert all(np.array_equal(own[f"conv{k}.weight"], shipped[f"conv{k}.weight"]) for k in (1, 5))
    assert json.loads(json.dumps(run.config.to_json()))["start"]["new"][0].startswith("head")


def test_average_precision():
    scores = np.array([[4.0, 1], [3, 2], [2, 3], [1, 4]])
    truth = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool)
    first, second = ranking_precision(scores, truth)
    assert first == (1 + 2 / 3) / 2 and np.isnan(second)
