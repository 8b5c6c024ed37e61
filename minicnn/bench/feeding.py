"""How much longer is a training step whose pictures are read meanwhile?

    python -m minicnn.bench.feeding FOLDER [MODEL]

FOLDER is an image folder, MODEL a network of whole pictures (three-layers). The same steps are made
from batches that lie in memory, with pictures seen for the first time, and with those seen before,
in turn. Other programs on the machine spoil the comparison.
"""

import argparse
import statistics
import time

from minicnn import datasets, models
from minicnn.basics.printing import one_line
from minicnn.engine import randomness
from minicnn.learning.config import Config, TrainingOptions
from minicnn.learning.run import Run
from minicnn.learning.tasks import task_for

STEPS, WARM_UP, TURNS = 30, 3, 5
WHAT = {"memory": "from memory", "first": "pictures seen first", "again": "pictures seen before"}


def feeding(data, model="three-layers", steps=STEPS, turns=TURNS):
    """{"memory", "first", "again": median seconds of a step} on the data set `data`."""
    dataset = datasets.load(data)
    cls, _ = models.find(model)
    if cls.task != "pictures":
        raise ValueError(
            f"{model} learns from one picture a step; name a network of whole pictures"
        )
    options, names = TrainingOptions(**models.recipe(model, "ours")), list(dataset.classes)
    config = Config(model, names, cls.merged({}), 0, training=options, seed=0, total_steps=10**6)
    randomness.manual_seed(0)
    network = cls(len(names))
    network.train()
    found = {name: [] for name in WHAT}
    for _ in range(turns):
        run = Run(config, network, task_for(network, config, dataset), quiet=True)
        first, again = (run.task.feed(0, 10 * (steps + WARM_UP)) for _ in range(2))
        again.split = first.split  # which keeps what it has read
        for name, loader in (("first", first), ("again", again)):
            with loader:
                found[name] += timed(run, iter(loader), steps)
        with run.task.feed(0, steps + WARM_UP) as loader:
            batches = list(loader)
        found["memory"] += timed(run, iter(batches), steps)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def timed(run, batches, steps):
    """Seconds of so many steps, after some that warm up."""
    seconds = []
    for _ in range(steps + WARM_UP):
        start = time.perf_counter()
        run.step(batches)
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


def main():
    parser = argparse.ArgumentParser(prog="python -m minicnn.bench.feeding")
    parser.add_argument("data")
    parser.add_argument("model", nargs="?", default="three-layers")
    options = parser.parse_args()
    try:
        found = feeding(options.data, options.model)
    except (ValueError, OSError) as error:
        parser.exit(2, f"minicnn: {one_line(error)}\n")
    for name, seconds in found.items():
        print(f"{WHAT[name]:21} {seconds:.4f} s a step, {seconds / found['memory']:.2f}")


if __name__ == "__main__":
    main()
