"""Training pictures for `sds`, in memory: the picture, its proposals and its objects, and how well
each proposal fits which object.

A region, or a box, belongs to the object that it overlaps most. It is foreground, of the class of
that object, where the overlap is FIT at least, and background elsewhere. The objects themselves
stand behind the proposals, as regions that fit by 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minicnn.datasets.instances import of_picture
from minicnn.labelling.proposals.proposer import nearest
from minicnn.labelling.regions.proposed import Proposed, shrunk
from minicnn.labelling.regions.regions import boxes_of

FIT = 0.5  # the overlap from which on a region is its object


@dataclass(frozen=True)
class Sample:
    """A picture with proposals.

    name, image  uint8 (H, W, 3), of the size in which its regions are found
    proposed     a Proposed, the objects behind its regions
    classes      int64 (O,): those of the objects
    overlaps     {"regions", "boxes": float32 (N + O, O)}
    """

    name: str
    image: np.ndarray
    proposed: Proposed
    classes: np.ndarray
    overlaps: dict

    @classmethod
    def of(cls, picture, keeper, background):
        """The Sample of a Picture; `keeper` is a region_files.Keeper. One without an object has
        background alone."""
        image = shrunk(picture.image)
        objects = [one for one in of_picture(picture, background) if not one.ignored]
        masks = [nearest(one.mask, image.shape[:2]) for one in objects]
        seen = [k for k, mask in enumerate(masks) if mask.any()]
        masks = np.array([masks[k] for k in seen], bool).reshape(len(seen), *image.shape[:2])
        proposed = keeper(image).with_masks(masks, boxes_of(masks))
        found = dict(zip(("regions", "boxes"), proposed.overlaps(), strict=True))
        classes = np.array([objects[k].label for k in seen], np.int64)
        return cls(picture.name, image, proposed, classes, found)

    @property
    def count(self):
        """How many proposals there are, the objects not among them."""
        return len(self.proposed.packed)

    @cached_property
    def best(self):
        """{"regions", "boxes": (float32 (N + O,) overlap with the object that fits best, int64 its
        place)}"""
        if not len(self.classes):
            nothing = np.zeros(len(self.proposed), np.float32), np.zeros(len(self.proposed), int)
            return {"regions": nothing, "boxes": nothing}
        return {way: (j.max(axis=1), j.argmax(axis=1)) for way, j in self.overlaps.items()}

    def with_class(self, label):
        """float32 (N + O,): the overlap of each region with the object of a class that fits it
        best; 0 if there is none."""
        mine = self.overlaps["regions"][:, self.classes == label]
        return mine.max(axis=1, initial=0)

    def drawn(self, way, rng, foreground, background, nothing):
        """(places, classes) of so many regions that fit an object and so many that fit none, at
        random, `way` being regions or boxes; `nothing` is the class of the latter. Where there is
        none of a kind, those of the other take their place."""
        j, which = self.best[way]
        fits = np.flatnonzero(j >= FIT)
        others = np.flatnonzero(j < FIT)
        if not len(fits):
            foreground, background = 0, foreground + background
        elif not len(others):
            foreground, background = foreground + background, 0
        chosen = np.concatenate([
            rng.choice(kind, count, replace=len(kind) < count)
            for kind, count in ((fits, foreground), (others, background))
            if count
        ])  # fmt: skip
        classes = np.where(j[chosen] >= FIT, self._classes()[which[chosen]], nothing)
        return chosen, classes

    def _classes(self):
        return self.classes if len(self.classes) else np.zeros(1, np.int64)


class Samples(list):
    """A list of Sample as a Loader wants its pictures."""

    @property
    def names(self):
        return [one.name for one in self]
