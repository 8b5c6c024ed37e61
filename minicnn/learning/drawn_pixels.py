"""Pixels that are drawn from all pictures before the first step; a step takes some of them."""

from minicnn.engine import randomness
from minicnn.learning.pixels import Pixels
from minicnn.learning.task import Drawn


class DrawnPixels(Pixels):
    """Base of such tasks. `labels` are those of the pixels, once they are drawn; `left`, what was
    left out of them. A subclass defines `batch_of(places)`."""

    shared = False
    unused = dict.fromkeys(
        ("flip", "rotate", "rescale", "light", "colour_noise"),
        "{name}: {model} looks at its pictures as they are",
    )

    def __init__(self, network, config, dataset):
        super().__init__(network, config, dataset)
        self.weight, self.labels, self.left = None, None, []

    def batch_of(self, places):
        """The batch of the pixels at these places."""
        raise NotImplementedError

    def feed(self, first, last):
        return Drawn((step, self.batch_of(self._chosen(step))) for step in range(first, last))

    def _chosen(self, step):
        """The places of a step's pixels. Every epoch is a new permutation of them."""
        size = self.config.training.batch
        epoch, place = divmod(step, -(-len(self.labels) // size))
        if getattr(self, "_epoch", None) != epoch:
            rng = randomness.generator(self.config.seed, 8, epoch)
            self._epoch, self._order = epoch, rng.permutation(len(self.labels))
        return self._order[place * size : (place + 1) * size]

    def note_left_out(self, loader):
        """Keeps what the Loader left out while pixels were drawn, for when the steps are done."""
        self.left = super().left_out(loader)

    def left_out(self, loader):
        return self.left
