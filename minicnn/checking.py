"""Is this backward the derivative of this forward? Finite differences answer.

    gradcheck(lambda x, w: conv2d(x, w), x, w)          # True, or GradientError with a report

For a random upstream gradient g, the number s(x) = <g, f(x)> has the gradient that backward(g)
claims. Along a random direction v, s changes at the rate <gx, v>, and

    (s(x + h v) - s(x - h v)) / 2h                      two forward passes, whatever the size of x

must agree. Everything is float64, where h = 1e-6 leaves ten good digits. The upstream gradient is
random because with ones a softmax whose backward returns zeros would pass, and several directions
are tried because a single one can lie where the mistake does not show.

Only if a direction disagrees are the derivatives of single elements taken, for the report.
"""

import numpy as np

from minicnn.tensor import Tensor

STEP = 1e-6
TOLERANCE = 1e-6
DIRECTIONS = 3
REPORTED = 5  # elements listed in a report
MOST_ELEMENTS = 2000  # of one input; beyond that the report looks at a random sample


class GradientError(AssertionError):
    """A backward that is not the derivative of its forward; the message is the report."""


def gradcheck(f, *inputs, seed=0):
    """Compares the gradients of `f` with finite differences.

    f       takes as many Tensors as there are inputs, returns a Tensor of any shape; called afresh
            several times, so it must not be random
    inputs  arrays; floating ones are checked in float64, others are passed as they are

    Returns True or raises GradientError. Keep the inputs small (at most 500 elements): among very
    many elements a single wrong one can hide. Keep them away from kinks (ReLU at 0, equal values
    under max pooling), where a derivative does not exist.
    """
    arrays = [_float64(a) for a in inputs]
    random = np.random.default_rng(seed)
    analytic, upstream = _gradients(f, arrays, random)
    for k, (x, gx) in enumerate(zip(arrays, analytic, strict=True)):
        if gx is None:
            continue
        for _ in range(DIRECTIONS):
            v = random.normal(size=x.shape)
            numeric = _derivative(f, arrays, k, v, upstream)
            error = abs(numeric - float((gx * v).sum()))
            scale = max(np.linalg.norm(gx), abs(numeric))
            if not error <= TOLERANCE * scale:  # written so that NaN fails too
                raise GradientError(_report(f, arrays, k, gx, upstream, random))
    return True


def _float64(array):
    array = np.asarray(getattr(array, "data", array) if isinstance(array, Tensor) else array)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _gradients(f, arrays, random):
    """What backward claims, for a random upstream gradient; None for inputs that are not floats."""
    tensors = [Tensor(a.copy(), requires_grad=a.dtype.kind == "f") for a in arrays]
    y = f(*tensors)
    if not isinstance(y, Tensor):
        raise TypeError(f"gradcheck: f must return a Tensor, not {type(y).__name__}")
    if y.dtype != np.float64:
        raise GradientError(f"gradcheck: f turned float64 inputs into {y.dtype}")
    upstream = random.normal(size=y.shape)
    if not y.requires_grad:
        raise GradientError("gradcheck: the result does not depend on any input")
    y.backward(upstream)
    return [
        None if not t.requires_grad else np.zeros(t.shape) if t.grad is None else t.grad
        for t in tensors
    ], upstream


def _derivative(f, arrays, k, v, upstream):
    """d<upstream, f>/dh at h = 0 when input k moves to x + h v."""
    step = STEP * max(1.0, float(np.abs(arrays[k]).max(initial=0)))  # large x: coarse roundoff
    values = []
    for h in (step, -step):
        moved = [a + h * v if i == k else a for i, a in enumerate(arrays)]
        values.append(f(*(Tensor(a.copy()) for a in moved)).data)
    return float((upstream * (values[0] - values[1])).sum()) / (2 * step)


def _report(f, arrays, k, gx, upstream, random):
    """The elements of input k whose gradient is wrong, worst first."""
    x = arrays[k]
    places = np.arange(x.size)
    if x.size > MOST_ELEMENTS:
        places = np.sort(random.choice(x.size, MOST_ELEMENTS, replace=False))
    numeric = np.empty(len(places))
    for row, place in enumerate(places):
        v = np.zeros(x.size)
        v[place] = 1
        numeric[row] = _derivative(f, arrays, k, v.reshape(x.shape), upstream)
    claimed = gx.reshape(-1)[places]
    error = np.abs(claimed - numeric)
    error[np.isnan(error)] = np.inf
    wrong = error > 1e-5 * max(np.abs(numeric).max(), np.abs(claimed).max(), 1e-300)
    lines = [
        f"the gradient of input {k} (shape {x.shape}) is wrong "
        f"in {int(wrong.sum())} of {len(places)} elements"
        + (" looked at" if len(places) < x.size else ""),
        f"{'element':>20} {'backward says':>15} {'difference says':>16} {'ratio':>9}",
    ]
    for row in np.argsort(-error, kind="stable")[:REPORTED]:
        place = tuple(int(i) for i in np.unravel_index(places[row], x.shape))
        ratio = claimed[row] / numeric[row] if numeric[row] else np.inf
        lines.append(f"{place!s:>20} {claimed[row]:>15.6g} {numeric[row]:>16.6g} {ratio:>9.4g}")
    return "\n".join(lines)
