"""Operators on what is known without a picture: shapes, places, sizes. Plain numpy.

A function gets (node, arrays) and returns an array. ONNX counts in whole numbers as C does: a
quotient is rounded towards zero.
"""

import numpy as np

# TensorProto.DataType: what is computed in float16 there is in float32 here
DTYPES = {
    **{1: np.float32, 10: np.float32, 16: np.float32, 11: np.float64, 6: np.int32, 7: np.int64},
    **{2: np.uint8, 3: np.int8, 9: np.bool_, 12: np.uint32, 13: np.uint64},
}


def _div(node, a, b):
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise ValueError("a whole number is divided by 0")
    return (np.sign(a) * np.sign(b) * (abs(a) // abs(b))).astype(a.dtype)


def _mod(node, a, b):
    if a.dtype.kind != "f" and not np.all(b):
        raise ValueError("a whole number is divided by 0")
    return np.fmod(a, b) if node.get("fmod", 0) else np.mod(a, b)


def cast(node, a):
    to = node.get("to", 1)
    if to not in DTYPES:
        raise ValueError(f"numbers of data type {to} are not known here")
    return a.astype(DTYPES[to])


def _constant_of_shape(node, shape):
    value = node.get("value")
    value = np.zeros(1, np.float32) if value is None else value
    node.check_room(shape.tolist())
    return np.full(shape.tolist(), value.ravel()[0], value.dtype)


def _range(node, start, limit, delta):
    start, limit, delta = (a.item() for a in (start, limit, delta))
    if not delta:
        raise ValueError("the step of a range is 0")
    node.check_room([max(0, int((limit - start) / delta) + 1)])
    return np.arange(start, limit, delta)


def _product(node, a):
    axes = node.get("axes")
    return a.prod(axis=tuple(axes) if axes else None, keepdims=bool(node.get("keepdims", 1)))


def _scatter(node, data, places, updates):
    y, how = data.copy(), node.get("reduction", "none")
    at = tuple(np.moveaxis(places, -1, 0))
    if how == "add":
        np.add.at(y, at, updates)
    elif how == "none":
        y[at] = updates
    else:
        raise ValueError(f"reduction={how} is not known here")
    return y


def _pairwise(function):
    return lambda node, a, *others: (
        a if not others else _pairwise(function)(node, function(a, others[0]), *others[1:])
    )


ARRAYS = {
    "Abs": lambda node, a: np.abs(a),
    "Add": lambda node, a, b: a + b,
    "And": lambda node, a, b: a & b,
    "Ceil": lambda node, a: np.ceil(a),
    "ConstantOfShape": _constant_of_shape,
    "Div": _div,
    "Equal": lambda node, a, b: a == b,
    "Floor": lambda node, a: np.floor(a),
    "Greater": lambda node, a, b: a > b,
    "Less": lambda node, a, b: a < b,
    "Max": _pairwise(np.maximum),
    "Min": _pairwise(np.minimum),
    "Mod": _mod,
    "Mul": lambda node, a, b: a * b,
    "Not": lambda node, a: ~a,
    "Range": _range,
    "ReduceProd": _product,
    "ScatterND": _scatter,
    "Sub": lambda node, a, b: a - b,
    "Where": lambda node, c, a, b: np.where(c, a, b),
}
