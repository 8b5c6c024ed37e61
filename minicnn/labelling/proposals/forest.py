"""A random forest as plain arrays: some fifty trees of questions «is feature f at most t?», each
leaf a number, and the mean of the trees' answers.

    forest = Forest.fit(features, targets, seed=0)
    forest.predict(features)

scikit-learn grows it (Breiman 2001); it is kept as five arrays, which can be read and shipped,
where a pickle could run code. Nodes of all trees lie one after another, each tree's root first; a
left child follows its parent, as scikit-learn numbers them, so only right ones are noted.

    feature  int64 (nodes,)    what is asked, or -1 in a leaf
    value    float32 (nodes,)  the threshold, or the leaf's answer
    right    int64 (nodes,)    the place of the right child, for feature > value
    roots    int64 (trees,)

scikit-learn compares float32 features with thresholds of float64. A threshold is rounded down to
float32 here, so that the same features pass.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.engine.kernel import Kernel
from minicnn.labelling.superpixels import GroupingError

TREES, LEAVES, FEWEST = 50, 300, 5  # trees; leaves of a tree at most, candidates in a leaf at least

ask_forest = Kernel(
    "ask_forest",
    "int64 feature[nodes], value[nodes], int64 right[nodes], int64 roots[trees], "
    "features[N, F], answers[N]; highest(feature) < F; highest(right) < nodes; "
    "highest(roots) < nodes",
)


@ask_forest.cpu
def ask_forest_cpu(feature, value, right, roots, features, answers):
    for n in range(answers.size):
        total = 0.0
        for root in roots:
            k = root
            while feature[k] >= 0:
                k = k + 1 if features[n, feature[k]] <= value[k] else right[k]
            total += value[k]
        answers[n] = total / roots.size


@dataclass(frozen=True)
class Forest:
    feature: np.ndarray
    value: np.ndarray
    right: np.ndarray
    roots: np.ndarray

    @classmethod
    def fit(cls, features, targets, seed=0, trees=TREES, leaves=LEAVES, fewest=FEWEST):
        """The Forest that scikit-learn grows. features float32 (N, F), targets float (N,). Raises
        GroupingError if it is not installed."""
        try:
            from sklearn.ensemble import RandomForestRegressor
        except ImportError:
            raise GroupingError(
                "random forests are grown by scikit-learn, which is not installed: pip install "
                "scikit-learn (the extra [regions])"
            ) from None
        grown = RandomForestRegressor(
            trees,
            max_leaf_nodes=leaves,
            min_samples_leaf=fewest,
            max_features=1 / 3,
            random_state=seed,
        ).fit(features, targets)
        return cls.of_sklearn(grown)

    @classmethod
    def of_sklearn(cls, grown):
        """The arrays of a fitted RandomForestRegressor."""
        feature, value, right, roots, first = [], [], [], [], 0
        for estimator in grown.estimators_:
            order, children = _depth_first(estimator.tree_)
            asked = estimator.tree_.feature[order]
            leaf = asked < 0
            answers = estimator.tree_.value[order, 0, 0].astype(np.float32)
            feature.append(np.where(leaf, -1, asked).astype(np.int64))
            value.append(np.where(leaf, answers, _down(estimator.tree_.threshold[order])))
            right.append(np.where(leaf, 0, children + first))
            roots.append(first)
            first += len(order)
        arrays = (np.concatenate(parts) for parts in (feature, value, right))
        return cls(*arrays, np.array(roots, np.int64))

    def predict(self, features):
        """float32 (N,): the mean answer for each of the features (N, F)."""
        features = np.ascontiguousarray(features, np.float32)
        answers = np.zeros(len(features), np.float32)
        ask_forest(self.feature, self.value, self.right, self.roots, features, answers)
        return answers

    def arrays(self):
        """{name: array of floats}, what weight files hold: small whole numbers, for which 16 bits
        are enough, and a right child as so many places further on."""
        steps = np.where(self.feature < 0, 0, self.right - np.arange(len(self.right)))
        return {
            "forest.feature": self.feature.astype(np.float16),
            "forest.value": self.value.astype(np.float32),
            "forest.right": steps.astype(np.float16 if steps.max() <= 2048 else np.float32),
            "forest.roots": self.roots.astype(np.float32),
        }

    @classmethod
    def of_arrays(cls, arrays, count):
        """The Forest of `count` features that `arrays` gave. Raises ValueError for arrays that are
        no forest: a question about a feature that is not there, a way that leads back or out."""
        given = [np.asarray(arrays[f"forest.{name}"]) for name in FIELDS]
        if any(a.ndim != 1 or not np.isfinite(a.astype(np.float64)).all() for a in given):
            raise ValueError("its arrays are no forest")
        feature, steps, roots = (given[k].astype(np.int64) for k in (0, 2, 3))
        value, places, asks = given[1].astype(np.float32), np.arange(len(feature)), feature >= 0
        if not (
            len(feature)
            and len(value) == len(steps) == len(feature)
            and len(roots)
            and feature.max() < count
            and (steps[asks] > 1).all()
            and (places + steps < len(feature)).all()
            and not asks[-1]
            and ((roots >= 0) & (roots < len(feature))).all()
        ):
            raise ValueError("its arrays are no forest")
        return cls(feature, value, np.where(asks, places + steps, 0), roots)


FIELDS = ("feature", "value", "right", "roots")


def _depth_first(tree):
    """(the nodes in depth-first order, the place in it of each one's right child): grown with
    max_leaf_nodes, trees are numbered best first."""
    order, stack = [], [0]
    while stack:
        k = stack.pop()
        order.append(k)
        if tree.children_left[k] >= 0:
            stack += [tree.children_right[k], tree.children_left[k]]
    order = np.array(order)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return order, place[tree.children_right[order]]


def _down(threshold):
    """float32: the largest number that is not above each float64."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
