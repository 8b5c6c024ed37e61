"""Wrong backwards of arithmetic, matrix products, sums and shapes."""

import numpy as np
from support.mutants import changed, plant, replace

from minicnn.engine.cases import normal, separated
from minicnn.ops import arithmetic as ar
from minicnn.ops import matmul, pad, reductions, shape

# ----------------------------------------------------------------------- arithmetic and matrices
A1, A2 = normal(4, 5), separated(4, 5)
plant(ar.Sub, A1, A2)("sub: sign", lambda op, gy, right: (gy, gy), "the sign is wrong")
plant(ar.Mul, A1, A2)("mul: wrong operand", lambda op, gy, right: (gy * op.a, gy * op.b),
  "this looks like the gradient of the other input")(
    "mul: the other operand twice", lambda op, gy, right: (gy * op.b, gy * op.b),
    "this looks like the gradient of the other input, number 0")(
    "mul: operand forgotten", lambda op, gy, right: (gy, gy * op.a), "input 1 is forgotten"
)  # fmt: skip
plant(ar.Div, A1, A2)(
    "div: sign of the second", lambda op, gy, right: (gy / op.b, gy * op.a / op.b**2), "the sign"
)(
    "div: square forgotten",
    lambda op, gy, right: (gy / op.b, -gy * op.a / op.b),
    "multiplied too much by x",
)("div: divisor forgotten", lambda op, gy, right: (gy, right(gy)[1]), "input 1 is forgotten")
plant(ar.Mul, A1, normal(3, 1, 5))(
    "mul: mean where broadcast",
    replace(0, lambda op, gy, ga, right: ga / 3),
    "their mean was taken in place of their sum",
)(
    "mul: one copy where broadcast",
    replace(0, lambda op, gy, ga, right: (gy * op.b)[0]),
    "overwritten",
)
plant(lambda: ar.Pow(3), A2)(
    "pow: exponent forgotten", lambda op, gy, right: right(gy) / 3, "1/3 of what it should be"
)("pow: power not lowered", lambda op, gy, right: right(gy) * op.a, "multiplied too much by x")
Q1, Q2, Q3 = normal(4, 4), normal(4, 4, seed=1), normal(3, 4)
plant(matmul.MatMul, Q1, Q2)(
    "matmul: not transposed", lambda op, gy, right: (gy @ op.b, right(gy)[1]), "1 is transposed"
)("matmul: wrong order", lambda op, gy, right: right(gy)[::-1], "the other input, number 1")
plant(matmul.Linear, Q3, Q1, normal(4))(
    "linear: weight transposed", changed(0, w=lambda op: op.w.T), "input 1 is transposed"
)(
    "linear: gradient transposed",
    replace(1, lambda op, gy, gw, right: gw.T),
    "transposed",
)(
    "linear: mean for the bias",
    replace(2, lambda op, gy, gb, right: gb / 3),
    "their mean was taken in place of their sum",
)
# ------------------------------------------------------------------------------ sums and shapes
R = separated(3, 4, 5)
plant(lambda: reductions.Mean((0, 2), False), R)(
    "mean: not divided", lambda op, gy, right: 15 * right(gy), "the division of a mean is missing"
)
plant(lambda: reductions.Sum(1, False), R)(
    "sum: divided", lambda op, gy, right: right(gy) / 4, "a mean in place of a sum"
)
plant(lambda: reductions.AMax(2, False), R)(
    "amax: gradient of the mean",
    lambda op, gy, right: np.repeat(gy[..., None], 5, 2) / 5,
    "shared out evenly",
)
plant(lambda: reductions.Sum(0, False), Q1)(
    "sum: the wrong dimension",
    lambda op, gy, right: np.repeat(gy[:, None], 4, 1),
    "transposed",
)
plant(lambda: shape.Permute((1, 2, 0)), normal(3, 3, 3))(
    "permute: not inverted",
    lambda op, gy, right: gy.transpose(op.dims),
    "a wrong order",
)
plant(lambda: shape.Permute((0, 2, 1)), normal(2, 3, 4))(
    "permute: reshaped", lambda op, gy, right: gy.reshape(2, 3, 4), "a wrong order"
)


def assign(op, gy, right):
    gx = np.zeros_like(op.x)
    gx[op.index] = gy
    return gx


plant(lambda: shape.Index((slice(None), np.array([2, 0, 2]))), normal(2, 3, 4))(
    "index: repeated, overwritten", assign, "overwritten"
)
plant(lambda: shape.Concat(1), normal(2, 3, 4), normal(2, 3, 4, seed=1))(
    "concat: pieces exchanged", lambda op, gy, right: right(gy)[::-1], "the other input, number 1"
)
plant(lambda: pad.Pad((1, 1, 1, 1), "reflect", 0.0), normal(2, 3, 4, 5))(
    "pad: reflected border lost", lambda op, gy, right: gy[..., 1:-1, 1:-1], "overwritten"
)
plant(lambda: pad.Pad((1, 2), "constant", 0.0), normal(3, 6))(
    "pad: one off", lambda op, gy, right: gy[:, :6].copy(), "shifted"
)
