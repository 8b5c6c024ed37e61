"""Gradients that are right, but in the wrong place; and gradients that are wrong in one place only.

A part of `minicnn/checking/diagnosis.py`, where the way of working is explained. A and B are the
claimed and the measured Jacobian, a row for each output and a column for each element of x.
"""

import itertools

import numpy as np

AXES = {4: ("picture", "map", "row", "column"), 3: ("map", "row", "column"), 2: ("row", "column")}


# ------------------------------------------------------------------------------------- small helps
def diagonal(J):
    """Is the Jacobian that of a function of single elements?"""
    return J.shape[0] == J.shape[1] and not (J - np.diag(np.diag(J))).any()


def constant_along(r, axis):
    """Are the numbers of r (NaN: none) the same along an axis, up to what differences can tell?"""
    low, high = np.fmin.reduce(r, axis), np.fmax.reduce(r, axis)
    return bool((~(high - low > 1e-4 * np.abs(high))).all())


def partners(cross, e):
    """In words, at which other indices of y an element of x acts."""
    m, i = np.nonzero(cross)
    y, x = np.unravel_index(m, e.y.shape), np.unravel_index(i, e.x.shape)
    axes = [a for a in range(e.x.ndim) if (y[a] != x[a]).any()]
    if e.x.ndim == 4 and axes == [1]:
        return "in other maps"
    if e.x.ndim == 4 and set(axes) <= {2, 3}:
        return "at other pixels of the map"
    return "at other places along axis " + " and ".join(str(a) for a in axes)


def place(where, shape, lists=True):
    """A name for the region where an array of truths is True, or None if it has none. Without
    `lists` only a begin, an end, a border or a single index counts as one."""
    where = where.reshape(shape)
    if not where.any() or where.all():
        return None
    names = AXES.get(len(shape), [f"index of axis {a}" for a in range(len(shape))])
    for axis in reversed(range(len(shape))):
        size = shape[axis]
        hit = np.flatnonzero(where.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
        if len(hit) == size:
            continue
        if hit[0] > 0 and hit[0] >= size - max(1, size // 3):
            return f"the last {names[axis]}" + ("" if len(hit) == 1 else f"s ({len(hit)})")
        if hit[-1] < size - 1 and hit[-1] < max(1, size // 3):
            return f"the first {names[axis]}" + ("" if len(hit) == 1 else f"s ({len(hit)})")
        if len(hit) == 1:
            return f"{names[axis]} {hit[0]}"
    for width in (1, 2):
        inner = (..., *(slice(width, -width) for _ in shape[-2:]))
        if min(shape[-2:], default=0) > 2 * width and not where[inner].any():
            return f"the border, {width} wide"
    for axis, size in enumerate(shape if lists else ()):
        hit = np.flatnonzero(where.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
        if len(hit) < size:
            return f"{names[axis]}s {', '.join(map(str, hit))}"
    return None


# ------------------------------------------------------------ every number is right, elsewhere
def stride(e):
    """Row i of the claim is what row s i should be: gy was not spread out by the stride."""
    A, B = e.by_axes(e.A), e.by_axes(e.B)
    sizes = e.y.shape
    for axes in ((2, 3), (2,), (3,)) if len(sizes) == 4 else ((1,), (0,)) if len(sizes) < 3 else ():
        for s in (2, 3):
            if max(axes) >= len(sizes) or min(sizes[a] for a in axes) <= s:
                continue
            ours = tuple(slice(None, None, s) if a in axes else slice(None) for a in range(A.ndim))
            kept = tuple(slice(-(-n // s)) if a in axes else slice(n) for a, n in enumerate(sizes))
            if B[kept].any() and e.same(A[ours], B[kept]):
                return (
                    f"the stride of {s} is ignored: backward places the outputs side by side, "
                    f"forward reads {s} further for each (zeros belong between the gy)"
                )


def shifted(e):
    """The gradient, moved by one along one axis of x, or by as many along two."""
    A, B = e.by_axes(e.A), e.by_axes(e.B)
    axes = range(len(e.y.shape), A.ndim)
    for count in (1, 2):
        for some in itertools.combinations(axes, count):
            for by in itertools.product((1, -1, 2, -2), repeat=count):
                moves = list(zip(some, by, strict=True))
                if any(A.shape[a] < 2 * abs(b) for a, b in moves):
                    continue
                here, there = [slice(None)] * A.ndim, [slice(None)] * A.ndim
                for a, b in moves:
                    here[a] = slice(b, None) if b > 0 else slice(None, b)
                    there[a] = slice(None, -b) if b > 0 else slice(-b, None)
                a_part, b_part = A[tuple(here)], B[tuple(there)]
                if a_part.any() and np.ptp(b_part) and e.same(a_part, b_part):
                    how = " and ".join(f"{b:+d} along axis {a - axes[0]}" for a, b in moves)
                    return (
                        f"shifted: the gradient lies {how} from its place; the padding or the "
                        "begin of a range is off"
                    )


def turned(e):
    """The gradient flipped, or with two axes exchanged."""
    A, B = e.by_axes(e.A), e.by_axes(e.B)
    first = len(e.y.shape)
    axes = range(first, A.ndim)
    for count in (1, 2):
        for some in itertools.combinations(axes, count):
            if e.same(np.flip(A, some), B):
                named = " and ".join(str(a - first) for a in some)
                return f"flipped: the gradient is right, but reversed along axis {named}"
    for a, b in itertools.combinations(axes, 2):
        if e.same(np.swapaxes(A, a, b), B):
            axes = f"{a - first} and {b - first}"
            return f"transposed: the gradient is right, with axes {axes} exchanged"
    for a, b in itertools.combinations(range(first), 2):
        if e.same(np.swapaxes(A, a, b), B):
            return (
                f"a wrong axis: backward uses axis {a} of gy where axis {b} belongs, and reversely"
            )


def shuffled(e):
    """Each output hands out the right numbers, but to the wrong elements; or the reverse."""
    for axis, whom in ((1, "goes to the wrong elements of x"), (0, "comes from the wrong outputs")):
        if e.same(np.sort(e.A, axis), np.sort(e.B, axis)):
            return (
                f"a wrong order: every number is right but {whom}: a permutation that was not "
                "inverted, a reshape in place of a transposition, a wrong axis?"
            )


# ------------------------------------------------------------------- wrong in some places only
def unused(e):
    """Outputs whose gy is not used at all, at a place that has a name."""
    lost = ~e.A.any(axis=1) & e.B.any(axis=1)
    others_right = not e.wrong[~lost].any()
    region = place(lost, e.y.shape) if lost.any() and others_right else None
    if region:
        return (
            f"part of the output is lost: the gy of {region} is not used; does a range end too "
            "early?"
        )


def overwritten(e):
    """Of several outputs that one element goes to, one alone is counted."""
    gone, hit = e.wrong & (e.A == 0), e.wrong.any(axis=0)
    left, due = (e.A != 0).sum(axis=0)[hit], (e.B != 0).sum(axis=0)[hit]
    if np.array_equal(gone, e.wrong) and hit.any() and (due > 1).all() and (left == 1).all():
        return (
            f"overwritten: an element that goes to several outputs (up to {due.max()}) keeps the "
            "gradient of one of them; where they meet they must be added (+= in place of =, a sum)"
        )


def missing(e):
    """Every entry is right or zero."""
    gone = e.wrong & (e.A == 0)
    if not gone.any() or (e.wrong & ~gone).any():
        return None
    short = window(e, gone)
    if short:
        return short
    named = named_place(e, look="part of the gradient is missing there")
    if named:
        return named
    return f"terms are missing: {int(gone.sum())} of {int((e.B != 0).sum())} are zero, others right"


def window(e, gone):
    """Are the missing entries those at the end of a window along one axis?"""
    if e.y.ndim != e.x.ndim:
        return None
    y, x = (np.unravel_index(np.arange(a.size), a.shape) for a in (e.y, e.x))
    for axis in range(e.x.ndim):
        distance = np.subtract.outer(y[axis], x[axis])
        reach = set(distance[e.B != 0])
        lost = set(distance[gone])
        kept = set(distance[(e.B != 0) & ~gone])
        if len(reach) > 2 and len(lost) < len(reach) and not lost & kept:
            ends = "both ends" if {min(reach), max(reach)} <= lost else "one end"
            if {min(reach), max(reach)} & lost:
                return (
                    f"the window is too short at {ends}: along axis {axis} forward reaches "
                    f"{min(reach)} to {max(reach)}, backward {min(kept)} to {max(kept)}"
                )


def mirrored(e):
    """A window that leans to one side must lean to the other in backward."""
    if e.y.ndim != e.x.ndim or (e.wrong & (e.A != 0) & (e.B != 0)).any():
        return None
    y, x = (np.unravel_index(np.arange(a.size), a.shape) for a in (e.y, e.x))
    for axis in range(e.x.ndim):
        distance = np.subtract.outer(y[axis], x[axis])
        due, said = set(distance[e.B != 0]), set(distance[e.A != 0])
        if due != said and {-d for d in due} == said:
            return (
                f"the window is not mirrored: x[i] acts on y[i {min(due):+d}] to y[i {max(due):+d}]"
                f" along axis {axis}, backward takes those from {min(said):+d} to {max(said):+d}"
            )


def surplus(e):
    """Right wherever there is a gradient, and not zero where there is none."""
    extra = e.wrong & (e.B == 0)
    if not extra.any():
        return None
    rest = e.wrong & ~extra
    if not rest.any():
        region = place(extra.any(axis=0), e.x.shape)
        return (
            f"a gradient where there is none, in {int(extra.any(axis=0).sum())} elements"
            + (f" ({region} of x)" if region else "")
            + ": what forward blocks or ignores, backward lets through (a mask is missing)"
        )
    if not (rest & (e.A != 0)).any():
        return (
            "a wrong mask: where both exist the gradients agree, but backward lets through other "
            "elements than forward did (drawn or computed anew?)"
        )


def named_place(e, lists=True, look="look at the padding and at where the ranges begin and end"):
    """Where it is wrong, and what it is there."""
    region = place(e.wrong.any(axis=0), e.x.shape, lists)
    if region is None:
        return None
    A, B = e.A[e.wrong], e.B[e.wrong]
    c = float((A * B).sum() / (B * B).sum()) if B.any() else 0.0
    factor = f", {c:.4g} times what it should be there" if c and e.same(A, c * B) else ""
    verb = "are" if "(" in region or ", " in region.replace("border, ", "") else "is"
    return f"only {region} of x {verb} wrong{factor}: {look}"


def border(e):
    return named_place(e, lists=False)


EXACT = (stride, turned, shifted, shuffled)
PARTIAL = (overwritten, unused, missing, mirrored, surplus)
