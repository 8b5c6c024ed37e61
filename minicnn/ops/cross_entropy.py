r"""Cross-entropy: how badly scores predict the true class.

With p = softmax(x) over the classes, t the true class and w_t its weight, each pixel loses

    l = -w_t log p[t]                 (nll_loss is the same for an x that holds log p already)

A target may also be a distribution d over the classes: l = -sum_c w_c d[c] log p[c]. A true class t
is the distribution that is 1 at t. label_smoothing e puts (1 - e) d[c] + e / C in its place, so
that no probability is driven to 1. All are, with q the distribution times the weights,

    l = sum_c q[c] (log S - x[c]),    S = sum_k e^x[k]

Shapes: x (N, C), (N, C, H, W) or (C,); target the same without C, whole numbers; or of x's shape,
floating. l like the first kind of target. reduction: 'none' gives l, 'sum' its sum, 'mean' the
sum divided by the sum of the w_t that took part (for distributions by the number of pixels).
Pixels whose target is ignore_index («void») lose nothing, count nothing and get no gradient; if
there are only such, the mean is 0 / 0, a NaN, as in PyTorch.

Gradient: log S has the derivative p[c], so gx[c] = gl (p[c] sum_k q[k] - q[c]): what was predicted
minus what is true. That simple end is why softmax and loss are one operation, and that log p comes
from log_softmax and is never the logarithm of a probability that may have vanished.

Source: Bridle 1990; void pixels: Farabet et al. 2013; label_smoothing: Szegedy et al. 2016.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.tensor import Tensor
from minicnn.ops.losses import ClassLoss, as_tensors, check_reduction, constant
from minicnn.ops.softmax import exponentials, log_softmax

cross_entropy_forward = Kernel(
    "cross_entropy_forward",
    "x[N, C, P], largest[N, P], S[N, P], int64 target[N, P], ignore, on[C], off[C], loss[N, P]",
)
cross_entropy_backward = Kernel(
    "cross_entropy_backward",
    "g[N, P], e[N, C, P], S[N, P], int64 target[N, P], ignore, on[C], off[C], gx[N, C, P]",
)


# log p[c] = x[c] - largest - log S, and p[c] = e[c] / S, from the kernel `exponentials`
@cross_entropy_forward.cpu
def cross_entropy_forward_cpu(x, largest, S, target, ignore, on, off, loss):
    """q[c] is off[c], and on[t] more where c is the true class t."""
    N, C, P = x.shape
    for nb in prange(N * P):
        n, b = nb // P, nb % P
        t, total, log_S = target[n, b], x.dtype.type(0), np.log(S[n, b])
        if t != ignore:
            total = on[t] * (log_S - (x[n, t, b] - largest[n, b]))
            for c in range(C):
                if off[c] != 0:  # 0 times an infinity would be a NaN
                    total += off[c] * (log_S - (x[n, c, b] - largest[n, b]))
        loss[n, b] = total


@cross_entropy_backward.cpu
def cross_entropy_backward_cpu(g, e, S, target, ignore, on, off, gx):
    N, C, P = e.shape
    for nb in prange(N * P):
        n, b = nb // P, nb % P
        t = target[n, b]
        if t == ignore:
            for c in range(C):
                gx[n, c, b] = 0
            continue
        all_q = on[t]
        for c in range(C):
            all_q += off[c]
        for c in range(C):
            q = off[c] + on[t] if c == t else off[c]
            gx[n, c, b] = g[n, b] * (e[n, c, b] / S[n, b] * all_q - q)


# ------------------------------------------------------------- the same on a GPU: cross_entropy.cu
TEXT = cuda_beside(__file__)

cross_entropy_forward.gpu(TEXT, threads=lambda *args: args[-1].size, sizes=lambda x, *_: x.shape)
cross_entropy_backward.gpu(TEXT, threads=lambda g, *_: g.size, sizes=lambda g, e, *_: e.shape)


class CrossEntropy(ClassLoss):
    name = "cross_entropy"

    def __init__(self, ignore_index, reduction, label_smoothing):
        super().__init__(ignore_index, reduction)
        self.smoothing = label_smoothing

    def losses(self, x):
        self.on = self.w * (1 - self.smoothing)
        self.off = self.w * (self.smoothing / len(self.w))
        largest, self.S, loss = (empty_like(x, self.target.shape) for _ in range(3))
        self.e = empty_like(x)
        if x.size:
            exponentials(x, self.e, largest, self.S)
        cross_entropy_forward(x, largest, self.S, self.target, self.ignore, self.on, self.off, loss)
        return loss

    def gradient(self, g):
        gx, q = empty_like(g, self.shape), (self.ignore, self.on, self.off)
        cross_entropy_backward(g, self.e, self.S, self.target, *q, gx.reshape(self.view))
        return gx


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | list | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax and negative log-likelihood in one, PyTorch's arguments (pass them by name).

    input            scores (N, C), (N, C, H, W) or (C,)
    target           the true classes, whole numbers, input's shape without C; or a floating array
                     of input's shape, a distribution over the classes for each pixel
    weight           (C,) importance of each class, or None
    ignore_index     the target that is left out; the program's void label is 255
    reduction        'mean' (of the weights that took part), 'sum' or 'none'
    label_smoothing  from 0 to 1

    Returns a number, or for 'none' an array like the true classes. Raises ValueError where shapes
    do not fit or a target is no class.
    """
    check_reduction("cross_entropy", reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing={label_smoothing} is not in 0 to 1")
    input, target = as_tensors(input, target)
    if target.dtype.kind == "f":
        return _against_distribution(input, target, weight, reduction, float(label_smoothing))
    op = CrossEntropy(ignore_index, reduction, float(label_smoothing))
    return op(input, target) if weight is None else op(input, target, constant(weight, input))


def _against_distribution(input, target, weight, reduction, smoothing):
    """Written in operations that are there already; rarely large enough for a kernel of its own."""
    if target.shape != input.shape:
        raise ValueError(
            f"cross_entropy: a floating target holds a probability for each score, so it has "
            f"input's shape {input.shape}, not {target.shape}"
        )
    dim = min(input.ndim - 1, 1)
    C = input.shape[dim]
    if smoothing > 0:
        target = target * (1 - smoothing) + smoothing / C
    if weight is not None:
        target = target * constant(weight, input).reshape(C, *(1,) * (input.ndim - dim - 1))
    loss = -(target * log_softmax(input, dim)).sum(dim)
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def cases():
    x, target = 2 * normal(2, 4, 3, 5), np.arange(30).reshape(2, 3, 5) * 7 % 4
    target[0, 1, 2] = target[1, 0, 0] = 255
    weight = [0.5, 2.0, 1.0, 3.0]
    plain = {"target": target, "ignore_index": 255}
    yield Case(cross_entropy, (x,), plain)
    yield Case(
        cross_entropy, (x,), {**plain, "weight": weight, "label_smoothing": 0.3}, label="weighted"
    )
    for reduction in ("none", "sum"):
        yield Case(cross_entropy, (x,), {**plain, "reduction": reduction}, label=reduction)
    rows, shares = normal(5, 3), abs(normal(5, 3, seed=1))
    options = {"weight": weight[:3], "label_smoothing": 0.2}
    yield Case(cross_entropy, (rows, shares), options, label="distribution")
