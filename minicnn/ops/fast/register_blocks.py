r"""The heart of a matrix product: a block of the result that stays in the registers.

    panel_block   c[i,j] += sum_k  a[k,i]        b[place[k] + j]      a packed: what meets is near
    rows_block    c[i,j] += sum_k  a[row[i] + k] b[place[k] + j]      a as it lies, row by row

A processor multiplies and adds two vectors of numbers in each tick, but fetches no more than two,
and an addition is ready only four ticks later. So a good loop fetches little for many products that
do not wait for one another: for each k here 8 numbers of a and 3 vectors of b, which make 24
products. Their sums are the block, 8 rows by 3 vectors, and they stay in 24 of the 32 registers as
long as k runs; then they are added to c as a whole, for long sums that are made of short ones are
more exact. With vectors of 16 numbers that is 384 sums, and 180 to 230 GFLOP/s on a core where
OpenBLAS has 140 to 190.

No row of b need be stored for that: `place` says where each begins, in whatever array. Under a
convolution row k is the picture itself, read from another pixel on (direct.py); and rows that
overlap cost nothing. So nothing is gathered, which takes as long as the product where filters are
few.

Numba finds no such loop by itself. So this is written in the language of its compiler, LLVM, as an
«intrinsic», for the vectors of this processor (`shape`). Below each stands in a few lines of Python
what it computes; a debugger (NUMBA_DISABLE_JIT=1) sees those. Nothing is checked in here: whoever
calls it has to know that a, b and c reach far enough.

Source: Goto, van de Geijn 2008; Georganas et al. 2018 (convolutions without gathering).
"""

import functools
import os

from minicnn.engine.kernel import helper

MOST = 3  # vectors of a row of a block
COMPLEX = {64: (4, 3), 32: (2, 2), 16: (4, 3)}  # (rows, vectors) of complex numbers, by the bytes
# of a vector: half as many results, for each is two sums


@functools.cache
def shape():
    """(rows, vectors, bytes of a vector) of a block for the vectors of this processor, None for one
    that has no instruction for a product and a sum."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return 4, MOST, 32
    import numba.core.config as config
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if config.CPU_FEATURES:
        features = {f[1:]: f[0] == "+" for f in config.CPU_FEATURES.split(",")}
    if features.get("avx512f"):
        return 8, MOST, 64
    if features.get("avx2") and features.get("fma"):
        return 4, MOST, 32  # 16 registers: 12 sums, 3 numbers of b, one of a
    if features.get("neon"):
        return 8, MOST, 16
    return None


def lanes(dtype):
    """How many numbers a vector holds."""
    return shape()[2] // dtype.itemsize


def panel_block(a, b, place, c, fresh):
    """c (rows, columns) += a^T (K, rows) times the rows of b (a long row of numbers) that begin at
    place (K,); columns are those of one to three vectors. If `fresh`, c is written without being
    read."""
    rows = [b[first : first + c.shape[1]] for first in place]
    for i in range(c.shape[0]):
        c[i] = sum((a[k, i] * row for k, row in enumerate(rows)), 0 if fresh else c[i])


def rows_block(a, row, b, place, c, fresh):
    """The same, where row i of the factor is a[row[i]], a[row[i] + 1], ... of a long row a."""
    rows = [b[first : first + c.shape[1]] for first in place]
    for i in range(c.shape[0]):
        c[i] = sum((a[row[i] + k] * r for k, r in enumerate(rows)), 0 if fresh else c[i])


def complex_block(a, b, row, c, d, place, real, imaginary):
    """real + i imaginary (rows, columns) = the rows of a + i b, as in rows_block, times those of
    c + i d. The rows are those that COMPLEX has."""
    rows = [slice(first, first + real.shape[1]) for first in place]
    for i in range(real.shape[0]):
        pairs = [(a[row[i] + k], b[row[i] + k], c[r], d[r]) for k, r in enumerate(rows)]
        real[i] = sum(w * y - x * z for w, x, y, z in pairs)
        imaginary[i] = sum(w * z + x * y for w, x, y, z in pairs)


def gather_rows(b, place, out, step, vectors):
    """Row k of `out` (a long row of numbers, whose lines are `step` numbers apart) begins with the
    numbers of b from place[k] on: so many whole vectors of them, as many as 16 numbers each."""
    for k, first in enumerate(place):
        out[k * step : k * step + 16 * vectors] = b[first : first + 16 * vectors]


def turn_over(b, place, out, step, count):
    """Sixteen rows of b, from place[k] on, become the columns of `out`, of which the first `count`
    lines are written, `step` numbers apart. All of 16 x 16 numbers are read."""
    for j in range(count):
        for k, first in enumerate(place):
            out[j * step + k] = b[first + j]


@helper
def row_starts(first, M, K, starts):
    """Where the rows first, first + 1, ... of a matrix begin, for `rows_block`; behind
    the last stands the last."""
    for r in range(len(starts)):
        starts[r] = min(first + r, M - 1) * K


def _for_numba(function):
    """What Numba compiles in the place of `function`; kernel.py asks for it."""

    @functools.cache
    def build():
        from minicnn.ops.fast import register_blocks_llvm as llvm
        from minicnn.ops.fast import register_moves_llvm as moves

        made = llvm.intrinsic(function.__name__, shape(), COMPLEX)
        made.written_in = (
            __file__,
            llvm.__file__,
            moves.__file__,
        )  # an edit there voids what was compiled
        return made

    function.for_numba = build


for _function in panel_block, rows_block, complex_block, gather_rows, turn_over:
    _for_numba(_function)
