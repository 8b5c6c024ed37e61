"""Two results side by side: what is the first thing that is wrong?"""

from dataclasses import dataclass

import numpy as np

from minicnn.course.exercises.wire import Other


@dataclass
class Difference:
    """A sentence, and the two arrays for a picture (None where shapes differ)."""

    sentence: str
    expected: object = None
    got: object = None
    at: tuple = ()


def listed(result):
    """Results as a list: a function returns one array (or a list of numbers), or several."""
    several = isinstance(result, tuple) or (
        isinstance(result, list) and any(isinstance(a, np.ndarray) for a in result)
    )
    return list(result) if several else [result]


def difference(expected, got, names):
    """The first Difference between two results, or None."""
    return _first(
        expected, got, names, lambda *one: of_kind(*one) or of_numbers(*one) or of_dtype(*one)
    )


def difference_of_kind(expected, got, names):
    """The first Difference in shape or dtype, whatever the numbers are, or None."""
    return _first(expected, got, names, lambda *one: of_kind(*one) or of_dtype(*one))


def _first(expected, got, names, compare):
    if got is None:
        return Difference("the function returns None: is its `return` missing?")
    expected, got = listed(expected), listed(got)
    if len(expected) != len(got):
        wanted = ", ".join(names)
        return Difference(f"{len(got)} results, but {len(expected)} are expected: {wanted}")
    for name, a, b in zip(names, expected, got, strict=True):
        if isinstance(a, np.ndarray) and a.ndim and isinstance(b, list | tuple):
            return Difference(f"{name} is a {type(b).__name__}, expected an array")
        if isinstance(a, list) and isinstance(b, np.ndarray):
            return Difference(f"{name} is an array, expected a list: its .tolist() is one")
        if found := compare(name, np.asarray(a), b):
            return found
    return None


def of_kind(name, a, b):
    """Whether b is what a is: numbers of that shape, with fractions where a has them."""
    if isinstance(b, Other):
        return Difference(f"{name} is {b.name}, expected numbers")
    cuts = isinstance(b, np.ndarray)  # where it holds whole numbers; the 0 in a list cuts nothing
    try:
        b = np.asarray(b)
    except ValueError:  # lists of different lengths
        return Difference(f"{name} is no array of numbers")
    if b.dtype.kind not in "fiub":
        return Difference(f"{name} holds {b.dtype}, expected numbers")
    if a.shape != b.shape:
        return Difference(f"{name} has the shape {b.shape}, expected {a.shape}")
    if a.dtype.kind == "f" and b.dtype.kind in ("iub" if cuts else "b") and a.ndim:
        return Difference(
            f"{name} holds whole numbers ({b.dtype}), which cut fractions off; make it with "
            "np.zeros(shape, x.dtype), where x is the array of numbers with a point that goes in"
        )
    if a.dtype.kind in "iu" and b.dtype.kind not in "iu":
        return Difference(f"{name} holds {b.dtype}, expected whole numbers")
    return None


def of_dtype(name, a, b):
    """Whether an array has the dtype of the arrays that went in. A single number may be finer."""
    dtype = getattr(b, "dtype", a.dtype)
    if a.dtype.kind in "iu":
        return None  # whole numbers of any size
    if dtype != a.dtype and (a.ndim or dtype.itemsize < a.dtype.itemsize):
        return Difference(
            f"for {a.dtype} arrays {name} comes out as {dtype}: the result has the dtype of what "
            "goes in; np.zeros(shape, x.dtype) makes an array of the kind of x"
        )
    return None


def of_numbers(name, a, b):
    b = np.asarray(b)
    tolerance = 1e-4 if a.dtype == np.float32 else 1e-8
    with np.errstate(invalid="ignore"):
        right = np.isclose(b, a, rtol=tolerance, atol=tolerance, equal_nan=True)
    if right.all():
        return None
    first = tuple(int(i) for i in np.argwhere(~right)[0])
    where = name + (f"[{', '.join(map(str, first))}]" if first else "")
    count = f" ({(~right).sum()} of {right.size} are wrong)" if right.size > 1 else ""
    should, is_ = in_digits(a[first], b[first])
    return Difference(f"{where} should be {should} and is {is_}{count}", a, b, first)


def in_digits(one, other):
    """Two numbers as texts, with six digits, or as many as it takes to see that they differ."""
    for digits in range(6, 18):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def same(one, other):
    """Whether two results behave alike."""
    try:
        one, other = listed(one), listed(other)
        return len(one) == len(other) and all(map(close, one, other))
    except (TypeError, ValueError):
        return False


def close(a, b):
    """Whether two arrays are equal but for rounding."""
    single = np.float32 in (getattr(a, "dtype", None), getattr(b, "dtype", None))
    rtol, atol = (1e-5, 1e-6) if single else (1e-7, 1e-9)
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol, atol, equal_nan=True)
