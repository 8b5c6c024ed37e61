"""Labels and scores, or what claims to be some: whether every pixel has the number of a class."""

import numpy as np

from minicnn.images.labels import VOID


class LabelError(ValueError):
    """Labels that are none: of another kind or shape, or the number of no class."""


def check_labels(labels, shape, count, what):
    """`labels` as an array; raises LabelError unless they are whole numbers (H, W) = `shape`, each
    the number of one of `count` classes. `what`, a text, begins the sentence."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise LabelError(
            f"{what}: labels are whole numbers, one for each pixel; these are {labels.dtype}"
        )
    if labels.shape != tuple(shape):
        raise LabelError(f"{what}: the shape is {labels.shape}, that of the picture {tuple(shape)}")
    check_range(labels, np.ones(labels.shape, bool), count, what)
    return labels


def check_range(labels, counted, count, what):
    """LabelError at the first pixel of those `counted` whose label is no class."""
    strange = counted & ((labels < 0) | (labels >= count))
    if strange.any():
        where = tuple(int(k) for k in np.argwhere(strange)[0])
        value = int(labels[where])
        void = " (void)" if value == VOID else ""
        raise LabelError(
            f"{what}: {value}{void} at pixel {where} is no class; there are {count}, numbered from "
            f"0 to {count - 1}"
        )


class ScoresError(ValueError):
    """Scores that no labels can be read from."""


def check_scores(scores, size):
    """Raises ScoresError unless these are numbers (classes, H, W) of a picture of `size`."""
    if np.ndim(scores) != 3 or scores.shape[1:] != tuple(size):
        raise ScoresError(
            f"the network's scores are {np.shape(scores)}; expected (classes, height, width) of "
            f"the picture, {tuple(size)}"
        )
    finite = np.isfinite(scores)
    if not finite.all():
        raise ScoresError(
            f"{1 - finite.mean():.0%} of the network's scores are NaN or infinite, so they name "
            "nothing: its weights are damaged, or its training diverged; take another checkpoint"
        )
