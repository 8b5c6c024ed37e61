r"""Lp pooling: the p-norm of each window, between the sum (p = 1) and the largest (p = infinity).

    y[n,c,i,j] = S^(1/p),    S = sum over u, v of  x[n, c, s i + u, s j + v]^p

Shapes: x (N, C, H, W), y (N, C, OH, OW) as in max_pool2d without padding.

Gradient: dS/dx = p x^(p-1) and dy/dS = S^(1/p - 1) / p, so

    gx[n,c,p',q] = sum of gy y^(1-p) x^(p-1) over the windows that hold (p', q)

y^(1-p) x^(p-1) = (x/y)^(p-1): the larger p, the more the large values get. Where S is 0 the norm
has a kink; gx is 0 there.

Traps, all as in PyTorch. Despite its name it takes x^p and not |x|^p: for p = 2 or 4 that is the
same, for p = 1 it is the plain sum; for p = 3 negative values pull S down, and the root of a
negative S is a NaN, as is already x^p for p = 1.5: put relu in front. p = infinity does take |x|,
and minus infinity gives the smallest |x| of the window. With ceil_mode a window that reaches over
the edge counts as if it were full of its own mean, so S is scaled up by K L over the number of its
pixels.

Source: Sermanet, Chintala, LeCun 2012; conventions from PyTorch's source.
"""

import math

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.tensor import Tensor
from minicnn.ops.avg_pool2d import AvgPool2d
from minicnn.ops.max_pool2d import max_pool2d
from minicnn.ops.relu import relu


class LpPool2d(AvgPool2d):
    """The mean of x^p in each window is avg_pool2d's, kernels and all; here are the powers."""

    name = "lp_pool2d"

    def __init__(self, p, kernel_size, stride=None, ceil_mode=False):
        super().__init__(kernel_size, stride, ceil_mode=ceil_mode)
        self.p = float(p)

    @np.errstate(invalid="ignore", divide="ignore")  # powers that do not exist: a NaN, no warning
    def forward(self, x):
        self.x = x
        self.S = super().forward(x**self.p) * math.prod(self.window)
        return self.S ** (1 / self.p)

    @np.errstate(invalid="ignore", divide="ignore")
    def backward(self, gy):
        at_kink = self.S == 0
        gS = (
            gy / self.p * (self.S + at_kink) ** (1 / self.p - 1)
        )  # 1 in the place of 0, then nought
        gS[at_kink] = 0
        return super().backward(gS * math.prod(self.window)) * self.p * self.x ** (self.p - 1)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window, PyTorch's arguments. Meant for inputs that are not negative: it
    takes powers of the values and not of their sizes, except where p is even or infinite.

    input        (N, C, H, W)
    norm_type    p, any number but 0; infinity gives the largest, minus infinity the smallest size
    kernel_size, stride   int or (vertical, horizontal); stride is kernel_size where it is not given
    ceil_mode    also windows that reach beyond the last rows

    Returns (N, C, OH, OW). Raises ValueError where shapes do not fit.
    """
    if norm_type == 0:
        raise ValueError("lp_pool2d: norm_type must not be 0; there is no 0-th root")
    if math.isinf(norm_type):
        sign = math.copysign(1.0, norm_type)
        size = relu(input) + relu(-input)
        return sign * max_pool2d(sign * size, kernel_size, stride, ceil_mode=ceil_mode)
    return LpPool2d(norm_type, kernel_size, stride, ceil_mode)(input)


def cases():
    x = normal(2, 3, 7, 5)
    yield Case(lp_pool2d, (x,), {"norm_type": 2, "kernel_size": 2})
    options = {"kernel_size": (3, 2), "stride": (2, 1)}
    yield Case(lp_pool2d, (abs(x) + 0.1,), {"norm_type": 3.5, **options}, label="overlap")
    yield Case(lp_pool2d, (x,), {"norm_type": 1, **options}, label="sum")
    options = {"norm_type": 3, "kernel_size": (4, 3), "ceil_mode": True}
    yield Case(lp_pool2d, (abs(x) + 0.1,), options, label="ceil_mode")
