"""Scores of several processes: what each has counted of its pictures, taken together, is what one
counts of all."""

import numpy as np
import pytest

from minicnn.inference.objects import ObjectScores
from minicnn.labelling.regions.regions import Regions
from minicnn.learning.boundary_scores import BoundaryScores
from minicnn.learning.instance_scores import InstanceScores
from minicnn.learning.metrics import Confusion, typical
from minicnn.learning.ranks import Ranks

CLASSES = ("background", "cow", "sheep", "dog")
RNG = np.random.default_rng(0)


def regions():
    masks = RNG.random((3, 8, 9)) < 0.6
    return Regions.of_masks(masks, RNG.integers(1, 4, 3), RNG.random(3).astype(np.float32))


def add_objects(scores, found, truth):
    scores.add(found, truth)
    if getattr(scores, "pasted", None) is not None:
        scores.pasted.add(truth.masks[0].astype(np.uint8), found.masks[0].astype(np.uint8))


KINDS = {  # how one is made, and counts a picture
    "Confusion": (lambda: Confusion(CLASSES, sets=[(0, 1), (2, 3)]), Confusion.add),
    "Ranks": (lambda: Ranks(CLASSES), Ranks.add),
    "InstanceScores": (lambda: InstanceScores(CLASSES), add_objects),
    "ObjectScores": (lambda: ObjectScores(CLASSES), add_objects),
    "BoundaryScores": (lambda: BoundaryScores(5), BoundaryScores.add),
}


def pictures(kind):
    if kind == "Confusion":
        labels = [0, 1, 2, 3, 4, 5, 255]  # 4 and 5 are the sets
        return [(RNG.choice(labels, (5, 6)), RNG.integers(0, 4, (5, 6))) for _ in range(7)]
    if kind == "Ranks":
        return [(int(RNG.integers(4)), RNG.random(4)) for _ in range(7)]
    if kind == "BoundaryScores":
        return [(RNG.random((9, 9)), RNG.random((2, 9, 9)) < 0.3) for _ in range(7)]
    return [(regions(), regions()) for _ in range(7)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_halves_make_the_whole(kind):
    make, add = KINDS[kind]
    whole, first, second = make(), make(), make()
    for k, picture in enumerate(pictures(kind)):
        add(whole, *picture)
        add(first if k < 3 else second, *picture)
    assert first.as_dict() != whole.as_dict()
    first.take_in(second)
    assert first.as_dict() == whole.as_dict() and first.lines() == whole.lines()


def test_no_score_is_forgotten():
    """Whoever writes a class with take_in adds it above."""
    found = [Confusion, InstanceScores, BoundaryScores]
    for kind in found:
        found += [k for k in kind.__subclasses__() if k.__module__.startswith("minicnn.")]
    assert {kind.__name__ for kind in found} == set(KINDS)


def test_the_typical_time_leaves_out_the_first_where_there_are_more():
    assert typical([9.0, 1.0, 3.0, 2.0]) == 2
    assert typical([9.0]) == 9
    assert np.isnan(typical([]))
