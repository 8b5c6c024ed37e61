"""How well drawn are the boundaries? Precision, recall, and F = 2 P R / (P + R).

    scores = BoundaryScores()
    scores.add(lines, picture.boundaries)        # for each picture; lines float (H, W), 0 to 1
    scores.ods, scores.ois

A line that is one pixel beside that of a person is right, and a line drawn twice is right once. So
pixels of both are paired, each with at most one of the other, at most MOST of the picture's
diagonal apart, and as many pairs as can be: a maximum matching (matching.py). What is drawn is
compared with each person;

    recall     the pixels of all persons that were paired, among all of theirs
    precision  the pixels that were paired with those of any person, among all that were drawn

Lines come with strengths; at each of 33 thresholds they are thinned to one pixel. ODS is the best F
of one threshold for all pictures, with counts pooled, OIS that of the best threshold for each.

Source: Martin, Fowlkes, Malik 2004; Arbelaez et al. 2011. There the pairing of the least total
distance is sought among those of the most pairs, which changes none of the counts.
"""

import time

import numpy as np

from minicnn.datasets.label_checks import ScoresError
from minicnn.labelling.contours import thinned
from minicnn.learning.matching import match_boundaries
from minicnn.learning.timing import typical

MOST = 0.0075  # of the diagonal: 4.3 pixels of 481x321
COUNT = 33  # thresholds


def pair_up(drawn, truth, most=MOST):
    """(bool (H, W), bool (H, W)): the pixels of `drawn` and of `truth`, both bool (H, W), that
    belong to a pair, in a largest set of pairs without a pixel in common."""
    partner = match_boundaries(drawn, truth, most * np.hypot(*drawn.shape))
    paired = np.zeros(drawn.shape, bool), np.zeros(truth.shape, bool)
    paired[0][drawn] = partner >= 0
    rows, columns = np.nonzero(truth)
    paired[1][rows[partner[partner >= 0]], columns[partner[partner >= 0]]] = True
    return paired


def compare(drawn, people, most=MOST):
    """int64 (4,): pixels of the people that were paired, all of them, pixels of `drawn` that were
    paired with any of theirs, all of them. drawn  bool (H, W); people  bool (K, H, W)."""
    any_of, paired = np.zeros(drawn.shape, bool), 0
    for truth in people:
        ours, theirs = pair_up(drawn, truth, most)
        any_of |= ours
        paired += theirs.sum()
    return np.array([paired, people.sum(), any_of.sum(), drawn.sum()], np.int64)


def f_measure(counts):
    """(F, precision, recall), each float (...), of counts (..., 4)."""
    counts = np.asarray(counts, np.float64)
    recall = counts[..., 0] / np.maximum(counts[..., 1], 1)
    precision = counts[..., 2] / np.maximum(counts[..., 3], 1)
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12), precision, recall


class BoundaryScores:
    """Counts at `count` thresholds, picture by picture: `counts`, a list of int64 (count, 4)."""

    classes, what = ("boundary",), "boundaries"

    def __init__(self, count=COUNT):
        self.thresholds = np.arange(1, count + 1) / (count + 1)
        self.counts = []

    def add(self, lines, people):
        """A picture. lines  float (H, W), how strong each line is, from 0 to 1; people  bool (K, H,
        W)."""
        self.add_drawn([lines >= t for t in self.thresholds], people)

    def add_drawn(self, maps, people):
        """A picture, of which what is drawn at each threshold, bool (H, W), is known."""
        from skimage.morphology import thin

        self.counts.append(np.stack([compare(thin(drawn), people) for drawn in maps]))

    def take_in(self, other):
        """Counts the pictures of other BoundaryScores, too."""
        self.counts += other.counts

    @property
    def ods(self):
        """The best F of one threshold for all pictures."""
        return float(f_measure(np.sum(self.counts, axis=0))[0].max())

    @property
    def threshold(self):
        """The threshold of `ods`."""
        return float(self.thresholds[f_measure(np.sum(self.counts, axis=0))[0].argmax()])

    @property
    def ois(self):
        """F where each picture has the threshold that is best for it."""
        best = [counts[f_measure(counts)[0].argmax()] for counts in self.counts]
        return float(f_measure(np.sum(best, axis=0))[0])

    def curve(self):
        """(precision, recall), each float (count,), at the thresholds."""
        return f_measure(np.sum(self.counts, axis=0))[1:]

    def in_short(self):
        return f"F {self.ods:.3f} (ODS), {self.ois:.3f} (OIS)"

    def lines(self):
        """The scores as lines of text."""
        totals = np.sum(self.counts, axis=0)
        f, precision, recall = (float(a[f_measure(totals)[0].argmax()]) for a in f_measure(totals))
        return [
            f"F, ODS          {f:8.3f}   one threshold for all pictures: {self.threshold:.2f}",
            f"F, OIS          {self.ois:8.3f}   the best threshold for each",
            f"at ODS          {precision:8.3f}   precision, recall {recall:.3f}",
        ]

    def as_dict(self):
        """Everything, ready for JSON."""
        precision, recall = (array.round(6).tolist() for array in self.curve())
        best = {"ods": self.ods, "threshold": self.threshold, "ois": self.ois}
        return best | {"precision": precision, "recall": recall}

    def _repr_html_(self):
        return f"<p>{self.in_short()}</p>"


def score_boundaries(network, pictures, count=COUNT):
    """(BoundaryScores, median seconds of a prediction) of a network of edges on Contours, at
    `count` thresholds."""
    scores, times = BoundaryScores(count), []
    for picture in pictures:
        begun = time.perf_counter()
        lines = thinned(network.predict(picture.image))
        times.append(time.perf_counter() - begun)
        if not np.isfinite(lines).all():
            raise ScoresError("the network's edges are no numbers: its weights are damaged")
        scores.add(lines, picture.boundaries)
    return scores, typical(times)


def agreement(people, most=MOST):
    """int64 (4,): each person's boundaries, bool (K, H, W), compared with those of the others."""
    others = [np.delete(people, k, axis=0) for k in range(len(people))]
    return sum(compare(one, rest, most) for one, rest in zip(people, others, strict=True))
