"""Logistic sigmoid: any number becomes one between 0 and 1, which can be read as a probability.

    y = 1 / (1 + e^-x) = e^x / (1 + e^x)

Shapes: x and y any, the same.

Gradient: with u = 1 + e^-x, y = 1/u and du/dx = -e^-x = 1 - u, so dy/dx = (u - 1) / u^2 =
y (1 - y), and gx = gy y (1 - y). Only y need be kept. The slope is 1/4 at most, and far from 0 next
to nothing of gy comes through: saturation, as in tanh, which is the same curve stretched:
tanh(x) = 2 sigmoid(2x) - 1.

Trap: for x = -1000 the first form needs e^1000, which is no number; for x = 1000 the second does.
Both halves use e^-|x|, which is at most 1. For a loss take binary_cross_entropy_with_logits and not
the logarithm of a sigmoid, which may have become 0.

Source: Rumelhart, Hinton, Williams 1986; LeCun, Bottou, Orr, Mueller 1998, section 4.4.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.tensor import Tensor
from minicnn.ops.elementwise import Elementwise

sigmoid_forward = Kernel("sigmoid_forward", "x[...], y[...]")
sigmoid_backward = Kernel("sigmoid_backward", "gy[...], y[...], gx[...]")


@sigmoid_forward.cpu
def sigmoid_forward_cpu(x, y):
    one = x.dtype.type(1)  # with an int 1 the quotient would be taken in float64
    for i in prange(x.size):
        e = np.exp(-abs(x[i]))
        y[i] = (e if x[i] < 0 else one) / (one + e)


@sigmoid_backward.cpu
def sigmoid_backward_cpu(gy, y, gx):
    for i in prange(gy.size):
        gx[i] = gy[i] * y[i] * (1 - y[i])


sigmoid_forward.gpu(
    r"""
extern "C" __global__ void sigmoid_forward(const T* x, T* y, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    T e = exp(x[i] < 0 ? x[i] : -x[i]);
    y[i] = (x[i] < 0 ? e : 1) / (1 + e);
}
"""
)

sigmoid_backward.gpu(
    r"""
extern "C" __global__ void sigmoid_backward(const T* gy, const T* y, T* gx, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size) gx[i] = gy[i] * y[i] * (1 - y[i]);
}
"""
)


class Sigmoid(Elementwise):
    kernels = sigmoid_forward, sigmoid_backward


def sigmoid(input: Tensor) -> Tensor:
    """The logistic sigmoid 1 / (1 + e^-input), element by element.

    input  Tensor of any shape; the result has the same shape and dtype, values from 0 to 1.
    """
    return Sigmoid()(input)


def cases():
    yield Case(sigmoid, (2 * normal(2, 3, 5, 4),))
    yield Case(sigmoid, (normal(7),), label="1d")
