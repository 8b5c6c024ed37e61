"""Segmenting a photograph of any size with a trained network.

    result = minicnn.segment("photo.jpg")
    result.labels, result.overlay(), result.save("segmented")

A network knows objects in the size in which it saw them in training. So the picture is brought to
that size, the network gives its scores there, and the scores (not the labels: their borders would
be jagged) are enlarged to the photograph again.
"""

import copy

import numpy as np

from minicnn import functional as F
from minicnn.datasets import VOID
from minicnn.datasets.colours import palette
from minicnn.engine.tensor import Tensor
from minicnn.images.resizing import fit_long_side, resize
from minicnn.inference.objects import find_objects
from minicnn.inference.published import best_labelling
from minicnn.inference.segmentation import Segmentation, looked_at
from minicnn.labelling.methods import as_labelling, labelled
from minicnn.learning.covers import with_classifier
from minicnn.learning.hand_made import with_price
from minicnn.learning.trained import for_pixels, needs_pixels, trained

LONG_SIDE = 320  # pixels, for a network that does not say how large its pictures were
STRIP = 8_000_000  # scores that are enlarged at once: 32 MB, whatever the size of the photograph


def segment(image, model="photo", size=None, device="cpu", labelling=None):
    """Names every pixel of a picture; returns a Segmentation.

    image  the path of a picture file, or uint8 (H, W, 3)
    model  a run folder, a .safetensors file, the name of a shipped network, a Run or a network
    size   the long side, in pixels, that the network gets to see, at most 2048; by default that of
           the pictures it was trained on; of a network that names whole pictures, four crops
    labelling  as `evaluate` takes it; superpixels are those of the picture that the network sees.
           None: the one that was measured to be best for a shipped network, for others argmax

    What is transparent in a file is void, 255. Raises ImageError, CheckpointError or ValueError
    with one sentence.
    """
    model = for_pixels(trained(model, device))
    if model.network.task == "regions" and labelling is None:
        return find_objects(image, model, size)
    labelling = labelling_for(model, labelling)
    network, config, _ = model
    name, image, opaque = looked_at(image, size)
    size = size or getattr(network, "long_side", config and config.long_side) or LONG_SIDE
    seen = resize(image, fit_long_side(*image.shape[:2], size))
    named, scores, features = labelled(network, seen, labelling)
    seen = (seen, scores, features, labelling)
    count = len(scores)
    if getattr(labelling, "name", None) != "argmax":  # regions have no scores: enlarge their masks
        scores = (named == np.arange(count)[:, None, None]).astype(np.float32)
    classes = tuple((config and config.classes) or (f"class {k}" for k in range(count)))
    colours = np.array((config and config.colours) or palette(count), np.uint8)
    labels = enlarged_argmax(scores, image.shape[:2])
    if opaque is not None:
        labels[~opaque] = VOID
    channels = getattr(network, "named_channels", None)
    usual = config.best.sure if config and config.best else None
    return Segmentation(image, labels, classes, colours, name, seen, channels, usual)


def labelling_for(model, labelling=None):
    """The labelling of a Trained, ready to be used; None means the best that was measured. The one
    that is given stays as it is, for it may be used with other networks, too. Raises ValueError for
    a network that names whole pictures."""
    needs_pixels(model)
    if labelling is None:
        labelling = getattr(model.network, "labelling", None) or best_labelling(model.weights)
    labelling = with_price(copy.copy(as_labelling(labelling)), model.network)
    if hasattr(labelling, "pooling") and hasattr(model.network, "pooling"):
        labelling.pooling = model.network.pooling(model.config.classes if model.config else ())
    return with_classifier(labelling, model.network, model.weights)


def enlarged_argmax(scores, size):
    """uint8 (H, W): the best class of float32 scores (K, h, w) interpolated bilinearly to `size`.

    Strip by strip of rows: all scores of a large photograph at once would be gigabytes.
    """
    count, height, _ = scores.shape
    rows, columns = size
    # The source row of every row, as `interpolate` has it: pixels are little squares.
    t = ((np.arange(rows) + 0.5) * (height / rows) - 0.5).clip(0, height - 1)
    above = t.astype(np.int64)
    below = np.minimum(above + 1, height - 1)
    weight = (t - above).astype(scores.dtype)[:, None]
    labels = np.empty(size, np.uint8)
    step = max(1, STRIP // (count * columns))
    for first in range(0, rows, step):
        part = slice(first, first + step)
        mixed = scores[:, above[part]] * (1 - weight[part]) + scores[:, below[part]] * weight[part]
        wide = F.interpolate(Tensor(mixed[None]), size=(mixed.shape[1], columns), mode="bilinear")
        labels[part] = wide.data[0].argmax(axis=0)
    return labels
