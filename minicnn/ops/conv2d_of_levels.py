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
from minicnn.ops.fast import levels
from minicnn.ops.shape import concat
from minicnn.ops.windows import windows


class Conv2dOfLevels(Conv2d):
    """`count` levels, the weight and, maybe, the bias; as many results as levels."""

    name = "conv2d"

    def __init__(self, count, *options):
        super().__init__(*options)
        self.count, self.floating = count, ("input",) * count + ("weight", "bias")

    def check(self, *arrays):
        for x in arrays[: self.count]:
            super().check(x, *arrays[self.count :])

    def forward(self, *arrays):
        arrays = [contiguous(a) for a in arrays]
        self.xs, self.w = arrays[: self.count], arrays[self.count]
        self.has_bias = len(arrays) > self.count + 1
        zeros = array_module(self.w).zeros
        bias = arrays[-1] if self.has_bias else zeros(len(self.w), dtype=self.w.dtype)
        sizes = [windows("conv2d", x, self.w, self.geometry) for x in self.xs]
        ys = tuple(
            empty_like(x, (len(x), len(self.w), *size))
            for x, size in zip(self.xs, sizes, strict=True)
        )
        self.joined = chosen_algorithm() != "simple" and levels.can_use(
            self.xs, self.w, ys, self.geometry, self.groups
        )
        wanted = any(self.needs[: self.count])
        # what the gradients by x can use again: of each level, or of all together
        self.keeps = [{} if wanted else None for _ in (ys[:1] if self.joined else ys)]
        if self.joined:
            levels.forward(self.xs, self.w, bias, self.geometry, ys, *self.keeps)
            return ys
        for x, y, keep in zip(self.xs, ys, self.keeps, strict=True):
            conv2d_forward(x, self.w, bias, *self.geometry, self.groups, y, keep=keep)
        return ys

    @hands_over
    def backward(self, gys):
        used = [k for k, gy in enumerate(gys) if gy is not None]  # of the results
        all_gys, gxs = {k: contiguous(gys[k]) for k in used}, [None] * self.count
        for k in used:
            gxs[k] = empty_like(self.xs[k]) if self.needs[k] else None
        gw = empty_like(self.w) if self.needs[self.count] else None
        together = self.joined and chosen_algorithm() != "simple" and len(used) == self.count
        if together and levels.can_use_gradients(all_gys.values()):
            self.all_at_once([*all_gys.values()], gxs, gw)
        else:
            self.one_by_one(all_gys, gxs, gw)
        if not self.has_bias:
            return *gxs, gw
        gb = sum(map(grad_bias_of, all_gys.values())) if self.needs[-1] else None
        return *gxs, gw, gb

    def all_at_once(self, gys, gxs, gw):
        keep = {} if self.keeps[0] is None else self.keeps[0]
        if any(self.needs[: self.count]):
            all_gxs = [empty_like(x) if g is None else g for x, g in zip(self.xs, gxs, strict=True)]
            levels.grad_input(gys, self.w, self.geometry, all_gxs, keep)
        if gw is not None:
            levels.grad_weight(gys, self.xs, self.geometry, gw, keep)

    def one_by_one(self, gys, gxs, gw):
        for number, (k, gy) in enumerate(gys.items()):
            keep = {} if self.joined or self.keeps[k] is None else self.keeps[k]
            if gxs[k] is not None:
                conv2d_grad_input(gy, self.w, *self.geometry, self.groups, gxs[k], keep=keep)
            if gw is not None:
                part = empty_like(gw) if number else gw
                conv2d_grad_weight(gy, self.xs[k], *self.geometry, self.groups, part, keep=keep)
                if number:
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
    tuple of as many results. Raises ValueError where shapes do not fit."""
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
