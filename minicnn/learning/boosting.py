"""Growing boosted trees: a class against all others, with scikit-learn, and what comes of it as
plain arrays.

Gradient boosting. Each new tree is made to answer what the sum of all before still lacks: for a
pixel of the class 1 - p, else -p, where p = 1 / (1 + exp(-score)) is how probable the class is by
then. Of what it answers `shrink` is believed. Both sides weigh the same, however rare the class.

DARWIN's boosting (misclassification as criterion) is an older form of the same idea.

Source: Friedman 2001; with histograms Ke et al. 2017, as scikit-learn has it.
"""

import numpy as np

from minicnn.engine import randomness
from minicnn.engine.devices import get_num_threads
from minicnn.models.boosted_trees import SURE

LEVELS = 64  # of a feature, that trees tell apart
LOOKED_AT = 20_000  # pixels, for where these levels lie
FEW = 10_000_000  # codes
DAMPING = 10.0  # else a leaf of pixels that are sure, and one that is surely wrong, runs away
SMALLEST = 20  # pixels of a leaf, at least


class MissingPackage(ValueError):
    """scikit-learn is not there; the message says how to get it."""


def booster():
    """scikit-learn's class. Raises MissingPackage if it is not installed."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError:
        raise MissingPackage(
            "shallow grows its trees with scikit-learn, which is not installed: pip install "
            "scikit-learn; classifier=logistic needs none"
        ) from None
    return HistGradientBoostingClassifier


class Codes:
    """Features (N, F) as small whole numbers: code n means that n of the feature's `edges`, each
    below an equal share of the pixels, are smaller. Trees ask for little more than that; it is done
    once, and not again for each class.

    codes  uint8 (N, F); edges  a list of F float32 arrays
    """

    def __init__(self, features, seed=0):
        some = randomness.generator(seed, 11).permutation(len(features))[:LOOKED_AT]
        places = (len(some) * np.arange(1, LEVELS) // LEVELS).clip(max=len(some) - 1)
        self.codes, self.edges = np.empty(features.shape, np.uint8), []
        for f in range(features.shape[1]):
            column = np.ascontiguousarray(features[:, f])
            self.edges.append(np.unique(np.sort(column[some])[places]))
            self.codes[:, f] = np.searchsorted(self.edges[-1], column)

    def threshold(self, f, code):
        """The number above which feature f is where its code is above `code`."""
        return self.edges[f][int(code)]


def grow(coded, mine, rounds, depth, shrink, seed=0):
    """The trees that tell pixels of one class from all others.

    coded  Codes of the features of N pixels; mine  bool (N,): which are of the class
    Returns (feature, threshold, leaf, base) as BoostedTrees.fill takes them.
    """
    return as_arrays(
        grown_by_sklearn(coded, mine, rounds, depth, shrink, seed), coded, rounds, depth
    )


def grown_by_sklearn(coded, mine, rounds, depth, shrink, seed=0):
    """What scikit-learn grows of the codes; of a class that nothing or everything belongs to, a
    score that says so."""
    share = mine.mean()
    if share in (0, 1):
        return SURE * (2 * share - 1)
    weights = np.where(mine, 0.5 / share, 0.5 / (1 - share))
    from threadpoolctl import threadpool_limits

    kind = booster()
    threads = get_num_threads() if coded.codes.size > FEW else 1  # else they wait for one another
    with threadpool_limits(threads, "openmp"):
        return kind(
            max_bins=LEVELS,
            learning_rate=shrink,
            max_iter=rounds,
            max_depth=depth,
            max_leaf_nodes=None,
            min_samples_leaf=SMALLEST,
            l2_regularization=DAMPING,
            early_stopping=False,
            random_state=seed,
        ).fit(coded.codes, mine, weights)


def as_arrays(grown, coded, rounds, depth):
    """(feature (R, nodes), threshold (R, nodes), leaf (R, nodes + 1), base) of what scikit-learn
    has grown. A tree that ends early is filled up with questions whose answer does not matter."""
    nodes = 2**depth - 1
    feature, threshold = np.zeros((rounds, nodes)), np.zeros((rounds, nodes))
    leaf = np.zeros((rounds, nodes + 1))
    if isinstance(grown, float):
        return feature, threshold, leaf, grown
    for r, (tree,) in enumerate(grown._predictors):
        places = np.zeros(2 * nodes + 1, int)  # of our heap: the node of theirs
        for n in range(2 * nodes + 1):
            node = tree.nodes[places[n]]
            if n >= nodes:
                leaf[r, n - nodes] = node["value"]
            elif node["is_leaf"]:
                places[2 * n + 1] = places[2 * n + 2] = places[n]
            else:
                feature[r, n] = f = node["feature_idx"]
                threshold[r, n] = coded.threshold(f, node["num_threshold"])
                places[2 * n + 1], places[2 * n + 2] = node["left"], node["right"]
    return feature, threshold, leaf, float(grown._baseline_prediction.ravel()[0])
