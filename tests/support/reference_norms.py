"""The normalisations, as slowly and as literally as their formulas allow; see `reference.py`, which
takes them in."""

import math

import numpy as np
from support.reference import places


def local_response_norm(
    x, size, alpha=1e-4, beta=0.75, k=1.0, alpha_per_term=None, within_map=False
):
    y = np.empty(x.shape)
    for at in places(*x.shape):
        squares = []
        for u, v in places(size, size if within_map else 1):
            n, c, *pixel = at
            if within_map:
                pixel = [pixel[0] - size // 2 + u, pixel[1] - size // 2 + v]
            else:
                c = c - size // 2 + u
            j = (n, c, *pixel)
            if all(0 <= index < length for index, length in zip(j, x.shape, strict=True)):
                squares.append(x[j] ** 2)
        a = alpha / (size * size if within_map else size)
        if alpha_per_term is not None:
            a = alpha_per_term
        y[at] = x[at] / math.pow(k + a * math.fsum(squares), beta)
    return y


def _weights(window):
    """(offset from the pixel, weight) of each place of a window."""
    if np.isscalar(window):
        middle, spread = (window - 1) / 2, window / 4
        window = [
            [math.exp(-((u - middle) ** 2 + (v - middle) ** 2) / (2 * spread**2))
             for v in range(window)]
            for u in range(window)
        ]  # fmt: skip
    window = np.array(window)
    K, L = window.shape
    return [((u - K // 2, v - L // 2), window[u, v]) for u, v in places(K, L)]


def _local_mean(x, n, i, j, weights):
    """The mean of x[n] around (i, j) over all maps, each pixel by the weight of its place."""
    _, C, H, W = x.shape
    values, counts = [], []
    for c in range(C):
        for (u, v), weight in weights:
            if 0 <= i + u < H and 0 <= j + v < W:
                values.append(weight * x[n, c, i + u, j + v])
                counts.append(weight)
    return math.fsum(values) / math.fsum(counts)


def deviations(x, window):
    """sigma (N, H, W)"""
    N, _, H, W = x.shape
    sigma, weights = np.empty((N, H, W)), _weights(window)
    for n, i, j in places(N, H, W):
        sigma[n, i, j] = math.sqrt(_local_mean(x**2, n, i, j, weights))
    return sigma


def local_contrast_norm(x, window, subtract=True, divide=True, floor=None):
    weights, y = _weights(window), np.array(x)
    if subtract:
        for n, c, i, j in places(*x.shape):
            y[n, c, i, j] = x[n, c, i, j] - _local_mean(x, n, i, j, weights)
    if divide:
        v, sigma = y.copy(), deviations(y, window)
        for n, c, i, j in places(*x.shape):
            lowest = np.mean(sigma[n]) if floor is None else floor
            y[n, c, i, j] = v[n, c, i, j] / max(sigma[n, i, j], lowest)
    return y
