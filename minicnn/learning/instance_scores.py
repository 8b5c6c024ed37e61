"""Are the objects found, one by one, and drawn? Average precision of regions, AP^r.

    scores = InstanceScores(classes)                 names of all labels
    scores.add(found, truth)                         Regions of each picture
    scores.ap(0.5), scores.ap_volume, scores.ap(0.5, boxes=True)
    scores.interval(), scores.lines()

Of each class all regions of all pictures are put in a row by their scores, and each is right or
wrong (instance_matching.py): right if it has J > 0.5 with an object that nobody better has found.
Down to each place of that row,

    precision = right / (right + wrong)        recall = right / objects

and AP is the area under the curve, after each precision was raised to the best that comes at a
larger recall. AP^r_vol is the mean of AP^r with J > 0.1, 0.2, ..., 0.9; AP^b is AP of boxes.

The paper takes this area, as VOC has done since 2010. COCO's program takes the mean of the
precision at 101 recalls instead, 0, 0.01, ..., 1, and J at least the threshold.

Source: Hariharan et al. 2014, section 4.1; Everingham et al. 2010.
"""

import numpy as np

from minicnn.learning.false_positives import KINDS, count_kinds, without_kinds
from minicnn.learning.instance_matching import Seen, ranked

VOLUME = tuple(k / 10 for k in range(1, 10))
ROUNDS = 1000  # of drawing pictures anew, for intervals
AT_ONCE = 2_000_000  # numbers of those rounds
OUTCOMES = ("right", *KINDS)


def average_precision(predictions, truths, classes, overlap=0.5, boxes=False):
    """float64 (len(classes),): AP of each class, nan of one of which there is no object.

    predictions, truths  lists of Regions, one for each picture
    classes              the labels that are scored
    overlap              J has to be above it; of masks, or with `boxes` of boxes
    """
    seen = [Seen.of(found, truth) for found, truth in zip(predictions, truths, strict=True)]
    return np.array([ranked(seen, label, overlap, boxes).area()[0] for label in classes])


class InstanceScores:
    """Average precision, picture by picture.

    classes  the names of all labels
    counted  the labels of those that are scored; by default all but background
    """

    what = "objects"

    def __init__(self, classes, counted=None):
        self.classes, self.seen, self._known = tuple(classes), [], {}
        first = 1 if self.classes[:1] == ("background",) else 0
        counted = range(first, len(self.classes)) if counted is None else counted
        self.counted = tuple(int(label) for label in counted)

    def add(self, found, truth):
        """A picture: the Regions found in it, and the truth. Raises ValueError for other sizes."""
        if found.size != truth.size:
            raise ValueError(f"regions of {found.size} pixels, and a truth of {truth.size}")
        self.seen.append(Seen.of(found, truth))
        self._known.clear()

    def take_in(self, other):
        """Counts the pictures of other InstanceScores, too."""
        self.seen += other.seen
        self._known.clear()

    def ranked(self, label, overlap=0.5, boxes=False):
        """The Ranked regions of a class (instance_matching.py)."""
        return ranked(self.seen, label, overlap, boxes)

    def ap(self, overlap=0.5, boxes=False):
        """float64 (counted,): AP of each class; nan of one of which there is no object."""
        if (overlap, boxes) not in self._known:
            areas = [self.ranked(label, overlap, boxes).area()[0] for label in self.counted]
            self._known[overlap, boxes] = np.array(areas)
        return self._known[overlap, boxes].copy()

    def mean_ap(self, overlap=0.5, boxes=False):
        """The mean of `ap` over the classes of which there are objects; nan without any."""
        return mean_of(self.ap(overlap, boxes))

    @property
    def ap_volume(self):
        """float64 (counted,): AP^r_vol of each class."""
        return np.mean([self.ap(overlap) for overlap in VOLUME], axis=0)

    @property
    def objects(self):
        """int64 (counted,): how many there are of each class."""
        each = [
            (one.objects[~one.ignored][:, None] == self.counted).sum(axis=0) for one in self.seen
        ]
        return np.sum([np.zeros(len(self.counted), np.int64), *each], axis=0)

    def bootstrap(self, overlap=0.5, boxes=False, rounds=ROUNDS, seed=0):
        """float64 (rounds,): the mean AP on as many pictures, drawn from these with repetitions,
        anew in each round. With the same seed the same places are drawn: what two InstanceScores
        say on the same pictures may be subtracted, round by round."""
        count = len(self.seen)
        if not count:
            return np.full(rounds, np.nan)
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), rounds)
        found = []
        for label in self.counted:
            row = self.ranked(label, overlap, boxes)
            pieces = np.array_split(drawn, 1 + rounds * len(row.scores) // AT_ONCE)
            found.append(np.concatenate([row.area(piece) for piece in pieces]))
        return np.array([mean_of(column) for column in np.transpose(found)])

    def interval(self, overlap=0.5, boxes=False, rounds=ROUNDS, seed=0):
        """(low, high): between them the mean AP lies in 95 of 100 rounds of `bootstrap`."""
        found = self.bootstrap(overlap, boxes, rounds, seed)
        found = found[~np.isnan(found)]
        return tuple(np.percentile(found, (2.5, 97.5)).tolist()) if len(found) else (np.nan,) * 2

    def false_positives(self, overlap=0.5):
        """int64 (counted, 6): of the first regions of each class, as many as there are objects,
        how many are right, and how many wrong in which way: OUTCOMES."""
        return count_kinds(self, overlap)

    def in_short(self):
        low, high = self.interval()
        return f"mean AP^r {self.mean_ap():.1%} ({low:.1%} to {high:.1%})"

    def lines(self):
        """The scores as lines of text: three on all classes, then a table."""
        columns, objects = (self.ap(), self.ap_volume, self.ap(boxes=True)), self.objects
        if not objects.any():
            return ["no objects of these classes are in the pictures: there is nothing to score"]
        low, high = (100 * x for x in self.interval())
        shares = self.false_positives().sum(axis=0) / objects.sum()
        kinds = (f"{name} {share:.0%}" for name, share in zip(OUTCOMES, shares, strict=True))
        mean, volume, boxes = (100 * mean_of(column) for column in columns)
        said = [
            f"mean AP^r       {mean:8.1f} %   {low:.1f} to {high:.1f} (95 %, pictures drawn anew)",
            f"AP^r_vol        {volume:8.1f} %   AP^b {boxes:.1f} %",
            f"first {objects.sum():<9} as many regions as objects: {', '.join(kinds)}",
        ]
        names = self._names()
        wide = max(map(len, names.values())) + 2
        said.append(f"{'':{wide}}{'AP^r':>7}{'vol':>7}{'AP^b':>7}{'objects':>9}")
        for k, name in names.items():
            cells = "".join(f"{100 * column[k]:7.1f}" for column in columns)
            said.append(f"{name:{wide}}{cells}{objects[k]:9}")
        return said

    def _names(self):
        """{place in `counted`: name} of the classes of which there are objects."""
        return {k: self.classes[self.counted[k]] for k in np.flatnonzero(self.objects)}

    def as_dict(self):
        """Everything, ready for JSON, of the classes of which there are objects; shares, not per
        cents; None for what is no number."""
        names, columns = self._names(), (self.ap(), self.ap_volume, self.ap(boxes=True))
        said = {"pictures": len(self.seen)}
        said["objects"] = {name: int(self.objects[k]) for k, name in names.items()}
        for title, column in zip(("ap_r", "ap_r_vol", "ap_b"), columns, strict=True):
            said[title] = {name: _rounded(column[k]) for k, name in names.items()}
            said[f"mean_{title}"] = _rounded(mean_of(column))
        said["mean_ap_r_interval"] = [_rounded(x) for x in self.interval()]
        kinds = self.false_positives().tolist()
        said["kinds"] = {n: dict(zip(OUTCOMES, kinds[k], strict=True)) for k, n in names.items()}
        return said | {"mean_ap_r_without": without_kinds(self)}

    def _repr_html_(self):
        return f"<p>{self.in_short()}</p>"


def mean_of(values):
    """The mean of those that are numbers; nan if none is."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def _rounded(value):
    return None if np.isnan(value) else round(float(value), 6)
