"""How well are objects found? Overlap of masks, and average precision.

About 40 minutes; chapter 17.

A network finds regions, each with a score; in the pictures are objects. There is one at least of
both, and all are of one class. How well a region and an object of the same picture fit is

    J = pixels that are in both / pixels that are in either         of different pictures: J = 0

The regions of all pictures are taken together, the highest score first. Each looks at the objects
of its picture that are still free, and takes the one with the largest J, if that J is above the
threshold: then the region is right, and the object is no longer free. Else the region is wrong.
Down to the n-th region of this order

    precision[n] = how many were right / n          recall[n] = how many were right / all objects

and average precision is the area under the curve of these, each precision raised to the best that
comes at a larger recall, or at the same:

    AP = sum over n of (recall[n] - recall[n - 1]) * max(precision[n], precision[n + 1], ...)

    regions     bool (R, H, W); scores (R,), no two alike
    region_in   whole numbers (R,): the number of the picture of each region
    objects     bool (O, H, W); object_in whole numbers (O,): the picture of each object
    threshold   a number, mostly 0.5

Returns J, an array (R, O) of the dtype of the scores, and AP, a number.

By hand, pictures of one row of four pixels, threshold 0.5:

    objects    1 1 0 0  in picture 0        regions    1 1 1 0  in picture 0, score 0.9
               0 0 1 1  in picture 1                   1 1 0 0  in picture 0, score 0.8
                                                       0 0 1 1  in picture 1, score 0.7

J = 2/3 and 1 with the first object, 1 with the second. The first region is right, the second comes
too late, the third is right: precision 1, 1/2, 2/3 and recall 1/2, 1/2, 1. At recall 1/2 the best
that comes is 1, at recall 1 it is 2/3: AP = 1/2 * 1 + 1/2 * 2/3 = 5/6.
"""

import numpy as np

from minicnn.course.exercises import todo


def average_precision(regions, scores, region_in, objects, object_in, threshold):
    todo("J and AP")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import find_squares
from minicnn.labelling.regions.regions import Regions
from minicnn.learning import instance_scores
from minicnn.learning.instance_matching import region_overlaps

RETURNS = ("J", "AP")
HINTS = (
    "J first: for each region and each object (a & b).sum() / (a | b).sum(), where the pictures "
    "are the same.",
    "Keep a list of what is free. np.argsort(-scores) is the order of the regions.",
    "Note for each region whether it was right. Each that was makes recall larger by 1 / O; times "
    "what precision?",
)
OWN = instance_scores.average_precision


def truth(regions, scores, region_in, objects, object_in, threshold):
    j = np.zeros((len(regions), len(objects)), scores.dtype)
    found, there = [], []
    for picture in np.unique(np.concatenate([region_in, object_in])):
        rows, columns = np.flatnonzero(region_in == picture), np.flatnonzero(object_in == picture)
        found.append(Regions.of_masks(regions[rows], np.ones(len(rows)), scores[rows]))
        there.append(Regions.of_masks(objects[columns], np.ones(len(columns))))
        j[np.ix_(rows, columns)] = region_overlaps(found[-1], there[-1])
    return j, OWN(found, there, [1], threshold)[0]


def masks_of(*rows):
    return np.array([[[int(c) for c in row.split()]] for row in rows], bool)


def by_hand():
    regions = masks_of("1 1 1 0", "1 1 0 0", "0 0 1 1")
    args = regions, np.array([0.9, 0.8, 0.7]), np.array([0, 0, 1]), regions[1:], np.array([0, 1])
    return (*args, 0.5), (np.array([[2 / 3, 0], [1, 0], [0, 1]]), 5 / 6)


def draw(seed, regions, objects, pictures, size=(5, 6)):
    """Rectangles: objects, and regions of which most are objects that were moved a bit."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, np.array(size) - 2, (objects, 2))
    corners = np.concatenate([low, low + rng.integers(2, 4, (objects, 2))], axis=1)
    object_in = rng.integers(0, pictures, objects)
    of = rng.integers(0, objects, regions)
    moved = np.maximum(corners[of] + rng.integers(-1, 2, (regions, 4)) * (rng.random() < 0.9), 0)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    region_in = np.where(rng.random(regions) < 0.85, object_in[of], rng.integers(0, pictures))

    def drawn(boxes):
        masks = np.zeros((len(boxes), *size), bool)
        for mask, (top, left, bottom, right) in zip(masks, boxes, strict=True):
            mask[min(top, size[0] - 1) : bottom, min(left, size[1] - 1) : right] = True
        return masks

    scores = (rng.permutation(regions) + 1.0) / (regions + 1)
    return drawn(moved), scores, region_in, drawn(corners), object_in


def cases():
    yield "12 regions, 5 objects, 2 pictures", (*draw(0, 12, 5, 2), 0.5)
    yield "all in one picture", (*draw(1, 15, 6, 1), 0.4)
    yield "a lower threshold", (*draw(2, 14, 5, 2), 0.2)
    yield "a higher threshold", (*draw(3, 14, 4, 3), 0.7)
    one = masks_of("1 1 0 0", "1 1 1 1")
    numbers = np.zeros(2, np.int64)
    yield (
        "J just as large as the threshold",
        (one, np.array([2.0, 1.0]), numbers, one[1:], numbers[:1], 0.5),
    )
    yield "nothing is right", (one[:1], np.array([0.5]), numbers[:1], one[1:], numbers[1:] + 1, 0.5)
    near = masks_of("1 1 1 0", "0 1 1 1", "1 1 1 0", "0 1 1 1")
    near_to = masks_of("1 1 1 1", "1 1 1 0", "1 1 1 0", "1 1 1 1")
    order, pairs = np.array([4.0, 3.0, 2.0, 1.0]), np.array([0, 0, 1, 1])
    yield "a choice of two objects", (near, order, pairs, near_to, pairs, 0.6)
    yield "many regions", (*draw(4, 30, 8, 3), 0.3)


def arrays_of(predictions, truths, label):
    """The arguments of a case, of lists of Regions."""
    columns = [[], [], [], [], []]
    for picture, (found, there) in enumerate(zip(predictions, truths, strict=True)):
        found, there = found[found.classes == label], there[there.classes == label]
        both = (found.masks, found.scores, np.full(len(found), picture))
        for column, part in zip(
            columns, (*both, there.masks, np.full(len(there), picture)), strict=True
        ):
            column.append(part)
    return [np.concatenate(column) for column in columns]


def plug(answer):
    def average_precision(predictions, truths, classes, overlap=0.5, boxes=False):
        args = [arrays_of(predictions, truths, label) for label in classes]
        return np.array([float(answer(*one, overlap)[1]) for one in args])

    return replaced(instance_scores, average_precision=average_precision)


def train():
    """A network learns which squares of a picture are objects; the loss is 1 - AP."""
    return find_squares()


def key(regions, scores, region_in, objects, object_in, threshold):
    j = np.zeros((len(regions), len(objects)), scores.dtype)
    for r in range(len(regions)):
        for o in range(len(objects)):
            if region_in[r] == object_in[o]:
                both = (regions[r] & objects[o]).sum()
                either = (regions[r] | objects[o]).sum()
                j[r, o] = both / either
    free = [True] * len(objects)
    right, precision = [], []
    for r in np.argsort(-scores):
        best = -1
        for o in range(len(objects)):
            if free[o] and j[r, o] > threshold and (best == -1 or j[r, o] > j[r, best]):
                best = o
        if best >= 0:
            free[best] = False
        right.append(best >= 0)
        precision.append(sum(right) / len(right))
    ap = 0.0
    for n in range(len(right)):
        if right[n]:
            ap += max(precision[n:]) / len(objects)
    return j, ap


MUTANTS = {
    "sizes added": (
        "(regions[r] | objects[o]).sum()",
        "regions[r].sum() + objects[o].sum()",
        "What lies in both is counted twice below the line: a perfect region would have J = 1/2.",
    ),
    "share of the region": (
        "(regions[r] | objects[o]).sum()",
        "regions[r].sum()",
        "That is the share of the region that lies in the object. One pixel inside would be "
        "perfect.",
    ),
    "share of the object": (
        "(regions[r] | objects[o]).sum()",
        "objects[o].sum()",
        "That is the share of the object that was found. The whole picture would be perfect.",
    ),
    "across pictures": (
        "if region_in[r] == object_in[o]:",
        "if True:",
        "A region has found an object of another picture.",
    ),
    "an object is found again": (
        "free[best] = False",
        "pass",
        "Five regions on the same cat have found one cat, not five.",
    ),
    "the best, free or not": (
        "            if free[o] and j[r, o] > threshold and (best == -1 or j[r, o] > j[r, best]):\n"
        "                best = o\n",
        "            if j[r, o] > threshold and (best == -1 or j[r, o] > j[r, best]):\n"
        "                best = o\n"
        "        if best >= 0 and not free[best]:\n"
        "            best = -1\n",
        "The best object may be taken; the second best may still be free. Look among the free ones "
        "only.",
    ),
    "the first that is near enough": (
        "(best == -1 or j[r, o] > j[r, best])",
        "best == -1",
        "A region takes the first object with J above the threshold. It should be the one that it "
        "fits best.",
    ),
    "the last that is near enough": (
        " and (best == -1 or j[r, o] > j[r, best])",
        "",
        "A region takes the last object with J above the threshold. It should be the one that it "
        "fits best.",
    ),
    "at least the threshold": (
        "j[r, o] > threshold",
        "j[r, o] >= threshold",
        "J has to be above the threshold, not just as large.",
    ),
    "the worst first": (
        "np.argsort(-scores)",
        "np.argsort(scores)",
        "argsort begins with the smallest. Which region comes first?",
    ),
    "as they come": (
        "np.argsort(-scores)",
        "range(len(scores))",
        "The scores play no part in your answer.",
    ),
    "the curve as it is": (
        "max(precision[n:])",
        "precision[n]",
        "A precision that becomes better again further down the list is worth that much also "
        "before. What is max for?",
    ),
    "the best that came before": (
        "max(precision[n:])",
        "max(precision[: n + 1])",
        "You raise each precision to the best that came before; the first right region would make "
        "all of them 1.",
    ),
    "objects that were found": (
        "/ len(objects)\n",
        "/ max(sum(right), 1)\n",
        "Recall is a share of all objects, also of those that nobody has found.",
    ),
    "a mean over regions": (
        "max(precision[n:]) / len(objects)",
        "max(precision[n:]) / len(right)",
        "You divide by the number of regions. Who finds all objects and much else has recall 1.",
    ),
    "wrong ones count, too": (
        "        if right[n]:\n",
        "        if True:\n",
        "Where a region is wrong recall stays as it is, so the step is 0.",
    ),
}
