"""Two matrices of derivatives, the one that backward claims and the one that differences measure.

A function with the output y[m] and the input x[i] has the Jacobian J[m, i] = dy[m] / dx[i], and
backward computes gx[i] = sum_m gy[m] J[m, i]. Given a gy that is 1 at m and 0 elsewhere, backward
therefore hands out row m of what it takes for J; and moving x[i] a little shows column i of what J
is. Small inputs allow the whole matrices, and in them a mistake has a shape that one gradient, a
sum over all rows, has lost: see `minicnn/checking/diagnosis.py`.
"""

import numpy as np

from minicnn.engine.tensor import Tensor

STEP = 1e-6
MOST_ELEMENTS = 2000  # of one input; beyond that only a random sample is looked at
MOST_ENTRIES = 400_000  # of a Jacobian; beyond that only one row, for a random gy
NEAR = 1e-5  # relative difference of numbers that count as the same


class Probe:
    """A function of Tensors together with the float64 arrays at which it is looked at."""

    def __init__(self, f, arrays):
        self.f, self.arrays = f, arrays
        self.learnt = [a.dtype.kind == "f" for a in arrays]
        self.y = self.value()

    def value(self, arrays=None):
        """f of the arrays, or of others, as a plain array."""
        y = self.f(*(Tensor(a.copy()) for a in arrays or self.arrays))
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: f must return a Tensor, not {type(y).__name__}")
        return y.data

    def claimed(self, gy):
        """The gradients that backward returns for gy: None where it returns none."""
        tensors = [
            Tensor(a.copy(), requires_grad=learnt)
            for a, learnt in zip(self.arrays, self.learnt, strict=True)
        ]
        self.f(*tensors).backward(gy)
        return [t.grad for t in tensors]

    def step(self, k):
        return STEP * max(1.0, float(np.abs(self.arrays[k]).max(initial=0)))  # large x: roundoff

    def moved(self, k, v, h, arrays=None):
        """y after input k has moved to x + h v."""
        arrays = arrays or self.arrays
        return self.value([a + h * v if i == k else a for i, a in enumerate(arrays)])

    def along(self, k, v, gy, arrays=None):
        """d<gy, y>/dh when input k moves to x + h v; for other arrays where they are given."""
        h = self.step(k)
        return float((gy * (self.moved(k, v, h, arrays) - self.moved(k, v, -h, arrays))).sum()) / (
            2 * h
        )


class Evidence:
    """Everything that a diagnosis may look at, for the gradient of input `k`.

    claimed, numeric  (M, I) the two Jacobians, a row for each output, a column for each element
    right, left       (M, I) the one-sided derivatives, whose mean is `numeric`
    x, y              the input and the output; M and I are their sizes, unless that makes too many
                      numbers: then `whole` is False and y a random weighted sum of the outputs
    places            the flat indices of x that the columns stand for
    """

    def __init__(self, probe, k, gy, random):
        self.probe, self.k, self.gy = probe, k, gy
        self.x, self.y = probe.arrays[k], probe.y
        self.places = np.arange(self.x.size)
        if self.x.size > MOST_ELEMENTS:
            self.places = np.sort(random.choice(self.x.size, MOST_ELEMENTS, replace=False))
        self.sampled = len(self.places) < self.x.size
        self.whole = not self.sampled and self.x.size * self.y.size <= MOST_ENTRIES
        self.gradient = probe.claimed(gy)[k]  # None if backward returned none
        self.claimed = self._claimed()
        self.right, self.left = self._measured()
        self.numeric = (self.right + self.left) / 2
        if not self.whole:
            self.y = np.asarray((gy * self.y).sum())
        largest = np.abs(probe.y).max(initial=0) * (1 if self.whole else np.sqrt(probe.y.size))
        self.noise = 1e-8 * np.abs(self.numeric).max(initial=0) + 3e-15 * largest / probe.step(k)
        self.forgive(np.zeros_like(self.claimed, dtype=bool))

    def _claimed(self):
        if not self.whole:
            gx = np.zeros(self.x.shape) if self.gradient is None else self.gradient
            return gx.reshape(1, -1)[:, self.places]
        rows = np.zeros((self.y.size, self.x.size))
        unit = np.zeros(self.y.shape)
        for m in range(self.y.size):
            unit.reshape(-1)[m] = 1
            gx = self.probe.claimed(unit)[self.k]
            unit.reshape(-1)[m] = 0
            if gx is not None:
                rows[m] = gx.reshape(-1)
        return rows

    def _measured(self):
        h, v = self.probe.step(self.k), np.zeros(self.x.shape)
        right, left = np.empty_like(self.claimed), np.empty_like(self.claimed)
        for column, i in enumerate(self.places):
            v.reshape(-1)[i] = 1
            for side, sign in ((right, 1), (left, -1)):
                change = sign * (self.probe.moved(self.k, v, sign * h) - self.y) / h
                side[:, column] = change.reshape(-1) if self.whole else (self.gy * change).sum()
            v.reshape(-1)[i] = 0
        return right, left

    def forgive(self, entries):
        """Takes the claim at these entries for right, and says afresh which ones are wrong."""
        self.numeric = np.where(entries, self.claimed, self.numeric)
        self.A = np.where(np.abs(self.claimed) <= self.noise, 0.0, self.claimed)
        self.B = np.where(np.abs(self.numeric) <= self.noise, 0.0, self.numeric)
        self.wrong = ~self.near(self.A, self.B)

    def near(self, a, b):
        """Where a and b are equal, up to what differences can tell."""
        return np.abs(a - b) <= NEAR * np.abs(b) + self.noise

    def same(self, a, b):
        return a.shape == b.shape and bool(self.near(a, b).all())

    def kinks(self):
        """The entries at which the derivative jumps and the claim lies between its two values."""
        low, high = np.minimum(self.left, self.right), np.maximum(self.left, self.right)
        jump = high - low > 1e-3 * np.maximum(np.abs(low), np.abs(high)) + 1e3 * self.noise
        between = (low - self.noise <= self.claimed) & (self.claimed <= high + self.noise)
        return jump & (between | (not self.whole))

    def by_axes(self, J):
        """A Jacobian with the axes of y, then those of x."""
        return J.reshape(*self.y.shape, *self.x.shape)

    def other(self, j):
        """The measured Jacobian of input j."""
        h, v = self.probe.step(j), np.zeros(self.probe.arrays[j].shape)
        columns = np.empty((self.y.size, v.size))
        for i in range(v.size):
            v.reshape(-1)[i] = 1
            change = self.probe.moved(j, v, h) - self.probe.moved(j, v, -h)
            v.reshape(-1)[i] = 0
            columns[:, i] = change.reshape(-1) / (2 * h)
        return columns
