"""What cupy, CUDA and NVRTC complain of becomes one sentence that says what to do."""

import collections
import math
import re
import sys

import numpy as np
import pytest

import minicnn.ops
from minicnn import cli
from minicnn.cli import information
from minicnn.engine import devices, launching
from minicnn.ops import max_pool_maps
from minicnn.ops.fast import tiled_gpu as conv2d_gpu


def failure(name, text):
    return type(name, (RuntimeError,), {})(text)


FAILURES = [
    ("OutOfMemoryError", "Out of memory allocating 512 bytes", "too little free memory; take sm"),
    ("RuntimeError", "Failed to find CUDA headers", "no CUDA headers; pip install"),
    ("DynamicLibNotFoundError", "Failure finding libnvrtc.so", "no compiler .NVRTC.; pip install"),
    ("CompileException", "nvrtc: error: invalid value for --gpu-architecture", "GPU is too old"),
    ("CUDADriverError", "CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image", "GPU is too old"),
    (
        "CUDARuntimeError",
        "cudaErrorInsufficientDriver: CUDA driver version",
        "NVIDIA driver is mis",
    ),
    ("CUDARuntimeError", "cudaErrorNoDevice: no CUDA-capable device", "there is no NVIDIA GPU"),
]


@pytest.mark.parametrize("name, text, sentence", FAILURES)
def test_an_error_of_cuda_is_one_sentence(name, text, sentence, monkeypatch, capsys):
    def fail():
        raise failure(name, text)

    monkeypatch.setattr(information, "facts", fail)
    assert cli.main(["info"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    with pytest.raises(RuntimeError, match=sentence):
        raise RuntimeError(said)


def test_a_kernel_that_cannot_be_compiled_says_which_and_why():
    class cupy:  # noqa: N801
        @staticmethod
        def RawModule(code, options):  # noqa: N802
            raise failure("CompileException", "nvrtc: error: --gpu-architecture (-arch)")

    with pytest.raises(RuntimeError, match="^kernel relu: this GPU is too old for the installed"):
        launching.compiled(cupy, "text", (), "relu")


def test_other_errors_stay_what_they_are():
    assert launching.in_words(ValueError("relu: expected 4 numbers")) is None


# ---------------------------------------------------------------- cupy that cannot be imported
CUPY_SAYS = '''
raise ImportError("""
================================================================
Failed to import CuPy.

If you installed CuPy via wheels (cupy-cudaXXX), make sure that the package matches with the CUDA.

Original error:
  ImportError: libcudart.so.12: cannot open shared object file: No such file or directory
================================================================
""")
'''
BROKEN = {
    "a library is missing": (CUPY_SAYS, r"fails: ImportError: libcudart.so.12: cannot open"),
    "a package is missing": ("import cupy_backends", "fails: ModuleNotFoundError: .*cupy_backends"),
    "another error": ("1 / 0", "fails: ZeroDivisionError: division by zero; install it anew"),
    "an error without a word": ("raise RuntimeError", "fails: RuntimeError; install it anew"),
    "a part of it": ("x = 1", "is not the library cupy"),
    "an empty folder": (None, "is not the library cupy"),
    "an old driver": (
        "import numpy as np\nndarray, zeros = type(None), np.zeros\nRawKernel = 1\n"
        "class cuda:\n    class runtime:\n        def getDeviceCount():\n            raise OSError",
        "^OSError$",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_cupy_is_called_broken(name, tmp_path, monkeypatch):
    text, sentence = BROKEN[name]
    (tmp_path / "cupy").mkdir()
    if text is not None:
        (tmp_path / "cupy" / "__init__.py").write_text(text)
    for module in [m for m in sys.modules if m.partition(".")[0] == "cupy"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        usable, reason = devices.gpu_status.__wrapped__()
        assert devices.device_of(np.ones(2)) == "cpu" and not devices.is_array("text")
    finally:
        sys.modules.pop("cupy", None)
    assert not usable and "\n" not in reason and "not installed" not in reason
    assert re.search(sentence, reason), reason


def test_without_cupy_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    usable, reason = devices.gpu_status.__wrapped__()
    assert not usable and reason.startswith("cupy is not installed (pip install")


# --------------------------------------------------------------- more elements than an int counts
class Large:
    """An array on no device, of any shape."""

    def __init__(self, shape, dtype=np.float32):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.ndim, self.size = len(self.shape), math.prod(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, k):
        return Large(self.shape[1:], self.dtype)


class Started:
    """In the place of cupy: what kernels are started with."""

    def __init__(self):
        self.calls = []

    def RawModule(self, code, options):  # noqa: N802
        return self

    def get_function(self, name):
        return lambda grid, block, values: self.calls.append((grid, block, values))

    __name__ = "started"


N = (1, 2**15, 2**16)  # 2^31 elements
PLANES = (2**15, 1, 2**8, 2**8)
ONE = (1, 1, 1, 1)
GEOMETRY = (1, 1, 0, 0, 1, 1)
TOO_LARGE = {  # kernel -> arguments, one of them too large
    "relu_forward": (Large(N), Large(N)),
    "exponentials": (Large(N), Large(N), Large((1, 2**16)), Large((1, 2**16))),
    "softmax_forward": (Large(N), Large(N)),
    "softmax_backward": (Large(N), Large(N), Large(N)),
    "log_softmax_forward": (Large(N), Large(N)),
    "cross_entropy_forward": (
        Large(N),
        *[Large((1, 2**16))] * 2,
        Large((1, 2**16), np.int64),
        255,
        Large((2**15,)),
        Large((2**15,)),
        Large((1, 2**16)),
    ),
    "max_pool2d_forward": (Large(PLANES), *[2] * 8, Large(ONE), Large(ONE, np.int32)),
    "avg_pool2d_backward": (Large(ONE), Large((1, 1)), *[2] * 6, Large(PLANES)),
    "conv2d_forward": (Large(PLANES), Large(ONE), Large((1,)), *GEOMETRY, 1, Large(PLANES)),
    "conv2d_grad_input": (Large(PLANES), Large(ONE), *GEOMETRY, 1, Large(PLANES)),
    "conv2d_grad_weight": (Large(PLANES), Large(PLANES), *GEOMETRY, 1, Large(ONE)),
    "conv2d_pad": (Large(ONE), 0, 0, 1, 1, Large(PLANES)),
    "log_sum_exp_pool_forward": (Large((2**15, 2**16)), 1.0, Large((2**15,))),
    "sgd_update": (Large(N), 0.1, 0.9, 0.0, Large(N), Large(N)),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_more_elements_than_a_kernel_counts_are_refused(name, monkeypatch):
    monkeypatch.setattr(launching, "_modules", {})
    monkeypatch.setattr(launching, "launches", collections.Counter())
    body = next(k.gpu_body for k in minicnn.ops.all_kernels() if k.name == name)
    started = Started()
    sentence = f"kernel {name}: 2147483648 elements, where a GPU kernel counts up to 2147418112"
    with pytest.raises(ValueError, match=sentence):
        body(started, *TOO_LARGE[name])
    assert not started.calls

    def smaller(a):  # one row or picture less: an int counts that
        if not isinstance(a, Large) or a.size < 2**31:
            return a
        longest = max(range(a.ndim), key=lambda k: a.shape[k])
        return Large([n - n // 512 * (k == longest) for k, n in enumerate(a.shape)], a.dtype)

    body(started, *map(smaller, TOO_LARGE[name]))
    (_, _, values), *_ = started.calls
    numbers = [v for v in values if isinstance(v, np.integer)]
    assert all(v.dtype == np.int32 and v >= 0 for v in numbers)


def test_whole_numbers_and_grids_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(launching, "launches", collections.Counter())

    def body(blocks=None):
        return launching.GpuBody("k", "", None, None, blocks, None, None)

    small = Large((2, 2))
    for number in (2**31, 2**40, -(2**31) - 1, 2**31 - 1):
        with pytest.raises(ValueError, match=f"kernel k: {number} elements"):
            body()(Started(), number, small)
    for grid in ((2**31,), (1, 65536), (1, 1, 65536)):
        with pytest.raises(ValueError, match=r"blocks, where .* take fewer or smaller"):
            body(blocks=lambda x, grid=grid: (grid, (1,)))(Started(), small)
    body(blocks=lambda x: ((2**31 - 1, 65535, 65535), (1,)))(Started(), small)


def test_offsets_of_a_convolution_do_not_wrap():
    assert conv2d_gpu.offsets.__wrapped__(np, 2, 1, 1, 2**15, 2**15, 1, 1)[1] == 2**30
    with pytest.raises(ValueError, match="a window reaches over 3221225472 numbers.*smaller"):
        conv2d_gpu.offsets.__wrapped__(np, 4, 1, 1, 2**15, 2**15, 1, 1)
    x = Large((1, 4, 2**15, 2**14))
    with pytest.raises(ValueError, match=r"max_pool_maps: a picture of \(4, 32768, 16384\) has"):
        max_pool_maps.MaxPoolMaps([[0, 1]], 2, None, 0, False, None).check(x)


def test_kernels_count_in_int_alone():
    """A wider type would say that more elements are allowed; tables of places are 64 bits long."""
    for kernel in minicnn.ops.all_kernels():
        assert not kernel.gpu_body or "size_t" not in kernel.gpu_body.source, kernel
