"""The operators of ONNX that move numbers without changing them. They work on Tensors and on arrays
alike: a shape is reshaped and sliced as a map is."""

import math

import numpy as np

from minicnn import functional as F
from minicnn.engine.tensor import Tensor
from minicnn.interchange.constants import cast


def _ints(values):
    return [] if values is None else np.asarray(values).ravel().tolist()


def _reshape(node, x, shape=None):
    """The shape is an attribute before opset 5; 0 is the size that was there."""
    shape = _ints(node.get("shape") if shape is None else shape)
    if not node.get("allowzero", 0):
        if 0 in shape[len(x.shape) :]:
            raise ValueError(f"shape {shape}: 0 takes a size of the input, which is {x.shape}")
        shape = [x.shape[axis] if n == 0 else n for axis, n in enumerate(shape)]
    return x.reshape(tuple(shape))


def _flatten(node, x):
    axis = node.get("axis", 1)
    if not -len(x.shape) <= axis <= len(x.shape):
        raise ValueError(f"axis={axis} does not exist in {x.shape}")
    axis = axis + len(x.shape) if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _squeeze(node, x, axes=None):
    axes = _ints(node.get("axes") if node.opset < 13 else axes)
    axes = [axis % len(x.shape) for axis in axes] or [k for k, n in enumerate(x.shape) if n == 1]
    if any(x.shape[axis] != 1 for axis in axes):
        raise ValueError(f"axes {axes} of {x.shape} are not all of size 1")
    return x.reshape(tuple(n for k, n in enumerate(x.shape) if k not in axes))


def _unsqueeze(node, x, axes=None):
    axes = _ints(node.get("axes") if node.opset < 13 else axes)
    rank = len(x.shape) + len(axes)
    axes = {axis % rank for axis in axes}
    sizes = iter(x.shape)
    return x.reshape(tuple(1 if k in axes else next(sizes) for k in range(rank)))


def _transpose(node, x):
    order = node.get("perm") or [*reversed(range(len(x.shape)))]
    return F.permute(x, order) if isinstance(x, Tensor) else x.transpose(order)


def _concat(node, *tensors):
    axis = node.get("axis", 1)
    if len({len(t.shape) for t in tensors}) == 1 and -len(tensors[0].shape) <= axis:
        shape = [*tensors[0].shape]
        shape[axis] = sum(t.shape[axis] for t in tensors)
        node.check_room(shape)
    if not any(isinstance(t, Tensor) for t in tensors):
        return np.concatenate(tensors, axis)
    return F.concat([t if isinstance(t, Tensor) else Tensor(t) for t in tensors], dim=axis)


def _slice(node, x, starts=None, ends=None, axes=None, steps=None):
    """Attributes before opset 10."""
    if node.opset < 10:
        starts, ends, axes = node.get("starts"), node.get("ends"), node.get("axes")
    starts, ends = _ints(starts), _ints(ends)
    axes, steps = _ints(axes) or [*range(len(starts))], _ints(steps) or [1] * len(starts)
    index = [slice(None)] * len(x.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        n = x.shape[axis]
        if step < 0 and end < -n:  # to the first and with it
            end = None
        index[axis] = slice(start, end, step)
    return x[tuple(index)]


def _gather(node, x, places):
    axis = node.get("axis", 0)
    places = places.data if isinstance(places, Tensor) else places
    if not -len(x.shape) <= axis < len(x.shape):
        raise ValueError(f"axis={axis} does not exist in {x.shape}")
    axis, n = axis % len(x.shape), x.shape[axis]
    if places.size and not -n <= places.min() <= places.max() < n:
        raise ValueError(f"place {int(abs(places).max())} does not exist among {n}")
    node.check_room([*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]])
    place = int(places) if places.ndim == 0 else places
    y = x[(slice(None),) * axis + (place,)]
    return y if isinstance(y, Tensor) else np.asarray(y)


def _shape(node, x):
    return np.array(x.shape, np.int64)[node.get("start", 0) : node.get("end")]


def _pad(node, x, pads=None, value=None, axes=None):
    """Attributes before opset 11."""
    if node.opset < 11:
        pads, value = node.get("pads"), node.get("value", 0.0)
    pads, rank = _ints(pads), len(x.shape)
    axes = [axis % rank for axis in _ints(axes)] or [*range(rank)]
    if len(pads) != 2 * len(axes):
        raise ValueError(f"pads={pads}: expected {2 * len(axes)} numbers")
    around = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    node.check_room([n + sum(around.get(k, (0, 0))) for k, n in enumerate(x.shape)])
    flat = [n for axis in reversed(range(rank)) for n in around.get(axis, (0, 0))]
    while flat and not any(flat[-2:]):
        flat = flat[:-2]
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    mode = node.get("mode", "constant")
    if mode not in modes:
        raise ValueError(f"mode={mode} is not known here")
    number = 0.0 if value is None or not np.size(value) else float(np.asarray(value).item())
    return F.pad(x, tuple(flat), mode=modes[mode], value=number) if flat else x


def _expand(node, x, shape):
    full = np.broadcast_shapes(tuple(x.shape), tuple(_ints(shape)))
    node.check_room(full)
    return x + np.zeros(full, x.dtype)


def _cast(node, x):
    """Without a gradient, where the kind of numbers changes."""
    if not isinstance(x, Tensor):
        return cast(node, x)
    y = cast(node, x.data)
    return x if y.dtype == x.dtype else Tensor(y)


MOVING = {
    "Cast": _cast,
    "Concat": _concat,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Pad": _pad,
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
EITHER = {*MOVING} - {"Pad"} | {"Identity"}  # whether on Tensors or on arrays
