"""Which numbers a Tensor holds, and what becomes of numbers that meet it.

    lists, plain numbers            float32, the dtype that networks train in
    arrays                          keep their dtype: whole numbers, bools, float16, 32 and 64
    a plain number beside a Tensor  takes its dtype; but 0.5 beside whole numbers makes them float32
    whole numbers beside floats     take the floats' dtype, as in PyTorch

Bytes in the other order are turned round; complex numbers, longdouble and all that are no numbers
are refused.
"""

import numbers

import numpy as np

from minicnn.engine import devices

KINDS = "biuf"  # of numpy's dtypes, each of which can stand for all numbers of those before it


def as_array(data):
    """`data` as the array of a Tensor; arrays of any device stay where they are."""
    if devices.is_array(data):
        array = data
    else:
        array = _from_python(data)
    dtype = array.dtype
    if dtype.kind not in KINDS or dtype.itemsize > 8:
        kind = "" if dtype.kind == "O" else f" of {dtype}"
        raise TypeError(
            f"a Tensor needs numbers (bool, whole, float16, float32 or float64), "
            f"got {type(data).__name__}{kind}"
        )
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _from_python(data):
    """Lists and numbers; and what knows how to become an array, which keeps its dtype."""
    if _holds_tensor(data):
        raise TypeError(
            f"a {type(data).__name__} of Tensors is no Tensor, since their history would be lost; "
            "join them with concat, or take their .data"
        )
    try:
        array = np.asarray(data)
    except ValueError as error:  # lists of different lengths
        raise TypeError(f"a Tensor needs numbers in lists of equal lengths: {error}") from None
    own = any(hasattr(data, name) for name in ("dtype", "__array__", "__array_interface__"))
    return array if own or array.dtype.kind not in KINDS else array.astype(np.float32)


def _holds_tensor(data):
    return isinstance(data, list | tuple) and any(
        hasattr(item, "requires_grad") or _holds_tensor(item) for item in data
    )


def is_number(value):
    """Whether it is a plain number, one of numpy's included."""
    return isinstance(value, numbers.Number | np.number | np.bool_)


def beside(value, like):
    """A plain number or a list as an array of the device and, if that can hold it, of the dtype of
    the Tensor `like`."""
    array = as_array(value) if isinstance(value, list | tuple) else np.asarray(value)
    if array.dtype.kind not in KINDS:
        as_array(value)  # says what is wrong with it
    dtype = np.dtype(like.dtype)
    if KINDS.index(array.dtype.kind.replace("u", "i")) > KINDS.index(dtype.kind):
        dtype = np.dtype(np.float32 if array.dtype.kind == "f" else np.int64)
    if dtype.kind in "iu" and not (array.astype(dtype) == array).all():
        raise ValueError(f"{value} does not fit into {dtype}, the dtype of the Tensor beside it")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if dtype.kind == "f" and (np.isinf(cast) & np.isfinite(array)).any():
        raise ValueError(f"{value} does not fit into {dtype}, the dtype of the Tensor beside it")
    return devices.array_module(like.data).asarray(cast)


def adding(x, axes):
    """The dtype in which the numbers of x are added along these axes. Within a row numpy adds in
    pairs; from row to row one after the other, and float32 counts to 16,777,216 and no further."""
    if x.dtype.kind != "f":
        return x.dtype
    in_rows = x.flags.c_contiguous and {*axes} == {*range(x.ndim - len(axes), x.ndim)}
    return np.promote_types(x.dtype, np.float32 if in_rows else np.float64)


def sum_over(x, axes):
    """The sum of x along these axes, in its dtype."""
    return x.sum(axis=axes, dtype=adding(x, axes)).astype(x.dtype, copy=False)


def together(tensors):
    """The Tensors, those of whole numbers in the dtype of the floating ones, if there are any."""
    floating = [t.dtype for t in tensors if t.dtype.kind == "f"]
    if not floating or len(floating) == len(tensors):
        return tensors
    return [t if t.dtype.kind == "f" else t.to(dtype=floating[0]) for t in tensors]


def check_floating(name, inputs, tensors):
    """Raises TypeError, naming it, for an input that must not be of whole numbers and is."""
    for what, t in zip(inputs, tensors, strict=False):
        if what and t.dtype.kind != "f":
            raise TypeError(
                f"{name}: {what} holds whole numbers ({t.dtype}); convert it first, "
                "with .to(dtype=np.float32) or .astype(np.float32)"
            )
