"""Kernels in a forked child: they run, on one thread, and say so to whoever asks for more."""

import os
import subprocess
import sys

# The tests run on one thread each, so this has a process of its own. The Pool is what people use.
PROGRAM = """
import multiprocessing, threading
import numpy as np
import minicnn
from minicnn import Tensor, functional as F

rng = np.random.default_rng(0)
x, w = (Tensor(rng.normal(size=s).astype("f")) for s in ((1, 4, 40, 40), (8, 4, 7, 7)))


def work(_=0):
    return float(np.abs(F.conv2d(x, w).numpy()).sum()) + float(F.relu(x).numpy().sum())


def grandchild(k):
    with context.Pool(1) as pool:
        return pool.map(work, [k])[0]


def thread(k):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start(), thread.join()
    return found[0]


def more_threads(k):
    try:
        minicnn.set_num_threads(2)
    except RuntimeError as error:
        return str(error)


minicnn.set_num_threads(2)
expected = work()
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    for found in pool.map(work, range(4)) + pool.map(thread, range(2)):
        assert abs(found - expected) < 1e-5 * expected, (found, expected)
    print(pool.map(more_threads, range(1))[0])
child = context.Process(target=lambda: print(grandchild(0) == work(), flush=True))
child.start(), child.join()
print(work() == expected, minicnn.get_num_threads())
"""


def test_a_pool_after_kernels_have_run():
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    sentence, grandchild, parent = done.stdout.splitlines()
    assert "forked" in sentence
    assert "'forkserver') or 'spawn'" in sentence, sentence
    assert (grandchild, parent) == ("True", "True 2"), done.stderr
    assert done.returncode == 0 and "Terminating" not in done.stderr
