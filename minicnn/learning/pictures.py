"""Learning the class of whole pictures: a batch is N crops of one size, with a class each.

A step takes `batch` pictures, read and cut in several threads. Which ones they are, and which part
of each, is a function of (seed, place in the epoch), so that a resumed run sees the same. What
a crop is says the network (models/classification.py); for pixels see images/jitter.py. Pictures
stay in memory while they are fed, in the size that the network wants, as many as fit into 1 GB and
a quarter of what is free; so later epochs need not decode them.
"""

import itertools

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.basics.notebooks import say
from minicnn.datasets.kept import MOST, Kept
from minicnn.engine import randomness
from minicnn.engine.devices import move
from minicnn.learning.errors import Diverged
from minicnn.learning.mean_files import of_file
from minicnn.learning.memory import available
from minicnn.learning.metrics import ScoresError
from minicnn.learning.pixels import epochs_of
from minicnn.learning.ranks import rank
from minicnn.learning.statistics import measure, tint
from minicnn.learning.task import Task, dealt
from minicnn.learning.world import world
from minicnn.nn import init

THREADS = 1  # that read and cut pictures, a batch each
AHEAD = 2  # batches that may wait


class Pictures(Task):
    """The pictures of an image folder."""

    kind, what, deals = "pictures", "pictures", True
    unused = dict.fromkeys(
        ("balance", "patches", "rotate", "light"),
        "{name} is for labels of pixels; {model} learns whole pictures",
    )

    def __init__(self, network, config, dataset):
        super().__init__(network, config)
        self.dataset = dataset
        self.take(dataset)
        self.batch = min(config.training.batch, len(self.pictures))
        self.flip, self.rescale = config.training.flip, config.training.rescale

    def begin(self, quiet=False):
        """Measures the training pictures: their mean, unless it stands in a file or came with the
        weights that the training begins with, the colours in which they vary, and for initial=data
        what the first weights make of them."""
        network, config = self.network, self.config
        taken = config.start.taken if config.start else []
        if config.options.get("mean"):
            network.mean.data = move(of_file(config.options["mean"], network), network.mean.device)
            taken = [*taken, "mean"]
        wants_mean = hasattr(network, "mean") and "mean" not in taken
        begins = not config.start and config.options.get("initial") == "data"
        if not (wants_mean or begins or config.training.colour_noise):
            return
        found = measure(network, self.pictures)
        if found.small and not quiet:
            say(
                f"note: {len(found.small)} of the training pictures are smaller than the crop of "
                f"{network.options['size']} pixels and are enlarged: {found.small[0]}"
                f"{' ...' * (len(found.small) > 1)}"
            )
        if wants_mean:
            network.mean.data = move(found.mean[[*network.channels]], network.mean.device)
        if begins and len(found.some):
            init.from_data(network, network.HIDDEN, *self.tensors([found.some]))
        if config.training.colour_noise:
            config.colour_axes = found.axes.tolist()

    def steps_in_an_epoch(self):
        return -(-len(self.pictures) // self.batch)

    def feed(self, first, last):
        begin, end = first * self.batch, last * self.batch
        room = min(MOST, (available() or MOST) // 4 // world().beside)
        return datasets.Loader(
            Kept(self.pictures, self.network.frame, room),
            epochs_of(len(self.pictures), self.config.seed, begin, end),
            self._part,
            ahead=AHEAD,
            skip_bad=self.config.skip_bad,
            start=begin,
            threads=THREADS,
            batch_size=self.batch,
            collate=self._batch,
        )

    def _part(self, picture, place):
        """(place, part of a training picture, class, what is added to its colours)."""
        rng = randomness.generator(self.config.seed, 2, place)
        part = self.network.part(picture.image, rng, self.flip, self.rescale)
        return place, part, picture.label, self._tint(rng)

    def _tint(self, rng):
        """Grey levels that are added to red, green and blue of a picture."""
        noise = self.config.training.colour_noise
        return tint(self.config.colour_axes, noise, rng) if noise else np.zeros(3, np.float32)

    def _batch(self, items):
        """(step, (crops (N, C, h, w), classes (N,)))."""
        places, parts, labels, tints = zip(*items, strict=True)
        crops = self.network.normalise(np.stack(parts))
        if self.config.training.colour_noise:
            tints = np.stack(tints)[:, self.network.channels]
            crops += tints[:, :, None, None] / self.network.grey_levels
        return places[0] // self.batch, (crops, np.array(labels))

    def loss(self, batch):
        crops, labels = batch
        (x,) = self.tensors([crops])
        scores = self.network(x)
        right = float((scores.numpy().argmax(axis=1) == labels).mean())
        return F.cross_entropy(scores, labels), right

    def counted(self, batch):
        return float(len(batch[1]))

    def validate(self, count=None):
        (order, count), skip_bad = dealt(self.val, count), self.config.skip_bad
        with datasets.Loader(self.val, order, skip_bad=skip_bad, threads=THREADS) as pictures:
            some = itertools.islice(pictures, count)
            try:
                ranks, _ = rank(self.network, some, self.config.classes)
            except ScoresError as error:
                raise Diverged(str(error)) from None
        ranks = world().pool(ranks)
        return {"val_accuracy": round(ranks.top(1), 6), "val_top5": round(ranks.top(5), 6)}

    def second(self, found):
        return f"top-5 accuracy {found['val_top5']:.1%}"
