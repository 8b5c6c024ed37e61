"""Which task a network learns by, and which data sets go with it."""

from minicnn.learning.bags import Bags
from minicnn.learning.boundaries import Boundaries
from minicnn.learning.errors import TrainingError
from minicnn.learning.hand_made import HandMade
from minicnn.learning.pictures import Pictures
from minicnn.learning.pixels import Pixels
from minicnn.learning.regions import Regions
from minicnn.learning.unrolled import Unrolled
from minicnn.learning.world import world

TASKS = {"pixels": Pixels, "pictures": Pictures, "unrolled": Unrolled, "hand-made": HandMade}
TASKS |= {"boundaries": Boundaries, "regions": Regions, "bags": Bags}
KINDS = {
    "pixels": "pictures with a label for every pixel",
    "pictures": "pictures of a class each",
    "boundaries": "pictures with boundaries that people drew",
}


def task_for(network, config, dataset):
    """What this network learns from this data set. Raises TrainingError if they do not go together,
    or if there are several processes and they cannot share it."""
    task = check_kind(network, config.model, dataset)
    if world().size > 1 and not task.shared:
        raise TrainingError(
            f"{config.model} does most of its learning before the first step, in one process: "
            "start it without mpiexec"
        )
    if dataset.sets and task is not Pixels:
        raise TrainingError(
            f"{config.model} learns one class for a pixel, and {dataset.name} has pixels of one of "
            "several classes; map each class to one, or take another network, such as multi-scale"
        )
    return task(network, config, dataset)


def check_settings(task, model, settings):
    """Raises TrainingError if one of `settings` says what this class of tasks would not hear."""
    for name, sentence in task.unused.items():
        silent = 1 if name == "batch" else 0
        if settings.get(name, silent) != silent:
            raise TrainingError(f"{sentence.format(name=name, model=model)}: leave it away")


def check_kind(network, name, dataset):
    """The class of tasks by which a network called `name` learns. Raises TrainingError if it does
    not go with this data set."""
    task = TASKS[network.learnt_by or network.task]
    kind = task.kind
    if dataset.kind not in (kind, *task.also):
        raise TrainingError(
            f"{name} learns from {KINDS[kind]}, and {dataset.name} has {KINDS[dataset.kind]}"
        )
    return task
