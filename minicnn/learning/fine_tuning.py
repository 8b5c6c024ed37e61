"""Beginning with the weights of a trained network: what is said of the layers that it cannot give,
and how fast these learn.

Layers that have learnt a million pictures are nearly right; one that begins at random is not. So
the latter may have a larger learning rate, lr times head_lr.
"""

from minicnn.learning.errors import TrainingError


def sentence(start, before, config, shapes):
    """What is said at the beginning of a training: which layers begin at random, and why.

    start   what `initialise_from` gives; `before` is the Config of the network that it is about,
            None if that was trained elsewhere
    shapes  {name: shape} of that network
    """
    layers = dict.fromkeys(path.rpartition(".")[0] or path for path in start.new)
    names, here = ", ".join(layers), len(config.classes)
    there = here if before is None else len(before.classes)
    begin = f"{names} begin{'s' * (len(layers) == 1)} at random"
    if there != here and len(layers) == 1 and all(path in shapes for path in start.new):
        return f"{begin}: {start.from_} names {there} classes, and these are {here}"
    return f"{begin}: {start.from_} has no such weights, or of another shape"


def check(config):
    """Raises TrainingError for settings that would act on nothing, or on the wrong thing."""
    start, factor = config.start, config.training.head_lr
    new = set(start.new) if start else set()
    for name in config.frozen():
        if random := sorted(path for path in new if path == name or path.startswith(f"{name}.")):
            raise TrainingError(
                f"freeze={name}: {random[0]} is not in {start.from_}, so it would keep the random "
                "weights that it begins with; leave it out of freeze"
            )
    if factor == 1 or new:
        return
    if start is None:
        why = "without --start all layers begin at random: set lr instead"
    else:
        why = f"all weights come from {start.from_}, so none begin at random; leave it away"
    raise TrainingError(f"head_lr={factor:g}: {why}")


def groups(config, learning):
    """The groups of `optim.SGD`, those that come from the start first: [{path: Parameter}, ...] of
    {path: Parameter}, and the learning rate of each."""
    factor, new = config.training.head_lr, set(config.start.new) if config.start else set()
    if factor == 1:
        return [(learning, config.training.lr)]
    first, second = {}, {}
    for path, p in learning.items():
        (second if path in new else first)[path] = p
    both = ((first, config.training.lr), (second, factor * config.training.lr))
    return [(group, rate) for group, rate in both if group]
