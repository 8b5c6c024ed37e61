r"""Cross-entropy where the truth is a set of classes: it is one of them, and nobody said which.

With p = softmax(x) over the classes and A the set of those that may be true, each pixel loses

    l = -w_A log sum_{c in A} p[c],     w_A the mean of the weights of A

so a network learns to put its probability somewhere into A and is left alone about where. For A
of one class it is cross_entropy. The losses of two of those give it, for any t in A:

    l = w_A ((log sum_k e^x[k] - x[t]) - (log sum_{k in A} e^x[k] - x[t]))

the first among all classes, the second among those of A alone (the scores of all others are moved
to -10^30, where e^x is 0).

Shapes: x (N, C), (N, C, H, W) or (C,); target the same without C. Its numbers below C are classes,
C + s is sets[s], and ignore_index is void. The rest is as in cross_entropy.

Gradient: of the first p[c] - [c = t], of the second p[c] / sum_A p - [c = t] within A, so gx[c] =
w_A (p[c] - p[c] / sum_A p) within A and w_A p[c] elsewhere: what A has is shared as it was.

Source: partial labels: Cour, Sapp, Taskar, Learning from Partial Labels, JMLR 2011.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module
from minicnn.engine.tensor import Tensor
from minicnn.ops.cross_entropy import cross_entropy
from minicnn.ops.losses import as_tensors, check_reduction, constant

FAR = -1e30  # a score of which nothing is left, in float32, too; unlike -inf it is a number


def cross_entropy_of_sets(
    input: Tensor,
    target: Tensor,
    sets: tuple = (),
    weight: Tensor | list | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-log of the probability that the classes have together which may be true (pass arguments by
    name).

    input    scores (N, C), (N, C, H, W) or (C,)
    target   whole numbers, input's shape without C: a class, or C + s for the set sets[s]
    sets     tuples of classes; none: this is cross_entropy
    weight, ignore_index, reduction   as in cross_entropy; a set weighs as its classes on average

    Returns a number, or for 'none' an array like target. Raises ValueError where shapes do not fit,
    and for a target that is neither a class nor a set.
    """
    check_reduction("cross_entropy_of_sets", reduction)
    input, target = as_tensors(input, target)
    dim, xp = min(input.ndim - 1, 1), array_module(target.data)
    C, known = input.shape[dim], target.data != ignore_index
    of_sets = known & (target.data >= C)
    options = {"ignore_index": ignore_index, "reduction": reduction}
    if not len(sets) or not of_sets.any():
        return cross_entropy(input, target, weight, **options)
    if (wrong := of_sets & (target.data >= C + len(sets))).any():
        raise ValueError(
            f"cross_entropy_of_sets: target holds {int(target.data[wrong][0])}, but there are {C} "
            f"classes and {len(sets)} sets, so numbers end at {C + len(sets) - 1}"
        )
    members = [(c,) for c in range(C)] + [tuple(one) for one in sets]
    if wrong := [one for one in members if not one or not all(0 <= c < C for c in one)]:
        raise ValueError(
            f"cross_entropy_of_sets: sets has {wrong[0]}; a set names one or more of the {C} "
            f"classes (0 to {C - 1})"
        )
    outside = np.full((len(members), C), FAR, input.dtype)
    for row, one in zip(outside, members, strict=True):
        row[list(one)] = 0
    place = xp.where(known, target.data, 0)
    first = xp.where(known, xp.asarray([one[0] for one in members])[place], ignore_index)
    far = xp.asarray(outside)[place]
    order = (*range(dim), far.ndim - 1, *range(dim, far.ndim - 1))  # classes where input has them
    far = xp.ascontiguousarray(far.transpose(order))
    options["reduction"] = "none"
    loss = cross_entropy(input, Tensor(first), **options)
    loss = loss - cross_entropy(input + Tensor(far), Tensor(first), **options)
    each = xp.ones(len(members), input.dtype)
    if weight is not None:
        w = constant(weight, input).data
        each = xp.stack([w[list(one)].mean() for one in members])
    each = each[place] * known
    loss = loss * Tensor(each)
    if reduction == "none":
        return loss
    return loss.sum() / float(each.sum()) if reduction == "mean" else loss.sum()


def cases():
    x, target = 2 * normal(2, 4, 3, 5), np.arange(30).reshape(2, 3, 5) * 7 % 6
    target[0, 1, 2] = target[1, 0, 0] = 255
    plain = {"target": target, "sets": ((1, 2), (0, 1, 3)), "ignore_index": 255}
    yield Case(cross_entropy_of_sets, (x,), plain)
    options = {**plain, "weight": [0.5, 2.0, 1.0, 3.0]}
    yield Case(cross_entropy_of_sets, (x,), options, label="weighted")
    for reduction in ("none", "sum"):
        yield Case(cross_entropy_of_sets, (x,), {**plain, "reduction": reduction}, label=reduction)
