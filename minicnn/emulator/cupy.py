"""The slice of CuPy that minicnn uses, on the CPU. Code gets it as its array module, `xp`, for
arrays that lie on the device `emulated`.

Only what stands in the tables below exists, with arguments that CuPy has; a test compares each name
and argument with the real CuPy. What is missing may be added to a table once CuPy has it.
"""

import functools
import inspect

import numpy as np

from minicnn.emulator.memory import ndarray, plain, result
from minicnn.emulator.raw_kernels import RawKernel, RawModule, count

__all__ = ["RawKernel", "RawModule", "ndarray"]

# numpy's functions of these names do the work; a view of a device array stays one.
FUNCTIONS = {
    "all": "a, axis=None, out=None, keepdims=False",
    "any": "a, axis=None, out=None, keepdims=False",
    "arange": "start, stop=None, step=1, dtype=None",
    "argmax": "a, axis=None, dtype=None, out=None, keepdims=False",
    "argsort": "a, axis=-1, kind=None",
    "ascontiguousarray": "a, dtype=None",
    "broadcast_to": "array, shape",
    "clip": "a, a_min, a_max, out=None",
    "concatenate": "tup, axis=0, out=None",
    "full": "shape, fill_value, dtype=None",
    "max": "a, axis=None, out=None, keepdims=False",
    "mean": "a, axis=None, dtype=None, out=None, keepdims=False",
    "min": "a, axis=None, out=None, keepdims=False",
    "ones": "shape, dtype=float",
    "ones_like": "a, dtype=None",
    "pad": "array, pad_width, mode='constant'",
    "reshape": "a, newshape",
    "searchsorted": "a, v, side='left', sorter=None",
    "sort": "a, axis=-1, kind=None",
    "split": "ary, indices_or_sections, axis=0",
    "stack": "tup, axis=0, out=None",
    "sum": "a, axis=None, dtype=None, out=None, keepdims=False",
    "swapaxes": "a, axis1, axis2",
    "take": "a, indices, axis=None, out=None",
    "take_along_axis": "a, indices, axis",
    "transpose": "a, axes=None",
    "where": "condition, x=None, y=None",
    "zeros": "shape, dtype=float",
    "zeros_like": "a, dtype=None",
}
# Element by element, and the matrix product; with `out` and `dtype`.
UFUNCS = """
    abs add divide equal exp floor greater greater_equal isnan less less_equal log log1p matmul
    maximum minimum multiply negative not_equal power sign sqrt square subtract tanh
""".split()
METHODS = "all any argmax astype clip copy dot max mean min repeat sum take".split()
VIEWS = "ravel reshape squeeze swapaxes transpose".split()  # methods that read nothing
OPERATORS = """
    abs add and eq floordiv ge gt invert le lt matmul mod mul ne neg or pow radd rfloordiv rmatmul
    rmul rpow rsub rtruediv sub truediv
""".split()
CONSTANTS = """
    bool_ dtype float32 float64 inf int32 int64 int8 nan newaxis pi uint32 uint64 uint8
""".split()


def _function(name, text):
    signature = inspect.signature(eval(f"lambda {text}: None"))  # text from the table above
    function = _on_device(name, getattr(np, name))

    @functools.wraps(getattr(np, name))
    def checked(*args, **kwargs):
        signature.bind(*args, **kwargs)  # TypeError for an argument that CuPy does not have
        return function(*args, **kwargs)

    checked.__signature__ = signature
    return checked


def _on_device(name, numpys):
    """numpy's function for device arrays; it counts as one launch."""

    def function(*args, out=None, **kwargs):
        count(name)
        values, options = plain(args), {key: plain(value) for key, value in kwargs.items()}
        if out is not None:
            numpys(*values, out=out.host, **options)
            return out.wrote()
        given = args[0] if args and isinstance(args[0], list | tuple) else args
        return result(numpys(*values, **options), *(a for a in given if isinstance(a, ndarray)))

    return function


def _method(name):
    return lambda self, *args, **kwargs: _on_device(name, getattr(self.read(), name))(
        *args, **kwargs
    )


def _view(name):
    def method(self, *args, **options):
        values = getattr(self.host, name)(*args, **options)
        if not np.may_share_memory(values, self.host):
            self.read()  # it could not be a view, and is a copy
        return result(values, self)

    return method


def _in_place(name):
    def method(self, other):
        _on_device(name, getattr(self.read(), name))(other)
        return self

    return method


globals().update({name: _function(name, text) for name, text in FUNCTIONS.items()})
globals().update({name: _on_device(name, getattr(np, name)) for name in UFUNCS})
globals().update({name: getattr(np, name) for name in CONSTANTS})
for _name in METHODS:
    setattr(ndarray, _name, _method(_name))
for _name in VIEWS:
    setattr(ndarray, _name, _view(_name))
for _name in OPERATORS:
    setattr(ndarray, f"__{_name}__", _method(f"__{_name}__"))
for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(ndarray, f"__{_name}__", _in_place(f"__{_name}__"))


def put_along_axis(arr, indices, values, axis):
    count("put_along_axis")
    np.put_along_axis(arr.read(), plain(indices), plain(values), axis)


def empty(shape, dtype=float):
    return ndarray(shape, dtype)


def empty_like(prototype, dtype=None):
    return ndarray(prototype.shape, dtype or prototype.dtype)


def asarray(a, dtype=None):
    """On the device; the same array if it is there already."""
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    return ndarray.of(np.asarray(a, dtype))


def array(obj, dtype=None):
    """A new array on the device."""
    return ndarray.of(np.asarray(obj.read() if isinstance(obj, ndarray) else obj, dtype))


def asnumpy(a):
    """A copy on the host."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)
