"""What many machines would be worth, on paper: bytes, seconds and efficiency of a step.

    python -m minicnn.bench.machines [--bench FILE] [--faster 50]

Each of p machines computes a step of t seconds on its own batch, then the gradients of all, n
bytes, are added up (learning/parallel.py). A message of n bytes takes alpha + n beta: alpha until
the first byte is there, beta for each. To add up n bytes of p machines, halves are exchanged in
log2 p rounds until each has the sum of one piece, and gathered again in as many (Rabenseifner's
algorithm):

    T(p) = 2 log2(p) alpha + 2 (p - 1)/p n beta

and before it the short message, log2(p) alpha. So of each machine t / (t + T) is used. As T hardly
grows with p, what decides is how the seconds of a step compare with its bytes. Adding machines
stops paying where less than half of each is used: where T > t.

t is measured on this machine, all cores, one step at a time; of a batch that is larger than a few
pictures, a part of it is measured, and t grows as the batch does. Or it is taken from what `minicnn
bench --json FILE` has measured; networks that are not in there are left out.
"""

import argparse
import json
import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minicnn import datasets, models, optim
from minicnn import functional as F
from minicnn.engine import randomness
from minicnn.engine.tensor import Tensor
from minicnn.nn import init

PICTURE = (240, 320)
AT_ONCE = 8  # pictures of a batch that are measured, at most
TURNS = 3


@dataclass
class Net:
    """How machines are connected: seconds until a message begins to arrive, bytes a second."""

    name: str
    alpha: float
    bandwidth: float

    def seconds(self, machines, size):
        """T(p) for so many machines and so many bytes, the short message too."""
        rounds = math.log2(machines)
        exchanged = 2 * (machines - 1) / machines * size / self.bandwidth
        return 3 * rounds * self.alpha + exchanged

    def most(self, step, size):
        """The largest power of two of machines of which at least half is used; 1 if there is none,
        None if it is beyond a million."""
        count = 1
        while self.seconds(2 * count, size) <= step:
            count *= 2
            if count > 1_000_000:
                return None
        return count


NETS = (
    Net("1 Gb/s Ethernet", 50e-6, 1e9 / 8),
    Net("10 Gb/s Ethernet", 20e-6, 10e9 / 8),
    Net("100 Gb/s InfiniBand", 2e-6, 100e9 / 8),
)
COUNTS = (16, 256)
ROWS = (  # model, recipe, classes, training pictures of the data set that is meant
    ("patch", "ours", 8, 515),
    ("single-scale", "ours", 8, 515),
    ("multi-scale", "ours", 8, 515),
    ("recurrent", "ours", 8, 515),
    ("edges", "ours", 1, 200),
    ("three-layers", "ours", 100, 20_000),
    ("alexnet", "ours", 100, 20_000),
    ("alexnet", "faithful", 1000, 1_281_167),
)


def options_of(model, which):
    """(options of the network, pictures of a step) of a recipe."""
    cls, _ = models.find(model)
    recipe = models.recipe(model, which)
    batch = int(recipe.get("batch", 32)) if cls.task == "pictures" else 1
    return {name: value for name, value in recipe.items() if name in cls.DEFAULTS}, batch


def bytes_of(network):
    """Of the flat buffer: four for each parameter, and for each array of them."""
    return 4 * sum(p.size + 1 for p in network.parameters())


def seconds_of(model, which, classes):
    """How long a step takes here, the update too: the median of some, after one that compiles."""
    options, batch = options_of(model, which)
    cls, _ = models.find(model)
    randomness.manual_seed(0)
    network = cls(classes, **options).train()
    some = min(batch, AT_ONCE)
    sgd = optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    learn = _loss(network, some)
    times = []
    for _ in range(1 + TURNS):
        begun = time.perf_counter()
        loss = learn()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:]) * batch / some


def _loss(network, some):
    """A function that gives the loss of a batch, as the network's task would have it."""
    random = np.random.default_rng(0)
    if network.task == "pictures":
        side = network.options["size"]
        crops = network.normalise(random.integers(0, 256, (some, side, side, 3), np.uint8))
        labels = random.integers(0, network.classes, some)
        return lambda: F.cross_entropy(network(Tensor(crops)), labels)
    picture = datasets.load("scenes", size=PICTURE).split("train")[0]
    inputs = [Tensor(level[None]) for level in network.preprocess(picture.image)]
    if network.task == "boundaries":
        shape = network(*inputs).shape
        truth = Tensor(random.integers(0, 2, shape).astype(np.float32))
        return lambda: F.binary_cross_entropy_with_logits(network(*inputs), truth)
    labels = np.ascontiguousarray(picture.labels[None]) % network.classes
    return lambda: network.loss(inputs, labels)[0]


def measured_in(file):
    """A function like `seconds_of` that looks into a file of `minicnn bench`; None where nothing of
    the network is there, as of recipes other than ours, which are other networks."""
    steps = {}
    for row in json.loads(Path(file).read_text())["rows"]:
        if row["phase"] == "training step":
            size, _, batch = row["row"].partition(", batch ")
            median = statistics.median(run["ours"]["median"] for run in row["runs"])
            steps[row["op"], size.partition("x")[0]] = median / int(batch or 1)

    def seconds(model, which, classes):
        if which != "ours":
            return None
        options, batch = options_of(model, which)
        sides = models.find(model)[0].DEFAULTS | options | {"side": PICTURE[0]}
        each = steps.get((model, str(sides.get("size", sides["side"]))))
        return None if each is None else each * batch

    return seconds


def rows(faster=1.0, seconds=seconds_of):
    """A dict for each network, with what each Net makes of it."""
    for model, which, classes, pictures in ROWS:
        options, batch = options_of(model, which)
        if (step := seconds(model, which, classes)) is None:
            continue
        with init.shapes_only():
            network = models.find(model)[0](classes, **options)
        size, step = bytes_of(network), step / faster
        used = {
            (net.name, count): step / (step + net.seconds(count, size))
            for net in NETS
            for count in COUNTS
        }
        yield {
            "model": model if which == "ours" else f"{model}, {which}",
            "parameters": sum(p.size for p in network.parameters()),
            "bytes": size,
            "batch": batch,
            "step": step,
            "exchange": {(n.name, c): n.seconds(c, size) for n in NETS for c in COUNTS},
            "used": used,
            "most": {net.name: net.most(step, size) for net in NETS},
            "steps": {count: pictures / (batch * count) for count in COUNTS},
        }


def lines(found):
    """The rows as tables of Markdown: the networks, and for each Net what becomes of them."""
    found = list(found)
    yield (
        "| network | parameters | MB a step | pictures of a batch | seconds of a step |"
        + "".join(f" steps of an epoch on {count} |" for count in COUNTS)
    )
    yield "|---|" + "---:|" * (4 + len(COUNTS))
    for row in found:
        steps = "".join(f" {row['steps'][count]:,.1f} |" for count in COUNTS)
        yield (
            f"| {row['model']} | {row['parameters']:,} | {row['bytes'] / 1e6:.2f} | {row['batch']} "
            f"| {row['step']:.3g} |{steps}"
        )
    for net in NETS:
        yield ""
        yield (
            f"| {net.name} |"
            + "".join(f" exchange, {c} | used, {c} |" for c in COUNTS)
            + (" pays up to |")
        )
        yield "|---|" + "---:|" * (2 * len(COUNTS) + 1)
        for row in found:
            cells = "".join(
                f" {row['exchange'][net.name, c] * 1000:.3g} ms | {row['used'][net.name, c]:.0%} |"
                for c in COUNTS
            )
            most = row["most"][net.name]
            yield f"| {row['model']} |{cells} {'any number' if most is None else f'{most:,}'} |"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="what many machines would be worth, on paper")
    what = "how many times as fast as this one each machine is, a GPU for instance (1)"
    parser.add_argument("--faster", type=float, default=1.0, metavar="N", help=what)
    what = (
        "takes the seconds of a step from a file of minicnn bench, in the place of measuring them"
    )
    parser.add_argument("--bench", metavar="FILE", help=what)
    o = parser.parse_args(arguments)
    print("\n".join(lines(rows(o.faster, measured_in(o.bench) if o.bench else seconds_of))))


if __name__ == "__main__":
    main()
