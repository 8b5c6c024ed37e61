"""What `evaluate` says of pictures that the network has seen in training."""

from types import SimpleNamespace

import pytest
from support.datasets_samples import make_folder, make_iccv09

from minicnn import datasets
from minicnn.datasets import same_photograph
from minicnn.datasets.mapping import SHIPPED
from minicnn.datasets.registry import FINGERPRINTS
from minicnn.inference import seen
from minicnn.learning.config import Config, DataSource

PIXELS, REGIONS = SimpleNamespace(task="pixels"), SimpleNamespace(task="regions")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """50 pictures of stanford-background in five folds: of 40 the network learns from 36."""
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "home"))
    data = make_iccv09(tmp_path, count=50)
    datasets.install("stanford-background", data, say=lambda line: None)
    return tmp_path


def config(name, fold=None, **options):
    return Config("multi-scale", ["a"], {}, 0, data=DataSource(name, fold, options))


def note(trained, split, *data, network=PIXELS, **options):
    dataset = datasets.load(*data, **options)
    return seen.note(network, trained, dataset, dataset.names(split))


def test_folds_are_counted(home):
    first = config("stanford-background", fold=1)
    assert note(first, "test", "stanford-background", fold=1) == ""
    said = note(first, "test", "stanford-background", fold=2)
    names, other = (
        datasets.load("stanford-background", fold=k).names(s) for k, s in ((1, "val"), (2, "test"))
    )
    val = len({*names} & {*other})
    assert 0 < val < 10
    assert said == (
        f"{10 - val} of these 10 pictures were learnt from, and by {val} of them the weights that "
        "did best were chosen"
    )
    assert note(first, "test", "stanford-background", fold=2, mapping="common") == said
    all_of_them = "the network was trained on these very pictures"
    assert note(first, "train", "stanford-background", mapping="common") == all_of_them
    by_these = "by these very pictures the weights that did best were chosen"
    assert note(first, "val", "stanford-background", fold=1) == by_these
    assert note(first, "val", "stanford-background", fold=1, network=REGIONS) == ""
    first.overfit_one = True
    assert note(first, "val", "stanford-background", fold=1) == ""
    assert note(first, "train", "stanford-background").startswith("1 of these 36 pictures was l")


def test_data_sets_that_were_joined(home, monkeypatch):
    mine = make_folder(home / "mine")
    mapping = home / "mapping.txt"
    lines = "".join(f"{name} = {name}\n" for name in ("sky", "tree", "road"))
    mapping.write_text(f"{SHIPPED.read_text()}\n[mine]\n{lines}")
    trained = config(f"stanford-background+{mine}", fold=1, mapping=str(mapping))
    other = make_folder(home / "other" / "mine")  # called alike, and yet another
    with monkeypatch.context() as patch:
        patch.setattr(same_photograph, "fingerprint", None)  # nothing is read for it
        assert note(trained, "train", mine) is None
    datasets.load(trained.data.name, **trained.data.options)  # whoever trains it, finds the twins
    assert (datasets.data_home() / FINGERPRINTS).is_file()
    assert note(trained, "train", mine) == "the network was trained on these very pictures"
    assert note(trained, "train", other) == ""
    assert "learnt from" in note(trained, "test", "stanford-background", fold=2)


def test_scenes_of_another_seed():
    trained = config("scenes", train=5)
    assert "very pictures" in note(trained, "train", "scenes", train=4)
    assert note(trained, "train", "scenes", seed=1, train=4) == ""
    assert note(trained, "train", "scenes", train=10).startswith("5 of these 10 pictures were l")


def test_what_cannot_be_asked(home):
    for name, options in (("no-such", {}), (str(home / "gone"), {}), ("scenes", {"old": 1})):
        assert note(config(name, **options), "train", "scenes") is None
