"""What was proposed for a picture, in little space: a partition, and which of its parts belong to
each region; and beside them masks that no partition made, those of the objects in training.

    found = Proposed.of(proposer, image, 300)
    found.mask(0), found.boxes[0]
    found.at(0, part.at)               the mask at some pixels only: of a crop

    image, found = shrunk(image), ...  proposals are made of pictures of at most SIDE pixels
"""

from dataclasses import dataclass, replace

import numpy as np

from minicnn.images.resizing import fit_long_side, resize
from minicnn.labelling.proposals.overlaps import common, overlaps
from minicnn.labelling.proposals.proposer import SIDE
from minicnn.labelling.regions.regions import box_overlaps


def shrunk(image):
    """A picture, uint8 (H, W, 3), in the size in which its regions are found."""
    if max(image.shape[:2]) <= SIDE:
        return image
    return resize(image, fit_long_side(*image.shape[:2], SIDE))


@dataclass(frozen=True)
class Proposed:
    """N regions over a partition, best first, and behind them O masks.

    leaves   uint16 (H, W): the part of each pixel
    packed   uint8 (N, bytes): bit k of a row says whether part k belongs to the region
    boxes    int64 (N + O, 4): top, left, bottom, right, the last two beyond
    masks    bool (O, H, W)
    """

    leaves: np.ndarray
    packed: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray

    @classmethod
    def of(cls, proposer, image, count):
        """At most `count` regions of a picture that `shrunk` gave."""
        found = proposer(image, count)
        h, regions = found.hierarchies, found.regions
        low = [np.where(regions, h.boxes[:, k], SIDE).min(axis=1, initial=SIDE) for k in (0, 1)]
        high = [np.where(regions, h.boxes[:, k], 0).max(axis=1, initial=0) for k in (2, 3)]
        boxes = np.stack([*low, *high], axis=1).astype(np.int64)
        nothing = np.zeros((0, *h.leaves.shape), bool)
        return cls(h.leaves.astype(np.uint16), np.packbits(regions, axis=1), boxes, nothing)

    def __len__(self):
        return len(self.boxes)

    @property
    def size(self):
        """(H, W) of the picture that was looked at."""
        return self.leaves.shape

    @property
    def regions(self):
        """bool (N, L): the parts of each region."""
        count = int(self.leaves.max()) + 1
        return np.unpackbits(self.packed, axis=1, count=count).view(bool)

    def at(self, k, places=slice(None)):
        """bool: the mask of region k, or of object k - N, at some pixels of the picture."""
        if k >= len(self.packed):
            return self.masks[k - len(self.packed)][places]
        return np.unpackbits(self.packed[k]).view(bool)[self.leaves[places]]

    def mask(self, k):
        """bool (H, W)"""
        return self.at(k)

    def areas(self):
        """int64 (L,): the pixels of each part."""
        return np.bincount(self.leaves.ravel())

    def first(self, count):
        """The best `count` regions alone."""
        return replace(self, packed=self.packed[:count], boxes=self.boxes[:count])

    def with_masks(self, masks, boxes):
        """The same with O masks behind them."""
        return replace(self, masks=masks, boxes=np.concatenate([self.boxes, boxes]))

    def overlaps(self):
        """float32 (N + O, O) twice: how much each region, and each box, overlaps with each of the
        masks, and with its box."""
        count, objects = len(self.packed), len(self.masks)
        counts, sizes = common(self.leaves, self.masks), self.masks.sum(axis=(1, 2))
        of_regions = overlaps(self.regions, self.areas(), counts, sizes)
        flat = self.masks.reshape(objects, self.leaves.size).astype(np.float32)
        both = flat @ flat.T
        either = np.add.outer(sizes, sizes) - both
        of_regions = np.concatenate([of_regions, both / np.maximum(either, 1)])
        return of_regions.astype(np.float32), box_overlaps(self.boxes, self.boxes[count:])
