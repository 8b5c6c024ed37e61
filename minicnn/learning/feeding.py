"""What a network gets to see at each step of its training: which picture, in which variant, and
which of its pixels count.

Everything is a function of (seed, step), so a resumed run sees what it would have seen.
"""

import numpy as np

from minicnn import datasets
from minicnn.datasets import VOID
from minicnn.engine import randomness
from minicnn.images.jitter import jitter


def feed(pictures, preprocess, config, first, last):
    """A Loader of (step, inputs, labels) for steps first .. last - 1, prepared in a background
    thread. `preprocess` is that of the network, `config` that of the run."""
    settings, seed, count = config["training"], config["seed"], len(pictures)
    shares = config.get("class_shares")

    def order():
        """Every epoch is a new permutation of the pictures."""
        for step in range(first, last):
            if step == first or step % count == 0:
                places = randomness.generator(seed, 1, step // count).permutation(count)
            yield places[step % count]

    def prepare(picture, step):
        rng = randomness.generator(seed, 2, step)
        how = {name: settings[name] for name in ("flip", "rotate", "rescale")}
        image, labels = jitter(picture.image, picture.labels, rng, **how)
        if settings["patches"]:
            labels = sampled(labels, settings["patches"], settings["balance"], shares, rng)
        inputs = [level[None] for level in preprocess(image)]
        return step, inputs, np.ascontiguousarray(labels[None])

    return datasets.Loader(
        pictures, order(), transform=prepare, skip_bad=config["skip_bad"], start=first
    )


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


def class_weights(shares, balance):
    """float64 (K,): share^-balance, with a mean of 1 over the pixels. 0 leaves the natural
    frequencies, 1 makes every class count as much as any other. A class without pixels gets 0."""
    shares = np.asarray(shares, dtype=np.float64)
    weights = np.where(shares > 0, np.maximum(shares, 1e-6) ** -float(balance), 0.0)
    return weights / (weights * shares).sum()


def sampled(labels, patches, balance, shares, rng):
    """Labels (H, W) of which only `patches` randomly drawn pixels are left, the others void: what
    the network would learn from patches around those pixels. Pixels of a class are drawn in
    proportion to its weight; see `class_weights`."""
    places = np.flatnonzero(labels != VOID)
    if len(places) <= patches:
        return labels
    chance = None
    if balance:
        chance = class_weights(shares, balance)[labels.ravel()[places]]
        chance = chance / chance.sum()
    chosen = rng.choice(places, min(patches, len(places)), replace=balance > 0, p=chance)
    kept = np.full(labels.size, VOID, labels.dtype)
    kept[chosen] = labels.ravel()[chosen]
    return kept.reshape(labels.shape)
