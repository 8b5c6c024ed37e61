"""Learning a label for every pixel: one picture a step, and its label map.

Which picture it is, in which variant, and which of its pixels count, is a function of (seed, step).
"""

import itertools
from collections import Counter

import numpy as np

from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.datasets.loading import CHANCES
from minicnn.engine import randomness
from minicnn.images.jitter import jitter
from minicnn.learning.class_weights import check_labelled, class_weights, of_sets
from minicnn.learning.errors import Diverged
from minicnn.learning.metrics import ScoresError, best_of, right, score, scores_of
from minicnn.learning.sureness import limit, sureness
from minicnn.learning.task import ONE_A_STEP, Task, dealt
from minicnn.learning.world import world


class Pixels(Task):
    """The pictures of a data set with label maps."""

    deals = True
    unused = dict.fromkeys(("batch", "colour_noise"), ONE_A_STEP)

    def __init__(self, network, config, dataset):
        super().__init__(network, config)
        self.dataset, network.sets = dataset, dataset.sets
        self.take(dataset)
        check_labelled(self.pictures, "train", config.skip_bad)
        if len(self.val):
            check_labelled(self.val, "val", config.skip_bad)
        shares, balance = config.class_shares, config.training.balance  # None: all count alike
        self.weight = class_weights(shares, balance).astype(np.float32) if balance else None
        self.missed, self.learnt = Counter(), False  # where no labelled pixel was asked for

    def feed(self, first, last):
        order = epochs_of(len(self.pictures), self.config.seed, first, last)
        skip_bad = self.config.skip_bad
        return datasets.Loader(self.pictures, order, self._variant, skip_bad=skip_bad, start=first)

    def _variant(self, picture, step):
        """What the network sees of a training picture: (step, (inputs, labels, its name, weights of
        the classes or None)), or None if no pixel of this variant has a label."""
        rng, options = randomness.generator(self.config.seed, 2, step), self.config.training
        image, labels = jitter(picture.image, picture.labels, rng, **options.jitter)
        if (labels == VOID).all():
            return None
        weight, some = self.weight, options.patches
        if some and np.count_nonzero(labels != VOID) > some:
            shares, sets = self.config.class_shares, self.dataset.sets
            places = drawn(labels, some, options.balance, shares, rng, sets)
            named, labels = labels.ravel()[places], only(labels, places)
            weight = None if weight is None else repeats(named, labels, len(weight))
        inputs = [level[None] for level in self.network.preprocess(image)]
        return step, (inputs, np.ascontiguousarray(labels[None]), picture.name, weight)

    def loss(self, batch):
        inputs, labels, name, weight = batch
        loss, scores = self.network.loss(self.tensors(inputs), labels, weight)
        if loss is None:  # the network asked at no labelled pixel
            self.missed[name] += 1
            if self.missed.total() > CHANCES + len(self.pictures) and not self.learnt:
                raise datasets.DataError(f"no pixel where the network is asked is labelled: {name}")
            return None, float("nan")
        self.learnt = True
        return loss, share_right(scores, labels, self.dataset.sets)

    def counted(self, batch):
        labels, weight = batch[1][batch[1] != VOID], batch[3]
        if weight is None:
            return float(len(labels))
        return float(of_sets(weight, self.dataset.sets)[labels].sum())

    def validate(self, count=None):
        (order, count), skip_bad = dealt(self.val, count), self.config.skip_bad
        sure, scores = [], None  # of each picture; of the last one

        def label(network, image):
            nonlocal scores
            scores = scores_of(network, image)
            return best_of(scores)

        def watch(picture, prediction):  # not within the time of a prediction
            sure.append(sureness(scores))

        with datasets.Loader(self.val, order, skip_bad=skip_bad) as pictures:
            some = itertools.islice(pictures, count)
            try:
                apart = self.dataset.not_averaged
                classes, sets = self.config.classes, self.dataset.sets
                found = score(self.network, some, classes, watch, label, apart, sets)
            except ScoresError as error:
                raise Diverged(str(error)) from None
        confusion, seconds = world().pool(found[0]), found[1]
        below = limit([s for part in world().gather(sure) for s in part])
        return {
            "val_accuracy": round(confusion.pixel_accuracy, 6),
            "val_class_accuracy": round(confusion.class_accuracy, 6),
            "val_iou": round(confusion.mean_iou, 6),
            "seconds_per_picture": round(seconds, 4),
        } | ({} if below is None else {"sure": below})

    def second(self, found):
        return f"class accuracy {found['val_class_accuracy']:.1%}"

    def left_out(self, loader):
        missed = (list(self.missed), "for a step, without a label where the network was asked")
        empty = (loader.empty, "all void as they were turned or cut")
        return [*super().left_out(loader), empty, missed]


def epochs_of(count, seed, first, last):
    """The places of the pictures for steps first .. last - 1: every epoch is a new permutation."""
    for step in range(first, last):
        if step == first or step % count == 0:
            places = randomness.generator(seed, 1, step // count).permutation(count)
        yield places[step % count]


def share_right(scores, labels, sets=()):
    """Share of the labelled pixels that the scores name rightly; of a set any class is right."""
    known, answers = labels != VOID, scores.numpy().argmax(axis=1)
    if answers.ndim > 1:  # else there are answers for the labelled pixels alone
        answers = answers[known]
    return float(right(labels[known], answers, scores.shape[1], sets).mean())


def drawn(labels, patches, balance, shares, rng, sets=()):
    """The places of `patches` randomly drawn pixels in labels (H, W) laid flat; of all that have a
    label, if there are no more. Pixels of a class are drawn in proportion to its weight, see
    `class_weights`; so the pixels of a small one may be drawn several times."""
    places = np.flatnonzero(labels != VOID)
    if len(places) <= patches:
        return places
    chance = None
    if balance:
        weights = of_sets(class_weights(shares, balance), sets)
        chance = weights[labels.ravel()[places]]
        chance = chance / chance.sum()
    return rng.choice(places, patches, replace=balance > 0, p=chance)


def only(labels, places):
    """Labels (H, W) that are left at these places alone, and void elsewhere."""
    kept = np.full(labels.size, VOID, labels.dtype)
    kept[places] = labels.ravel()[places]
    return kept.reshape(labels.shape)


def repeats(named, labels, classes):
    """float32 (classes,): how often a pixel of a class was drawn on average. `named` are the
    classes of all that were, and in `labels` each pixel is there once."""
    often, once = (np.bincount(a.ravel(), minlength=classes)[:classes] for a in (named, labels))
    return np.where(once > 0, often / np.maximum(once, 1), 1).astype(np.float32)
