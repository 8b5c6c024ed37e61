"""How good is a segmentation? One confusion matrix, pooled over all pictures, tells."""

import time

import numpy as np

VOID = 255


class Confusion:
    """matrix[i, j] counts the pixels of class i that were called j; void pixels do not count."""

    def __init__(self, classes):
        self.classes = tuple(classes)
        self.matrix = np.zeros((len(self.classes),) * 2, dtype=np.int64)

    def add(self, truth, prediction):
        """Counts one picture: two int arrays of one shape, 255 in `truth` for void."""
        if truth.shape != prediction.shape:
            raise ValueError(f"labels {truth.shape} and prediction {prediction.shape} differ")
        count = len(self.classes)
        known = truth != VOID
        pairs = truth[known].astype(np.int64) * count + prediction[known]
        self.matrix += np.bincount(pairs, minlength=count * count).reshape(count, count)

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
        rounded = [
            [None if np.isnan(v) else round(float(v), 6) for v in values]
            for values in (self.per_class_accuracy, self.per_class_iou)
        ]
        return {
            "pixel_accuracy": round(self.pixel_accuracy, 6),
            "class_accuracy": round(self.class_accuracy, 6),
            "mean_iou": round(self.mean_iou, 6),
            "classes": list(self.classes),
            "per_class_accuracy": rounded[0],
            "per_class_iou": rounded[1],
            "confusion": self.matrix.tolist(),
        }


def _ratio(part, whole):
    return float(part) / float(whole) if whole else float("nan")


def _ratios(parts, wholes):
    return np.where(wholes > 0, parts / np.maximum(wholes, 1), np.nan)


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def score(network, pictures, classes, watch=None):
    """(Confusion, median seconds a picture) of a network on a sequence of Pictures.

    The time is that of `network.predict` and the argmax: preprocessing included, reading not.
    watch  called with (picture, prediction) after each one
    """
    confusion, seconds = Confusion(classes), []
    for picture in pictures:
        start = time.perf_counter()
        prediction = network.predict(picture.image).argmax(axis=0)
        seconds.append(time.perf_counter() - start)
        confusion.add(picture.labels, prediction)
        if watch is not None:
            watch(picture, prediction.astype(np.uint8))
    return confusion, float(np.median(seconds)) if seconds else float("nan")
