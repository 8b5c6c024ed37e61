"""The lists' lengths and the forest of object proposals, in a file beside the weights of the
network that finds their edges.

    RUN/best.safetensors      RUN/proposals.safetensors        of a run
    NAME.safetensors          NAME-proposals.safetensors       of a file, or a shipped network

What it learnt, it learnt of the edges of one network with one set of weights; the file holds a
checksum of them. `minicnn train proposals --start RUN` makes it, see proposal_training.py.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.basics import typed
from minicnn.basics.typed import number
from minicnn.labelling.methods import GroupingError
from minicnn.labelling.proposals.proposer import Proposer
from minicnn.learning import checkpoints
from minicnn.learning.config import SEEDS
from minicnn.learning.old_formats import FORMAT, CheckpointError, from_header
from minicnn.learning.trained import trained
from minicnn.learning.weight_files import check_finite, checksum, opened, save

EDGES = "edges"  # the shipped network


@dataclass
class ProposalConfig:
    """How a Proposer was fitted: on which data, on how many pictures and candidates, with J_i."""

    model: str
    network: int
    data: str
    pictures: int = number(least=1)
    candidates: int = number(least=1)
    samples: int = number(least=1)
    seed: int = number(0, 0, SEEDS)


def proposal_file(weights):
    """The path of what belongs to the network in the file `weights`."""
    return checkpoints.beside(weights, checkpoints.PROPOSALS)


def save_proposer(proposer, network, path):
    """Writes a Proposer, and what it knows `about` its fitting."""
    about = proposer.about | {"model": "proposals", "network": checksum(network), "format": FORMAT}
    save(path, proposer.arrays(), about)


def load_proposer(model=EDGES, device="cpu"):
    """The Proposer of a network of edges: a run folder, a .safetensors file, a shipped name, a Run.
    Raises GroupingError if none was fitted, or it belongs to other weights; CheckpointError if it
    cannot be read."""
    found = trained(model, device)
    network, _, weights = found
    needs_edges(found)
    path = proposal_file(weights) if weights else None
    if path is None or not path.is_file():
        where = "a network in memory" if path is None else f"{path}: no such file"
        raise GroupingError(
            f"proposals need what is learnt beside the network of edges ({where}): "
            f"minicnn train proposals --start {weights or 'RUN'} --data voc2012-animals"
        )
    with opened(path) as (file, shapes, header):
        if not isinstance(header, dict) or header.get("model") != "proposals":
            raise CheckpointError(f"{path}: holds no lists and forest of proposals")
        config = from_header(ProposalConfig, header, path)
        if config.network != checksum(network):
            raise GroupingError(
                f"{path}: the network of edges has been trained further since; fit it again: "
                f"minicnn train proposals --start {weights} --data {config.data}"
            )
        arrays = {name: np.asarray(file.get_tensor(name)) for name in shapes}
    check_finite(path, arrays)
    try:
        proposer = Proposer.of_arrays(network.predict, arrays)
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from None
    proposer.about = typed.write(config)
    return proposer


def needs_edges(model):
    """Raises ValueError if a Trained does not find edges."""
    if model.network.task != "boundaries":
        raise ValueError(
            f"proposals come from a network that finds edges, and {model.called} does not"
        )
