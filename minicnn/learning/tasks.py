"""Which task a network learns by, and which data sets go with it."""

from minicnn.learning.errors import TrainingError
from minicnn.learning.pictures import Pictures
from minicnn.learning.pixels import Pixels

TASKS = {"pixels": Pixels, "pictures": Pictures}
KINDS = {"pixels": "pictures with a label for every pixel", "pictures": "pictures of a class each"}


def task_for(network, config, dataset):
    """What this network learns from this data set. Raises TrainingError if they do not go
    together."""
    cls = TASKS[network.task]
    if dataset.kind != cls.kind:
        raise TrainingError(
            f"{config.model} learns from {KINDS[cls.kind]}, and {dataset.name} has "
            f"{KINDS[dataset.kind]}"
        )
    return cls(network, config, dataset)
