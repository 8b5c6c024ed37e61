"""CUDA C on the CPU: kernels run, and are checked, on machines that have no GPU.

    from minicnn import emulator
    from minicnn.emulator import cupy

    kernel = cupy.RawKernel(source, "scale")
    x, y = cupy.asarray(host_array), cupy.empty(host_array.shape, host_array.dtype)
    with emulator.checked(order="random", seed=1):
        kernel((4,), (256,), (x, np.float32(2), y, np.int32(x.size)))

The very text that a GPU would get is compiled with g++. `checked` reports what is wrong with it in
one sentence, a KernelError: out of bounds, uninitialised, race, divergent barrier, deadlock,
misaligned, overflow, wrong arguments, limits; `idle_blocks` counts blocks that wrote nothing. With
`minicnn.device("emulated")`, or `--device emulated`, whole networks run that way;
MINICNN_EMULATOR=checked in the environment checks them.

To read: cuda.h (CUDA's words for g++), threads.cpp (how a block of threads becomes fibers),
memory.cpp (how each load and store is seen, and what a race is), traffic.cpp (how well memory is
used), then compiling.py, raw_kernels.py, memory.py and cupy.py. What it cannot tell: how fast a
kernel is on a GPU, whether memory would be seen in order without __threadfence, and what a GPU
rounds differently.
"""

from minicnn.emulator.compiling import KernelError, compiler, why_not
from minicnn.emulator.modes import checked, fast, mode
from minicnn.emulator.raw_kernels import idle_blocks, launches
from minicnn.emulator.traffic import report

__all__ = [
    "KernelError",
    "checked",
    "compiler",
    "fast",
    "idle_blocks",
    "launches",
    "mode",
    "report",
    "why_not",
]
