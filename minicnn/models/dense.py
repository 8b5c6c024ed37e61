"""An answer for every pixel from a network that pools.

A network with pooling of stride s in all answers for every s-th pixel. Two ways to the others:

- Shift and stitch: run it on the picture, then on the picture shifted by one pixel, and so on, s
  shifts down times s across, and put the answers side by side. Easy to see, and s^2 runs.
- Dilated convolution: pool with stride 1, so that nothing is thrown away, and let every later layer
  step over the positions that belong to other shifts: its dilation is the product of the strides
  before it. One run, which computes nothing twice.

Both give the same numbers.

Source: Giusti et al. 2013; Sermanet et al. 2013; Pinheiro, Collobert 2014, section 3.3.
"""

import numpy as np

from minicnn import functional as F
from minicnn import nn


def shift_and_stitch(network, x, stride, every=1):
    """Answers at every `every`-th pixel; `network` gives one for every `stride`-th.

    network  function from an array (N, C, H, W) to an array (N, K, h, w); runs (stride / every)^2
             times
    x        array (N, C, H, W), padded so that the last shift still finds a whole window

    Returns an array (N, K, h n, w n), n = stride / every. Raises ValueError where `every` does not
    divide `stride`.
    """
    if every < 1 or stride % every:
        raise ValueError(f"shift_and_stitch: every={every} does not divide the stride {stride}")
    n = stride // every
    height, width = (side - stride + every for side in x.shape[2:])
    stitched = None
    for a in range(n):
        for b in range(n):
            top, left = a * every, b * every
            y = network(x[:, :, top : top + height, left : left + width])
            if stitched is None:
                stitched = np.empty((*y.shape[:2], y.shape[2] * n, y.shape[3] * n), y.dtype)
            stitched[:, :, a::n, b::n] = y
    return stitched


def dense(layers, x, dilation=1):
    """Runs `layers` (modules, one after another) dilated, so that nothing is pooled away.

    x         Tensor (N, C, H, W), itself with a dilation of `dilation`
    Returns (y, dilation): y answers for every position of x at which its windows fit, and the
    dilation with which layers that come after have to go on.
    """
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.ConvTable2d):
            x = _dilated(layer, dilation, x)
        elif isinstance(layer, nn.MaxPool2d):
            size, stride = layer.options[:2]
            x = F.max_pool2d(x, size, stride=1, dilation=dilation)
            dilation *= size if stride is None else stride
        else:  # element by element
            x = layer(x)
    return x, dilation


def by_phases(layer, x, dilation):
    """What `layer`, a function without padding or stride, says of x with a dilation d.

    Positions that are d apart see only one another. So they are made a picture of their own: d^2
    small pictures, a batch, under plain filters, for which the fast algorithms are made.
    """
    n, c, h, w = x.shape
    d, high, wide = dilation, -(-h // dilation), -(-w // dilation)
    x = F.pad(x, (0, wide * d - w, 0, high * d - h)).reshape(n, c, high, d, wide, d)
    y = layer(x.permute(3, 5, 0, 1, 2, 4).reshape(d * d * n, c, high, wide))
    k, rows, columns = y.shape[1:]
    y = y.reshape(d, d, n, k, rows, columns).permute(2, 3, 4, 0, 5, 1)
    y = y.reshape(n, k, rows * d, columns * d)
    return y[:, :, : h - d * (high - rows), : w - d * (wide - columns)]


def _dilated(layer, dilation, x):
    """The convolution of `layer`, whose own dilation and stride are 1, at another dilation."""
    stride, padding, _, *groups = before = layer.geometry
    layer.geometry = stride, padding, dilation, *groups
    try:
        return layer(x)
    finally:
        layer.geometry = before
