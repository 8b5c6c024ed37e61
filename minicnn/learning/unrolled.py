"""Learning the last iteration of a `feedback` network; those before it are as they are.

First, once, what needs no gradient through the network:

1. what the iteration before says of each training picture: of those of fold k its classifier
   number k, which has not seen them;
2. the filters, layer by layer, from patches of the maps below (epls.py);
3. the maps of each picture, of which the means and the numbers of some pixels are kept;
4. the classifiers of whole pictures; what each is told of a picture comes from the one that has
   not seen it, too.

Then the classifiers of pixels learn from the pixels that were kept, in the loop of all networks;
number k passes over those of fold k. A pixel costs some 600 numbers of 16 bits.
"""

import time
import zlib

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.basics.notebooks import say
from minicnn.datasets import VOID
from minicnn.datasets.splits import evenly
from minicnn.engine import randomness
from minicnn.engine.op import no_grad
from minicnn.learning import memory
from minicnn.learning.drawn_pixels import DrawnPixels
from minicnn.learning.errors import TrainingError
from minicnn.learning.features import (
    at_pixels,
    drawn_patches,
    learn_layer,
    learn_shares,
    take_moments,
)
from minicnn.learning.pixels import drawn
from minicnn.models.iteration import COARSER

LOOKED_AT = 600  # pictures at most, of which the patches are taken

_said = {}  # {who said it of what: class maps}: one entry, for the iteration after the next


class Unrolled(DrawnPixels):
    """Pixels that are drawn from all pictures before the first step, and their labels."""

    teaches = True

    def __init__(self, network, config, dataset):
        super().__init__(network, config, dataset)
        if config.training.balance and not config.training.patches:
            raise TrainingError("balance: feedback draws pixels by it, and patches=0 takes all")
        self.iteration = network.iterations[-1]
        learning = {"classifier.weight", "classifier.bias"}
        mine = {id(p) for n, p in self.iteration.named_parameters() if n in learning}
        for p in network.parameters():
            p.requires_grad = id(p) in mine
        self.say = lambda text: None
        self.features = self.folds = None

    # ---------------------------------------------------------------------------- once, beforehand
    def prepare(self, quiet=False):
        begun, number = time.monotonic(), len(self.network.iterations)
        self.device = self.network.parameters()[0].device
        if not quiet:
            self.say = lambda text: say(f"iteration {number}: {text}")
        self._check_memory()
        with no_grad():
            said = self._said()
            if not self.iteration.layers[0].filters.weight.numpy().any():  # else it is resumed
                self._learn_layers(said)
            self.say(f"looking at {len(self.pictures)} pictures")
            found = self._look(said)
        self._keep(*found)
        return time.monotonic() - begun

    def _pictures(self, chosen=None):
        """(place, picture (1, 3, side, side), Picture) of the training pictures, or of the chosen
        ones; what cannot be used is passed over."""
        places = list(range(len(self.pictures))) if chosen is None else chosen

        def prepared(picture, k):
            return places[k], self.network.preprocess(picture.image), picture

        loader = datasets.Loader(self.pictures, places, prepared, skip_bad=self.config.skip_bad)
        with loader:
            for place, inputs, picture in loader:
                yield place, self.tensor(inputs[0][None]), picture
        self.note_left_out(loader)

    def _fold(self, place):
        """The classifier that has not seen the picture at this place; 0 if there are no folds."""
        folds = self.network.options["folds"]
        return 1 + place % folds if folds else 0

    def _maps(self, said, place):
        """The class maps of one picture, or None in the first iteration."""
        return None if said is None else self.tensor(said[place][None])

    def _said(self):
        """float16 (pictures, classes, h, w): what all iterations but the last have said of the
        training pictures at the end, each of what it has not seen. None if there are none."""
        before = self.network.iterations[:-1]
        names, side = self.pictures.names, self.network.options["side"] // COARSER
        said = None
        known = [0, *(k for k in range(1, len(before) + 1) if self._key(k) in _said)][-1]
        if known:  # this process has found it for an earlier iteration
            said = _said[self._key(known)]
        for k in range(known, len(before)):
            self.say(f"what iteration {k + 1} says of {len(names)} pictures")
            now = np.zeros((len(names), self.network.classes, side, side), np.float16)
            for place, x, _ in self._pictures():
                scores = before[k](x, self._maps(said, place), side, self._fold(place))
                now[place] = F.softmax(scores, dim=1).numpy()[0]
            said = now
        _said.clear()
        if before:
            _said[self._key(len(before))] = said
        return said

    def _key(self, count):
        """Who says it, and of which pictures."""
        weights = self.network.state_dict().items()
        first = tuple(f"iterations.{k}." for k in range(count))
        sums = [zlib.crc32(np.ascontiguousarray(a)) for n, a in weights if n.startswith(first)]
        return (*sums, self.dataset.name, *self.pictures.names)

    def _learn_layers(self, said):
        """Fills the filters of all layers, from below."""
        o, rng = self.network.options, randomness.generator(self.config.seed, 6)
        chosen = evenly(range(len(self.pictures)), LOOKED_AT)
        each = -(-o["samples"] // len(chosen))
        below = None  # the maps of each chosen picture, float16; of the lowest, they are made anew
        for number, layer in enumerate(self.iteration.layers, 1):
            patches = []
            for maps in self._levels(chosen, said, below):
                patches.append(drawn_patches(maps.numpy()[0], o["filter"], each, rng))
            patches = np.concatenate(patches)
            seed = self.config.seed + 1000 * len(self.network.iterations) + number
            error = learn_layer(layer, patches, o, seed, self.device)
            self.say(f"layer {number}: {len(patches)} patches, error {error:.3f}")
            inputs = self._levels(chosen, said, below)
            below = [layer(maps).numpy().astype(np.float16) for maps in inputs]

    def _levels(self, chosen, said, below):
        """The maps of the chosen pictures, (1, C, h, w), one after another."""
        if below is not None:
            return (self.tensor(maps) for maps in below)
        pictures = self._pictures(chosen)
        return (self.iteration.reads(x, self._maps(said, k)) for k, x, _ in pictures)

    def _look(self, said):
        """(places of the pictures, means of their maps (n, F), shares of their classes (n, K),
        features of the pixels that were drawn, float16 (N, F), their labels)."""
        means, shares, features, labels, places = [], [], [], [], []
        options, side = self.config.training, self.network.options["side"]
        for place, x, picture in self._pictures():
            levels = self.iteration.levels(x, self._maps(said, place))
            truth = self._framed(picture.labels)
            count = np.bincount(truth[truth != VOID], minlength=self.network.classes)
            if not count.sum():
                continue
            some = np.flatnonzero(truth != VOID)
            if options.patches:
                rng = randomness.generator(self.config.seed, 7, place)
                balance = options.balance, self.config.class_shares
                some = np.sort(drawn(truth, options.patches, *balance, rng))
            rows, columns = np.divmod(some, side)
            numbers = [at_pixels(maps.numpy()[0], rows, columns, side) for maps in levels]
            features.append(np.concatenate(numbers, axis=1).astype(np.float16))
            labels.append(truth[rows, columns])
            means.append(self.iteration.describe(levels).numpy()[0])
            shares.append(count / count.sum())
            places.append(place)
        if not places:
            raise datasets.DataError(f"{self.dataset.name}: no picture could be learnt from")
        return np.array(places), np.stack(means), np.stack(shares), features, labels

    def _framed(self, labels):
        """Labels (H, W) in the square that the network sees; void beside them."""
        height, width = self.network.extent(labels.shape)
        rows = (np.arange(height) + 0.5) * labels.shape[0] / height
        columns = (np.arange(width) + 0.5) * labels.shape[1] / width
        return self.network.framed(labels[rows.astype(int)[:, None], columns.astype(int)], VOID)

    def _keep(self, places, means, shares, features, labels):
        """Learns what is told of whole pictures, and keeps what the steps draw from."""
        folds = np.array([self._fold(place) for place in places])
        sizes = [len(part) for part in labels]
        features = np.concatenate(features)
        if (whole := self.iteration.whole) is not None:
            if not whole.weight.numpy().any():
                take_moments(whole, means)
                learn_shares(whole, means, shares, folds, self.config.seed)
            told = np.empty_like(shares, np.float16)
            for k in set(folds):
                told[folds == k] = whole.shares(self.tensor(means[folds == k]), k).numpy()
            told = np.repeat(told, sizes, axis=0)
            features = np.concatenate([features, told], axis=1)
        if not self.iteration.classifier.weight.numpy().any():
            take_moments(self.iteration.classifier, features)
        self.features, self.labels = features, np.concatenate(labels)
        self.folds = np.repeat(folds, sizes)

    def _check_memory(self):
        o, heads = self.network.options, self.iteration.classifier
        pictures, each = len(self.pictures), self.config.training.patches or o["side"] ** 2
        wanted = 3 * 2 * pictures * each * heads.mean.size
        wanted += 2 * min(pictures, LOOKED_AT) * o["maps"] * (o["side"] // 2) ** 2
        if len(self.network.iterations) > 1:
            wanted += 4 * pictures * self.network.classes * (o["side"] // COARSER) ** 2
        what = f"feedback with patches={each} from each of {pictures} pictures"
        memory.check(wanted, what, "give a smaller patches, maps or side")

    # -------------------------------------------------------------------------------- in each step
    def steps_in_an_epoch(self):
        return -(-len(self.labels) // self.config.training.batch)

    def batch_of(self, places):
        return self.features[places], self.labels[places], self.folds[places]

    def loss(self, batch):
        features, labels, folds = batch
        scores = self.iteration.classifier.of_all(self.tensor(features))
        _, count, classes = scores.shape
        asked = np.repeat(labels[:, None], count, axis=1)
        asked[np.arange(count) == np.where(folds, folds, -1)[:, None]] = VOID
        loss = F.cross_entropy(scores.reshape(-1, classes), asked.reshape(-1), ignore_index=VOID)
        return loss, float((scores.numpy()[:, 0].argmax(axis=1) == labels).mean())
