"""Checkpoints: the weights of a network, and everything that describes its run.

A file holds the parameters, what training needs to go on (under `velocity/`), and as JSON the
config (config.py). `restore` looks at all of it: the network that the config describes is built
without memory for its weights, the shapes in the file have to be its shapes, and only then are
arrays made (weight_files.py).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from minicnn import models
from minicnn.basics import typed
from minicnn.basics.nearest import did_you_mean
from minicnn.engine.devices import move
from minicnn.learning.config import CheckpointError, Config, Start
from minicnn.learning.weight_files import check_finite, halved, load, opened, save
from minicnn.nn import init

__all__ = ["BEST", "LAST", "CheckpointError", "load", "save"]

WEIGHTS = Path(__file__).parents[1] / "weights"
TERMS = "their weights are for research and education, see minicnn/weights/LICENCE.md"
BEST, LAST = "best.safetensors", "last.safetensors"
PLAN = "greedy.json"  # of a training block by block, whose runs lie in the folder; see greedy.py
COVER = "-cover"  # NAME-cover.safetensors belongs to the network NAME; see covers.py
PROPOSALS = "-proposals"  # and so belong the lists and the forest of proposals; proposal_files.py
VELOCITY = "velocity/"


def restore(path):
    """(network, velocities, config) of a checkpoint that was looked at from end to end: the network
    on the CPU with the weights of the file, {parameter: array} of what training needs to go on, and
    its Config. Raises CheckpointError that names the file."""
    with opened(path) as (file, shapes, header):
        config = Config.from_json(header, path)
        try:
            with init.shapes_only():
                network = build(config)
        except ValueError as error:  # options that do not go together, tables
            raise CheckpointError(f"{path}: {error}") from None
        weights = {name: s for name, s in shapes.items() if not name.startswith(VELOCITY)}
        fill(network, path, file, weights)
        velocities = {name: file.get_tensor(name) for name in shapes if name not in weights}
    check_finite(path, velocities)
    return network, {name.removeprefix(VELOCITY): a for name, a in velocities.items()}, config


def fill(network, path, file, shapes):
    """Gives a network, built in `init.shapes_only()`, the weights of an open file."""
    try:
        network.check_shapes(shapes)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    with np.errstate(over="ignore"):  # of numbers of 64 bits; what became infinite is found below
        arrays = {name: file.get_tensor(name).astype(np.float32) for name in shapes}
    check_finite(path, arrays)
    network.load_state_dict(arrays)


def check_velocities(path, velocities, learning):
    """CheckpointError if {name: array} of a file are not of the shapes of the parameters in
    `learning`, {name: Parameter}."""
    for name in sorted(set(learning) ^ set(velocities)):
        what = "is missing" if name in learning else "belongs to nothing that is learnt"
        raise CheckpointError(
            f"{path}: {typed.named(VELOCITY + name)} {what}, so no training can go on from it"
        )
    for name, p in learning.items():
        if velocities[name].shape != p.shape:
            raise CheckpointError(
                f"{path}: {VELOCITY}{name} is {velocities[name].shape} in the file, and its "
                f"parameter {p.shape}"
            )


def find(name):
    """The file that a user means by a run folder, a .safetensors file or a shipped name."""
    path = Path(name)
    if path.is_dir():
        for candidate in (path / BEST, path / LAST):
            if candidate.is_file():
                return candidate
        if of_iterations := sorted(path.glob(f"iteration-*/{BEST}")):  # each holds those before it
            return of_iterations[-1]
        if (path / PLAN).is_file():
            raise CheckpointError(f"{path}: a training block by block; which? {path}/block-1, ...")
        if any(path.iterdir()):  # else it was just made, for results: `--model patch --out patch`
            raise CheckpointError(
                f"{path}: this folder holds no {BEST}; is it a run of minicnn train?"
            )
    if path.suffix == ".onnx":
        how = f"make a checkpoint of it first: minicnn export {path} {path.stem}.safetensors"
        raise CheckpointError(f"{path}: this would be an ONNX file; {how}")
    if path.is_file():
        return path
    shipped = WEIGHTS / f"{name}.safetensors"
    if shipped.is_file():
        return shipped
    names = ", ".join(shipped_names()) or "none"
    raise CheckpointError(
        f"{name!r} is neither a run folder, a .safetensors file nor a shipped network "
        f"(shipped: {names}){did_you_mean(name, shipped_names())}"
    )


def beside(weights, ending):
    """The path of what belongs to the network in the file `weights`; `ending`: COVER, PROPOSALS."""
    if weights.name in (BEST, LAST):
        return weights.with_name(f"{ending.removeprefix('-')}.safetensors")
    return weights.with_name(f"{weights.stem}{ending}.safetensors")


def shipped_names():
    """The networks that come with minicnn."""
    names = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))
    return [name for name in names if not name.endswith((COVER, PROPOSALS))]


def load_model(name, device="cpu"):
    """(network in prediction mode, config) from a run folder, a file or a shipped name."""
    network, _, config = restore(find(name))
    return network.to(device).eval(), config


def initialise_from(arrays, tables, network, source):
    """Gives `network` the weights of a trained one wherever the names and shapes of a module agree,
    connection tables too. Filters that see more maps than before, behind the old ones, begin with
    zeros for those, if all else agrees (more scales; normalise=both).

    arrays, tables   of the trained network: {name: array}, {module: connection table}
    source           its name, for people

    Returns a Start that says which parameters came from there and which are new. Of buffers, such
    as a mean, only those that came are told: others are not begun at random, but measured."""
    for module_path, module in network.named_modules():
        table = np.array(tables.get(module_path, []))
        if hasattr(module, "table") and module.table.shape == table.shape:
            module.table = table
    parameters = network.state()
    wide = {p: widened(a, parameters[p].shape) for p, a in arrays.items() if p in parameters}
    if all(p in wide and wide[p].shape == parameter.shape for p, parameter in parameters.items()):
        arrays = wide
    misfits = {
        path.rpartition(".")[0]
        for path, p in parameters.items()
        if path not in arrays or arrays[path].shape != p.shape
    }
    taken, new = [], []
    learnt = dict(network.named_parameters())
    for path, p in parameters.items():
        if path.rpartition(".")[0] in misfits:  # no old bias beside a new weight
            new += [path] * (path in learnt)
        else:
            p.data[...] = move(arrays[path], p.device)
            taken.append(path)
    if not taken:
        raise CheckpointError(f"{source}: no weight in it fits this network; start from another")
    return Start(str(source), taken, new)


def widened(array, shape):
    """Filters (F, C, K, L) with zeros for the input maps that are missing to `shape`; an array
    that differs from it otherwise is returned as it is."""
    axes = (0, *range(2, array.ndim))
    if array.ndim != 4 or len(shape) != 4 or any(array.shape[k] != shape[k] for k in axes):
        return array
    return np.pad(array, ((0, 0), (0, max(0, shape[1] - array.shape[1])), (0, 0), (0, 0)))


def export(model, path):
    """Writes a trained network to one file to be passed on: what `--model` takes, and `load_model`.

        checkpoints.export("runs/first", "first.safetensors")

    model  a Run, a run folder (its best weights), a .safetensors file or the name of a shipped
           network
    path   the file to write, in a folder that exists; a file of this name is replaced

    The arrays keep their names and shapes, a filter for instance (F, C, K, L). They are rounded to
    float16 (three digits, numbers up to 65504; a network computes in float32 again), which halves
    the file, and without the velocities a training cannot be resumed from it. The config goes
    along: options, classes, recipe, and the name or path of the data set. A classifier for
    labelling=cover is not part of it; `minicnn train cover --start FILE` makes one beside it. What
    only training needs, as the classifiers of feedback that have not seen a fold, is left out.

    Raises CheckpointError if `model` is nothing of these, cannot be read or has weights that
    float16 cannot hold, OSError if `path` cannot be written.
    """
    arrays, config, source = passed_on(model)
    save(path, halved(arrays, source), config.to_json())


def passed_on(model):
    """({name: array}, config, name for people) of a Run, or of what `find` finds, without what only
    training needs."""
    arrays, config, source = _weights_of(model)
    spare = dict.fromkeys(models.find(config.model)[0].SPARE, 0)
    if spare:
        config = replace(config, options=config.options | spare)
        with init.shapes_only():
            shapes = {name: p.shape for name, p in build(config).named_parameters()}
        arrays = {name: arrays[name][tuple(map(slice, shape))] for name, shape in shapes.items()}
    return arrays, config, source


def _weights_of(model):
    """({name: array}, config, name for people) of a Run, or of what `find` finds."""
    if not hasattr(model, "network"):
        file = find(model)
        network, _, config = restore(file)
        return network.state_dict(), config, file
    if not model.config:
        raise CheckpointError("export: this network has no config; give the Run that trained it")
    best = model.config.best
    config = replace(model.config, step=best.step if best else model.config.step)
    return model.network.state_dict(), config, "export"


def build(config):
    """The untrained network that a config describes. Raises ValueError for options that do not go
    together, and for tables of another network."""
    cls, _ = models.find(config.model)
    network = cls(len(config.classes), **config.options)
    modules = {path: m for path, m in network.named_modules() if hasattr(m, "table")}
    for path, table in config.tables.items():  # drawn at random once, stored with it
        table = np.array(table, np.int64).reshape(-1, 2)
        if path not in modules or modules[path].table.shape != table.shape:
            raise ValueError(f"the connection table of {path} does not fit the network")
        if (table < 0).any() or (table > modules[path].table.max(axis=0)).any():
            raise ValueError(f"the connection table of {path} names maps that do not exist")
        modules[path].table = table
    return network


def tables_of(network):
    """{module path: connection table} of a network, for its config."""
    return {
        path: module.table.tolist()
        for path, module in network.named_modules()
        if hasattr(module, "table")
    }
