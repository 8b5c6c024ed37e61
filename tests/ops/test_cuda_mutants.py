"""The tests of the CUDA kernels can fail: thirty mistakes of one token, each is found, and the
report names the kernel; where memory is touched wrongly, or too early, the line too. All thirty
take 12 seconds of one core."""

import re

import pytest
from support import cuda_mutants
from support.emulated import needs_compiler
from support.kernel_cases import FAST, KERNELS, check, configurations

MUTANTS = cuda_mutants.drawn()


def test_thirty_different_ones_of_every_kind():
    assert len(set(MUTANTS)) == 30
    assert {mutant.kind for mutant in MUTANTS} == set(cuda_mutants.COUNTS)
    assert len({mutant.kernel for mutant in MUTANTS}) >= 15


def configurations_of(mutant):
    """Those that start the kernel; of a convolution by the algorithm that it belongs to."""
    for name, simple in KERNELS.items():
        fast = FAST.get(name, set())
        for c in configurations(name, "float32") if mutant.kernel in simple | fast else ():
            if not fast or (c.algorithm == "simple") == (mutant.kernel in simple):
                yield c


@needs_compiler
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_found_and_its_kernel_named(mutant):
    with pytest.raises(AssertionError) as found, cuda_mutants.planted(mutant):
        for configuration in configurations_of(mutant):
            check(configuration, "float32", "emulated")
    report = str(found.value)
    print(f"{mutant}\n    {report[-300:]}")
    assert mutant.kernel in report, report
    of_memory = mutant.kind in ("barrier", "shared") or re.search("bounds|a race|waits", report)
    if of_memory:
        assert re.search(rf"kernel {mutant.kernel}, line \d+, block", report), report
