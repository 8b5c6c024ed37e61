"""The operations under the names people know.

    from minicnn import functional as F
    y = F.max_pool2d(F.relu(F.conv2d(x, weight, bias)), 2)

Each lives in a file of its own in `minicnn/ops`, with its formula, its gradient and its kernels.
"""

from minicnn.ops.arithmetic import add, div, mul, neg, pow, sub
from minicnn.ops.avg_pool2d import avg_pool2d
from minicnn.ops.binary_cross_entropy_with_logits import binary_cross_entropy_with_logits
from minicnn.ops.conv2d import conv2d
from minicnn.ops.conv2d_of_levels import conv2d_of_levels
from minicnn.ops.conv2d_table import conv2d_table
from minicnn.ops.cross_entropy import cross_entropy
from minicnn.ops.cross_entropy_of_sets import cross_entropy_of_sets
from minicnn.ops.dropout import dropout
from minicnn.ops.hinge_loss import hinge_loss
from minicnn.ops.interpolate import interpolate
from minicnn.ops.interpolate_onto import interpolate_onto
from minicnn.ops.kl_div import kl_div
from minicnn.ops.local_contrast_norm import local_contrast_norm
from minicnn.ops.local_response_norm import local_response_norm
from minicnn.ops.log_sum_exp_pool import log_sum_exp_pool
from minicnn.ops.lp_pool2d import lp_pool2d
from minicnn.ops.matmul import linear, matmul
from minicnn.ops.max_pool2d import max_pool2d
from minicnn.ops.max_pool_maps import max_pool_maps
from minicnn.ops.nll_loss import nll_loss
from minicnn.ops.pad import pad
from minicnn.ops.reductions import amax, mean, sum
from minicnn.ops.relu import relu
from minicnn.ops.scaled_tanh import scaled_tanh
from minicnn.ops.shape import concat, permute, reshape, transpose
from minicnn.ops.sigmoid import sigmoid
from minicnn.ops.softmax import log_softmax, softmax
from minicnn.ops.subsample2d import subsample2d
from minicnn.ops.tanh import tanh

__all__ = [
    "add",
    "amax",
    "avg_pool2d",
    "binary_cross_entropy_with_logits",
    "concat",
    "conv2d",
    "conv2d_of_levels",
    "conv2d_table",
    "cross_entropy",
    "cross_entropy_of_sets",
    "div",
    "dropout",
    "hinge_loss",
    "interpolate",
    "interpolate_onto",
    "kl_div",
    "linear",
    "local_contrast_norm",
    "local_response_norm",
    "log_softmax",
    "log_sum_exp_pool",
    "lp_pool2d",
    "matmul",
    "max_pool2d",
    "max_pool_maps",
    "mean",
    "mul",
    "neg",
    "nll_loss",
    "pad",
    "permute",
    "pow",
    "relu",
    "reshape",
    "scaled_tanh",
    "sigmoid",
    "softmax",
    "sub",
    "subsample2d",
    "sum",
    "tanh",
    "transpose",
]
