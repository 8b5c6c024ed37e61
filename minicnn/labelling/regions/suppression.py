"""Non-maximum suppression of regions: of those that overlap, only the best stays.

Of one cat a network finds twenty regions, all with high scores: the cat, the cat without its tail,
the cat with some carpet. So the best is taken, all that overlap it are struck off, of the rest the
best is taken, and so on; each class for itself, for a cat on a sofa hides none of it.

How much may two overlap? For boxes J up to 0.3 is usual, since objects in front of each other have
boxes that do. Two objects have no pixel in common, so with masks, as the paper has it, one common
pixel is too much: overlap = 0.

Source: Hariharan et al. 2014, section 3, and the program that came with it.
"""

import math

import numpy as np


def suppress(masks, scores, overlap=0.0, areas=None):
    """int64 (n,): the places of the masks that stay, best first; of equal scores the first.

    masks    bool (R, ...): of pixels (H, W) or of leaves (L,)
    scores   (R,)
    overlap  masks whose J (common pixels / pixels of both) with a better one that stays is above
             it do not stay
    areas    (L,) pixels of each leaf; None: the masks are of pixels
    """
    masks = np.asarray(masks, bool)
    flat = masks.reshape(len(masks), math.prod(masks.shape[1:]))
    sizes = _pixels(flat, areas)
    left, kept = np.argsort(-np.asarray(scores), kind="stable"), []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        inside = np.flatnonzero(flat[best])
        both = _pixels(flat[np.ix_(left, inside)], None if areas is None else areas[inside])
        either = sizes[best] + sizes[left] - both
        left = left[both <= overlap * either]
    return np.array(kept, np.int64)


def _pixels(flat, areas):
    return flat.sum(axis=1) if areas is None else flat @ areas


def suppress_each_class(found, overlap=0.0):
    """The Regions of `found` that stay if each class is suppressed for itself, best first."""
    kept = [np.zeros(0, np.int64)]
    for label in np.unique(found.classes):
        of_class = np.flatnonzero(found.classes == label)
        kept.append(of_class[suppress(found.masks[of_class], found.scores[of_class], overlap)])
    kept = np.concatenate(kept)
    return found[kept[np.argsort(-found.scores[kept], kind="stable")]]
