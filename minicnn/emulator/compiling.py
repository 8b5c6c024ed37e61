"""From CUDA C to a library that Python can call: g++, and a cache on disk.

The kernel's text is compiled as it is, with cuda.h in front, which explains CUDA's words to g++.
Two things are added: a function for every kernel by which Python can call it; and, for checked
mode, compiler options that put a call in front of every load and store (memory.cpp says how).

Compiled libraries lie in the user's cache folder under a hash of everything that went into them.
"""

import functools
import hashlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
RUNTIME = ("threads.cpp", "memory.cpp", "traffic.cpp")
RUNTIME_FLAGS = ["-O2", "-fvisibility=hidden"]
EVERY_BRANCH = "-fsanitize-coverage=trace-pc"  # a call, by which an endless loop is noticed
CHECKS = "bounds,alignment,signed-integer-overflow,shift,integer-divide-by-zero,float-cast-overflow"
BOUNDS = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
KERNEL = re.compile(rf"__global__\s+{BOUNDS}void\s+{BOUNDS}(\w+)\s*\(([^)]*)\)")
DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\(\d+\)\s*)?([\w ]+?)\s+(\w+)\s*\[\s*\]")
# The linker knows where a section begins and ends, and where the whole library does.
PLACES = """
extern "C" {
#define PLACE(name) extern char name[] __attribute__((weak, visibility("hidden")));
PLACE(__start_block_shared) PLACE(__stop_block_shared) PLACE(__ehdr_start)
void places(char** found) {
    found[0] = __start_block_shared, found[1] = __stop_block_shared, found[2] = __ehdr_start;
}
}
"""


class KernelError(RuntimeError):
    """A kernel that does not compile, cannot be launched as asked, or did something wrong."""


def why_not():
    """Why kernels cannot be emulated here, in one sentence; "" if they can."""
    if compiler() is None:
        return "the emulator compiles kernels with g++, which is not installed (apt install g++)"
    return ""


@functools.cache
def compiler():
    """The path of g++, or None."""
    return shutil.which("g++")


@functools.cache
def cache_folder():
    """Where compiled kernels are kept; a folder of this process if that cannot be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "minicnn/emulator"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="minicnn-emulator-"))


def parameters(code):
    """{kernel: [names of its parameters]} of all kernels in a CUDA C text."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", "", code, flags=re.S)
    return {
        name: [re.split(r"[\s*&]+", p.strip())[-1] for p in inside.split(",") if p.strip()]
        for name, inside in KERNEL.findall(code)
    }


def compiled(code, kernels, options, checked):
    """The path of the library with these kernels. Raises KernelError in the words of g++."""
    code = DYNAMIC.sub(r"\1* \2 = (\1*)dynamic_shared()", code)
    exports = "".join(f"EXPORT_KERNEL({name})\n" for name in kernels)
    source = f'#include "cuda.h"\n#line 1 "kernel"\n{code}\n#line 1 "exports"\n{exports}{PLACES}'
    checks = ["-O1", "-fsanitize=thread", f"-fsanitize={CHECKS}", EVERY_BRANCH]
    flags = checks if checked else ["-O2"]
    flags += [option for option in options if option.startswith(("-D", "-U"))]
    runtime = _cached(_runtime_source(), RUNTIME_FLAGS, ".o")
    # A library that links nothing twice: every kernel has its own copy of the small runtime.
    return _cached(source, flags, ".so", runtime)


def _runtime_source():
    return "".join(f'#include "{name}"\n' for name in RUNTIME)


@functools.cache
def _version():
    """Changes when the compiler or one of our C++ files does."""
    texts = [(HERE / name).read_bytes() for name in ("cuda.h", "runtime.h", *RUNTIME)]
    program = os.stat(compiler())
    return repr((texts, compiler(), program.st_mtime, program.st_size)).encode()


def _cached(source, flags, ending, *objects):
    if reason := why_not():
        raise KernelError(reason)
    key = hashlib.sha256(repr((source, flags, objects)).encode() + _version()).hexdigest()[:24]
    path = cache_folder() / (key + ending)
    if path.exists() and is_whole(path):
        return path
    try:
        _compile(source, flags, objects, path)
    except OSError as error:
        reason = error.strerror or error
        raise KernelError(
            f"compiled kernels cannot be kept in {path.parent} ({reason}); make room there, or set "
            "XDG_CACHE_HOME to another folder"
        ) from None
    return path


def is_whole(path):
    """Whether a compiled file (ELF) has its end, a table whose place stands in its head. One that
    was cut short would end this process when it is loaded."""
    data = path.read_bytes()
    if len(data) < 64 or data[:4] != b"\x7fELF":
        return False
    (table,) = struct.unpack_from("<Q", data, 40)
    entry, count = struct.unpack_from("<HH", data, 58)
    return table + entry * count <= len(data)


def _compile(source, flags, objects, path):
    # Written beside its place and renamed: two processes may compile the same kernel at once.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        product = Path(folder) / "object.o"
        common = ["-std=c++17", "-fPIC", "-w", "-g1", "-ffp-contract=off", "-I", HERE]
        _run(common + flags + ["-c", "-x", "c++", "-", "-o", product], source)
        if objects:
            library = Path(folder) / "library.so"
            _run(["-shared", "-Wl,-Bsymbolic", product, *objects, "-o", library])
            product = library
        os.replace(product, path)


def _run(arguments, source=""):
    result = subprocess.run([compiler(), *arguments], input=source, text=True, capture_output=True)
    if result.returncode:
        errors = re.findall(r"^kernel:(\d+).*error: (.*)", result.stderr, re.M)
        said = f"line {errors[0][0]}: {errors[0][1]}" if errors else result.stderr[-2000:]
        raise KernelError(f"the kernel does not compile: {said}")


@functools.cache
def line_of(path, address):
    """The line of the kernel's text at an address of its library; None if it cannot be told."""
    if shutil.which("addr2line") is None:
        return None
    command = ["addr2line", "-i", "-e", path, hex(address - 1)]  # -1: a call returns behind itself
    found = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    for place in found:  # innermost first: cuda.h where one of its functions was inlined
        name, _, line = place.partition(" ")[0].rpartition(":")
        if name and not name.endswith(("cuda.h", "exports")) and line.isdigit():
            return int(line)
    return None
