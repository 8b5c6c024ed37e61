"""From objects to a semantic segmentation: regions are pasted into the picture, the best on top.

    threshold = background_threshold(found)        of the regions found in many pictures
    labels = paste(found[0], threshold)            uint8 (H, W), 0 where no region lies

What scores below a threshold is background. Where it lies, says no label: it is raised until only
so many regions a picture remain as pictures have objects, about 2.

Source: Hariharan et al. 2014, section 4.3, and the program that came with it.
"""

import math

import numpy as np

SEGMENTS = 2.0  # regions of a picture, on average, that are pasted
MOST = 10  # of one picture
FIRST, STEP = -1.0, 0.01  # the thresholds that are tried


def background_threshold(found, segments=SEGMENTS, most=MOST):
    """The first of the thresholds -1, -0.99, -0.98, ... above which at most `segments` regions a
    picture are left. found  a list of Regions, one for each picture."""
    scores = [_candidates(one, most).scores for one in found]
    scores = np.sort(np.concatenate([np.zeros(0), *scores]))[::-1]
    allowed = int(segments * len(found))
    if len(scores) <= allowed:
        return FIRST
    best = float(scores[allowed])  # of those that have to go
    return max(best, FIRST + STEP * max(0, math.ceil((best - FIRST) / STEP)))


def paste(found, threshold=-np.inf, background=0, most=MOST):
    """uint8 (H, W): of the best `most` Regions with scores above the threshold, those with lower
    scores first, each pixel the class of the last one over it; `background` where none lies."""
    labels = np.full(found.size, background, np.uint8)
    chosen = _candidates(found, most)
    for k in reversed(range(len(chosen))):
        if chosen.scores[k] > threshold:
            labels[chosen.masks[k]] = chosen.classes[k]
    return labels


def _candidates(found, most):
    """The best `most` Regions, best first, each mask once: with its best class."""
    order, seen = [], set()
    for k in np.argsort(-found.scores, kind="stable"):
        key = np.packbits(found.masks[k]).tobytes()
        if key not in seen:
            seen.add(key)
            order.append(k)
        if len(order) == most:
            break
    return found[np.array(order, np.int64)]
