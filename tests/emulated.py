"""What the tests of the emulator and of the CUDA kernels share."""

import os

import pytest

from minicnn import emulator

# In CI a missing compiler is a failure: the checks must not vanish quietly.
REQUIRED = os.environ.get("MINICNN_REQUIRE_EMULATOR") == "1"
needs_compiler = pytest.mark.skipif(bool(emulator.why_not()) and not REQUIRED, reason="no g++")
