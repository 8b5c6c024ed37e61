"""One confusion matrix, pooled over all pictures, and what is read off it."""

import time

import numpy as np

from minicnn.basics import displays
from minicnn.datasets import VOID
from minicnn.datasets.label_checks import LabelError, ScoresError, check_range, check_scores
from minicnn.learning.timing import typical


def score(network, pictures, classes, watch=None, label=None, apart=(), sets=()):
    """(Confusion, median seconds a picture) of a network on a sequence of Pictures.

    The time is that of `label`: preprocessing included, reading not.
    watch  called with (picture, prediction) after each one
    label  function of (network, uint8 image) that gives the labels (H, W); by default each pixel
           takes the class of its highest score
    apart, sets  as Confusion takes them

    Raises ScoresError or LabelError, which name the picture, where a pixel cannot be counted.
    """
    confusion, seconds, label = Confusion(classes, apart, sets), [], label or highest
    for picture in pictures:
        start = time.perf_counter()
        try:
            prediction = label(network, picture.image)
            seconds.append(time.perf_counter() - start)
            confusion.add(picture.labels, prediction)
        except (LabelError, ScoresError) as error:
            raise type(error)(f"picture {picture.name}: {error}") from None
        if watch is not None:
            watch(picture, prediction.astype(np.uint8))
    return confusion, typical(seconds)


def highest(network, image):
    """uint8 (H, W): the class of the highest score at every pixel."""
    return best_of(scores_of(network, image))


def best_of(scores):
    """uint8 (H, W): the class of the highest of scores (K, H, W)."""
    return scores.argmax(axis=0).astype(np.uint8)


def scores_of(network, image):
    """The scores (K, H, W) of a picture. Raises ScoresError for what are none."""
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is said in words
        scores = network.predict(image)
    check_scores(scores, image.shape[:2])
    return scores


def right(truth, answers, classes, sets):
    """bool array: whether each answer, a class, is the truth, or in the set that the truth is."""
    within = np.zeros((classes + len(sets), classes), bool)
    within[np.arange(classes), np.arange(classes)] = True
    for row, one in zip(within[classes:], sets, strict=True):
        row[list(one)] = True
    return within[truth, answers]


class Confusion:
    """matrix[i, j] counts the pixels of class i that were called j; void pixels do not count.
    Classes whose names are in `apart` count as all others, but not in averages over classes.

    A pixel of which one of several classes is true, label K + s for sets[s], counts apart, in
    of_sets[s, j], and in no score of classes: any class of its set is right."""

    what = "pixels"  # that are counted

    def __init__(self, classes, apart=(), sets=()):
        self.classes, self.sets = tuple(classes), tuple(map(tuple, sets))
        self.averaged = np.array([name not in apart for name in self.classes], bool)
        self.matrix = np.zeros((len(self.classes),) * 2, dtype=np.int64)
        self.of_sets = np.zeros((len(self.sets), len(self.classes)), dtype=np.int64)

    def add(self, truth, prediction):
        """Counts one picture: two int arrays of one shape, 255 in `truth` for void.

        Raises LabelError, and counts nothing, if a pixel has a number that is no class; at void
        pixels of `truth` a prediction may be anything."""
        truth, prediction = np.asarray(truth), np.asarray(prediction)
        if truth.shape != prediction.shape:
            raise LabelError(f"labels {truth.shape} and prediction {prediction.shape} differ")
        count, rows = len(self.classes), len(self.classes) + len(self.sets)
        known = truth != VOID
        for labels, what, most in ((truth, "labels", rows), (prediction, "prediction", count)):
            if labels.dtype.kind not in "iub":
                raise LabelError(f"{what}: expected whole numbers, got {labels.dtype}")
            check_range(labels, known, most, what)
        pairs = truth[known].astype(np.int64) * count + prediction[known].astype(np.int64)
        found = np.bincount(pairs, minlength=rows * count).reshape(rows, count)
        self.matrix += found[:count]
        self.of_sets += found[count:]

    def take_in(self, other):
        """Counts what another Confusion has counted, too."""
        self.matrix += other.matrix
        self.of_sets += other.of_sets

    def __repr__(self):
        count = f"{len(self.classes)} classes, {self.matrix.sum():,} {self.what}"
        return f"<{type(self).__name__} of {count}: {self.in_short()}>"

    def _repr_html_(self):
        rows = [[cell.strip() for cell in row] for row in self.table()]
        return f"<div>{displays.paragraphs(self.in_short())}{displays.table(rows)}</div>"

    def scores(self):
        """{name: share}: what says how good it is, the first is what one quotes."""
        return {
            "pixel accuracy": self.pixel_accuracy,
            "class accuracy": self.class_accuracy,
            "mean IoU": self.mean_iou,
        }

    def in_short(self):
        """The scores in one line."""
        return ", ".join(f"{n} {_percent(s).strip()}" for n, s in self.scores().items())

    def several(self):
        """[(names, pixels, share that is right), ...] of the sets that occur."""
        found = []
        for one, row in zip(self.sets, self.of_sets, strict=True):
            if count := int(row.sum()):
                names = [self.classes[c] for c in one]
                found.append((names, count, _ratio(row[list(one)].sum(), count)))
        return found

    def shares(self):
        """float64 (K,): the share of each class in the truth."""
        return _ratios(self.matrix.sum(axis=1), np.full(len(self.classes), self.matrix.sum()))

    def table(self):
        """Rows of texts, the heads first: of every class its share, and how good it is."""
        columns = (self.shares(), self.per_class_accuracy, self.per_class_iou)
        rows = [
            [name, *map(_percent, row)] for name, *row in zip(self.classes, *columns, strict=True)
        ]
        return [["class", self.what, "accuracy", "IoU"], *rows]

    @property
    def pixel_accuracy(self):
        """Share of the labelled pixels that were named rightly."""
        return _ratio(np.trace(self.matrix), self.matrix.sum())

    @property
    def per_class_accuracy(self):
        """Share of each class's pixels named rightly; NaN where the class does not occur."""
        return _ratios(np.diag(self.matrix), self.matrix.sum(axis=1))

    @property
    def class_accuracy(self):
        """Mean of per_class_accuracy over the classes that occur."""
        return _mean(self.per_class_accuracy[self.averaged])

    @property
    def per_class_iou(self):
        """Intersection over union of each class; NaN where it is neither there nor predicted."""
        hits = np.diag(self.matrix)
        return _ratios(hits, self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - hits)

    @property
    def mean_iou(self):
        """Mean of per_class_iou over the classes that occur or are predicted."""
        return _mean(self.per_class_iou[self.averaged])

    def as_dict(self):
        """Everything, ready for JSON: shares in 0..1, null where a class does not occur."""
        return {
            "pixel_accuracy": rounded(self.pixel_accuracy),
            "class_accuracy": rounded(self.class_accuracy),
            "mean_iou": rounded(self.mean_iou),
            "classes": list(self.classes),
            "per_class_accuracy": [rounded(v) for v in self.per_class_accuracy],
            "per_class_iou": [rounded(v) for v in self.per_class_iou],
            "confusion": self.matrix.tolist(),
        } | self._sets_as_dict()

    def _sets_as_dict(self):
        found = [{"classes": n, "pixels": c, "right": rounded(s)} for n, c, s in self.several()]
        return {"one_of_several": found} if self.sets else {}

    def score_lines(self):
        """The scores and the classes as lines of text."""
        width = max(5, *map(len, self.classes)) + 1
        lines = [f"{name:15} {_percent(share)}" for name, share in self.scores().items()]
        rows = (f"{n:{width}} " + " ".join(f"{c:>8}" for c in row) for n, *row in self.table())
        return [*lines, "", *rows]

    def lines(self):
        """The scores, the classes and the matrix as lines of text."""
        lines, width = self.score_lines(), max(5, *map(len, self.classes)) + 1
        names = [name[:5] for name in self.classes]
        lines += self._lines_of_sets()
        lines += ["", "confusion, percent of each row (rows: truth, columns: prediction)"]
        lines.append(" " * width + "".join(f" {name:>5}" for name in names))
        for name, shares in zip(self.classes, self.rows(), strict=True):
            cells = ("    -" if np.isnan(v) else f"{100 * v:5.1f}" for v in shares)
            lines.append(f"{name:{width}} " + " ".join(cells))
        return lines

    def _lines_of_sets(self):
        """On pixels of one of several classes, which are in no score above."""
        found, total = self.several(), self.matrix.sum() + self.of_sets.sum()
        if not found:
            return []
        lines = ["", "one of several classes is true (counted apart): share of the pixels, right"]
        return lines + [
            f"{' or '.join(names)}: {_percent(_ratio(count, total)).strip()}, {_percent(s).strip()}"
            for names, count, s in found
        ]

    def rows(self):
        """float64 (K, K): the matrix with rows that sum to 1, NaN where a class does not occur."""
        return _ratios(self.matrix, self.matrix.sum(axis=1, keepdims=True))


def _ratio(part, whole):
    return float(part) / float(whole) if whole else float("nan")


def _ratios(parts, wholes):
    return np.where(wholes > 0, parts / np.maximum(wholes, 1), np.nan)


def rounded(value):
    """For JSON, which has no NaN."""
    return None if np.isnan(value) else round(float(value), 6)


def _percent(value):
    return "       -" if np.isnan(value) else f"{100 * value:6.1f} %"


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
