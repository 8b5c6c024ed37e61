"""A training step in a process of its own, for processes.py:

python -m minicnn.bench.alone ours|torch MODEL memory|first-step
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from minicnn import functional
from minicnn.bench import our_sides
from minicnn.bench.network_rows import STEP, Whole, batch_rows
from minicnn.engine.tensor import Tensor

STEPS = 3


def row_of(model, size):
    """The step that is measured: on a batch, the smallest one, or on one scene."""
    return next((row for row in batch_rows() if row.op == model), Whole(model, size))


def main(side, model, purpose, size=(240, 320)):
    row = row_of(model, size)
    network = mine = our_sides.side(row)
    if side == "torch":
        from minicnn.bench import twins

        network = twins.side(row, mine)
    step = network.phases[STEP]
    if purpose == "first-step":
        return {"first": _seconds(step), "second": _seconds(step)}  # the first loads Numba, too
    if side == "ours":  # the first kernel of all makes Numba load itself; PyTorch is loaded
        functional.relu(Tensor(np.ones((2, 2), np.float32)))
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    for _ in range(STEPS):
        step()
    peak = resident("VmHWM")
    return {"step": peak - before, "process": peak}


def resident(which):
    """VmRSS, the resident bytes of now, or VmHWM, their peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status does not tell {which}")


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
