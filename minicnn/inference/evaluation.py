"""How good is a network? One confusion matrix, pooled over all pictures, tells.

    result = minicnn.evaluate("runs/multi-scale-1")
    result.confusion.pixel_accuracy, result.seconds_per_picture

`score` (learning/metrics.py) counts pixels and `rank` (learning/ranks.py) pictures, in training
too; `evaluate` finds the network and the data set for them.
"""

import functools
import numbers
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from minicnn import datasets
from minicnn.basics import displays
from minicnn.datasets.splits import evenly
from minicnn.inference import seen
from minicnn.inference.objects import score_objects
from minicnn.inference.segmenting import labelling_for
from minicnn.labelling.methods import as_labelling, labelled, name_of
from minicnn.learning import checkpoints
from minicnn.learning.boundary_scores import score_boundaries
from minicnn.learning.config import DataSource
from minicnn.learning.metrics import Confusion, rounded, score
from minicnn.learning.ranks import rank
from minicnn.learning.tasks import check_kind
from minicnn.learning.trained import trained
from minicnn.learning.world import joined, world

KEPT = 12  # pictures that an Evaluation keeps to be looked at


@dataclass(repr=False)
class Evaluation:
    """What `evaluate` found.

    confusion            a Confusion with the scores; of a network that names pictures, Ranks; of
                         one that finds edges, BoundaryScores; of one that finds objects,
                         ObjectScores
    seconds_per_picture  median time of one prediction, preprocessing and labelling included,
                         reading not
    model, data, fold, split, pictures   what was evaluated, and on how many pictures
    examples             [(Picture, uint8 (H, W) prediction), ...] of some pictures, to be looked
                         at; of Photographs the prediction is a class
    left_out             messages about pictures that are all void, or (with `skip_bad`) unreadable
    note                 a sentence if the network has seen such pictures in training, or ""
    labelling            how scores became labels
    recipe, seed         of the training; None if the network does not know
    network              the name of a shipped network; None for others
    options              those of the network
    """

    confusion: Confusion
    seconds_per_picture: float
    model: str
    data: str
    fold: int | None
    split: str
    pictures: int
    colours: np.ndarray
    examples: list = field(default_factory=list)
    left_out: list = field(default_factory=list)
    note: str = ""
    labelling: str = "argmax"
    recipe: str | None = None
    seed: int | None = None
    network: str | None = None
    options: dict = field(default_factory=dict)

    def as_dict(self):
        """Everything but the pictures, ready for JSON."""
        keys = ("model", "network", "recipe", "seed", "options", "labelling")
        keys += ("data", "fold", "split", "pictures")
        about = {key: getattr(self, key) for key in keys}
        about["seconds_per_picture"] = rounded(self.seconds_per_picture)
        about |= {"left_out": list(self.left_out), "note": self.note}
        return about | self.confusion.as_dict()

    def __repr__(self):
        return f"<Evaluation of {self.heading()[0]}; {self.confusion.in_short()}>"

    def _repr_html_(self):
        seconds = f"{self.seconds_per_picture:.3f} s a picture"
        about = displays.paragraphs(*self.heading(), seconds)
        return f"<div>{about}{self.confusion._repr_html_()}</div>"

    def heading(self):
        """What was evaluated, and what has to be known about it, as lines of text."""
        fold = "" if self.fold is None else f", fold {self.fold}"
        model = self.model if self.labelling == "argmax" else f"{self.model} + {self.labelling}"
        about = f"{model} on {self.data}{fold}, split {self.split}: {self.pictures} pictures"
        notes = [f"note: {self.note}"] if self.note else []
        notes += [f"left out: {message}" for message in self.left_out]
        return [about, *notes]

    def lines(self):
        """The report as lines of text."""
        time = f"time            {self.seconds_per_picture:8.3f} s a picture"
        lines = self.confusion.lines()
        return [*self.heading(), "", *lines[:3], time, *lines[3:]]


@joined()
def evaluate(
    model,
    data=None,
    split="test",
    fold=None,
    *,
    labelling="argmax",
    data_options=None,
    device="cpu",
    most=None,
    skip_bad=False,
    examples=KEPT,
    progress=None,
):
    """Scores a trained network on the 'test', 'val' or 'train' pictures of a data set.

    model     a run folder, a .safetensors file, the name of a shipped network, a Run, or a network
    data, fold, data_options   as `train` takes them; those of the training where not given
    labelling  how scores become labels: "argmax", "superpixels", "crf", "cover", a Labelling of
              `labelling.methods` with options, or a function of (uint8 image, scores)
    most      looks at so many pictures only, evenly spread, always the same; None: at all
    skip_bad  leaves out pictures that cannot be read instead of stopping
    examples  how many pictures, evenly spread, are kept with their predictions
    progress  called with an iterable and `total=`, gives the same iterable, as tqdm does

    Several processes, started by mpiexec, look at some of the pictures each, and all return the
    same Evaluation, whose seconds are those of the first.

    Returns an Evaluation. Raises CheckpointError, DataError, GroupingError, ScoresError (scores
    that are not finite) or LabelError (labels that are no classes) with one sentence.
    """
    if most is not None and not (isinstance(most, numbers.Integral) and most > 0):
        raise ValueError(f"evaluate: most={most!r}: expected a whole number of pictures, from 1 on")
    network, config, weights = found = trained(model, device)
    labelling = as_labelling(labelling)
    if network.task == "pixels" or name_of(labelling) != "argmax":
        labelling = labelling_for(found, labelling)
    stored = config.data if config else DataSource()
    if data is None and stored.name is None:
        raise datasets.DataError("evaluate: this network does not know its data set; give data=")
    name = stored.name if data is None else datasets.lasting_name(data)
    known = name == stored.name
    if known:
        fold = stored.fold if fold is None else fold
        data_options = stored.options | (data_options or {})
    dataset = datasets.load(name, fold=fold, **(data_options or {}))
    check_kind(network, found.called, dataset)
    _check_classes(network, config, dataset, stored)
    pictures = datasets.Split(dataset, evenly(dataset.names(split), most))
    if not len(pictures):
        raise datasets.DataError(f"{dataset.name} has no pictures in its split {split!r}")
    same = known and (fold, data_options) == (stored.fold, stored.options)
    note = seen.note(network, config, dataset, pictures.names, same) if stored.name else ""
    note = _seen(split, known, fold, stored) if note is None else note
    count, kept, everybody = len(pictures), [], world()
    mine = everybody.deal(range(count))
    wanted = set(evenly(pictures.names, examples))
    places = {name: place for place, name in enumerate(pictures.names)}

    def keep(picture, prediction):
        if picture.name in wanted:
            kept.append((picture, prediction))

    with datasets.Loader(pictures, mine, skip_bad=skip_bad) as loader:
        watched = progress(loader, total=len(mine)) if progress else loader
        if network.task == "boundaries":
            confusion, seconds = score_boundaries(network, watched)
        elif network.task == "regions":
            confusion, seconds = score_objects(network, watched, dataset, keep)
        elif dataset.kind == "pictures":
            asked = network
            if network.task == "pixels":  # learnt from such pictures, it can name them, too
                asked = SimpleNamespace(predict=network.picture_scores)
            confusion, seconds = rank(asked, watched, dataset.classes, keep)
        else:
            label = functools.partial(_label, labelling)
            apart, sets = dataset.not_averaged, dataset.sets
            confusion, seconds = score(network, watched, dataset.classes, keep, label, apart, sets)
    left_out = [message for _, message in loader.skipped]
    left_out += [f"{name} is void all over" for name in loader.void]
    confusion, seconds = everybody.pool(confusion), everybody.share(seconds)
    left_out = [message for some in everybody.gather(left_out) for message in some]
    kept = [pair for some in everybody.gather(kept) for pair in some]
    kept.sort(key=lambda pair: places[pair[0].name])
    return Evaluation(
        confusion,
        seconds,
        found.called,
        name,
        fold,
        split,
        count - len(left_out),
        np.asarray(dataset.colours),
        kept,
        left_out,
        note,
        name_of(labelling),
        config and config.recipe,
        config and config.seed,
        weights.stem if weights is not None and weights.parent == checkpoints.WEIGHTS else None,
        dict(getattr(network, "options", {})),
    )


def _label(labelling, network, image):
    return labelled(network, image, labelling)[0]


def _check_classes(network, config, dataset, stored):
    """Refuses to count with labels that mean something else to the network."""
    ours = config and config.classes
    if ours is None and network.classes == len(dataset.classes):
        return
    if ours is None or list(ours) != list(dataset.classes):
        knows = f"{network.classes} classes" if ours is None else _few(ours)
        hint = ""
        if datasets.is_joined(stored.name or "") or "mapping" in stored.options:
            mapping = stored.options.get("mapping", "common")
            hint = f"; with common classes they can: --set data.mapping={mapping}"
        raise datasets.DataError(
            f"the network was trained for other classes ({knows}) than {dataset.name} has "
            f"({_few(dataset.classes)}), so its answers cannot be scored there{hint}"
        )


def _few(names, most=12):
    """The names, or the first of many and how many there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, ... {len(names)} in all"


def _seen(split, known, fold, stored):
    """The note if the data set of the training is not there to be asked."""
    if known and split == "train":
        return "the network was trained on these very pictures"
    if known and fold != stored.fold:
        return (
            f"the network was trained with fold {stored.fold} as the test fold, "
            f"so it has seen pictures of the test fold {fold} in training"
        )
    return ""
