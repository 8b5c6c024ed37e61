"""The emulator of CUDA kernels: what it runs, what it refuses, its arrays, its cache."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.emulated import needs_compiler

from minicnn import emulator
from minicnn.emulator import KernelError, compiling, cupy
from minicnn.engine import devices

pytestmark = needs_compiler
SCALE = """
extern "C" __global__ void scale(const float* x, float factor, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = factor * x[i];
}
"""


def device(values, dtype=np.float32):
    return cupy.asarray(np.asarray(values, dtype))


def run(source, name, grid, block, *args, options=(), **kwargs):
    cupy.RawKernel(source, name, options=options)(grid, block, args, **kwargs)


@pytest.fixture(params=["fast", "checked"])
def either_mode(request):
    with getattr(emulator, request.param)("random", seed=1):
        yield


# ------------------------------------------------------------------------------ what kernels can do
def test_blocks_and_threads_in_three_dimensions(either_mode):
    source = """
    extern "C" __global__ void number(int* y) {
        int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
        int t = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
        int place = block * blockDim.x * blockDim.y * blockDim.z + t;
        y[place] = place * 3;
    }"""
    y = cupy.empty(2 * 3 * 4 * 5 * 3 * 2, np.int32)
    run(source, "number", (2, 3, 4), (5, 3, 2), y)
    assert (y.get() == 3 * np.arange(720)).all()


def test_a_sum_by_shared_memory_shuffles_and_atomics(either_mode):
    source = """
    extern "C" __global__ void total(const float* x, float* y, int n) {
        extern __shared__ float part[];
        __shared__ float all[1];
        int t = threadIdx.x;
        float v = t < n ? x[blockIdx.x * n + t] : 0;
        for (int by = 16; by > 0; by /= 2) v += __shfl_down_sync(0xffffffff, v, by);
        if (t % 32 == 0) part[t / 32] = v;
        __syncthreads();
        if (t == 0) {
            all[0] = 0;
            for (int w = 0; w < blockDim.x / 32; w++) all[0] += part[w];
        }
        __syncthreads();
        if (t == blockDim.x - 1) atomicAdd(y, all[0]);
    }"""
    x, y = np.arange(300), device([0.5])
    run(source, "total", (3,), (128,), device(x), y, np.int32(100), shared_mem=16)
    assert y.get() == x.sum() + 0.5


def test_lanes_of_a_warp_exchange_values(either_mode):
    source = """
    extern "C" __global__ void lanes(const double* x, double* y, unsigned* votes) {
        int t = threadIdx.x;
        y[t] = __shfl_xor_sync(0xffffffff, x[t], 1);
        y[64 + t] = __shfl_up_sync(0xffffffff, x[t], 2);
        y[128 + t] = __shfl_sync(0xffffffff, x[t], 7);
        if (t % 32 < 16) y[192 + t] = __shfl_xor_sync(0xffff, x[t], 3);
        else y[192 + t] = __shfl_xor_sync(0xffff0000, x[t], 15);
        votes[t] = __ballot_sync(0xffffffff, t % 3 == 0);
        if (!__any_sync(0xffffffff, t == 40) != (t < 32)) votes[t] = 0;
        if (__all_sync(0xffffffff, t < 40) != (t < 32)) votes[t] = 0;
    }"""
    x = np.random.default_rng(0).normal(size=64)
    y, votes = cupy.empty(256, np.float64), cupy.empty(64, np.uint32)
    run(source, "lanes", (1,), (64,), device(x, np.float64), y, votes)
    lane, first = np.arange(64) % 32, np.arange(64) // 32 * 32
    y = y.get().reshape(4, 64)
    assert (y[0] == x[first + (lane ^ 1)]).all()
    assert (y[1] == x[first + np.where(lane < 2, lane, lane - 2)]).all()
    assert (y[2] == x[first + 7]).all()
    assert (y[3] == x[first + np.where(lane < 16, lane ^ 3, lane ^ 15)]).all()
    bits = [sum(1 << k for k in range(32) if (k + f) % 3 == 0) for f in (0, 32)]
    assert (votes.get() == np.repeat(bits, 32)).all()


def test_vectors_mathematics_helpers_and_constants(either_mode):
    source = """
    __constant__ float table[3] = {1, 10, 100};
    template <class N> __device__ __forceinline__ N twice(N x) { return x + x; }
    extern "C" __global__ void __launch_bounds__(32) mixed(const float4* x, double2* y) {
        float4 v = x[threadIdx.x];
        float s = table[0] * v.x + table[1] * v.y + table[2] * v.z;
        y[threadIdx.x] = make_double2(twice(exp((double)s)), max(fmaxf(v.w, 0.5f), rsqrtf(v.x)));
    }"""
    x, y = device([[1, 0.2, 0.01, 9], [4, 0.1, 0.03, 0]]), cupy.empty((2, 2), np.float64)
    kernel = cupy.RawKernel(source, "mixed")
    kernel((1,), (2,), (x, y))
    np.testing.assert_allclose(y.get(), [[2 * np.exp(4), 9], [2 * np.exp(8), 0.5]], rtol=1e-6)


@pytest.mark.parametrize("order", ["forward", "reversed", "random"])
def test_threads_and_blocks_run_in_the_order_asked_for(order):
    source = """
    extern "C" __global__ void when(int* clock, int* y, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] = atomicAdd(clock, 1);
    }"""
    seen = []
    for seed in (1, 1, 2):
        with emulator.fast(order, seed):
            y = cupy.empty(24, np.int32)
            run(source, "when", (3,), (8,), device([0], np.int32), y, np.int32(24))
            seen.append(np.argsort(y.get()).tolist())
    assert sorted(seen[0]) == list(range(24)) and seen[0] == seen[1]
    assert all(len({i // 8 for i in seen[0][k : k + 8]}) == 1 for k in (0, 8, 16))  # block by block
    if order == "random":
        assert seen[0] != seen[2] and seen[0] != sorted(seen[0])
    else:
        assert seen[0] == sorted(seen[0], reverse=order == "reversed")


def test_in_place_and_overlapping_arguments(either_mode):
    x = device(np.arange(8))
    run(SCALE, "scale", (1,), (8,), x, np.float32(2), x, np.int32(8))
    run(SCALE, "scale", (1,), (8,), x[:4], np.float32(2), x[4:], np.int32(4))
    assert x.get().tolist() == [0, 2, 4, 6, 0, 4, 8, 12]
    with emulator.checked(), pytest.raises(KernelError, match=r"race|x\[4\]"):
        run(SCALE, "scale", (1,), (8,), x[:5], np.float32(2), x[3:], np.int32(5))


def test_the_slower_fibers_of_other_processors_do_the_same(monkeypatch, tmp_path):
    flags = [*compiling.RUNTIME_FLAGS, "-DUSE_UCONTEXT"]
    monkeypatch.setattr(compiling, "RUNTIME_FLAGS", flags)
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    for mode in (emulator.fast, emulator.checked):
        with mode("random", seed=3):
            test_a_sum_by_shared_memory_shuffles_and_atomics(None)


def test_what_a_gpu_compiler_does_not_know_does_not_compile():
    for word in ("INFINITY", "uint32_t(1)", "std::max(1, 2)"):
        with pytest.raises(KernelError, match="does not compile: line 2: "):
            run(f'extern "C" __global__ void k(float* y) {{\ny[0] = {word}; }}', "k", (1,), (1,))
    with pytest.raises(KernelError, match="no kernel 'other'.*scale"):
        cupy.RawModule(code=SCALE).get_function("other")


# ----------------------------------------------------------------------------- what launches refuse
GOOD = (device([1, 2, 3, 4]), np.float32(2), device([0, 0, 0, 0]), np.int32(4))


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (
            0,
            device([1], np.float64),
            "argument x: expected an array of float32, got one of float64",
        ),
        (0, np.ones(4, np.float32), "argument x: expected an array on the device, got a ndarray"),
        (0, device(np.ones((4, 4))).T, r"argument x: the array is not C-contiguous"),
        (0, 5, "argument x: expected an array on the device, got a int"),
        (1, 0.5, r"argument factor: expected float32, got float 0.5.*pass np.float32\(0.5\)"),
        (1, 1, "argument factor: expected float32, got int 1"),
        (1, np.float64(1), "argument factor: expected float32, got np.float64"),
        (1, device([1]), "argument factor: expected one float32, got an array"),
        (3, np.int64(4), "argument n: expected int32, got np.int64"),
        (3, 2**40, "argument n: int32 cannot hold 1099511627776"),
        (3, True, "argument n: expected int32, got bool"),
    ],
)
def test_arguments_of_another_type_are_refused(position, value, message, either_mode):
    args = [*GOOD]
    args[position] = value
    with pytest.raises((TypeError, ValueError, OverflowError), match=message):
        run(SCALE, "scale", (1,), (4,), *args)


@pytest.mark.parametrize(
    ("grid", "block", "shared", "message"),
    [
        ((0,), (4,), 0, "both need at least one"),
        ((1,), (2048,), 0, "at most 1024 threads"),
        ((1,), (32, 64), 0, "at most 1024 threads"),
        ((1,), (1, 1, 128), 0, "at most 1024 threads, .* 64"),
        ((1, 70000), (1,), 0, "at most .* blocks"),
        ((1, 1, 1, 1), (1,), 0, "one, two or three numbers"),
        ((1,), (4,), 50_000, "shared memory .* the limit is 49152"),
    ],
)
def test_launch_limits(grid, block, shared, message, either_mode):
    with pytest.raises(KernelError, match=message):
        run(SCALE, "scale", grid, block, *GOOD, shared_mem=shared)


def test_the_number_of_arguments(either_mode):
    with pytest.raises(KernelError, match=r"takes 4 arguments \(x, factor, y, n\), got 3"):
        run(SCALE, "scale", (1,), (4,), *GOOD[:3])


# --------------------------------------------------------------------------------------- its arrays
def test_host_and_device_do_not_mix():
    x = device([1, 2, 3])
    for mixing in (
        lambda: x + np.ones(3, np.float32),
        lambda: np.ones(3, np.float32) * x,
        lambda: np.asarray(x),
        lambda: np.exp(x),
        lambda: cupy.concatenate([x, np.ones(3)]),
        lambda: x.__setitem__(0, np.ones(1)),
    ):
        with pytest.raises(TypeError):
            mixing()
    assert (np.float32(2) * x).get().tolist() == [2, 4, 6]
    assert not isinstance(x, np.ndarray) and not hasattr(cupy, "linalg")
    with pytest.raises(TypeError):
        cupy.sum(x, where=True)  # numpy has it, CuPy has not


def test_arithmetic_stays_on_the_device_and_views_share_memory():
    a = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    x = device(a)
    assert isinstance(x.sum(), cupy.ndarray) and x.sum().shape == ()
    np.testing.assert_array_equal((x @ x.T).get(), a @ a.T)
    np.testing.assert_array_equal((2 - x / 3).get(), 2 - a / 3)
    np.testing.assert_array_equal(cupy.where(x > 0, x, 0).get(), np.where(a > 0, a, 0))
    x[1] = 5
    x.T[0, 2] = 7
    x[:, 3] += x[:, 0]
    assert x.reshape(12)[4] == 5 and x[2, 0].item() == 7 and x[1, 3] == 10
    assert x.copy().memory is not x.memory and x.T.memory is x.memory
    assert cupy.asarray(x) is x and cupy.array(x).memory is not x.memory


def test_reading_what_no_kernel_has_written():
    with emulator.checked():
        y = cupy.empty((4, 5), np.float32)
        y[:, :3] = 1
        assert (y[:, :3] + 1).get().sum() == 24
        for read in (lambda: y + 1, lambda: y.get(), lambda: cupy.exp(y), lambda: y[3].sum()):
            with pytest.raises(KernelError, match="uninitialised"):
                read()
        y.T[3:] = 2
        assert y.sum().item() == 28
        x = cupy.empty(4, np.float32)
    run(SCALE, "scale", (1,), (4,), GOOD[0], np.float32(2), x, np.int32(4))
    with emulator.checked():
        assert x.sum().item() == 20  # a fast kernel is believed to have written it
    # Where nothing is checked, what nobody has written is at least not a number.
    source = """
    extern "C" __global__ void forgetful(float* y) {
        __shared__ float s[4];
        y[threadIdx.x] = s[threadIdx.x];
    }"""
    run(source, "forgetful", (1,), (4,), x)
    assert np.isnan(x.get()).all() and np.isnan(cupy.empty(3, np.float32).get()).all()


def test_names_and_arguments_are_those_of_cupy():
    if os.environ.get("MINICNN_REQUIRE_CUPY") != "1":
        pytest.importorskip("cupy", reason="cupy is not installed; nothing to compare with")
    import cupy as real
    from support.emulated import differences_from_cupy

    assert differences_from_cupy(real) == []


# ------------------------------------------------------------------------------- cache and compiler
def test_compiled_kernels_are_kept_on_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    with ThreadPoolExecutor(2) as pool:  # at once, as several test processes would
        list(pool.map(lambda k: cupy.RawKernel(SCALE, "scale").compile(), range(2)))
    before = sorted(p.name for p in tmp_path.iterdir())
    assert [p.rpartition(".")[2] for p in before].count("so") == 1 and len(before) == 2
    run(SCALE + "//", "scale", (1,), (4,), *GOOD)
    run(SCALE, "scale", (1,), (4,), *GOOD, options=("-DN=2",))
    assert len(list(tmp_path.iterdir())) == 4
    monkeypatch.setattr(compiling, "_run", None)  # from here on nothing can be compiled
    run(SCALE, "scale", (1,), (4,), *GOOD)
    with pytest.raises(TypeError):
        run(SCALE + "///", "scale", (1,), (4,), *GOOD)


def test_a_kernel_whose_file_was_cut_short_is_compiled_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    path = compiling.compiled(SCALE, ["scale"], (), checked=False)
    for ending in ("o", "so"):
        for file in tmp_path.glob(f"*.{ending}"):
            whole = file.read_bytes()
            for kept in (0, 100, len(whole) // 2, len(whole) - 1):
                file.write_bytes(whole[:kept])
                assert not compiling.is_whole(file)
    assert compiling.compiled(SCALE, ["scale"], (), checked=False) == path
    assert all(compiling.is_whole(file) for file in tmp_path.iterdir())
    run(SCALE, "scale", (1,), (4,), *GOOD)
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path / "nowhere")
    with pytest.raises(KernelError, match="cannot be kept in .*nowhere .No such file.*make room"):
        run(SCALE + "////", "scale", (1,), (4,), *GOOD)


def test_without_a_compiler_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(compiling, "compiler", lambda: None)
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    with pytest.raises(KernelError, match=r"not installed \(apt install g\+\+\)"):
        run(SCALE, "scale", (1,), (4,), *GOOD)
    with pytest.raises(RuntimeError, match=r"'emulated' cannot be used: .*apt install g\+\+"):
        devices.check_device("emulated")


def test_importing_minicnn_does_not_import_the_emulator():
    code = "import sys, minicnn; sys.exit(any('emulator' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ------------------------------------------------------------------------------------------- counts
def test_traffic_finds_bank_conflicts_and_strides():
    source = """
    extern "C" __global__ void turn(const float* x, float* y, int step) {
        __shared__ float s[32][WIDTH];
        int i = threadIdx.x, j = threadIdx.y;
        s[j][i] = x[(j * 32 + i) * step];
        __syncthreads();
        y[j * 32 + i] = s[i][j];
    }"""
    found = {}
    for width in (32, 33):
        for step in (1, 2):
            x, y = device(np.zeros(1024 * step)), cupy.empty(1024, np.float32)
            with emulator.report() as traffic:
                options = (f"-DWIDTH={width}",)
                run(source, "turn", (1,), (32, 32), x, y, np.int32(step), options=options)
            rows = {(r.line, r.memory): r for r in traffic.rows}
            assert rows[7, "global"].transfers == rows[7, "global"].ideal == 4
            assert "s[i][j]" in str(traffic)
            found[width, step] = rows[7, "shared"].transfers, rows[5, "global"].transfers
    assert found == {(32, 1): (32, 4), (32, 2): (32, 8), (33, 1): (1, 4), (33, 2): (1, 8)}


def test_launches_are_counted():
    before = emulator.launches.copy()
    run(SCALE, "scale", (1,), (4,), *GOOD)
    GOOD[0] + GOOD[0].sum()
    assert emulator.launches - before == {"scale": 1, "sum": 1, "__add__": 1}


def test_blocks_that_write_nothing_are_counted():
    before = emulator.idle_blocks.copy()
    for mode in (emulator.fast, emulator.checked):  # fast looks at nothing
        with mode():
            run(SCALE, "scale", (3,), (2,), *GOOD)
            run(SCALE, "scale", (2,), (3,), *GOOD)
    assert emulator.idle_blocks - before == {"scale": 1}
