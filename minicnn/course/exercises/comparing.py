"""Two results side by side: what is the first thing that is wrong?"""

from dataclasses import dataclass

import numpy as np


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


def difference(expected, got, names, tolerance=None):
    """The first Difference between two results, or None."""
    if got is None:
        return Difference("the function returns None: is its `return` missing?")
    expected, got = listed(expected), listed(got)
    if len(expected) != len(got):
        wanted = ", ".join(names)
        return Difference(f"{len(got)} results, but {len(expected)} are expected: {wanted}")
    for name, a, b in zip(names, expected, got, strict=True):
        found = one_difference(name, np.asarray(a), b, tolerance)
        if found:
            return found
    return None


def one_difference(name, a, b, tolerance):
    try:
        b = np.asarray(b)
    except ValueError:  # lists of different lengths
        return Difference(f"{name} is no array of numbers")
    if b.dtype.kind not in "fiub":
        return Difference(f"{name} holds {b.dtype}, expected numbers")
    if a.shape != b.shape:
        return Difference(f"{name} has the shape {b.shape}, expected {a.shape}")
    if a.dtype.kind == "f" and b.dtype.kind in "iub" and a.ndim:
        return Difference(
            f"{name} holds whole numbers ({b.dtype}), which cut fractions off; make it with "
            "np.zeros(shape, gy.dtype), or as the floating array is that goes in"
        )
    if tolerance is None:
        tolerance = 1e-4 if a.dtype == np.float32 else 1e-8
    with np.errstate(invalid="ignore"):
        right = np.isclose(b, a, rtol=tolerance, atol=tolerance, equal_nan=True)
    if right.all():
        return None
    first = tuple(int(i) for i in np.argwhere(~right)[0])
    where = name + (f"[{', '.join(map(str, first))}]" if first else "")
    count = f" ({(~right).sum()} of {right.size} are wrong)" if right.size > 1 else ""
    sentence = f"{where} should be {a[first]:.6g} and is {b[first]:.6g}{count}"
    return Difference(sentence, a, b, first)


def same(one, other):
    """Whether two results behave alike."""
    try:
        one, other = listed(one), listed(other)
        return len(one) == len(other) and all(
            np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-7, atol=1e-9, equal_nan=True)
            for a, b in zip(one, other, strict=True)
        )
    except (TypeError, ValueError):
        return False
