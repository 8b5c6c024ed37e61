"""Starting a training from settings, and going on with one that was stopped.

    run = minicnn.train("multi-scale", "stanford-background", fold=1, epochs=8, out="runs/first")
    run = minicnn.resume("runs/first")

All randomness is a function of (seed, epoch, position) and the schedule a function of the step, so
a resumed run ends with the very bits of an uninterrupted one. One step is in `run.py`, the loop
around it in `fitting.py`; several processes, started by mpiexec, share the steps as `parallel.py`
says.
"""

from pathlib import Path

from minicnn import datasets, models
from minicnn.basics import typed
from minicnn.basics.notebooks import say
from minicnn.basics.writing import claimed, lock_folder
from minicnn.engine import randomness
from minicnn.engine.devices import get_num_threads
from minicnn.learning import checkpoints, fine_tuning, memory
from minicnn.learning.checkpoints import BEST, LAST, PLAN, initialise_from
from minicnn.learning.class_weights import read_labels
from minicnn.learning.config import SEEDS, DataSource
from minicnn.learning.configuring import (
    begins_with,
    check_length,
    configure,
    digest_of,
    long_side,
    plan,
    weights_of,
)
from minicnn.learning.errors import TrainingError
from minicnn.learning.greedy import Plan
from minicnn.learning.interrupts import terminable
from minicnn.learning.parallel import agree, run_of
from minicnn.learning.resuming import keep_early, resumed
from minicnn.learning.run import Run
from minicnn.learning.tasks import check_kind, check_settings, task_for
from minicnn.learning.world import joined, refuse_many, world

LEFT = 0.1  # of the minutes, at least, is for the steps, however long it takes to prepare them


@joined()
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

    model     'shallow', 'patch', 'single-scale', 'multi-scale', 'recurrent', 'feedback', whose
              iterations are trained one after another, each a run in out/iteration-1, ..., of
              which the last is returned; or, which learn the class of whole pictures, 'alexnet'
              and 'three-layers'; 'weak', which learns pixels from those; 'edges', which learns
              from boundaries that people drew; or 'sds', which learns from objects with masks
    data      'scenes', the name of an installed data set, or the path of a folder: one with label
              maps, or for whole pictures one with a folder for each class
    out       folder for checkpoints, log and curves; None keeps everything in memory
    epochs, steps, minutes   how long: one of them (5 epochs if none). `minutes` becomes a number of
              steps by timing a few, and is corrected on the way as the training turns out
    recipe    'ours' or 'faithful'; `settings` overrides any of its values or the network's options,
              {"lr": 0.01, "normalise": "both"}; defaults: `minicnn train --help`
    fold      test fold of a data set that has folds
    start     a trained network (Run, run folder, file, also .onnx, or shipped name) to begin with,
              where name and shape agree; what it lacks begins at random, and what it has for
              other classes. Pictures are prepared as they were for it, unless `settings` say
              otherwise. 'sds' and 'weak' begin with the shipped alexnet, unless this says "none"
    overfit_one  trains on the first picture alone: a network that cannot learn that has a bug
    skip_bad  leaves out pictures that cannot be read instead of stopping

    Settings of a training: lr, momentum, weight_decay, schedule, warm_up, clip (the gradient);
    flip, rotate, rescale, light (the pictures); patches, balance (the pixels; of weak, patches is
    the side of a part of each picture); batch (pictures a step) and
    colour_noise, of networks for whole pictures; freeze (modules), head_lr (a factor on lr for what
    begins at random beside a start); validations, checkpoint_seconds, checkpoint_steps.
    schedule=plateau divides the rate by 10 where `val` gets no better. Those of a
    network:

        multi-scale, single-scale  scales, width, hidden, tables, nonlinearity, last_linear,
                                   dropout, pyramid, normalise, window, floor
        patch                      blocks, width, nonlinearity, normalise, every
        recurrent                  net, instances, output, fine, feedback, objective, pairs_until,
                                   normalise, nonlinearity, width
        alexnet                    size, width, columns, order, nonlinearity, norm, norm_bias,
                                   overlap, dropout, spread, colours, mean, initial, crops
        shallow                    classifier, rounds, depth, shrink, every, gamma
        feedback                   iterations, levels, maps, filter, mix, answer, quiet, pool,
                                   feedback, global, cells, side, folds, components, samples,
                                   passes
        edges                      width, crop
        sds                        net, classifier, refine, regions, test_regions, edges, size,
                                   width, columns, norm, norm_bias, dropout, spread
        weak                       features, head, filters, dropout, side, aggregation, r,
                                   objective, supervision, and those of alexnet's features
        three-layers               size, width, dropout

    Raises TrainingError, DataError or ValueError with one sentence for what cannot work.
    """
    given = {k: v for k, v in locals().items() if k not in ("model", "data")}
    cls, _ = models.find(model)
    if cls.PARTS != "iterations":
        return train_part(model, data, **given)
    if given.pop("start") is not None:
        raise TrainingError(
            f"{model} is learnt iteration by iteration, from nothing: `start` does not go with it"
        )
    return train_greedily(model, data, **given)[-1]


def train_part(
    model,
    data,
    *,
    out,
    epochs,
    minutes,
    steps,
    recipe,
    fold,
    seed,
    device,
    start,
    settings,
    data_options,
    overfit_one,
    skip_bad,
    quiet,
):
    """One run, as `train` describes it; of a network that is trained part by part, one part."""
    check_length(epochs=epochs, steps=steps, minutes=minutes)
    typed.check(int(seed), "seed", range=(0, SEEDS))
    everybody = world()
    out = None if out is None or not everybody.first else Path(out)
    quiet = quiet or not everybody.first
    with claimed(out, "choose another, or `resume` it"):
        dataset = datasets.load(data, fold=fold, **(data_options or {}))
        start, settings = begins_with(model, recipe, start, settings or {})
        begun = None if start is None else weights_of(start)
        config = configure(model, recipe, settings or {}, dataset, seed, begun)
        name = datasets.lasting_name(data)
        options = datasets.lasting_options(data_options)
        config.data = DataSource(name, fold, options, digest_of(dataset))
        config.overfit_one, config.skip_bad = overfit_one, skip_bad
        config.threads, config.processes = get_num_threads(), everybody.size
        config.long_side = long_side(dataset.split("train"))
        _check_memory(config)
        randomness.manual_seed(seed)
        network = checkpoints.build(config)
        if begun:
            arrays = begun.arrays(network) if callable(begun.arrays) else begun.arrays
            arrays = network.adapted(arrays)
            shapes = {name: a.shape for name, a in arrays.items()}
            arrays = fine_tuning.of_classes(arrays, network, begun.config, config)
            tables = begun.config.tables if begun.config else {}
            config.start = initialise_from(arrays, tables, network, begun.source)
            if not quiet and config.start.new and network.PARTS != "iterations":
                say(fine_tuning.sentence(config.start, begun.config, config, shapes))
        fine_tuning.check(config)
        check_settings(check_kind(network, model, dataset), model, settings)
        network.freeze(*config.frozen())  # a name misspelt is said before labels are read
        network.to(device)
        config.tables = checkpoints.tables_of(network)
        config.class_shares = everybody.once(lambda: read_labels(network, config, dataset))
        task = task_for(network, config, dataset)
        everybody.once(lambda: task.begin(quiet))
        if task.early:
            config.total_steps = plan(task, epochs, steps, None)  # of minutes, more is known later
            keep_early(task, Run(config, network, task, out, quiet))
        with terminable():
            spent = task.prepare(quiet) / 60
        if minutes is not None:
            minutes = max(minutes - spent, LEFT * minutes)
        config.total_steps = everybody.once(lambda: plan(task, epochs, steps, minutes))
        check_length(steps=config.total_steps)
        agree(config, network)
        run = run_of(config, network, task, out, quiet)
        run.save()
        return run.fit(minutes)


def _check_memory(config):
    """Before anything large is made; see memory.py."""
    count, batch = len(config.classes), config.training.batch
    memory.check_training(config.model, count, config.options, config.long_side, batch)


@joined()
def train_greedily(model="patch", data="scenes", *, out=None, settings=None, **options):
    """Trains a network block by block, as Grangier, Bottou and Collobert did: the first with a
    classifier of its own, then the first two with a new one, where the first keeps its weights, and
    so on. `options` are those of `train`: each block gets so many epochs or steps, and all of them
    together the minutes.

    Returns the Runs, one for each block, in folders out/block-1, out/block-2, ...; the last holds
    the whole network. If it was stopped, `resume(out)` goes on. Raises what `train` raises, and
    ValueError for a model without blocks.
    """
    refuse_many("a training part by part")
    others = {"device": options.pop("device", "cpu"), "quiet": options.pop("quiet", False)}
    options["data_options"] = datasets.lasting_options(options.get("data_options"))
    plan = Plan(model, datasets.lasting_name(data), settings or {}, **options)
    plan.check()
    if plan.minutes is not None:  # for all of them
        plan.minutes /= plan.count
    with claimed(out, "choose another, or `resume` it"):
        return plan.run(out, train_part, **others)


@joined()
def resume(folder, device="cpu", skip_bad=False, quiet=False, data=None):
    """Goes on with a run that was stopped; its last bits are those of an uninterrupted run.
    `skip_bad` from here on leaves out pictures that cannot be read.

    folder  that of a run; or that of `train_greedily`: all blocks that are left, the last Run
    data    where the data set is now, if it has moved; it has to be the same one
    """
    folder = Path(folder)
    world().share()  # nobody reads what the first process is still writing
    if (folder / PLAN).is_file():
        refuse_many("a training part by part")
        with lock_folder(folder):
            plan = Plan.load(folder)
            plan.data = plan.data if data is None else datasets.lasting_name(data)
            plan.skip_bad = plan.skip_bad or skip_bad
            return plan.run(folder, train_part, data, device=device, quiet=quiet)[-1]
    if not (folder / LAST).is_file():
        hint = ""
        if (folder / BEST).is_file():
            hint = f"; its best weights can begin another run: minicnn train ... --start {folder}"
        raise TrainingError(f"{folder}: no {LAST} here, so there is nothing to resume{hint}")
    with lock_folder(folder if world().first else None):
        return resumed(folder, device, skip_bad, quiet, data).fit()
