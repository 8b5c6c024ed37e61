"""Weights and configuration in one file (safetensors), written whole or not at all.

A checkpoint holds the parameters, what training needs to go on (under `velocity/`), and in its
header, as JSON, everything that describes the run: model, options, classes, data, seed, step.
Such a file cannot run code when it is opened.
"""

import json
from pathlib import Path

import numpy as np

from minicnn import models
from minicnn.devices import move
from minicnn.nearest import did_you_mean
from minicnn.writing import write_atomically

RESULTS = Path(__file__).parent / "results"
BEST, LAST = "best.safetensors", "last.safetensors"
COVER = "-cover"  # NAME-cover.safetensors belongs to the network NAME; see covers.py


class CheckpointError(ValueError):
    """A checkpoint that cannot be read or does not fit; the message names the file."""


def save(path, arrays, config):
    """Writes {name: numpy array} and the JSON-able `config` to `path`, atomically: an interrupted
    write leaves the old file as it was."""
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    write_atomically(path, to_bytes(contiguous, metadata={"minicnn": json.dumps(config)}))


def load(path):
    """({name: numpy array}, config) of a checkpoint. Raises CheckpointError that names the file."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get("minicnn")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable checkpoint ({error})") from None
    if header is None:
        raise CheckpointError(f"{path}: a safetensors file, but not one that minicnn wrote")
    return arrays, json.loads(header)


def find(name):
    """The file that a user means by a run folder, a .safetensors file or a shipped name."""
    path = Path(name)
    if path.is_dir():
        for candidate in (path / BEST, path / LAST):
            if candidate.is_file():
                return candidate
        if any(path.iterdir()):  # else it was just made, for results: `--model patch --out patch`
            raise CheckpointError(
                f"{path}: this folder holds no {BEST}; is it a run of minicnn train?"
            )
    if path.is_file():
        return path
    shipped = RESULTS / f"{name}.safetensors"
    if shipped.is_file():
        return shipped
    names = ", ".join(shipped_names()) or "none"
    raise CheckpointError(
        f"{name!r} is neither a run folder, a .safetensors file nor a shipped network "
        f"(shipped: {names}){did_you_mean(name, shipped_names())}"
    )


def shipped_names():
    """The networks that come with minicnn."""
    names = sorted(path.stem for path in RESULTS.glob("*.safetensors"))
    return [name for name in names if not name.endswith(COVER)]


def load_model(name, device="cpu"):
    """(network in prediction mode, config) from a run folder, a file or a shipped name."""
    path = find(name)
    arrays, config = load(path)
    weights = {k: v for k, v in arrays.items() if not k.startswith("velocity/")}
    try:
        network = build(config)
        network.load_state_dict({k: v.astype(np.float32) for k, v in weights.items()})
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from None
    return network.to(device).eval(), config


def take_over(arrays, config, network, source):
    """Gives `network` the weights of a trained one wherever the names and shapes of a module agree,
    connection tables too. Filters that see more maps than before, behind the old ones, begin with
    zeros for those, if all else agrees (more scales; normalise=both).

    arrays, config   of the trained network: {name: array}, and what it was trained for
    source           its name, for people

    Returns {"from": source, "taken": [parameters], "new": [the others]}."""
    for module_path, module in network.named_modules():
        table = np.array(config.get("tables", {}).get(module_path, []))
        if hasattr(module, "table") and module.table.shape == table.shape:
            module.table = table
    parameters = dict(network.named_parameters())
    wide = {p: widened(a, parameters[p].shape) for p, a in arrays.items() if p in parameters}
    if all(p in wide and wide[p].shape == parameter.shape for p, parameter in parameters.items()):
        arrays = wide
    misfits = {
        path.rpartition(".")[0]
        for path, p in parameters.items()
        if path not in arrays or arrays[path].shape != p.shape
    }
    taken, new = [], []
    for path, p in parameters.items():
        if path.rpartition(".")[0] in misfits:  # no old bias beside a new weight
            new.append(path)
        else:
            p.data[...] = move(arrays[path], p.device)
            taken.append(path)
    if not taken:
        raise CheckpointError(f"{source}: no weight in it fits this network; start from another")
    return {"from": str(source), "taken": taken, "new": new}


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
    labelling=cover is not part of it; `minicnn train cover --start FILE` makes one beside it.

    Raises CheckpointError if `model` is nothing of these, cannot be read or has weights that
    float16 cannot hold, OSError if `path` cannot be written.
    """
    arrays, config = _weights_of(model)
    weights = {k: _halved(k, v) for k, v in arrays.items() if not k.startswith("velocity/")}
    save(path, weights, config)


def _weights_of(model):
    """({name: array}, config) of a Run, or of what `find` finds."""
    if not hasattr(model, "network"):
        return load(find(model))
    if not model.config:
        raise CheckpointError("export: this network has no config; give the Run that trained it")
    best = model.config.get("best")
    step = best["step"] if best else getattr(model, "step", model.config.get("step"))
    return model.network.state_dict(), model.config | {"step": step}


def _halved(name, array):
    """As float16; CheckpointError for what has no place in it, and would become infinite."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise CheckpointError(
            f"export: {name} holds numbers that are not finite or above 65504, the largest of "
            "float16, so that this network would name nothing"
        )
    return half


def build(config):
    """The untrained network that a config describes."""
    cls, _ = models.find(config["model"])
    network = cls(len(config["classes"]), **config["options"])
    tables = config.get("tables", {})
    for path, module in network.named_modules():
        if path in tables:  # drawn at random once, and stored with the run
            module.table = np.array(tables[path])
    return network


def tables_of(network):
    """{module path: connection table} of a network, for its config."""
    return {
        path: module.table.tolist()
        for path, module in network.named_modules()
        if hasattr(module, "table")
    }
