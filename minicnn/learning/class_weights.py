"""Which classes the pixels of a data set have: their shares, and their weights in a loss."""

import numpy as np

from minicnn import datasets
from minicnn.datasets import VOID


def check_labelled(pictures, split, skip_bad=False):
    """Raises DataError if no pixel of these pictures has a label: then there is nothing to learn
    from ('train'), or to choose the best weights by ('val'). Ends at the first that has one."""
    read = 0
    for number in range(len(pictures)):
        try:
            if (pictures[number].labels != VOID).any():
                return
            read += 1
        except datasets.DataError:
            if not skip_bad:  # the loader will speak of it
                return
    if not read:
        return  # here too
    what = "learn from" if split == "train" else "choose the best weights by"
    raise datasets.DataError(
        f"{pictures.dataset.name}: no pixel in the pictures of its split {split!r} "
        f"({len(pictures)}) has a label, all are void, so there is nothing to {what}; label some "
        "of them, or put others into this split"
    )


def class_shares(pictures, classes):
    """The share of every class among the labelled pixels of `pictures`, as a list."""
    counts = np.zeros(256, np.int64)
    for number in range(len(pictures)):
        try:
            counts += np.bincount(pictures[number].labels.ravel(), minlength=256)
        except datasets.DataError:  # the loader will speak of it
            continue
    return (counts[:classes] / max(1, counts[:classes].sum())).tolist()


def read_labels(network, config, dataset):
    """Looks at the label maps of all pictures before the first step, and returns the shares of the
    classes, if they are needed, or None."""
    if not config.skip_bad:
        for split in ("train", "val"):
            dataset.check_labels(split)
    both = {network.task, dataset.kind}
    if config.training.balance and both == {"pixels"}:  # others refuse it
        return class_shares(dataset.split("train"), len(dataset.classes))
    return None


def class_weights(shares, balance):
    """float64 (K,): share^-balance, with a mean of 1 over the pixels. 0 leaves the natural
    frequencies, 1 makes every class count as much as any other. A class without pixels gets 0.
    Void has no weight at all: losses leave it out (images/labels.py, VOID)."""
    shares = np.asarray(shares, dtype=np.float64)
    weights = np.where(shares > 0, np.maximum(shares, 1e-6) ** -float(balance), 0.0)
    return weights / (weights * shares).sum()


def of_sets(weights, sets):
    """The weights of the classes, and behind them those of sets of them: their means."""
    return np.concatenate([weights, [weights[list(one)].mean() for one in sets]])
