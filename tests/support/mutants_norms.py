"""Wrong backwards of normalisations, nonlinearities and losses."""

import numpy as np
from support.mutants import changed, plant, replace

from minicnn.engine.cases import normal, separated
from minicnn.engine.op import Op
from minicnn.ops import binary_cross_entropy_with_logits as bce
from minicnn.ops import (
    cross_entropy,
    dropout,
    hinge_loss,
    kl_div,
    local_contrast_norm,
    local_response_norm,
    nll_loss,
    relu,
    scaled_tanh,
    sigmoid,
    softmax,
    tanh,
)


# ----------------------------------------------------------------------------------- normalisation
def own_gradient(op, gy, right):
    """g_i for g_j: the sum over the window, with gy of the middle in the place of the others'."""
    gx = np.zeros_like(gy)
    for at in np.ndindex(*gy.shape):
        column = np.zeros_like(gy)
        column[at[0], :, at[2], at[3]] = gy[at]
        gx[at] = right(column)[at]
    return gx


def shorter(op, gy, right):
    own = gy / op.S**op.beta
    gx = right(gy, reach=(op.reach[0] - 1, op.reach[1] - 1, 0, 0))
    assert own.shape == gx.shape
    return gx


L = 2 * normal(2, 7, 3, 2)
plant(lambda: local_response_norm.LocalResponseNorm(5, 0.1, 0.75, 2.0, False), L)(
    "local_response_norm: cross term missing",
    lambda op, gy, right: gy / op.S**op.beta,
    "the cross term is missing: the term through which one map acts on the gradient of another",
)(
    "local_response_norm: cross term only with itself",
    lambda op, gy, right: gy / op.S**op.beta - 2 * op.a * op.beta * op.x * gy * op.y / op.S,
    "the cross term is missing: the term through which one map acts on the gradient of another",
)(
    "local_response_norm: factor 2 lost",
    lambda op, gy, right: right(gy, a=op.a / 2),
    "in other maps, is 1/2 of what it should be",
)(
    "local_response_norm: sign of the cross term",
    lambda op, gy, right: right(gy, a=-op.a),
    "in other maps, is -1 times",
)("local_response_norm: g_i for g_j", own_gradient, "gy[i] stands where gy[j] belongs")(
    "local_response_norm: window one short", shorter, "the window is too short at both ends"
)(
    "local_response_norm: direct term missing",
    lambda op, gy, right: right(gy) - gy / op.S**op.beta,
    "the cross terms are right and the direct term",
)
plant(lambda: local_response_norm.LocalResponseNorm(4, 0.1, 0.75, 2.0, False), L)(
    "local_response_norm: even window not mirrored",
    lambda op, gy, right: right(gy, reach=(1, 2, 0, 0)),
    "the window is not mirrored",
)
plant(lambda: local_response_norm.LocalResponseNorm(3, 0.3, 0.75, 1.0, True), normal(2, 3, 5, 4))(
    "local_response_norm: cross term missing within the map",
    lambda op, gy, right: gy / op.S**op.beta,
    "the cross term is missing: the term through which x[i] acts on y[j] at other pixels",
)
V = normal(2, 3, 5, 4)
WINDOW = np.array([[1, 2, 1], [3, 5, 1], [0, 1, 2]]) / 16
plant(lambda: local_contrast_norm.LocalSubtraction(WINDOW), V)(
    "local_contrast_norm: mean taken for a constant", lambda op, gy, right: gy, "cross term is miss"
)(
    "local_contrast_norm: window not mirrored",
    lambda op, gy, right: gy - op.local_mean(gy)[:, None],
    "transposed: i and j are exchanged",
)(
    "local_contrast_norm: mean added",
    lambda op, gy, right: 2 * gy - right(gy),
    "acts on y[j]",
)  # fmt: skip
plant(lambda: local_contrast_norm.LocalDivision(WINDOW, 0.5), V)(
    "local_contrast_norm: sigma taken for a constant",
    lambda op, gy, right: gy / op.T[:, None],
    "the cross term is missing",
)(
    "local_contrast_norm: half of sigma's derivative",
    lambda op, gy, right: (right(gy) + gy / op.T[:, None]) / 2,
    "is 1/2 of what it should be",
)
plant(lambda: local_contrast_norm.LocalDivision(WINDOW, None), V)(
    "local_contrast_norm: floor taken for a constant",
    lambda op, gy, right: right(gy, floor=1.0),
)

# ---------------------------------------------------------------------------------- nonlinearities
E = normal(2, 3, 5, 4)
plant(tanh.Tanh, E)("tanh: y", lambda op, gy, right: gy * op.y, "dy/dx = y,")(
    "tanh: square forgotten", lambda op, gy, right: gy * (1 - op.y), "dy/dx = 1 - y,"
)("tanh: of x", lambda op, gy, right: gy * (1 - op.inputs[0].data ** 2), "dy/dx = 1 - x^2,")
plant(sigmoid.Sigmoid, E)(
    "sigmoid: y", lambda op, gy, right: gy * op.y, "dy/dx = y,"
)("sigmoid: gy forgotten", lambda op, gy, right: op.y * (1 - op.y), "gy is not used")  # fmt: skip
plant(scaled_tanh.ScaledTanh, E)(
    "scaled_tanh: 2/3 forgotten", lambda op, gy, right: 1.5 * right(gy), "1.5 times what it should"
)
plant(relu.ReLU, separated(2, 3, 5, 4))(
    "relu: mask of gy", lambda op, gy, right: gy * (gy > 0), "a mask or a nonlinearity"
)("relu: no mask", lambda op, gy, right: gy, "a mask is missing")(
    "relu: y for the mask", lambda op, gy, right: gy * op.y, "multiplied too much by x"
)("relu: the other half", lambda op, gy, right: gy * (op.y == 0), "a wrong mask")
plant(lambda: dropout.Dropout(0.3, 77), normal(3, 4, 5))(
    "dropout: scale forgotten", lambda op, gy, right: gy * (right(gy) != 0), "0.7 times"
)("dropout: mask drawn anew", lambda op, gy, right: right(gy, low=5), "a wrong mask")

# ------------------------------------------------------------------------ probabilities and losses
S = normal(2, 5, 3)
plant(lambda: softmax.Softmax(1), S)("softmax: zeros", lambda op, gy, right: 0 * gy, "zeros")(
    "softmax: cross term missing",
    lambda op, gy, right: gy * op.y * (1 - op.y),
    "the cross term is missing",
)(
    "softmax: y times gy", lambda op, gy, right: gy * op.y, "the cross term is missing"
)  # fmt: skip
plant(lambda: softmax.LogSoftmax(1), S)(
    "log_softmax: sum missing", lambda op, gy, right: gy, "the cross term is missing"
)(
    "log_softmax: gy itself missing",
    lambda op, gy, right: right(gy) - gy,
    "the cross terms are right and the direct term",
)("log_softmax: mean in place of sum",
  lambda op, gy, right: gy + (right(gy) - gy) / 5, "is 1/5 of what it should be")  # fmt: skip
T = np.arange(30).reshape(2, 3, 5) * 7 % 4
T[0, 1, 2] = T[1, 0, 0] = 255
C = normal(2, 4, 3, 5)
plant(lambda: cross_entropy.CrossEntropy(255, "mean", 0.0), C, T)(
    "cross_entropy: not divided", lambda op, gy, right: right(gy, divisor=1.0), "28 times"
)("cross_entropy: sign", lambda op, gy, right: (-right(gy)[0], None), "the sign is wrong")(
    "cross_entropy: prediction without truth",
    lambda op, gy, right: right(gy, on=np.zeros(4), off=np.full(4, 0.25)),
)
plant(lambda: cross_entropy.CrossEntropy(255, "sum", 0.0), C, T)(
    "cross_entropy: void pixels counted",
    lambda op, gy, right: right(gy, ignore=-1, target=np.where(op.target == 255, 0, op.target)),
    "a gradient where there is none",
)(
    "cross_entropy: minus one forgotten",
    lambda op, gy, right: (
        gy * (op.e / op.S[:, None]).reshape(C.shape) * (T != 255)[:, None],
        None,
    ),
    "by the same number, 1",
)
plant(lambda: nll_loss.NLLLoss(255, "sum"), C, T, np.array([0.5, 2.0, 1.0, 3.0]))(
    "nll_loss: class weight forgotten",
    lambda op, gy, right: right(gy, w=np.ones(4)),
    "the factor input 2 is forgotten",
)
D = abs(normal(2, 4, 3, 5, seed=1)) + 0.1
plant(lambda: kl_div.KLDiv("sum", False), C, D)(
    "kl_div: one forgotten", replace(1, lambda op, gy, gt, right: gt - gy), "the same number, -1"
)("kl_div: gradients exchanged", lambda op, gy, right: right(gy)[::-1], "the other input, number 1")
plant(lambda: kl_div.KLDiv("mean", False), C, D)(
    "kl_div: mean over the batch", lambda op, gy, right: tuple(60 * g for g in right(gy)), "a count"
)
plant(lambda: bce.BinaryCrossEntropyWithLogits("mean"), C, D, np.ones(5), np.full((4, 1, 1), 2.0))(
    "bce: pos_weight forgotten", changed(0, P=lambda op: np.ones_like(op.P)), "input 3 is forgotten"
)


H, TRUTH = 2 * normal(4, 3, 5), np.arange(60).reshape(4, 3, 5) * 7 % 3 - 1.0
plant(lambda: hinge_loss.HingeLoss(2.0, "sum"), H, TRUTH)(
    "hinge: sign", lambda op, gy, right: (-right(gy)[0], None), "the sign is wrong"
)(
    "hinge: pos_weight forgotten", lambda op, gy, right: right(gy, P=1.0)
)(
    "hinge: also beyond the margin",
    lambda op, gy, right: ((-gy * np.where(op.t > 0, 2, 1) * op.t).reshape(H.shape), None),
)  # fmt: skip
plant(lambda: hinge_loss.HingeLoss(1.0, "mean"), H, TRUTH)(
    "hinge: divided by all", lambda op, gy, right: right(gy, known=np.float64(H.size))
)


class StudentsLRN(Op):
    """What «Done when» asks for: local response normalisation over 5 maps as a student writes it,
    with the gradient that one gets who takes the denominator for a constant."""

    def forward(self, x):
        padded = np.pad(x * x, ((0, 0), (2, 2), (0, 0), (0, 0)))
        self.S = 1 + 0.5 / 5 * sum(padded[:, d : d + x.shape[1]] for d in range(5))
        return x / self.S**0.75

    def backward(self, gy):
        return gy / self.S**0.75
