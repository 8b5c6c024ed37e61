"""RawKernel and RawModule as CuPy has them; their launches are checked, and run on the CPU.

CuPy passes arguments as they come: a Python float as 8 bytes of double, an array of another dtype
as if it were the right one. The kernel then reads wrong numbers, silently. Here each one is
compared with the kernel's own signature first.
"""

import collections
import ctypes
import threading

import numpy as np

from minicnn.emulator import compiling, sentences
from minicnn.emulator.compiling import KernelError
from minicnn.emulator.memory import ndarray
from minicnn.emulator.modes import ORDERS, mode
from minicnn.emulator.structures import Index, Launch, Region

POINTER = 256  # added to the letter of a dtype (cuda.h, struct Code)
BLOCK_LIMITS, GRID_LIMITS = (1024, 1024, 64), (2**31 - 1, 65535, 65535)
SHARED_LIMIT, SHARED_LIMIT_ASKED_FOR = 48 << 10, 227 << 10

launches = collections.Counter()  # name of a kernel or array function -> launches so far
idle_blocks = collections.Counter()  # kernel -> blocks of checked launches that wrote nothing
traffic = None  # where `report` collects
_lock = threading.Lock()  # the runtime runs one launch at a time


def count(name):
    """Notes one launch: on a GPU an array function is one too."""
    launches[name] += 1


class RawModule:
    """The kernels of one CUDA C text."""

    def __init__(self, *, code, options=(), backend="nvrtc"):
        self.code, self.options = code, tuple(options)
        self.parameters = compiling.parameters(code)
        self._libraries = {}

    def get_function(self, name):
        """One kernel, to be called as `kernel(grid, block, args, shared_mem=0)`."""
        if name not in self.parameters:
            known = ", ".join(self.parameters) or "none"
            raise KernelError(f"there is no kernel {name!r} in this text (there are: {known})")
        return RawKernel(self.code, name, self.options, _module=self)

    def library(self, checked):
        """The compiled text, compiled at the first call in each mode."""
        if checked not in self._libraries:
            path = compiling.compiled(self.code, self.parameters, self.options, checked)
            self._libraries[checked] = Library(path)
        return self._libraries[checked]


class Library:
    """A loaded library; `static` are the two ends of the shared memory of its blocks."""

    def __init__(self, path):
        self.path, self.functions = path, ctypes.CDLL(str(path))
        places = (ctypes.c_void_p * 3)()
        self.functions.places(places)
        *self.static, self.start = places

    def line(self, address):
        return compiling.line_of(self.path, address - self.start) if address else None


class RawKernel:
    """One kernel of a CUDA C text, by its name."""

    def __init__(self, code, name, options=(), backend="nvrtc", *, _module=None):
        self.name, self.code = name, code
        self.max_dynamic_shared_size_bytes = SHARED_LIMIT
        self.module = _module or RawModule(code=code, options=options)
        self.module.parameters.setdefault(name, [])
        self._codes = None

    def compile(self):
        """Compiles now and not at the first call."""
        self.module.library(mode().checked)

    def __call__(self, grid, block, args, *, shared_mem=0):
        library = self.module.library(mode().checked)
        grid, block = _three("grid", grid), _three("block", block)
        self._check_limits(grid, block, shared_mem, library)
        values, arrays = self._arguments(args, library)
        count(self.name)
        launch = Launch()
        launch.kernel = ctypes.cast(library.functions[f"call_{self.name}"], ctypes.c_void_p)
        launch.arguments = (ctypes.c_void_p * (len(values) + 1))(*(v.ctypes.data for v in values))
        launch.grid, launch.block = Index(*grid), Index(*block)
        launch.shared_begin, launch.shared_end = library.static
        launch.dynamic_bytes = shared_mem
        launch.checked, launch.seed = mode().checked, mode().seed
        launch.order = ORDERS.index(mode().order)
        regions = _regions(arrays) if mode().checked else []
        launch.regions, launch.region_count = (Region * len(regions))(*regions), len(regions)
        with _lock:
            if traffic is not None:
                library.functions.traffic_begin()
            failed = library.functions.run(ctypes.byref(launch))
            if traffic is not None:
                traffic.note(self, library)
        if not mode().checked:
            for _, array in arrays:
                array.memory.written = None  # nobody looked: taken for written
        if failed:
            raise KernelError(sentences.describe(self, launch.failure, arrays, library))
        if launch.idle_blocks:
            idle_blocks[self.name] += launch.idle_blocks

    def _check_limits(self, grid, block, shared_mem, library):
        static = (library.static[1] or 0) - (library.static[0] or 0)
        if 0 in grid or 0 in block:
            reason = "both need at least one"
        elif np.prod(block) > 1024 or any(
            b > most for b, most in zip(block, BLOCK_LIMITS, strict=True)
        ):
            reason = f"a block has at most 1024 threads, {BLOCK_LIMITS} in x, y, z"
        elif any(g > most for g, most in zip(grid, GRID_LIMITS, strict=True)):
            reason = f"a grid has at most {GRID_LIMITS} blocks in x, y, z"
        elif shared_mem > self.max_dynamic_shared_size_bytes or (
            shared_mem + static > SHARED_LIMIT_ASKED_FOR
        ):
            reason = (
                f"{shared_mem} bytes of dynamic shared memory beside {static} static ones; the "
                f"limit is {self.max_dynamic_shared_size_bytes} (max_dynamic_shared_size_bytes)"
            )
        else:
            return
        raise KernelError(f"kernel {self.name}, grid {grid}, block {block}: {reason}")

    def _arguments(self, args, library):
        """(one numpy scalar or pointer for each argument, [(name, array) of the arrays])."""
        if self._codes is None:
            codes = (ctypes.c_int * 65)()
            library.functions[f"codes_{self.name}"](codes)
            self._codes = list(codes)[: list(codes).index(-1)]
        names = self.module.parameters[self.name]
        if len(names) != len(self._codes):
            names = [f"argument {k}" for k in range(len(self._codes))]
        if len(args) != len(names):
            raise KernelError(
                f"kernel {self.name} takes {len(names)} arguments ({', '.join(names)}), "
                f"got {len(args)}"
            )
        values, arrays = [], []
        for name, value, code in zip(names, args, self._codes, strict=True):
            where = f"kernel {self.name}, argument {name}"
            dtype = np.dtype(chr(code % POINTER)) if code % POINTER else None
            if code >= POINTER:
                values.append(_pointer(where, value, dtype))
                if value is not None:
                    arrays.append((name, value))
            else:
                values.append(_scalar(where, value, dtype))
        return values, arrays


def _three(what, size):
    size = (size,) if isinstance(size, int) else tuple(int(s) for s in size)
    if not 1 <= len(size) <= 3 or min(size) < 0:
        raise KernelError(f"{what} {size}: expected one, two or three numbers")
    return size + (1,) * (3 - len(size))


def _pointer(where, value, dtype):
    if value is None:
        return np.array(0, np.uint64)
    if not isinstance(value, ndarray):
        kind = type(value).__name__
        raise TypeError(f"{where}: expected an array on the device, got a {kind} of the host")
    if dtype is not None and value.dtype != dtype:
        raise TypeError(f"{where}: expected an array of {dtype}, got one of {value.dtype}")
    if not value.flags.c_contiguous:
        raise ValueError(f"{where}: the array is not C-contiguous (strides {value.strides})")
    return np.array(value.pointer, np.uint64)


def _scalar(where, value, dtype):
    """The value as the kernel expects it. A Python int may stand for any whole number that holds
    it: CuPy passes 8 bytes, of which the kernel reads the lower ones."""
    if isinstance(value, ndarray | np.ndarray):
        raise TypeError(f"{where}: expected one {dtype}, got an array")
    if isinstance(value, np.generic):
        right, kind = value.dtype == dtype, f"np.{value.dtype}"
    else:
        allowed = {bool: "?", int: "iu", float: "d"}.get(type(value), "")
        right, kind = dtype.kind in allowed or dtype.char in allowed, type(value).__name__
    if not right:
        raise TypeError(
            f"{where}: expected {dtype}, got {kind} {value!r}, which travels as other bytes; "
            f"pass np.{dtype}({value})"
        )
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
        raise OverflowError(f"{where}: {dtype} cannot hold {value}")
    return np.array(value, dtype)


def _regions(arrays):
    """The memory that a kernel may use: a Region for each array, or for several that overlap."""
    merged = []
    for array in sorted((a for _, a in arrays), key=lambda a: a.pointer):
        end = array.pointer + array.nbytes
        if merged and array.pointer < merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        elif array.nbytes:
            merged.append([array.pointer, end, array])
    return [Region(a, b, array.itemsize, array.written_at(a), None) for a, b, array in merged]
