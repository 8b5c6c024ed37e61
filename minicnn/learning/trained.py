"""The trained network that a user means, by whatever name."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from minicnn.learning import checkpoints
from minicnn.learning.config import Config
from minicnn.models.ensemble import Ensemble
from minicnn.models.everywhere import Everywhere
from minicnn.nn import Module


class Trained(NamedTuple):
    """A network ready to predict.

    config   what it was trained with; None if it does not know
    weights  the file that they came from, or None
    """

    network: Module
    config: Config | None = None
    weights: Path | None = None

    @property
    def called(self):
        """The name of its model, for people."""
        return self.config.model if self.config else type(self.network).__name__


def needs_pixels(model):
    """Raises ValueError if a Trained names whole pictures, or finds edges, where labels of pixels
    are asked for."""
    _no_edges(model)
    if model.network.task == "regions":
        raise ValueError(
            f"{model.called} finds objects one by one; there are no scores of pixels of which "
            "labelling=... could make labels, so leave it away"
        )
    if model.network.task != "pixels":
        raise ValueError(
            f"{model.called} says what a whole picture shows, not what its pixels are; take a "
            "network for pixels, for instance multi-scale"
        )


def for_pixels(model):
    """The Trained itself, or, of a network that names whole pictures, one that is asked for the
    pixels; see models/everywhere.py. Raises ValueError for one that cannot be asked so."""
    _no_edges(model)
    if model.network.task in ("pixels", "regions"):
        return model
    return model._replace(network=Everywhere(model.network, model.called))


def _no_edges(model):
    if model.network.task == "boundaries":
        raise ValueError(
            f"{model.called} finds where things end, not what they are; take a network for pixels, "
            "for instance multi-scale, with --set labelling=proposals to see edges and regions"
        )


def trained(model, device="cpu"):
    """The Trained of a run folder, a .safetensors file, the name of a shipped network, a finished
    Run, or a network itself; of several of those names, joined by +, the mean of what they say."""
    if isinstance(model, Trained):
        return model
    if isinstance(model, Module):
        return Trained(model)
    if hasattr(model, "network") and hasattr(model, "config"):  # a Run
        weights = model.folder / checkpoints.BEST if model.folder else None
        return Trained(model.network, model.config, weights)
    if "+" in str(model) and not Path(model).exists():
        return _together(str(model).split("+"), device)
    file = checkpoints.find(model)
    return Trained(*checkpoints.load_model(file, device), file)


def _together(names, device):
    """The Trained of several. Raises CheckpointError if they do not know the same classes, or if
    one may have learnt from what another is tested on."""
    parts, name = [trained(one, device) for one in names], "+".join(names)
    first = parts[0].config
    for other, part in zip(names, parts, strict=True):
        if list(part.config.classes) != list(first.classes):
            raise checkpoints.CheckpointError(
                f"{name}: {other} knows other classes than {names[0]}, so there is no mean"
            )
        mine, theirs = part.config.data, first.data
        if (mine.name, mine.fold, mine.options) != (theirs.name, theirs.fold, theirs.options):
            raise checkpoints.CheckpointError(
                f"{name}: {other} learnt from other pictures than {names[0]}, and may have seen "
                "those that it is tested on"
            )
    network = Ensemble([part.network for part in parts], names)
    shipped = all(part.weights.parent == checkpoints.WEIGHTS for part in parts)
    # no file has this name, but tables know shipped networks by it
    weights = checkpoints.WEIGHTS / name if shipped else None
    return Trained(network, replace(first, model=name, options={}, best=None), weights)
