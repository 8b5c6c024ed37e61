"""From regions that may be objects to objects: each class for itself takes the regions that score
best and share no pixel, and their masks are drawn anew.

    found = detect(network, image, proposed)       Regions, best first

Source: Hariharan et al. 2014, sections 3.3 and 3.4.
"""

import numpy as np

from minicnn.labelling.regions.regions import Regions
from minicnn.labelling.regions.suppression import suppress

FLOOR = {"softmax": 0.02, "svm": -1.05}  # scores below it are those of thousands
MOST = 5  # of a class in a picture


def detect(network, image, proposed, features=None, classifier=None, refine=None):
    """The objects of a picture as Regions, best first, with scores down to FLOOR.

    network   a models.sds.SDS
    image     uint8 (H, W, 3), in the size of the Proposed (`labelling.regions.proposed.shrunk`)
    features  (N, units) of its regions, if they are known
    classifier, refine   instead of the network's options
    """
    classifier = classifier or network.options["classifier"]
    if features is None:
        features = network.describe(image, proposed)
    features = features[: len(proposed.packed)]
    scores, regions = network.class_scores(features, classifier), proposed.regions
    chosen, classes = [], []
    for k in np.flatnonzero((scores >= FLOOR[classifier]).any(axis=0)):
        places = np.flatnonzero(scores[:, k] >= FLOOR[classifier])
        kept = places[suppress(regions[places], scores[places, k])][:MOST]
        chosen += kept.tolist()
        classes += [int(k)] * len(kept)
    if not chosen:
        return Regions.none(proposed.size)
    numbers = scores[chosen, classes]
    masks = regions[chosen][:, proposed.leaves]
    if (refine or network.options["refine"]) == "yes" and network.refinement is not None:
        masks = network.refinement.refined(features[chosen], masks, proposed.leaves)
        masks = masks[:, proposed.leaves]
    return Regions.of_masks(masks, classes, numbers)[np.argsort(-numbers, kind="stable")]
