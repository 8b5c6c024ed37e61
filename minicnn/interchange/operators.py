"""The operators of ONNX, opset 3 to 22, by the operations of ours.

A function gets (node, inputs): Tensors for what depends on a picture or is learnt, numpy arrays for
what is known. What has changed from opset to opset is said where it is read. The windows, and what
changes the size of maps, are in windows.py; what moves numbers about in moving.py.
"""

import math
import operator

import numpy as np

from minicnn import functional as F
from minicnn.engine.tensor import Tensor
from minicnn.interchange.constants import ARRAYS
from minicnn.interchange.moving import MOVING
from minicnn.interchange.windows import WINDOWS


def _pairwise(function):
    def compute(node, a, b):
        if node.opset < 7:
            b = _aligned(node, a, b)
        node.check_room(np.broadcast_shapes(tuple(a.shape), tuple(b.shape)))
        return function(a, b)

    return compute


def _aligned(node, a, b):
    """b as it is broadcast before opset 7: only where it is asked for, and from `axis` on."""
    if not node.get("broadcast", 0):
        if tuple(a.shape) != tuple(b.shape):
            raise ValueError(f"shapes {a.shape} and {b.shape} differ, and broadcast=1 is missing")
        return b
    axis = node.get("axis", len(a.shape) - len(b.shape))
    return b.reshape(*b.shape, *[1] * (len(a.shape) - axis % max(len(a.shape), 1) - len(b.shape)))


def _sum(node, first, *others):
    for other in others:
        node.check_room(np.broadcast_shapes(tuple(first.shape), tuple(other.shape)))
        first = F.add(first, other)
    return first


def _gemm(node, a, b, c=None):
    """alpha A B + beta C; a linear layer, mostly."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    a = F.transpose(a, 0, 1) if node.get("transA", 0) else a
    plain = c is None or (len(c.shape) == 1 and len(c) == b.shape[not node.get("transB", 0)])
    if node.get("transB", 0) and alpha == beta == 1 and plain:
        return F.linear(a, b, c)
    y = F.matmul(a, F.transpose(b, 0, 1) if node.get("transB", 0) else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else F.mul(c, beta))


def _matmul(node, a, b):
    if len(a.shape) > 1 and len(b.shape) > 1:
        around = np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
        node.check_room([*around, a.shape[-2], b.shape[-1]])
    return F.matmul(a, b)


def _softmax(function):
    def compute(node, x):
        if node.opset >= 13:
            return function(x, dim=node.get("axis", -1))
        axis = node.get("axis", 1) % max(len(x.shape), 1)  # and all that comes behind it, together
        rows = math.prod(x.shape[:axis])
        return function(x.reshape(rows, -1), dim=1).reshape(x.shape)

    return compute


def _dropout(node, x, ratio=None, training=None):
    """In prediction the numbers as they are. The second result, a mask, is asked of nobody."""
    p = node.get("ratio", 0.5) if ratio is None else float(ratio)
    if node.opset < 7 and node.get("is_test", 0):
        return x
    return F.dropout(x, p, node.training)


def _clip(node, x, low=None, high=None):
    """Each number, or the bound that it is beyond: the gradient of that is 0."""
    low = node.get("min") if low is None else low
    high = node.get("max") if high is None else high
    for bound, beyond in ((low, operator.lt), (high, operator.gt)):
        if bound is not None:
            bound = x.data.dtype.type(np.asarray(bound).item())
            out = beyond(x.data, bound)
            below, b = beyond is operator.lt, float(bound)
            if (x.data == (-np.inf if below else np.inf)).any():  # times 0 that is no number
                x = F.relu(x - b) + b if below else b - F.relu(b - x)
            x = x * (~out).astype(x.dtype) + out * bound
    return x


def _response_norm(node, x):
    size = node.get("size", 0)
    if size % 2 == 0:  # ours reaches back by one more, ONNX's forth
        raise ValueError(f"size={size}: the number of maps in a window has to be odd")
    alpha, beta, k = node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0)
    return F.local_response_norm(x, size, alpha, beta, k)


def _reduction(function, by_input):
    """`by_input`: since which opset the axes are an input."""

    def compute(node, x, axes=None):
        axes = node.get("axes") if node.opset < by_input else axes
        axes = [] if axes is None else np.asarray(axes).tolist()
        if not axes and node.get("noop_with_empty_axes", 0):
            return x
        return function(x, dim=tuple(axes) or None, keepdim=bool(node.get("keepdims", 1)))

    return compute


def _log_sum_exp(x, dim, keepdim):
    axes = range(len(x.shape)) if dim is None else dim
    count = math.prod(x.shape[axis] for axis in axes)
    mean = F.log_sum_exp_pool(x, 1.0, tuple(axes), keepdim)
    return mean + math.log(count)


def _running_sum(node, x, axis):
    """Without a gradient."""
    if node.get("exclusive", 0) or node.get("reverse", 0):
        raise ValueError("only a plain running sum is known here")
    return Tensor(x.data.cumsum(int(axis)))


def _scatter(node, data, places, updates):
    """Without a gradient."""
    plain = (a.numpy() if isinstance(a, Tensor) else a for a in (data, places, updates))
    return Tensor(ARRAYS["ScatterND"](node, *plain))


OPERATORS = {
    "Add": _pairwise(F.add),
    "Clip": _clip,
    "CumSum": _running_sum,
    "Div": _pairwise(F.div),
    "Dropout": _dropout,
    "Gemm": _gemm,
    "Identity": lambda node, x: x,
    "LRN": _response_norm,
    "Log": lambda node, x: Tensor(np.log(x.data)),  # without a gradient
    "LogSoftmax": _softmax(F.log_softmax),
    "MatMul": _matmul,
    "Mul": _pairwise(F.mul),
    "Neg": lambda node, x: F.neg(x),
    "Pow": lambda node, x, power: F.pow(x, float(power)),
    "ReduceLogSumExp": _reduction(_log_sum_exp, 18),
    "ReduceMax": _reduction(F.amax, 18),
    "ReduceMean": _reduction(F.mean, 18),
    "ReduceSum": _reduction(F.sum, 13),
    "Relu": lambda node, x: F.relu(x),
    "ScatterND": _scatter,
    "Sigmoid": lambda node, x: F.sigmoid(x),
    "Softmax": _softmax(F.softmax),
    "Sqrt": lambda node, x: F.pow(x, 0.5),
    "Sub": _pairwise(F.sub),
    "Sum": _sum,
    "Tanh": lambda node, x: F.tanh(x),
    **WINDOWS,
    **MOVING,
}
