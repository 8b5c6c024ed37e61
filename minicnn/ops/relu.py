"""Rectified linear unit.

    y = max(x, 0)

Shapes: x and y any, the same.

Gradient: y follows x where x > 0 and stands still where x < 0, so gx = gy [x > 0]. At x = 0 there
is a kink; any value between 0 and gy is a subgradient, and like everyone we take 0. Since y > 0
exactly where x > 0, backward needs only y.

A NaN stays a NaN, so that a loss that has gone wrong is seen.

Source: Krizhevsky, Sutskever, Hinton 2012, section 3.1; the lecture's slide «structure of a layer».
"""

from minicnn.engine.cases import Case, separated
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.tensor import Tensor
from minicnn.ops.elementwise import Elementwise

relu_forward = Kernel("relu_forward", "x[...], y[...]")
relu_backward = Kernel("relu_backward", "gy[...], y[...], gx[...]")


@relu_forward.cpu
def relu_forward_cpu(x, y):
    zero = x.dtype.type(0)  # an int 0 would cost -0.0 its sign
    for i in prange(x.size):
        y[i] = zero if x[i] < 0 else x[i]


@relu_backward.cpu
def relu_backward_cpu(gy, y, gx):
    zero = gy.dtype.type(0)  # with an int 0 the choice would be made in float64
    for i in prange(gy.size):
        gx[i] = zero if y[i] == zero else gy[i]


relu_forward.gpu(
    r"""
extern "C" __global__ void relu_forward(const T* x, T* y, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size) y[i] = x[i] < 0 ? 0 : x[i];
}
"""
)

relu_backward.gpu(
    r"""
extern "C" __global__ void relu_backward(const T* gy, const T* y, T* gx, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < size) gx[i] = y[i] == 0 ? 0 : gy[i];
}
"""
)


class ReLU(Elementwise):
    name = "relu"
    kernels = relu_forward, relu_backward


def relu(input: Tensor) -> Tensor:
    """max(input, 0), element by element.

    input  Tensor of any shape; the result has the same shape and dtype.
    """
    return ReLU()(input)


def cases():
    yield Case(relu, (separated(2, 3, 5, 4),))
    yield Case(relu, (separated(7),), label="1d")
