"""Going on with a run that was stopped: all of it as it was in its last checkpoint."""

from minicnn import datasets
from minicnn.basics.notebooks import say
from minicnn.engine.devices import get_num_threads
from minicnn.engine.tensor import Tensor
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import BEST, LAST
from minicnn.learning.config import Best, CheckpointError
from minicnn.learning.configuring import digest_of
from minicnn.learning.interrupts import terminable
from minicnn.learning.parallel import agree, run_of
from minicnn.learning.run import Run
from minicnn.learning.tasks import task_for
from minicnn.learning.world import world


def resumed(folder, device="cpu", skip_bad=False, quiet=False, data=None):
    """The Run as it was when its last checkpoint was written."""
    file, quiet = folder / LAST, quiet or not world().first
    network, velocities, config = checkpoints.restore(file)
    if None in (config.training, config.total_steps, config.data.name):
        raise CheckpointError(f"{file}: holds weights, but not how they were trained")
    dataset = _same_data(config, data)
    config.skip_bad = config.skip_bad or skip_bad
    try:
        network.freeze(*config.frozen())
    except ValueError as error:
        raise CheckpointError(f"{file}: {error}") from None
    network.to(device)
    task = task_for(network, config, dataset)
    task.quiet = quiet
    if config.step < config.total_steps:  # else it is prepared if a look at `val` needs that
        if task.early:
            early = Run(config, network, task, folder if world().first else None, quiet)
            early.log.cut_after(config.step)  # a kill may have left half a line
            keep_early(task, early)
        with terminable():
            task.prepare(quiet)
    run = run_of(config, network, task, folder, quiet)
    run.optimizer.steps_done = run.steps_done = config.step
    run.resumed = True
    checkpoints.check_velocities(file, velocities, run.learning)
    for (path, p), v in zip(run.learning.items(), run.optimizer.velocity, strict=True):
        v[...] = Tensor(velocities[path]).to(p.device).data
    run.log.cut_after(run.steps_done)
    if run.folder is not None:  # that of the first of several processes
        _look_for_best(run)
    agree(config, network)
    if not quiet:
        for sentence in _otherwise(config):
            say(sentence)
    return run


def _otherwise(config):
    """Sentences on what is not as it was when the training began."""
    digits = "its last bits may differ from those of an uninterrupted run"
    if config.threads not in (None, get_num_threads()):
        yield (
            f"this run was begun with {config.threads} threads, now there are "
            f"{get_num_threads()}: {digits}"
        )
    begun, now = config.processes, world().size
    if now != begun:
        idle = f", {now - begun} without anything to do" if now > begun else ""
        yield f"processes when this run was begun: {begun}, now: {now}{idle}; {digits}"


def keep_early(task, run):
    """Lets a task keep its run while it prepares the first step."""

    def keep(**record):
        run.log.write(step=0, **record)
        run.save()

    if run.folder is not None:
        task.keep = keep
        task.go_on = f"; go on with: minicnn resume {run.folder}"


def _same_data(config, moved_to):
    """The data set of a run; `moved_to` is where it is now, or None."""
    source = config.data
    name = source.name if moved_to is None else datasets.lasting_name(moved_to)
    try:
        dataset = datasets.load(name, fold=source.fold, **source.options)
    except datasets.DataError as error:
        if moved_to is None and not isinstance(error, datasets.NotThere):
            raise
        hint = (
            "" if moved_to is not None else "; if it has moved, say where: resume RUN --data PATH"
        )
        raise datasets.DataError(f"{error}{hint}") from None
    if list(dataset.classes) != config.classes:
        raise datasets.DataError(
            f"{name}: has other classes ({', '.join(dataset.classes)}) than the data set of this "
            f"run ({', '.join(config.classes)})"
        )
    if source.digest is not None and digest_of(dataset) != source.digest:
        raise datasets.DataError(
            f"{name}: holds other pictures, or deals them otherwise to train, val and test, than "
            "when this run was begun; to learn from these, begin a new run with --start"
        )
    config.data.name = name
    return dataset


def _look_for_best(run):
    """If the weights that did best so far are lost, those of now take their place, or those of the
    next look at `val`; else they are told where the data are now, because `evaluate` asks them."""
    if run.config.best is None:
        return
    try:
        network, _, config = checkpoints.restore(run.folder / BEST)
        if config.data.name != run.config.data.name:  # it has moved
            header = config.to_json() | {"data": run.config.to_json()["data"]}
            checkpoints.save(run.folder / BEST, network.state_dict(), header)
    except CheckpointError as error:
        now = run.steps_done
        looks = [r for r in run.log.records if "val_accuracy" in r and r["step"] == now]
        run.config.best = None
        if looks:
            run.config.best = Best(now, looks[-1]["val_accuracy"], looks[-1].get("sure"))
            checkpoints.save(run.folder / BEST, run.network.state_dict(), run.config.to_json())
        if not run.quiet:
            say(f"{error}; the best weights are chosen from here on")
