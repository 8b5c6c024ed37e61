"""What differs between the lecture's systems while they learn; run.py and fitting.py are the same.

    pixels     a label for every pixel                              pixels.py
    pictures   a class for every picture, many pictures a step      pictures.py
    boundaries where people draw borders                            boundaries.py
    regions    regions of pictures, some of which are objects           regions.py, for sds
    bags       pixels, by the classes that whole pictures show      bags.py, for weak
    segments   the share of every class in a segment                segments.py, for the cover
    unrolled   pixels that were drawn from all pictures beforehand  unrolled.py, for feedback
    hand-made  such pixels, too, and trees that are grown before    hand_made.py, for shallow

A new one says how a batch is drawn, what the loss is, and what the best weights are chosen by.
"""

import numpy as np

from minicnn.datasets.splits import evenly
from minicnn.engine.tensor import Tensor
from minicnn.learning.errors import TrainingError
from minicnn.learning.world import world

ONE_A_STEP = "{name} is for networks of whole pictures; {model} learns one picture a step"
LEARNT = 0.98  # of one picture, at least, for --overfit-one


class Task:
    """What a network learns, and from what.

    kind, also        of the data sets that it can learn from: `Dataset.kind`
    unit, what        what a step takes, and what is right or wrong, for people
    network, config   what is trained, and how
    pictures, val     what it learns from, and what its best weights are chosen by: sequences
    """

    kind, also = "pixels", ()
    unit = "pictures"
    what = "pixels"  # that are right or wrong
    val = ()
    early = False  # whether `prepare` takes so long that it calls `keep` on the way
    teaches = False  # whether `prepare` teaches the network something
    shared = True  # whether several processes may share the steps: see parallel.py
    deals = False  # whether `validate` lets each of them look at some pictures
    quiet = False  # whether it says nothing, where it prepares only when that is needed
    unused = {}  # {training option that it does not hear: what says so, of {name} and {model}}

    def keep(self, **record):
        """Writes a checkpoint and a line of the log while `prepare` goes on, if there is a folder
        to keep them in."""

    go_on = ""  # how to go on from there, to be said behind «stopped»

    @property
    def accuracy(self):
        """What `val_accuracy` is called."""
        return f"{self.what[:-1]} accuracy"

    def __init__(self, network, config):
        self.network, self.config = network, config

    def take(self, dataset):
        """Sets `pictures` and `val`. Raises TrainingError if there is nothing to train on."""
        self.pictures = dataset.split("train")
        if self.config.overfit_one:
            self.pictures.names = self.pictures.names[:1]
        if not len(self.pictures):
            raise TrainingError(f"{dataset.name}: there are no pictures to train on")
        self.val = [] if self.config.overfit_one else dataset.split("val")

    def begin(self, quiet=False):
        """What the network, or `config`, has to know of the pictures, of which a resumed run knows
        it already."""

    def prepare(self, quiet=False):
        """What has to be done once before the first step, of a resumed run too; returns the seconds
        that it took."""
        return 0.0

    def steps_in_an_epoch(self):
        """How many steps it takes to see everything once."""
        return len(self.pictures)

    def feed(self, first, last):
        """A context that iterates over (step, batch) for steps first .. last - 1, prepared in
        background threads. Which batch it is follows from (seed, step) alone, so that a resumed run
        sees what it would have seen; a step with nothing to learn from is passed over."""
        raise NotImplementedError

    def loss(self, batch):
        """(loss, a Tensor, or None: it teaches nothing; share of right answers, or NaN)."""
        raise NotImplementedError

    def counted(self, batch):
        """How much a batch counts beside others of its step: what its loss was divided by. Where
        all are of one size, it does not matter what it is."""
        return 1.0

    def validate(self, count=None):
        """{name: number} of how good the network is on `val`, or on `count` of its pictures that
        can be counted, evenly spread; the greatest `val_accuracy` is the best."""
        raise NotImplementedError

    def looked_at(self):
        """At how many of the pictures of `val` is looked, in words; "" if at all."""
        few = self.config.val_pictures
        return f", on {few} of {len(self.val)} pictures, always the same" if few else ""

    def second(self, found):
        """What of `validate` is said behind the accuracy."""
        raise NotImplementedError

    def finish(self, run):
        """What is done once when all steps are, with the best weights."""

    def learnt_by_heart(self, steps):
        """A sentence for --overfit-one: whether the one picture was learnt."""
        self.val = self.pictures
        right = self.validate()["val_accuracy"]
        if right >= LEARNT:
            return f"learnt it: {right:.1%} of its {self.what} right"
        return (
            f"did NOT learn it: {right:.1%} of its {self.what} right after {steps} steps; "
            f"more steps or another lr may help, else the network has a bug"
        )

    def left_out(self, loader):
        """[(names or messages, why)] of what the Loader of a training has passed over."""
        unreadable = [message for _, message in loader.skipped]
        return [(unreadable, "unreadable"), (loader.void, "all void")]

    def tensors(self, arrays):
        """The arrays as Tensors on the network's device."""
        device = self.network.parameters()[0].device
        return [Tensor(array).to(device) for array in arrays]

    def tensor(self, array):
        """An array of any type as a float32 Tensor there."""
        return self.tensors([array.astype(np.float32)])[0]


class Drawn:
    """Steps and their batches, drawn when they are asked for, where there is nothing to read."""

    skipped = void = empty = ()

    def __init__(self, steps):
        self.steps = steps

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __iter__(self):
        return iter(self.steps)


def in_turn(pictures, count):
    """The places of all these pictures, those of `count` evenly spread ones first: where one of
    them tells nothing, the next that is left takes its place. None for count: all, in order."""
    places = range(len(pictures))
    first = evenly(places, count)
    return first + sorted({*places} - {*first})


def dealt(pictures, count):
    """(places, how many): those of `in_turn` at which this process looks, and at how many."""
    everybody = world()
    places = everybody.deal(in_turn(pictures, count))
    return places, None if count is None else len(everybody.deal(range(count)))
