"""One convolution of several inputs, as the levels of a pyramid: of any sizes, the same filters.

    y_k = conv2d(x_k, w, b)        for each level k

Gradient: that of `conv2d` for each x_k; and for what the levels share the sum over them,

    gw = sum_k gw_k,    gb = sum_k gb_k

So there is nothing new to know, and level by level this is `conv2d`. It saves time where the tiles
of all levels can be rows of one product (fast/levels.py): in it a coarse level, of a dozen tiles,
costs no more than its share.
"""

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import chosen_algorithm
from minicnn.engine.op import contiguous, hands_over, is_followed
from minicnn.engine.tensor import Tensor
from minicnn.ops.conv2d import (
    Conv2d,
    conv2d,
    conv2d_forward,
    conv2d_grad_input,
    conv2d_grad_weight,
    grad_bias_of,
)
from minicnn.ops.fast import fourier, levels
from minicnn.ops.shape import concat
from minicnn.ops.windows import windows


class Conv2dOfLevels(Conv2d):
    """`count` levels, the weight and, maybe, the bias; as many results as levels."""

    def __init__(self, count, *options):
        super().__init__(*options)
        self.count, self.floating = count, ("input",) * count + ("weight", "bias")

    def called(self):
        return "conv2d"

    def check(self, *arrays):
        for x in arrays[: self.count]:
            super().check(x, *arrays[self.count :])

    def forward(self, *arrays):
        arrays = [contiguous(a) for a in arrays]
        self.xs, self.w = arrays[: self.count], arrays[self.count]
        self.has_bias = len(arrays) > self.count + 1
        bias = arrays[-1] if self.has_bias else array_module(self.w).zeros_like(self.w[:, 0, 0, 0])
        ys = tuple(empty_like(x, self.shape_of(x)) for x in self.xs)
        wanted = any(self.needs[: self.count])
        self.joined = chosen_algorithm() != "simple" and levels.join(
            self.xs, self.w, ys, self.geometry, self.groups
        )
        self.keeps = [{} if wanted else None for _ in ys]  # what the gradients by x can use again
        if self.joined:
            ph, pw = self.geometry[2:4]
            fourier.forward_of(self.xs, self.w, bias, ph, pw, 1, ys, self.keeps[0])
            return ys
        for x, y, keep in zip(self.xs, ys, self.keeps, strict=True):
            conv2d_forward(x, self.w, bias, *self.geometry, self.groups, y, keep=keep)
        return ys

    def shape_of(self, x):
        return len(x), len(self.w), *windows("conv2d", x, self.w, self.geometry)

    @hands_over
    def backward(self, gys):
        xp, xs = array_module(self.w), self.xs
        gys = [  # zeros where nothing was made of a result
            xp.zeros(self.shape_of(x), x.dtype) if gy is None else contiguous(gy)
            for x, gy in zip(xs, gys, strict=True)
        ]
        keeps = [{} if keep is None else keep for keep in self.keeps]
        if self.joined and not all(fourier.alike(None, gy=gy) for gy in gys):
            self.joined, keeps = False, [{} for _ in xs]  # tiles would mix what is too far apart
        gxs = [empty_like(x) if wanted else None for x, wanted in zip(xs, self.needs, strict=False)]
        gw = empty_like(self.w) if self.needs[self.count] else None
        if self.joined:
            ph, pw = self.geometry[2:4]
            if any(self.needs[: self.count]):
                some = [empty_like(x) if gx is None else gx for x, gx in zip(xs, gxs, strict=True)]
                fourier.grad_input_of(gys, self.w, ph, pw, 1, some, keeps[0])
            if gw is not None:
                fourier.grad_weight_of(gys, xs, ph, pw, 1, gw, keeps[0])
        else:
            self.one_by_one(gys, gxs, gw, keeps)
        gradients = *gxs, gw
        if not self.has_bias:
            return gradients
        return *gradients, sum(map(grad_bias_of, gys)) if self.needs[-1] else None

    def one_by_one(self, gys, gxs, gw, keeps):
        for k, (gy, x, gx, keep) in enumerate(zip(gys, self.xs, gxs, keeps, strict=True)):
            if gx is not None:
                conv2d_grad_input(gy, self.w, *self.geometry, self.groups, gx, keep=keep)
            if gw is not None:
                part = gw if k == 0 else empty_like(gw)
                conv2d_grad_weight(gy, x, *self.geometry, self.groups, part, keep=keep)
                if k:
                    gw += part


def conv2d_of_levels(
    inputs: list,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple = 1,
    padding: int | tuple | str = 0,
    dilation: int | tuple = 1,
    groups: int = 1,
) -> tuple:
    """`conv2d` of each of the inputs, a list of (N, C, H, W) of any sizes, with its arguments: a
    tuple of as many results."""
    inputs, options = list(inputs), (stride, padding, dilation, groups)
    if len(inputs) < 2 or isinstance(padding, str) or is_followed():
        return tuple(conv2d(x, weight, bias, *options) for x in inputs)
    return Conv2dOfLevels(len(inputs), *options)(*inputs, weight, *([] if bias is None else [bias]))


def conv2d_of_two(x, z, weight, bias=None, **options):
    """`conv2d_of_levels` as a Case passes its arrays; all numbers in one row."""
    results = conv2d_of_levels([x, z], weight, bias, **options)
    return concat([y.reshape(-1) for y in results])


def cases():
    x, z, w, b = normal(2, 3, 6, 5), normal(1, 3, 4, 7), normal(4, 3, 3, 2), normal(4)
    yield Case(conv2d_of_two, (x, z, w, b))
    options = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    yield Case(conv2d_of_two, (x, z, w), options, label="stride-pad-dilate")
