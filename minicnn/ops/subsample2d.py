r"""Subsampling with trainable gain and bias, the pooling of LeNet.

    y[n,c,i,j] = a[c] m[n,c,i,j] + b[c],    m = the mean of window (i, j) of map c

Two numbers are learnt for each map. With a small a the squashing function behind it stays in its
straight part and the layer blurs; with a large one it decides.

Shapes: x (N, C, H, W), a (C), b (C), y (N, C, OH, OW), OH = floor((H - K) / s) + 1, OW likewise:
rows that fill no window are left out. a = 1, b = 0 is avg_pool2d.

Gradient: y is linear in each of a, b and m, and the mean hands its gradient on as in avg_pool2d:

    ga[c] = sum over n, i, j of gy m        gb[c] = sum over n, i, j of gy
    gx[n,c,p,q] = sum of a[c] gy[n,c,i,j] / (K L) over the windows (i, j) that hold (p, q)

Convention: LeNet's gain belongs to the sum of the window; the mean only makes its a larger by the
factor K L, and leaves it near 1 whatever the window. Keeping every s-th pixel (decimation) is no
operation of its own: x[:, :, ::s, ::s].

Source: LeCun, Bottou, Bengio, Haffner 1998, section II.B; the lecture's slide «structure of a
layer».
"""

from minicnn.engine.cases import Case, normal
from minicnn.engine.dtypes import sum_over
from minicnn.engine.tensor import Tensor
from minicnn.ops.avg_pool2d import AvgPool2d


class Subsample2d(AvgPool2d):
    """The windows and their means are avg_pool2d's, kernels and all."""

    name, floating = "subsample2d", ("input", "gain", "bias")

    def check(self, x, a, b):
        super().check(x)
        for name, values in (("gain", a), ("bias", b)):
            if values.shape != x.shape[1:2]:
                raise ValueError(
                    f"subsample2d: {name} {values.shape}, but the input {x.shape} has "
                    f"{x.shape[1]} maps"
                )

    def forward(self, x, a, b):
        self.m, self.a = super().forward(x), a[:, None, None]
        return self.a * self.m + b[:, None, None]

    def backward(self, gy):
        gx = super().backward(gy * self.a) if self.needs[0] else None
        return gx, sum_over(gy * self.m, (0, 2, 3)), sum_over(gy, (0, 2, 3))


def subsample2d(
    input: Tensor,
    kernel_size: int | tuple,
    gain: Tensor,
    bias: Tensor,
    stride: int | tuple | None = None,
) -> Tensor:
    """The mean of each window, times the gain of its map, plus the bias of its map.

    input        (N, C, H, W)
    kernel_size, stride   int or (vertical, horizontal); stride is kernel_size where it is not given
    gain, bias   (C,) each, learnt if they require a gradient

    Returns (N, C, OH, OW). Raises ValueError where shapes do not fit.
    """
    return Subsample2d(kernel_size, stride)(input, gain, bias)


def subsample2d_of(input, gain, bias, **options):
    """`subsample2d` with its arrays in front, as a Case passes them."""
    return subsample2d(input, gain=gain, bias=bias, **options)


def cases():
    x, a, b = normal(2, 3, 7, 5), normal(3), normal(3, seed=1)
    yield Case(subsample2d_of, (x, a, b), {"kernel_size": 2})
    overlapping = {"kernel_size": (3, 2), "stride": (2, 1)}
    yield Case(subsample2d_of, (x, a, b), overlapping, label="overlap")
