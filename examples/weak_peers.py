"""What a network that learnt from labels of pictures is worth at the pixels, beside simpler ways.

    python examples/weak_peers.py RUN                    on the masks that are held out: thresholds
    python examples/weak_peers.py RUN --test             and then, with these, on the test pictures

The thresholds of the priors, and the size of the ellipses, are chosen on `val` of the data set of
the network (50 training pictures of voc2012-animals, whose masks serve for nothing else). Then each
is counted once on `test`. The peers, which know nothing of where:

    everywhere    the class that the network names for the picture, at all of its pixels
    ellipse       the same in an ellipse in the middle, background around it
    true ellipse  an oracle: the true classes of the picture, not those that a network names

A result is a line of JSON in the file --out, if one is given.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from minicnn import datasets
from minicnn.labelling.priors import of_boxes, of_segments, of_superpixels
from minicnn.labelling.proposals.proposer import nearest
from minicnn.labelling.superpixels import superpixels
from minicnn.learning.metrics import Confusion
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.trained import trained
from minicnn.models.weak import BACKGROUND

THRESHOLDS = [round(0.05 * k, 2) for k in range(1, 20)]
SIZES = [round(0.05 * k, 2) for k in range(6, 24)]  # of the ellipses: axes, in sides of the picture
COUNT = 100  # proposals


class Looked:
    """A picture, and what need not be computed again for each threshold."""

    def __init__(self, picture, network, pooling, propose):
        self.picture, self.pooling = picture, pooling
        self.scores = network.predict(picture.image)
        self.y, shown = pooling.prior(self.scores)
        self.named = int(shown.argmax())
        self.regions = superpixels(picture.image)
        if propose:
            found = propose(picture.image, COUNT)
            self.boxes, self.segments = found.boxes(), found.regions
            self.leaves = nearest(found.hierarchies.leaves, found.size)

    def labels(self, way, threshold):
        """uint8 (H, W): what a way makes of the scores."""
        if way == "argmax":
            return self.scores.argmax(axis=0).astype(np.uint8)
        if way == "prior-boxes":
            return of_boxes(self.y, self.boxes, self.pooling, threshold)[0]
        if way == "prior-segments":
            return of_segments(self.y, self.leaves, self.segments, self.pooling, threshold)[0]
        labels = self.pooling.decided(self.y, threshold)
        return labels if way == "prior" else of_superpixels(labels, self.regions)

    def in_ellipse(self, label, size, background):
        """uint8 (H, W): a class in an ellipse in the middle, background around it."""
        labels = np.full(self.picture.labels.shape, background, np.uint8)
        labels[ellipse(labels.shape, size)] = label
        return labels


def ellipse(shape, size):
    """bool (H, W): the ellipse in the middle whose axes are `size` of the sides."""
    down, across = ((np.arange(n) + 0.5) / n - 0.5 for n in shape)
    return np.hypot(down[:, None], across[None]) <= size / 2


def score(looked, classes, labels_of, value):
    """The Confusion of a function that labels a Looked, with this value."""
    confusion = Confusion(classes)
    for one in looked:
        confusion.add(one.picture.labels, labels_of(one, value))
    return confusion


def true_label(one, background):
    """The thing that takes most of the picture; background if there is none."""
    counts = np.bincount(one.picture.labels.ravel(), minlength=256)[:255]
    counts[background] = 0
    return int(counts.argmax()) if counts.any() else background


def ways_of(background, proposals=True):
    """{name: (function of (Looked, value), values to choose from)}"""
    ways = {
        "everywhere": (lambda one, v: one.in_ellipse(one.named, 9, background), [None]),
        "ellipse": (lambda one, v: one.in_ellipse(one.named, v, background), SIZES),
        "true ellipse": (
            lambda one, v: one.in_ellipse(true_label(one, background), v, background),
            SIZES,
        ),
        "argmax": (lambda one, v: one.labels("argmax", 0), [None]),
    }
    names = ["prior", "prior-superpixels", *["prior-boxes", "prior-segments"] * proposals]
    for name in names:
        ways[name] = (lambda one, v, name=name: one.labels(name, v), THRESHOLDS)
    for name in names[:2]:
        ways[f"{name}, no threshold"] = (lambda one, v, name=name: one.labels(name, 0), [None])
    return ways


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--side", type=int, help="pixels, of the picture that is looked at")
    parser.add_argument("--test", action="store_true", help="count on the test pictures, too")
    parser.add_argument("--no-proposals", action="store_true", help="without boxes and segments")
    parser.add_argument("--out", type=Path, help="a file for lines of JSON")
    chosen = parser.parse_args()
    network, config, _ = trained(chosen.model)
    if chosen.side:
        network.change(side=chosen.side)
    data = datasets.load(config.data.name, **config.data.options)
    classes = list(config.classes)
    background, pooling = classes.index(BACKGROUND), network.pooling(classes)
    propose = None if chosen.no_proposals else load_proposer()
    ways, found = ways_of(background, propose is not None), {}
    for split in ["val", "test"][: 1 + chosen.test]:
        begun = time.perf_counter()
        looked = [Looked(p, network, pooling, propose) for p in data.split(split)]
        seconds = (time.perf_counter() - begun) / len(looked)
        print(f"{split}: {len(looked)} pictures, {seconds:.2f} s each")
        for name, (labels, values) in ways.items():
            if split == "val":
                each = {v: score(looked, classes, labels, v) for v in values}
                found[name] = max(each, key=lambda v: np.nan_to_num(each[v].mean_iou))
                confusion = each[found[name]]
            else:
                confusion = score(looked, classes, labels, found[name])
            row = {"model": str(chosen.model), "split": split, "way": name, "value": found[name]}
            row |= {"mean_iou": confusion.mean_iou, "iou": confusion.per_class_iou.tolist()}
            row |= {"side": network.options["side"], "pixel_accuracy": confusion.pixel_accuracy}
            each = ", ".join(f"{c} {v:.1%}" for c, v in zip(classes, row["iou"], strict=True))
            value = "" if found[name] is None else f" ({found[name]:g})"
            print(f"{name + value:36} mean IoU {row['mean_iou']:.1%}   {each}", flush=True)
            if chosen.out:
                with open(chosen.out, "a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
