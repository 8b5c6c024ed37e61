"""What a step will need is compiled by a copy of the process, which changes nothing else."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minicnn import Tensor, nn
from minicnn import functional as F
from minicnn.engine import compiling_ahead, kernel
from minicnn.engine.rehearsal import rehearsal

PROGRAM = """
import multiprocessing, os, sys, time
import numpy as np
from minicnn import Tensor, functional as F
from minicnn.engine.compiling_ahead import compile_ahead

x = Tensor(np.float32([-1, 2]), requires_grad=True)
def step():
    F.relu(x).backward(np.ones(2, np.float32))
    if {fails}:
        raise ValueError("a step that fails")
if __name__ == "__main__":
    compile_ahead(step)
    for copy in multiprocessing.active_children():
        copy.join(60)
    print(x.grad)
"""


def compiled_by(folder, threads=2, fails=False):
    """Which kernels lie in the cache in `folder`, after a process has gone through compile_ahead
    and called none itself; and what it said."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "NUMBA_NUM_THREADS": str(threads)}
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(fails=fails)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert (said.returncode, said.stdout, said.stderr) == (0, "None\n", "")
    return {path.name.split("-")[0] for path in folder.rglob("*.nbi")}


def test_a_copy_compiles_what_a_step_will_need_and_the_process_itself_has_run_nothing(tmp_path):
    assert compiled_by(tmp_path) == {"relu.relu_forward_cpu", "relu.relu_backward_cpu"}


def test_a_step_that_fails_in_the_copy_is_nobodys_concern(tmp_path):
    assert compiled_by(tmp_path, fails=True) == {"relu.relu_forward_cpu", "relu.relu_backward_cpu"}


def test_one_thread_has_nobody_to_compile_ahead(tmp_path):
    assert compiled_by(tmp_path, threads=1) == set()


def test_who_may_have_no_children_has_none(monkeypatch):
    monkeypatch.setattr(compiling_ahead, "get_num_threads", lambda: 2)
    monkeypatch.setitem(compiling_ahead.multiprocessing.current_process()._config, "daemon", True)
    compiling_ahead.compile_ahead(lambda: pytest.fail("it was copied"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_needed_are_the_kernels_that_a_step_really_calls_with_the_types_that_it_calls_them_with(
    dtype, monkeypatch
):
    import numba

    network = nn.Sequential(nn.Conv2d(3, 16, 7), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 4, 3))
    network.to(dtype=dtype)
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(1, 3, 64, 48)).astype(dtype))
    labels = Tensor(rng.integers(0, 4, (1, 27, 19)))

    def step():
        F.cross_entropy(network(x), labels).backward()

    needed = compiling_ahead.needed(step)
    assert not network.modules[3].bias.grad.any()  # no kernel has run
    called, run = set(), kernel.Kernel._call_cpu

    def watched(self, *args):
        called.add((self, tuple(map(numba.typeof, args))))
        return run(self, *args)

    monkeypatch.setattr(kernel.Kernel, "_call_cpu", watched)
    step()
    assert len(called) > 8 and set(needed) == called


@pytest.mark.parametrize("side", [7, 3])  # Fourier's and Winograd's tiles, whose filters are kept
def test_nothing_of_a_rehearsal_is_remembered(side):
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(1, 64, 64, 64)).astype(np.float32))
    w = Tensor(rng.normal(size=(64, 64, side, side)).astype(np.float32))
    with rehearsal():
        F.conv2d(x, w)
    with kernel.algorithm("simple"):
        right = F.conv2d(x, w).numpy()
    np.testing.assert_allclose(F.conv2d(x, w).numpy(), right, atol=1e-3)


def test_in_a_rehearsal_results_are_zeros():
    x, noted = Tensor(np.float32([-1, 2])), []
    with rehearsal(lambda called, args: noted.append(called.name)):
        assert not F.relu(x).numpy().any()
    assert noted == ["relu_forward"]
    np.testing.assert_array_equal(F.relu(x).numpy(), [0, 2])
