"""How the GPU body of a Kernel is compiled and started.

The text of a body is complete CUDA C without any #include. One line is put in front of it, which
says what T is, `typedef float T;` or `typedef double T;`; numbers that the compiler shall know come
as -D NAME=VALUE. cupy hands the text to NVRTC, NVIDIA's compiler, and keeps the result on disk.

A kernel is started on a grid of blocks of threads. Most kernels of this package need no more than
one thread for each element of the result; then blocks are of 256, and the last one reaches over the
end, which is why every body begins with `if (i < size)`. Another number is what an op says in
`.gpu(threads=..., blocks=...)`; too few leave elements that nobody writes, and the emulator
says so when one is read.

What travels to a GPU is bytes: a number of another type than the kernel expects would be read as
garbage, without a word. Hence whole numbers travel as int and others as T, whatever they were; a
numpy integer keeps its own type, and None is a null pointer.

Kernels count in int, which is what a GPU is fastest at. So no array may have more elements than an
int holds: they are refused here, for all kernels at once, in a sentence.
"""

import collections
import threading

import numpy as np

BLOCK = 256
# Elements of an array: less than 2^31 by what tiles and blocks may count over its end.
MOST = 2**31 - 2**16
MOST_BLOCKS = (2**31 - 1, 65535, 65535)  # of a grid, in x, y and z; the same for all GPUs
OLDEST = "compute capability 7.5 (2018)"

launches = collections.Counter()  # kernel -> how often this process has started it on a GPU
_of_thread = threading.local()  # and each thread: .launches
_modules = {}  # (name of the array module, text, options) -> compiled module


class GpuBody:
    """The CUDA C of one kernel and how to start it; see Kernel.gpu."""

    def __init__(self, name, source, sizes, threads, blocks, constants, arguments):
        self.name, self.source = name, source
        self.sizes = sizes or (lambda *args: (args[-1].size,))
        self.blocks = blocks or _one_thread_each(threads or (lambda *args: args[-1].size))
        self.constants = constants or (lambda *args: {})
        self.arguments = arguments or (lambda *args: args)

    def __call__(self, cupy, *args):
        grid, block = self.blocks(*args)
        if 0 in grid:
            return  # nothing to compute
        dtype = next(a.dtype for a in args if hasattr(a, "ndim") and a.dtype.kind == "f")
        passed = (*self.arguments(*args), *self.sizes(*args))
        self._check_sizes(grid, passed)
        values = tuple(_argument(a, dtype) for a in passed)
        options = tuple(f"-D{name}={value}" for name, value in self.constants(*args).items())
        function = compiled(cupy, cuda_text(self.source, dtype), options, self.name)
        function(grid, block, values)
        launches[self.name] += 1
        _of_thread.launches = launched_here() + 1

    def _check_sizes(self, grid, passed):
        large = [a.size for a in passed if getattr(a, "size", 1) > MOST]
        large += [a for a in passed if isinstance(a, int) and not -(2**31) <= a <= MOST]
        too_many = None
        if large:
            too_many = f"{large[0]} elements, where a GPU kernel counts up to {MOST}"
        elif any(n > most for n, most in zip(grid, MOST_BLOCKS, strict=False)):
            too_many = f"{grid} blocks, where a GPU has up to {MOST_BLOCKS}"
        if too_many:
            raise ValueError(
                f"kernel {self.name}: {too_many}; take fewer or smaller pictures at a time"
            )


def launched_here():
    """How many kernels this thread has started on a GPU."""
    return getattr(_of_thread, "launches", 0)


def _one_thread_each(threads):
    return lambda *args: ((-(-threads(*args) // BLOCK),), (BLOCK,))


def cuda_text(source, dtype):
    """The text of a body for one dtype, as the compiler gets it."""
    c_type = {"float32": "float", "float64": "double"}[np.dtype(dtype).name]
    return f"typedef {c_type} T;\n{source}"


def compiled(cupy, text, options, name):
    """The function `name` of a text; each text is compiled once for each set of options. Raises
    RuntimeError, in a sentence, where there is no compiler or the GPU is too old for it."""
    key = cupy.__name__, text, options
    try:
        if key not in _modules:
            _modules[key] = cupy.RawModule(code=text, options=options)
        return _modules[key].get_function(name)
    except Exception as error:
        sentence = in_words(error)
        if sentence is None:
            raise
        raise RuntimeError(f"kernel {name}: {sentence}") from error


def in_words(error):
    """What to do about an error of cupy, CUDA or NVRTC, in a sentence; None for another error."""
    text = f"{type(error).__name__}: {error}"
    if "OutOfMemory" in text:
        return "the GPU has too little free memory; take smaller pictures or fewer at a time"
    if "CUDA headers" in text:
        return "cupy finds no CUDA headers; pip install 'cupy-cuda12x[ctk]' brings them"
    if "nvrtc" in text.lower() and ("NotFound" in text or "cannot open" in text):
        return "cupy finds no compiler (NVRTC); pip install 'cupy-cuda12x[ctk]' brings it"
    if "gpu-architecture" in text or "NoBinaryForGpu" in text or "NO_BINARY" in text:
        return f"this GPU is too old for the installed CUDA, which begins at {OLDEST}"
    if "InsufficientDriver" in text or "insufficient for CUDA" in text:
        return "the NVIDIA driver is missing or older than the installed CUDA; update it"
    if "NoDevice" in text:
        return "there is no NVIDIA GPU in this machine"
    return None


def one_line(error):
    """An error's type and the line of its text that says most: cupy quotes the error that it met,
    after a page of advice, as «ImportError: libcudart.so.12: cannot open shared object file»."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" =-")]
    quoted = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception"))]
    if quoted:
        return quoted[-1]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _argument(value, dtype):
    if isinstance(value, float | np.floating):
        return dtype.type(value)
    if value is None or hasattr(value, "dtype"):  # an array, or a numpy integer
        return value
    return np.int32(value)
