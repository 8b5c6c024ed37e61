"""NVRTC, NVIDIA's compiler of CUDA C, without a GPU and without a driver: does a text compile, and
what does each kernel need?

    python tests/support/nvrtc.py     registers, shared memory and spills of every kernel

It is the compiler that cupy uses, asked in cupy's words, so what compiles here is what a GPU would
run. The extra `nvrtc` brings it, a hundred megabytes that only this needs.
"""

import ctypes
import functools
import glob
import re
import sysconfig

import minicnn.ops
import minicnn.optim  # noqa: F401  has a kernel too
from minicnn.engine.launching import cuda_text

ARCHITECTURES = 75, 80, 90  # Turing (2018), Ampere (2020), Hopper (2022)
# What tiled_gpu.cu is compiled with; tensor cores for TF32 begin with sm_80.
TILES = [(BM, 0) for BM in (16, 64, 128)] + [(BM, 1) for BM in (64, 128)]


@functools.cache
def library():
    """The newest installed NVRTC, or None."""
    pattern = f"{sysconfig.get_paths()['purelib']}/nvidia/*/lib/libnvrtc.so.1[0-9]*"
    found = [path for path in sorted(glob.glob(pattern)) if ".alt." not in path]
    return ctypes.CDLL(found[-1]) if found else None


def compile(text, architecture, options=()):
    """(what the compiler says, the program in PTX). Raises RuntimeError with its errors."""
    nvrtc, program, size = library(), ctypes.c_void_p(), ctypes.c_size_t()
    options = [*options, "--std=c++17", "-ftz=true", f"-arch=sm_{architecture}"]
    options += ["--device-as-default-execution-space", "--ptxas-options=-v"]
    words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None)
    failed = nvrtc.nvrtcCompileProgram(program, len(options), words)
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    log = log.value.decode()
    if failed:
        raise RuntimeError(f"sm_{architecture}:\n{log}")
    nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
    ptx = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetPTX(program, ptx)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return log, ptx.value.decode()


def needs(log):
    """{kernel: (registers, bytes of shared memory, bytes spilled, bytes of stack)}."""
    result, name, spilled, stack = {}, None, 0, 0
    for line in log.splitlines():
        if found := re.search(r"(?:Function properties for|entry function) '?(\w+)", line):
            name = found[1]
        if found := re.search(r"(\d+) bytes stack.* (\d+) bytes spill st.* (\d+) bytes", line):
            stack, spilled = int(found[1]), int(found[2]) + int(found[3])
        if found := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            result[name] = int(found[1]), int(shared[1]) if shared else 0, spilled, stack
    return result


def texts():
    """(text, options, oldest architecture) of everything that is ever compiled: the texts without
    constants all in one, which is faster."""
    sources = list(
        dict.fromkeys(k.gpu_body.source for k in minicnn.ops.all_kernels() if k.gpu_body)
    )
    tiled = [s for s in sources if "BM" in s]
    plain = "\n".join(s for s in sources if s not in tiled)
    for dtype in ("float32", "float64"):
        yield cuda_text(plain, dtype), (), 0
    for source in tiled:
        for BM, tf32 in TILES:
            yield cuda_text(source, "float32"), (f"-DBM={BM}", f"-DTF32={tf32}"), 80 * tf32


def table():
    """[(text number, options, architecture, kernel, needs, whether it computes in double)]."""
    for number, (text, options, oldest) in enumerate(texts()):
        for architecture in ARCHITECTURES:
            if architecture >= oldest:
                log, ptx = compile(text, architecture, options)
                doubles = in_double(ptx)
                for kernel, numbers in needs(log).items():
                    yield (
                        number,
                        " ".join(options),
                        architecture,
                        kernel,
                        numbers,
                        kernel in doubles,
                    )


def in_double(ptx):
    """The kernels of a PTX text that have instructions for double."""
    parts = re.split(r"\.entry (\w+)\(", ptx)[1:]
    return {name for name, body in zip(parts[::2], parts[1::2], strict=True) if ".f64" in body}


if __name__ == "__main__":
    print(f"{'kernel':34} {'':18} sm  registers  shared  spilled  stack")
    for number, options, architecture, kernel, numbers, _ in table():
        what = options or ("float", "double")[number]
        registers, shared, spilled, stack = numbers
        print(
            f"{kernel:34} {what:18} {architecture} {registers:10} {shared:7} {spilled:8} {stack:6}"
        )
