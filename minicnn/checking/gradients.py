"""Is this backward the derivative of this forward? Finite differences answer.

    gradcheck(lambda x, w: conv2d(x, w), x, w)          # True, or GradientError with a report

For a random upstream gradient g, the number s(x) = <g, f(x)> has the gradient that backward(g)
claims. Along a random direction v, s changes at the rate <gx, v>, and

    (s(x + h v) - s(x - h v)) / 2h                      two forward passes, whatever the size of x

must agree. Everything is float64, where h = 1e-6 leaves ten good digits. The upstream gradient is
random because with ones a softmax whose backward returns zeros would pass, and several directions
are tried because a single one can lie where the mistake does not show.

Only if a direction disagrees are the derivatives of single elements taken, for the report and for
its diagnosis (`minicnn/checking/diagnosis.py`).
"""

from collections.abc import Callable

import numpy as np

from minicnn.checking.diagnosis import diagnose
from minicnn.checking.evidence import Evidence, Probe
from minicnn.engine.tensor import Tensor

TOLERANCE = 1e-6
DIRECTIONS = 3
ROUNDOFF = 2e-15  # of a sum, relative to its terms
HIDDEN = 1e-3  # of the upstream gradient: a gradient of zero may have less roundoff than that
REPORTED = 5  # elements listed in a report


class GradientError(AssertionError):
    """A backward that is not the derivative of its forward; the message is the report."""


class KinkError(GradientError):
    """The input lies on a kink, where there is no derivative. Nothing is known about backward at
    that place, and nothing is wrong with it elsewhere."""


def gradcheck(f: Callable, *inputs: np.ndarray, seed: int = 0) -> bool:
    """Compares the gradients of `f` with finite differences.

    f       takes as many Tensors as there are inputs, returns a Tensor of any shape; called afresh
            several times, so it must not be random
    inputs  arrays; floating ones are checked in float64, others are passed as they are

    Returns True, or raises GradientError: its message lists the worst elements and, where the
    errors show a known pattern, names the mistake. Raises KinkError, a GradientError too, if the
    gradient is wrong only where the input lies on a kink (ReLU at 0, equal values under max
    pooling), because no difference can tell there: move the input away.

    Keep the inputs small (at most 500 elements): among very many elements a single wrong one can
    hide, and the diagnosis looks at the derivative of each output with respect to each element.
    """
    check = _Check(f, inputs, seed)
    errors = check.errors()
    wrong = [k for k, error in enumerate(errors) if error is not None and not error <= TOLERANCE]
    if wrong:
        raise check.report(wrong, errors)
    return True


def gradient_errors(f: Callable, *inputs: np.ndarray, seed: int = 0) -> list:
    """The largest relative error of each input's gradient that `gradcheck` sees, in a list; None
    for inputs that are not floating. Up to 1e-6 a gradient counts as right."""
    return _Check(f, inputs, seed).errors()


class _Check:
    def __init__(self, f, inputs, seed):
        self.random = np.random.default_rng(seed)
        self.probe = Probe(f, [_float64(a) for a in inputs])
        y = self.probe.y
        if y.dtype != np.float64:
            raise GradientError(f"gradcheck: f turned float64 inputs into {y.dtype}")
        tensors = [
            Tensor(a, requires_grad=learnt)
            for a, learnt in zip(self.probe.arrays, self.probe.learnt, strict=True)
        ]
        if not f(*tensors).requires_grad:
            raise GradientError("gradcheck: the result does not depend on any input")
        self.gy = self.random.normal(size=y.shape)

    def errors(self):
        claimed = self.probe.claimed(self.gy)
        noise = ROUNDOFF * float(np.abs(self.gy * self.probe.y).sum())
        return [
            self._error(k, np.zeros_like(x) if gx is None else gx, noise / self.probe.step(k))
            if self.probe.learnt[k]
            else None
            for k, (x, gx) in enumerate(zip(self.probe.arrays, claimed, strict=True))
        ]

    def _error(self, k, gx, noise):
        """The largest relative error along some random directions; infinite if it is a NaN. What
        roundoff alone could make of a gradient of zero is no error."""
        largest = 0.0
        for _ in range(DIRECTIONS):
            v = self.random.normal(size=gx.shape)
            numeric = self.probe.along(k, v, self.gy)
            size = max(np.linalg.norm(gx), abs(numeric))
            if noise > max(size, HIDDEN * np.linalg.norm(self.gy)):
                raise GradientError(
                    f"gradcheck: roundoff of the output, up to {np.abs(self.probe.y).max():.2g}, "
                    f"hides the gradient of input {k}; subtract what is constant from the output"
                )
            scale = size + noise / TOLERANCE
            error = abs(numeric - float((gx * v).sum()))
            error = error / scale if error else 0.0
            largest = max(largest, error if np.isfinite(error) else np.inf)
        return largest

    def report(self, wrong, errors):
        """The error to raise: of the first input whose gradient is wrong and not only at a kink."""
        found = None
        for k in wrong:
            e = Evidence(self.probe, k, self.gy, self.random)
            kinks = e.wrong & e.kinks()
            if not kinks.any() or (e.wrong & ~kinks).any():
                if kinks.any():
                    e.forgive(kinks)
                return GradientError(self._lines(e, errors, wrong))
            found = found or KinkError(_kink(e, kinks))
        return found

    def _lines(self, e, errors, wrong):
        """The elements of an input whose gradient is wrong, worst first, below the diagnosis."""
        gy = self.gy.reshape(1, -1) if e.whole else np.ones((1, 1))
        claimed, numeric = (gy @ e.claimed)[0], (gy @ e.numeric)[0]
        error = np.abs(claimed - numeric)
        error[np.isnan(error)] = np.inf
        bad = e.wrong.any(axis=0)
        of = f"{len(e.places)} elements" + (" looked at" if e.sampled else "")
        lines = [
            f"the gradient of input {e.k} (shape {e.x.shape}) is wrong in {int(bad.sum())} of {of}"
            + _others(e.k, errors, wrong)
        ]
        sentence = diagnose(e)
        lines += [f"diagnosis: {sentence}"] if sentence else []
        lines += [f"{'element':>20} {'backward says':>15} {'difference says':>16} {'ratio':>9}"]
        for row in np.argsort(-error, kind="stable")[:REPORTED]:
            at = _element(e, row)
            ratio = claimed[row] / numeric[row] if numeric[row] else np.inf
            lines.append(f"{at!s:>20} {claimed[row]:>15.6g} {numeric[row]:>16.6g} {ratio:>9.4g}")
        return "\n".join(lines)


def _float64(array):
    array = np.asarray(getattr(array, "data", array) if isinstance(array, Tensor) else array)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _others(k, errors, wrong):
    """How the other inputs fared: which one of two is wrong is half of the diagnosis."""
    right = [str(j) for j, error in enumerate(errors) if error is not None and j not in wrong]
    also = [str(j) for j in wrong if j != k]
    said = f"; wrong too: input {', '.join(also)}" if also else ""
    return said + (f"; right: input {', '.join(right)}" if right else "")


def _element(e, column):
    return tuple(int(i) for i in np.unravel_index(e.places[column], e.x.shape))


def _kink(e, kinks):
    column = int(np.argmax(kinks.any(axis=0)))
    row = int(np.argmax(kinks[:, column]))
    count = int(kinks.any(axis=0).sum())
    at = _element(e, column)
    return (
        f"input {e.k} (shape {e.x.shape}) lies on a kink in {count} of {len(e.places)} elements, "
        f"the first {at} with the value {e.x[at]:.6g}\n"
        "there the output has no derivative: to the left it changes at the rate "
        f"{e.left[row, column] + 0.0:.4g}, to the right at {e.right[row, column] + 0.0:.4g}, "
        f"backward says {e.claimed[row, column]:.4g}; nothing is wrong elsewhere\n"
        "check at another input: no zeros under ReLU, no equal values under max pooling "
        "(minicnn.engine.cases.separated(*shape) gives such numbers)"
    )
