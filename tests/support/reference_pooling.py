"""Literal loops for pooling over maps, subsampling, soft maxima, the nonlinearities with an S shape
and their losses; see `reference.py`, which takes all of them in."""

import math

import numpy as np
from support import reference
from support.reference import places


def max_pool_maps(x, maps, maps_stride=None, **options):
    return max_pool_maps_and_places(x, maps, maps_stride, **options)[0]


def max_pool_maps_and_places(
    x, maps, maps_stride=None, kernel_size=1, stride=None, padding=0, ceil_mode=False
):
    N, C, H, W = x.shape
    if isinstance(maps, int):
        step = maps_stride or maps
        maps = [list(range(d, d + maps)) for d in range(0, C, step) if d + maps <= C]
    OH, OW, windows = reference._windows(x, kernel_size, stride, padding, 1, ceil_mode)
    y, where = np.empty((N, len(maps), OH, OW)), np.empty((N, len(maps), OH, OW), dtype=int)
    for n, c, i, j in places(N, len(maps), OH, OW):
        inside = [
            (d, p, q)
            for d in range(C)
            for p, q in windows[i, j]
            if d in maps[c] and 0 <= p < H and 0 <= q < W
        ]
        y[n, c, i, j] = max(x[n][at] for at in inside)
        d, p, q = next(at for at in inside if x[n][at] == y[n, c, i, j])  # the first of equal ones
        where[n, c, i, j] = d * H * W + p * W + q
    return y, where


def subsample2d_of(x, gain, bias, kernel_size, stride=None):
    y = reference.avg_pool2d(x, kernel_size, stride)
    for n, c, i, j in places(*y.shape):
        y[n, c, i, j] = gain[c] * y[n, c, i, j] + bias[c]
    return y


def lp_pool2d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    N, C, H, W = x.shape
    OH, OW, windows = reference._windows(x, kernel_size, stride, 0, 1, ceil_mode)
    y = np.empty((N, C, OH, OW))
    for n, c, i, j in places(N, C, OH, OW):
        inside = [(p, q) for p, q in windows[i, j] if p < H and q < W]
        total = math.fsum(math.pow(x[n, c, p, q], norm_type) for p, q in inside)
        y[n, c, i, j] = math.copysign(
            abs(total * len(windows[i, j]) / len(inside)) ** (1 / norm_type), total
        )
    return y


def log_sum_exp_pool(x, r=1.0, dim=(2, 3), keepdim=False):
    def pooled(values):
        return math.log(math.fsum(math.exp(r * v) for v in values) / len(values)) / r

    return reference._gathered(x, dim, keepdim, pooled)


def sigmoid(x):
    return reference._elementwise(lambda p, _: 1 / (1 + math.exp(-p)), x, x)


def scaled_tanh(x):
    return reference._elementwise(lambda p, _: 1.7159 * math.tanh(p * 2 / 3), x, x)


def _reduced(loss, reduction):
    total = math.fsum(loss.ravel())
    return {
        "none": loss,
        "sum": total,
        "mean": total / loss.size,
        "batchmean": total / len(loss),
    }[reduction]


def kl_div(x, target, reduction="mean", log_target=False):
    d = reference._elementwise(lambda p, _: math.exp(p), target, target) if log_target else target
    loss = reference._elementwise(lambda p, s: p * (math.log(p) - s) if p else 0.0, d, x)
    return _reduced(loss, reduction)


def binary_cross_entropy_with_logits(x, target, weight=1.0, reduction="mean", pos_weight=1.0):
    weight, pos_weight = np.broadcast_to(weight, x.shape), np.broadcast_to(pos_weight, x.shape)
    p, loss = sigmoid(x), np.empty(x.shape)
    for at in places(*x.shape):
        there, not_there = math.log(p[at]), math.log(1 - p[at])
        likely = pos_weight[at] * target[at] * there + (1 - target[at]) * not_there
        loss[at] = -weight[at] * likely
    return _reduced(loss, reduction)


def hinge_loss(x, target, pos_weight=1.0, reduction="mean"):
    loss = np.zeros(x.shape)
    for at in places(*x.shape):
        if target[at]:
            loss[at] = (pos_weight if target[at] > 0 else 1.0) * max(0.0, 1 - target[at] * x[at])
    total = math.fsum(loss.ravel())
    return {"none": loss, "sum": total, "mean": total / np.count_nonzero(target)}[reduction]
