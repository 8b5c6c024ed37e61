"""Learning pixels from labels of pictures: each is a bag of places, and says only what is in it.

A step takes `batch` pictures. First their class is drawn, each as often as any other whatever their
numbers (the lecture's 37,345 cats and 187,775 dogs), then one of its pictures. Which ones they are
is a function of (seed, step), so that a resumed run sees the same.

Pictures come from folders named after classes, or have label maps: of these only which classes
occur is used. A picture that shows things besides background is one of these things; if it shows
several, it is left out, unless the network asks each class by itself (objective=sigmoid).

All pictures are looked at once, before the first step. Where the features do not learn, what they
say of each picture, and of its mirror image, is kept (float16), and a step costs only what comes
behind. `patches` is the side, in pixels, of the part of each picture that a step looks at, a
smaller bag; 0: all of it.
"""

import time
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.basics.notebooks import say
from minicnn.datasets.splits import evenly
from minicnn.engine import randomness
from minicnn.learning import memory
from minicnn.learning.errors import Diverged, TrainingError
from minicnn.learning.ranks import ranking_precision
from minicnn.learning.task import Drawn, Task
from minicnn.models.weak import BACKGROUND


class Bag(NamedTuple):
    """A picture: its name, the numbers of its classes, and how it looks (and in a mirror): maps
    float16 (C, h, w), or images uint8 (H, W, 3) where the features learn."""

    name: str
    labels: tuple
    views: list


class Bags(Task):
    """The pictures of a data set, with the classes that each shows."""

    kind, also, what = "pictures", ("pixels",), "pictures"
    unused = dict.fromkeys(
        ("balance", "rotate", "rescale", "light", "colour_noise"),
        "{name}: {model} draws each class as often as any other, and only mirrors its pictures",
    )

    def __init__(self, network, config, dataset):
        super().__init__(network, config)
        if dataset.kind == "pictures" and BACKGROUND not in dataset.classes:
            raise TrainingError(
                f"{dataset.name}: has no class called {BACKGROUND} beside "
                f"{', '.join(dataset.classes[:4])}: {config.model} needs pictures that show none "
                f"of the others, in a folder train/{BACKGROUND}, to tell things from what is "
                "around them"
            )
        self.dataset = dataset
        self.take(dataset)
        self.batch = min(config.training.batch, len(self.pictures))
        self.frozen = {*network.layers_of(network.options)} <= {*config.frozen()}
        self.several = network.options["objective"] == "sigmoid"
        self.bags = self.held = ()
        self.left = []

    # ---------------------------------------------------------------------------- once, beforehand
    def prepare(self, quiet=False):
        begun = time.monotonic()
        self._check_memory()
        if not quiet:
            count = len(self.pictures) + len(self.val)
            say(f"looking at {count} pictures{', at their features' * self.frozen}")
        found = {}
        self.bags = self._look(self.pictures, self.config.training.flip, found)
        self.held = self._look(self.val, False, found)
        classes = self.config.classes
        members = {k: [b for b in self.bags if k in b.labels] for k in range(len(classes))}
        self.members = [group for group in members.values() if group]
        if len(self.members) < 2:
            shown = [classes[k] for k in members if members[k]]
            several = "" if self.several else ", or only together with others: objective=sigmoid"
            raise datasets.DataError(
                f"{self.dataset.name}: pictures of two classes at least are needed, to tell them "
                f"apart; there are some of {', '.join(shown) or 'none'}{several}"
            )
        return time.monotonic() - begun

    def _look(self, pictures, mirrored, found):
        """The Bags of pictures; `found` {digest: (name, labels)} of those that were seen before."""
        bags, several = [], []
        for k, name in enumerate(getattr(pictures, "names", ())):
            try:
                picture = pictures[k]
            except datasets.DataError as error:
                if not self.config.skip_bad:
                    raise
                self.left.append(([str(error)], "unreadable"))
                continue
            labels = self._labels(picture)
            self._check_same(picture, labels, found)
            if len(labels) > 1 and not self.several:
                several.append(name)
                continue
            if labels:
                bags.append(Bag(name, labels, self._views(picture.image, mirrored)))
        if several:
            self.left.append((several, "of several classes"))
        return bags

    def _labels(self, picture):
        """The numbers of its classes; background alone if there is nothing else."""
        if hasattr(picture, "label"):
            return (picture.label,)
        classes = self.config.classes
        things = tuple(classes.index(tag) for tag in picture.tags if tag != BACKGROUND)
        return things or tuple(k for k, c in enumerate(classes) if c == BACKGROUND)

    def _check_same(self, picture, labels, found):
        """DataError if another picture, the same to the pixel, has another class."""
        key = sha256(np.ascontiguousarray(picture.image)).digest()
        name, before = found.setdefault(key, (picture.name, labels))
        if before != labels and not self.several:
            first, second = (", ".join(self.config.classes[k] for k in n) for n in (before, labels))
            raise datasets.DataError(
                f"{self.dataset.name}: {name} and {picture.name} are one picture, which is called "
                f"{first} and {second}: take one of them away"
            )

    def _views(self, image, mirrored):
        seen = self.network.seen(image)
        views = [seen, np.ascontiguousarray(seen[:, ::-1])][: 1 + mirrored]
        return [self._features(view) for view in views] if self.frozen else views

    def _features(self, seen):
        with self.network.predicting():
            maps = self.network.features(self.tensor(self.network.padded(seen)[None]))
            return maps.numpy()[0].astype(np.float16)

    def _check_memory(self):
        side, views = self.network.options["side"], 1 + self.config.training.flip
        maps = self.network.head.modules[0].weight.shape[1] / self.network.stride**2
        each = (2 * maps if self.frozen else 3) * views * side * side * 3 / 4
        count = len(self.pictures) + len(self.val)
        what = f"looking at {count} pictures of {side} pixels"
        memory.check(each * count, what, "give a smaller side, or fewer pictures")

    # -------------------------------------------------------------------------------- in each step
    def steps_in_an_epoch(self):
        return -(-len(self.pictures) // self.batch)

    def feed(self, first, last):
        return Drawn((step, self._batch(step)) for step in range(first, last))

    def _batch(self, step):
        """([pictures of one size each, (n, ...)], [the places of each in the batch], targets)."""
        rng = randomness.generator(self.config.seed, 2, step)
        parts, labels = [], []
        for _ in range(self.batch):
            members = self.members[rng.integers(len(self.members))]
            bag = members[rng.integers(len(members))]
            parts.append(self._part(bag.views[rng.integers(len(bag.views))], rng))
            labels.append(bag.labels)
        places = {}
        for k, part in enumerate(parts):
            places.setdefault(part.shape, []).append(k)
        stacks = [np.stack([parts[k] for k in group]) for group in places.values()]
        return stacks, [*places.values()], labels

    def _part(self, view, rng):
        """Of maps or of an image a square of `patches` pixels, from anywhere; for 0 all of it."""
        side = self.config.training.patches
        if not self.frozen:
            if side:
                view = _square(view, (0, 1), side, rng)
            return self.network.padded(view)
        return _square(view, (1, 2), max(1, round(side / self.network.stride)), rng, not side)

    def loss(self, batch):
        stacks, places, labels = batch
        said = [self._said(stack) for stack in stacks]
        scores = F.concat(said, 0) if len(said) > 1 else said[0]
        labels = [labels[k] for group in places for k in group]
        return self._loss(scores, labels)

    def _said(self, views):
        """Scores (n, classes) of pictures, of which the maps are given if features do not learn."""
        told = self.network.classify if self.frozen else self.network
        return self.network.pooled(told(self.tensor(views)))

    def _loss(self, scores, labels):
        if not self.several:
            truth = np.array([k for (k,) in labels])
            right = float((scores.numpy().argmax(axis=1) == truth).mean())
            return F.cross_entropy(scores, truth), right
        target = np.array([[k in those for k in range(scores.shape[1])] for those in labels])
        right = float(((scores.numpy() > 0) == target).mean())
        return F.binary_cross_entropy_with_logits(scores, self.tensor(target)), right

    # --------------------------------------------------------------------------------- looking back
    def validate(self, count=None):
        """Share of the pictures whose class was named; of pictures with several classes, the mean
        over the classes of the average precision with which scores rank them."""
        if not self.bags:  # a run that was stopped after its last step
            self.prepare(self.quiet)
        held = self.bags if self.val is self.pictures else self.held
        held, scores = evenly(held, count), []
        with self.network.predicting():
            for bag in held:
                view = bag.views[0] if self.frozen else self.network.padded(bag.views[0])
                scores.append(self._said(view[None]).numpy()[0])
        if not held:
            return {"val_accuracy": float("nan")}
        scores, count = np.array(scores), len(self.config.classes)
        if not np.isfinite(scores).all():
            raise Diverged("the network's scores are NaN or infinite, so they name nothing")
        truth = np.array([[k in bag.labels for k in range(count)] for bag in held])
        if self.several:
            precisions = ranking_precision(scores, truth)
            return {"val_accuracy": round(float(np.nanmean(precisions)), 6)}
        right = truth[np.arange(len(held)), scores.argmax(axis=1)]
        each = [right[truth[:, k]].mean() for k in range(count) if truth[:, k].any()]
        return {
            "val_accuracy": round(float(right.mean()), 6),
            "val_class_accuracy": round(float(np.mean(each)), 6),
        }

    def second(self, found):
        if self.several:
            return "the mean of the average precisions"
        return f"class accuracy {found['val_class_accuracy']:.1%}"

    def left_out(self, loader):
        return self.left


def _square(array, axes, side, rng, whole=False):
    """Of `array` a part of at most `side` along both axes, from anywhere; or all of it."""
    if whole:
        return array
    for axis in axes:
        first = int(rng.integers(0, max(0, array.shape[axis] - side) + 1))
        array = array[(slice(None),) * axis + (slice(first, first + side),)]
    return array
