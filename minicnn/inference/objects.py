"""The objects of a picture, one by one: what `segment` and `evaluate` do with `sds`.

    result = minicnn.segment("photo.jpg", "sds")
    result.objects                       Regions, in the size of the photograph
    result.save("segmented")             overlay, labels, a map of the objects, JSON as COCO has it

A photograph is brought to the size that pictures had in training, its regions are found and named
there, and the masks are enlarged.
"""

import json
import os
import time
from pathlib import Path

import numpy as np

from minicnn.basics.writing import write_atomically
from minicnn.datasets import VOID
from minicnn.datasets.colours import palette
from minicnn.datasets.instances import background_of, counted_in, of_picture
from minicnn.images.naming import named_objects
from minicnn.images.resizing import fit_long_side, resize
from minicnn.inference.coco_json import annotated, results, save_object_map
from minicnn.inference.segmentation import Segmentation, looked_at
from minicnn.labelling.proposals.proposer import SIDE
from minicnn.labelling.regions.paste import MOST, paste
from minicnn.labelling.regions.proposed import Proposed, shrunk
from minicnn.labelling.regions.regions import Regions
from minicnn.labelling.regions.suppression import suppress
from minicnn.learning.instance_scores import InstanceScores
from minicnn.learning.metrics import Confusion
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.region_files import Keeper
from minicnn.learning.timing import typical
from minicnn.models.detection import detect

ONE = 0.5  # J of regions of two classes, from which on they are one object


def find_objects(image, model, size=None):
    """The Objects of a picture, a path or uint8 (H, W, 3), as a Trained `sds` sees them. size  the
    long side in which it is looked at, at most SIDE."""
    (network, config, _), file = model, image
    name, image, opaque = looked_at(image, size)
    size = min(size or (config and config.long_side) or SIDE, SIDE)
    seen = resize(image, fit_long_side(*image.shape[:2], size))
    proposed = Proposed.of(_proposer_of(network), seen, network.options["test_regions"])
    found = detect(network, seen, proposed)
    found = found[found.scores > shown_from(network)]
    found = found[suppress(found.masks, found.scores, ONE)][:MOST]  # an object has one name
    found = enlarged(found, image.shape[:2], opaque)
    found = found[found.masks.any(axis=(1, 2))]  # in a small picture one may be less than a pixel
    classes = tuple((config and config.classes) or (f"class {k}" for k in range(network.classes)))
    colours = np.array((config and config.colours) or palette(len(classes)), np.uint8)
    file = Path(file).name if isinstance(file, str | os.PathLike) else name
    return Objects(image, found, classes, colours, name, opaque, file)


def _proposer_of(network):
    """What proposes its regions, read for the first picture and kept for those that follow."""
    if network.proposer is None:
        network.proposer = load_proposer(network.options["edges"])
    return network.proposer


def shown_from(network):
    """The score above which a region is shown."""
    return float(network.least.numpy()[int(network.options["classifier"] == "svm")])


def enlarged(found, size, opaque=None):
    """Regions in another size, smooth between pixels; without what is transparent, bool (H, W)."""
    masks = np.zeros((len(found), *size), bool)
    for large, mask in zip(masks, found.masks, strict=True):
        if mask.shape == tuple(size):
            large[...] = mask
        else:
            grey = np.repeat(255 * mask[:, :, None].astype(np.uint8), 3, axis=2)
            large[...] = resize(grey, size)[:, :, 0] >= 128
        if opaque is not None:
            large &= opaque
    return Regions.of_masks(masks, found.classes, found.scores)


class Objects(Segmentation):
    """A picture and the objects in it. `labels` are those of the objects, pasted; where none lies,
    background, or, if the network knows no such class, 255.

    objects  Regions in the size of the picture, the best first
    file     the name of its file, by which programs that read COCO find it; by default `name`
    """

    def __init__(self, image, objects, classes, colours, name="picture", opaque=None, file=None):
        empty = 0 if classes[0] == "background" else VOID
        labels = paste(objects, background=empty)
        if opaque is not None:
            labels[~opaque] = VOID
        super().__init__(image, labels, classes, colours, name)
        self.objects, self.file = objects, file or name

    @property
    def labelling(self):
        return "objects"

    def overlay(self, alpha=0.45, legend=True):
        """uint8 (H, W, 3): each object in a colour of its own, with its class and its score."""
        masks = self.objects.masks
        return named_objects(self.image, masks, palette(len(masks)), self._texts())

    def legend(self):
        """No strip below: names stand in the picture."""
        return np.zeros((0, self.labels.shape[1], 3), np.uint8)

    def named(self):
        """The objects, the best first, as a line of text."""
        return ", ".join(self._texts()) or "no objects"

    def _texts(self):
        """The class and the score of each object."""
        pairs = zip(self.objects.classes, self.objects.scores, strict=True)
        return [f"{self.classes[k]} {score:.2f}" for k, score in pairs]

    def about(self):
        """[{category, category_id, segmentation, bbox, score}], ready for JSON."""
        found = results(self.objects, self.name)
        return [{"category": self.classes[one["category_id"]]} | one for one in found]

    def more(self):
        def write_json(path):
            file = annotated({self.file: self.objects}, self.classes)
            write_atomically(path, json.dumps(file) + "\n")

        return {
            "objects.png": lambda path: save_object_map(self.objects, path),
            "objects.json": write_json,
        }


class ObjectScores(InstanceScores):
    """InstanceScores, and what the objects are worth as labels of pixels, once pasted: `pasted`, a
    Confusion, or None for data without a class background."""

    def __init__(self, classes, counted=None):
        super().__init__(classes, counted)
        self.pasted = Confusion(classes) if self.classes[0] == "background" else None

    def take_in(self, other):
        super().take_in(other)
        if self.pasted is not None:
            self.pasted.take_in(other.pasted)

    def lines(self):
        said = super().lines()
        if self.pasted is None:
            return said
        iou, right = self.pasted.mean_iou, self.pasted.pixel_accuracy
        return [*said, f"pasted into labels: mean IoU {iou:.1%}, {right:.1%} of the pixels right"]

    def as_dict(self):
        pasted = {} if self.pasted is None else {"pasted": self.pasted.as_dict()}
        return super().as_dict() | pasted


def score_objects(network, pictures, dataset, watch=None, keep=True):
    """(ObjectScores, median seconds a picture) of `sds` on an iterable of Pictures. The classes
    that a data set calls `frequent` are counted, or all.

    watch  called with (picture, labels) after each
    keep   whether proposals are kept on disk, and taken from there: then their time is not counted
    """
    classes, background = dataset.classes, background_of(dataset)
    scores, seconds = ObjectScores(classes, counted_in(dataset)), []
    proposer, count = _proposer_of(network), network.options["test_regions"]
    propose = Keeper(proposer, count) if keep else lambda image: Proposed.of(proposer, image, count)
    for picture in pictures:
        image = shrunk(picture.image)
        begun = time.perf_counter()
        found = detect(network, image, propose(image))
        seconds.append(time.perf_counter() - begun)
        size = picture.labels.shape
        truth = Regions.of_objects(of_picture(picture, background), size)
        found = found if found.size == size else enlarged(found, size)
        scores.add(found, truth)
        labels = paste(found, shown_from(network), 0 if scores.pasted is not None else VOID)
        if scores.pasted is not None:
            scores.pasted.add(picture.labels, labels)
        if watch is not None:
            watch(picture, labels)
    return scores, typical(seconds)
