"""Beginning with the weights of a trained network: what its classes are here, what is said of the
layers that it cannot give, and how fast these learn.

Layers that have learnt a million pictures are nearly right; one that begins at random is not. So
the latter may have a larger learning rate, lr times head_lr.
"""

from dataclasses import replace

import numpy as np

from minicnn.learning import checkpoints
from minicnn.learning.errors import TrainingError
from minicnn.nn import init


def of_classes(arrays, network, before, config):
    """{name: array} of a trained network, of the Config `before` or None, as `network`, which is to
    know config.classes, may begin with them. If these are the same in another order, all that is of
    a class changes its place; if they are as many others, it is left out, and where maps of the
    classes are read, the filters of these are zeros."""
    old, new = before.classes if before else None, config.classes
    count = len(new)
    if old in (None, new, [f"class {k}" for k in range(count)]) or len(old) != count:
        return arrays  # of another number, the shapes tell
    with init.shapes_only():  # what a class more makes longer is of the classes
        larger = checkpoints.build(replace(config, classes=[*new, ""])).state()
    order, found = [old.index(name) for name in new if name in old], dict(arrays)
    for name, p in network.state().items():
        pairs = enumerate(zip(p.shape, larger[name].shape, strict=True))
        for axis in (k for k, (few, more) in pairs if few != more):
            if name not in found or found[name].ndim != p.ndim or found[name].shape[axis] < count:
                continue
            if len(order) == count:
                rest = range(count, found[name].shape[axis])  # that of nothing; the picture's maps
                found[name] = np.take(found[name], [*order, *rest], axis)
            elif axis == 0:
                del found[name]
            else:
                found[name] = found[name].copy()
                found[name][(slice(None),) * axis + (slice(count),)] = 0
    return found


def sentence(start, before, config, shapes):
    """What is said at the beginning of a training: which layers begin at random, and why.

    start   what `initialise_from` gives; `before` is the Config of the network that it is about,
            None if that was trained elsewhere
    shapes  {name: shape} of that network
    """
    layers = dict.fromkeys(path.rpartition(".")[0] or path for path in start.new)
    names, here = ", ".join(layers), config.classes
    there = here if before is None else before.classes
    begin = f"{names} begin{'s' * (len(layers) == 1)} at random"
    others = [name for name in there if name not in here]
    if len(layers) == 1 and all(path in shapes for path in start.new):
        if len(there) != len(here):
            return f"{begin}: {start.from_} names {len(there)} classes, and these are {len(here)}"
        if others:
            return f"{begin}: {start.from_} names other classes than these, {others[0]} for one"
    classes = ", or for other classes" * bool(others)
    return f"{begin}: {start.from_} has no such weights, or of another shape{classes}"


def check(config):
    """Raises TrainingError for settings that would act on nothing, or on the wrong thing."""
    start, factor = config.start, config.training.head_lr
    new = set(start.new) if start else set()
    for name in config.frozen():
        if random := sorted(path for path in new if path == name or path.startswith(f"{name}.")):
            raise TrainingError(
                f"freeze={name}: {random[0]} does not come from {start.from_}, so it would keep "
                "the random weights that it begins with; leave it out of freeze"
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
