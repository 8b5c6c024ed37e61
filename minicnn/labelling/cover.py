"""The optimal cover: every pixel chooses the purest of all segments that contain it.

A small segment says little of what it is; a large one mixes things. Which size is right differs
from place to place. A classifier says of each segment k of a tree which classes it expects in it, a
distribution d_k, and the entropy

    S_k = - sum_a d_k,a ln d_k,a

is small where it expects one class only. Each leaf takes, of itself and all its ancestors, the one
with the smallest S. The chosen segments cover the picture, and they may overlap.

The smallest so far travels from the root down: best(k) is k if S_k is not above the cost of
best(parent), else best(parent). That is one comparison a node. (A released program compared with
the parent itself, not with the best above it, and could end with a segment worse than a
grandparent.)

Source: Farabet et al. 2013, section 3.3; Farabet et al. 2012.
"""

from typing import NamedTuple

import numpy as np

from minicnn.labelling.descriptors import pool_segments
from minicnn.labelling.superpixels import region_means, region_sizes
from minicnn.labelling.tree import colour_distances, merge_tree, sums_of_leaves


class Cover(NamedTuple):
    """A segmentation tree and what was chosen of it.

    parents, heights  (2N-1,) the tree, as from `merge_tree`
    distributions     (2N-1, K) the classes that are expected in each node
    cost              (2N-1,) their entropy, infinite where a node is too large
    chosen            (N,) the node that labels each leaf
    """

    parents: np.ndarray
    heights: np.ndarray
    distributions: np.ndarray
    cost: np.ndarray
    chosen: np.ndarray

    @property
    def labels(self):
        """int64 (N,): the label of each leaf."""
        return self.distributions[self.chosen].argmax(axis=1)


def segment_tree(image, regions):
    """(parents, heights): superpixels merged by their mean colours; see `merge_tree`."""
    return merge_tree(*colour_distances(image, regions), int(regions.max()) + 1)


def cover(image, probabilities, features, regions, classifier, largest=0.05, pixels=0.5):
    """The Cover of a picture.

    image       uint8 (H, W, 3); probabilities  (K, H, W); regions  int (H, W), the leaves
    features    (C, h, w), the maps that the network read the probabilities from
    classifier  has `grid`, and `distributions(descriptors)`: (nodes, K)
    largest     share of the picture; inner nodes above it are not chosen, since the last mergings
                join what has nothing in common
    pixels      how much the mean probability of a segment's pixels counts beside the classifier,
                which sees the segment as a whole: 0 (the paper) to 1
    """
    sizes = region_sizes(regions)
    parents, heights = segment_tree(image, regions)
    d = classifier.distributions(pool_segments(features, regions, parents, classifier.grid))
    if pixels:
        sums = sums_of_leaves(region_means(probabilities, regions) * sizes[:, None], parents)
        d = (1 - pixels) * d + pixels * sums / sums.sum(axis=1, keepdims=True)
    too_large = sums_of_leaves(sizes, parents) > largest * regions.size
    too_large[: len(sizes)] = False  # a leaf may always be chosen
    cost = np.where(too_large, np.inf, entropy(d))
    return Cover(parents, heights, d, cost, purest_ancestors(cost, parents))


def entropy(distributions):
    """float64 (N,): - sum_a d_a ln d_a of each row; 0 ln 0 is 0."""
    d = np.asarray(distributions, np.float64)
    return -(d * np.log(np.where(d > 0, d, 1))).sum(axis=1)


def purest_ancestors(cost, parents):
    """int64 (N,): for each leaf the node, of itself and all its ancestors, whose cost (2N-1,) is
    the smallest; of equals the one nearest to the leaf."""
    best = np.arange(len(parents))
    for k in range(len(parents) - 2, -1, -1):  # parents before children
        above = best[parents[k]]
        best[k] = k if cost[k] <= cost[above] else above
    return best[: (len(parents) + 1) // 2]


def label_counts(labels, regions, classes):
    """int64 (S, classes): how many pixels of each region have each label (uint8 (H, W); those of
    255, void, are not counted)."""
    known = labels < classes
    codes = regions[known].astype(np.int64) * classes + labels[known]
    count = int(regions.max()) + 1
    return np.bincount(codes, minlength=count * classes).reshape(count, classes)


def label_distributions(labels, regions, parents, classes):
    """(float32 (2N-1, classes), bool (2N-1,)): the distribution of the labels in every node of the
    tree, and in which there are any; where there are none, zeros."""
    counts = sums_of_leaves(label_counts(labels, regions, classes), parents)
    total = counts.sum(axis=1)
    return (counts / np.maximum(total, 1)[:, None]).astype(np.float32), total > 0
