"""Mistakes of one token in the CUDA kernels, drawn with a fixed seed.

    bound     < for <=, and the like              barrier   a __syncthreads() is gone
    sign      + for -, and the other way round    shared    an array in shared memory is too short
    index     another number, .y for .x, % for /

Only what compiles is drawn. None of the thirty computes the same as its kernel: all are found. If a
change of the kernels brings one that does, leave it out here by name, with the reason.

Beside them mistakes of sense, each planted by hand, which only NaN, infinities, equal numbers or
large ones betray (kernel_specials.py); and work that nobody needs: twice as many blocks.
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


# What computes the same: one step more, of whole tiles, adds zeros.
THE_SAME = {("conv2d_grad_weight", "s0 < S; s0 +=", "<=")}

# kernel, what it says, what the mistake makes of it
BY_HAND = [
    # a reduction that stops one step early: the maximum, which only a large number shows, the sum
    ("log_sum_exp_pool_forward", "half > 0; half /= 2) {\n        if (t < half && p", "half > 1"),
    ("log_sum_exp_pool_forward", "half > 0; half /= 2) {\n        if (t < half) p", "half > 1"),
    ("log_sum_exp_pool_forward", "r * x[i] > m ? r * x[i] : m", "m"),
    ("exponentials", "c < C; c++) m =", "c < C - 1"),
    ("softmax_forward", "c < C; c++) largest =", "c < C - 1"),
    ("log_softmax_forward", "c < C; c++) largest =", "c < C - 1"),
    # NaN is not passed on
    ("max_pool2d_forward", " || value != value", ""),
    ("max_pool_maps_forward", " || value != value", ""),
    # of equal numbers the last one is taken
    ("max_pool2d_forward", "value > best", "value >= best"),
    ("max_pool_maps_forward", "value > best", "value >= best"),
    # 0 times infinity
    ("cross_entropy_forward", "if (off[c] != 0) ", ""),
    ("cross_entropy_backward", "gx[c * P] = 0", "gx[c * P] = 0 * g[nb] * e[c * P]"),
    ("resample", "if (weight != 0) ", ""),
    ("resample", "if (col_weight == 0) continue;", ""),
    ("conv2d_product", "o < 0 ? 0 : x[o]", "x[o < 0 ? 0 : o]"),
    ("conv2d_forward", "inside ? x[", "inside * x["),
]


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
        everything += [mutant for mutant in candidates(source) if not computes_the_same(mutant)]
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


def computes_the_same(mutant):
    said = mutant.source.splitlines()[mutant.line - 2]
    return any(
        (mutant.kernel, mutant.after) == (kernel, after) and text in said
        for kernel, text, after in THE_SAME
    )


def by_hand():
    """The Mutants of BY_HAND."""
    sources = {k.name: k.gpu_body.source for k in minicnn.ops.all_kernels() if k.gpu_body}
    for kernel, before, after in BY_HAND:
        source = sources[kernel]
        head = next(m.start() for m in KERNEL.finditer(source) if m[1] == kernel)
        start = source.index(before, head)
        replaced = {"half > 1": "half > 0", "c < C - 1": "c < C"}.get(after, before)
        text = source[:start] + source[start:].replace(replaced, after, 1)
        line = source.count("\n", 0, start) + 2
        yield Mutant("by hand", kernel, line, replaced, after, source, text)


@contextlib.contextmanager
def twice_as_many_blocks(kernel):
    """Inside, this kernel is started on a grid twice as large."""
    body = next(k.gpu_body for k in minicnn.ops.all_kernels() if k.name == kernel)
    before = body.blocks

    def blocks(*args):
        (across, *others), block = before(*args)
        return (2 * across, *others), block

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "blocks", blocks)
        yield


@contextlib.contextmanager
def planted(mutant):
    """Inside, the kernels of this text are compiled from the mutated one."""
    with pytest.MonkeyPatch.context() as patch:
        for kernel in minicnn.ops.all_kernels():
            body = kernel.gpu_body
            if isinstance(body, GpuBody) and body.source == mutant.source:
                patch.setattr(body, "source", mutant.text)
        yield
