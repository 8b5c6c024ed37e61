"""relu's CUDA text gives the bits of its Numba body: as C++ here, on a GPU where there is one."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from minicnn import functional as F
from minicnn.devices import gpu_status
from minicnn.kernel import gpu_text
from minicnn.ops import relu
from minicnn.tensor import Tensor

THREADS, BLOCK = 1024, 256  # more threads than elements, as on the GPU

# Blocks and threads become two loops around the kernel; one text serves every kernel of this file.
SHIM = """
#define __global__
struct Index { int x; };
static Index blockIdx, threadIdx, blockDim = {BLOCK};
KERNEL
extern "C" void launch(PARAMETERS, int size) {
    for (blockIdx.x = 0; blockIdx.x < THREADS / BLOCK; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < BLOCK; threadIdx.x++)
            NAME(ARGUMENTS, size);
}
"""


def sample(dtype):
    x = np.random.default_rng(0).normal(size=777).astype(dtype)
    x[:6] = np.nan, np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).tiny / 2
    return x


def as_c(kernel, arrays, folder):
    """Runs the CUDA text of `kernel` on arrays (the last is written) with g++ and ctypes."""
    names = [f"a{k}" for k in range(len(arrays))]
    text = SHIM.replace("KERNEL", gpu_text(kernel, arrays[0].dtype)).replace("NAME", kernel.name)
    text = text.replace("PARAMETERS", ", ".join(f"T* {name}" for name in names))
    text = text.replace("ARGUMENTS", ", ".join(names))
    text = text.replace("BLOCK", str(BLOCK)).replace("THREADS", str(THREADS))
    source, library = folder / f"{kernel.name}.cpp", folder / f"{kernel.name}.so"
    source.write_text(text)
    command = ["g++", "-Wall", "-Werror", "-shared", "-fPIC", "-O1", "-o", library, source]
    subprocess.run(command, check=True, timeout=60)
    launch = ctypes.CDLL(str(library)).launch
    launch(*(ctypes.c_void_p(a.ctypes.data) for a in arrays), arrays[-1].size)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to compile the CUDA text with")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cuda_text_gives_the_same_bits(dtype, tmp_path):
    x = sample(dtype)
    gy = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    for kernel, inputs in (
        (relu.relu_forward, (x,)),
        (relu.relu_backward, (gy, F.relu(x).data)),
    ):
        expected = np.empty_like(x)
        kernel(*inputs, expected)
        room = np.full(THREADS, 5, dtype)  # beyond the size nothing may be written
        as_c(kernel, [*inputs, room[: x.size]], tmp_path)
        assert room[: x.size].tobytes() == expected.tobytes()
        assert (room[x.size :] == 5).all()


@pytest.mark.skipif(not gpu_status()[0], reason=f"no GPU: {gpu_status()[1]}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_on_a_gpu(dtype):
    x = sample(dtype)
    gy = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    results = []
    for device in ("cpu", "gpu"):
        t = Tensor(x, requires_grad=True).to(device)
        y = F.relu(t)
        y.backward(Tensor(gy).to(device).data)
        results.append((y.numpy().tobytes(), Tensor(t.grad).numpy().tobytes()))
    assert results[0] == results[1]
