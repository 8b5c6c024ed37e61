"""What this machine is, and what it can do at all: the ceilings beside which times mean something.

Arithmetic: a product of two large matrices does 2 n^3 operations on 3 n^2 numbers, so nothing but
the processor limits it. Memory: a copy does no arithmetic at all. An operation that does much
arithmetic for each number is held against the first, one that does little against the second.
"""

import importlib.metadata
import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from minicnn.bench.rows import SEED
from minicnn.engine.devices import get_num_threads, gpu_status

SIDE = 2048  # of the matrices
TOLD = ("OPENBLAS_CORETYPE", "MKL_CBWR", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")  # other processors
COPIED = 2**22  # numbers in the array that is copied: 16 MiB


def describe(torch=None, device="cpu"):
    """The machine in words and numbers, ready for JSON. `torch`: the module, if it takes part."""
    versions = {name: _version(name) for name in ("minicnn", "numpy", "numba", "scipy")}
    versions["python"] = platform.python_version()
    if torch:
        versions["torch"] = torch.__version__
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "threads": get_num_threads(),
        "device": device if device == "cpu" else gpu_status()[1],
        "system": platform.platform(),
        "versions": versions,
        "seed": SEED,
        "told": {name: os.environ[name] for name in TOLD if name in os.environ},
        "ceilings": ceilings(torch) if device == "cpu" else None,  # of a GPU nobody measures them
    }


def ceilings(torch=None, side=SIDE, copied=COPIED):
    """{"GFLOP/s", "GB/s"} of the processor: the best of several products of numpy and of PyTorch,
    and of several copies."""
    a = np.random.default_rng(SEED).random((side, side), dtype=np.float32)
    products = [lambda: a @ a]
    if torch:
        b = torch.from_numpy(a)
        products.append(lambda: b @ b)
    flops = max(2 * side**3 / _shortest(product) for product in products)
    threads = get_num_threads()
    source = np.ones(copied, np.float32)
    target = np.empty_like(source)
    parts = list(zip(*(np.array_split(x, threads) for x in (target, source)), strict=True))
    with ThreadPoolExecutor(threads) as pool:  # numpy copies on one core; parts go side by side
        seconds = _shortest(lambda: list(pool.map(lambda part: np.copyto(*part), parts)), 15)
    return {"GFLOP/s": flops / 1e9, "GB/s": 2 * source.nbytes / seconds / 1e9}


def _shortest(function, times=7):
    function()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def sentence(machine):
    """The machine in one line."""
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items())
    text = f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores; {versions}; "
    if not (best := machine["ceilings"]):
        return text + machine["device"]
    text += (
        f"at most {best['GFLOP/s']:.0f} GFLOP/s (matrix product), {best['GB/s']:.0f} GB/s (copy)"
    )
    for name, value in machine.get("told", {}).items():  # a side that hears it is slower for it
        text += f"; {name}={value} in the environment"
    return text


def _processor():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
