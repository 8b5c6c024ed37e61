"""`sds` as a user meets it: trained, stopped and resumed, scored, asked for a photograph."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image
from support.region_samples import make_voc
from support.sds_runs import SMALL, tiny_sds

import minicnn
from minicnn import cli, datasets
from minicnn.datasets.dataset import Picture
from minicnn.datasets.instances import instance
from minicnn.labelling.regions.proposed import Proposed
from minicnn.learning import checkpoints, region_classifiers
from minicnn.learning.errors import TrainingError
from minicnn.learning.regions import Regions
from minicnn.learning.samples import Sample

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("higra", "sklearn"))), reason="the extra [regions] is not installed"
)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """Proposals are kept here, not where those of the user are."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MINICNN_DATA", str(folder))
        yield folder


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    """Pictures with a square each, of a bird or of a cat."""
    return make_voc(tmp_path_factory.mktemp("voc"), 10, 2, (3, 8))


@pytest.fixture(scope="module")
def run(home, voc, tmp_path_factory):
    return tiny_sds(voc, tmp_path_factory.mktemp("runs") / "sds", classifier="svm")


# -------------------------------------------------------------------------------- what is learnt
def sample(objects=True):
    """A picture of four quarters, of which the first is an object of class 5."""
    leaves = np.repeat(np.repeat([[0, 1], [2, 3]], 10, axis=0), 10, axis=1)
    mask = leaves == 0
    mask[9] = False
    found = [instance(5, mask)] if objects else []
    labels = np.where(mask, 5, 0).astype(np.uint8)
    picture = Picture("p", np.zeros((20, 20, 3), np.uint8), labels, objects=tuple(found))
    regions = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]], bool)
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [10, 0, 20, 10]])
    nothing = np.zeros((0, 20, 20), bool)
    proposed = Proposed(leaves.astype(np.uint16), np.packbits(regions, axis=1), boxes, nothing)
    return Sample.of(picture, lambda image: proposed, 0)


def test_a_quarter_of_a_batch_are_objects():
    one = sample()
    assert one.count == 3 and len(one.proposed) == 4
    assert np.allclose(one.overlaps["regions"][:, 0], [0.9, 0.45, 0, 1])
    assert np.allclose(one.with_class(5), [0.9, 0.45, 0, 1]) and not one.with_class(4).any()
    drawn = [one.drawn("regions", np.random.default_rng(k), 1, 3, 9) for k in range(40)]
    for places, classes in drawn:
        assert classes.tolist() == [5, 9, 9, 9]
        assert places[0] in (0, 3) and set(places[1:]) <= {1, 2}
    assert {places[0] for places, _ in drawn} == {0, 3}
    places, classes = sample(objects=False).drawn("regions", np.random.default_rng(0), 1, 3, 9)
    assert classes.tolist() == [9] * 4 and len(places) == 4


def test_all_that_is_learnt_is_in_the_file(run):
    assert not (run.folder / "features").exists()
    for name in (checkpoints.BEST, checkpoints.LAST):
        network = checkpoints.restore(run.folder / name)[0]
        assert network.has_svms and network.refinement is not None
        assert (network.least.numpy() != 0).all()
        for key in ("svm", "cells", "vote", "least"):
            assert (network.state()[key].data == run.network.state()[key].data).all()
    records = [r for r in run.log.records if "val_accuracy" in r]
    assert records and "val_objects" in records[-1]
    held = {key for r in run.log.records for key in r if key.startswith("held_")}
    assert held == {f"held_{way}{r}" for way in ("softmax", "svm") for r in ("", "_refined")}


def test_a_stopped_run_ends_with_the_same_bits(run, voc, tmp_path, monkeypatch):
    """Stopped in its proposals, and again when the refinement was learnt."""
    folder = tmp_path / "run"

    def stopping(original, turns):
        turns = iter(turns)

        def do(*args, **options):
            if next(turns, False):
                raise KeyboardInterrupt
            return original(*args, **options)

        return do

    with monkeypatch.context() as patch:
        patch.setattr(Sample, "of", stopping(Sample.of, [False, False, True]))
        patch.setattr("minicnn.learning.regions.EVERY", 1)
        with pytest.raises(KeyboardInterrupt, match="after the proposals of 2 pictures; go on"):
            tiny_sds(voc, folder, classifier="svm")
    with monkeypatch.context() as patch:
        learn = stopping(region_classifiers.learn_refinement, [True])
        patch.setattr(region_classifiers, "learn_refinement", learn)
        with pytest.raises(KeyboardInterrupt, match="behind the last step; go on with: minicnn"):
            minicnn.resume(folder, quiet=True)
    assert (folder / "features").is_dir()
    resumed = minicnn.resume(folder, quiet=True)
    for key, p in run.network.state().items():
        assert (p.data == resumed.network.state()[key].data).all(), key


def test_stopped_in_its_last_look_it_goes_on_from_there(voc, tmp_path, monkeypatch):
    def stop(self, count=None):
        raise KeyboardInterrupt

    whole = tiny_sds(voc, classifier="softmax")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="after step 4"):
        patch.setattr(Regions, "validate", stop)
        tiny_sds(voc, tmp_path / "run", classifier="softmax")
    resumed = minicnn.resume(tmp_path / "run", quiet=True)
    assert resumed.config.best == whole.config.best
    for key, p in whole.network.state().items():
        assert (p.data == resumed.network.state()[key].data).all(), key


def test_a_look_at_some_is_at_some_evenly_spread(run, monkeypatch):
    seen, right = [], (minicnn.Tensor(np.eye(2)), np.array([0, 1]))
    monkeypatch.setattr(run.task, "others", list("abcdefgh"))
    monkeypatch.setattr(run.task, "_of", lambda sample, *_: seen.append(sample))
    monkeypatch.setattr(run.task, "_answers", lambda batch: [right])
    assert run.task.validate(4)["val_accuracy"] == 1
    run.task.validate()
    assert "".join(seen) == "aceg" + "abcdefgh"


def test_networks_a_and_b_learn_and_go_on(voc):
    a = tiny_sds(voc, net="A", steps=2)
    assert not a.network.has_svms and a.network.refinement is not None
    b = tiny_sds(voc, net="B", steps=2, start=a)
    assert "region.conv1.weight" in b.config.start.taken
    assert b.config.start.new == ["fc8_region.weight", "fc8_region.bias"]


def test_what_goes_wrong_is_said(voc, tmp_path):
    with pytest.raises(TrainingError, match="rotate is not for regions that are cut out"):
        tiny_sds(voc, rotate=3)
    with pytest.raises(ValueError, match="option net='D': choose A or B or C"):
        tiny_sds(voc, net="D")
    with pytest.raises(checkpoints.CheckpointError, match="alexnet.*no weight in it fits"):
        tiny_sds(voc, start=None)
    small = {"size": (32, 48), "train": 4, "val": 1, "seed": 5}
    plain = datasets.load("scenes", **small)
    for name in plain.names("train"):
        picture = plain.read(name)
        for folder, array in (("images", picture.image), ("labels", picture.labels)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(array).save(tmp_path / folder / f"{name}.png")
    lines = "".join(f"{k}\t{name}\n" for k, name in enumerate(plain.classes))
    (tmp_path / "classes.txt").write_text(lines)
    with pytest.raises(datasets.DataError, match="no training picture has an object with a mask"):
        minicnn.train("sds", tmp_path, steps=1, settings=SMALL, start="none", quiet=True)


# ------------------------------------------------------------------------------- what one does
def test_scored(run, tmp_path, capsys):
    result = minicnn.evaluate(run, split="val", examples=1)
    assert result.pictures == 2 and result.confusion.what == "objects"
    text = "\n".join(result.lines())
    assert "mean IoU" in text and "s a picture" in text and "mean AP^r" in repr(result)
    command = ["evaluate", str(run.folder), "--split", "val", "--set", "classifier=svm"]
    assert cli.main([*command, "refine=no", "--out", str(tmp_path / "o"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["options"]["refine"] == "no" and "mean_ap_r" in found
    assert {p.name for p in (tmp_path / "o").iterdir()} >= {"sheet-1.png", "objects.png"}
    assert cli.main([*command, "labelling=crf"]) == 2
    assert "finds objects one by one" in capsys.readouterr().err


def test_asked_for_a_photograph(run, voc, tmp_path, capsys):
    image = Image.open(voc / "JPEGImages/p11.jpg").resize((130, 97))
    image.save(tmp_path / "photo.png")
    run.network.least.data[...] = 0.0
    checkpoints.export(run, tmp_path / "mine.safetensors")
    command = [
        "segment",
        str(tmp_path / "photo.png"),
        "--model",
        str(tmp_path / "mine.safetensors"),
    ]
    out = tmp_path / "o"
    assert cli.main([*command, "--out", str(out), "--set", "classifier=softmax", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["pictures"][0]["objects"]
    names = {"photo-overlay.png", "photo-labels.png", "photo-objects.png", "photo-objects.json"}
    assert {p.name for p in out.iterdir()} == names
    numbers = np.array(Image.open(out / "photo-objects.png"))
    assert numbers.shape == (97, 130) and 1 <= numbers.max() <= len(found) <= 10
    written = json.loads((out / "photo-objects.json").read_text())
    assert [one["score"] for one in written["annotations"]] == [one["score"] for one in found]
    labels = np.array(Image.open(out / "photo-labels.png"))
    assert (labels[numbers == 0] == 0).all() and (labels[numbers > 0] > 0).any()
    assert cli.main([*command, "--out", str(out), "--stages"]) == 2
    assert "--stages shows what a labelling does" in capsys.readouterr().err
    assert cli.main(["segment", str(out), *command[2:], "--out", str(tmp_path / "p")]) == 2
    assert "there is no picture in this folder" in capsys.readouterr().err


def test_a_picture_without_an_object(run):
    run.network.least.data[...] = 2.0  # no score is above it
    found = minicnn.segment(np.full((20, 31, 3), 90, np.uint8), run)
    assert len(found.objects) == 0 and "no objects" in repr(found)
    assert (found.labels == 0).all() and found.overlay().shape == (20, 31, 3)
    assert minicnn.segment(np.zeros((1, 1, 3), np.uint8), run).labels.shape == (1, 1)


def test_told_and_drawn(run, tmp_path, capsys):
    assert cli.main(["info", str(run.folder)]) == 0
    assert "net=C" in capsys.readouterr().out
    assert cli.main(["show", str(run.folder), "--out", str(tmp_path / "s")]) == 0
    assert "region accuracy" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "s").iterdir()} >= {"filters.png", "curves.png"}
    assert cli.main(["show", "sds", "--layers"]) == 0
    assert "for a crop of 56x56 pixels" in capsys.readouterr().out
    assert cli.main(["export", str(run.folder), str(tmp_path / "n.onnx")]) == 2
    assert "cannot be written as an ONNX file" in capsys.readouterr().err
