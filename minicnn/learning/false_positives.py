"""In which way are regions wrong? The false positives of InstanceScores, by kind.

    duplicate      J above the threshold with an object that a better region has found
    mislocalised   of the right class, but not well drawn: J above 0.1 with an object of it
    similar        J above 0.1 with an object of a class that looks like it: a dog for a cat
    other          J above 0.1 with an object of another class
    background     nothing is there

Two numbers tell what each kind costs: how many of the first regions, as many as there are objects,
are of it; and what mean AP would be if all of that kind were gone. Of mislocalised ones they would
not be gone but well drawn: right, where nobody has found the object.

Source: Hoiem, Chodpathumwan, Dai, Diagnosing error in object detectors, ECCV 2012; as Hariharan et
al. 2014 use it. Their file of classes that are not similar still holds the class itself.
"""

from dataclasses import replace

import numpy as np

from minicnn.learning.instance_matching import IGNORED, WRONG

KINDS = ("duplicate", "mislocalised", "similar", "other", "background")
NEAR = 0.1  # J from which on a region has to do with an object
SIMILAR = (
    "aeroplane bicycle boat bus car motorbike train",
    "bird cat cow dog horse person sheep",
    "bottle chair diningtable pottedplant sofa tvmonitor",
)


def kinds(scores, label, row, overlap):
    """int64 (n,): the place in KINDS of each wrong one of the Ranked regions `row` of a class, -1
    for others."""
    alike = similar_to(scores.classes, label)
    found = np.full(len(row.taken), -1)
    for k in np.flatnonzero(row.taken == WRONG):
        j, _, labels = _objects(scores, row, k)
        same = j[labels == label].max(initial=0)
        if same > overlap:
            found[k] = 0
        elif same > NEAR:
            found[k] = 1
        elif j[np.isin(labels, alike)].max(initial=0) > NEAR:
            found[k] = 2
        else:
            found[k] = 3 if j.max(initial=0) > NEAR else 4
    return found


def _objects(scores, row, k):
    """(J, places, labels) of the objects in the picture of region k."""
    one = scores.seen[row.pictures[k]]
    places = np.flatnonzero(~one.ignored)
    return one.masks[row.rows[k], places], places, one.objects[places]


def similar_to(classes, label):
    """The labels of the classes that look like one, without itself."""
    group = next((g.split() for g in SIMILAR if classes[label] in g.split()), [])
    return [k for k, name in enumerate(classes) if name in group and k != label]


def count_kinds(scores, overlap=0.5):
    """int64 (counted, 6): how many of the first regions of each class, as many as there are
    objects, are right, and of each of the KINDS."""
    table = np.zeros((len(scores.counted), 1 + len(KINDS)), np.int64)
    for line, label in zip(table, scores.counted, strict=True):
        row = scores.ranked(label, overlap)
        kind = kinds(scores, label, row, overlap)
        first = np.flatnonzero(row.taken != IGNORED)[: row.objects.sum()]
        line[0] = (row.taken[first] >= 0).sum()
        line[1:] = [(kind[first] == k).sum() for k in range(len(KINDS))]
    return table


def without_kinds(scores, overlap=0.5):
    """{kind: mean AP^r if no region were wrong in that way}."""
    areas = {kind: [] for kind in KINDS}
    for label in scores.counted:
        row = scores.ranked(label, overlap)
        kind = kinds(scores, label, row, overlap)
        for number, name in enumerate(KINDS):
            better = np.where(kind == number, IGNORED, row.taken)
            if name == "mislocalised":
                better = _well_drawn(scores, label, row, kind == number, better)
            areas[name].append(replace(row, taken=better).area()[0])
    areas = {name: [a for a in each if not np.isnan(a)] for name, each in areas.items()}
    return {name: round(float(np.mean(a)), 6) if a else None for name, a in areas.items()}


def _well_drawn(scores, label, row, wrong, taken):
    """`taken`, where each of the `wrong` regions, best first, takes the object of its class that it
    overlaps most, unless another region has it."""
    taken = taken.copy()
    held = {(p, t) for p, t in zip(row.pictures, row.taken, strict=True) if t >= 0}
    for k in np.flatnonzero(wrong):
        j, places, labels = _objects(scores, row, k)
        best = np.where(labels == label, j, -1).argmax()
        key = row.pictures[k], places[best]
        if key not in held:
            held.add(key)
            taken[k] = places[best]
    return taken
