"""Integral images: the sum over any rectangle, however large, from four numbers.

    S[y, x] = sum of p[i, j] over all i < y, j < x                 one more row and column than p
    sum over rows top .. bottom - 1, columns left .. right - 1
            = S[bottom, right] - S[top, right] - S[bottom, left] + S[top, left]

What lies above and to the left of the rectangle is in all four: it is taken away twice, and so put
back once. Of the values and of their squares, that gives a mean and a variance:

    mean = sum p / n        variance = sum p^2 / n - mean^2

A small rectangle is a difference of sums of the whole picture: so they are kept in 64 bits.

Source: Crow 1984 («summed area tables»); Viola, Jones 2001.
"""

import numpy as np

from minicnn.engine.kernel import helper


def integral_image(planes):
    """float64 (..., H, W) to (..., H + 1, W + 1), as above."""
    height, width = planes.shape[-2:]
    sums = np.zeros((*planes.shape[:-2], height + 1, width + 1))
    np.cumsum(planes, axis=-2, out=sums[..., 1:, 1:])
    np.cumsum(sums[..., 1:, 1:], axis=-1, out=sums[..., 1:, 1:])
    return sums


@helper
def window_sum(s, top, left, bottom, right):
    """The sum over rows top .. bottom - 1, columns left .. right - 1, of an integral image (H + 1,
    W + 1)."""
    return s[bottom, right] - s[top, right] - s[bottom, left] + s[top, left]
