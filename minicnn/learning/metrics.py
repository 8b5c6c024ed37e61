"""One confusion matrix, pooled over all pictures, and what is read off it."""

import time

import numpy as np

from minicnn.basics import displays
from minicnn.datasets import VOID
from minicnn.datasets.label_checks import LabelError, ScoresError, check_range, check_scores


def score(network, pictures, classes, watch=None, label=None):
    """(Confusion, median seconds a picture) of a network on a sequence of Pictures.

    The time is that of `label`: preprocessing included, reading not.
    watch  called with (picture, prediction) after each one
    label  function of (network, uint8 image) that gives the labels (H, W); by default each pixel
           takes the class of its highest score

    Raises ScoresError or LabelError, which name the picture, where a pixel cannot be counted.
    """
    confusion, seconds, label = Confusion(classes), [], label or highest
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
    return confusion, float(np.median(seconds)) if seconds else float("nan")


def highest(network, image):
    """uint8 (H, W): the class of the highest score at every pixel."""
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is said in words
        scores = network.predict(image)
    check_scores(scores, image.shape[:2])
    return scores.argmax(axis=0).astype(np.uint8)


class Confusion:
    """matrix[i, j] counts the pixels of class i that were called j; void pixels do not count."""

    def __init__(self, classes):
        self.classes = tuple(classes)
        self.matrix = np.zeros((len(self.classes),) * 2, dtype=np.int64)

    def add(self, truth, prediction):
        """Counts one picture: two int arrays of one shape, 255 in `truth` for void.

        Raises LabelError, and counts nothing, if a pixel has a number that is no class; at void
        pixels of `truth` a prediction may be anything."""
        truth, prediction = np.asarray(truth), np.asarray(prediction)
        if truth.shape != prediction.shape:
            raise LabelError(f"labels {truth.shape} and prediction {prediction.shape} differ")
        count = len(self.classes)
        known = truth != VOID
        for labels, what in ((truth, "labels"), (prediction, "prediction")):
            if labels.dtype.kind not in "iub":
                raise LabelError(f"{what}: expected whole numbers, got {labels.dtype}")
            check_range(labels, known, count, what)
        pairs = truth[known].astype(np.int64) * count + prediction[known].astype(np.int64)
        self.matrix += np.bincount(pairs, minlength=count * count).reshape(count, count)

    def __repr__(self):
        return (
            f"<Confusion of {len(self.classes)} classes, {self.matrix.sum():,} pixels: "
            f"{self.in_short()}>"
        )

    def _repr_html_(self):
        pixels = _ratios(self.matrix.sum(axis=1), np.full(len(self.classes), self.matrix.sum()))
        rows = [["class", "pixels", "accuracy", "IoU"]]
        for name, *shares in zip(
            self.classes, pixels, self.per_class_accuracy, self.per_class_iou, strict=True
        ):
            rows.append([name, *(_percent(share).strip() for share in shares)])
        return f"<div>{displays.paragraphs(self.in_short())}{displays.table(rows)}</div>"

    def in_short(self):
        """The three scores in one line."""
        scores = (self.pixel_accuracy, self.class_accuracy, self.mean_iou)
        names = ("pixel accuracy", "class accuracy", "mean IoU")
        pairs = zip(names, scores, strict=True)
        return ", ".join(f"{name} {_percent(score).strip()}" for name, score in pairs)

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
        return _mean(self.per_class_accuracy)

    @property
    def per_class_iou(self):
        """Intersection over union of each class; NaN where it is neither there nor predicted."""
        hits = np.diag(self.matrix)
        return _ratios(hits, self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - hits)

    @property
    def mean_iou(self):
        """Mean of per_class_iou over the classes that occur or are predicted."""
        return _mean(self.per_class_iou)

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
        }

    def lines(self):
        """The scores, the classes and the matrix as lines of text."""
        lines = [
            f"pixel accuracy  {_percent(self.pixel_accuracy)}",
            f"class accuracy  {_percent(self.class_accuracy)}",
            f"mean IoU        {_percent(self.mean_iou)}",
        ]
        width = max(5, *map(len, self.classes)) + 1
        pixels = _ratios(self.matrix.sum(axis=1), np.full(len(self.classes), self.matrix.sum()))
        lines += ["", f"{'class':{width}} {'pixels':>8} {'accuracy':>8} {'IoU':>8}"]
        for row in zip(
            self.classes, pixels, self.per_class_accuracy, self.per_class_iou, strict=True
        ):
            lines.append(f"{row[0]:{width}} " + " ".join(_percent(v) for v in row[1:]))
        names = [name[:5] for name in self.classes]
        lines += ["", "confusion, percent of each row (rows: truth, columns: prediction)"]
        lines.append(" " * width + "".join(f" {name:>5}" for name in names))
        for name, shares in zip(self.classes, self.rows(), strict=True):
            cells = ("    -" if np.isnan(v) else f"{100 * v:5.1f}" for v in shares)
            lines.append(f"{name:{width}} " + " ".join(cells))
        return lines

    def rows(self):
        """float64 (K, K): the matrix with rows that sum to 1, NaN where a class does not occur."""
        return _ratios(self.matrix, self.matrix.sum(axis=1, keepdims=True))


class Ranks:
    """At which rank the right class of each picture stands, by the scores of a network."""

    def __init__(self, classes):
        self.classes = tuple(classes)
        self.matrix = np.zeros((len(self.classes),) * 2, dtype=np.int64)  # [class, best answer]
        self.ranks = []

    def add(self, label, scores):
        """One picture: its class and the scores (classes,). Of equal scores the first is better."""
        if not np.isfinite(scores).all():
            raise ScoresError("the network's scores are NaN or infinite, so they name nothing")
        order = np.argsort(-scores, kind="stable")
        self.ranks.append(int(np.flatnonzero(order == label)[0]))
        self.matrix[label, order[0]] += 1

    def top(self, k):
        """Share of the pictures whose class is among the k best; NaN without pictures."""
        return float(np.mean([rank < k for rank in self.ranks])) if self.ranks else float("nan")


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
