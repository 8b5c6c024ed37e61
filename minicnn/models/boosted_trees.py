"""Boosted trees: many small decision trees, whose answers are summed.

    score(x) = base + sum over the trees r of leaf[r, the leaf of tree r that x falls into]

A tree asks a question at each node, «is feature f above t?», and goes left for no, right for yes.
One of depth d has 2^d - 1 nodes, kept as a heap (below node n are 2n + 1 and 2n + 2), and 2^d
leaves. Each class has trees of its own, which tell it from all others: the score is about the
logarithm of how much more probable the class is than the rest, if both are equally frequent.

scikit-learn grows the trees (learning/boosting.py); here they are plain arrays, which a file of
weights can hold, and a loop that reads them.
"""

import numpy as np

from minicnn import nn
from minicnn.engine.kernel import Kernel, prange
from minicnn.nn import init

SURE = 10.0  # a score, in logits, above which a class is certain

boosted_scores = Kernel(
    "boosted_scores",
    "x[F, P], int64 feature[K, R, nodes], threshold[K, R, nodes], leaf[K, R, nodes + 1], base[K], "
    "depth, y[K, P]; highest(feature) < F; 2 ** depth == nodes + 1",
)


@boosted_scores.cpu
def boosted_scores_cpu(x, feature, threshold, leaf, base, depth, y):
    """From the leaves up: `below[n]` is what each pixel would get that came to node n. No pixel has
    a way of its own through a tree, so that 16 of them go in one vector instruction."""
    classes, rounds, nodes = feature.shape
    for k in prange(classes):
        below, score = np.empty((nodes, y.shape[1]), y.dtype), y[k]
        score[:] = base[k]
        for r in range(rounds):
            for n in range(nodes - 1, -1, -1):
                row, t, here, no = x[feature[k, r, n]], threshold[k, r, n], below[n], 2 * n + 1
                if no >= nodes:
                    left, right = leaf[k, r, no - nodes], leaf[k, r, no + 1 - nodes]
                    for p in range(len(here)):
                        here[p] = right if row[p] > t else left
                else:
                    if_no, if_yes = below[no], below[no + 1]
                    for p in range(len(here)):
                        a, b = if_no[p], if_yes[p]
                        here[p] = b if row[p] > t else a
            whole = below[0]
            for p in range(len(score)):
                score[p] += whole[p]


class BoostedTrees(nn.Module):
    """`rounds` trees of `depth` for each class, all of which say nothing at first."""

    def __init__(self, classes, rounds, depth):
        self.depth, nodes = depth, 2**depth - 1
        shape = (classes, rounds)
        self.feature = nn.Buffer(init.zeros((*shape, nodes)))  # whole numbers
        self.threshold = nn.Buffer(init.zeros((*shape, nodes)))
        self.leaf = nn.Buffer(init.zeros((*shape, nodes + 1)))
        self.base = nn.Buffer(init.zeros(classes))

    def fill(self, k, feature, threshold, leaf, base):
        """Gives class k its trees: arrays as above without the first axis."""
        given = ((self.feature, feature), (self.threshold, threshold), (self.leaf, leaf))
        for buffer, values in (*given, (self.base, base)):
            buffer.data[k] = type(buffer)(np.asarray(values, np.float32)).to(buffer.device).data

    def has_learnt(self, k):
        return bool(self.leaf.data[k].any() or self.base.data[k])

    def scores(self, features):
        """float32 (K, P) of features (F, P), a numpy array."""
        names = ("feature", "threshold", "leaf", "base")
        feature, threshold, leaf, base = (getattr(self, name).numpy() for name in names)
        x = np.ascontiguousarray(features, np.float32)
        y = np.empty((len(base), x.shape[1]), np.float32)
        whole = feature.astype(np.int64)
        boosted_scores(x, whole, threshold, leaf, base, self.depth, y)
        return y
