"""What is wrong with a backward, told from the pattern of its errors.

Each function below knows one mistake. It compares the claimed Jacobian A with the measured one B
(evidence.py) and returns a sentence, or None if the pattern is another one. They are
asked in the order of PATTERNS, and the first answer counts, so the narrow ones come first: twice
the right gradient is «a constant factor» before it is «everything is wrong».

A diagnosis is a guess with good reasons: that the gradient is wrong is certain, why it is wrong is
only likely. Mistakes of place (shifted, flipped, at the border) are in misplaced.py, those of
factors in factors.py.
"""

import itertools

import numpy as np

from minicnn.checking import factors, misplaced
from minicnn.checking.evidence import NEAR


def diagnose(evidence):
    """One sentence on what probably went wrong, or None."""
    with np.errstate(all="ignore"):
        for pattern in PATTERNS if evidence.whole else OF_ONE_ROW:
            sentence = pattern(evidence)
            if sentence:
                return sentence
    return None


# --------------------------------------------------------------------------- all of it is different
def not_a_number(e):
    bad = int((~np.isfinite(e.A)).any(axis=0).sum())
    if bad:
        return f"backward gives NaN or infinity in {bad} elements: a division by zero, an overflow?"


def zero(e):
    if e.gradient is None:
        return "backward returns None for this input, but the output depends on it"
    if not e.A.any():
        return "backward returns zeros: the gradient of this input was never computed or written"


def upstream(e):
    """Backward is linear in gy, whatever the function: gx = gy J."""
    once, twice, minus = (e.probe.claimed(c * e.gy)[e.k] for c in (1, 2, -1))
    if np.allclose(once, twice, rtol=NEAR, atol=0):
        return "gy is not used: backward returns the derivative of y, without gy times it"
    if not (np.allclose(2 * once, twice, rtol=NEAR) and np.allclose(once, -minus, rtol=NEAR)):
        return (
            "backward treats gy as if it were x: doubling gy must double the gradient and does "
            "not; a mask or a nonlinearity belongs to x or y, and gy is only multiplied"
        )


# ------------------------------------------------------------- the other inputs are mixed up
def swapped(e):
    """The gradient is that of another input."""
    for j, x in enumerate(e.probe.arrays):
        if j != e.k and e.probe.learnt[j] and x.shape == e.x.shape and e.same(e.A, e.other(j)):
            return f"this looks like the gradient of the other input, number {j}: wrong order?"


def replaced(e):
    """A is right for another value of another input: for a flipped filter, for no factor at all."""
    for j, w in enumerate(e.probe.arrays):
        if j == e.k or not e.probe.learnt[j]:
            continue
        for value, sentence in replacements(w, e.x, j, e.k):
            if value.shape == w.shape and not np.array_equal(value, w):
                arrays = [value if i == j else a for i, a in enumerate(e.probe.arrays)]
                if agrees(e, arrays):
                    return sentence


def replacements(w, x, j, k):
    for axes in ((-2, -1), (-2,), (-1,)) if w.ndim >= 2 else ((-1,),) if w.ndim else ():
        turned = "kernel not flipped" if w.ndim > 2 and len(axes) == 2 else "read in reverse order"
        yield (
            np.flip(w, axes),
            f"{turned}: the gradient is right for input {j} flipped in axes {axes}, as it is when "
            "an index runs forwards where it must run backwards",
        )
    for a, b in itertools.combinations(range(w.ndim), 2):
        sentence = f"input {j} is transposed: backward uses it with axes {a} and {b} exchanged"
        yield np.swapaxes(w, a, b), sentence
    yield np.ones_like(w), f"the factor input {j} is forgotten: backward is right if it were 1"
    yield x, f"backward uses input {k} itself where the other input, number {j}, belongs"
    yield -w, f"the sign of input {j} is wrong in backward"
    for power, name in ((2, "squared"), (-1, "inverted"), (0.5, "under a root")):
        yield w**power, f"backward uses input {j} {name}: a power of it is wrong"


def agrees(e, arrays):
    """Is A the Jacobian at these arrays? Three random directions tell."""
    random = np.random.default_rng(0)
    for _ in range(3):
        v, gy = random.normal(size=e.x.shape), random.normal(size=e.y.shape)
        try:
            measured = e.probe.along(e.k, v, gy, arrays)
        except Exception:  # f may refuse a value that a user would never pass
            return False
        claim = gy.reshape(-1) @ e.A @ v.reshape(-1)
        if not abs(measured - claim) <= 1e-6 * max(abs(claim), abs(measured)) + e.noise:
            return False
    return True


# ------------------------------------------------------------- a direct term and a cross term
def terms(e):
    """LRN, softmax: where every y[i] belongs to an x[i] but depends on other x[j] too, the diagonal
    of the Jacobian is the direct term and the rest the cross term."""
    if e.y.shape != e.x.shape or misplaced.diagonal(e.B) or not np.diag(e.B).any():
        return None
    direct_A, direct_B = np.diag(e.A), np.diag(e.B)
    cross_A, cross_B = e.A - np.diag(direct_A), e.B - np.diag(direct_B)
    if e.same(e.A, e.B.T):
        return "transposed: i and j are exchanged, dy[i]/dx[j] stands where dy[j]/dx[i] belongs"
    who = misplaced.partners(cross_B, e)
    if not cross_A.any():
        if e.same(direct_A, e.B.sum(axis=0)):
            return (
                "gy[i] stands where gy[j] belongs: inside the sum over j the upstream gradient has "
                f"the index of the sum, gy[j]; x[i] acts on y[j], its neighbours {who}"
            )
        return f"the cross term is missing: {crossing(who)}"
    c = factors.constant(cross_A, cross_B, e)
    if c is not None:
        return f"the cross term, through which x[i] acts on y[j] {who}, is {factors.in_words(c)}"
    if e.same(cross_A, cross_B):
        if not (direct_A != 0).any():
            return "the direct term is missing: the one through which x[i] acts on its own y[i]"
        return (
            "the cross terms are right and the direct term, from gy[i] to gx[i], is wrong: one "
            f"term is missing there (largest difference {np.abs(direct_A - direct_B).max():.3g})"
        )


def crossing(who):
    if who == "in other maps":
        return (
            "the term through which one map acts on the gradient of another; x[i] also changes "
            "y[j] at the same pixel of other maps, so gx[i] needs gy[j]"
        )
    return (
        f"the term through which x[i] acts on y[j] {who}; gx[i] needs gy[j] too, and backward uses "
        "gy[i] alone"
    )


OF_ONE_ROW = (not_a_number, zero, upstream, factors.sign, factors.factor)
PATTERNS = (
    *OF_ONE_ROW,
    swapped,
    replaced,
    *misplaced.EXACT,
    terms,
    factors.per_column,
    factors.spread,
    factors.ratio,
    *misplaced.PARTIAL,
    factors.slope,
    misplaced.border,
    factors.along_axes,
    factors.offset,
    misplaced.named_place,
)
