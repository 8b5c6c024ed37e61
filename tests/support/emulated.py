"""What the tests of the emulator and of the CUDA kernels share."""

import os

import pytest

from minicnn import emulator

# In CI a missing compiler is a failure: the checks must not vanish quietly.
REQUIRED = os.environ.get("MINICNN_REQUIRE_EMULATOR") == "1"
needs_compiler = pytest.mark.skipif(bool(emulator.why_not()) and not REQUIRED, reason="no g++")


def differences_from_cupy(real):
    """What the stand-in has and the real cupy has not: names and arguments, as sentences."""
    import inspect

    from minicnn.emulator import cupy as ours

    found = []
    own = {
        "of",
        "part",
        "host",
        "memory",
        "pointer",
        "read",
        "wrote",
        "written_at",
    }  # of the emulator
    for name in vars(ours.ndarray):
        if name not in own and not name.startswith("_") and not hasattr(real.ndarray, name):
            found.append(f"ndarray.{name} does not exist")
    for name in ours.OPERATORS:
        if not hasattr(real.ndarray, f"__{name}__"):
            found.append(f"the operator {name} does not exist")
    made = ("put_along_axis", "empty", "empty_like", "asarray", "array", "asnumpy")
    for name in (*ours.FUNCTIONS, *ours.UFUNCS, *ours.CONSTANTS, *made, "RawKernel", "RawModule"):
        if not hasattr(real, name):
            found.append(f"cupy.{name} does not exist")
    for name in (*ours.FUNCTIONS, *made):
        theirs = list(inspect.signature(getattr(real, name)).parameters)
        for k, argument in enumerate(inspect.signature(getattr(ours, name)).parameters):
            if argument not in theirs or theirs.index(argument) != k:
                found.append(f"cupy.{name}({', '.join(theirs)}): {argument} is not number {k}")
    real.RawKernel("", "name", options=("-DN=1",))  # neither needs a driver
    module = real.RawModule(code="", options=("-DN=1",))
    if not callable(real.RawKernel("", "name")) or not hasattr(module, "get_function"):
        found.append("RawKernel or RawModule is used in another way")
    return found
