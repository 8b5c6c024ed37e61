"""Which task a network learns by, and which data sets go with it."""

from minicnn.learning.bags import Bags
from minicnn.learning.boundaries import Boundaries
from minicnn.learning.errors import TrainingError
from minicnn.learning.hand_made import HandMade
from minicnn.learning.pictures import Pictures
from minicnn.learning.pixels import Pixels
from minicnn.learning.unrolled import Unrolled

TASKS = {"pixels": Pixels, "pictures": Pictures, "unrolled": Unrolled, "hand-made": HandMade}
TASKS |= {"boundaries": Boundaries, "bags": Bags}
KINDS = {
    "pixels": "pictures with a label for every pixel",
    "pictures": "pictures of a class each",
    "boundaries": "pictures with boundaries that people drew",
}


def task_for(network, config, dataset):
    """What this network learns from this data set."""
    check_kind(network, config.model, dataset)
    return TASKS[network.learnt_by or network.task](network, config, dataset)


def check_kind(network, name, dataset):
    """Raises TrainingError if a network called `name` does not go with this data set."""
    task = TASKS[network.learnt_by or network.task]
    kind = task.kind
    if dataset.kind not in (kind, *task.also):
        raise TrainingError(
            f"{name} learns from {KINDS[kind]}, and {dataset.name} has {KINDS[dataset.kind]}"
        )
