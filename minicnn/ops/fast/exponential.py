"""An exponential that stands in a loop of vector instructions."""

import numpy as np

from minicnn.engine.kernel import helper


@helper
def exp_of(x):
    """e^x in float32 for x <= 0, to the last digit. np.exp is a call for each number; this is not,
    so a loop around it does eight numbers at once.

    e^x = 2^n e^r, where n is the nearest whole number to x / ln 2 and |r| <= ln(2) / 2 the rest:
    few terms of the series will do for e^r, and 2^n is n written into the exponent's bits. ln 2 in
    two parts, the first with so few digits that n times it is exact."""
    f = np.float32
    clipped = x if x > f(-87.3) else f(-87.3)  # 2^-126, the least; what is below becomes 0
    n = np.floor(clipped * f(1.44269504) + f(0.5))
    r = clipped - n * f(0.693359375) + n * f(2.12194440e-4)
    e = f(1 / 5040)
    for coefficient in (f(1 / 720), f(1 / 120), f(1 / 24), f(1 / 6), f(1 / 2), f(1), f(1)):
        e = e * r + coefficient
    e *= np.int32((np.int32(n) + 127) << 23).view(np.float32)
    return e if clipped == x else (f(0) if x < clipped else x)  # x itself: a NaN
