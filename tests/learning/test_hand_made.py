"""Training the traditional way: trees, then a regression, then the price of a border."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import minicnn
from minicnn import datasets
from minicnn.cli import main
from minicnn.datasets import VOID
from minicnn.datasets.dataset import Picture
from minicnn.engine import randomness
from minicnn.inference.segmenting import labelling_for
from minicnn.labelling.methods import Labelling
from minicnn.learning import boosting, checkpoints, hand_made
from minicnn.learning.config import Config, TrainingOptions
from minicnn.learning.errors import TrainingError
from minicnn.learning.pixels import drawn, only
from minicnn.learning.trained import trained
from minicnn.learning.training import resume

DATA = {"size": (24, 32), "train": 6, "val": 2, "test": 2}
SETTINGS = {"rounds": 2, "every": 20, "patches": 40, "batch": 40}
OPTIONS = {"data_options": DATA, "settings": SETTINGS, "epochs": 6, "quiet": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return minicnn.train("shallow", out=tmp_path_factory.mktemp("shallow") / "run", **OPTIONS)


def test_a_run_learns_and_chooses_a_price(run):
    records = run.log.records
    trees = [r for r in records if "trees" in r]
    assert [r["trees"] for r in trees] == list(range(1, 9)) and all(r["step"] == 0 for r in trees)
    tried = {r["gamma"]: r["potts_accuracy"] for r in records if "gamma" in r}
    assert set(tried) == set(hand_made.PRICES)
    assert run.config.options["gamma"] == max(tried, key=tried.get) == run.network.options["gamma"]
    for name in ("best", "last"):
        network, config = checkpoints.load_model(run.folder / f"{name}.safetensors")
        assert config.options["gamma"] == run.config.options["gamma"]
    assert minicnn.evaluate(run.folder, split="train").confusion.pixel_accuracy > 0.4
    assert (run.folder / "curves.png").is_file()


def test_what_was_chosen_is_what_segments(run):
    gamma, found = run.config.options["gamma"], trained(run.folder)
    assert str(labelling_for(found)).startswith("potts")
    assert labelling_for(found, "potts").options["gamma"] == gamma
    assert labelling_for(found, Labelling("potts", gamma=3.0)).options["gamma"] == 3
    assert labelling_for(found, "argmax").name == "argmax"
    image = datasets.load("scenes", **DATA).split("test")[0].image
    result = minicnn.segment(image, run.folder)
    assert result.labels.shape == (24, 32) and "potts" in result.labelling
    assert list(result.stages()) == ["channels", "scores", "potts"]


@pytest.mark.parametrize("stopped", ["among the trees", "in the steps"])
def test_a_resumed_training_ends_with_the_very_bits(run, tmp_path, monkeypatch, stopped):
    calls = []

    def stop(*args, learn):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return learn(*args)

    if stopped == "among the trees":
        monkeypatch.setattr(hand_made, "grow", lambda *a, do=hand_made.grow: stop(*a, learn=do))
    else:
        loss = hand_made.HandMade.loss
        monkeypatch.setattr(hand_made.HandMade, "loss", lambda *a: stop(*a, learn=loss))
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt, match=f"stopped.*go on with: minicnn resume {out}"):
        minicnn.train("shallow", out=out, **OPTIONS)
    monkeypatch.undo()
    if stopped == "among the trees":
        monkeypatch.setattr(hand_made, "grow", lambda *a, do=hand_made.grow: stop(*a, learn=do))
        calls[:] = [1, 1, 1, 1]
    resume(out, quiet=True)
    if stopped == "among the trees":
        assert len(calls) == 4 + 5  # three of eight classes had their trees
    for name in ("best", "last"):
        first, again = (checkpoints.load(f / f"{name}.safetensors")[0] for f in (run.folder, out))
        assert set(first) == set(again)
        assert all(np.array_equal(a, again[key]) for key, a in first.items())


def test_where_classes_are_balanced_pixels_may_be_drawn_several_times(monkeypatch):
    """One pixel in fifty is of the second class, and half of those that are drawn. Without
    balance, which is what ships, they come in the order in which they lie."""
    labels = np.zeros((40, 50), np.uint8)
    labels[3, :40] = 1

    class Some(hand_made.HandMade):
        def __init__(self, balance):
            options = TrainingOptions(patches=200, balance=balance)
            self.config = Config(
                "", ["a", "b"], {}, 0, training=options, seed=0, class_shares=[0.98, 0.02]
            )
            self.missed, self.views = {}, 1
            picture = Picture("p", np.zeros((40, 50, 3), np.uint8), labels)
            self.pictures = datasets.Split(SimpleNamespace(read=lambda name: picture), ["p"])

    places = []
    at = hand_made.PixelFeatures.at
    monkeypatch.setattr(
        hand_made.PixelFeatures, "at", lambda self, *at_: places.append(at_) or at(self, *at_)
    )
    for balance, share in ((1, 0.5), (0, 0.02)):
        task = Some(balance)
        ((features, named),) = task._collect(task._some)
        assert features.shape == (200, 761) and abs(named.mean() - share) < 0.1
    rows, columns = places[-1]
    left = only(labels, drawn(labels, 200, 0, None, randomness.generator(0, 7, 0)))
    np.testing.assert_array_equal(np.nonzero(left != VOID), (rows, columns))


def test_an_interrupt_between_two_files_is_no_price_lost(tmp_path, monkeypatch):
    """The price is in both or, in the one that a resumed run asks, not yet."""
    save, out = checkpoints.save, tmp_path / "run"

    def once(path, arrays, about):
        if about["options"].get("gamma") and path.name == "last.safetensors":
            raise KeyboardInterrupt
        save(path, arrays, about)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "save", once)
        minicnn.train("shallow", out=out, **OPTIONS | {"epochs": 2})
    assert checkpoints.load(out / "best.safetensors")[1]["options"]["gamma"]
    assert not checkpoints.load(out / "last.safetensors")[1]["options"]["gamma"]
    gamma = resume(out, quiet=True).config.options["gamma"]
    for name in ("best", "last"):
        assert checkpoints.load(out / f"{name}.safetensors")[1]["options"]["gamma"] == gamma


def test_a_line_of_the_log_that_a_kill_cut_short_is_written_anew(tmp_path, monkeypatch):
    grow, out, calls = hand_made.grow, tmp_path / "run", []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return grow(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(hand_made, "grow", stop)
        minicnn.train("shallow", out=out, **OPTIONS | {"epochs": 2})
    log = out / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-8])
    records = resume(out, quiet=True).log.records
    assert [r["trees"] for r in records if "trees" in r] == [1, 3, 4, 5, 6, 7, 8]


def test_logistic_regression_alone_needs_no_trees(tmp_path, monkeypatch):
    monkeypatch.setattr(hand_made, "booster", None)
    settings = SETTINGS | {"classifier": "logistic", "gamma": 2.0}
    run = minicnn.train("shallow", **OPTIONS | {"settings": settings})
    assert run.network.trees is None and run.network.weight.shape == (8, 761)
    assert run.config.options["gamma"] == 2 and not any("gamma" in r for r in run.log.records)
    assert run.log.records[-1]["val_accuracy"] > 0.2


def test_the_trees_alone_are_asked_by_the_command_line(run, capsys):
    words = ["evaluate", str(run.folder), "--json", "--set"]
    assert main([*words, "classifier=boosted"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["options"]["classifier"] == "boosted" and 0 < about["pixel_accuracy"] < 1
    assert main([*words, "labelling=potts"]) == 0
    gamma = run.config.options["gamma"]
    default = "potts" if gamma == 4 else f"potts(gamma={gamma})"
    assert json.loads(capsys.readouterr().out)["labelling"] == default
    assert main(["show", str(run.folder), "--filters"]) == 2
    assert main(["show", "shallow", "--layers"]) == 2
    err = capsys.readouterr().err
    assert "its filters are not learnt" in err and "has no layers: 33 channels" in err


def test_with_flip_the_pixels_of_mirrored_pictures_teach_too(monkeypatch):
    told = []

    def watch(task, draws, collect=hand_made.HandMade._collect):
        told.append((task, collect(task, *draws)))
        return told[-1][1]

    monkeypatch.setattr(hand_made.HandMade, "_collect", lambda task, *draws: watch(task, draws))
    flip = SETTINGS | {"flip": True}
    run = minicnn.train("shallow", **OPTIONS | {"epochs": 2, "settings": flip})
    ((task, ((features, labels), (grown, _))),) = told
    half, pictures = len(labels) // 2, task.pictures
    assert half == SETTINGS["patches"] * len(pictures) and len(grown) % 2 == 0
    steps = -(-2 * half // run.config.training.batch)
    assert task.steps_in_an_epoch() == steps and run.steps_done == 2 * steps
    mirrored = pictures[0].image[:, ::-1], pictures[0].labels[:, ::-1]
    pixels = np.sort(task._some(mirrored[1], len(pictures)))
    expected = hand_made.PixelFeatures(mirrored[0]).at(*np.divmod(pixels, mirrored[1].shape[1])).T
    first = slice(half, half + len(pixels))
    np.testing.assert_array_equal(features[first], expected)
    np.testing.assert_array_equal(labels[first], mirrored[1].ravel()[pixels])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"rotate": 8}, "rotate: shallow looks at its pictures as they are"),
        ({"patches": 0}, "patches=0: shallow learns from some pixels"),
        ({"classifier": "boosted"}, "train classifier=stacked, and ask its trees alone later"),
        ({"depth": 9}, "option depth=9: expected 1 to 8"),
    ],
)
def test_what_does_not_go_is_said(settings, sentence):
    with pytest.raises((TrainingError, ValueError), match=sentence):
        minicnn.train("shallow", **OPTIONS | {"settings": SETTINGS | settings})


def test_without_scikit_learn_the_command_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    with pytest.raises(boosting.MissingPackage, match="pip install scikit-learn"):
        minicnn.train("shallow", **OPTIONS)
