"""Learning where boundaries are: one picture a step, and what several people have drawn in it.

They agree on most, but seldom to the pixel. So the truth of a pixel is the share of those people
who drew a boundary there or beside it. Which picture it is, and in which variant, is a function of
(seed, step).
"""

import itertools
from collections.abc import Sequence

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.datasets import VOID, Picture
from minicnn.engine import randomness
from minicnn.images.jitter import jitter
from minicnn.labelling.contours import thinned
from minicnn.learning.boundary_scores import BoundaryScores
from minicnn.learning.errors import Diverged
from minicnn.learning.pixels import epochs_of
from minicnn.learning.task import ONE_A_STEP, Task, dealt
from minicnn.learning.world import world
from minicnn.models.edges import AROUND

ALL = 100  # the label of a pixel on which all people agree; between it and 0 lies their share
THRESHOLDS = 9  # while it is trained; the scores of `evaluate` have 33
NEAR = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)  # a boundary and the pixels beside it


class Boundaries(Task):
    """The pictures of a data set with boundaries."""

    kind, what, accuracy = "boundaries", "boundaries", "F"  # at the best threshold for all
    deals = True
    unused = dict.fromkeys(
        ("balance", "patches"),
        "{name} goes with labels or classes; {model} learns boundaries, and balances its loss",
    ) | dict.fromkeys(("batch", "colour_noise"), ONE_A_STEP)

    def __init__(self, network, config, dataset):
        super().__init__(network, config)
        self.take(dataset)
        self.kept = WithShares(self.pictures)

    def feed(self, first, last):
        order = epochs_of(len(self.pictures), self.config.seed, first, last)
        skip_bad = self.config.skip_bad
        return datasets.Loader(self.kept, order, self._variant, skip_bad=skip_bad, start=first)

    def _variant(self, picture, step):
        """(step, (planes (1, 9, h, w), labels (1, 1, h, w))) of a training picture."""
        rng, options = randomness.generator(self.config.seed, 2, step), self.config.training
        image, labels = part(picture, self.network.options["crop"], rng)
        image, labels = jitter(image, labels, rng, **options.jitter)
        if not ((labels > 0) & (labels != VOID)).any():
            return None
        (planes,) = self.network.preprocess(image)
        wide = np.full(planes.shape[1:], VOID, np.uint8)  # what the mirror shows counts for nothing
        wide[AROUND : AROUND + labels.shape[0], AROUND : AROUND + labels.shape[1]] = labels
        return step, (planes[None], wide[None, None])

    def loss(self, batch):
        planes, labels = batch
        (x,) = self.tensors([planes])
        logits = self.network(x)
        known = labels != VOID
        t = np.where(known, labels, 0).astype(np.float32) / ALL
        e = t.sum() / known.sum()
        weight = known * ((1 - e) * t + e * (1 - t)) / known.sum()
        # of t log p and (1 - t) log(1 - p) each has its weight: so has the share among them
        share = (1 - e) * t / np.maximum((1 - e) * t + e * (1 - t), 1e-12)
        target, w = self.tensors([share.astype(np.float32), weight.astype(np.float32)])
        loss = F.binary_cross_entropy_with_logits(logits, target, w, reduction="sum") / float(e)
        right = ((logits.numpy() > 0) == (t > 0.5))[known].mean()
        return loss, float(right)

    def counted(self, batch):
        return float((batch[1] != VOID).sum())

    def validate(self, count=None):
        (order, count), skip_bad = dealt(self.val, count), self.config.skip_bad
        scores = BoundaryScores(THRESHOLDS)
        with datasets.Loader(self.val, order, skip_bad=skip_bad) as pictures:
            for picture in itertools.islice(pictures, count):
                strength = self.network.predict(picture.image)
                if not np.isfinite(strength).all():
                    raise Diverged("the network's edges are no numbers")
                scores.add(thinned(strength), picture.boundaries)
        scores = world().pool(scores)
        if not scores.counts:
            return {"val_accuracy": float("nan"), "val_ois": float("nan")}
        return {"val_accuracy": round(scores.ods, 6), "val_ois": round(scores.ois, 6)}

    def second(self, found):
        return f"F with the best threshold for each picture {found['val_ois']:.3f}"


class WithShares(Sequence):
    """Contours as Pictures whose label is the share of people, kept as they come: to read what each
    person drew takes as long as a step. 4 bytes a pixel."""

    def __init__(self, split):
        self.split, self._kept = split, {}

    names = property(lambda self: self.split.names)

    def __len__(self):
        return len(self.split)

    def __getitem__(self, index):
        if index not in self._kept:
            drawn = self.split[index]
            self._kept[index] = Picture(drawn.name, drawn.image, shares(drawn.boundaries))
        return self._kept[index]


def part(picture, side, rng):
    """(image, labels) of a square of a Picture, from anywhere; 0 for its side: of all of it."""
    room = [max(n - side, 0) if side else 0 for n in picture.labels.shape]
    top, left = (int(rng.integers(0, n + 1)) for n in room)
    rows, columns = (slice(a, a + side if side else None) for a in (top, left))
    return picture.image[rows, columns], picture.labels[rows, columns]


def shares(boundaries):
    """uint8 (H, W): from 0, nobody drew a boundary here or beside, to ALL, everybody did. bool (K,
    H, W)."""
    from scipy.ndimage import binary_dilation

    near = [binary_dilation(one, NEAR) for one in boundaries]
    return np.rint(ALL * np.mean(near, axis=0)).astype(np.uint8)
