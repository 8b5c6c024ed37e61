"""tanh and log-sum-exp pooling by numpy, array by array: its tanh and exp do many numbers in one
instruction, where Numba makes a call for each."""

import numpy as np

from minicnn.ops.log_sum_exp_pool import log_sum_exp_pool_backward, log_sum_exp_pool_forward
from minicnn.ops.scaled_tanh import AMPLITUDE, SLOPE, scaled_tanh_forward
from minicnn.ops.tanh import tanh_forward


@tanh_forward.fast()
def tanh_forward_whole(x, y):
    np.tanh(x, out=y)


@scaled_tanh_forward.fast()
def scaled_tanh_forward_whole(x, y):
    np.multiply(x, SLOPE, out=y)
    np.tanh(y, out=y)
    y *= AMPLITUDE


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
