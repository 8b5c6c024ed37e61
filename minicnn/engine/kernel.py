"""A Kernel joins the bodies of one computation under one name.

    scale = Kernel("scale", "x[...], factor, y[...]")

    @scale.cpu                                   # plain Python; compiled by Numba at the first call
    def scale_cpu(x, factor, y):
        for i in prange(x.size):
            y.flat[i] = factor * x.flat[i]

    scale.gpu(r'''                               // complete CUDA C; T is float or double
    extern "C" __global__ void scale(const T* x, T factor, T* y, int size) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < size) y[i] = factor * x[i];
    }''')

    scale(x, 2.0, y)                             # the arrays decide which body runs

Arrays come first to last as the bodies name them, outputs included, all C-contiguous and of one
floating dtype, so that each body compiles once per dtype. The line beside the name says which
shapes they have; `shapes.py` compares it before a body runs, which would read and write outside of
an array that is too short. Each body gathers: a thread looks for all that belongs to an output
element, and nobody else writes it. That means no races, and the same bits every time. (A faster
algorithm may scatter where one thread has all that it writes to.)

A CPU body may call @helper functions, of its own file or imported by name; an edit of these, or of
a number that they use, is noticed by the disk cache (kernel_cache.py). Rounds of a loop over
`prange` may not write to what other rounds read, by whatever name. With NUMBA_DISABLE_JIT=1 in the
environment nothing is compiled, and a debugger walks through the loops. How a GPU body is compiled
and started, `launching.py` says.

A computation may have a faster algorithm: `@kernel.fast` decorates a plain function with the same
arguments, which may call other kernels, for numpy arrays or (`device="gpu"`) for those on a GPU;
these functions are in `ops/fast`. `with algorithm("simple"):` forces the body to read.
"""

import contextlib
import os
import threading
from inspect import isfunction
from pathlib import Path

import numpy as np

from minicnn.basics import turns
from minicnn.engine import launching, loop_runner
from minicnn.engine.devices import array_module, blas_libraries, check_one_device
from minicnn.engine.rehearsal import rehearse, rehearsing
from minicnn.engine.shapes import Shapes, arrays_among

# 1 / 0 is infinite, as in numpy; Python's way, an exception, would cost every division a check
NUMPYS = {"error_model": "numpy"}
_helpers = {}  # a plain function that kernels call -> what Numba makes of it, once it was needed


class _OfThread(threading.local):
    """What `algorithm` chose, in each thread for itself."""

    algorithm = "auto"


_of_thread = _OfThread()
compiling = threading.Lock()  # kernels share helpers, which are compiled once
os.register_at_fork(after_in_child=compiling._at_fork_reinit)  # who holds it is not in the child

# Importing Numba takes longer than importing the rest of minicnn, so it waits for the first call of
# a kernel, which puts Numba's own prange (parallel over all threads) in the place of this one.
prange = range


def cuda_beside(file):
    """The CUDA C of an operation that is too long to stand between its loops: of the file with the
    same name as `file` and the ending .cu."""
    return Path(file).with_suffix(".cu").read_text("utf-8")


def helper(function=None, *, fused=False):
    """Decorator for a function that CPU bodies call. It is compiled along with them, right into the
    place of the call, so that a loop around it can use vector instructions. If `fused`, a product
    and a sum may be one instruction, rounded once, and a sum of many numbers may be taken in any
    order."""
    if function is None:
        return lambda f: helper(f, fused=fused)
    function.fused, _helpers[function] = fused, None
    return function


@contextlib.contextmanager
def algorithm(name):
    """Forces 'simple' (the kernel to read) or 'fast' where there are two; 'auto' takes the fast.
    'tf32' is 'fast', but on a GPU convolutions in float32 multiply numbers cut to 11 bits, for
    which there are special circuits: several times as fast, three correct digits.
    It holds in the thread that asks for it, and in no other."""
    if name not in ("auto", "simple", "fast", "tf32"):
        raise ValueError(f"algorithm {name!r}: choose 'auto', 'simple', 'fast' or 'tf32'")
    before, _of_thread.algorithm = _of_thread.algorithm, name
    try:
        yield
    finally:
        _of_thread.algorithm = before


def chosen_algorithm():
    """The name that the innermost `with algorithm(name):` gave; 'auto' outside of all."""
    return _of_thread.algorithm


class Kernel:
    """One computation with a CPU body, a GPU body and a place for a second algorithm."""

    def __init__(self, name, shapes=None):
        self.name = name
        # what the arguments are, see shapes.py; an algorithm that only another kernel calls, with
        # arguments that it has compared, may leave it out
        self.shapes = shapes and Shapes(shapes)
        self.cpu_body = None  # the Python function, for whoever wants to read or step through it
        self.gpu_body = None
        self._compiled = None
        self._fast = {}  # device -> (applies, keeps, function)

    def __repr__(self):
        return f"Kernel({self.name!r})"

    def cpu(self, body):
        """Decorator: the CPU body. It is compiled at the first call, and loops over `prange` run on
        all threads."""
        self.cpu_body = body
        return body

    def gpu(self, source, sizes=None, threads=None, blocks=None, constants=None, arguments=None):
        """The GPU body: CUDA C that defines `extern "C" __global__ void NAME`. It is started with
        one thread for each element of the last argument, whose size follows the arguments; other
        kernels say otherwise:

        sizes(*args)      the ints that follow the arguments
        threads(*args)    how many threads to start, in blocks of 256; or else
        blocks(*args)     (grid, block), where the threads of a block work together
        constants(*args)  {name: int} that the compiler shall know, as -D name=int
        arguments(*args)  what the body gets in the place of args
        """
        self.gpu_body = launching.GpuBody(
            self.name, source, sizes, threads, blocks, constants, arguments
        )

    def fast(self, applies=lambda *args: True, device="cpu", keeps=False):
        """Decorator: the second algorithm for arrays on `device`; `applies(*args)` says whether it
        can take these inputs. One that `keeps` gets the `keep` of the call as its last argument."""
        if device in self._fast:
            raise ValueError(f"kernel {self.name} has a fast algorithm on the {device} already")

        def decorate(function):
            self._fast[device] = applies, keeps, function
            return function

        return decorate

    def __call__(self, *args, keep=None):
        """Runs the body, or a fast algorithm. `keep`, a dict, lets the algorithms of an op hand
        intermediate results to one another, from forward to backward too."""
        arrays = self._check(args)
        module = array_module(arrays[0])
        device = "cpu" if module is np else "gpu"
        # what is empty, as a batch of no pictures, is left to the bodies, whose loops do nothing
        fast = device in self._fast and _of_thread.algorithm != "simple"
        if fast and all(a.size for a in arrays):
            applies, keeps, function = self._fast[device]
            if applies(*args):
                return function(*args, keep) if keeps else function(*args)
        if module is np:
            return self._call_cpu(*args)
        if self.gpu_body is None:
            raise NotImplementedError(f"{self.name} has no GPU kernel yet; move input to the CPU")
        return self.gpu_body(module, *args)

    def _check(self, args):
        """The arrays among the arguments. Raises an error, in a sentence, before a body could read
        or write outside of one."""
        arrays = arrays_among(args, self.name)
        check_one_device(f"kernel {self.name}", arrays)
        if self.shapes:
            self.shapes.check(self.name, args)
        return arrays

    def _call_cpu(self, *args):
        if rehearsing():
            return rehearse(self, args)
        try:
            run = self.compiled()
            with loop_runner.one_at_a_time():
                return run(*args)
        except Exception:
            turns.made()  # for what could not be compiled nobody need wait
            raise

    def compiled(self):
        """What Numba makes of the CPU body; compiled at the first call."""
        if self._compiled is None:
            with compiling:
                self._compiled = self._compiled or _compile(self.cpu_body)
        return self._compiled


def _compile(body):
    """`body` as a Numba function that compiles itself at its first call and caches on disk."""
    import numba

    from minicnn.engine import kernel_cache, parallel_loops

    kernel_cache.announce_compilation()
    if "dot" in body.__code__.co_names:
        for library in blas_libraries()[0]:
            library.set_num_threads(1)
    functions, files = _compile_helpers(body)
    if numba.config.DISABLE_JIT:
        return body
    parallel = "prange" in body.__code__.co_names
    if parallel and (parts := parallel_loops.split(body)) is not None:
        body, parallel = parts, False
        files |= {parallel_loops.__file__, loop_runner.__file__}
    return kernel_cache.cached(numba.njit(parallel=parallel, **NUMPYS)(body), functions, files)


def _compile_helpers(body):
    """Puts Numba's functions in the place of all helpers that `body` calls, or that those call.
    Returns the functions, and the files of what is written in the compiler's own language."""
    import numba

    calling, files = [body], set()
    for function in calling:  # helpers join at its end
        names = function.__globals__
        if "prange" in names:
            names["prange"] = numba.prange
        for name in function.__code__.co_names:
            if hasattr(names.get(name), "for_numba") and not numba.config.DISABLE_JIT:
                names[name] = names[name].for_numba()  # written in the compiler's own language
            files.update(getattr(names.get(name), "written_in", ()))
            plain = getattr(names.get(name), "py_func", names.get(name))
            if not (isfunction(plain) and plain in _helpers):
                continue
            if _helpers[plain] is None:
                flags = {"fastmath": {"contract", "reassoc"} if plain.fused else False}
                _helpers[plain] = numba.njit(forceinline=True, **NUMPYS, **flags)(plain)
            names[name] = _helpers[plain]
            if plain not in calling:
                calling.append(plain)
    return calling, files
