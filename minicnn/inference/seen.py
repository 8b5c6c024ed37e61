"""Which of the pictures that a network is scored on has it seen in training?"""

from minicnn import datasets
from minicnn.datasets.registry import FINGERPRINTS, data_home


def note(network, config, dataset, names, same=False):
    """A sentence on the pictures `names` of `dataset` from which the network has learnt, or by
    which its weights were chosen; "" if there are none; None if the data set of the training is not
    there to be asked. Only names are compared, no picture is read for it.

    config  of the training
    same    whether `dataset` is that of the training
    """
    source, before = config.data, dataset
    joined = datasets.is_joined(source.name) and not (data_home() / FINGERPRINTS).is_file()
    if joined and not same:  # all photographs would be read, to find those that the sets share
        return None
    try:
        if not same:
            before = datasets.load(source.name, fold=source.fold, **source.options)
        train, val = ([_whose(before, n) for n in before.names(s)] for s in ("train", "val"))
    except (ValueError, TypeError, OSError):  # it has moved, or is of an older minicnn
        return None
    if config.overfit_one:
        train, val = train[:1], []
    if network.task == "regions":  # chosen by a part of `train`
        val = []
    these, of = {_whose(dataset, n) for n in names}, f"of these {len(names)} pictures"
    learnt, chosen = len(these & {*train}), len(these & {*val})
    by = "the weights that did best were chosen"
    if learnt == len(names):
        return "the network was trained on these very pictures"
    if chosen == len(names):
        return f"by these very pictures {by}"
    said = [f"{learnt} {of} {'was' if learnt == 1 else 'were'} learnt from"] if learnt else []
    said += [f"by {chosen} {'of them' if said else of} {by}"] if chosen else []
    return ", and ".join(said)


def _whose(dataset, name):
    """What a picture is called, whatever the data set is part of: its place, seed and name."""
    if parts := getattr(dataset, "parts", None):
        part, _, own = name.partition("/")
        return _whose(parts[part], own)
    place = getattr(dataset, "root", dataset.name)
    return str(place), getattr(dataset, "seed", None), name
