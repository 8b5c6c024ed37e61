"""The trained network that a user means, by whatever name."""

from pathlib import Path
from typing import NamedTuple

from minicnn.learning import checkpoints
from minicnn.learning.config import Config
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
    Run, or a network itself."""
    if isinstance(model, Trained):
        return model
    if isinstance(model, Module):
        return Trained(model)
    if hasattr(model, "network") and hasattr(model, "config"):  # a Run
        weights = model.folder / checkpoints.BEST if model.folder else None
        return Trained(model.network, model.config, weights)
    file = checkpoints.find(model)
    return Trained(*checkpoints.load_model(file, device), file)
