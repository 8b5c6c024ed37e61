"""Learning the class of whole pictures: a batch is N crops of one size, with a class each.

A step takes `batch` pictures, read and cut in several threads. Which ones they are, and which part
of each, is a function of (seed, place in the epoch), so that a resumed run sees the same.
"""

import itertools

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.engine import randomness
from minicnn.learning.errors import Diverged, TrainingError
from minicnn.learning.metrics import ScoresError
from minicnn.learning.pixels import epochs_of
from minicnn.learning.ranks import rank
from minicnn.learning.statistics import tint
from minicnn.learning.task import Task, in_turn

THREADS = 2  # that read and cut pictures


class Pictures(Task):
    """The pictures of an image folder."""

    kind, what = "pictures", "pictures"

    def __init__(self, network, config, dataset):
        super().__init__(network, config)
        for name in ("balance", "patches", "rotate"):
            if getattr(config.training, name):
                raise TrainingError(
                    f"{name} is for labels of pixels; {config.model} learns whole pictures: "
                    "leave it away"
                )
        self.dataset, self.pictures = dataset, dataset.split("train")
        if config.overfit_one:
            self.pictures.names = self.pictures.names[:1]
        if not len(self.pictures):
            raise TrainingError(f"{dataset.name}: there are no pictures to train on")
        self.val = [] if config.overfit_one else dataset.split("val")
        self.batch = min(config.training.batch, len(self.pictures))

    def steps_in_an_epoch(self):
        return -(-len(self.pictures) // self.batch)

    def feed(self, first, last):
        begin, end = first * self.batch, last * self.batch
        order = epochs_of(len(self.pictures), self.config.seed, begin, end)
        loader = datasets.Loader(
            self.pictures,
            order,
            self._prepared,
            ahead=4 * self.batch,
            skip_bad=self.config.skip_bad,
            start=begin,
            threads=THREADS,
        )
        return Batches(loader, self.batch)

    def _prepared(self, picture, place):
        """(place, crop, class) of a training picture."""
        rng = randomness.generator(self.config.seed, 2, place)
        o = self.config.training
        crop = self.network.crop(picture.image, rng, o.flip, o.rescale)
        if o.colour_noise:
            noise = tint(self.config.colour_axes, o.colour_noise, rng)
            crop += noise[:, None, None] / self.network.grey_levels
        return place, crop, picture.label

    def loss(self, batch):
        crops, labels = batch
        (x,) = self.tensors([crops])
        scores = self.network(x)
        right = float((scores.numpy().argmax(axis=1) == labels).mean())
        return F.cross_entropy(scores, labels), right

    def validate(self, count=None):
        order, skip_bad = in_turn(self.val, count), self.config.skip_bad
        with datasets.Loader(self.val, order, skip_bad=skip_bad, threads=THREADS) as pictures:
            some = itertools.islice(pictures, count)
            try:
                ranks, _ = rank(self.network, some, self.config.classes)
            except ScoresError as error:
                raise Diverged(str(error)) from None
        return {"val_accuracy": round(ranks.top(1), 6), "val_top5": round(ranks.top(5), 6)}

    def second(self, found):
        return f"top-5 accuracy {found['val_top5']:.1%}"


class Batches:
    """Groups what a Loader hands out into (step, (crops (N, C, h, w), classes (N,))): a batch holds
    those of its places that could be read."""

    def __init__(self, loader, size):
        self.loader, self.size = loader, size

    skipped = property(lambda self: self.loader.skipped)
    void = property(lambda self: self.loader.void)

    def __enter__(self):
        self.loader.__enter__()
        return self

    def __exit__(self, *error):
        self.loader.__exit__(*error)

    def __iter__(self):
        for step, items in itertools.groupby(self.loader, lambda item: item[0] // self.size):
            _, crops, labels = zip(*items, strict=True)
            yield step, (np.stack(crops), np.array(labels))
