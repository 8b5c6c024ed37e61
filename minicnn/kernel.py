"""A Kernel joins the bodies of one computation under one name.

    scale = Kernel("scale")

    @scale.cpu                                   # plain Python; compiled by Numba at the first call
    def scale_cpu(x, factor, y):
        for i in prange(x.size):
            y.flat[i] = factor * x.flat[i]

    scale.gpu(r'''                               // complete CUDA C; T is float or double
    extern "C" __global__ void scale(const T* x, T factor, T* y, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] = factor * x[i];
    }''', threads=lambda x, factor, y: y.size, sizes=lambda x, factor, y: (y.size,))

    scale(x, 2.0, y)                             # the arrays decide which body runs

Arrays come first to last as the bodies name them, outputs included, all C-contiguous and of one
floating dtype, so that each body compiles once per dtype. Each thread writes one output element and
nothing else (gather, never scatter): no races, and the same bits every time.

A CPU body may call only @helper functions of its own file: Numba's disk cache notices an edit of
that file, and of no other. With NUMBA_DISABLE_JIT=1 in the environment nothing is compiled, and a
debugger walks through the loops.

A computation may have faster algorithms: `@kernel.fast` decorates a plain function with the same
arguments, which may call other kernels. Of several the latest that applies is taken, and
`with algorithm("simple"):` forces the body to read.
"""

import contextlib
import sys

import numpy as np

from minicnn.devices import array_module, blas_libraries

_algorithm = "auto"
_helpers = {}  # module globals (by id) -> the plain functions that its kernels call

# Importing Numba takes longer than importing the rest of minicnn, so it waits for the first call of
# a kernel, which puts Numba's own prange (parallel over all threads) in the place of this one.
prange = range


def helper(function):
    """Decorator for a function that CPU bodies of the same file call. It is compiled along with
    them, right into the place of the call, so that a loop around it can use vector instructions."""
    _helpers.setdefault(id(function.__globals__), []).append(function)
    return function


@contextlib.contextmanager
def algorithm(name):
    """Forces 'simple' (the kernel to read) or 'fast' where there are two; 'auto' takes the fast."""
    global _algorithm
    if name not in ("auto", "simple", "fast"):
        raise ValueError(f"algorithm {name!r}: choose 'auto', 'simple' or 'fast'")
    before, _algorithm = _algorithm, name
    try:
        yield
    finally:
        _algorithm = before


class Kernel:
    """One computation with a CPU body, a place for a GPU body and for a second algorithm."""

    def __init__(self, name):
        self.name = name
        self.cpu_body = None  # the Python function, for whoever wants to read or step through it
        self.gpu_source = None
        self._compiled = None
        self._fast = []  # (applies, function): the latest that applies is taken
        self._gpu_compiled = {}

    def __repr__(self):
        return f"Kernel({self.name!r})"

    def cpu(self, body):
        """Decorator: the CPU body. It is compiled at the first call, and loops over `prange` run on
        all threads."""
        self.cpu_body = body
        return body

    def gpu(self, source, threads, sizes):
        """The GPU body: CUDA C that defines `extern "C" __global__ void NAME`. `threads(*args)`
        gives the number of threads to start, `sizes(*args)` the ints that follow the arguments."""
        self.gpu_source, self._threads, self._sizes = source, threads, sizes

    def fast(self, applies=lambda *args: True):
        """Decorator: a second algorithm; `applies(*args)` says whether it can take these inputs."""

        def decorate(function):
            self._fast.append((applies, function))
            return function

        return decorate

    def __call__(self, *args):
        self._check(args)
        if _algorithm != "simple":
            for applies, function in reversed(self._fast):
                if applies(*args):
                    return function(*args)
        first = next(a for a in args if hasattr(a, "dtype"))
        if array_module(first) is np:
            return self._call_cpu(*args)
        return self._call_gpu(array_module(first), *args)

    def _check(self, args):
        floats = set()
        for position, a in enumerate(args):
            if not hasattr(a, "ndim"):
                continue
            if not a.flags.c_contiguous:
                raise ValueError(f"kernel {self.name}: argument {position} is not C-contiguous")
            if a.dtype.kind == "f":
                floats.add(a.dtype.name)
        if len(floats) > 1:
            raise TypeError(
                f"kernel {self.name}: arrays of {sorted(floats)}; one dtype is expected"
            )

    def _call_cpu(self, *args):
        if self._compiled is None:
            self._compiled = _compile(self.cpu_body)
        return self._compiled(*args)

    def _call_gpu(self, cupy, *args):
        if self.gpu_source is None:
            raise NotImplementedError(
                f"{self.name} has no GPU kernel yet; move its input to the CPU"
            )
        dtype = next(a.dtype for a in args if hasattr(a, "dtype") and a.dtype.kind == "f")
        if dtype not in self._gpu_compiled:
            self._gpu_compiled[dtype] = cupy.RawKernel(gpu_text(self, dtype), self.name)
        values = [_gpu_scalar(a, dtype) for a in (*args, *self._sizes(*args))]
        threads = self._threads(*args)
        block = 256
        if threads > 0:
            self._gpu_compiled[dtype](((threads + block - 1) // block,), (block,), tuple(values))


def _compile(body):
    """`body` as a Numba function that compiles itself at its first call and caches on disk."""
    import numba

    announce_compilation()
    if "dot" in body.__code__.co_names:
        for library in blas_libraries()[0]:
            library.set_num_threads(1)
    names = body.__globals__
    if "prange" in names:
        names["prange"] = numba.prange
    # 1 / 0 is infinite, as in numpy; Python's way, an exception, would cost every division a check
    numpys = {"error_model": "numpy"}
    for function in _helpers.pop(id(names), []):
        names[function.__name__] = numba.njit(forceinline=True, **numpys)(function)
    options = numpys | {"parallel": "prange" in body.__code__.co_names}
    try:
        return numba.njit(cache=True, **options)(body)
    except RuntimeError:  # typed at a prompt, or a folder that cannot be written: no disk cache
        return numba.njit(**options)(body)


def gpu_text(kernel, dtype):
    """The CUDA C text of `kernel` for one dtype, as the compiler gets it."""
    c_type = {"float32": "float", "float64": "double"}[np.dtype(dtype).name]
    return f"typedef {c_type} T;\n{kernel.gpu_source}"


def _gpu_scalar(value, dtype):
    """A bare Python float would travel as 8 bytes of double, whatever the kernel expects."""
    if hasattr(value, "ndim"):
        return value
    if isinstance(value, float | np.floating):
        return dtype.type(value)
    return np.int32(value)


_listening = False


def announce_compilation():
    """Says «compiling kernels, once» on stderr when Numba compiles something, and not when it only
    loads from its disk cache."""
    global _listening
    if _listening:
        return
    _listening = True
    from numba.core import config, event

    if config.DISABLE_JIT:
        return

    class Announce(event.Listener):
        said = False

        def on_start(self, event):
            if not Announce.said:
                Announce.said = True
                print("minicnn: compiling kernels, once (a minute at most)", file=sys.stderr)

        def on_end(self, event):
            pass

    event.register("numba:compile", Announce())
