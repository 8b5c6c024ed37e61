"""Loops over `prange` that are divided among threads by ourselves."""

import linecache
import sys

import numba
import numpy as np
import pytest

import minicnn
from minicnn.engine import kernel, parallel_loops
from minicnn.engine.loop_runner import PARTS

prange = numba.prange
BASE = 3


def one_loop(x, factor, y):
    n = len(x)
    for i in prange(n):
        y[i] = factor * x[i] + BASE


def two_loops(x, factor, y):
    for i in prange(len(x)):
        t = x[i] * x[i]
        y[i] = t
    for i in prange(len(x)):
        t = y[i] + factor
        y[i] = t


def loop_under_a_condition(x, factor, y):
    table = np.arange(4.0)
    if factor > 0:
        for i in prange(len(x)):
            for k in range(4):
                y[i] += table[k] * x[i]
    else:
        for i in prange(len(x)):
            y[i] = factor
    y[0] += table[3]


def rounds_with_memory_of_their_own(x, factor, y):
    for i in prange(len(x)):
        own = np.zeros(3)
        own[1] = factor * x[i]
        y[i] = own.sum()


def sum_over_rounds(x, factor, y):
    total = 0.0
    for i in prange(len(x)):
        total += x[i]
    y[0] = factor * total


def last_round_is_read(x, factor, y):
    for i in prange(len(x)):
        t = factor * x[i]
        y[i] = t
    y[0] = t


def handed_from_before(x, factor, y):
    t = factor
    for i in prange(len(x)):
        y[i] = t
        t = x[i]


def added_up_for_another_loop(x, factor, y):
    total = 0.0
    for i in prange(len(x)):
        total += x[i]
    for i in prange(len(x)):
        y[i] = x[i] / total


def from_one_on(x, factor, y):
    for i in prange(1, len(x)):
        y[i] = x[i]


def with_else(x, factor, y):
    for i in prange(len(x)):
        y[i] = x[i]
    else:
        y[0] = factor


def ends_early(x, factor, y):
    for i in prange(len(x)):
        if x[i] > factor:
            break
        y[i] = x[i]


def returns_early(x, factor, y):
    for i in prange(len(x)):
        if x[i] > factor:
            return
        y[i] = x[i]


def checks(x, factor, y):
    for i in prange(len(x)):
        if x[i] > factor:
            raise ValueError("too large")
        y[i] = x[i]


def last_index_is_read(x, factor, y):
    i = 0
    for i in prange(len(x)):
        y[i] = x[i]
    y[0] = i


def comes_round_again(x, factor, y):
    t = 0.0
    for _ in range(3):
        y[0] += t
        for i in prange(len(x)):
            t = factor * x[i]
            y[i] = t


def no_loop_by_that_name(x, factor, y):
    for i in numba.prange(len(x)):
        y[i] = x[i]


LEFT = [sum_over_rounds, last_round_is_read, handed_from_before, added_up_for_another_loop]
LEFT += [from_one_on, with_else, ends_early, returns_early, checks, last_index_is_read]
LEFT += [comes_round_again, no_loop_by_that_name]
SPLIT = [one_loop, two_loops, loop_under_a_condition, rounds_with_memory_of_their_own]


@pytest.mark.parametrize("body", SPLIT, ids=lambda b: b.__name__)
@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 1000])
@pytest.mark.parametrize("factor", [1.5, -2.0])
def test_a_loop_in_parts_does_what_plain_python_does(body, length, factor, compiled):
    x = np.random.default_rng(0).normal(size=length)
    wanted, found = np.zeros(length), np.zeros(length)
    body(x, factor, wanted)
    compiled(body)(x, factor, found)
    np.testing.assert_allclose(found, wanted, rtol=1e-15, atol=1e-15)


@pytest.fixture(scope="module")
def compiled():
    known = {}

    def get(body):
        if body not in known:
            known[body] = numba.njit(error_model="numpy")(parallel_loops.split(body))
        return known[body]

    return get


@pytest.mark.parametrize("body", LEFT, ids=lambda b: b.__name__)
def test_rounds_that_do_not_stand_alone_are_left_to_numba(body):
    assert parallel_loops.split(body) is None


def test_source_that_is_not_that_of_the_function_is_left_to_numba(tmp_path):
    text = "prange = range\ndef f(x):\n    for i in prange(len(x)):\n        x[i] += 1\n"
    typed = {}
    exec(text, typed)
    assert parallel_loops.split(typed["f"]) is None  # at a prompt
    file, names = tmp_path / "edited.py", {}
    file.write_text(text)
    exec(compile(text, file, "exec"), names)
    assert parallel_loops.split(names["f"]) is not None
    file.write_text(text.replace("+= 1", "+= 2"))
    linecache.checkcache()
    assert parallel_loops.split(names["f"]) is None  # the file was edited since

    def within(x):
        for i in prange(len(x)):
            x[i] += len(text)

    assert parallel_loops.split(within) is None


def test_a_kernel_that_is_left_to_numba_works():
    scale = kernel.Kernel("sums")
    scale.cpu(sum_over_rounds)
    y = np.zeros(1)
    scale(np.arange(5.0), 2.0, y)
    assert y[0] == 20


def count_rounds(times, threads):
    for i in prange(times.size):
        times[i] += 1
        threads[i] = numba.get_thread_id()


@pytest.mark.parametrize("threads", [1, 2])
def test_every_round_runs_once_on_as_many_threads_as_are_asked_for(threads, compiled):
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("one core")
    before = minicnn.get_num_threads()
    minicnn.set_num_threads(threads)
    try:
        for length in (0, 1, 3, PARTS * threads + 1, 4001):
            times, who = np.zeros(length, np.int64), np.zeros(length, np.int64)
            compiled(count_rounds)(times, who)
            assert (times == 1).all() and (who < threads).all()
    finally:
        minicnn.set_num_threads(before)


@numba.extending.intrinsic
def held_by(typing, array):
    """The place where it is counted who holds an array; 0 if nobody counts."""

    def code(context, builder, signature, arguments):
        given = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(given.meminfo, context.get_value_type(numba.types.intp))

    return numba.types.intp(array), code


def who_counts(x, own, slices, outside):
    outside[0] = held_by(x)
    for i in prange(len(own)):
        memory = np.empty(3)
        own[i], slices[i] = held_by(memory), held_by(x[i:])


def test_threads_do_not_wait_for_one_another_to_count_who_holds_an_array(compiled):
    """A slice of an array that all threads read is counted nowhere in a round; memory of the
    round's own is, and goes with it."""
    x, (own, slices, outside) = np.ones(20), np.zeros((3, 20), np.int64)
    compiled(who_counts)(x, own, slices, outside)
    assert own.all() and not slices.any() and outside[0]
    assert sys.getrefcount(x) == 2 and x.sum() == 20


def too_much(x, y):
    for i in prange(len(x)):
        own = np.empty(x[i])
        y[i] = len(own)


def test_rounds_that_find_no_memory_are_said(compiled):
    sizes = np.array([3, 2**60, 5])
    y = np.zeros(3)
    with pytest.raises(MemoryError, match="lack of memory"):
        compiled(too_much)(sizes, y)
    compiled(too_much)(np.array([3, 4, 5]), y)
    assert y.tolist() == [3, 4, 5]


def test_the_same_text_in_two_files_has_the_globals_of_each(tmp_path):
    found = []
    for factor in (2.0, 3.0):
        file, names = tmp_path / f"{factor}.py", {}
        file.write_text(
            f"from numba import prange\nK = {factor}\n"
            "def f(x, y):\n    for i in prange(len(x)):\n        y[i] = K * x[i]\n"
        )
        exec(compile(file.read_text(), str(file), "exec"), names)
        y = np.zeros(2)
        numba.njit(parallel_loops.split(names["f"]))(np.ones(2), y)
        found.append(y[1])
    assert found == [2, 3]


def decorated(function):
    return function


@decorated
def with_a_decorator(x, y):
    n = len(x)
    for i in prange(n):
        y[i] = x[i]
    y[0] = 0


def test_a_line_of_a_part_is_a_line_of_the_file(monkeypatch):
    parts = []
    monkeypatch.setattr(parallel_loops, "runner", parts.append)
    function = parallel_loops.split(with_a_decorator)
    first = with_a_decorator.__code__.co_firstlineno
    assert function.__code__.co_filename == parts[0].__code__.co_filename == __file__
    assert function.__module__ == __name__
    lines = {line - first for _, _, line in function.__code__.co_lines() if line}
    assert lines == {1, 2, 3, 5}  # the loop is a call
    assert {line - first for _, _, line in parts[0].__code__.co_lines() if line} == {3, 4}


def test_all_loops_of_ours_are_taken_apart():
    """Else they would compile half as long again, and nobody would see it."""
    kernels = minicnn.ops.all_kernels()
    bodies = [k.cpu_body for k in kernels if k.cpu_body]
    parallel = [body for body in bodies if "prange" in body.__code__.co_names]
    assert len(parallel) > 30
    assert not [body.__name__ for body in parallel if parallel_loops.split(body) is None]
