"""The classifier of `labelling=cover`, in a file beside the weights of its network.

    RUN/best.safetensors      RUN/cover.safetensors            of a run
    NAME.safetensors          NAME-cover.safetensors           of a file, or a shipped network

It reads the features of one network with one set of weights, and is of no use to another; the file
holds a checksum of them. `minicnn train cover --start RUN` makes it, see cover_training.py.
"""

from dataclasses import dataclass, field

from minicnn.basics import typed
from minicnn.basics.typed import number
from minicnn.labelling.cover_classifier import CoverClassifier
from minicnn.labelling.methods import GroupingError, Labelling
from minicnn.learning import checkpoints
from minicnn.learning.config import SEEDS
from minicnn.learning.old_formats import FORMAT, CheckpointError, from_header
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.weight_files import checksum, halved, opened, save
from minicnn.nn import init


def cover_file(weights):
    """The path of the classifier for the network in the file `weights`."""
    return checkpoints.beside(weights, checkpoints.COVER)


@dataclass
class Shape:
    """What a CoverClassifier is made with."""

    features: int = number(least=1, most=1e6)
    classes: int = number(least=1, most=255)
    grid: int = number(least=1, most=16)
    units: int = number(least=1, most=65536)
    dropout: float = number(least=0, most=0.99)


@dataclass
class Superpixels:
    """The superpixels that it learnt from."""

    scale: float = number(least=0, most=1e6)
    sigma: float = number(least=0, most=20)
    min_size: int = number(least=1, most=1e6)


@dataclass
class CoverConfig:
    """What describes a classifier: its shape, the network whose features it reads (a checksum),
    and how it was trained."""

    model: str
    shape: Shape
    network: int
    superpixels: Superpixels
    options: dict[str, object]
    classes: list[str]
    segments: int = number(least=1)
    epochs: int = number(least=1)
    losses: list[float] = field(default_factory=list)
    seed: int = number(0, 0, SEEDS)


def save_cover(classifier, network, path):
    """Writes a classifier as float16, and what it knows `about` its training."""
    about = classifier.about | {"model": "cover", "shape": classifier.shape}
    about |= {"network": checksum(network), "format": FORMAT}
    save(path, halved(classifier.state_dict(), path), about)


def load_cover(path, network):
    """The CoverClassifier from a file. Raises GroupingError if it belongs to other weights
    than those of `network`, CheckpointError if it cannot be read."""
    with opened(path) as (file, shapes, header):
        if not isinstance(header, dict) or header.get("model") != "cover":
            raise CheckpointError(f"{path}: not a classifier for labelling=cover")
        config = from_header(CoverConfig, header, path)
        if config.network != checksum(network):
            of = path.name.removesuffix(f"{checkpoints.COVER}.safetensors")
            start = path.parent if of == path.name else path.with_name(f"{of}.safetensors")
            raise GroupingError(
                f"{path}: the network has been trained further since, and its features are others "
                f"now; train it again: minicnn train cover --start {start}"
            )
        with init.shapes_only():
            classifier = CoverClassifier(**typed.write(config.shape))
        checkpoints.fill(classifier, path, file, shapes)
    classifier.about = typed.write(config)
    return classifier.eval()


def cover_labelling(classifier, **options):
    """The Labelling "cover" with this classifier, on superpixels as it learnt from, unless options
    say otherwise."""
    labelling = Labelling("cover", **(classifier.about["superpixels"] | options))
    labelling.classifier = classifier
    return labelling


def with_classifier(labelling, network, weights):
    """The labelling, ready for this network: a cover without a classifier gets the one that lies
    beside the file `weights` (None if there is none), and its superpixels, unless others are asked
    for. Raises GroupingError if none was trained. Proposals get the shipped edges."""
    name = getattr(labelling, "name", None)
    if name in ("proposals", "prior-boxes", "prior-segments") and labelling.proposer is None:
        labelling.proposer = load_proposer()
    if name != "cover" or labelling.classifier is not None:
        return labelling
    path = cover_file(weights) if weights else None
    if path is None or not path.is_file():
        where = "a network in memory" if path is None else f"{path}: no such file"
        start = weights.parent if weights and weights.name == checkpoints.BEST else weights or "RUN"
        copy = ""
        if weights and weights.parent == checkpoints.WEIGHTS:  # what ships stays as it is
            copy, start = f"copy {weights} to a folder of yours, and ", weights.name
        raise GroupingError(
            f"labelling=cover needs a classifier of its own ({where}); {copy}train one: "
            f"minicnn train cover --start {start}"
        )
    return cover_labelling(load_cover(path, network), **labelling.given)
