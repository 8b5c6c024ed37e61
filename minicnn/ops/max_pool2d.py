r"""Max pooling: the largest value of each window.

    y[n,c,i,j] = max over u, v of  x~[n, c, s i + d u, s j + d v]

x~ is x with `padding` values of minus infinity around it (zeros would win over negative features).

Shapes: x (N, C, H, W), y (N, C, OH, OW),
        OH = floor((H + 2 padding - d (K - 1) - 1) / s) + 1, OW likewise. With ceil_mode the floor
        becomes a ceiling, so that the last rows are not lost, but a window must still begin inside
        the picture or in the padding before it.

Gradient: y moves with the winner and with nothing else. Forward notes where the winner lay (its
place in the plane, row W + column), and then

    gx[n,c,p,q] = sum of gy[n,c,i,j] over the windows (i, j) whose winner is (p, q)

A pixel may win several windows where they overlap, hence the sum. It is taken the other way round,
each window adding its gy to its winner. Two threads must not do that in one plane: they could add
to the same pixel at the same time.

Of equal values the first in the order of reading wins. A NaN wins over everything, so that it is
seen at the end; of several the last.

Source: Zhou, Chellappa 1988; Jarrett et al. 2009; the lecture's slide «structure of a layer».
"""

import math

import numpy as np

from minicnn.cases import Case, separated
from minicnn.devices import array_module, empty_like
from minicnn.kernel import Kernel, helper, prange
from minicnn.op import Op, contiguous, pair

max_pool2d_forward = Kernel("max_pool2d_forward")
max_pool2d_backward = Kernel("max_pool2d_backward")


@helper
def compete(values, places, step, best, winner):
    """Each best[j] against values[step j]; with the values travel their places."""
    for j in range(len(best)):
        value, place = values[step * j], places[step * j]
        equal_but_before = (value == best[j]) & (place < winner[j])
        nan = (value != value) & ((best[j] == best[j]) | (place > winner[j]))
        wins = (value > best[j]) | equal_but_before | nan | (winner[j] < 0)
        best[j] = value if wins else best[j]
        winner[j] = place if wins else winner[j]


# First each column of a window for itself, then its columns against each other: K + L comparisons
# instead of K L, and the first K along whole rows of the picture.
@max_pool2d_forward.cpu
def max_pool2d_forward_cpu(x, K, L, sh, sw, ph, pw, dh, dw, y, where):
    N, C, H, W = x.shape
    OH, OW = y.shape[2:]
    for row in prange(N * C * OH):
        n, c, i = row // OH // C, row // OH % C, row % OH
        values, places = np.full(W, -np.inf, x.dtype), np.full(W, -1, np.int32)
        for u in range(K):
            p = i * sh + u * dh - ph
            if p < 0 or p >= H:
                continue
            source = x[n, c, p]
            for q in range(W):
                value = source[q]
                wins = (value > values[q]) | (value != value) | (places[q] < 0)
                values[q] = value if wins else values[q]
                places[q] = np.int32(p * W + q) if wins else places[q]
        best, winner = y[n, c, i], where[n, c, i]
        best[:], winner[:] = -np.inf, -1
        for v in range(L):
            q = v * dw - pw
            first, end = max(-(q // sw), 0), min((W - 1 - q) // sw + 1, OW)
            if first >= end:  # column v lies in the picture for none of the windows
                continue
            q += first * sw
            if sw == 2:  # the same, but for a stride that the compiler knows it does eight at once
                compete(values[q:], places[q:], 2, best[first:end], winner[first:end])
            else:
                compete(values[q:], places[q:], sw, best[first:end], winner[first:end])


# Each window adds to its winner; all windows of a plane are one thread's, so no two can collide.
@max_pool2d_backward.cpu
def max_pool2d_backward_cpu(gy, where, K, L, sh, sw, ph, pw, dh, dw, gx):
    N, C, H, W = gx.shape
    for plane in prange(N * C):
        n, c = plane // C, plane % C
        g, winner, out = gy[n, c].ravel(), where[n, c].ravel(), gx[n, c].ravel()
        out[:] = 0
        for j in range(len(g)):
            if winner[j] >= 0:
                out[winner[j]] += g[j]


max_pool2d_forward.gpu(
    r"""
extern "C" __global__ void max_pool2d_forward(
        const T* x, int K, int L, int sh, int sw, int ph, int pw, int dh, int dw, T* y, int* where,
        int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % OW, i = index / OW % OH;
    x += index / OW / OH * H * W;
    T best = log(T(0));  // minus infinity
    int winner = -1;
    for (int u = 0; u < K; u++) {
        int p = i * sh + u * dh - ph;
        if (p < 0 || p >= H) continue;
        for (int v = 0; v < L; v++) {
            int q = j * sw + v * dw - pw;
            if (q < 0 || q >= W) continue;
            T value = x[p * W + q];
            if (winner < 0 || value > best || value != value) best = value, winner = p * W + q;
        }
    }
    y[index] = best;
    where[index] = winner;
}
""",
    sizes=lambda x, *_: (_[-1].size, *_[-1].shape[2:], *x.shape[2:]),
)

max_pool2d_backward.gpu(
    r"""
extern "C" __global__ void max_pool2d_backward(
        const T* gy, const int* where, int K, int L, int sh, int sw, int ph, int pw, int dh, int dw,
        T* gx, int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int q = index % W, p = index / W % H;
    gy += index / W / H * OH * OW;
    where += index / W / H * OH * OW;
    T total = 0;
    for (int u = 0; u < K; u++) {
        int i = p + ph - u * dh;
        if (i < 0 || i % sh || i / sh >= OH) continue;
        for (int v = 0; v < L; v++) {
            int j = q + pw - v * dw;
            if (j < 0 || j % sw || j / sw >= OW) continue;
            int window = i / sh * OW + j / sw;
            if (where[window] == p * W + q) total += gy[window];
        }
    }
    gx[index] = total;
}
""",
    sizes=lambda gy, *_: (_[-1].size, *gy.shape[2:], *_[-1].shape[2:]),
)


class MaxPool2d(Op):
    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        self.window = pair(kernel_size, "max_pool2d: kernel_size", 1)
        self.stride = self.window if stride is None else pair(stride, "max_pool2d: stride", 1)
        self.padding = pair(padding, "max_pool2d: padding")
        self.dilation = pair(dilation, "max_pool2d: dilation", 1)
        self.ceil_mode = ceil_mode

    def window_of(self):
        return self.window, self.stride, self.dilation

    def check(self, x):
        check_pooling("max_pool2d", x, self.window, self.padding, self.output_size(x))

    def output_size(self, x):
        geometry = zip(
            x.shape[-2:], self.window, self.stride, self.padding, self.dilation, strict=True
        )
        return tuple(pooled_size(*numbers, self.ceil_mode) for numbers in geometry)

    def forward(self, x):
        x = contiguous(x)
        self.shape = x.shape
        self.geometry = *self.window, *self.stride, *self.padding, *self.dilation
        y = empty_like(x, (*x.shape[:2], *self.output_size(x)))
        self.where = array_module(x).empty(y.shape, dtype=np.int32)
        max_pool2d_forward(x, *self.geometry, y, self.where)
        return y

    def backward(self, gy):
        gx = empty_like(gy, self.shape)
        max_pool2d_backward(contiguous(gy), self.where, *self.geometry, gx)
        return gx


def pooled_size(size, window, stride, padding, dilation, ceil_mode):
    """The number of windows along one axis, for every kind of pooling."""
    room = size + 2 * padding - dilation * (window - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def check_pooling(name, x, window, padding, output_size):
    """The errors that max_pool2d and avg_pool2d share."""
    if x.ndim != 4:
        raise ValueError(f"{name}: expected input (N, C, H, W), got {x.shape}")
    if math.prod(x.shape[1:]) >= 2**31:  # places within a picture are kept as int32
        raise ValueError(f"{name}: a picture of {x.shape[1:]} has more than 2147483647 elements")
    if any(2 * p > k for p, k in zip(padding, window, strict=True)):
        raise ValueError(f"{name}: padding {padding} is more than half of kernel_size {window}")
    if min(output_size) < 1:
        raise ValueError(
            f"{name}: kernel_size {window} is larger than the padded input: input {x.shape}, "
            f"padding {padding}"
        )


def max_pool2d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """The largest value of each window, PyTorch's arguments.

    input           (N, C, H, W)
    kernel_size, stride, padding, dilation   int or (vertical, horizontal); stride is kernel_size
                    where it is not given, padding at most half of kernel_size
    ceil_mode       also windows that reach beyond the last rows
    return_indices  returns (y, indices): an int64 array of y's shape, row * W + column of each
                    winner in its plane

    Returns (N, C, OH, OW). Raises ValueError where shapes do not fit.
    """
    op = MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode)
    y = op(input)
    return (y, op.where.astype(np.int64)) if return_indices else y


def cases():
    x = separated(2, 3, 7, 5)
    yield Case(max_pool2d, (x,), {"kernel_size": 2})
    yield Case(
        max_pool2d,
        (x,),
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1, "dilation": (1, 2)},
        label="overlap-pad-dilate",
    )
    yield Case(
        max_pool2d, (x,), {"kernel_size": 3, "stride": 3, "ceil_mode": True}, label="ceil_mode"
    )
    yield Case(max_pool2d, (-abs(x),), {"kernel_size": 2, "padding": 1}, label="negative")
