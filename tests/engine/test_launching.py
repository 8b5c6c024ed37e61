"""What cupy, CUDA and NVRTC complain of becomes one sentence that says what to do."""

import pytest

from minicnn import cli
from minicnn.cli import information
from minicnn.engine import launching


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
