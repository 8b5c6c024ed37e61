"""Matrix products.

    matmul  y = a b          ga = gy b^T       gb = a^T gy
    linear  y = x w^T + b    gx = gy w         gw = gy^T x      gb = sum of gy over the batch

Shapes: matmul as numpy's, leading dimensions broadcast; a (.., M, K), b (.., K, N), y (.., M, N).
        linear x (..., K), w (F, K), b (F,), y (..., F).

The gradients are the only products of gy with the other factor whose shapes fit, which is a good
way to remember them.

The products are the business of BLAS, on both devices. On the CPU large ones are divided among the
threads of our kernels, and for some shapes of a linear layer there is a faster way: fast/linear.py.
"""

import math

from minicnn.engine.cases import Case, normal
from minicnn.engine.dtypes import sum_over
from minicnn.engine.kernel import chosen_algorithm
from minicnn.engine.op import Op, hands_over
from minicnn.engine.tensor import Tensor
from minicnn.ops.arithmetic import broadcast, unbroadcast
from minicnn.ops.fast import linear as fast


class MatMul(Op):
    name, mixes = "matmul", True

    def check(self, a, b):
        fit = a.ndim and b.ndim and a.shape[-1] == b.shape[0 if b.ndim == 1 else -2]
        if not fit or not broadcast(a.shape[:-2], b.shape[:-2]):
            raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit")

    def forward(self, a, b):
        self.a, self.b = a, b
        return multiplied(a, b)

    @hands_over
    def backward(self, gy):
        a = self.a[None] if self.a.ndim == 1 else self.a  # a vector is a row on the left
        b = self.b[:, None] if self.b.ndim == 1 else self.b  # and a column on the right
        if self.b.ndim == 1:
            gy = gy[..., None]
        if self.a.ndim == 1:
            gy = gy[None] if self.b.ndim == 1 else gy[..., None, :]
        ga = unbroadcast(multiplied(gy, b.swapaxes(-1, -2)), a.shape) if self.needs[0] else None
        gb = unbroadcast(multiplied(a.swapaxes(-1, -2), gy), b.shape) if self.needs[1] else None
        return (
            None if ga is None else ga.reshape(self.a.shape),
            None if gb is None else gb.reshape(self.b.shape),
        )


def _rows(x):
    """(..., K) as a matrix of K columns, which may be none."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


class Linear(Op):
    floating = ("input", "weight", "bias")

    def check(self, x, w, b=None):
        if w.ndim != 2 or x.ndim < 1 or x.shape[-1] != w.shape[1]:
            raise ValueError(f"linear: input {x.shape} and weight {w.shape} do not fit")
        if b is not None and b.shape != (w.shape[0],):
            raise ValueError(f"linear: bias {b.shape} for weight {w.shape}")

    def forward(self, x, w, b=None):
        self.x, self.w, self.has_bias = x, w, b is not None
        y = faster(fast.forward, _rows(x), w)
        y = x @ w.T if y is None else y.reshape(*x.shape[:-1], len(w))
        if self.has_bias:
            y += b
        return y

    @hands_over
    def backward(self, gy):
        x, rows = _rows(self.x), _rows(gy)
        gx = gw = None
        if self.needs[0]:
            gx = faster(fast.grad_input, rows, self.w)
            gx = gy @ self.w if gx is None else gx.reshape(self.x.shape)
        if self.needs[1]:
            gw = faster(fast.grad_weight, rows, x, self.w)
            gw = rows.T @ x if gw is None else gw
        return (gx, gw, sum_over(rows, (0,))) if self.has_bias else (gx, gw)


def faster(product, *factors):
    """The product by our own kernels; None where numpy (or cupy) shall do it."""
    return None if chosen_algorithm() == "simple" else product(*factors)


def multiplied(a, b):
    """a @ b, on the threads of our kernels where there is much to do."""
    y = faster(fast.matmul, a, b)
    return a @ b if y is None else y


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Matrix product; leading dimensions broadcast as in numpy."""
    return MatMul()(input, other)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias; input (..., K), weight (F, K), bias (F,)."""
    op = Linear()
    return op(input, weight) if bias is None else op(input, weight, bias)


def cases():
    yield Case(matmul, (normal(3, 4), normal(4, 5)))
    yield Case(matmul, (normal(2, 1, 3, 4), normal(6, 4, 5)), label="broadcast")
    yield Case(matmul, (normal(4), normal(4, 5)), label="vector-matrix")
    yield Case(matmul, (normal(3, 4), normal(4)), label="matrix-vector")
    yield Case(matmul, (normal(4), normal(4, seed=1)), label="vector-vector")
    yield Case(matmul, (normal(2, 3, 4), normal(4)), label="stack-vector")
    yield Case(linear, (normal(3, 4), normal(5, 4), normal(5)))
    yield Case(linear, (normal(2, 3, 4), normal(5, 4)), label="no-bias")
