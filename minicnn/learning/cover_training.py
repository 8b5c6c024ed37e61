"""Training the classifier of `labelling=cover`, on top of a network that is trained already.

    classifier = minicnn.train_cover("runs/first")        or: minicnn train cover --start runs/first
    minicnn.evaluate("runs/first", labelling="cover")

The network is left as it is. Each training picture goes through it once, its tree of segments is
built, and some segments are drawn, small and large: their descriptors and label distributions are
what the classifier learns from.
"""

import numpy as np

from minicnn import datasets, optim
from minicnn.basics import typed
from minicnn.basics.options import merge_options
from minicnn.datasets import VOID
from minicnn.engine import randomness
from minicnn.labelling.cover import label_distributions, segment_tree
from minicnn.labelling.cover_classifier import CoverClassifier, moments
from minicnn.labelling.descriptors import pool_segments
from minicnn.labelling.methods import Labelling, dense_features, softmax
from minicnn.learning import memory
from minicnn.learning.checkpoints import WEIGHTS
from minicnn.learning.config import SEEDS, Config, TrainingOptions
from minicnn.learning.covers import cover_file, save_cover
from minicnn.learning.run import Run
from minicnn.learning.segments import Segments
from minicnn.learning.trained import needs_pixels, trained
from minicnn.learning.world import refuse_many

DEFAULTS = {
    "grid": 3,  # cells across and down the bounding box of a segment
    "units": 256,  # of the classifier's first layer
    "dropout": 0.5,
    "lr": 0.01,
    "weight_decay": 2e-3,
    "segments": 100,  # drawn from the tree of each picture
}
EPOCHS = 100_000  # at most
RANGES = {
    "grid": (1, 16),
    "units": (1, 65536),
    "dropout": (0, 0.99),
    "lr": (0, 1e30),
    "weight_decay": (0, 1e3),
    "segments": (1, 1e6),
}


def train_cover(
    model,
    *,
    epochs=6,
    settings=None,
    seed=0,
    device="cpu",
    skip_bad=False,
    progress=None,
):
    """Trains the classifier of `labelling=cover` on the data that a network was trained on, writes
    it beside the network's weights, where `evaluate` and `segment` look for it, and returns it.

    model     a run folder, a .safetensors file or a Run (one in memory: nothing is written)
    epochs    how often each of the drawn segments is learnt from
    settings  overrides DEFAULTS, or an option of the superpixels (scale, sigma, min_size)
    progress  called with an iterable and `total=`, gives the same iterable, as tqdm does

    Raises DataError, CheckpointError, GroupingError or ValueError with one sentence.
    """
    refuse_many("train cover")
    typed.check(int(seed), "seed", range=(0, SEEDS))
    if not 1 <= epochs <= EPOCHS or int(epochs) != epochs:
        raise ValueError(f"train cover: epochs={epochs:g}: expected a whole number, 1 to {EPOCHS}")
    network, config, weights = found = trained(model, device)
    needs_pixels(found)
    superpixels = Labelling("superpixels").options
    o = merge_options("cover", DEFAULTS | superpixels, settings or {}, RANGES)
    superpixels = {name: o[name] for name in superpixels}
    if weights is not None and weights.parent == WEIGHTS:
        raise ValueError(
            f"train cover: {weights.stem} came with minicnn and stays as it is; copy {weights} to "
            "a folder of yours, and give that file"
        )
    if not config or config.data.name is None:
        raise datasets.DataError("train cover: this network does not know what it was trained on")
    data = config.data
    dataset = datasets.load(data.name, fold=data.fold, **data.options)
    pictures = dataset.split("train")
    regions_of = Labelling("superpixels", **superpixels).regions
    descriptors, targets = [], []
    with datasets.Loader(pictures, range(len(pictures)), skip_bad=skip_bad) as loader:
        for picture in progress(loader, total=len(pictures)) if progress else loader:
            drawn = _segments(network, picture, regions_of(picture.image), o, seed, loader.position)
            descriptors.append(drawn[0])
            targets.append(drawn[1])
            if len(descriptors) == 1:
                _check_memory(drawn[0], len(pictures), o)
    if not descriptors:
        raise datasets.DataError(f"{dataset.name} has no pictures to train on")
    descriptors, targets = np.concatenate(descriptors), np.concatenate(targets)
    randomness.manual_seed(seed)
    shape = (descriptors.shape[3], len(dataset.classes), o["grid"], o["units"], o["dropout"])
    classifier = CoverClassifier(*shape)
    how = {"lr": o["lr"], "weight_decay": o["weight_decay"], "quiet": progress is None}
    losses = learn(classifier, descriptors, targets, int(epochs), seed=seed, **how)
    about = {"options": o, "superpixels": superpixels, "seed": seed, "epochs": int(epochs)}
    about |= {"classes": list(dataset.classes), "segments": len(targets)}
    about |= {"losses": losses.round(5).tolist()}
    classifier.about = about
    if weights is not None:
        save_cover(classifier, network, cover_file(weights))
    return classifier


def learn(classifier, descriptors, targets, epochs, lr=0.01, weight_decay=2e-3, seed=0, quiet=True):
    """Trains a CoverClassifier; returns the mean loss of each epoch."""
    options = TrainingOptions(lr=lr, weight_decay=weight_decay)
    config = Config("cover", [], {}, 0, training=options, seed=seed)
    found = moments(descriptors)
    task = Segments(classifier, config, descriptors, targets, found)
    steps = task.steps_in_an_epoch()
    config.total_steps = epochs * steps
    schedule = optim.warm_up(optim.polynomial(epochs * steps), min(100, steps))
    Run(config, classifier, task, quiet=quiet, schedule=schedule).fit()
    classifier.take_in(*found)
    return np.reshape(task.losses, (epochs, steps)).mean(axis=1)


def _check_memory(descriptors, pictures, o):
    """ValueError if what is collected, twice as it is put together, and the classifier with what
    its training needs, will be too much. `descriptors` are those of one picture."""
    units = descriptors[0].size * o["units"] * 4
    memory.check(
        2 * pictures * descriptors.nbytes + memory.WEIGHTS * units,
        f"train cover with segments={o['segments']}, grid={o['grid']}, units={o['units']}",
        "give smaller ones",
    )


def _segments(network, picture, regions, o, seed, position):
    """(float16 descriptors, label distributions) of some labelled segments of a picture."""
    scores, features = network.predict_with_features(picture.image)
    parents, _ = segment_tree(picture.image, regions)
    labels = np.where(picture.labels < len(scores), picture.labels, VOID)  # of several: not known
    targets, known = label_distributions(labels, regions, parents, len(scores))
    nodes = np.flatnonzero(known)
    nodes = np.sort(randomness.generator(seed, 4, position).permutation(nodes)[: o["segments"]])
    features = dense_features(features, softmax(scores))
    found = pool_segments(features, regions, parents, o["grid"], nodes)
    return found.astype(np.float16), targets[nodes]
