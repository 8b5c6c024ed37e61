"""Fitting object proposals to a data set with objects, on top of a network of edges.

    proposer = minicnn.train_proposals("runs/edges-1", "voc2012-animals")
    or: minicnn train proposals --start runs/edges-1 --data voc2012-animals

Each training picture is looked at once. First it tells, for each of the 16 lists of candidates, how
well the best of its first 5, 10, 20 ... fits each object, from which the lists' lengths are chosen
(labelling/proposals/pareto.py). Then of the candidates that these lengths give some are drawn, with
the best one for each object, for a forest to learn how well a candidate fits.
"""

import numpy as np

from minicnn import datasets
from minicnn.basics import typed
from minicnn.basics.options import merge_options
from minicnn.datasets.instances import background_of, of_picture
from minicnn.datasets.splits import evenly
from minicnn.engine import randomness
from minicnn.labelling.proposals import pareto
from minicnn.labelling.proposals.candidates import LISTS, candidates, lists
from minicnn.labelling.proposals.forest import Forest
from minicnn.labelling.proposals.overlaps import best_at, common, overlaps
from minicnn.labelling.proposals.proposer import Proposer, nearest
from minicnn.learning.checkpoints import WEIGHTS
from minicnn.learning.config import SEEDS
from minicnn.learning.proposal_files import needs_edges, proposal_file, save_proposer
from minicnn.learning.trained import trained
from minicnn.learning.world import refuse_many

DEFAULTS = {
    "pictures": 400,  # of the training pictures, evenly spread
    "candidates": 4000,  # of a picture, on average, before duplicates are left out
    "drawn": 30,  # candidates of a picture that the forest learns from, besides the best ones
}
RANGES = {"pictures": (1, 1e6), "candidates": (16, 20000), "drawn": (1, 10000)}


def train_proposals(
    model, data, *, settings=None, seed=0, device="cpu", skip_bad=False, progress=None
):
    """Fits a Proposer to the training pictures of a data set with objects, writes it beside the
    network's weights, and returns it.

    model     a network of edges: a run folder, a .safetensors file, a shipped name or a Run
    data      a data set whose pictures have objects with masks: voc2012-animals, coco, scenes ...
    settings  overrides DEFAULTS: at how many pictures to look, evenly spread, how many candidates
              of a picture there shall be on average, and how many the forest learns from
    progress  called with an iterable and `total=`, gives the same iterable, as tqdm does

    Raises DataError, CheckpointError, GroupingError or ValueError with one sentence.
    """
    refuse_many("train proposals")
    typed.check(int(seed), "seed", range=(0, SEEDS))
    network, _, weights = found = trained(model, device)
    needs_edges(found)
    if weights is not None and weights.parent == WEIGHTS and proposal_file(weights).exists():
        raise ValueError(
            f"train proposals: what came with minicnn stays as it is; copy {weights} to a folder "
            "of yours, and give that file"
        )
    o = merge_options("proposals", DEFAULTS, settings or {}, RANGES)
    dataset = datasets.load(data)
    if dataset.kind != "pixels":
        raise datasets.DataError(f"{dataset.name} has no objects with masks to learn from")
    split = dataset.split("train")
    places = evenly(range(len(split)), o["pictures"])
    background = background_of(dataset)
    proposer = Proposer(network.predict, [0] * LISTS)
    with datasets.Loader(split, places, skip_bad=skip_bad) as loader:
        pictures = progress(loader, total=len(places)) if progress else loader
        fit_proposer(proposer, pictures, background, o["candidates"], o["drawn"], seed)
    proposer.about["data"] = dataset.name
    if weights is not None:
        save_proposer(proposer, network, proposal_file(weights))
    return proposer


def fit_proposer(proposer, pictures, background, candidates=4000, drawn=30, seed=0):
    """Fits the lists' lengths and the forest of a Proposer to an iterable of Pictures with objects;
    returns it. `background` is the label of what is no object. Raises DataError if there is
    none."""
    most = [max(pareto.LEVELS)] * LISTS
    looked = (_Looked(proposer.hierarchies, picture, background, most) for picture in pictures)
    seen = [one for one in looked if len(one.sizes)]
    if not seen:
        raise datasets.DataError("the training pictures have no objects with masks to learn from")
    proposer.lengths = pareto.choose(front_of(seen), candidates)
    pairs = [one.drawn(proposer.lengths, drawn, seed) for one in seen]
    features, targets = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    proposer.forest = Forest.fit(features, targets, seed)
    count = int(np.mean([one.count for one in seen]))
    proposer.about = {"pictures": len(seen), "candidates": count, "samples": len(targets)}
    proposer.about["seed"] = seed
    return proposer


class _Looked:
    """What is kept of a training picture: its Hierarchies, the pixels of each object in each leaf,
    and of each list the best J at each of the LEVELS."""

    def __init__(self, hierarchies, picture, background, most):
        self.name, self.count = picture.name, 0
        self.hierarchies, _ = hierarchies(picture.image)
        size = self.hierarchies.leaves.shape
        masks = [one.mask for one in of_picture(picture, background) if not one.ignored]
        masks = [nearest(mask, size) for mask in masks]
        masks = [mask for mask in masks if mask.any()]
        self.sizes = np.array([mask.sum() for mask in masks])
        self.counts = common(self.hierarchies.leaves, masks)
        if not masks:
            return
        found = lists(self.hierarchies, most)
        self.available = [len(regions) for regions, _ in found]
        self.best = [best_at(self._j(regions), pareto.LEVELS) for regions, _ in found]
        for best in self.best:
            best[0] = 0  # of the first 0

    def _j(self, regions):
        return overlaps(regions, self.hierarchies.areas, self.counts, self.sizes)

    def drawn(self, lengths, count, seed):
        """(features, J with the best object) of `count` candidates, and of the best for each
        object."""
        found = candidates(self.hierarchies, lengths)
        self.count = len(found.regions)
        j = self._j(found.regions)
        rng = randomness.generator(seed, sum(map(ord, self.name)))
        some = rng.choice(len(j), min(count, len(j)), replace=False)
        chosen = np.union1d(some, j.argmax(axis=0))
        return found.features[chosen], j[chosen].max(axis=1)


def front_of(seen):
    """The Pareto front of all lists, over the objects of all pictures."""
    fronts = []
    for k in range(LISTS):
        best = np.concatenate([one.best[k] for one in seen], axis=1)
        available = np.array([one.available[k] for one in seen])
        counts = [np.minimum(level, available).mean() for level in pareto.LEVELS]
        fronts.append(pareto.of_list(best, counts))
    return pareto.combined(fronts)
