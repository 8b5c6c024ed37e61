r"""Local contrast normalisation: light and shade are taken away, edges and texture stay.

    subtract:  v[n,c,p] = x[n,c,p] - M(x)[n,p]
    divide:    y[n,c,p] = v[n,c,p] / T[n,p],   T = max(sigma, floor),   sigma = sqrt(M(v^2))

where p = (i, j) is a pixel and M the weighted mean of a window, over all C maps together:

    M(x)[n,p] = 1 / (C coef[p])  sum_c sum_q  w[q] x[n,c,p + q],     coef[p] = sum_q w[q]

with w >= 0 and both sums over those q for which p + q lies in the picture. Without coef the zeros
outside would darken the border; with it a constant picture becomes 0 everywhere. The floor keeps
noise in smooth regions from being blown up: the mean of sigma over the picture, or a number.

Shapes: x, v and y (N, C, H, W), M and sigma (N, H, W), w (K, L), coef (H, W).

Gradient: M is linear, and its transpose spreads a map g (N, H, W), the same for all C maps:

    M'(g)[n,r] = 1/C  sum_q  w[q] (g / coef)[n, r - q]     first divided, then the mirrored window

    subtract:  gx = gv - M'(sum_c gv)
    divide:    gT = - sum_c gy v / T^2                     every map is divided by the same T
               gsigma = gT where sigma is above the floor, else 0; and if the floor is the mean of
                        sigma over P pixels, 1/P (sum of gT over the pixels at the floor) at *every*
                        pixel in addition
               gv = gy / T + 2 v M'(gsigma / (2 sigma))    since M(v^2) = sigma^2

Traps. Where sigma is 0 (nothing but zeros in a window) its derivative does not exist; we take 0. In
a picture without any contrast the mean of sigma is 0 as well, and v / T would be 0 / 0; v stays 0.
At its centre an even window leans to the front: K // 2 rows above, (K - 1) // 2 below.

Conventions differ. Torch7's modules divide sqrt(..) by coef, not its square; have a floor of 1e-4;
and take windows of equal weights where the paper takes Gaussians of 9 x 9.

Source: Jarrett, Kavukcuoglu, Ranzato, LeCun 2009, section 2; Pinto, Cox, DiCarlo 2008.
"""

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import Op, contiguous
from minicnn.engine.tensor import Tensor

window_sum = Kernel("window_sum", "a[N, H, W], w[K, L], above, left, y[N, H, W]")


@window_sum.cpu
def window_sum_cpu(a, w, above, left, y):
    """y[n,i,j] = sum of w[u,v] a[n, i + u - above, j + v - left] over what lies inside."""
    N, H, W = a.shape
    K, L = w.shape
    for ni in prange(N * H):
        n, i = ni // H, ni % H
        for j in range(W):
            total = a.dtype.type(0)
            for u in range(max(above - i, 0), min(above - i + H, K)):
                for v in range(max(left - j, 0), min(left - j + W, L)):
                    total += w[u, v] * a[n, i + u - above, j + v - left]
            y[n, i, j] = total


# -------------------------------------------------------- the same on a GPU: local_contrast_norm.cu
TEXT = cuda_beside(__file__)

window_sum.gpu(TEXT, sizes=lambda a, w, *_: (a.size, *a.shape[1:], *w.shape))


class LocalMean:
    """M and its transpose for pictures of the size of x. `w` sums up to 1."""

    def __init__(self, w, x):
        xp, (K, L) = array_module(x), w.shape
        self.w = xp.asarray(w, dtype=x.dtype)
        self.mirrored = xp.asarray(np.ascontiguousarray(w[::-1, ::-1]), dtype=x.dtype)
        self.before, self.after = (K // 2, L // 2), ((K - 1) // 2, (L - 1) // 2)
        ones = xp.ones((1, *x.shape[2:]), dtype=x.dtype)
        self.coef = empty_like(ones)
        window_sum(ones, self.w, *self.before, self.coef)
        if not self.coef.min() > 0:
            raise ValueError(
                f"local_contrast_norm: near the border of a picture of {x.shape[2:]} all weights "
                f"of the window {w.shape} that lie inside are 0"
            )

    def __call__(self, x):
        """(N, C, H, W) -> (N, H, W)"""
        over_maps = contiguous(x.mean(axis=1))
        y = empty_like(over_maps)
        window_sum(over_maps, self.w, *self.before, y)
        return y / self.coef

    def transposed(self, g, C):
        """(N, H, W) -> (N, 1, H, W), to be added to each of the C maps"""
        y = empty_like(g)
        window_sum(contiguous(g / self.coef), self.mirrored, *self.after, y)
        return y[:, None] / C


def ordinary(x):
    """A number (N, 1, 1, 1) of each picture: the middle one of nine or a few more, so that a single
    infinite or very large pixel, if it is among them, is not taken."""
    pixels = contiguous(x[:, 0]).reshape(len(x), -1)
    some = array_module(x).sort(contiguous(pixels[:, :: max(pixels.shape[1] // 9, 1)]), axis=1)
    return some[:, some.shape[1] // 2].reshape(-1, 1, 1, 1)


class LocalSubtraction(Op):
    floating = ("input",)

    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.local_mean = LocalMean(self.w, x)
        # v is the same for x + 1 as for x. Moved to 0, a constant picture gives zeros without
        # rounding errors, which the division would otherwise blow up.
        x = x - ordinary(x)
        return x - self.local_mean(x)[:, None]

    def backward(self, gv):
        return gv - self.local_mean.transposed(gv.sum(axis=1), gv.shape[1])


class LocalDivision(Op):
    floating = ("input",)

    def __init__(self, w, floor):
        self.w, self.floor = w, floor

    def forward(self, v):
        xp = array_module(v)
        self.v, self.local_mean = v, LocalMean(self.w, v)
        self.sigma = xp.sqrt(self.local_mean(v * v))
        if self.floor is None:
            floor = self.sigma.mean(axis=(1, 2), keepdims=True)
        else:
            floor = v.dtype.type(self.floor)
        self.above = self.sigma > floor
        T = xp.maximum(self.sigma, floor)
        self.T = xp.where(T == 0, T.dtype.type(1), T)  # no contrast at all: v / 1, which is 0
        return v / self.T[:, None]

    def backward(self, gy):
        xp, v = array_module(gy), self.v
        gT = -(gy * v).sum(axis=1) / self.T**2
        gsigma = xp.where(self.above, gT, 0)
        if self.floor is None:
            gsigma = gsigma + (gT - gsigma).mean(axis=(1, 2), keepdims=True)
        sigma = xp.where(self.sigma == 0, xp.inf, self.sigma)
        gv = gy / self.T[:, None]
        return gv + v * self.local_mean.transposed(gsigma / sigma, v.shape[1])


def local_contrast_norm(
    input: Tensor,
    window: int | np.ndarray,
    subtract: bool = True,
    divide: bool = True,
    floor: float | None = None,
) -> Tensor:
    """Subtracts the local mean, then divides by the local standard deviation, of all maps together.

    input     (N, C, H, W)
    window    weights (K, L) of any sum, not negative; or an int: a Gaussian window of that side
              whose standard deviation is a quarter of the side
    subtract, divide   one of the two steps can be left out
    floor     what the divisor is at least; None: the mean of the deviations over each picture

    Returns an array of the input's shape. Raises ValueError where the arguments do not fit.
    """
    input = input if isinstance(input, Tensor) else Tensor(input)
    if input.ndim != 4 or 0 in input.shape[1:]:
        raise ValueError(
            f"local_contrast_norm: expected input (N, C, H, W), not empty, got {input.shape}"
        )
    if not (subtract or divide):
        raise ValueError("local_contrast_norm: subtract=False and divide=False leave nothing to do")
    if floor is not None and not (divide and floor >= 0):
        raise ValueError(
            f"local_contrast_norm: floor={floor!r}: expected None or, with divide=True, a number "
            "of at least 0"
        )
    w = window_weights(window)
    y = LocalSubtraction(w)(input) if subtract else input
    return LocalDivision(w, floor)(y) if divide else y


def window_weights(window):
    """The weights as a float64 array (K, L) of sum 1."""
    w = np.array(window, dtype=float, order="C")
    if w.ndim == 0 and w == int(w) and w >= 1:
        offset = np.arange(int(w)) - (int(w) - 1) / 2
        line = np.exp(-((offset / (int(w) / 4)) ** 2) / 2)
        w = np.outer(line, line)
    elif w.ndim != 2 or not (w >= 0).all() or not 0 < w.sum() < np.inf:
        raise ValueError(
            f"local_contrast_norm: window={window!r}: expected an int of at least 1, or a 2-D "
            "array of weights, none negative and not all zero"
        )
    return w / w.sum()


def cases():
    # Contrast grows from left to right, so that there are pixels on both sides of every floor.
    x = normal(2, 3, 7, 5) * [0.2, 0.5, 1, 2, 3]
    leaning = np.array([[1, 2, 0, 1], [3, 5, 1, 4], [0, 1, 2, 1.5]])
    yield Case(local_contrast_norm, (x,), {"window": 3})
    yield Case(local_contrast_norm, (x,), {"window": leaning}, label="leaning")
    yield Case(local_contrast_norm, (x,), {"window": 4, "floor": 1.0}, label="even-floor")
    yield Case(local_contrast_norm, (x,), {"window": 17}, label="wider-than-picture")
    yield Case(local_contrast_norm, (x,), {"window": leaning, "divide": False}, label="subtract")
    options = {"window": leaning.T, "subtract": False}
    yield Case(local_contrast_norm, (x + 0.5,), options, label="divide")
    yield Case(local_contrast_norm, (x + 0.5,), {**options, "floor": 1.5}, label="divide-floor")
