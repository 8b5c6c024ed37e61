"""Gradients that are wrong by a factor, the same everywhere or not, or by one term.

A part of diagnosis.py, where the way of working is explained. A and B are the claimed and
the measured Jacobian, a row for each output and a column for each element of x.
"""

import numpy as np

from minicnn.checking.evidence import NEAR
from minicnn.checking.misplaced import constant_along, diagonal


def sign(e):
    if e.same(e.A, -e.B):
        return "the sign is wrong: every element is minus what it should be"


def factor(e):
    c = constant(e.A, e.B, e)
    if c is not None:
        return f"a constant factor is wrong: every element is {in_words(c)}{meaning(c, e)}"


def constant(A, B, e):
    """c if A = c B, and not 1 or 0."""
    c = float((A * B).sum() / (B * B).sum()) if B.any() else 1.0
    return c if abs(c) > NEAR and abs(c - 1) > NEAR and e.same(A, c * B) else None


def in_words(c):
    inverse = 1 / c
    if abs(c) < 1 and abs(inverse - round(inverse)) < 1e-4 * abs(inverse):
        return f"1/{round(inverse)} of what it should be" if c > 0 else f"{c:.4g} times as large"
    return f"{c:.5g} times what it should be"


def meaning(c, e):
    """Where a factor may come from."""
    count = c if abs(c) >= 1 else 1 / c
    if c < 0 or abs(count - round(count)) > 1e-4 * count:
        return ""
    count, B = round(count), e.B != 0
    read, reach = set(B.sum(axis=1)) - {0}, set(B.sum(axis=0)) - {0}
    if read == {count}:
        said = f"; {count} is the number of elements that one output reads: "
        return said + ("the division of a mean is missing" if c > 1 else "a mean in place of a sum")
    if reach == {count}:
        said = f"; {count} is the number of outputs that one element goes to: "
        return said + ("counted twice" if c > 1 else "their mean was taken in place of their sum")
    if count == 2:
        return "; the 2 from the derivative of a square?"
    if count in e.x.shape or count > 4:
        return "; it looks like a count: a mean in place of a sum, or the reverse"
    return ""


# --------------------------------------------------------------------- a factor that varies
def per_column(e):
    """The mean over the outputs that one element goes to, where their sum is due."""
    count = np.maximum((e.B != 0).sum(axis=0), 1)
    if count.max() > 1 and e.same(e.A * count, e.B):
        return (
            "the mean of the outputs that an element goes to was taken, where their sum is due "
            f"(up to {count.max()} outputs)"
        )


def spread(e):
    """Max pooling with the gradient of average pooling."""
    one = ((e.B != 0).sum(axis=1) == 1).all()
    even = all(len(set(row[row != 0].round(9))) == 1 for row in e.A)
    if one and even and e.same(e.A.sum(axis=1), e.B.sum(axis=1)):
        return (
            "gy is shared out evenly (a mean) over the window, but the output follows one element "
            "of it only, and that one gets all"
        )


def ratio(e):
    """A = B times a power of x, of y or of another input."""
    both = (e.B != 0) & (e.A != 0)
    if not np.array_equal(e.A != 0, e.B != 0):
        return None
    r = np.where(both, e.A / e.B, 1)
    for name, values in quantities(e):
        for power, kind in (
            (1, "too much"),
            (-1, "too little"),
            (2, "too much"),
            (-2, "too little"),
        ):
            factors = np.broadcast_to(values, r.shape)[both] ** power
            c = float(np.median(r[both] / factors))
            if np.ptp(values) and np.allclose(r[both], c * factors, rtol=1e-4):
                times = " squared" if abs(power) == 2 else ""
                also = "" if abs(c - 1) < 1e-4 else f" (and by the factor {c:.4g})"
                return f"multiplied {kind} by {name}{times}{also}: a power is off"
    return None


def quantities(e):
    """(name, values) of what may have slipped into a factor: rows belong to y, columns to x."""
    yield "x, the input itself", e.x.reshape(1, -1)
    if e.y.shape:
        yield "y, the output", e.y.reshape(-1, 1)
    for j, w in enumerate(e.probe.arrays):
        if j == e.k:
            continue
        for shape, turned in ((e.x.shape, (1, -1)), (e.y.shape, (-1, 1))):
            for spread_out in (w, w.reshape(*w.shape, *(1,) * (len(shape) - w.ndim))):
                try:
                    values = np.broadcast_to(spread_out, shape).reshape(turned)
                except ValueError:
                    continue
                yield f"input {j}", values


def slope(e):
    """Element by element, with a wrong derivative that has a simple name."""
    if e.y.shape != e.x.shape or not (diagonal(e.A) and diagonal(e.B)):
        return None
    x, y, local = e.x.reshape(-1), e.y.reshape(-1), np.diag(e.A)
    named = {"1": x**0, "y": y, "x": x, "1 - x^2": 1 - x * x, "1 - y": 1 - y, "1 + y^2": 1 + y * y}
    named |= {"y^2": y * y, "x^2": x * x, "1 - y^2": 1 - y * y, "y (1 - y)": y * (1 - y)}
    for name, values in named.items():
        if e.same(local, values):
            return f"backward takes dy/dx = {name}, which is not the derivative of this forward"


def along_axes(e):
    """A factor that depends on one axis of x only, such as a weight per class."""
    if not e.x.ndim or not np.array_equal(e.A != 0, e.B != 0):
        return None
    r = np.where(e.B != 0, e.A / e.B, np.nan).reshape(-1, *e.x.shape)
    varying = [a for a in range(e.x.ndim) if not constant_along(r, a + 1)]
    if len(varying) < e.x.ndim and constant_along(r, 0):
        axes = " and ".join(str(a) for a in varying)
        return f"a factor is forgotten, or one too many, that changes only along axis {axes} of x"


def offset(e):
    """The difference between A and B is one number in many places, or none."""
    D = (e.A - e.B)[e.wrong]
    if len(D) > 1 and np.ptp(D) <= NEAR * np.abs(D).max() + e.noise:
        return (
            f"one term is missing, or one too many: {len(D)} entries differ from the right ones by "
            f"the same number, {D[0]:.4g}"
        )
