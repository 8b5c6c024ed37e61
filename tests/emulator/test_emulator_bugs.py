"""Every kind of mistake that a kernel can hold, planted: each is caught, with the kernel, the line,
the block and the thread; the mended kernel passes in every order of its threads."""

import numpy as np
import pytest
from support.emulated import needs_compiler

from minicnn import emulator
from minicnn.emulator import KernelError, cupy

pytestmark = needs_compiler
HEAD = 'extern "C" __global__ void k(const float* x, float* y, int n) {\n  int t = threadIdx.x;\n'


def launch(body, x, y, n=64, grid=1, block=64, shared=0):
    """Runs HEAD + body; its first line is line 3."""
    kernel = cupy.RawKernel(f"{HEAD}{body}\n}}", "k")
    kernel((grid,), (block,), (x, y, np.int32(n)), shared_mem=shared)


def numbers(size, dtype=np.float32):
    return cupy.asarray(np.arange(size, dtype=dtype))


# name: (what the message says, the mistake, the mended kernel, arguments of `launch`)
SHARED = "__shared__ float s[64];\n"
BUGS = {
    "read behind the end": (
        "line 3, block (0, 0, 0), thread (40, 0, 0): reads 4 bytes at x[40], out of bounds: "
        "x has 40 elements",
        "if (t <= n) y[t < n ? t : 0] = x[t];",
        "if (t < n) y[t] = x[t];",
        {"n": 40},
    ),
    "read before the start": (
        "thread (0, 0, 0): reads 4 bytes at x[-1], out of bounds",
        "if (t < n) y[t] = x[t - 1];",
        "if (t < n) y[t] = t ? x[t - 1] : 0;",
        {"n": 40},
    ),
    "write behind the end": (
        "block (1, 0, 0), thread (16, 0, 0): writes 4 bytes at y[80], out of bounds: y has 80",
        "y[t + blockIdx.x * blockDim.x] = t;",
        "if (t + blockIdx.x * blockDim.x < n) y[t + blockIdx.x * blockDim.x] = t;",
        {"n": 80, "grid": 2},
    ),
    "uninitialised array": (
        "reads y[0], which is uninitialised",
        "if (t < n) y[t] += x[t];",
        "if (t < n) y[t] = x[t];",
        {},
    ),
    "uninitialised shared memory": (
        "thread (0, 0, 0): reads shared memory (byte 252), which is uninitialised",
        SHARED + "if (t < 63) s[t] = x[t];\n__syncthreads();\ny[t] = s[63 - t];",
        SHARED + "s[t] = x[t];\n__syncthreads();\ny[t] = s[63 - t];",
        {},
    ),
    "race: all add to one": (
        "line 3, block (0, 0, 0), thread (1, 0, 0): reads y[0], which thread (0, 0, 0) of the same "
        "block writes in line 3, with no barrier between them: a race",
        "if (t == 0) y[0] = 0; y[0] += x[t];",
        "if (t == 0) y[0] = 0; __syncthreads(); atomicAdd(y, x[t]);",
        {},
    ),
    "race: barrier missing after a loop": (
        "line 6, block (0, 0, 0), thread (",
        SHARED + "float v = 0;\nfor (int i = 0; i < 3; i++) {\ns[t] = x[t];\n__syncthreads();\n"
        "v += s[(t + 1) % 64];\n}\ny[t] = v;",
        SHARED + "float v = 0;\nfor (int i = 0; i < 3; i++) {\ns[t] = x[t];\n__syncthreads();\n"
        "v += s[(t + 1) % 64];\n__syncthreads();\n}\ny[t] = v;",
        {},
    ),
    "race between lanes of a warp": (
        "no barrier between them: a race",
        SHARED + "s[t] = 0;\n__syncthreads();\ns[t] = x[t];\ny[t] = s[t ^ 1];",
        SHARED + "s[t] = 0;\n__syncthreads();\ns[t] = x[t];\n__syncwarp();\ny[t] = s[t ^ 1];",
        {},
    ),
    "race: a warp waits, not the block": (
        "no barrier between them: a race",
        SHARED + "s[t] = 0;\n__syncthreads();\ns[t] = x[t];\n__syncwarp();\ny[t] = s[63 - t];",
        SHARED + "s[t] = 0;\n__syncthreads();\ns[t] = x[t];\n__syncthreads();\ny[t] = s[63 - t];",
        {},
    ),
    "race: a shuffle is no barrier": (
        "no barrier between them: a race",
        SHARED + "s[t] = 0;\n__syncthreads();\ns[t] = x[t];\n"
        "float v = __shfl_xor_sync(0xffffffff, x[t], 1);\ny[t] = v + s[t ^ 1];",
        SHARED + "s[t] = 0;\n__syncthreads();\ns[t] = x[t];\n"
        "float v = __shfl_xor_sync(0xffffffff, x[t], 1);\n"
        "if (t % 32 < 16) __syncwarp(0xffff); else __syncwarp(0xffff0000);\ny[t] = v + s[t ^ 1];",
        {},
    ),
    "race: the writer has read too": (
        "line 6, block (0, 0, 0), thread (1, 0, 0): writes shared memory (byte 0), which thread "
        "(0, 0, 0) of the same block reads in line 6, with no barrier between them: a race",
        SHARED + "if (t == 0) s[0] = 2;\n__syncthreads();\nfloat v = s[0]; if (t) s[0] = v + 1;\n"
        "y[t] = v;",
        SHARED + "if (t == 0) s[0] = 2;\n__syncthreads();\nfloat v = s[0];\n__syncthreads();\n"
        "if (t) s[0] = v + 1;\ny[t] = v;",
        {"block": 2},
    ),
    "race between blocks": (
        "writes y[0], which thread (0, 0, 0) of block (0, 0, 0) writes in line 3, and nothing "
        "puts two blocks in order: a race",
        "if (t == 0) y[0] = blockIdx.x;",
        "if (t == 0) y[blockIdx.x] = blockIdx.x;",
        {"grid": 2},
    ),
    "barrier after an early exit": (
        "line 4, block (0, 0, 0), thread (0, 0, 0): waits at this barrier, but 24 threads of the "
        "block have left the kernel, thread (63, 0, 0) among them: a divergent barrier",
        "if (t >= n) return;\n__syncthreads();\ny[t] = x[t];",
        "__syncthreads();\nif (t >= n) return;\ny[t] = x[t];",
        {"n": 40},
    ),
    "barriers in two branches": (
        "line 4, block (0, 0, 0), thread (0, 0, 0): waits at this barrier, but thread (63, 0, 0) "
        "waits at another one, in line 6: a divergent barrier",
        "if (t < 32) {\n__syncthreads();\n} else {\n__syncthreads();\n} y[t] = x[t];",
        "__syncthreads(); y[t] = x[t];",
        {},
    ),
    "deadlock of a warp and a block": (
        "threads wait elsewhere: it waits for ever (deadlock)",
        "if (t % 2) __syncthreads(); else __syncwarp();\ny[t] = x[t];",
        "__syncwarp(); __syncthreads();\ny[t] = x[t];",
        {},
    ),
    "waiting for a thread that cannot run": (
        "thread (0, 0, 0): does not end: an endless loop, or it waits for ever (deadlock)",
        "volatile float* flag = y;\ny[0] = 0;\nif (t == 0) while (flag[0] == 0);\n"
        "else flag[0] = 1;",
        "__syncthreads();\nif (t == 0) y[0] = x[0];",
        {"block": 2},
    ),
    "endless loop with a wait": (
        "line 5, block (0, 0, 0), thread (0, 0, 0): does not end",
        "for (int i = n; i > 0; i -= n / 128) {\ny[t] = x[t];\n__syncthreads();\n}",
        "for (int i = n; i > 0; i -= n / 32) {\ny[t] = x[t];\n__syncthreads();\n}",
        {"block": 2},
    ),
    "endless loop that touches nothing": (
        "line 4, block (0, 0, 0), thread (0, 0, 0): does not end",
        "unsigned i = n;\nwhile (i != 1) i += 2;\ny[t] = i;",
        "unsigned i = n;\nwhile (i != 0) i -= 2;\ny[t] = i;",
        {"block": 2},
    ),
    "misaligned vector": (
        "line 3, block (0, 0, 0), thread (0, 0, 0): a misaligned vector",
        "float4 v = *(const float4*)(x + t + 1);\nif (t == 0) y[0] = v.x + v.w;",
        "float4 v = *(const float4*)(x + 4 * t);\nif (t == 0) y[0] = v.x + v.w;",
        {"block": 8},
    ),
    "index beyond a shared array": (
        "line 4, block (0, 0, 0), thread (9, 0, 0): an index lies outside of its array",
        "__shared__ float s[8][8];\ns[t / 8][t == 9 ? 8 : t % 8] = x[t];\n__syncthreads();\n"
        "y[t] = s[t / 8][t % 8 == 9];",
        "__shared__ float s[8][8];\ns[t / 8][t % 8] = x[t];\n__syncthreads();\ny[t] = s[t / 8][0];",
        {},
    ),
    "behind dynamic shared memory": (
        "out of bounds",
        "extern __shared__ float s[];\ns[t + 1] = x[t];\n__syncthreads();\ny[t] = s[64 - t];",
        "extern __shared__ float s[];\ns[t] = x[t];\n__syncthreads();\ny[t] = s[63 - t];",
        {"shared": 256},
    ),
    "int overflow": (
        "line 3, block (0, 0, 0), thread (0, 0, 0): an int overflows in a product",
        "int i = n * n * 65536; if (i > 0) y[t] = x[t];",
        "long long i = (long long)n * n * 65536; if (i > 0) y[t] = x[t];",
        {"n": 256, "block": 1},
    ),
    "division by zero": (
        "an integer is divided by zero",
        "y[t] = x[t % n];",
        "y[t] = n ? x[t % n] : 0;",
        {"n": 0, "block": 1},
    ),
    "float too large for an int": (
        "a float that no int can hold becomes one",
        "int i = x[t] * 1e10f; y[t] = i;",
        "int i = x[t]; y[t] = i;",
        {},
    ),
    "shuffle from a lane that has ended": (
        "takes the value of lane 8, which has none to give",
        "float v = x[t]; if (t >= 8) return;\ny[t] = __shfl_down_sync(0xffffffff, v, 4);",
        "float v = x[t]; v = __shfl_down_sync(0xffffffff, v, 4); if (t >= 8) return;\ny[t] = v;",
        {"block": 32},
    ),
    "null pointer": (
        "writes 4 bytes at a null pointer",
        "float* z = n ? 0 : y; z[0] = x[t];",
        "y[t] = x[t];",
        {"block": 1},
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_and_its_mended_version_passes(name):
    message, wrong, mended, options = BUGS[name]
    n = max(options.get("n", 64), 40)
    with emulator.checked():
        x, y = numbers(n), cupy.empty(n, np.float32)
        with pytest.raises(KernelError) as caught:
            launch(wrong, x, y, **options)
        assert message in str(caught.value)
        assert str(caught.value).startswith("kernel k, line ")
    results = set()
    for order in ("forward", "reversed", "random"):
        with emulator.checked(order, seed=3):
            y = cupy.empty(n, np.float32)
            launch(mended, x, y, **options)
            results.add(y.host.tobytes())
    assert len(results) == 1


@pytest.mark.parametrize("name", [n for n in BUGS if "race" in n or "barrier" in n])
@pytest.mark.parametrize("order", ["reversed", "random"])
def test_races_and_barriers_are_caught_in_every_order(name, order):
    _, wrong, _, options = BUGS[name]
    with emulator.checked(order, seed=5):
        x, y = numbers(64), cupy.empty(64, np.float32)
        with pytest.raises(KernelError, match="race|divergent|uninitialised"):
            launch(wrong, x, y, **options)


@pytest.mark.parametrize("name", ["barrier after an early exit", "barriers in two branches"])
def test_barriers_are_looked_at_in_fast_mode_too(name):
    message, wrong, _, options = BUGS[name]
    with emulator.fast(), pytest.raises(KernelError) as caught:
        launch(wrong, numbers(64), cupy.empty(64, np.float32), **options)
    assert message in str(caught.value)
