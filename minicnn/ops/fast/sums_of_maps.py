"""The gradient by a bias: the sum of all numbers of a map, on all threads.

It is little work, but reads the whole gradient; where the rest of a layer runs on many threads, one
thread alone would take a tenth of the time for it. A long sum is made of short ones, whose total
has the digits of float64.
"""

import numpy as np

from minicnn.engine.dtypes import sum_over
from minicnn.engine.kernel import Kernel, helper, prange

PIECE = 512  # numbers of a short sum
FEW = 1 << 15  # numbers for which it is not worth it to wake threads

sums_of_maps = Kernel("sums_of_maps", "gy[N, F, pixels], sums[N, F]")


@helper(fused=True)
def total_of(line):
    total = line.dtype.type(0)
    for i in range(line.size):
        total += line[i]
    return total


@sums_of_maps.cpu
def sums_of_maps_cpu(gy, sums):
    N, F, pixels = gy.shape
    for nf in prange(N * F):
        n, f = nf // F, nf % F
        total = 0.0
        for first in range(0, pixels, PIECE):
            total += total_of(gy[n, f, first : min(first + PIECE, pixels)])
        sums[n, f] = total


def grad_bias(gy):
    """The gradient (F,) by a bias, for gy (N, F, H, W); None where cupy, or numpy, shall do it."""
    if not isinstance(gy, np.ndarray) or gy.size < FEW:
        return None
    sums = np.empty(gy.shape[:2], gy.dtype)
    sums_of_maps(gy.reshape(*sums.shape, -1), sums)
    return sum_over(sums, (0,))
