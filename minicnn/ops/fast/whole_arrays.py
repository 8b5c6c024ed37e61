"""log-sum-exp pooling, and tanh in float64, by numpy, array by array: its tanh and exp do many
numbers in one instruction, where Numba makes a call for each. In float32 there are loops that do so
on all threads (exponential.py)."""

import numpy as np

from minicnn.engine.kernel import Kernel, prange
from minicnn.ops.fast.exponential import tanh_of
from minicnn.ops.log_sum_exp_pool import log_sum_exp_pool_backward, log_sum_exp_pool_forward
from minicnn.ops.scaled_tanh import AMPLITUDE, SLOPE, scaled_tanh_forward
from minicnn.ops.tanh import tanh_forward

tanh_forward_vectors = Kernel("tanh_forward_vectors")


@tanh_forward_vectors.cpu
def tanh_forward_vectors_cpu(x, slope, amplitude, y):
    """y = amplitude tanh(slope x)"""
    f = np.float32
    for i in prange(x.size):
        y[i] = f(amplitude) * tanh_of(f(slope) * x[i])


@tanh_forward.fast()
def tanh_forward_whole(x, y):
    if x.dtype == np.float32:
        return tanh_forward_vectors(x, 1.0, 1.0, y)
    return np.tanh(x, out=y)


@scaled_tanh_forward.fast()
def scaled_tanh_forward_whole(x, y):
    if x.dtype == np.float32:
        return tanh_forward_vectors(x, SLOPE, AMPLITUDE, y)
    return np.multiply(np.tanh(SLOPE * x), AMPLITUDE, out=y)


@log_sum_exp_pool_forward.fast()
@np.errstate(invalid="ignore")  # infinite scores: a NaN, not a warning
def log_sum_exp_pool_forward_whole(x, r, y):
    z = r * x
    m = z.max(axis=1)
    z -= m[:, None]
    np.exp(z, out=z)
    y[...] = (m + np.log(z.mean(axis=1))) / r


@log_sum_exp_pool_backward.fast()
@np.errstate(invalid="ignore")
def log_sum_exp_pool_backward_whole(gy, x, y, r, gx):
    np.subtract(x, y[:, None], out=gx)
    gx *= r
    np.exp(gx, out=gx)
    gx *= (gy / x.shape[1])[:, None]
