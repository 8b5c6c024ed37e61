"""Elementwise arithmetic with broadcasting: add, sub, mul, div, neg, pow.

    add  y = a + b      ga = gy             gb = gy
    sub  y = a - b      ga = gy             gb = -gy
    mul  y = a b        ga = gy b           gb = gy a
    div  y = a / b      ga = gy / b         gb = -gy y / b      (b^2 may overflow)
    neg  y = -a         ga = -gy
    pow  y = a^p        ga = gy p a^(p-1)   p a number, not learnt

Shapes broadcast as in numpy: (3, 1, 5) with (4, 5) gives (3, 4, 5). Broadcasting copies a value to
many places, so its gradient is the sum over those places: `unbroadcast`.
"""

import numbers

import numpy as np

from minicnn.engine.cases import Case, normal, separated
from minicnn.engine.dtypes import sum_over
from minicnn.engine.op import Op, no_grad
from minicnn.engine.tensor import Tensor


def unbroadcast(gradient, shape):
    """Sums `gradient` over the axes along which an array of `shape` was repeated."""
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    repeated = [
        axis
        for axis in range(gradient.ndim)
        if axis < extra or (shape[axis - extra] == 1 and gradient.shape[axis] != 1)
    ]
    return sum_over(gradient, tuple(repeated)).reshape(shape)


def broadcast(a, b):
    """Whether arrays of the shapes a and b go together."""
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))


class _Pairwise(Op):
    """What the binary operations share: the shapes, and how to undo broadcasting. `by_a` and `by_b`
    are the gradients of each input, as if nothing had been broadcast."""

    mixes = True

    def check(self, a, b):
        if not broadcast(a.shape, b.shape):
            name = self.called()
            raise ValueError(f"{name}: shapes {a.shape} and {b.shape} do not broadcast")

    def forward(self, a, b):
        self.a, self.b = a, b
        return self.value(a, b)

    def backward(self, gy):
        return (
            unbroadcast(self.by_a(gy), self.a.shape) if self.needs[0] else None,
            unbroadcast(self.by_b(gy), self.b.shape) if self.needs[1] else None,
        )


class Add(_Pairwise):
    def value(self, a, b):
        return a + b

    def by_a(self, gy):
        return gy

    def by_b(self, gy):
        return gy


class Sub(_Pairwise):
    def check(self, a, b):
        super().check(a, b)
        if a.dtype == b.dtype == bool:
            raise TypeError("sub: bools have no difference; compare them with !=")

    def value(self, a, b):
        return a - b

    def by_a(self, gy):
        return gy

    def by_b(self, gy):
        return -gy


class Mul(_Pairwise):
    def value(self, a, b):
        return a * b

    def by_a(self, gy):
        return gy * self.b

    def by_b(self, gy):
        return gy * self.a


class Div(_Pairwise):
    def value(self, a, b):
        if a.dtype.kind != "f":  # so b is whole too: what comes out is not
            a, b = a.astype(np.float32), b.astype(np.float32)
        return a / b

    def by_a(self, gy):
        return gy / self.b

    def by_b(self, gy):
        return -gy * (self.a / self.b) / self.b


class _Compare(_Pairwise):
    """Bools, which have no gradient. `how` is a function of the module operator."""

    name = "compare"

    def __init__(self, how):
        self.how = how

    def value(self, a, b):
        return self.how(a, b)


class Neg(Op):
    def check(self, a):
        if a.dtype == bool:
            raise TypeError("neg: bools have no sign; t == 0 turns them round")

    def forward(self, a):
        return -a

    def backward(self, gy):
        return -gy


class Pow(Op):
    def __init__(self, exponent):
        self.exponent = exponent

    def check(self, a):
        if a.dtype.kind != "f" and float(self.exponent).is_integer() and self.exponent < 0:
            raise ValueError(
                f"pow: whole numbers ({a.dtype}) to the power of {self.exponent} are none; convert "
                "them first, with .to(dtype=np.float32)"
            )

    def forward(self, a):
        if a.dtype.kind != "f" and isinstance(self.exponent, float):
            a = a.astype(np.float32)
        self.a = a
        return a**self.exponent

    def backward(self, gy):
        if self.exponent == 0:
            return gy * 0
        return gy * self.exponent * self.a ** (self.exponent - 1)


def add(input: Tensor, other: Tensor | float) -> Tensor:
    """input + other, with broadcasting."""
    return Add()(input, other)


def sub(input: Tensor, other: Tensor | float) -> Tensor:
    """input - other, with broadcasting."""
    return Sub()(input, other)


def mul(input: Tensor, other: Tensor | float) -> Tensor:
    """input * other, element by element, with broadcasting."""
    return Mul()(input, other)


def div(input: Tensor, other: Tensor | float) -> Tensor:
    """input / other, element by element, with broadcasting."""
    return Div()(input, other)


def compare(how, input, other):
    """A Tensor of bools, with broadcasting; `how` is operator.lt, le, eq, ne, ge or gt."""
    if isinstance(other, numbers.Integral) and input.dtype.kind in "iu":
        other = Tensor(np.asarray(int(other))).to(input.device)  # it may lie beyond input's dtype
    with no_grad():
        return _Compare(how)(input, other)


def neg(input: Tensor) -> Tensor:
    """-input."""
    return Neg()(input)


def pow(input: Tensor, exponent: float) -> Tensor:
    """input to the power of a plain number."""
    if not isinstance(exponent, numbers.Real):
        raise TypeError(f"pow: the exponent must be a number, not {type(exponent).__name__}")
    whole = isinstance(exponent, numbers.Integral)
    return Pow(int(exponent) if whole else float(exponent))(input)  # numpy's would change the dtype


def cases():
    row, grid = normal(4, 5), normal(3, 1, 5, seed=1)
    yield Case(add, (row, grid), label="broadcast")
    yield Case(sub, (row, grid), label="broadcast")
    yield Case(mul, (row, grid), label="broadcast")
    yield Case(div, (row, separated(3, 1, 5)), label="broadcast")
    yield Case(neg, (row,))
    yield Case(pow, (separated(3, 4),), {"exponent": 3})
    yield Case(pow, (abs(separated(3, 4)),), {"exponent": -0.5}, label="root")
