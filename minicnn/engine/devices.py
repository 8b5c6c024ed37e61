"""Where arrays live: numpy arrays on the CPU, cupy arrays on the GPU, those of minicnn.emulator on
the device «emulated», where the GPU's kernels run on the CPU.

The device of an array is its type; nothing else remembers it. cupy, and the emulator, are imported
only when somebody asks for them, so nobody else pays for it.
"""

import contextlib
import ctypes
import functools
import importlib
import sys
import threading

import numpy as np

from minicnn.engine import forking
from minicnn.engine.launching import in_words, one_line

# The module whose `ndarray` an array is tells its device.
MODULES = {"cpu": "numpy", "gpu": "cupy", "emulated": "minicnn.emulator.cupy"}


class _OfThread(threading.local):
    """What `device` chose, in each thread for itself."""

    default = "cpu"


_of_thread = _OfThread()


def keep_freed_memory():
    """Tells the C library to keep the memory of freed arrays for the next ones. Else it hands large
    pieces back to the system, which clears them before it gives them out again: a quarter of the
    time of a training step. glibc only; elsewhere nothing happens."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(mmap_threshold, 2**30) or mallopt(mmap_threshold, 2**25)  # the most it may allow


keep_freed_memory()


def array_module(array):
    """numpy for a numpy array, cupy for a cupy array, the emulator's cupy for one of its own: the
    `xp` of code that serves all."""
    return np if (device := device_of(array)) == "cpu" else sys.modules[MODULES[device]]


def device_of(array):
    """'cpu', 'gpu' or 'emulated'."""
    if type(array) is np.ndarray:
        return "cpu"
    device = "cpu" if np.isscalar(array) else _device_or_none(array)
    if device is None:
        raise TypeError(
            f"expected a numpy or cupy array, got {type(array).__name__}; "
            "inside an Op work on plain arrays (tensor.data), not on Tensors"
        )
    return device


def _device_or_none(array):
    for device, name in MODULES.items():
        module = sys.modules.get(name)
        # a folder that is called cupy is a module, too, without any ndarray
        if module is not None and isinstance(array, getattr(module, "ndarray", ())):
            return device
    return None


def is_array(value):
    """Whether `value` is an array of any device."""
    return _device_or_none(value) is not None


def empty_like(array, shape=None):
    """An uninitialised C-contiguous array of the same dtype and device, for a kernel to fill."""
    return array_module(array).empty(array.shape if shape is None else shape, dtype=array.dtype)


def move(array, device):
    """`array` on `device` ('cpu', 'gpu' or 'emulated'); the same object where it is already."""
    if device_of(array) == device:
        return array
    check_device(device)
    host = array if isinstance(array, np.ndarray) else array_module(array).asnumpy(array)
    return importlib.import_module(MODULES[device]).asarray(host)


@contextlib.contextmanager
def device(name):
    """Parameters and inputs made inside `with minicnn.device("gpu"):` are made on the GPU, with
    "emulated" where the emulator runs its kernels. It holds in the thread that asks for it: one
    that is started inside begins on the CPU."""
    check_device(name)
    before, _of_thread.default = _of_thread.default, name
    try:
        yield
    finally:
        _of_thread.default = before


def default_device():
    """The device of parameters and inputs that are made now."""
    return _of_thread.default


def check_device(name):
    """ValueError for a name that is no device, RuntimeError for one that cannot be used here."""
    if name not in MODULES:
        raise ValueError(f"device {name!r}: choose 'cpu', 'gpu' or 'emulated'")
    usable, reason = {"gpu": gpu_status, "emulated": emulator_status}.get(name, _always)()
    if not usable:
        raise RuntimeError(f"the device {name!r} cannot be used: {reason}")


def check_one_device(name, arrays):
    """Raises RuntimeError where the arrays that an operation gets do not lie on one device."""
    if len({type(a) for a in arrays}) > 1:  # else there is nothing to ask
        places = [device_of(a) for a in arrays]
        if len(set(places)) > 1:
            where = ", ".join(f"input {k} on the {d}" for k, d in enumerate(places))
            either = " or ".join(f".to({d!r})" for d in sorted(set(places)))
            raise RuntimeError(
                f"{name}: the inputs lie on different devices ({where}); move them to one, with "
                f"{either}"
            )


def _always():
    return True, ""


def emulator_status():
    """(usable, its compiler or the reason in words)."""
    emulator = importlib.import_module("minicnn.emulator")  # only when it is asked for
    reason = emulator.why_not()
    return not reason, reason or str(emulator.compiler())


@functools.cache
def gpu_status():
    """(usable, reason in words). Compiles and runs one tiny kernel: a driver alone is not enough,
    CuPy also needs NVRTC and the CUDA headers."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name == "cupy":
            return False, "cupy is not installed (pip install 'cupy-cuda12x[ctk]' for CUDA 12)"
        return False, _broken_cupy(error)
    except Exception as error:  # whatever a half-installed cupy raises while it is imported
        return False, _broken_cupy(error)
    if not hasattr(cupy, "RawKernel"):
        where = next(iter(getattr(cupy, "__path__", ["?"])))
        return False, f"the cupy in {where} is not the library cupy: it has no RawKernel"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
        if count < 1:
            return False, "CUDA finds no device"
        source = 'extern "C" __global__ void probe(int* x) { x[0] = 42; }'
        x = cupy.zeros(1, dtype=np.int32)
        cupy.RawKernel(source, "probe")((1,), (1,), (x,))
        if int(x[0]) != 42:
            return False, "a test kernel ran but gave a wrong result"
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        return True, name
    except Exception as error:  # every way in which CUDA can fail ends in one sentence
        return False, in_words(error) or one_line(error)


def _broken_cupy(error):
    reason = in_words(error) or one_line(error)
    return f"cupy is installed, but importing it fails: {reason}; install it anew"


def set_num_threads(n):
    """`n` threads for the kernels that this thread of the program calls (others are asked for
    themselves), and for numpy's matrix products, whoever calls them. Results are the same bits for
    the same `n`; another `n` may add in another order."""
    import numba

    if n > 1 and forking.only_one_thread():
        raise RuntimeError(
            f"set_num_threads({n}): this process was forked from one that had run kernels, so it "
            "has one thread; start it by multiprocessing.get_context('forkserver') or 'spawn'"
        )
    if not 1 <= n <= numba.config.NUMBA_NUM_THREADS:
        raise ValueError(
            f"set_num_threads({n}): this machine allows 1 to {numba.config.NUMBA_NUM_THREADS}"
        )
    numba.set_num_threads(n)
    inside, outside = blas_libraries()
    for library in outside:
        library.set_num_threads(n)
    for library in inside:
        library.set_num_threads(1)


def blas_libraries():
    """(the BLAS that kernels use, the one that numpy uses elsewhere).

    A matrix product inside a kernel (`np.dot`, which Numba hands to the BLAS that SciPy brought)
    has to run on the thread that asks for it, since the other threads run the same kernel. numpy's
    own BLAS is another copy of the library, which may use all threads. Where both share one copy
    (conda, Debian) it counts as inside: one thread."""
    import scipy.linalg.cython_blas  # noqa: F401  (loads SciPy's BLAS, so that it can be found)
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    outside = [library for library in libraries if "numpy.libs" in library.filepath]
    return [library for library in libraries if library not in outside], outside


def get_num_threads():
    """The number of threads that the Numba kernels use."""
    import numba

    return numba.get_num_threads()
