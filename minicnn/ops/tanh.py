"""Hyperbolic tangent, the nonlinearity of the networks before ReLU.

    y = tanh(x) = (e^x - e^-x) / (e^x + e^-x)

Shapes: x and y any, the same.

Gradient: with s = e^x + e^-x and d = e^x - e^-x, each the derivative of the other, the quotient
rule gives dy/dx = (s s - d d) / s^2 = 1 - y^2, so gx = gy (1 - y^2), and only y need be kept.
Where |x| is large, y is close to 1 or -1 and nearly nothing of gy comes through: saturation.

Source: LeCun, Bottou, Orr, Mueller 1998, «Efficient BackProp», section 4.4.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.tensor import Tensor
from minicnn.ops.elementwise import Elementwise

tanh_forward = Kernel("tanh_forward", "x[...], y[...]")
tanh_backward = Kernel("tanh_backward", "gy[...], y[...], gx[...]")


@tanh_forward.cpu
def tanh_forward_cpu(x, y):
    for i in prange(x.size):
        y[i] = np.tanh(x[i])


@tanh_backward.cpu
def tanh_backward_cpu(gy, y, gx):
    one = y.dtype.type(1)  # an int 1 would make it float64
    for i in prange(gy.size):
        gx[i] = gy[i] * (one - y[i] * y[i])


tanh_forward.gpu(
    r"""
extern "C" __global__ void tanh_forward(const T* x, T* y, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size) y[i] = tanh(x[i]);
}
"""
)

tanh_backward.gpu(
    r"""
extern "C" __global__ void tanh_backward(const T* gy, const T* y, T* gx, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size) gx[i] = gy[i] * (1 - y[i] * y[i]);
}
"""
)


class Tanh(Elementwise):
    kernels = tanh_forward, tanh_backward


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent, element by element.

    input  Tensor of any shape; the result has the same shape and dtype, values from -1 to 1.
    """
    return Tanh()(input)


def cases():
    yield Case(tanh, (normal(2, 3, 5, 4),))
    yield Case(tanh, (normal(7),), label="1d")
