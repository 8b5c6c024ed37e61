"""The layers: modules that own the parameters of an operation, or its options.

    net = nn.Sequential(nn.Conv2d(3, 16, 7), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 8, 1))

Arguments and names are PyTorch's; parameters are drawn from `minicnn.manual_seed`. How a network of
one's own is written, `module.py` says.
"""

from collections.abc import Callable

import numpy as np

from minicnn import functional as F
from minicnn.engine.op import pair
from minicnn.engine.tensor import Tensor
from minicnn.nn import init
from minicnn.nn.module import Module, Parameter


class Conv2d(Module):
    """Convolution with learnt filters; see functional.conv2d. `initial` draws the weights."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple | str = 0,
        dilation: int | tuple = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        initial: Callable = init.kaiming_normal,
    ):
        kh, kw = pair(kernel_size, "Conv2d: kernel_size", 1)
        _at_least_one("Conv2d", groups=groups, in_channels=in_channels, out_channels=out_channels)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"Conv2d: {groups} groups do not divide {in_channels}, {out_channels}")
        fan_in = in_channels // groups * kh * kw
        self.weight = Parameter(initial((out_channels, in_channels // groups, kh, kw), fan_in))
        self.bias = Parameter(_bias(initial, out_channels, fan_in)) if bias else None
        self.geometry = stride, padding, dilation, groups

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, *self.geometry)

    def forward_of_levels(self, levels):
        if type(self).forward is not Conv2d.forward:  # a layer that does something else
            return super().forward_of_levels(levels)
        return F.conv2d_of_levels(levels, self.weight, self.bias, *self.geometry)


class ConvTable2d(Module):
    """Convolution along the edges of a connection table (see nn.tables): map c of the result sees
    only the input maps that the table gives it. `gains=True` learns a factor per edge."""

    def __init__(
        self,
        table: np.ndarray | list,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        bias: bool = True,
        gains: bool = False,
        initial: Callable = init.kaiming_normal,
    ):
        kh, kw = pair(kernel_size, "ConvTable2d: kernel_size", 1)
        self.table = np.asarray(table)
        fan_in = np.bincount(self.table[:, 1])[self.table[:, 1]] * kh * kw
        weight = initial((len(self.table), kh, kw), 1)
        scale = 1 / np.sqrt(fan_in).astype(np.float32).reshape(-1, 1, 1)
        if init.drawn():
            weight = weight * Tensor(scale).to(Tensor(weight).device).data
        self.weight = Parameter(weight)
        outputs = int(self.table[:, 1].max()) + 1
        self.bias = Parameter(_bias(initial, outputs, int(fan_in.max()))) if bias else None
        self.gains = Parameter(init.zeros(len(self.table)) + 1) if gains else None
        self.geometry = stride, padding, dilation

    def forward(self, x):
        return F.conv2d_table(x, self.weight, self.bias, self.table, self.gains, *self.geometry)


class Linear(Module):
    """x W^T + b; see functional.linear."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        initial: Callable = init.kaiming_normal,
    ):
        _at_least_one("Linear", in_features=in_features)
        self.weight = Parameter(initial((out_features, in_features), in_features))
        self.bias = Parameter(_bias(initial, out_features, in_features)) if bias else None

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


def _at_least_one(layer, **numbers):
    for name, number in numbers.items():
        if not number >= 1:
            raise ValueError(f"{layer}: {name}={number!r}: expected at least 1")


def _bias(initial, size, fan_in):
    """Drawn like the weights beside Torch's uniform ones; zero beside others."""
    return initial((size,), fan_in) if initial is init.uniform else init.zeros(size)


class Subsample2d(Module):
    """The mean of each window, with a learnt gain and bias for each map; see
    functional.subsample2d. It starts as a plain mean."""

    def __init__(self, channels: int, kernel_size: int | tuple, stride: int | tuple | None = None):
        self.gain = Parameter(init.zeros(channels) + 1)
        self.bias = Parameter(init.zeros(channels))
        self.window = kernel_size, stride

    def forward(self, x):
        kernel_size, stride = self.window
        return F.subsample2d(x, kernel_size, self.gain, self.bias, stride)


# ------------------------------------------------------------------------ nothing to learn in these
class ReLU(Module):
    def forward(self, x):
        return F.relu(x)


class Tanh(Module):
    def forward(self, x):
        return F.tanh(x)


class ScaledTanh(Module):
    """1.7159 tanh(2x / 3)."""

    def forward(self, x):
        return F.scaled_tanh(x)


class Sigmoid(Module):
    def forward(self, x):
        return F.sigmoid(x)


class MaxPool2d(Module):
    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        *,
        ceil_mode: bool = False,
    ):
        self.options = kernel_size, stride, padding, dilation, ceil_mode

    def forward(self, x):
        return F.max_pool2d(x, *self.options)


class MaxPoolMaps(Module):
    """The largest value in some maps and a window of pixels; see functional.max_pool_maps."""

    def __init__(
        self,
        maps: int | list,
        kernel_size: int | tuple = 1,
        stride: int | tuple | None = None,
        padding: int | tuple = 0,
        ceil_mode: bool = False,
        maps_stride: int | None = None,
    ):
        self.options = maps, kernel_size, stride, padding, ceil_mode, maps_stride

    def forward(self, x):
        return F.max_pool_maps(x, *self.options)


class AvgPool2d(Module):
    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: float | None = None,
    ):
        self.options = kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override

    def forward(self, x):
        return F.avg_pool2d(x, *self.options)


class LocalResponseNorm(Module):
    """Each value divided by what its neighbours among the maps answer; see
    functional.local_response_norm."""

    def __init__(
        self,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        alpha_per_term: float | None = None,
        within_map: bool = False,
    ):
        self.options = size, alpha, beta, k, alpha_per_term, within_map

    def forward(self, x):
        return F.local_response_norm(x, *self.options)


class LocalContrastNorm(Module):
    """Local mean 0 and local deviation 1, of all maps together; see
    functional.local_contrast_norm."""

    def __init__(
        self,
        window: int | np.ndarray,
        subtract: bool = True,
        divide: bool = True,
        floor: float | None = None,
    ):
        self.options = window, subtract, divide, floor

    def forward(self, x):
        return F.local_contrast_norm(x, *self.options)


class Dropout(Module):
    """Zeroes each element with probability p while training."""

    def __init__(self, p: float = 0.5):
        self.p = p

    def forward(self, x):
        return F.dropout(x, self.p, self.training)
