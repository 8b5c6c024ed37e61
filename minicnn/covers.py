"""The classifier of `labelling=cover`, in a file beside the weights of its network.

    RUN/best.safetensors      RUN/cover.safetensors            of a run
    NAME.safetensors          NAME-cover.safetensors           of a file, or a shipped network

It reads the features of one network with one set of weights, and is of no use to another; the file
holds a checksum of them. `minicnn train cover --start RUN` makes it, see cover_training.py.
"""

import zlib

import numpy as np

from minicnn import checkpoints
from minicnn.grouping.cover_classifier import CoverClassifier
from minicnn.grouping.labelling import GroupingError, Labelling


def cover_file(weights):
    """The path of the classifier for the network in the file `weights`."""
    if weights.name in (checkpoints.BEST, checkpoints.LAST):
        return weights.with_name("cover.safetensors")
    return weights.with_name(f"{weights.stem}{checkpoints.COVER}.safetensors")


def save_cover(classifier, network, path):
    """Writes a classifier as float16, and what it knows `about` its training."""
    about = classifier.about | {"model": "cover", "shape": classifier.shape}
    about["network"] = checksum(network)
    arrays = {name: a.astype(np.float16) for name, a in classifier.state_dict().items()}
    checkpoints.save(path, arrays, about)


def load_cover(path, network):
    """The CoverClassifier from a file. Raises GroupingError if it belongs to other weights
    than those of `network`, CheckpointError if it cannot be read."""
    arrays, config = checkpoints.load(path)
    if config.get("model") != "cover":
        raise checkpoints.CheckpointError(f"{path}: not a classifier for labelling=cover")
    if config["network"] != checksum(network):
        raise GroupingError(
            f"{path}: the network has been trained further since, and its features are others now; "
            f"train it again: minicnn train cover --start {path.parent}"
        )
    classifier = CoverClassifier(**config["shape"])
    classifier.load_state_dict({name: a.astype(np.float32) for name, a in arrays.items()})
    classifier.about = config
    return classifier.eval()


def cover_labelling(classifier, **options):
    """The Labelling "cover" with this classifier, on superpixels as it learnt from, unless options
    say otherwise."""
    labelling = Labelling("cover", **(classifier.about["superpixels"] | options))
    labelling.classifier = classifier
    return labelling


def with_classifier(labelling, network, weights):
    """The labelling, ready for this network: a cover without a classifier gets the one that lies
    beside the file `weights` (None if there is none), and its superpixels, unless others are asked
    for. Raises GroupingError if none was trained."""
    if getattr(labelling, "name", None) != "cover" or labelling.classifier is not None:
        return labelling
    path = cover_file(weights) if weights else None
    if path is None or not path.is_file():
        where = "a network in memory" if path is None else f"{path}: no such file"
        start = weights.parent if weights and weights.name == checkpoints.BEST else weights or "RUN"
        raise GroupingError(
            f"labelling=cover needs a classifier of its own ({where}); train one: "
            f"minicnn train cover --start {start}"
        )
    return cover_labelling(load_cover(path, network), **labelling.given)


def checksum(network):
    """A whole number that changes with the weights."""
    total = 0
    for name, array in sorted(network.state_dict().items()):
        total = zlib.crc32(
            np.ascontiguousarray(array, np.float32), zlib.crc32(name.encode(), total)
        )
    return total
