"""Training iteration by iteration: stored, resumed and evaluated by itself, out of fold."""

import json
import re

import numpy as np
import pytest

import minicnn
from minicnn import datasets
from minicnn.learning import checkpoints, features, memory, unrolled
from minicnn.learning.errors import TrainingError
from minicnn.learning.training import resume
from minicnn.models.iteration import Heads

DATA = {"size": (32, 48), "train": 7, "val": 2, "test": 2}
SETTINGS = {"side": 32, "levels": 3, "maps": 8, "mix": 4, "iterations": 2, "folds": 3}
SETTINGS |= {"samples": 400, "passes": 1, "patches": 40, "batch": 50, "components": 20}
SETTINGS |= {"cells": 4, "feedback": "surroundings"}
OPTIONS = {"data_options": DATA, "settings": SETTINGS, "epochs": 2, "quiet": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return minicnn.train("feedback", out=tmp_path_factory.mktemp("feedback") / "run", **OPTIONS)


def weights(folder):
    return checkpoints.load(folder)[0]


def test_each_iteration_is_a_run_that_holds_those_before_it(run):
    folder = run.folder.parent
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["greedy.json", "iteration-1", "iteration-2"]
    assert {p.name for p in run.folder.iterdir()} == {
        "best.safetensors", "last.safetensors", "log.jsonl", "curves.png"
    }  # fmt: skip
    first, second = (weights(folder / f"iteration-{k}/best.safetensors") for k in (1, 2))
    assert all(np.array_equal(second[name], a) for name, a in first.items())
    assert all(np.isfinite(a).all() and a.any() for name, a in second.items() if "bias" not in name)
    assert len(run.log.records) > 2 and run.config.options["iterations"] == 2


def test_a_run_is_evaluated_by_its_folder_or_an_earlier_iteration_is(run):
    folder = run.folder.parent
    assert checkpoints.find(folder) == run.folder / "best.safetensors"
    both = minicnn.evaluate(folder)
    alone = minicnn.evaluate(folder / "iteration-1")
    network = checkpoints.load_model(folder)[0].change(iterations=1)
    asked = minicnn.evaluate(network, "scenes", data_options=DATA)
    assert asked.confusion.pixel_accuracy == alone.confusion.pixel_accuracy
    assert (both.confusion.matrix != alone.confusion.matrix).any()
    result = minicnn.segment(datasets.load("scenes", **DATA).split("test")[0].image, folder)
    assert result.labels.shape == (32, 48)


def test_where_classes_are_balanced_small_ones_are_drawn_several_times():
    settings = SETTINGS | {"iterations": 1, "balance": 1, "patches": 300}
    task = minicnn.train("feedback", **OPTIONS | {"settings": settings, "epochs": 1}).task
    assert len(task.labels) == len(task.features) == 300 * DATA["train"]
    shares = np.bincount(task.labels) / len(task.labels)
    assert shares[shares > 0].min() > 0.3 / np.count_nonzero(shares)


@pytest.mark.parametrize("stopped_at", ["iteration 1", "between", "iteration 2"])
def test_a_resumed_training_ends_with_the_very_bits(run, tmp_path, monkeypatch, stopped_at):
    """Stopped in the steps of an iteration, or while the second one is prepared."""
    calls, number = [], {"iteration 1": 4, "iteration 2": 14}.get(stopped_at)

    def stop(self, batch, learn=unrolled.Unrolled.loss):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return learn(self, batch)

    def stop_between(self, said, look=unrolled.Unrolled._look):
        if said is not None:
            raise KeyboardInterrupt
        return look(self, said)

    if number:
        monkeypatch.setattr(unrolled.Unrolled, "loss", stop)
    else:
        monkeypatch.setattr(unrolled.Unrolled, "_look", stop_between)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt, match=f"go on with: minicnn resume {out}"):
        minicnn.train("feedback", out=out, **OPTIONS)
    monkeypatch.undo()
    unrolled._said.clear()  # another process remembers nothing
    last = resume(out, quiet=True)
    before, after = run.network.state_dict(), last.network.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert resume(out, quiet=True).steps_done == last.steps_done  # nothing is left to do


def test_what_is_fed_back_comes_from_who_has_not_seen_it(run):
    """Classifier k has no gradient from the pixels of fold k, and says what is fed back of them."""
    dataset = datasets.load("scenes", **DATA)
    network, _, config = checkpoints.restore(run.folder.parent / "iteration-1/best.safetensors")
    task = unrolled.Unrolled(network, config, dataset)
    task.prepare(quiet=True)
    assert {task._fold(place) for place in range(7)} == {1, 2, 3}
    for fold in (1, 2, 3):
        mine = np.flatnonzero(task.folds == fold)
        assert len(mine)
        loss, _ = task.loss((task.features[mine], task.labels[mine], task.folds[mine]))
        network.zero_grad()
        loss.backward()
        gradient = network.iterations[0].classifier.weight.grad
        assert not gradient[fold].any() and all(gradient[k].any() for k in {0, 1, 2, 3} - {fold})
    second, _, config = checkpoints.restore(run.folder / "best.safetensors")
    unrolled._said.clear()
    task = unrolled.Unrolled(second, config, dataset)
    task.prepare(quiet=True)
    said = task._said()
    assert said.shape == (7, 8, 8, 8)
    image = dataset.split("train")[4].image
    x = minicnn.Tensor(second.preprocess(image)[0][None])
    with minicnn.no_grad():
        expected = minicnn.functional.softmax(second.iterations[0](x, None, 8, 2), dim=1)
    np.testing.assert_allclose(said[4], expected.numpy()[0], atol=1e-3)
    assert task._said() is said  # remembered


def test_shares_of_classes_are_learnt_out_of_fold():
    """Two kinds of pictures are told apart; what those of fold 1 show, classifier 1 never asks."""
    rng = np.random.default_rng(0)
    kind = np.arange(200) % 2
    numbers = (rng.normal(size=(200, 3)) + 4 * kind[:, None]).astype(np.float32)
    folds, learnt = 1 + np.arange(200) // 100, []
    for shares in (np.eye(2)[kind], np.eye(2)[np.where(folds == 1, 1 - kind, kind)]):
        heads = Heads(3, 2, 3)
        features.take_moments(heads, numbers)
        features.learn_shares(heads, numbers, shares, folds, seed=0)
        learnt.append(heads)
    np.testing.assert_allclose(heads.mean.numpy(), numbers.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(heads.spread.numpy(), numbers.std(axis=0), rtol=1e-4)
    said = learnt[0].shares(minicnn.Tensor(numbers)).numpy()
    assert (said.argmax(axis=1) == kind).mean() > 0.98
    right, wrong = (heads.weight.numpy() for heads in learnt)
    assert np.array_equal(right[1], wrong[1])
    assert abs(right[0] - wrong[0]).max() > 0.1 and abs(right[2] - wrong[2]).max() > 0.1


def test_exported_weights_leave_out_what_only_training_needs(run, tmp_path):
    file = tmp_path / "feedback.safetensors"
    checkpoints.export(run, file)
    arrays, config = checkpoints.load(file)
    assert config["options"]["folds"] == 0
    assert arrays["iterations.0.classifier.weight"].shape[0] == 1
    image = datasets.load("scenes", **DATA).split("test")[0].image
    network, _ = checkpoints.load_model(file)
    full = run.network.predict(image)
    assert (network.predict(image).argmax(axis=0) == full.argmax(axis=0)).mean() > 0.98


def test_settings_that_do_not_fit_are_said(tmp_path, monkeypatch):
    flip, out = {"settings": SETTINGS | {"flip": True}}, tmp_path / "run"
    with pytest.raises(TrainingError, match="flip: feedback looks at its pictures as they are"):
        minicnn.train("feedback", out=out, **OPTIONS | flip)
    assert not out.exists() or not any(out.iterdir())  # so that one may try again
    with pytest.raises(TrainingError, match="learnt iteration by iteration"):
        minicnn.train("feedback", start="multi-scale", **OPTIONS)
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)
    many = SETTINGS | {"iterations": 1, "patches": 1000}
    with pytest.raises(ValueError, match="feedback with patches=1000 from each of 7 pictures"):
        minicnn.train("feedback", **OPTIONS | {"settings": many})


def test_minutes_are_for_all_iterations(tmp_path):
    given = OPTIONS | {"epochs": None, "minutes": 0.05}
    last = minicnn.train("feedback", out=tmp_path / "run", **given)
    plan = json.loads((tmp_path / "run/greedy.json").read_text())
    assert plan["minutes"] == 0.025 and last.steps_done > 0


def test_one_picture_is_learnt_nearly_by_heart(capsys):
    """As far as a linear classifier of 8 maps can."""
    settings = SETTINGS | {"iterations": 1, "patches": 0, "weight_decay": 0}
    minicnn.train("feedback", data_options=DATA, settings=settings, epochs=60, overfit_one=True)
    assert float(re.search(r"learnt? it: ([\d.]+)%", capsys.readouterr().err)[1]) > 90


def test_balanced_pixels_and_a_few_folds():
    settings = SETTINGS | {"balance": 0.5, "folds": 0, "global": "none", "answer": "logistic"}
    last = minicnn.train("feedback", **OPTIONS | {"settings": settings})
    assert last.network.iterations[0].classifier.weight.shape[0] == 1
