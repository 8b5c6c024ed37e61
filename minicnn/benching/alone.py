"""A training step in a process of its own, for processes.py:

python -m minicnn.benching.alone ours|torch MODEL memory|first-step
"""

import json
import sys
import time
from pathlib import Path

STEPS = 3


def main(side, model, purpose, size=(240, 320)):
    start = time.perf_counter()
    from minicnn.benching import ours
    from minicnn.benching.rows import STEP, Whole

    imported = time.perf_counter() - start
    row = Whole(model, size)
    mine = ours.Network(row)
    network = mine
    if side == "torch":
        from minicnn.benching import twins

        network = twins.side(row, mine)
    step = network.phases[STEP]
    if purpose == "first-step":
        seconds = [_seconds(step) for _ in range(2)]  # the first loads Numba, too
        return {"import": imported, "first": seconds[0], "second": seconds[1]}
    if side == "ours":  # Numba is a library, as PyTorch is
        import numba  # noqa: F401
        import scipy.linalg.cython_blas  # noqa: F401
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    for _ in range(STEPS):
        step()
    return {"before": before, "step": resident("VmHWM") - before}


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
