"""Image pyramids: the same picture at half, quarter, ... resolution.

Halving smooths with the binomial filter [1 3 3 1]/8 and keeps every second sample. The filter has
an even number of taps, so a pixel of the smaller picture lies exactly in the middle of the 2x2
pixels that it stands for, and maps computed on it line up with the larger ones when they are
enlarged.
"""

import numpy as np


def halve(planes):
    """(C, H, W) to (C, ceil(H/2), ceil(W/2)); the border rows count as repeated."""
    for axis in (1, 2):
        size = planes.shape[axis]
        width = [(0, 0)] * 3
        width[axis] = (1, 2 if size % 2 == 0 else 3)
        padded = np.moveaxis(np.pad(planes, width, mode="edge"), axis, 1)
        half = (size + 1) // 2
        a, b, c, d = (padded[:, k : k + 2 * half : 2][:, :half] for k in range(4))
        planes = np.moveaxis((a + 3 * b + 3 * c + d) * np.float32(0.125), 1, axis)
    return np.ascontiguousarray(planes)


def double(planes, height, width):
    """The smooth enlargement that belongs to `halve`, cut to (C, height, width)."""
    for axis, size in ((1, height), (2, width)):
        around = [(0, 0)] * 3
        around[axis] = (1, 1)
        padded = np.moveaxis(np.pad(planes, around, mode="edge"), axis, 1)
        before, here, after = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
        shape = (here.shape[0], 2 * here.shape[1], here.shape[2])
        both = np.empty(shape, dtype=planes.dtype)
        both[:, 0::2] = 0.75 * here + 0.25 * before
        both[:, 1::2] = 0.75 * here + 0.25 * after
        planes = np.moveaxis(both[:, :size], 1, axis)
    return np.ascontiguousarray(planes)


def gaussian_pyramid(planes, levels):
    """[(C, H, W), (C, H/2, W/2), ...]: smoothed and halved, the finest first."""
    pyramid = [planes]
    for _ in range(levels - 1):
        pyramid.append(halve(pyramid[-1]))
    return pyramid


def laplacian_pyramid(planes, levels):
    """The same sizes, but each level holds only what the next coarser one cannot show."""
    pyramid = gaussian_pyramid(planes, levels + 1)
    return [
        fine - double(coarse, *fine.shape[1:])
        for fine, coarse in zip(pyramid[:-1], pyramid[1:], strict=True)
    ]
