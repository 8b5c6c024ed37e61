"""Learning what regions are: a batch is N regions of several pictures with their masks, a quarter
of them objects (Hariharan et al. 2014, after Girshick et al. 2014).

Before the first step the proposals of all training pictures are made, or read (region_files.py). A
step looks at BATCH / 4 pictures, and at four regions of each: one that fits an object, three that
do not; which, is a function of (seed, step). After the last step follow the classifiers and the
refinement (region_classifiers.py), each of which is kept as soon as it is done.

A tenth of the training pictures, always the same, is held out for every choice; `val` of the data
set is not looked at.
"""

import time

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.datasets.instances import background_of
from minicnn.datasets.splits import evenly, hold_out
from minicnn.engine import randomness
from minicnn.learning import memory
from minicnn.learning.pixels import epochs_of
from minicnn.learning.progress import Line
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.region_classifiers import finish
from minicnn.learning.region_files import Keeper
from minicnn.learning.samples import Sample, Samples
from minicnn.learning.task import Task

OF_A_PICTURE = 4  # regions in a batch, of which one is an object
LOOKED_AT = 16  # regions of each picture that is held out
EVERY = 50  # pictures, after which the run is kept


class Regions(Task):
    """The proposals of the pictures of a data set with objects."""

    kind, what, early = "pixels", "regions", True
    unused = dict.fromkeys(
        ("balance", "patches", "rotate", "rescale", "light", "colour_noise"),
        "{name} is not for regions that are cut out of pictures",
    )

    def __init__(self, network, config, dataset):
        super().__init__(network, config)
        self.dataset, self.background = dataset, background_of(dataset)
        self.take(dataset)
        rest, held = hold_out(self.pictures.names, "sds")
        self.held = []
        if not config.overfit_one:
            self.pictures.names, self.held = rest, datasets.Split(dataset, held)
        self.val = self.held
        self.batch = min(config.training.batch, OF_A_PICTURE * len(self.pictures))
        self.batch = max(1, self.batch // OF_A_PICTURE)  # pictures
        self.samples = self.others = None
        self.left = ([], [])
        self.nothing = len(config.classes)  # the class of what is no object
        self.proposer = load_proposer(network.options["edges"])

    # ---------------------------------------------------------------------------- once, beforehand
    def prepare(self, quiet=False):
        begun = time.monotonic()
        self.samples = self._collect(self.pictures, quiet)
        self.others = self._collect(self.held, quiet)
        if not any(len(one.classes) for one in self.samples):
            raise datasets.DataError(
                f"{self.dataset.name}: no training picture has an object with a mask to learn from"
            )
        return time.monotonic() - begun

    def _collect(self, pictures, quiet):
        keeper, found = Keeper(self.proposer, self.network.options["regions"]), Samples()
        said, skip_bad = Line("sds", quiet), self.config.skip_bad
        with datasets.Loader(pictures, range(len(pictures)), skip_bad=skip_bad) as loader:
            try:
                for picture in loader:
                    found.append(Sample.of(picture, keeper, self.background))
                    if len(found) == 1:
                        self._check_memory(found[0], len(pictures))
                    if len(found) % EVERY == 0:
                        self.keep(proposals=len(found))
                    said(f"proposals of {len(found)} of {len(pictures)} pictures")
            except KeyboardInterrupt as stop:
                raise type(stop)(
                    f"stopped after the proposals of {len(found)} pictures{self.go_on}"
                ) from None
        self.left = self.left[0] + loader.skipped, self.left[1] + loader.void
        return found

    def _check_memory(self, sample, count):
        arrays = sample.proposed
        each = sample.image.nbytes + arrays.leaves.nbytes + arrays.packed.nbytes
        each += 3 * arrays.leaves.size  # masks of some objects
        memory.check(count * each, f"sds with {count} pictures", "train on fewer, or smaller ones")

    def left_out(self, loader):
        return [
            ([message for _, message in self.left[0]], "unreadable"),
            (self.left[1], "all void"),
        ]

    # -------------------------------------------------------------------------------- in each step
    def steps_in_an_epoch(self):
        return max(1, len(self.pictures) // self.batch)

    def feed(self, first, last):
        begin, end = first * self.batch, last * self.batch
        return datasets.Loader(
            self.samples or Samples(),
            epochs_of(len(self.samples or [0]), self.config.seed, begin, end),
            self._regions,
            ahead=2,
            start=begin,
            batch_size=self.batch,
            collate=self._batch,
        )

    def _regions(self, sample, place):
        rng = randomness.generator(self.config.seed, 2, place)
        return place, self._of(sample, rng, OF_A_PICTURE, self.config.training.flip)

    def _of(self, sample, rng, count, flip=False):
        """[(boxes, masked boxes, classes)], one for each of the network's heads."""
        kinds = {"A": ["boxes"], "B": ["boxes", "regions"], "C": ["regions"]}
        found = []
        for kind in kinds[self.network.options["net"]]:
            few = count // OF_A_PICTURE
            chosen, classes = sample.drawn(kind, rng, few, count - few, self.nothing)
            mirrored = rng.random(len(chosen)) < 0.5 * flip
            cut = self.network.cut_out(sample.image, sample.proposed, chosen, mirrored)
            found.append((*cut, classes))
        return found

    def _batch(self, items):
        """(step, [(boxes, masked boxes, classes) of all pictures, for each head])."""
        heads = zip(*(found for _, found in items), strict=True)
        joined = [[np.concatenate(parts) for parts in zip(*head, strict=True)] for head in heads]
        return items[0][0] // self.batch, joined

    def loss(self, batch):
        total, right = None, []
        for scores, classes in self._answers(batch):
            right.append((scores.numpy().argmax(axis=1) == classes).mean())
            loss = F.cross_entropy(scores, classes)
            total = loss if total is None else total + loss
        return total, float(np.mean(right))

    def _answers(self, batch):
        """[(scores, classes)] of each head for what it was given."""
        boxes, regions = batch[0][0], batch[-1][1]
        scores = self.network.heads(*self.tensors([boxes, regions]))
        return list(zip(scores, (head[2] for head in batch), strict=True))

    def validate(self, count=None):
        """Of the same few regions of each picture that is held out."""
        if self.samples is None:  # a run that was stopped after its last step
            self.prepare(self.quiet)
        right, objects = [], []
        samples = self.samples if self.config.overfit_one else self.others
        with self.network.predicting():
            for place in evenly(range(len(samples)), count):
                rng = randomness.generator(0, 3, place)
                for scores, classes in self._answers(self._of(samples[place], rng, LOOKED_AT)):
                    correct = scores.numpy().argmax(axis=1) == classes
                    right.append(correct)
                    objects.append(correct[classes != self.nothing])
        right, objects = np.concatenate(right), np.concatenate(objects)
        of_objects = round(float(objects.mean()), 6) if len(objects) else float("nan")
        return {"val_accuracy": round(float(right.mean()), 6), "val_objects": of_objects}

    def second(self, found):
        return f"of those that are objects {found['val_objects']:.1%}"

    # ---------------------------------------------------------------------------------- at the end
    def finish(self, run):
        if self.samples is None:  # a run that was stopped after its last step
            self.prepare(run.quiet)
        finish(run, self)
