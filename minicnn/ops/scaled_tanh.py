"""LeCun's scaled hyperbolic tangent.

    y = A tanh(2x / 3),    A = 1.7159

Shapes: x and y any, the same.

A is chosen such that y(1) = 1 and y(-1) = -1: inputs of variance 1 give results of about variance
1, from layer to layer, and targets of 1 and -1 are reached where the curve bends most and not only
at infinity, so that learning them does not drive the weights up.

Gradient: by the chain rule gx = gy (2/3) A (1 - tanh^2) = gy (2/3) (A - y^2 / A). It starts at 1.14
where x = 0, a little more than that of tanh.

Source: LeCun et al. 1989; LeCun, Bottou, Orr, Mueller 1998, «Efficient BackProp», section 4.4.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.tensor import Tensor
from minicnn.ops.elementwise import Elementwise

AMPLITUDE, SLOPE = 1.7159, 2 / 3

scaled_tanh_forward = Kernel("scaled_tanh_forward", "x[...], y[...]")
scaled_tanh_backward = Kernel("scaled_tanh_backward", "gy[...], y[...], gx[...]")


@scaled_tanh_forward.cpu
def scaled_tanh_forward_cpu(x, y):
    for i in prange(x.size):
        y[i] = AMPLITUDE * np.tanh(SLOPE * x[i])


@scaled_tanh_backward.cpu
def scaled_tanh_backward_cpu(gy, y, gx):
    for i in prange(gy.size):
        gx[i] = gy[i] * SLOPE * (AMPLITUDE - y[i] * y[i] / AMPLITUDE)


scaled_tanh_forward.gpu(
    r"""
extern "C" __global__ void scaled_tanh_forward(const T* x, T* y, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    const T amplitude = T(1.7159), slope = T(2) / 3;  // a bare 1.7159 would compute in double
    if (i < size) y[i] = amplitude * tanh(slope * x[i]);
}
"""
)

scaled_tanh_backward.gpu(
    r"""
extern "C" __global__ void scaled_tanh_backward(const T* gy, const T* y, T* gx, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    const T amplitude = T(1.7159), slope = T(2) / 3;
    if (i < size) gx[i] = gy[i] * slope * (amplitude - y[i] * y[i] / amplitude);
}
"""
)


class ScaledTanh(Elementwise):
    kernels = scaled_tanh_forward, scaled_tanh_backward


def scaled_tanh(input: Tensor) -> Tensor:
    """1.7159 tanh(2/3 input), element by element.

    input  Tensor of any shape; the result has the same shape and dtype.
    """
    return ScaledTanh()(input)


def cases():
    yield Case(scaled_tanh, (normal(2, 3, 5, 4),))
    yield Case(scaled_tanh, (normal(7),), label="1d")
    yield Case(scaled_tanh, (normal(11, 3),), label="2d")
