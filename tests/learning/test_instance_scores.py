"""Average precision of regions: cases worked out by hand, COCO's own program where it is
installed, intervals, and in which way regions are wrong."""

import json

import numpy as np
import pytest

from minicnn.figures.instance_scores import instance_scores_figure
from minicnn.inference.coco_json import annotated, results
from minicnn.labelling.regions.regions import Regions
from minicnn.learning.false_positives import KINDS, similar_to, without_kinds
from minicnn.learning.instance_matching import IGNORED, match, region_overlaps
from minicnn.learning.instance_scores import InstanceScores, average_precision

NAMES = ("background", "cat", "dog", "car")


def stripes(*rows, size=20):
    """bool (R, 1, size): of one row of pixels, those from a to b."""
    masks = np.zeros((len(rows), 1, size), bool)
    for mask, (a, b) in zip(masks, rows, strict=True):
        mask[0, a:b] = True
    return masks


def found(*regions):
    """Regions from (a, b, class, score)."""
    masks = stripes(*((a, b) for a, b, *_ in regions))
    return Regions.of_masks(masks, [r[2] for r in regions], [r[3] for r in regions])


def truth(*objects):
    """Regions from (a, b, class) or (a, b, class, True) for a difficult one."""
    masks = stripes(*((a, b) for a, b, *_ in objects))
    difficult = [len(one) > 3 for one in objects]
    return Regions.of_masks(masks, [one[2] for one in objects], None, difficult)


TRUTHS = [truth((0, 10, 1), (10, 20, 1)), truth((0, 10, 1))]
FOUND = [
    found((0, 10, 1, 0.9), (0, 9, 1, 0.7)),  # right; the same object again
    found((12, 20, 1, 0.8), (0, 6, 1, 0.6)),  # nothing there; right with J = 0.6
]


# ------------------------------------------------------------------------------------- by hand
def test_right_wrong_wrong_right():
    # precision 1, 1/2, 1/3, 1/2 at recall 1/3, 1/3, 1/3, 2/3: 1/3 * 1 + 1/3 * 1/2
    assert np.isclose(average_precision(FOUND, TRUTHS, [1])[0], 1 / 2)
    # above J = 0.6 the last one is wrong
    assert np.isclose(average_precision(FOUND, TRUTHS, [1], overlap=0.6)[0], 1 / 3)
    scores = scored(FOUND, TRUTHS)
    precision, recall, at = scores.ranked(1).curve()
    assert np.allclose(precision, [1, 1 / 2, 1 / 3, 1 / 2])
    assert np.allclose(recall, [1 / 3, 1 / 3, 1 / 3, 2 / 3]) and np.allclose(
        at, [0.9, 0.8, 0.7, 0.6]
    )
    assert np.isclose(scores.ap_volume[0], (5 * 1 / 2 + 4 * 1 / 3) / 9)


def scored(predictions, truths, names=NAMES, **options):
    scores = InstanceScores(names, **options)
    for one, other in zip(predictions, truths, strict=True):
        scores.add(one, other)
    return scores


def test_pictures_that_several_processes_have_seen():
    whole = scored(FOUND, TRUTHS)
    first, second = (scored(FOUND[k : k + 1], TRUTHS[k : k + 1]) for k in (0, 1))
    first.ap()  # what was known before the others came counts no more
    first.take_in(second)
    assert first.as_dict() == whole.as_dict()


def test_boxes_are_another_matter():
    ring = np.zeros((1, 6, 6), bool)
    ring[0] = True
    ring[0, 1:5, 1:5] = False
    one, whole = Regions.of_masks(ring, [1], [1.0]), Regions.of_masks(np.ones((1, 6, 6)), [1])
    assert np.isclose(region_overlaps(one, whole)[0, 0], 20 / 36)
    assert region_overlaps(one, whole, boxes=True)[0, 0] == 1
    assert average_precision([one], [whole], [1], 0.6)[0] == 0
    assert average_precision([one], [whole], [1], 0.6, boxes=True)[0] == 1


def test_a_region_takes_the_free_object_that_it_overlaps_most():
    j = np.array([[0.6, 0.7], [0.9, 0.95], [0.8, 0.8]])
    none = np.zeros(2, bool)
    assert match(j, none, 0.5).tolist() == [1, 0, -1]
    assert match(j, np.array([False, True]), 0.5).tolist() == [0, IGNORED, IGNORED]
    assert match(j[:, :0], none[:0], 0.5).tolist() == [-1] * 3


def test_what_is_difficult_is_neither_right_nor_wrong():
    truths = [truth((0, 10, 1), (10, 20, 1, True))]
    predictions = [found((11, 13, 1, 0.9), (12, 15, 1, 0.8), (0, 10, 1, 0.7), (2, 8, 1, 0.6))]
    scores = scored(predictions, truths)
    assert scores.ranked(1).taken.tolist() == [IGNORED, IGNORED, 0, -1]
    assert scores.ap()[0] == 1 and scores.objects[0] == 1
    only = [truth((0, 10, 1, True))]
    assert np.isnan(average_precision([found((0, 10, 1, 1.0))], only, [1])[0])


def test_classes_without_objects_and_pictures_without_regions():
    scores = scored([found(), found((0, 10, 3, 0.5))], [truth((0, 10, 1)), truth()])
    assert scores.ap().tolist()[0] == 0 and np.isnan(scores.ap()[1:]).all()
    assert scores.mean_ap() == 0 and scores.interval() == (0, 0)
    nothing = InstanceScores(NAMES)
    assert np.isnan(nothing.mean_ap()) and np.isnan(nothing.interval()).all()
    assert json.loads(json.dumps(nothing.as_dict()))["mean_ap_r"] is None
    for none in (scored([found()], [truth()]), nothing):
        (said,) = none.lines()
        assert "there is nothing to score" in said


def test_pictures_of_two_sizes():
    with pytest.raises(ValueError, match="and a truth of"):
        InstanceScores(NAMES).add(Regions.none((3, 3)), Regions.none((3, 4)))


def test_everything_in_words_and_numbers():
    scores = scored(FOUND, TRUTHS, counted=(1, 2))
    said = "\n".join(scores.lines())
    assert "cat" in said and "50.0" in said and "dog" not in said  # there is no dog
    about = json.loads(json.dumps(scores.as_dict()))
    assert about["ap_r"] == {"cat": 0.5} and about["objects"] == {"cat": 3}
    assert about["kinds"]["cat"]["right"] == 1 and "right 33%, duplicate 33%" in said
    assert len(about["mean_ap_r_interval"]) == 2 and about["pictures"] == 2
    assert scores.in_short().startswith("mean AP^r 50.0%")
    assert len(instance_scores_figure(scores, "a").axes) == 2
    assert instance_scores_figure(InstanceScores(NAMES))


# --------------------------------------------------------------------------------------- intervals
def test_weights_are_pictures_that_come_again():
    scores = scored(FOUND, TRUTHS)
    again = scored([FOUND[0], FOUND[0], FOUND[1]], [TRUTHS[0], TRUTHS[0], TRUTHS[1]])
    weighted = scores.ranked(1).area(np.array([[2, 1], [1, 1], [0, 1]]))
    assert np.isclose(weighted[1], scores.ap()[0])
    assert np.isclose(weighted[0], again.ap()[0])
    assert np.isclose(weighted[2], scored(FOUND[1:], TRUTHS[1:]).ap()[0])


def test_intervals_hold_the_value_and_are_the_same_each_time():
    rng = np.random.default_rng(0)
    predictions, truths = drawn(rng, 40)
    scores = scored(predictions, truths)
    low, high = scores.interval(rounds=200)
    assert low < scores.mean_ap() < high and (low, high) == scores.interval(rounds=200)
    assert scores.interval(rounds=200, seed=1) != (low, high)
    better = scored([t for t in truths], truths)
    gain = better.bootstrap(rounds=200) - scores.bootstrap(rounds=200)
    assert gain.min() > 0 and np.isclose(better.mean_ap(), 1)


def drawn(rng, count, difficult=0.0):
    """(predictions, truths) of pictures of 12 x 14 with rectangles of three classes, of which some
    are found, well or badly, twice, or as another class."""
    predictions, truths = [], []
    for _ in range(count):
        masks, classes, regions, labels = [], [], [], []
        for _ in range(rng.integers(0, 4)):
            top, left = rng.integers(0, 8), rng.integers(0, 9)
            height, width = rng.integers(3, 6, 2)
            mask = np.zeros((12, 14), bool)
            mask[top : top + height, left : left + width] = True
            masks.append(mask)
            classes.append(rng.integers(1, 4))
            for _ in range(rng.integers(0, 4)):
                other = np.zeros((12, 14), bool)
                a, b = rng.integers(-1, 2, 2)
                other[max(top + a, 0) : top + a + height, max(left + b, 0) : left + b + width] = (
                    True
                )
                regions.append(other)
                labels.append(classes[-1] if rng.random() < 0.8 else rng.integers(1, 4))
        shape = (0, 12, 14)
        scores = rng.permutation(1000)[: len(regions)] / 1000
        predictions.append(
            Regions.of_masks(np.array(regions).reshape(-1, *shape[1:]), labels, scores)
        )
        hard = rng.random(len(masks)) < difficult
        truths.append(
            Regions.of_masks(np.array(masks).reshape(-1, *shape[1:]), classes, None, hard)
        )
    return predictions, truths


# -------------------------------------------------------------------------------- COCO's program
@pytest.mark.parametrize("overlap", [0.5, 0.75])
def test_like_cocos_own_program(overlap, capsys):
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    predictions, truths = drawn(np.random.default_rng(3), 60, difficult=0.2)
    theirs = COCO()
    names = {f"{k}.png": one for k, one in enumerate(truths)}
    theirs.dataset = annotated(names, NAMES, scores=False)
    theirs.createIndex()
    said = [one for k, p in enumerate(predictions) for one in results(p, k + 1)]
    evaluation = COCOeval(theirs, theirs.loadRes(said), "segm")
    step = 1e-6  # there J is at least the threshold, here above it
    evaluation.params.iouThrs = np.array([overlap + step])
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, 2]  # 101 recalls, classes; all sizes
    ours = scored(predictions, truths)
    for k, label in enumerate(ours.counted):
        assert np.allclose(precision[:, k], at_101(*ours.ranked(label, overlap).curve()[:2]))
    mean = ours.mean_ap(overlap)
    assert abs(precision.mean() - mean) < 0.02  # 101 points are not the area, but near it


def at_101(precision, recall):
    """The precision, raised to the best that comes later, at 101 recalls."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return np.append(best, 0)[np.minimum(places, len(best))]


# ------------------------------------------------------------------------------- false positives
def test_each_kind_of_wrong():
    truths = [truth((0, 10, 1), (10, 14, 2), (14, 18, 3))]
    predictions = [
        found(
            (0, 10, 1, 0.9),  # right
            (0, 9, 1, 0.8),  # the same once more
            (0, 3, 1, 0.7),  # a part of it
            (10, 14, 1, 0.6),  # a dog
            (14, 18, 1, 0.5),  # a car
            (18, 20, 1, 0.4),  # nothing
        )
    ]
    scores = scored(predictions, truths)
    from minicnn.learning.false_positives import kinds

    assert kinds(scores, 1, scores.ranked(1), 0.5).tolist() == [-1, 0, 1, 2, 3, 4]
    assert similar_to(NAMES, 1) == [2] and similar_to(NAMES, 3) == []
    assert scores.false_positives().tolist()[0] == [1, 0, 0, 0, 0, 0]  # one object, one region
    assert set(scores.as_dict()["mean_ap_r_without"]) == set(KINDS)


def test_what_would_be_gained():
    truths = [truth((0, 10, 1)), truth((0, 10, 1))]
    predictions = [found((0, 4, 1, 0.9), (12, 20, 1, 0.8)), found((0, 10, 1, 0.7))]
    scores = scored(predictions, truths, counted=(1,))
    assert np.isclose(scores.mean_ap(), 1 / 6)  # wrong, wrong, right: 1/3 at recall 1/2
    gains = without_kinds(scores)
    assert np.isclose(gains["background"], 1 / 4)  # wrong, right
    assert np.isclose(gains["mislocalised"], 1 / 2 + 1 / 2 * 2 / 3)  # right, wrong, right
    assert np.isclose(gains["duplicate"], 1 / 6)
