"""Boundaries: how they are scored, and how the network of edges learns them."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from support.region_samples import make_bsds

import minicnn
from minicnn import cli
from minicnn.datasets import VOID, Contours
from minicnn.engine.tensor import Tensor
from minicnn.learning import checkpoints
from minicnn.learning.boundaries import ALL, part, shares
from minicnn.learning.boundary_scores import (
    BoundaryScores,
    agreement,
    compare,
    f_measure,
    pair_up,
)


def drawn(*pixels, size=(12, 16)):
    found = np.zeros(size, bool)
    for pixel in pixels:
        found[pixel] = True
    return found


def test_a_chain_of_pixels_gives_way():
    """On a row, reach 1: drawn 1 3 5, true 2 4 0. The nearest-first choice has to be undone."""
    most = 1 / np.hypot(12, 16)
    a, b = drawn((4, 1), (4, 3), (4, 5)), drawn((4, 2), (4, 4), (4, 6))
    ours, theirs = pair_up(a, b, most)
    assert ours.sum() == theirs.sum() == 3
    ours, theirs = pair_up(a, drawn((4, 2), (4, 4)), most)
    assert ours.sum() == theirs.sum() == 2
    assert pair_up(a, drawn((5, 2)), most)[0].sum() == 0  # the diagonal is longer than 1
    assert pair_up(a, drawn(), most)[0].sum() == pair_up(drawn(), b, most)[1].sum() == 0


@pytest.mark.parametrize("seed", range(6))
def test_as_many_pairs_as_can_be(seed):
    """Against scipy's matching, on random pixels."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 20, 30)) < rng.uniform(0.02, 0.4)
    reach = rng.uniform(1, 3.5)
    ours, theirs = pair_up(a, b, reach / np.hypot(20, 30))
    p, q = np.argwhere(a), np.argwhere(b)
    near = ((p[:, None] - q[None]) ** 2).sum(axis=2) <= reach**2
    best = (maximum_bipartite_matching(csr_array(near), perm_type="column") >= 0).sum()
    assert ours.sum() == theirs.sum() == best
    assert not (ours & ~a).any() and not (theirs & ~b).any()


def test_counts_by_hand():
    """Two people; of three drawn pixels one is near one of the first, one near one of the
    second."""
    people = np.stack([drawn((2, 2), (8, 8)), drawn((2, 8))])
    counts = compare(drawn((2, 3), (2, 9), (10, 1)), people, 1.1 / 20)
    assert counts.tolist() == [2, 3, 2, 3]
    f, precision, recall = f_measure(counts)
    assert precision == recall == f == pytest.approx(2 / 3)
    assert f_measure([0, 3, 0, 0])[0] == 0
    assert agreement(np.stack([people[0], people[0]]), 0.01).tolist() == [4, 4, 4, 4]


def test_the_best_threshold_for_all_and_for_each():
    """Of one picture the strong lines are right, of the other also the weak ones."""
    lines = np.zeros((12, 16))
    lines[3], lines[8] = 0.9, 0.3
    scores = BoundaryScores(4)  # 0.2, 0.4, 0.6, 0.8
    scores.add(lines, (lines > 0.5)[None])
    scores.add(lines, (lines > 0.1)[None])
    assert scores.ois == 1
    assert scores.ods == pytest.approx(6 / 7) and scores.threshold == 0.2
    precision, recall = scores.curve()
    assert precision[0] == pytest.approx(3 / 4) and recall[0] == 1


# -------------------------------------------------------------------------------- how it is learnt
SETTINGS = {"width": 0.5, "crop": 32, "validations": 1, "lr": 0.02, "warm_up": 0}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_bsds(tmp_path_factory.mktemp("data") / "bsds", count=5, scale=6)


def train(root, out=None, steps=3, **settings):
    options = {"settings": SETTINGS | settings, "seed": 1, "quiet": True}
    return minicnn.train("edges", root, out=out, steps=steps, **options)


def test_the_truth_of_a_pixel_and_a_part_of_a_picture():
    people = np.stack([drawn((4, 4)), drawn((4, 5)), drawn((9, 9)), drawn()])
    labels = shares(people)
    assert labels[4, 4] == labels[4, 5] == ALL / 2 and labels[9, 9] == labels[3, 4] == ALL / 4
    assert labels[0, 0] == 0 and labels[4, 7] == 0
    picture = minicnn.datasets.Picture("a", np.zeros((12, 16, 3), np.uint8), labels)
    rng = np.random.default_rng(0)
    for side, shape in ((5, (5, 5)), (14, (12, 14)), (0, (12, 16))):
        image, found = part(picture, side, rng)
        assert found.shape == image.shape[:2] == shape


def test_the_balanced_loss_by_hand(root):
    """Against the formula of models/edges.py, void left out."""
    task = train(root).task
    labels = np.random.default_rng(0).choice([0, 50, 100, VOID], (1, 1, 32, 32)).astype(np.uint8)
    planes = np.random.default_rng(1).normal(size=(1, 9, 32, 32)).astype(np.float32)
    loss, right = task.loss((planes, labels))
    p = 1 / (1 + np.exp(-task.network(Tensor(planes)).numpy().astype(float)))
    known = labels != VOID
    t, p = labels[known] / 100, p[known]
    e = t.mean()
    by_hand = -((1 - e) * t * np.log(p) + e * (1 - t) * np.log(1 - p)).mean() / e
    assert loss.item() == pytest.approx(by_hand, rel=1e-4)
    assert right == pytest.approx(((p > 0.5) == (t > 0.5)).mean())


def test_it_learns_and_is_evaluated(root, tmp_path, capsys):
    run = train(root, tmp_path / "run", 80)
    losses = [r["loss"] for r in run.log.records if "loss" in r]
    assert losses[-1] < 0.75 * losses[0]
    assert run.config.best.val_accuracy > 0.3 and run.task.accuracy == "F"
    assert cli.main(["evaluate", str(run.folder), "--out", str(tmp_path / "o")]) == 0
    assert "F, ODS" in capsys.readouterr().out and (tmp_path / "o/curve.png").is_file()
    assert cli.main(["evaluate", str(run.folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["ods"] <= 1 and 0 < found["ois"] <= 1 and found["pictures"] == 5
    assert cli.main(["segment", "nothing.png", "--model", str(run.folder)]) == 2
    assert "finds where things end, not what they are" in capsys.readouterr().err


def test_a_resumed_run_is_the_same(root, tmp_path):
    """What a step draws follows from its number alone."""
    constant = {"schedule": "constant"}
    train(root, tmp_path / "whole", 6, **constant)
    train(root, tmp_path / "half", 3, **constant)
    arrays, header = checkpoints.load(tmp_path / "half/last.safetensors")
    checkpoints.save(tmp_path / "half/last.safetensors", arrays, header | {"total_steps": 6})
    minicnn.resume(tmp_path / "half", quiet=True)
    again, _ = checkpoints.load(tmp_path / "half/last.safetensors")
    whole, _ = checkpoints.load(tmp_path / "whole/last.safetensors")
    assert all((a == again[k]).all() for k, a in whole.items())


def test_what_does_not_go_together_is_said(root):
    for data, settings, text in (
        ("scenes", {}, "edges learns from pictures with boundaries that people drew, and scenes"),
        (root, {"balance": 1}, "balance goes with labels or classes"),
        (root, {"patches": 9}, "patches goes with labels or classes"),
    ):
        with pytest.raises(ValueError, match=text):
            minicnn.train("edges", data, steps=1, settings=settings, quiet=True)
    with pytest.raises(ValueError, match="multi-scale learns from pictures with a label for every"):
        minicnn.train("multi-scale", root, steps=1, quiet=True)


def test_edges_of_pictures_of_any_size():
    network = minicnn.models.find("edges")[0](width=0.3)
    for size in ((1, 1), (7, 30), (33, 20)):
        image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        found = network.predict(image)
        assert found.shape == size and found.dtype == np.float32 and (0 < found).all()
    assert repr(Contours("a", image, np.zeros((2, 33, 20), bool), None)).endswith("by 2 people>")
    assert network.preprocess(image)[0].shape == (9, 72, 56)
