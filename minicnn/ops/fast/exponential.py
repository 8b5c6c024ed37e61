"""An exponential, and a hyperbolic tangent, that stand in a loop of vector instructions."""

import numpy as np

from minicnn.engine.kernel import helper


@helper(fused=True)
def series(r):
    """e^r for small r, by seven terms of its series."""
    f = np.float32
    e = f(1 / 5040)
    for coefficient in (f(1 / 720), f(1 / 120), f(1 / 24), f(1 / 6), f(1 / 2), f(1), f(1)):
        e = e * r + coefficient
    return e


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
    e = series(r) * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return e if clipped == x else (f(0) if x < clipped else x)  # x itself: a NaN


@helper(fused=True)
def odd_series(x):
    """tanh x for 0 <= x < 5/8: x times a polynomial of x^2 (Moshier's, of the library Cephes)."""
    f = np.float32
    z = x * x
    p = f(-5.70498872745e-3)
    for c in (f(2.06390887954e-2), f(-5.37397155531e-2), f(1.33314422036e-1), f(-3.33332819422e-1)):
        p = p * z + c
    return x + x * z * p


@helper
def tanh_of(x):
    """tanh x in float32, to the last digit but one. With e = e^-2|x| it is 1 - 2 e / (1 + e), but
    close to 0 that would be the difference of two numbers that are nearly the same."""
    f = np.float32
    size = abs(x)
    e = exp_of(f(-2) * size)
    y = odd_series(size) if size < f(0.625) else f(1) - f(2) * e / (f(1) + e)
    return y if x > f(0) else (-y if x < f(0) else x)  # x itself: 0 with its sign, or a NaN
