"""Starting a training from settings, and going on with one that was stopped.

    run = minicnn.train("multi-scale", "stanford-background", fold=1, epochs=8, out="runs/first")
    run = minicnn.resume("runs/first")

All randomness is a function of (seed, epoch, position) and the schedule a function of the step, so
a resumed run ends with the very bits of an uninterrupted one. The loop itself is in `run.py`.
"""

import contextlib
from pathlib import Path

import numpy as np

from minicnn import checkpoints, datasets, models, randomness
from minicnn.checkpoints import LAST
from minicnn.devices import get_num_threads
from minicnn.feeding import class_shares
from minicnn.models.segmentation import merge_options
from minicnn.nearest import did_you_mean
from minicnn.notebooks import say
from minicnn.run import Run, TrainingError
from minicnn.tensor import Tensor
from minicnn.writing import alone, check_free

# What a recipe may say of the training; everything else in it is an option of the network.
TRAINING_DEFAULTS = {
    "lr": 0.005,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "schedule": "polynomial",  # polynomial, cosine, steps or constant
    "warm_up": 100,  # steps
    "clip": 0.0,  # the longest gradient; longer ones are shortened to it. 0: none is
    "flip": True,  # mirror half of the pictures
    "rotate": 0.0,  # turn pictures by up to so many degrees
    "rescale": 0.0,  # enlarge and shrink them: 0.1 by factors between 1/1.1 and 1.1
    "patches": 0,  # pixels of a picture that count in a step, drawn at random; 0: all of them
    "balance": 0.0,  # 0: every pixel counts alike; 1: every class; in between: share^-balance
    "freeze": "",  # modules that keep their weights, for example stages
    "validations": 12,  # times that `val` is looked at
    "checkpoint_seconds": 60.0,
    "checkpoint_steps": 0,  # if above 0, instead of the seconds
}
TRAINING_RANGES = {
    "lr": (0, 1e30),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1e3),
    "warm_up": (0, 1e9),
    "clip": (0, 1e30),
    "rotate": (0, 180),
    "rescale": (0, 3),
    "patches": (0, 1e9),
    "balance": (0, 2),
    "validations": (1, 1e6),
    "checkpoint_seconds": (0, 1e9),
    "checkpoint_steps": (0, 1e9),
}


def train(
    model="multi-scale",
    data="scenes",
    *,
    out=None,
    epochs=None,
    minutes=None,
    steps=None,
    recipe="ours",
    fold=None,
    seed=0,
    device="cpu",
    start=None,
    settings=None,
    data_options=None,
    overfit_one=False,
    skip_bad=False,
    quiet=False,
):
    """Trains a network and returns the finished Run.

    model     'patch', 'single-scale', 'multi-scale' or 'recurrent'
    data      'scenes', the name of an installed data set, or the path of a folder data set
    out       folder for checkpoints, log and curves; None keeps everything in memory
    epochs, steps, minutes   how long: one of them (5 epochs if none). `minutes` is turned into a
              number of steps before the first one, by timing a few
    recipe    'ours' or 'faithful'; `settings` overrides any of its values or the network's options,
              {"lr": 0.01, "normalise": "both"}; defaults: `minicnn train --help`
    fold      test fold of a data set that has folds
    start     a trained network (Run, run folder, file or shipped name) whose weights to begin with,
              where name and shape agree; what it lacks begins at random. Pictures are prepared as
              they were for it, unless `settings` say otherwise
    overfit_one  trains on the first picture alone: a network that cannot learn that has a bug
    skip_bad  leaves out pictures that cannot be read instead of stopping

    Settings of a training: lr, momentum, weight_decay, schedule, warm_up, clip (the gradient);
    flip, rotate, rescale (the pictures); patches, balance (the pixels); freeze (modules);
    validations, checkpoint_seconds, checkpoint_steps. Those of a network:

        multi-scale, single-scale  scales, width, hidden, tables, nonlinearity, last_linear,
                                   dropout, pyramid, normalise, window, floor
        patch                      blocks, width, nonlinearity, normalise, every
        recurrent                  net, instances, output, fine, feedback, objective, pairs_until,
                                   normalise, nonlinearity, width

    Raises TrainingError, DataError or ValueError with one sentence for what cannot work.
    """
    dataset = datasets.load(data, fold=fold, **(data_options or {}))
    begun = None if start is None else _trained(start)
    config = _configure(model, recipe, settings or {}, dataset, seed, begun)
    name = datasets.lasting_name(data)
    config["data"] = {"name": name, "fold": fold, "options": data_options or {}}
    config["overfit_one"], config["skip_bad"] = overfit_one, skip_bad
    config["threads"] = get_num_threads()
    if out is not None:
        out = Path(out)
        check_free(out, "choose another, or `resume` it")
    randomness.manual_seed(seed)
    network = checkpoints.build(config)
    if begun:
        arrays, about, source = begun
        taken = checkpoints.take_over(arrays, about, network, source)
        config["start"] = taken
        if not quiet and taken["new"]:
            print(f"not in {source}, begun at random: {', '.join(taken['new'])}")
    network.to(device)
    config["tables"] = checkpoints.tables_of(network)
    if not skip_bad:
        for split in ("train", "val"):
            dataset.check_labels(split)
    config["long_side"] = _long_side(dataset.split("train"))
    if config["training"]["balance"]:
        config["class_shares"] = class_shares(dataset.split("train"), len(dataset.classes))
    run = Run(config, network, dataset, out, quiet)
    config["total_steps"] = run.plan(epochs, steps, minutes)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with alone(out):
        run.start_optimizer()
        run.save()
        return run.fit(minutes)


def train_greedily(model="patch", data="scenes", *, out=None, settings=None, **options):
    """Trains a network block by block, as Grangier, Bottou and Collobert did: the first with a
    classifier of its own, then the first two with a new one, where the first keeps its weights, and
    so on. Each block gets the length that `options` say; they are those of `train`.

    Returns the Runs, one for each block, in folders out/block-1, out/block-2, ...; the last holds
    the whole network. Raises what `train` raises, and ValueError for a model without blocks.
    """
    cls, _ = models.find(model)
    if "blocks" not in cls.DEFAULTS:
        raise ValueError(f"{model} has no blocks to train one by one; patch has")
    if out is not None:
        check_free(out, "choose another")
    settings, runs = settings or {}, []
    for count in range(1, int(settings.get("blocks", cls.DEFAULTS["blocks"])) + 1):
        frozen = ",".join(f"blocks.{k}" for k in range(count - 1))
        runs.append(
            train(
                model,
                data,
                out=out and Path(out) / f"block-{count}",
                start=runs[-1] if runs else None,
                settings=settings | {"blocks": count, "freeze": frozen},
                **options,
            )
        )
    return runs


def resume(folder, device="cpu", skip_bad=False, quiet=False):
    """Goes on with a run that was stopped; its last bits are those of an uninterrupted run.
    `skip_bad` from here on leaves out pictures that cannot be read."""
    folder = Path(folder)
    if not (folder / LAST).is_file():
        raise TrainingError(f"{folder}: no {LAST} here, so there is nothing to resume")
    with alone(folder):
        return _resumed(folder, device, skip_bad, quiet).fit()


def _resumed(folder, device, skip_bad, quiet):
    """The Run as it was when its last checkpoint was written."""
    arrays, config = checkpoints.load(folder / LAST)
    dataset = datasets.load(
        config["data"]["name"], fold=config["data"]["fold"], **config["data"]["options"]
    )
    network = checkpoints.build(config).to(device)
    network.load_state_dict({k: v for k, v in arrays.items() if not k.startswith("velocity/")})
    config["skip_bad"] = config["skip_bad"] or skip_bad
    # settings that came after this run was begun change nothing in it
    config["training"] = TRAINING_DEFAULTS | config["training"]
    run = Run(config, network, dataset, folder, quiet)
    run.start_optimizer()
    run.optimizer.steps_done = run.step = config["step"]
    for (path, p), v in zip(run.learning.items(), run.optimizer.velocity, strict=True):
        v[...] = Tensor(arrays[f"velocity/{path}"]).to(p.device).data
    run.log.cut_after(run.step)
    threads = config.get("threads")  # None in runs from before it was noted
    if not quiet and threads not in (None, get_num_threads()):
        say(
            f"this run was begun with {threads} threads, now there are {get_num_threads()}: its "
            "last bits may differ from those of an uninterrupted run"
        )
    return run


def _trained(start):
    """(arrays, config, name) of a Run, or of what `checkpoints.find` finds."""
    if isinstance(start, Run):
        return start.network.state_dict(), start.config, start.folder or "a run"
    path = checkpoints.find(start)
    return *checkpoints.load(path), path


def _configure(model, recipe, settings, dataset, seed, begun=None):
    """Everything that describes the run, JSON-able; stored in each checkpoint. `begun`: what
    `_trained` gives of the network whose weights it begins with."""
    cls, _ = models.find(model)
    merged = models.recipe(model, recipe) | (_as_before(cls, begun[1]) if begun else {}) | settings
    known = set(cls.DEFAULTS) | set(TRAINING_DEFAULTS)
    unknown = sorted(set(merged) - known)
    if unknown:
        raise ValueError(
            f"there is no setting {unknown[0]!r}; there are {', '.join(sorted(known))}"
            f"{did_you_mean(unknown[0], known)}"
        )
    network = {k: v for k, v in merged.items() if k in cls.DEFAULTS}
    training = {k: v for k, v in merged.items() if k in TRAINING_DEFAULTS}
    return {
        "model": model,
        "recipe": recipe,
        "classes": list(dataset.classes),
        "colours": np.asarray(dataset.colours).tolist(),
        "options": merge_options(model, cls.DEFAULTS, network, cls.RANGES),
        "training": merge_options("training", TRAINING_DEFAULTS, training, TRAINING_RANGES),
        "seed": seed,
        "step": 0,
        "best": None,
    }


def _as_before(cls, config):
    """The options of a trained network that say how its pictures were prepared, for another one of
    its kind."""
    before, _ = models.find(config["model"])
    if not issubclass(before, cls) and not issubclass(cls, before):
        return {}
    return {name: config["options"][name] for name in cls.PICTURE if name in config["options"]}


def _long_side(pictures):
    """Median of the longer side, in pixels, of some training pictures: the size that objects had in
    training, to which a photograph is brought before it is segmented."""
    sides = []
    for k in range(0, len(pictures), max(1, len(pictures) // 9)):
        with contextlib.suppress(datasets.DataError):  # the loader will speak of it
            sides.append(max(pictures[k].image.shape[:2]))
    return int(np.median(sides)) if sides else None
