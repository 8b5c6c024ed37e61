"""How far apart the numbers of an array lie, which decides whether a fast convolution may take it.

A Fourier tile mixes all of its pixels: each result is off by some 1e-7 of the largest number in the
tile, also where its window does not hold that number. That is roundoff as long as numbers are of
one kind. Beside a pixel of 1e9 (or -3e38, as maps write «no data») the others are lost. So arrays
are looked at before: tiles are for those whose largest number is below 1e12 and not more than
2**spread times the typical one. Others go to an algorithm that multiplies what a window holds.

The typical number is the geometric mean of all that are not zero, in which a few large ones do not
count for much. It costs no logarithm: read as a whole number, the bits of a float32 *are* 2**23
times its binary logarithm, but for a constant and less than a tenth; and infinity and NaN are
larger than all others.
"""

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, prange

PICTURE, GRADIENT = 14, 20  # spread: binary digits between the largest number and the typical one
LARGE = int(np.float32(1e12).view(np.int32))  # products of two, summed over tiles, stay finite
ONE_DIGIT = 1 << 23
INFINITE = int(np.float32(np.inf).view(np.int32))

bits_of = Kernel("bits_of", "int32 bits[size], int64 parts[number, 3]")


@bits_of.cpu
def bits_of_cpu(bits, parts):
    """Of each of len(parts) equal parts of `bits`, float32 read as int32: the largest magnitude,
    the sum of all magnitudes and how many are not zero."""
    for part in prange(len(parts)):
        numbers = bits[part * bits.size // len(parts) : (part + 1) * bits.size // len(parts)]
        largest, total, count = np.int32(0), 0, 0
        for first in range(0, numbers.size, 256):  # sums of 256 exponents are short: more at once
            some, exponents, others = numbers[first : first + 256], np.int32(0), np.int32(0)
            for i in range(some.size):
                magnitude = some[i] & np.int32(0x7FFFFFFF)
                largest = max(largest, magnitude)
                exponents += magnitude >> np.int32(16)
                others += np.int32(magnitude != 0)
            total += exponents
            count += others
        parts[part, 0], parts[part, 1], parts[part, 2] = largest, total, count


def _bits(array):
    parts = np.empty((4 * get_num_threads(), 3), np.int64)
    bits_of(array.reshape(-1).view(np.int32), parts)
    return int(parts[:, 0].max()), int(parts[:, 1].sum()) << 16, int(parts[:, 2].sum())


def even(array, spread):
    """Whether the numbers of a float32 array are near enough to one another for Fourier tiles."""
    largest, total, count = _bits(array)
    return largest < LARGE and largest * count - total <= spread * ONE_DIGIT * count


def finite(array):
    """Whether an array holds neither NaN nor an infinity."""
    return _bits(array)[0] < INFINITE if array.dtype == np.float32 else np.isfinite(array).all()
