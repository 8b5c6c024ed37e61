"""Every operation once more, as slowly and as literally as its formula allows.

These are what the kernels are tested against, so they are written from the formulas and share
nothing with the package: plain loops over indices, float64, forward only. Each has the name and the
arguments of the public function that it checks.
"""

import itertools
import math

import numpy as np


def places(*sizes):
    """All index tuples of an array of these sizes."""
    return itertools.product(*(range(s) for s in sizes))


def both(value):
    return (value, value) if np.isscalar(value) else tuple(value)


# ---------------------------------------------------------------------- arithmetic and matrices
def _elementwise(f, a, b):
    shape = np.broadcast_shapes(a.shape, b.shape)
    a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    y = np.empty(shape)
    for at in places(*shape):
        y[at] = f(a[at], b[at])
    return y


def add(a, b):
    return _elementwise(lambda p, q: p + q, a, b)


def sub(a, b):
    return _elementwise(lambda p, q: p - q, a, b)


def mul(a, b):
    return _elementwise(lambda p, q: p * q, a, b)


def div(a, b):
    return _elementwise(lambda p, q: p / q, a, b)


def neg(a):
    return _elementwise(lambda p, _: -p, a, a)


def pow(a, exponent):
    return _elementwise(lambda p, _: math.pow(p, exponent), a, a)


def relu(x):
    return _elementwise(lambda p, _: p if p > 0 else 0.0, x, x)


def tanh(x):
    return _elementwise(
        lambda p, _: (math.exp(p) - math.exp(-p)) / (math.exp(p) + math.exp(-p)), x, x
    )


def matmul(a, b):
    row, column = a.ndim == 1, b.ndim == 1
    a, b = a[None] if row else a, b[:, None] if column else b
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*stack, *a.shape[-2:]))
    b = np.broadcast_to(b, (*stack, *b.shape[-2:]))
    y = np.zeros((*stack, a.shape[-2], b.shape[-1]))
    for at in places(*stack):
        for i, j, k in places(a.shape[-2], b.shape[-1], a.shape[-1]):
            y[at][i, j] += a[at][i, k] * b[at][k, j]
    y = y[..., 0, :] if row else y
    return y[..., 0] if column else y


def linear(x, w, b=None):
    y = np.zeros((*x.shape[:-1], w.shape[0]))
    for at in places(*x.shape[:-1]):
        for f in range(w.shape[0]):
            y[at][f] = 0 if b is None else b[f]
            for k in range(w.shape[1]):
                y[at][f] += x[at][k] * w[f, k]
    return y


# ------------------------------------------------------------------------- reductions and shape
def _gathered(x, dim, keepdim, f):
    """f of the list of the values that fall on the same place once `dim` is dropped."""
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = [d % x.ndim for d in dims]
    lists = {}
    for at in places(*x.shape):
        to = tuple(0 if d in dims else i for d, i in enumerate(at))
        lists.setdefault(to, []).append(x[at])
    y = np.empty([1 if d in dims else s for d, s in enumerate(x.shape)])
    for at, values in lists.items():
        y[at] = f(values)
    return y if keepdim else y.reshape([s for d, s in enumerate(x.shape) if d not in dims])


def sum(x, dim=None, keepdim=False):
    return _gathered(x, dim, keepdim, math.fsum)


def mean(x, dim=None, keepdim=False):
    return _gathered(x, dim, keepdim, lambda values: math.fsum(values) / len(values))


def amax(x, dim=None, keepdim=False):
    return _gathered(x, dim, keepdim, max)


def reshape(x, shape):
    return np.array([x[at] for at in places(*x.shape)]).reshape(shape)


def permute(x, dims):
    y = np.empty([x.shape[d] for d in dims])
    for at in places(*y.shape):
        source = [0] * x.ndim
        for i, d in zip(at, dims, strict=True):
            source[d] = i
        y[at] = x[tuple(source)]
    return y


def transpose(x, dim0, dim1):
    dims = list(range(x.ndim))
    dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return permute(x, dims)


def index(x, index):
    return x[index]


def concat_of(*xs, dim):
    y = np.empty([builtin_sum(x.shape[d] for x in xs) if d == dim else s
                  for d, s in enumerate(xs[0].shape)])  # fmt: skip
    before = 0
    for x in xs:
        for at in places(*x.shape):
            y[tuple(i + before if d == dim else i for d, i in enumerate(at))] = x[at]
        before += x.shape[dim]
    return y


def builtin_sum(values):
    total = 0
    for value in values:
        total += value
    return total


def pad(x, pad, mode="constant", value=0.0):
    for axis, (before, after) in zip(
        range(x.ndim - 1, -1, -1), zip(pad[::2], pad[1::2], strict=True), strict=False
    ):
        rows, size = [], x.shape[axis]
        for r in range(-before, size + after):
            if mode == "reflect":
                r = -r if r < 0 else r if r < size else 2 * (size - 1) - r
            elif mode == "replicate":
                r = 0 if r < 0 else r if r < size else size - 1
            elif mode == "circular":
                r = r % size
            inside = 0 <= r < size
            row = np.take(x, r, axis) if inside else np.full_like(np.take(x, 0, axis), value)
            rows.append(row)
        x = np.stack(rows, axis)
    return x


# ----------------------------------------------------------------------- convolution and pooling
def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    (s, t), (d, e) = both(stride), both(dilation)
    N, _, H, W = x.shape
    F, C, K, L = w.shape
    if padding == "same":
        above, left = d * (K - 1) // 2, e * (L - 1) // 2
        OH, OW = H, W
    else:
        above, left = both(padding)
        OH = math.floor((H + 2 * above - d * (K - 1) - 1) / s) + 1
        OW = math.floor((W + 2 * left - e * (L - 1) - 1) / t) + 1
    y = np.zeros((N, F, OH, OW))
    for n, f, i, j, k, u, v in places(N, F, OH, OW, C, K, L):
        p, q = i * s + u * d - above, j * t + v * e - left
        if 0 <= p < H and 0 <= q < W:
            group = f // (F // groups)
            y[n, f, i, j] += w[f, k, u, v] * x[n, group * C + k, p, q]
    return y if b is None else y + b[None, :, None, None]


def conv2d_of_two(x, z, w, b=None, **options):
    return np.concatenate([conv2d(level, w, b, **options).ravel() for level in (x, z)])


def conv2d_table(x, w, b=None, table=None, gains=None, stride=1, padding=0, dilation=1):
    (s, t), (d, e), (above, left) = both(stride), both(dilation), both(padding)
    N, _, H, W = x.shape
    E, K, L = w.shape
    F = max(c for _, c in table) + 1 if b is None else len(b)
    OH = math.floor((H + 2 * above - d * (K - 1) - 1) / s) + 1
    OW = math.floor((W + 2 * left - e * (L - 1) - 1) / t) + 1
    y = np.zeros((N, F, OH, OW))
    for n, edge, i, j, u, v in places(N, E, OH, OW, K, L):
        k, c = table[edge]
        p, q = i * s + u * d - above, j * t + v * e - left
        if 0 <= p < H and 0 <= q < W:
            gain = 1 if gains is None else gains[edge]
            y[n, c, i, j] += gain * w[edge, u, v] * x[n, k, p, q]
    return y if b is None else y + b[None, :, None, None]


def conv2d_table_of(x, w, b=None, g=None, **options):
    return conv2d_table(x, w, b, gains=g, **options)


def _windows(x, window, stride, padding, dilation, ceil_mode):
    """For every output place the list of the (row, column) in its window, outside ones included."""
    (K, L), (a, b), (d, e) = both(window), both(padding), both(dilation)
    s, t = both(window if stride is None else stride)
    rounded = math.ceil if ceil_mode else math.floor
    OH = rounded((x.shape[2] + 2 * a - d * (K - 1) - 1) / s) + 1
    OW = rounded((x.shape[3] + 2 * b - e * (L - 1) - 1) / t) + 1
    if ceil_mode and (OH - 1) * s >= x.shape[2] + a:
        OH -= 1
    if ceil_mode and (OW - 1) * t >= x.shape[3] + b:
        OW -= 1
    return OH, OW, {
        (i, j): [(i * s + u * d - a, j * t + v * e - b) for u, v in places(K, L)]
        for i, j in places(OH, OW)
    }  # fmt: skip


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return max_pool2d_and_places(x, kernel_size, stride, padding, dilation, ceil_mode)[0]


def max_pool2d_and_places(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    N, C, H, W = x.shape
    OH, OW, windows = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    y, where = np.empty((N, C, OH, OW)), np.empty((N, C, OH, OW), dtype=int)
    for n, c, i, j in places(N, C, OH, OW):
        inside = [(p, q) for p, q in windows[i, j] if 0 <= p < H and 0 <= q < W]
        largest = max(x[n, c, p, q] for p, q in inside)
        p, q = next(at for at in inside if x[n, c][at] == largest)  # the first of equal ones
        y[n, c, i, j], where[n, c, i, j] = largest, p * W + q
    return y, where


def avg_pool2d(
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    N, C, H, W = x.shape
    a, b = both(padding)
    OH, OW, windows = _windows(x, kernel_size, stride, padding, 1, ceil_mode)
    y = np.empty((N, C, OH, OW))
    for n, c, i, j in places(N, C, OH, OW):
        inside = [(p, q) for p, q in windows[i, j] if 0 <= p < H and 0 <= q < W]
        padded = [(p, q) for p, q in windows[i, j] if -a <= p < H + a and -b <= q < W + b]
        count = divisor_override or len(padded if count_include_pad else inside)
        y[n, c, i, j] = math.fsum(x[n, c, p, q] for p, q in inside) / count
    return y


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=None):
    N, C, H, W = x.shape
    if size is None:
        scale = both(scale_factor)
        size = math.floor(H * scale[0]), math.floor(W * scale[1])
        ratio = 1 / scale[0], 1 / scale[1]
    else:
        size = both(size)
        ratio = H / size[0], W / size[1]
    y = np.empty((N, C, *size))
    for n, c, i, j in places(N, C, *size):
        if mode == "nearest":
            p, q = math.floor(i * ratio[0]), math.floor(j * ratio[1])
            if size[0] in (H, 2 * H):  # as PyTorch does, whatever scale_factor is
                p = i * H // size[0]
            if size[1] in (W, 2 * W):
                q = j * W // size[1]
            y[n, c, i, j] = x[n, c, min(p, H - 1), min(q, W - 1)]
            continue
        if align_corners:
            t, r = i * (H - 1) / (size[0] - 1), j * (W - 1) / (size[1] - 1)
        else:
            t, r = (i + 0.5) * ratio[0] - 0.5, (j + 0.5) * ratio[1] - 0.5
        t, r = i if size[0] == H else t, j if size[1] == W else r  # as PyTorch does
        t, r = min(max(t, 0), H - 1), min(max(r, 0), W - 1)
        y[n, c, i, j] = 0
        for p, q in places(H, W):  # a tent over each source pixel
            tent = max(0, 1 - abs(t - p)) * max(0, 1 - abs(r - q))
            y[n, c, i, j] += tent * x[n, c, p, q]
    return y


# ----------------------------------------------------------------------- probabilities and losses
def softmax(x, dim):
    y = np.empty_like(x)
    for at in places(*x.shape):
        line = tuple(slice(None) if d == dim % x.ndim else i for d, i in enumerate(at))
        y[at] = math.exp(x[at]) / math.fsum(math.exp(s) for s in x[line])
    return y


def interpolate_onto(onto, x, scale_factor=None, mode="nearest", align_corners=None):
    height, width = onto.shape[2:]
    size = None if scale_factor is not None else (height, width)
    larger = interpolate(x, size, scale_factor, mode, align_corners)
    return onto + larger[:, :, :height, :width]


def log_softmax(x, dim):
    return _elementwise(lambda p, _: math.log(p), softmax(x, dim), x)


def _shares(target, C, weight, ignore_index, smoothing):
    """For each pixel (its q over the classes, what it counts in the mean)."""
    weight = [1.0] * C if weight is None else weight
    if target.dtype.kind == "f":
        for at in places(*target.shape[:1], *target.shape[2:]):
            line = target[(at[0], slice(None), *at[1:])]
            yield at, [w * ((1 - smoothing) * d + smoothing / C)
                       for d, w in zip(line, weight, strict=True)], 1.0  # fmt: skip
        return
    for at in places(*target.shape):
        t = target[at]
        if t == ignore_index:
            yield at, [0.0] * C, 0.0
        else:
            spread = [smoothing / C + (1 - smoothing) * (c == t) for c in range(C)]
            yield at, [w * s for s, w in zip(spread, weight, strict=True)], weight[t]


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    loss, count = np.empty(x.shape[:1] + x.shape[2:]), 0.0
    for at, q, counts in _shares(target, x.shape[1], weight, ignore_index, label_smoothing):
        line = x[(at[0], slice(None), *at[1:])]
        loss[at] = -math.fsum(a * b for a, b in zip(q, line, strict=True))
        count += counts
    total = math.fsum(loss.ravel())
    return {"none": loss, "sum": total, "mean": total / count}[reduction]


def cross_entropy(x, target, **options):
    return nll_loss(log_softmax(x, 1), target, **options)


def cross_entropy_of_sets(x, target, sets, weight=None, ignore_index=-100, reduction="mean"):
    p, C, loss, count = softmax(x, 1), x.shape[1], np.zeros(target.shape), 0.0
    weight = np.ones(C) if weight is None else weight
    for at in places(*target.shape):
        t = target[at]
        if t != ignore_index:
            members = [t] if t < C else sets[t - C]
            w = math.fsum(weight[c] for c in members) / len(members)
            loss[at] = -w * math.log(math.fsum(p[(at[0], c, *at[1:])] for c in members))
            count += w
    total = math.fsum(loss.ravel())
    return {"none": loss, "sum": total, "mean": total / count}[reduction]


# ----------------------------------------------------------------------------------- randomness
def dropout_with_key(x, p, key):
    def scramble(word):
        word ^= word >> 16
        word = word * 0x7FEB352D % 2**32
        word ^= word >> 15
        word = word * 0x846CA68B % 2**32
        return word ^ word >> 16

    y = np.zeros_like(x)
    for i, value in enumerate(x.ravel()):
        r = scramble(scramble(i ^ key % 2**32) ^ key // 2**32)
        if r / 2**32 >= p:
            y.ravel()[i] = value / (1 - p)
    return y


# ------------------------------------------------------- and the ones that have files of their own
from support.reference_norms import (  # noqa: E402, F401  at the end: they use what stands above
    deviations,
    local_contrast_norm,
    local_response_norm,
)
from support.reference_pooling import (  # noqa: E402, F401
    binary_cross_entropy_with_logits,
    hinge_loss,
    kl_div,
    log_sum_exp_pool,
    lp_pool2d,
    max_pool_maps,
    max_pool_maps_and_places,
    scaled_tanh,
    sigmoid,
    subsample2d_of,
)
