"""The operators of ONNX that look at windows of pixels, or give maps another size."""

import numpy as np

from minicnn import functional as F
from minicnn.engine.tensor import Tensor


def _geometry(node, x, window):
    """(strides, (top, left, bottom, right), dilations) of a window, from attributes of which most
    may be missing."""
    strides, dilations = node.get("strides") or [1, 1], node.get("dilations") or [1, 1]
    if not len(x.shape) - 2 == len(window) == len(strides) == len(dilations) == 2:
        raise ValueError(
            f"only maps of two dimensions, (N, C, H, W), are known here; the input is {x.shape}"
        )
    how = node.get("auto_pad", "NOTSET")
    if how in ("SAME_UPPER", "SAME_LOWER"):
        sizes = zip(x.shape[2:], window, strides, dilations, strict=True)
        total = [max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n) for n, k, s, d in sizes]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = small + large if how == "SAME_UPPER" else large + small
    else:
        pads = (node.get("pads") if how != "VALID" else None) or [0] * 4
    if len(pads) != 4 or min(pads) < 0:
        raise ValueError(f"pads={pads}: expected four numbers, top, left, bottom, right")
    node.check_room([*x.shape[:2], x.shape[2] + pads[0] + pads[2], x.shape[3] + pads[1] + pads[3]])
    return tuple(strides), tuple(pads), tuple(dilations)


def _symmetric(pads):
    return pads[:2] == pads[2:]


def _within(pads, window):
    """Whether they are as ours may be: the same on both sides, at most half of the window."""
    return _symmetric(pads) and all(2 * p <= k for p, k in zip(pads, (*window,) * 2, strict=True))


def _pad(x, pads, value=0.0):
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value)


def _conv(node, x, w, b=None):
    window = node.get("kernel_shape") or [*w.shape[2:]]
    if [*window] != [*w.shape[2:]]:
        raise ValueError(f"kernel_shape={window}, and the weight is {w.shape}")
    strides, pads, dilations = _geometry(node, x, window)
    if not _symmetric(pads):
        x, pads = _pad(x, pads), (0, 0)
    return F.conv2d(x, w, b, strides, pads[:2], dilations, node.get("group", 1))


def _window(node, x):
    window = node.get("kernel_shape")
    if not window:
        raise ValueError("kernel_shape is missing")
    strides, pads, dilations = _geometry(node, x, window)
    ceil = bool(node.get("ceil_mode", 0))
    if ceil and not _within(pads, window):
        raise ValueError(
            f"pads={[*pads]} with ceil_mode are not known here, only the same on both sides, at "
            f"most half of the window {[*window]}"
        )
    return tuple(window), strides, pads, dilations, ceil


def _max_pool(node, x):
    window, strides, pads, dilations, ceil = _window(node, x)
    if not _within(pads, window):
        x, pads = _pad(x, pads, -np.inf), (0, 0)
    return F.max_pool2d(x, window, strides, pads[:2], dilations, ceil)


def _avg_pool(node, x):
    window, strides, pads, dilations, ceil = _window(node, x)
    if dilations != (1, 1):
        raise ValueError(f"dilations={[*dilations]} of an average are not known here")
    counted = bool(node.get("count_include_pad", 0))
    if _within(pads, window):
        return F.avg_pool2d(x, window, strides, pads[:2], ceil, counted)
    mean = F.avg_pool2d(_pad(x, pads), window, strides)
    if counted:
        return mean
    there = _pad(Tensor(np.ones((1, 1, *x.shape[2:]), x.dtype)), pads)
    return mean / F.avg_pool2d(there, window, strides)


def _everywhere(function):
    return lambda node, x: function(x, dim=tuple(range(2, len(x.shape))), keepdim=True)


def _resize(node, x, *inputs):
    """In opset 10 (X, scales), from 11 on (X, roi, scales, sizes)."""
    old = node.opset < 11
    given = [None if a is None or not np.size(a) else np.asarray(a) for a in inputs]
    scales, sizes = (*(given if old else given[1:]), None, None)[:2]
    _check_resize(node)
    if (scales is None) == (sizes is None):
        raise ValueError("expected either scales or sizes")
    axes, rank = node.get("axes") or [*range(len(x.shape))], len(x.shape)
    told = (scales if sizes is None else sizes).tolist()
    told = dict(zip((axis % rank for axis in axes), told, strict=True))
    full = [told.get(axis, n if scales is None else 1) for axis, n in enumerate(x.shape)]
    if rank != 4 or full[:2] != ([1, 1] if sizes is None else [*x.shape[:2]]):
        raise ValueError(f"only rows and columns of (N, C, H, W) can be resized, not {x.shape}")
    after = (
        [n * s for n, s in zip(x.shape[2:], full[2:], strict=True)] if sizes is None else full[2:]
    )
    node.check_room([*x.shape[:2], *(int(n) for n in after)])
    return _resized(node, x, full[2:], sizes is None)


def _upsample(node, x, scales=None):
    """Before Resize was there."""
    scales = node.get("scales") if scales is None else scales
    if scales is None:
        raise ValueError("scales are missing")
    return _resize(node, x, np.asarray(scales, np.float32))


def _check_resize(node):
    known = {
        "antialias": 0,
        "exclude_outside": 0,
        "keep_aspect_ratio_policy": "stretch",
    }
    for key, value in known.items():
        if node.get(key, value) != value:
            raise ValueError(f"{key}={node.get(key)} is not known here")


def _resized(node, x, numbers, by_scale):
    mode, how = node.get("mode", "nearest"), node.get("coordinate_transformation_mode")
    how = how or ("asymmetric" if node.opset < 11 else "half_pixel")
    to = {"scale_factor" if by_scale else "size": tuple(numbers)}
    if [*numbers] == ([1, 1] if by_scale else [*x.shape[2:]]):
        return x
    if mode == "nearest":
        rounding = node.get("nearest_mode", "floor" if node.opset < 11 else "round_prefer_floor")
        sizes = numbers if by_scale else [m / n for m, n in zip(numbers, x.shape[2:], strict=True)]
        whole = all(s >= 1 and float(s).is_integer() for s in sizes)
        if (how == "asymmetric" and rounding == "floor") or (
            whole and how.endswith("half_pixel") and rounding == "round_prefer_floor"
        ):
            return F.interpolate(x, **to)
    elif mode in ("linear", "bilinear"):
        if how == "align_corners" and not by_scale:
            return F.interpolate(x, **to, mode="bilinear", align_corners=True)
        scaled = [int(n * s) for n, s in zip(x.shape[2:], numbers, strict=True)]
        sizes = scaled if by_scale else numbers
        # PyTorch's takes a side of one pixel from the corner, not from the middle
        if how == "half_pixel" or (how == "pytorch_half_pixel" and min(sizes) > 1):
            return F.interpolate(x, **to, mode="bilinear", align_corners=False)
    raise ValueError(f"mode={mode} with coordinate_transformation_mode={how} is not known here")


WINDOWS = {
    "AveragePool": _avg_pool,
    "Conv": _conv,
    "GlobalAveragePool": _everywhere(F.mean),
    "GlobalMaxPool": _everywhere(F.amax),
    "MaxPool": _max_pool,
    "Resize": _resize,
    "Upsample": _upsample,
}
