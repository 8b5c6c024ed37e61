"""One thread and two: the same numbers but for roundoff, and the same bits for the same number."""

import os
import subprocess
import sys

# The tests run on one thread each, so this has a process of its own.
PROGRAM = """
import numpy as np
import minicnn
from minicnn import Tensor, functional as F

minicnn.set_num_threads(2)
assert minicnn.get_num_threads() == 2
rng = np.random.default_rng(0)


def numbers(*shape):
    return rng.normal(size=shape).astype(np.float32)


LAYERS = {
    "transforms": (F.conv2d, (2, 16, 70, 75), (30, 16, 7, 5)),
    "shifted pictures": (F.conv2d, (2, 3, 70, 75), (30, 3, 7, 5)),
    "windows": (F.conv2d, (2, 16, 20, 20), (30, 16, 3, 3)),
    "shifted rows": (F.linear, (5, 1024), (67, 1024)),
    "product": (F.linear, (1, 1024), (67, 1024)),
}
for name, (layer, *shapes) in LAYERS.items():
    arrays = [numbers(*shape) for shape in shapes]
    gy = None

    def run():
        global gy
        x, w = (Tensor(a, requires_grad=True) for a in arrays)
        y = layer(x, w)
        gy = numbers(*y.shape) if gy is None else gy
        y.backward(gy)
        return y.data, x.grad, w.grad

    minicnn.set_num_threads(2)
    first, second = run(), run()
    minicnn.set_num_threads(1)
    for a, b, c in zip(first, second, run(), strict=True):
        assert np.array_equal(a, b), name
        assert np.linalg.norm(c - a) < 1e-6 * np.linalg.norm(a), name
        assert a.any(), name
print(len(LAYERS), "agree")
"""


def test_same_bits_twice_and_close_with_one_thread():
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == "5 agree\n", done.stderr


AT_ONCE = """
import threading
import numba
import numpy as np
from minicnn import functional as F

x = np.ones((1, 32, 120, 160), np.float32)
F.relu(x)
assert numba.threading_layer() == "workqueue"
started = [threading.Thread(target=lambda: [F.relu(x) for _ in range(40)]) for _ in range(2)]
for thread in started:
    thread.start()
for thread in started:
    thread.join()
print("both went through")
"""


def test_kernels_in_two_python_threads_on_the_pool_that_cannot_be_shared():
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", "NUMBA_THREADING_LAYER": "workqueue"}
    command = [sys.executable, "-c", AT_ONCE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == "both went through\n", done.stderr
