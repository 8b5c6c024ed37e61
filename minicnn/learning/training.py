"""Starting a training from settings, and going on with one that was stopped.

    run = minicnn.train("multi-scale", "stanford-background", fold=1, epochs=8, out="runs/first")
    run = minicnn.resume("runs/first")

All randomness is a function of (seed, epoch, position) and the schedule a function of the step, so
a resumed run ends with the very bits of an uninterrupted one. The loop itself is in `run.py`.
"""

import contextlib
from pathlib import Path

import numpy as np

from minicnn import datasets, models
from minicnn.basics import typed
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.notebooks import say
from minicnn.basics.writing import alone, claimed
from minicnn.engine import randomness
from minicnn.engine.devices import get_num_threads
from minicnn.engine.tensor import Tensor
from minicnn.learning import checkpoints, memory
from minicnn.learning.checkpoints import BEST, LAST, PLAN
from minicnn.learning.config import (
    SEEDS,
    STEPS,
    TRAINING_DEFAULTS,
    TRAINING_RANGES,
    CheckpointError,
    Config,
    TrainingOptions,
)
from minicnn.learning.feeding import class_shares
from minicnn.learning.greedy import Plan
from minicnn.learning.run import Run, TrainingError
from minicnn.models.segmentation import merge_options

LENGTHS = {"epochs": 1_000_000, "steps": STEPS, "minutes": 525_600}  # at most; a year


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
    check_length(epochs=epochs, steps=steps, minutes=minutes)
    typed.check(int(seed), "seed", range=(0, SEEDS))
    out = None if out is None else Path(out)
    with claimed(out, "choose another, or `resume` it"):
        dataset = datasets.load(data, fold=fold, **(data_options or {}))
        begun = None if start is None else _trained(start)
        config = _configure(model, recipe, settings or {}, dataset, seed, begun)
        name = datasets.lasting_name(data)
        config["data"] = {"name": name, "fold": fold, "options": data_options or {}}
        config["overfit_one"], config["skip_bad"] = overfit_one, skip_bad
        config["threads"] = get_num_threads()
        config["long_side"] = _long_side(dataset.split("train"))
        memory.check_training(model, len(config["classes"]), config["options"], config["long_side"])
        randomness.manual_seed(seed)
        network = checkpoints.build(config)
        if begun:
            arrays, about, source = begun
            config["start"] = checkpoints.take_over(arrays, about, network, source)
            if not quiet and config["start"]["new"]:
                print(f"not in {source}, begun at random: {', '.join(config['start']['new'])}")
        network.to(device)
        config["tables"] = checkpoints.tables_of(network)
        if not skip_bad:
            for split in ("train", "val"):
                dataset.check_labels(split)
        if config["training"]["balance"]:
            config["class_shares"] = class_shares(dataset.split("train"), len(dataset.classes))
        run = Run(config, network, dataset, out, quiet)
        config["total_steps"] = run.plan(epochs, steps, minutes)
        check_length(steps=config["total_steps"])
        run.start_optimizer()
        run.save()
        return run.fit(minutes)


def check_length(**given):
    """TrainingError for a number of epochs, steps or minutes that is none, or ends never."""
    for name, length in given.items():
        if length is not None and not length <= LENGTHS[name]:
            raise TrainingError(
                f"{name}={typed.shown(length)}: expected a number up to {LENGTHS[name]:,}"
            )


def train_greedily(model="patch", data="scenes", *, out=None, settings=None, **options):
    """Trains a network block by block, as Grangier, Bottou and Collobert did: the first with a
    classifier of its own, then the first two with a new one, where the first keeps its weights, and
    so on. Each block gets the length that `options` say; they are those of `train`.

    Returns the Runs, one for each block, in folders out/block-1, out/block-2, ...; the last holds
    the whole network. If it was stopped, `resume(out)` goes on. Raises what `train` raises, and
    ValueError for a model without blocks.
    """
    others = {name: options.pop(name) for name in ("device", "quiet") if name in options}
    plan = Plan(model, datasets.lasting_name(data), settings or {}, **options)
    plan.blocks  # noqa: B018  refuses a model without
    with claimed(out, "choose another, or `resume` it"):
        if out is not None:
            plan.save(out)
        return plan.run(out, train, resume, **others)


def resume(folder, device="cpu", skip_bad=False, quiet=False):
    """Goes on with a run that was stopped; its last bits are those of an uninterrupted run.
    `skip_bad` from here on leaves out pictures that cannot be read.

    folder  that of a run; or that of `train_greedily`: all blocks that are left, the last Run
    """
    folder = Path(folder)
    if (folder / PLAN).is_file():
        with alone(folder):
            plan = Plan.load(folder)
            plan.skip_bad = plan.skip_bad or skip_bad
            return plan.run(folder, train, resume, device=device, quiet=quiet)[-1]
    if not (folder / LAST).is_file():
        hint = ""
        if (folder / BEST).is_file():
            hint = f"; its best weights can begin another run: minicnn train ... --start {folder}"
        raise TrainingError(f"{folder}: no {LAST} here, so there is nothing to resume{hint}")
    with alone(folder):
        return _resumed(folder, device, skip_bad, quiet).fit()


def _resumed(folder, device, skip_bad, quiet):
    """The Run as it was when its last checkpoint was written."""
    file = folder / LAST
    network, velocities, config = checkpoints.restore(file)
    if None in (config["training"], config["total_steps"], config["data"]["name"]):
        raise CheckpointError(f"{file}: holds weights, but not how they were trained")
    dataset = datasets.load(
        config["data"]["name"], fold=config["data"]["fold"], **config["data"]["options"]
    )
    config["skip_bad"] = config["skip_bad"] or skip_bad
    try:
        network.freeze(*Run.frozen(config["training"]))
    except ValueError as error:
        raise CheckpointError(f"{file}: {error}") from None
    run = Run(config, network.to(device), dataset, folder, quiet)
    run.start_optimizer()
    run.optimizer.steps_done = run.step = config["step"]
    checkpoints.check_velocities(file, velocities, run.learning)
    for (path, p), v in zip(run.learning.items(), run.optimizer.velocity, strict=True):
        v[...] = Tensor(velocities[path]).to(p.device).data
    run.log.cut_after(run.step)
    _look_for_best(run)
    threads = config["threads"]  # None in runs from before it was noted
    if not quiet and threads not in (None, get_num_threads()):
        say(
            f"this run was begun with {threads} threads, now there are {get_num_threads()}: its "
            "last bits may differ from those of an uninterrupted run"
        )
    return run


def _look_for_best(run):
    """If the weights that did best so far are lost, those of now take their place, or those of the
    next look at `val`."""
    if run.config["best"] is None:
        return
    try:
        checkpoints.restore(run.folder / BEST)
    except CheckpointError as error:
        looks = [r for r in run.log.records if "val_accuracy" in r and r["step"] == run.step]
        run.config["best"] = None
        if looks:
            run.config["best"] = {"step": run.step, "val_accuracy": looks[-1]["val_accuracy"]}
            checkpoints.save(run.folder / BEST, run.network.state_dict(), run.config)
        if not run.quiet:
            say(f"{error}; the best weights are chosen from here on")


def _trained(start):
    """(arrays, config, name) of a Run, or of what `checkpoints.find` finds."""
    if isinstance(start, Run):
        return start.network.state_dict(), start.config, start.folder or "a run"
    path = checkpoints.find(start)
    network, _, config = checkpoints.restore(path)
    return network.state_dict(), config, path


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
    return Config(
        model=model,
        recipe=recipe,
        classes=list(dataset.classes),
        colours=np.asarray(dataset.colours).tolist(),
        options=cls.merged(network),
        training=TrainingOptions(
            **merge_options("training", TRAINING_DEFAULTS, training, TRAINING_RANGES)
        ),
        seed=int(seed),
        step=0,
    ).to_json()


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
