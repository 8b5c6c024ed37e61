"""What is done to a picture before a network sees it, as part of a graph.

Whoever uses a file shall not have to normalise as we do. So the preparation, which `images` does
with plain arrays, is written into the graph: the same numbers, from Tensors that are followed. All
take and give Followed Tensors; pictures are (N, 3, H, W), grey levels.
"""

import numpy as np

from minicnn import functional as F
from minicnn.images.colour import RGB_TO_YUV
from minicnn.images.normalise import RGB_MEAN, RGB_SPREAD, YUV_MEAN, YUV_SPREAD


def yuv(x):
    """RGB to YUV, as images.colour.rgb_to_yuv."""
    return F.conv2d(x, RGB_TO_YUV[:, :, None, None])


def normalised_whole(x):
    """As images.normalise.normalise_whole."""
    centred = x - x.mean(dim=(1, 2, 3), keepdim=True)
    deviation = F.pow((centred * centred).mean(dim=(1, 2, 3), keepdim=True), 0.5)
    return centred / at_least(deviation, 1e-3)


def at_least(x, low):
    """The larger of x and a number."""
    return F.relu(x - low) + low


def normalised_locally(g, x, window=15, floor=4.0):
    """As images.normalise.normalise_locally: means in float32, squares in float64, for the variance
    of a sky is the small difference of two large numbers."""
    mean = _means(g, x, window, np.float32)
    wide = _cast(g, x, np.float64)
    squares = _means(g, wide * wide, window, np.float64)
    wide = _cast(g, mean, np.float64)
    variance = F.relu(squares - wide * wide)
    return (x - mean) / at_least(_cast(g, F.pow(variance, 0.5), np.float32), floor)


def _means(g, x, window, kind):
    """The mean of the `window` pixels around each, one axis after the other, mirrored at the
    border: differences of running sums, in float64."""
    before, after = window // 2, window - window // 2 - 1
    for axis in (2, 3):
        at = (slice(None),) * axis
        wide = _cast(g, _mirrored(g, x, axis, before + 1, after), np.float64)
        sums = _running_sum(g, wide, axis)
        total = sums[(*at, slice(window, None))] - sums[(*at, slice(None, -window))]
        x = _cast(g, total / float(window), kind)
    return x


def _cast(g, x, kind):
    kinds = {np.float32: 1, np.float64: 11}  # as TensorProto.DataType numbers them
    return g.value(x.data.astype(kind), g.node("Cast", x.value, to=kinds[kind]), x)


def _running_sum(g, x, axis):
    name = g.node("CumSum", x.value, np.array(axis, np.int64))
    return g.value(x.data.cumsum(axis), name, x)


def _mirrored(g, x, axis, before, after):
    """Rows around, c b a | a b c | c b a, as many times as needed: row i of the result is one of
    the rows 0, 1, ..., n - 1, n - 1, ..., 1, 0 of x."""
    around = [(0, 0)] * 4
    around[axis] = (before, after)
    n = x.shape[axis]
    size, one = g.sizes([n]), np.array([1], np.int64)
    last = g.node("Squeeze", g.sizes([n + after]), np.array([0], np.int64))
    rows = g.node("Range", np.array(-before, np.int64), last, np.array(1, np.int64))
    there = g.node("Mod", rows, g.node("Add", size, size))
    back = g.node("Sub", g.node("Sub", g.sizes([2 * n]), one), there)
    name = g.node("Gather", x.value, g.node("Min", there, back), axis=axis)
    return g.value(np.pad(x.data, around, mode="symmetric"), name, x)


def normalised(g, x, how, window=15, floor=4.0):
    """Pictures as images.normalise.normalised prepares them, by the option `normalise`."""
    if how == "picture":
        return normalised_whole(x)
    return normalised_planes(g, yuv(x), how, window, floor)


def normalised_planes(g, planes, how, window=15, floor=4.0):
    """YUV planes, by the option `normalise`: local or both."""
    local = normalised_locally(g, planes, window, floor)
    return F.concat([local, (planes - YUV_MEAN) / YUV_SPREAD], dim=1) if how == "both" else local


def normalised_rgb(x):
    """As images.normalise.normalise_rgb."""
    return (x - RGB_MEAN) / RGB_SPREAD


def halved(x):
    """As images.pyramid.halve: the filter [1 3 3 1] / 8 at every second pixel."""
    planes = x.shape[1]
    for shape, padding in (((4, 1), (0, 0, 1, 2)), ((1, 4), (1, 2, 0, 0))):
        taps = np.array([1, 3, 3, 1], np.float32).reshape(1, 1, *shape) / 8
        stride = tuple(min(2, side) for side in shape)
        weight = np.tile(taps, (planes, 1, 1, 1))
        x = F.conv2d(F.pad(x, padding, mode="replicate"), weight, None, stride, groups=planes)
    return x


def pyramid(x, levels, kind):
    """As images.pyramid: gaussian or laplacian."""
    found = [x]
    for _ in range(levels - (kind == "gaussian")):
        found.append(halved(found[-1]))
    if kind == "gaussian":
        return found
    differences = []
    for fine, coarse in zip(found[:-1], found[1:], strict=True):
        larger = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        differences.append(fine - larger[:, :, : fine.shape[2], : fine.shape[3]])
    return differences


def padded(x, before, multiple):
    """As models.segmentation.pad_to."""
    height, width = x.shape[2:]
    more = [before + -side % multiple for side in (height, width)]
    return F.pad(x, (before, more[1], before, more[0]))
