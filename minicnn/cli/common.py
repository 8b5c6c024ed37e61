"""What several commands do. `o` are the options of one, as arguments.py reads them."""

import contextlib
import sys
import time

import minicnn
from minicnn import models
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.notebooks import say
from minicnn.cli.information import choose_algorithm, choose_device
from minicnn.cli.values import new_folder
from minicnn.engine.kernel import algorithm
from minicnn.inference import evaluation
from minicnn.learning import checkpoints
from minicnn.learning.progress import Line, duration
from minicnn.learning.world import world

RECIPE = "ours"  # unless another one is asked for


def use_threads(o):
    if o.threads:
        try:
            minicnn.set_num_threads(o.threads)
        except ValueError as error:
            said = str(error).partition(": ")[2]
            raise ValueError(f"--threads {o.threads}: {said}") from None


@contextlib.contextmanager
def machine(o):
    """Inside, what was chosen holds: threads, device, algorithm. Gives the device."""
    use_threads(o)
    name = choose_device(o.device)
    with minicnn.device(name), algorithm(choose_algorithm(o.tf32, name)):
        yield name


@contextlib.contextmanager
def results_in(chosen, otherwise, adding=False):
    """`new_folder`, for several processes: the first makes it, and all know where it is."""
    everybody = world()
    if not everybody.first:
        yield everybody.share()
        return
    with new_folder(chosen, otherwise, adding) as folder:
        yield everybody.share(folder)


def changes_in(settings):
    """Takes out of `settings` what a trained network can be told: {option: value}."""
    return {name: settings.pop(name) for name in list(settings) if name in models.CHANGEABLE}


def trained(model, device, changes):
    """The Trained of a name, with these options changed."""
    found = evaluation.trained(model, device)
    found.network.change(**changes)
    if found.config and found.config.total_steps and not found.config.step and world().first:
        print(
            f"minicnn: {model} was stopped before its first step, so it knows only what it began "
            f"with; go on with: minicnn resume {model}",
            file=sys.stderr,
        )
    return found


def labelling_in(settings, others="", default="argmax"):
    """The Labelling that --set asks for, or `default`; None stays None."""
    from minicnn.labelling.methods import Labelling

    for key, value in settings.items():
        if "labelling" not in settings:
            what = f"only options {others}of a labelling (labelling=crf gamma=20)"
            near = did_you_mean(key, ["labelling", *models.CHANGEABLE])
            raise ValueError(f"--set {key}={value}: {what} apply here{near}")
    name = settings.pop("labelling", default)
    return Labelling(name, **settings) if name else None


def given(o, names, data_options):
    """Which of these flags, and of the options of data, a user has given, as they are written."""
    usual = {"recipe": RECIPE}
    values = {name: getattr(o, name) for name in names}  # a fold of 0 is given, too
    flags = [n for n, v in values.items() if v is not None and v is not False and v != usual.get(n)]
    written = [f"--{name.replace('_', '-')}" for name in flags]
    return written + [f"--set data.{name}" for name in data_options]


def beside_start(o, place):
    """The path of what is learnt for the network `--start`, from `place` of its weights; says so if
    it takes the place of another one."""
    weights = checkpoints.find(o.start)
    path = place(weights)
    if path.is_file() and weights.parent != checkpoints.WEIGHTS:
        say(f"{path}: is there already, and will be replaced by what is learnt now")
    return str(path)


def bar(iterable, total=None):
    """A bar in a terminal; where stderr is a file, a line every half minute, as a training has."""
    if sys.stderr.isatty():
        from tqdm.std import tqdm

        return tqdm(iterable, total=total, leave=False)
    known = len(iterable) if total is None and hasattr(iterable, "__len__") else total
    return _in_lines(iterable, known)


def _in_lines(iterable, total, clock=time.monotonic):
    line = Line(clock=clock)
    begun = line.last
    for done, item in enumerate(iterable):
        if line.due() and done and world().first:
            left = total and duration((line.last - begun) / done * (total - done))
            say(f"{done} of {total}, {left} left" if total else f"{done} done")
        yield item
