"""What cupy, CUDA and NVRTC complain of becomes one sentence that says what to do."""

import re
import sys

import numpy as np
import pytest

from minicnn import cli
from minicnn.cli import information
from minicnn.engine import devices, launching


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
