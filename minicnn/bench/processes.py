"""What has to be measured in a process of its own: peak memory, and the first training step.

The child (`alone.py`) prints one line of JSON. Memory is what Linux tells in /proc: the resident
size before the first step, when libraries (PyTorch, or Numba with its compiler), model and picture
are there, and the highest resident size during three steps (VmHWM). The step's own memory is the
difference; that of the whole process stands beside it. Compiled kernels are in the disk cache, so
that nothing is compiled; that they are loaded counts.
"""

import json
import os
import subprocess
import tempfile

from minicnn.basics import starting
from minicnn.bench import others

MOST_MEMORY = 1.2  # times PyTorch's
MOST_SECONDS = {"empty": 40.0, "warm": 1.5}


def child(side, model, purpose, threads, cache=None):
    """The JSON of `alone.py`. `cache`: a folder for compiled kernels in the place of the usual."""
    environment = os.environ | {
        name: str(threads)
        for name in ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    }
    if cache:
        environment["NUMBA_CACHE_DIR"] = cache
    command = starting.command("minicnn.bench.alone", side, model, purpose)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise RuntimeError(f"bench: the process for {side} {model} failed: {last}")
    return json.loads(done.stdout)


def memory(names, twins, devices):
    """A dict for each model: bytes that a training step needs on each side, and their ratio."""
    if not os.path.exists("/proc/self/status"):
        yield {"model": None, "text": "peak memory: only Linux tells it"}
        return
    threads = devices.get_num_threads()
    for model in names:
        child("ours", model, "memory", threads)  # fills the cache of compiled kernels
        result = {"model": model, "ours": child("ours", model, "memory", threads)}
        text = f"peak memory of a training step of {model}: ours {_mb(result['ours'])}"
        if twins and model in twins.NETWORKS:
            result["torch"] = child("torch", model, "memory", threads)
            result["ratio"] = result["ours"]["step"] / result["torch"]["step"]
            result |= {"target": MOST_MEMORY, "reached": result["ratio"] <= MOST_MEMORY}
            verdict = "reached" if result["reached"] else "missed"
            text += f", torch {_mb(result['torch'])}, ours / torch {result['ratio']:.2f}"
            text += f" (at most {MOST_MEMORY:g}: {verdict})"
        yield result | {"text": text}


def _mb(found):
    return f"{found['step'] / 1e6:.0f} MB (whole process {found['process'] / 1e6:.0f} MB)"


def first_step(model, devices):
    """A dict for an empty and for a warm cache of compiled kernels."""
    threads = devices.get_num_threads()
    with tempfile.TemporaryDirectory() as cache:
        for state, most in MOST_SECONDS.items():
            with others.look() as look:
                seconds = child("ours", model, "first-step", threads, cache)
            reached, verdict = others.verdict(seconds["first"] <= most, look.cores)
            text = (
                f"first training step of {model}, {state} kernel cache: {seconds['first']:.1f} s "
                f"after import (at most {most:g} s: "
                f"{verdict}); the second takes {seconds['second']:.2f} s"
            )
            result = {"model": model, "cache": state, **seconds, "others": look.cores}
            yield result | {"target": most, "reached": reached, "text": text}
