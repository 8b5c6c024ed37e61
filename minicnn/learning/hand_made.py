"""Learning a `shallow` classifier. Nothing of it needs a gradient through the features.

1. One pixel in `every` is drawn from all pictures, with its 761 features; from these the trees of
   each class are grown (boosting.py). After each class the run is kept, and `resume` goes on. With
   `flip` as many are drawn again, from the pictures in a mirror.
2. Other pixels are drawn, `patches` from each picture, and what the regression reads of them (the
   answers of the trees, or the features) is kept; then it learns by gradients, in the loop of all
   networks.
3. At the end, the price of a border is chosen on some validation pictures.
"""

import time

import numpy as np

from minicnn import datasets
from minicnn import functional as F
from minicnn.basics.notebooks import say
from minicnn.datasets import VOID
from minicnn.datasets.splits import evenly
from minicnn.engine import randomness
from minicnn.labelling.methods import Labelling, softmax
from minicnn.labelling.potts import potts
from minicnn.learning import checkpoints, memory
from minicnn.learning.boosting import Codes, booster, grow
from minicnn.learning.drawn_pixels import DrawnPixels
from minicnn.learning.errors import TrainingError
from minicnn.learning.interrupts import defer_interrupt
from minicnn.learning.metrics import Confusion
from minicnn.learning.pixels import drawn
from minicnn.learning.progress import Line
from minicnn.models.pixel_features import COUNT, PixelFeatures

CHUNK = 1000  # pixels that the trees are asked at once
PRICES = (0.01, 1, 2, 4, 8, 16, 32)  # of a border; the first is as good as none
LOOKED_AT = 20  # pictures of `val` on which they are tried


class HandMade(DrawnPixels):
    """Pixels that are drawn from all pictures before the first step, and their labels."""

    early = True
    unused = {name: said for name, said in DrawnPixels.unused.items() if name != "flip"}

    def __init__(self, network, config, dataset):
        super().__init__(network, config, dataset)
        self.views = 1 + config.training.flip  # of each picture: as it is, and mirrored
        if not config.training.patches:
            raise TrainingError("patches=0: shallow learns from some pixels of each picture")
        if network.options["classifier"] == "boosted":
            raise TrainingError(
                "classifier=boosted: train classifier=stacked, and ask its trees alone later: "
                "minicnn evaluate RUN --set classifier=boosted"
            )
        self.told, self.quiet = None, True
        if not self._grown():
            booster()  # is scikit-learn there?

    def _grown(self):
        trees = self.network.trees
        return trees is None or all(map(trees.has_learnt, range(self.network.classes)))

    # ---------------------------------------------------------------------------- once, beforehand
    def prepare(self, quiet=False):
        begun, self.quiet = time.monotonic(), quiet
        self._check_memory()
        grown = self._grown()
        draw = [self._some] if grown else [self._some, self._one_in_many]
        self._say(f"features of some pixels of {len(self.pictures)} pictures")
        (features, self.labels), *others = self._collect(*draw)
        if not grown:
            self._grow_trees(*others[0])
        told = self._told(features)
        self.told = told.astype(np.float16)
        if not self.network.weight.numpy().any():
            mean, spread = told.mean(axis=0, dtype=np.float64), told.std(axis=0, dtype=np.float64)
            spread = np.where(spread > 1e-4, spread, 1)  # what never varies says nothing
            for buffer, value in ((self.network.mean, mean), (self.network.spread, spread)):
                buffer.data[...] = self.tensor(value).data
        return time.monotonic() - begun

    def _told(self, features):
        """What the regression reads, float32 (N, inputs), of features (N, 761)."""
        parts = np.split(features, range(CHUNK, len(features), CHUNK))
        return np.concatenate([self.network.told(part.T) for part in parts])

    def _grow_trees(self, features, labels):
        o, trees, classes = self.network.options, self.network.trees, self.config.classes
        features = Codes(features, self.config.seed)
        for k, name in enumerate(classes):
            if trees.has_learnt(k):
                continue
            begun, mine = time.monotonic(), labels == k
            try:
                found = grow(features, mine, o["rounds"], o["depth"], o["shrink"], self.config.seed)
            except KeyboardInterrupt as stop:
                raise type(stop)(
                    f"stopped after the trees of {k} of {len(classes)} classes{self.go_on}"
                ) from None
            trees.fill(k, *found)
            spent = time.monotonic() - begun
            self.keep(trees=k + 1, pixels=int(mine.sum()), seconds=round(spent, 3))
            self._say(
                f"trees of class {k + 1} of {len(classes)}, {name}: {mine.sum():,} of "
                f"{len(mine):,} pixels, {spent:.0f} s"
            )

    def _collect(self, *draws):
        """[(features float32 (N, 761), labels (N,))] of the pixels of all pictures whose places
        each draw(labels, place) gives, those that it gives twice twice; then of all mirrored."""
        found = [([], []) for _ in draws]

        def chosen(picture, place):
            way = -1 if place >= len(self.pictures) else 1
            image, labels = picture.image[:, ::way], picture.labels[:, ::way]
            return image, labels, [np.sort(draw(labels, place)) for draw in draws]

        places = [*range(len(self.pictures))] * self.views
        with datasets.Loader(
            self.pictures, places, chosen, skip_bad=self.config.skip_bad
        ) as loader:
            for image, labels, pixels in loader:
                features = PixelFeatures(image)
                for (numbers, named), some in zip(found, pixels, strict=True):
                    numbers.append(features.at(*np.divmod(some, labels.shape[1])).T)
                    named.append(labels.ravel()[some])
        self.note_left_out(loader)
        if not all(sum(map(len, named)) for _, named in found):
            raise datasets.DataError(f"{self.dataset.name}: no picture could be learnt from")
        return [tuple(map(np.concatenate, parts)) for parts in found]

    def _one_in_many(self, labels, place):
        count = max(1, np.count_nonzero(labels != VOID) // self.network.options["every"])
        rng = randomness.generator(self.config.seed, 10, place)
        return drawn(labels, count, 0, None, rng)

    def _some(self, labels, place):
        options, rng = self.config.training, randomness.generator(self.config.seed, 7, place)
        return drawn(labels, options.patches, options.balance, self.config.class_shares, rng)

    def _check_memory(self):
        """Features of 4 bytes, twice as they are put together; scikit-learn takes 8, and 2 more."""
        o, side = self.network.options, self.config.long_side or 320
        pictures = len(self.pictures) * self.views
        trees = 0 if self.network.trees is None else pictures * side**2 / o["every"]
        wanted = COUNT * (14 * trees + 8 * pictures * self.config.training.patches)
        what = f"shallow with every={o['every']} and patches={self.config.training.patches}"
        memory.check(
            wanted, f"{what}, from {pictures} pictures,", "give a larger every, or fewer patches"
        )

    def _say(self, text):
        if not self.quiet:
            say(f"shallow: {text}")

    # -------------------------------------------------------------------------------- in each step
    def steps_in_an_epoch(self):
        pixels = len(self.pictures) * self.views * self.config.training.patches
        return -(-pixels // self.config.training.batch)

    def batch_of(self, places):
        return self.told[places], self.labels[places]

    def loss(self, batch):
        told, labels = batch
        scores = self.network(self.tensor(told))
        right = float((scores.numpy().argmax(axis=1) == labels).mean())
        return F.cross_entropy(scores, labels), right

    # ---------------------------------------------------------------------------------- at the end
    def finish(self, run):
        """Chooses the price of a border, unless it was given, and keeps it with the weights."""
        if run.config.options["gamma"] or not len(self.val):
            return
        if not (found := self._try_prices()):
            return
        price = float(max(found, key=found.get))
        self.network.options["gamma"] = run.config.options["gamma"] = price
        for g, right in found.items():
            run.log.write(step=run.steps_done, gamma=g, potts_accuracy=right)
        tried = ", ".join(f"{g:g} {accuracy:.1%}" for g, accuracy in found.items())
        self._say(f"price of a border (gamma): {price:g}; right with each: {tried}")
        with defer_interrupt():  # LAST at the end: a resumed run asks it whether this is done
            for name in (checkpoints.BEST, checkpoints.LAST) if run.folder else ():
                arrays, about = checkpoints.load(run.folder / name)
                about["options"]["gamma"] = price
                checkpoints.save(run.folder / name, arrays, about)

    def _try_prices(self):
        """{price: share of right pixels} on some pictures of `val`."""
        counts = {price: Confusion(self.config.classes) for price in PRICES}
        places = evenly(range(len(self.val)), LOOKED_AT)
        self._say(f"choosing the price of a border on {len(places)} validation pictures")
        said = Line("shallow", self.quiet)
        with datasets.Loader(self.val, places, skip_bad=self.config.skip_bad) as loader:
            for number, picture in enumerate(loader, 1):
                probabilities = softmax(self.network.predict(picture.image))
                for price, confusion in counts.items():
                    confusion.add(picture.labels, potts(picture.image, probabilities, price))
                said(f"the price of a border: {number} of {len(places)} pictures")
        found = {price: confusion.pixel_accuracy for price, confusion in counts.items()}
        return {price: round(a, 6) for price, a in found.items() if np.isfinite(a)}


def with_price(labelling, network):
    """A labelling `potts` whose gamma nobody gave, with that of the network, if it has chosen one;
    others as they are."""
    chosen = getattr(network, "options", {}).get("gamma")
    named = getattr(labelling, "name", None) == "potts"
    if not named or not chosen or "gamma" in labelling.given:
        return labelling
    return Labelling("potts", **labelling.given, gamma=chosen)
