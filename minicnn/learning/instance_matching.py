"""Which region found which object? The list of a class from which precision and recall are counted.

All regions of a class, from all pictures, are sorted by their scores. From the best on, each takes
the object of its class and picture that it overlaps most among those that are still free: right if
J = common pixels / pixels of both is above a threshold, else wrong. So an object is found once, and
whoever finds it again is wrong.

What is difficult, or a crowd, is no object here: a region that found no other one and lies in it
with more than that share of its pixels is neither right nor wrong.

Source: Hariharan et al. 2014, section 4.1; for crowds Lin et al. 2014.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.labelling.regions.regions import areas_of, common_of_boxes

WRONG, IGNORED = -1, -2  # instead of the number of an object


def region_overlaps(found, truth, boxes=False):
    """float64 (R, O): J of Regions with those of the truth, of masks or of boxes; for objects that
    are difficult, the share of the region that lies in them."""
    both = common_of_boxes(found.boxes, truth.boxes)
    if boxes:
        sizes, objects = areas_of(found.boxes), areas_of(truth.boxes)
    else:
        sizes, objects = (np.count_nonzero(of.masks, axis=(1, 2)) for of in (found, truth))
        for r, o in np.argwhere(both > 0):  # only where boxes meet is there anything to count
            top, left = np.maximum(found.boxes[r, :2], truth.boxes[o, :2])
            bottom, right = np.minimum(found.boxes[r, 2:], truth.boxes[o, 2:])
            part = np.s_[top:bottom, left:right]
            both[r, o] = np.count_nonzero(found.masks[r][part] & truth.masks[o][part])
    either = sizes[:, None] + objects - both
    if truth.difficult is not None:
        either = np.where(truth.difficult, sizes[:, None], either)
    return both / np.maximum(either, 1)


def match(j, ignored, overlap):
    """int64 (R,): the object that each region takes, WRONG or IGNORED. j (R, O), the best region
    first, and O objects of its class; ignored bool (O,): those that count for nothing."""
    taken, free = np.full(len(j), WRONG), ~ignored
    for r in range(len(j)):
        best = np.where(free, j[r], -1).argmax() if free.any() else None
        if best is not None and j[r, best] > overlap:
            taken[r], free[best] = best, False
        elif (j[r, ignored] > overlap).any():
            taken[r] = IGNORED
    return taken


def area_under(right, wrong, objects):
    """float64 (B,): the area under B curves of counts (B, n), down to each place of the list, each
    precision raised to the best that comes later; nan where there is no object. objects  (B,)."""
    recall = right / np.maximum(objects, 1)[:, None]
    precision = right / np.maximum(right + wrong, 1e-12)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    area = (np.diff(recall, axis=1, prepend=0) * best).sum(axis=1)
    return np.where(objects > 0, area, np.nan)


@dataclass(frozen=True)
class Seen:
    """What is kept of a picture: the classes and scores of its regions, best first, the classes of
    its objects, which of them are ignored, and J of masks and of boxes, (R, O)."""

    classes: np.ndarray
    scores: np.ndarray
    objects: np.ndarray
    ignored: np.ndarray
    masks: np.ndarray
    boxes: np.ndarray

    @classmethod
    def of(cls, found, truth):
        """Of the Regions found in a picture, and the truth."""
        found = found[np.argsort(-found.scores, kind="stable")]
        none = np.zeros(len(truth), bool)
        ignored = none if truth.difficult is None else truth.difficult
        j = (region_overlaps(found, truth, boxes) for boxes in (False, True))
        return cls(found.classes, found.scores, truth.classes, ignored, *j)


@dataclass(frozen=True)
class Ranked:
    """The regions of a class in a set, the best first: their scores, pictures, rows in their
    picture, and the object of it that they took, or WRONG or IGNORED, each (n,); objects
    (pictures,): how many of the class each picture has."""

    scores: np.ndarray
    pictures: np.ndarray
    rows: np.ndarray
    taken: np.ndarray
    objects: np.ndarray

    def curve(self):
        """(precision, recall, scores), each (n,), at each region that counts."""
        counted = self.taken != IGNORED
        right = np.cumsum(self.taken[counted] >= 0)
        precision = right / np.arange(1, len(right) + 1)
        return precision, right / max(self.objects.sum(), 1), self.scores[counted]

    def area(self, weights=None):
        """float64 (B,): AP if each picture came so many times, weights (B, pictures); once each by
        default."""
        weights = np.ones((1, len(self.objects)), np.int64) if weights is None else weights
        times = weights[:, self.pictures]
        right = np.cumsum(times * (self.taken >= 0), axis=1)
        wrong = np.cumsum(times * (self.taken == WRONG), axis=1)
        return area_under(right, wrong, weights @ self.objects)


def ranked(seen, label, overlap, boxes=False):
    """The Ranked regions of a class in a list of Seen pictures."""
    parts, objects = [], []
    for picture, one in enumerate(seen):
        rows, places = np.flatnonzero(one.classes == label), np.flatnonzero(one.objects == label)
        j = (one.boxes if boxes else one.masks)[np.ix_(rows, places)]
        taken = match(j, one.ignored[places], overlap)
        taken[taken >= 0] = places[taken[taken >= 0]]
        parts.append((one.scores[rows], np.full(len(rows), picture), rows, taken))
        objects.append(int((~one.ignored[places]).sum()))
    empty = (np.zeros(0, np.float32), *(np.zeros(0, np.int64),) * 3)
    columns = [np.concatenate(column) for column in zip(empty, *parts, strict=True)]
    order = np.argsort(-columns[0], kind="stable")
    return Ranked(*(column[order] for column in columns), np.array(objects, np.int64))
