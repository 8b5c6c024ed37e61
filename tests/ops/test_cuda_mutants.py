"""The tests of the CUDA kernels can fail: thirty mistakes of one token, each is found, and the
report names the kernel; where memory is touched wrongly, or too early, the line too. So are those
planted by hand, and blocks that nobody needs. All thirty take 12 seconds of one core, the others
as long."""

import re

import pytest
from support import cuda_mutants
from support.emulated import needs_compiler
from support.kernel_cases import FAST, KERNELS, check, configurations

MUTANTS = cuda_mutants.drawn()
BY_HAND = list(cuda_mutants.by_hand())
EVERY_KERNEL = sorted(set().union(*KERNELS.values(), *FAST.values()))


def test_thirty_different_ones_of_every_kind():
    assert len(set(MUTANTS)) == 30
    assert {mutant.kind for mutant in MUTANTS} == set(cuda_mutants.COUNTS)
    assert len({mutant.kernel for mutant in MUTANTS}) >= 15


def configurations_of(kernel):
    """Those that start it; of a convolution by the algorithm that it belongs to."""
    for name, simple in KERNELS.items():
        fast = FAST.get(name, set())
        for c in configurations(name, "float32") if kernel in simple | fast else ():
            if not fast or (c.algorithm == "simple") == (kernel in simple):
                yield c


@needs_compiler
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_found_and_its_kernel_named(mutant):
    with pytest.raises(AssertionError) as found, cuda_mutants.planted(mutant):
        for configuration in configurations_of(mutant.kernel):
            check(configuration, "float32", "emulated")
    report = str(found.value)
    print(f"{mutant}\n    {report[-300:]}")
    assert mutant.kernel in report, report
    of_memory = mutant.kind in ("barrier", "shared") or re.search("bounds|a race|waits", report)
    if of_memory:
        assert re.search(rf"kernel {mutant.kernel}, line \d+, block", report), report


@needs_compiler
@pytest.mark.parametrize("mutant", BY_HAND, ids=str)
def test_a_mistake_of_sense_is_found(mutant):
    assert mutant.text != mutant.source
    name = mutant.kernel.removesuffix("_forward")  # a wrong winner shows in the gradient
    with pytest.raises(AssertionError, match=name), cuda_mutants.planted(mutant):
        for configuration in reversed(list(configurations_of(mutant.kernel))):  # specials first
            check(configuration, "float32", "emulated", orders=("reversed",))


@needs_compiler
@pytest.mark.parametrize("kernel", EVERY_KERNEL)
def test_twice_as_many_blocks_as_needed_are_reported(kernel):
    # a block of this one writes whatever its number is: its memory ends
    what = "out of bounds" if kernel == "log_sum_exp_pool_forward" else "write nothing"
    idle = f"{kernel}.*{what}|{what}.*{kernel}"
    with pytest.raises(AssertionError, match=idle), cuda_mutants.twice_as_many_blocks(kernel):
        for configuration in configurations_of(kernel):
            if "tf32" not in configuration.algorithm:
                check(configuration, "float32", "emulated", orders=("reversed",))
