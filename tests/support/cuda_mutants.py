"""Mistakes of one token in the CUDA kernels, drawn with a fixed seed.

    bound     < for <=, and the like              barrier   a __syncthreads() is gone
    sign      + for -, and the other way round    shared    an array in shared memory is too short
    index     another number, .y for .x, % for /

Only what compiles is drawn. None of the thirty computes the same as its kernel: all are found. If a
change of the kernels brings one that does, leave it out here by name, with the reason.
"""

import contextlib
import random
import re
from dataclasses import dataclass

import pytest

import minicnn.ops
from minicnn.engine.launching import GpuBody

COUNTS = {"bound": 7, "sign": 7, "index": 8, "barrier": 4, "shared": 4}
TOKEN = re.compile(
    r"//[^\n]*|\#[^\n]*|__syncthreads\(\)|__shared__[^;]*;|[A-Za-z_]\w*|\d+\w*"
    r"|<<|>>|->|\+\+|--|\+=|-=|<=|>=|==|!=|&&|\|\||\S"
)
OTHER = {
    "bound": {"<": "<=", "<=": "<", ">": ">=", ">=": ">"},
    "sign": {"+": "-", "-": "+", "+=": "-=", "-=": "+="},
    "index": {"0": "1", "1": "0", "2": "3", "%": "/", "/": "%", "x": "y"},
}
BOUNDS = r"(?:__launch_bounds__\([^)]*\)\s*)?"
KERNEL = re.compile(rf"__global__\s+{BOUNDS}void\s+{BOUNDS}(\w+)\(")
# The length of such a row is part of the type that `multiply` takes: changed, nothing compiles.
ROWS_OF_A_TYPE = "SKEW"


@dataclass(frozen=True)
class Mutant:
    kind: str
    kernel: str
    line: int  # of the text that the compiler gets
    before: str
    after: str
    source: str
    text: str  # the mutated source

    def __str__(self):
        return f"{self.kernel}:{self.line} {self.kind}: {self.before} -> {self.after}"


def candidates(source):
    """Every Mutant of one CUDA text."""
    kernel, before = None, ""
    heads = {m.end(1): m[1] for m in KERNEL.finditer(source)}
    on_device = False  # a part that only a GPU compiles
    for match in TOKEN.finditer(source):
        token, at = match[0], match.start()
        kernel = heads.get(match.end(), kernel)
        if token.startswith("#"):
            on_device = "__CUDA_ARCH__" in token or (on_device and "#else" not in token)
        if kernel and not on_device:
            for kind, start, end, after in _changes(token, at, before, source):
                line = source.count("\n", 0, start) + 2  # the typedef of T comes first
                text = source[:start] + after + source[end:]
                yield Mutant(kind, kernel, line, source[start:end], after, source, text)
        before = token


def _changes(token, at, before, source):
    if token == "__syncthreads()":
        yield "barrier", at, at + len(token), ""
    elif token.startswith("__shared__"):
        for size in re.finditer(r"\[([^\]]+)\]", token):
            start, end = at + size.start(1), at + size.end(1)
            if ROWS_OF_A_TYPE not in size[1]:
                yield "shared", start, end, f"({size[1]}) - 1"
    for kind, other in OTHER.items():
        operand = re.match(r"[\w)\]]", before[-1:])  # else a sign in front of a number
        index = before == "." if token == "x" else True
        if token in other and index and (kind != "sign" or operand):
            yield kind, at, at + len(token), other[token]


def drawn(seed=1):
    """Thirty mistakes: for each kind kernels in turn, and one place in each."""
    sources = dict.fromkeys(k.gpu_body.source for k in minicnn.ops.all_kernels() if k.gpu_body)
    everything, generator, chosen = [], random.Random(seed), []
    for source in sources:
        everything += candidates(source)
    for kind, count in COUNTS.items():
        by_kernel = {}
        for mutant in everything:
            if mutant.kind == kind:
                by_kernel.setdefault(mutant.kernel, []).append(mutant)
        names = sorted(by_kernel)
        generator.shuffle(names)
        for k in range(count):
            of = by_kernel[names[k % len(names)]]
            chosen.append(of.pop(generator.randrange(len(of))))
    return chosen


@contextlib.contextmanager
def planted(mutant):
    """Inside, the kernels of this text are compiled from the mutated one."""
    with pytest.MonkeyPatch.context() as patch:
        for kernel in minicnn.ops.all_kernels():
            body = kernel.gpu_body
            if isinstance(body, GpuBody) and body.source == mutant.source:
                patch.setattr(body, "source", mutant.text)
        yield
