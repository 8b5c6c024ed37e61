"""The tests of the CUDA kernels can fail: thirty mistakes of one token, each is found, and the
report names the kernel; where memory is touched wrongly, the line too."""

import re

import cuda_mutants
import pytest
from kernel_cases import FAST, KERNELS, check, configurations

from minicnn import emulator

DRAWN = cuda_mutants.drawn()
MUTANTS = [m for m in DRAWN if m.key not in cuda_mutants.EQUIVALENT]
QUICK = [0, 7, 14]  # a bound, a sign, an index; the others are slow


def test_thirty_different_ones_of_every_kind():
    assert len({mutant.key for mutant in DRAWN}) == 30
    assert {mutant.key for mutant in DRAWN} >= set(cuda_mutants.EQUIVALENT)
    assert {mutant.kind for mutant in MUTANTS} == set(cuda_mutants.COUNTS)
    assert len({mutant.kernel for mutant in MUTANTS}) >= 15


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(m, marks=() if k in QUICK else pytest.mark.slow) for k, m in enumerate(MUTANTS)],
    ids=str,
)
def test_a_mistake_is_found_and_its_kernel_named(mutant):
    if emulator.why_not():
        pytest.skip(emulator.why_not())
    tested = [*KERNELS.items(), *FAST.items()]
    names = sorted({name for name, kernels in tested if mutant.kernel in kernels})
    with pytest.raises(AssertionError) as found, cuda_mutants.planted(mutant):
        for name in names:
            for configuration in configurations(name, "float32"):
                check(configuration, "float32", "emulated", orders=("reversed", "random"))
    report = str(found.value)
    assert mutant.kernel in report, report
    if "kernel " + mutant.kernel in report and "an array" not in report:
        assert re.search(rf"kernel {mutant.kernel}, line \d+, block", report), report
    print(f"{mutant}\n    {report[-300:]}")
