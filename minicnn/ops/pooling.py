"""What max_pool2d, avg_pool2d and max_pool_maps share: windows of pixels and how many there are."""

import math

from minicnn.engine.op import Op, pair


class Pool2d(Op):
    """Windows of `window` rows and columns, one every `stride` pixels."""

    name = ""  # of the public function, for the sentences of errors
    floating = ("input",)

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        self.window = pair(kernel_size, f"{self.name}: kernel_size", 1)
        self.stride = self.window if stride is None else pair(stride, f"{self.name}: stride", 1)
        self.padding = pair(padding, f"{self.name}: padding")
        self.dilation = pair(dilation, f"{self.name}: dilation", 1)
        self.ceil_mode = ceil_mode

    def window_of(self):
        return self.window, self.stride, self.dilation

    def check(self, x):
        if x.ndim != 4:
            raise ValueError(f"{self.name}: expected input (N, C, H, W), got {x.shape}")
        if math.prod(x.shape[1:]) >= 2**31:  # places within a picture are kept as int32
            raise ValueError(
                f"{self.name}: a picture of {x.shape[1:]} has more than 2147483647 elements"
            )
        if any(2 * p > k for p, k in zip(self.padding, self.window, strict=True)):
            raise ValueError(
                f"{self.name}: padding {self.padding} is more than half of kernel_size "
                f"{self.window}"
            )
        if min(self.output_size(x)) < 1:
            raise ValueError(
                f"{self.name}: kernel_size {self.window} is larger than the padded input: input "
                f"{x.shape}, padding {self.padding}"
            )

    def output_size(self, x):
        """(OH, OW)"""
        geometry = zip(
            x.shape[2:], self.window, self.stride, self.padding, self.dilation, strict=True
        )
        return tuple(self.pooled_size(*numbers) for numbers in geometry)

    def pooled_size(self, size, window, stride, padding, dilation):
        """The number of windows along one axis."""
        room = size + 2 * padding - dilation * (window - 1) - 1
        if not self.ceil_mode:
            return room // stride + 1
        count = -(-room // stride) + 1
        return count - 1 if (count - 1) * stride >= size + padding else count
