"""From the scores of a network to a label for every pixel.

    argmax       each pixel takes the class of its highest score
    superpixels  each superpixel takes the class of the highest mean probability
    crf          superpixels, whose labels also agree with those of their neighbours
    cover        each superpixel takes the class of the purest segment of a tree that contains it
    potts        pixels, whose labels agree with their neighbours' where the colours do
    proposals    each region that a hierarchy of edges is cut into, of the highest mean probability
    prior        pixels, of a network that learnt from labels of pictures: what the whole picture
                 shows counts, too; prior-superpixels, prior-boxes and prior-segments smooth that

    crf = Labelling("crf", gamma=20)
    labels = crf(image, network.predict(image))

What comes after a network knows nothing of the network: any scores will do. Only the cover has a
classifier of its own, trained for one network, which reads that network's features too; and
proposals come from another network, that of edges.
"""

from inspect import signature

import numpy as np

from minicnn.basics.nearest import did_you_mean
from minicnn.basics.options import merge_options
from minicnn.datasets.label_checks import check_labels, check_scores
from minicnn.labelling.cover import cover
from minicnn.labelling.crf import crf
from minicnn.labelling.descriptors import middles
from minicnn.labelling.potts import potts
from minicnn.labelling.priors import Pooling, with_prior
from minicnn.labelling.probabilities import softmax
from minicnn.labelling.proposals.hierarchies import cut_into
from minicnn.labelling.proposals.proposer import nearest
from minicnn.labelling.superpixels import GroupingError, region_means, superpixels


def _options(function):
    """{name: default} of the arguments of a function that have one."""
    parameters = signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


LABELLINGS = {
    "argmax": {},
    "superpixels": _options(superpixels),
    "crf": _options(superpixels) | _options(crf),
    "cover": _options(superpixels) | _options(cover),
    "potts": _options(potts),
    "proposals": {"regions": 100},
    "prior": {"threshold": 0.2},
    "prior-superpixels": {"threshold": 0.2} | _options(superpixels),
    "prior-boxes": {"threshold": 0.2, "count": 100},
    "prior-segments": {"threshold": 0.2, "count": 100},
}
RANGES = {
    "scale": (0, 1e6),
    "sigma": (0, 20),
    "min_size": (1, 1e6),
    "alpha": (0, 1000),
    "beta": (0, 1000),
    "gamma": (0, 1e6),
    "least": (0, 1),
    "largest": (0, 1),
    "pixels": (0, 1),
    "regions": (1, 900),  # at most, that a picture is cut into
    "threshold": (0, 1),  # of what is no background; 0: none, background competes
    "count": (1, 1000),  # proposals that are looked at
}


class Labelling:
    """A way from scores to labels, with its options; a function of (image, scores).

    name     one of LABELLINGS, which holds the options of each and their defaults
    options  as `superpixels`, `crf`, `cover` and `potts` describe them; text is parsed

    `classifier` is that of the cover, `proposer` that of proposals (labelling/proposals), `pooling`
    tells a prior how scores become those of a picture; `evaluate` and `segment` find them beside
    the weights of the network, and of the shipped one of edges.

    Raises GroupingError for a name that does not exist, ValueError for an option.
    """

    def __init__(self, name="argmax", /, **options):
        if name not in LABELLINGS:
            hint = did_you_mean(name, LABELLINGS)
            raise GroupingError(f"labelling={name!r}: choose {', '.join(LABELLINGS)}{hint}")
        defaults = LABELLINGS[name]
        if options and not defaults:
            raise GroupingError(f"labelling={name} has no options, so not {', '.join(options)}")
        ranges = {key: RANGES[key] for key in defaults}
        self.name, self.given, self.classifier, self.proposer = name, options, None, None
        self.pooling = Pooling()
        self.options = merge_options(f"labelling={name}", defaults, options, ranges)

    def __call__(self, image, scores, features=None):
        """uint8 (H, W): the labels of a picture, uint8 (H, W, 3), from float scores (K, H, W).
        features  (C, h, w): the maps that the scores were read from, for a cover"""
        if self.name == "argmax":
            return scores.argmax(axis=0).astype(np.uint8)
        if self.name == "potts":
            return potts(image, softmax(scores), **self.options).astype(np.uint8)
        if self.name.startswith("prior"):
            return self.prior(image, scores).labels
        regions, probabilities = self.regions(image), softmax(scores)
        if self.name in ("superpixels", "proposals"):
            labels = region_means(probabilities, regions).argmax(axis=1)
        elif self.name == "cover":
            labels = self.cover(image, scores, features, regions).labels
        else:
            chosen = {key: self.options[key] for key in _options(crf)}
            labels = crf(image, probabilities, regions, **chosen)
        return labels.astype(np.uint8)[regions]

    def cover(self, image, scores, features, regions):
        """The Cover of a picture, with the tree and everything that it was chosen from."""
        if self.classifier is None:
            raise GroupingError("labelling=cover has no classifier yet: see minicnn.train_cover")
        chosen = {key: self.options[key] for key in _options(cover)}
        probabilities = softmax(scores)
        features = dense_features(features, probabilities)
        return cover(image, probabilities, features, regions, self.classifier, **chosen)

    def prior(self, image, scores):
        """The priors.Labelled of a picture, with every step."""
        how = self.name.removeprefix("prior").lstrip("-")
        ways = {"superpixels": self.regions, "boxes": self.proposed, "segments": self.proposed}
        smooth = (how, ways[how]) if how else None
        return with_prior(image, scores, self.pooling, self.options["threshold"], smooth)

    def proposed(self, image):
        """The Proposals of a picture."""
        if self.proposer is None:
            raise GroupingError(f"labelling={self.name} has no edges yet: see minicnn.propose")
        return self.proposer(image, self.options["count"])

    def __str__(self):
        """Its name, and the options that are not the defaults: crf(gamma=20.0)."""
        defaults = LABELLINGS[self.name]
        own = [f"{k}={v}" for k, v in self.options.items() if v != defaults[k]]
        return f"{self.name}({', '.join(own)})" if own else self.name

    def __repr__(self):
        return f"Labelling {self}"

    def regions(self, image):
        """int32 (H, W): the superpixels that it works with; of proposals, the regions."""
        if self.name == "proposals":
            if self.proposer is None:
                raise GroupingError("labelling=proposals has no edges yet: see minicnn.propose")
            regions = cut_into(self.proposer.hierarchies(image)[0], self.options["regions"])
            return nearest(regions, image.shape[:2])
        return superpixels(image, **{key: self.options[key] for key in _options(superpixels)})


def as_labelling(labelling):
    """A Labelling, or any other function of (image, scores), as it is; of a name that Labelling."""
    return labelling if callable(labelling) else Labelling(labelling)


def labelled(network, image, labelling):
    """(labels (H, W), scores (K, H, W), features) of a picture: the network's scores, what the
    labelling, a Labelling or another function of (image, scores), makes of them, and for a cover
    the maps (C, h, w) that the scores were read from, else None.

    Raises ScoresError for scores that are no numbers, LabelError for labels that are no classes.
    """
    cover = getattr(labelling, "name", None) == "cover"
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is said below, in words
        found = network.predict_with_features(image) if cover else (network.predict(image),)
    scores = found[0]
    check_scores(scores, image.shape[:2])
    what = f"what labelling={name_of(labelling)} returned"
    labels = check_labels(labelling(image, *found), image.shape[:2], len(scores), what)
    return labels, scores, found[1] if cover else None


def name_of(labelling):
    """What a labelling, a Labelling or another function, is called."""
    return getattr(labelling, "__name__", None) or str(labelling)


def dense_features(features, probabilities):
    """The features (C, h, w) of a network as they are; of a network that shows none (None), its
    probabilities at the middle of every 4 x 4 pixels."""
    if features is not None:
        return features
    rows, columns = (middles(n, -(-n // 4)) for n in probabilities.shape[1:])
    return probabilities[:, rows[:, None], columns]
