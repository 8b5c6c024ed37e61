"""How good is a network that names whole pictures: at which rank stands the right class?"""

import time

import numpy as np

from minicnn.datasets.label_checks import ScoresError
from minicnn.learning.metrics import Confusion, rounded, typical

MISTAKES = 10  # that a report lists


def rank(network, pictures, classes, watch=None):
    """(Ranks, median seconds a picture) of a network on a sequence of Photographs. The time is that
    of a prediction: preprocessing included, reading not.

    watch  called with (photograph, the class it was called) after each one

    Raises ScoresError, which names the picture, for scores that are no numbers."""
    ranks, seconds = Ranks(classes), []
    for picture in pictures:
        start = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is said in words
            scores = network.predict(picture.image)
        seconds.append(time.perf_counter() - start)
        try:
            called = ranks.add(picture.label, scores)
        except ScoresError as error:
            raise ScoresError(f"picture {picture.name}: {error}") from None
        if watch is not None:
            watch(picture, called)
    return ranks, typical(seconds)


def ranking_precision(scores, truth):
    """float (K,): for each class the mean, over the pictures that show it, of the share of such
    pictures among all that score as high; NaN for a class that none shows.

    scores  float (N, K); truth  bool (N, K)
    """
    hits = np.take_along_axis(truth, np.argsort(-scores, axis=0, kind="stable"), axis=0)
    precision = hits.cumsum(axis=0) / np.arange(1, len(hits) + 1)[:, None]
    count = hits.sum(axis=0)
    return np.where(count > 0, (precision * hits).sum(axis=0) / np.maximum(count, 1), np.nan)


class Ranks(Confusion):
    """matrix[i, j] counts the pictures of class i that were called j, and `ranks` holds, for every
    picture, how many classes got a higher score than its own."""

    what = "pictures"

    def __init__(self, classes):
        super().__init__(classes)
        self.ranks = []

    def add(self, label, scores):
        """Counts one picture: its class, and the scores (classes,); returns what it was called. Of
        equal scores the first is better."""
        if not np.isfinite(scores).all():
            raise ScoresError("the network's scores are NaN or infinite, so they name nothing")
        order = np.argsort(-scores, kind="stable")
        self.ranks.append(int(np.flatnonzero(order == label)[0]))
        self.matrix[label, order[0]] += 1
        return int(order[0])

    def take_in(self, other):
        super().take_in(other)
        self.ranks += other.ranks

    def top(self, k):
        """Share of the pictures whose class is among the k best; NaN without pictures."""
        return float(np.mean([rank < k for rank in self.ranks])) if self.ranks else float("nan")

    def scores(self):
        return {
            "top-1 accuracy": self.top(1),
            "top-5 accuracy": self.top(5),
            "class accuracy": self.class_accuracy,
        }

    def table(self):
        return [row[:-1] for row in super().table()]  # what is inside a picture is not asked

    def mistakes(self):
        """[(count, truth, prediction)] of the classes that were taken for another most often."""
        wrong = self.matrix - np.diag(np.diag(self.matrix))
        order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
        places = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [(int(wrong[p]), *(self.classes[k] for k in p)) for p in places if wrong[p]]

    def as_dict(self):
        """Everything, ready for JSON: shares in 0..1, null where a class does not occur."""
        return {
            "top1": rounded(self.top(1)),
            "top5": rounded(self.top(5)),
            "class_accuracy": rounded(self.class_accuracy),
            "classes": list(self.classes),
            "per_class_accuracy": [rounded(v) for v in self.per_class_accuracy],
            "confusion": self.matrix.tolist(),
        }

    def lines(self):
        """The scores, the classes and the most frequent mistakes as lines of text."""
        lines = self.score_lines()
        if mistakes := self.mistakes():
            lines += ["", "most often taken for another"]
            lines += [f"{count:4} x  {truth}, called {said}" for count, truth, said in mistakes]
        return lines
