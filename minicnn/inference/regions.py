"""How good are regions that are proposed? J_i and recall, at several numbers of them.

    scores = score_regions(proposer, dataset.split("val"))
    scores.j_i, scores.recall, scores.seconds

J_i is the mean over all objects of the best J (intersection over union) among the first 100, 500,
1,000 regions of their picture, recall the share of objects for which it is at least one half.
"""

import numbers
import time
from dataclasses import dataclass, replace

import numpy as np

from minicnn.datasets.instances import of_picture
from minicnn.labelling.proposals.overlaps import best_at, common, mask_overlaps, overlaps
from minicnn.labelling.proposals.proposer import Proposals
from minicnn.learning.proposal_files import load_proposer

COUNTS = (100, 500, 1000)  # regions of a picture
FOUND = 0.5  # the J from which on an object counts as found


def propose(image, count=1000, model="edges", device="cpu"):
    """Regions among which the objects of a picture are, best first: labelling.proposals.Proposals.

    image  the path of a picture file, or uint8 (H, W, 3)
    model  a network of edges beside which proposals were fitted: a run folder, a file, a shipped
           name; or a Proposer

    Raises ImageError, CheckpointError, GroupingError or ValueError with one sentence.
    """
    from minicnn.images.reading import read_image

    if not isinstance(image, np.ndarray):
        image = read_image(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"propose: expected uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if not (isinstance(count, numbers.Real) and count % 1 == 0 and count >= 1):
        raise ValueError(f"propose: count={count!r}: expected a whole number of regions, from 1 on")
    proposer = model if callable(model) else load_proposer(model, device)
    return proposer(image, int(count))


@dataclass
class RegionScores:
    """What `score_regions` found.

    counts   numbers of regions
    best     float32 (len(counts), objects): the best J of each object
    labels   int (objects,): their classes
    seconds  of processor time a picture, median; regions  of a picture, on average; pictures
             that have an object
    """

    counts: tuple
    best: np.ndarray
    labels: np.ndarray
    seconds: float
    regions: float
    pictures: int

    @property
    def j_i(self):
        """float (len(counts),)"""
        return self.best.mean(axis=1)

    @property
    def recall(self):
        """float (len(counts),)"""
        return (self.best >= FOUND).mean(axis=1)

    def of(self, label):
        """The same, of the objects of one class."""
        mine = self.labels == label
        return replace(self, best=self.best[:, mine], labels=self.labels[mine])

    def line(self, name, last=None):
        """Its line of a table; at its end `last`, or the seconds."""
        cells = [f"{j:.3f} ({r:.0%})" for j, r in zip(self.j_i, self.recall, strict=True)]
        last = f"{self.seconds:.2f}" if last is None else last
        return f"{name:18}" + "".join(f"{cell:>14}" for cell in cells) + f"{last:>8}"


def score_regions(proposing, pictures, counts=COUNTS, background=0, progress=None):
    """RegionScores of `proposing`, a function of (image, count) that gives Proposals or masks bool
    (N, H, W), on an iterable of Pictures. Those without an object are passed over."""
    best, labels, times, numbers = [], [], [], []
    for picture in progress(pictures) if progress else pictures:
        objects = [one for one in of_picture(picture, background) if not one.ignored]
        if not objects:
            continue
        begun = time.process_time()
        found = proposing(picture.image, max(counts))
        times.append(time.process_time() - begun)
        numbers.append(len(found))
        best.append(best_at(_overlaps(found, [one.mask for one in objects]), counts))
        labels += [one.label for one in objects]
    if not best:
        raise ValueError("no picture has an object with a mask, so there is nothing to score")
    best = np.concatenate(best, axis=1)
    about = float(np.median(times)), float(np.mean(numbers)), len(times)
    return RegionScores(tuple(counts), best, np.array(labels), *about)


def _overlaps(found, masks):
    if not isinstance(found, Proposals):
        return mask_overlaps(found, np.stack(masks))
    if found.hierarchies.leaves.shape != found.size:  # masks in the size of the picture
        found = np.stack([found.mask(k) for k in range(len(found))])
        return mask_overlaps(found, np.stack(masks))
    counts = common(found.hierarchies.leaves, masks)
    sizes = [mask.sum() for mask in masks]
    return overlaps(found.regions, found.hierarchies.areas, counts, sizes)
