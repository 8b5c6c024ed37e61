r"""Max pooling over maps and pixels, the lecture's 3-D pooling.

    y[n,c,i,j] = max over d in D(c), over u, v of  x~[n, d, s i + u, s j + v]

D(c) are the input maps that result map c looks at, and x~ is x with `padding` values of minus
infinity around it. Filters that answer to the same thing in different positions (edges of different
orientations, say) lie in one D(c), and the result does not depend on which of them answered, just
as it does not depend on where in the window it did.

    D(c) = {c}                          max_pool2d
    D(c) = {t c, ..., t c + g - 1}      groups of g maps, a new one every t maps
    the same, windows of 1x1            maxout: a learnt nonlinearity, the largest of g lines
    lists of maps                       anything else; they may overlap and differ in length

Shapes: x (N, C, H, W), y (N, F, OH, OW), F = (C - g) / t + 1 or the number of lists, OH and OW as
in max_pool2d. The kernels get the lists laid end to end: `members`, the list of c from `first[c]`
to `first[c + 1]`, exclusively; and turned round, for each map the results that look at it.

Gradient: y moves with the winner and with nothing else. Forward notes its place in the whole stack
of maps, (d H + row) W + column, and then

    gx[n,d,p,q] = sum of gy[n,c,i,j] over the results (c, i, j) whose winner is (d, p, q)

read from gx's side, as in max_pool2d: each pixel asks the results that could have seen it.

Of equal values the first wins, in the order of map, row, column; the order within a list of maps
does not matter. A NaN wins over everything, so that it is seen at the end.

Source: the lecture's slide «structure of a layer»; Goodfellow et al. 2013 for maxout.
"""

import numpy as np

from minicnn.cases import Case, separated
from minicnn.devices import array_module, empty_like
from minicnn.kernel import Kernel, helper, prange
from minicnn.op import Op, contiguous, pair
from minicnn.ops.max_pool2d import check_pooling, pooled_size

max_pool_maps_forward = Kernel("max_pool_maps_forward")
max_pool_maps_backward = Kernel("max_pool_maps_backward")


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


# First whole rows of the maps against each other, then the columns of a window, as in max_pool2d.
@max_pool_maps_forward.cpu
def max_pool_maps_forward_cpu(x, first, members, K, L, sh, sw, ph, pw, y, where):
    N, C, H, W = x.shape
    F, OH, OW = y.shape[1:]
    for row in prange(N * F * OH):
        n, c, i = row // OH // F, row // OH % F, row % OH
        values, places = np.full(W, -np.inf, x.dtype), np.full(W, -1, np.int32)
        for d in members[first[c] : first[c + 1]]:
            for p in range(max(i * sh - ph, 0), min(i * sh - ph + K, H)):
                source, begin = x[n, d, p], (d * H + p) * W
                for q in range(W):
                    value = source[q]
                    wins = (value > values[q]) | (value != value) | (places[q] < 0)
                    values[q] = value if wins else values[q]
                    places[q] = np.int32(begin + q) if wins else places[q]
        best, winner = y[n, c, i], where[n, c, i]
        best[:], winner[:] = -np.inf, -1
        for v in range(L):
            begin, end = max(-((v - pw) // sw), 0), min((W - 1 - v + pw) // sw + 1, OW)
            if begin >= end:  # column v lies in the picture for none of the windows
                continue
            q = begin * sw + v - pw
            if sw == 1:  # the same, but for a stride that the compiler knows it does eight at once
                compete(values[q:], places[q:], 1, best[begin:end], winner[begin:end])
            elif sw == 2:
                compete(values[q:], places[q:], 2, best[begin:end], winner[begin:end])
            else:
                compete(values[q:], places[q:], sw, best[begin:end], winner[begin:end])


@helper
def claim(g, winner, place, step, out):
    """Adds g[j] to out[step j], the pixel at place + step j, wherever that is the winner."""
    for j in range(len(g)):
        out[step * j] += g[j] if winner[j] == place + step * j else 0


@max_pool_maps_backward.cpu
def max_pool_maps_backward_cpu(gy, where, first, results, K, L, sh, sw, ph, pw, gx):
    N, C, H, W = gx.shape
    OH, OW = gy.shape[2:]
    for row in prange(N * C * H):
        n, d, p = row // H // C, row // H % C, row % H
        out = gx[n, d, p]
        out[:] = 0
        for c in results[first[d] : first[d + 1]]:
            for u in range(K - 1, -1, -1):  # the windows from top to bottom, and left to right
                i = p + ph - u
                if i % sh != 0 or i < 0 or i // sh >= OH:
                    continue
                for v in range(L - 1, -1, -1):
                    begin, end = max(-((v - pw) // sw), 0), min((W - 1 - v + pw) // sw + 1, OW)
                    if begin >= end:
                        continue
                    g, winner = gy[n, c, i // sh, begin:end], where[n, c, i // sh, begin:end]
                    q = begin * sw + v - pw
                    place = (d * H + p) * W + q
                    if sw == 1:
                        claim(g, winner, place, 1, out[q:])
                    else:
                        claim(g, winner, place, sw, out[q:])


max_pool_maps_forward.gpu(
    r"""
extern "C" __global__ void max_pool_maps_forward(
        const T* x, const int* first, const int* members, int K, int L, int sh, int sw,
        int ph, int pw, T* y, int* where, int size, int F, int OH, int OW, int C, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % OW, i = index / OW % OH, c = index / OW / OH % F;
    x += index / OW / OH / F * C * H * W;
    T best = log(T(0));  // minus infinity
    int winner = -1;
    for (int m = first[c]; m < first[c + 1]; m++) {
        int d = members[m];
        for (int p = max(i * sh - ph, 0); p < min(i * sh - ph + K, H); p++)
            for (int q = max(j * sw - pw, 0); q < min(j * sw - pw + L, W); q++) {
                T value = x[(d * H + p) * W + q];
                if (winner < 0 || value > best || value != value)
                    best = value, winner = (d * H + p) * W + q;
            }
    }
    y[index] = best;
    where[index] = winner;
}
""",
    sizes=lambda x, *_: (_[-1].size, *_[-1].shape[1:], *x.shape[1:]),
)

max_pool_maps_backward.gpu(
    r"""
extern "C" __global__ void max_pool_maps_backward(
        const T* gy, const int* where, const int* first, const int* results, int K, int L,
        int sh, int sw, int ph, int pw, T* gx,
        int size, int F, int OH, int OW, int C, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int q = index % W, p = index / W % H, d = index / W / H % C, n = index / W / H / C;
    T total = 0;
    for (int m = first[d]; m < first[d + 1]; m++) {
        int map = (n * F + results[m]) * OH * OW;
        for (int u = 0; u < K; u++) {
            int i = p + ph - u;
            if (i < 0 || i % sh || i / sh >= OH) continue;
            for (int v = 0; v < L; v++) {
                int j = q + pw - v;
                if (j < 0 || j % sw || j / sw >= OW) continue;
                int window = i / sh * OW + j / sw;
                if (where[map + window] == (d * H + p) * W + q) total += gy[map + window];
            }
        }
    }
    gx[index] = total;
}
""",
    sizes=lambda gy, *_: (_[-1].size, *gy.shape[1:], *_[-1].shape[1:]),
)


class MaxPoolMaps(Op):
    def __init__(self, maps, kernel_size, stride, padding, ceil_mode, maps_stride):
        name = "max_pool_maps"
        self.window = pair(kernel_size, f"{name}: kernel_size", 1)
        self.stride = self.window if stride is None else pair(stride, f"{name}: stride", 1)
        self.padding = pair(padding, f"{name}: padding")
        self.ceil_mode = ceil_mode
        self.maps, self.maps_stride = maps, maps_stride

    def window_of(self):
        return self.window, self.stride, (1, 1)

    def check(self, x):
        check_pooling("max_pool_maps", x, self.window, self.padding, self.output_size(x))
        lists_of_maps(self.maps, self.maps_stride, x.shape[1])

    def output_size(self, x):
        geometry = zip(x.shape[-2:], self.window, self.stride, self.padding, strict=True)
        return tuple(pooled_size(*numbers, 1, self.ceil_mode) for numbers in geometry)

    def forward(self, x):
        x, xp = contiguous(x), array_module(x)
        self.shape, self.geometry = x.shape, (*self.window, *self.stride, *self.padding)
        lists = lists_of_maps(self.maps, self.maps_stride, x.shape[1])
        self.looking = [[c for c, D in enumerate(lists) if d in D] for d in range(x.shape[1])]
        y = empty_like(x, (x.shape[0], len(lists), *self.output_size(x)))
        self.where = xp.empty(y.shape, dtype=np.int32)
        max_pool_maps_forward(x, *end_to_end(lists, xp), *self.geometry, y, self.where)
        return y

    def backward(self, gy):
        gx, first_and_results = (
            empty_like(gy, self.shape),
            end_to_end(self.looking, array_module(gy)),
        )
        max_pool_maps_backward(contiguous(gy), self.where, *first_and_results, *self.geometry, gx)
        return gx


def lists_of_maps(maps, maps_stride, C):
    """The input maps of each result map, in ascending order. Raises ValueError where the maps do
    not fit the C that exist."""
    name = "max_pool_maps"
    if np.isscalar(maps):
        stride = maps if maps_stride is None else maps_stride
        for argument, value in (("maps", maps), ("maps_stride", stride)):
            if int(value) != value or value < 1:
                raise ValueError(f"{name}: {argument}={value!r}: expected an int of at least 1")
        if maps > C or (C - maps) % stride:
            raise ValueError(
                f"{name}: groups of {maps} maps, one every {stride}, do not come out even with the "
                f"{C} maps of the input; lists of maps say what to do with the rest"
            )
        return [range(d, d + maps) for d in range(0, C - maps + 1, stride)]
    if maps_stride is not None:
        raise ValueError(f"{name}: maps_stride goes with a group size, not with lists of maps")
    lists = [np.sort(D).tolist() if np.iterable(D) else [] for D in maps]
    if not lists or not all(lists):
        raise ValueError(f"{name}: maps is an int or a list of lists, none of them empty")
    for c, D in enumerate(lists):
        if D[0] < 0 or D[-1] >= C or any(int(d) != d for d in D):
            raise ValueError(f"{name}: list {c} is {D}, but the input has the maps 0 to {C - 1}")
        if len(set(D)) < len(D):
            raise ValueError(f"{name}: list {c}, {D}, names a map twice")
    return lists


def end_to_end(lists, xp):
    """(first, members): all lists in one array, and where each begins and the last one ends."""
    first = np.cumsum([0, *map(len, lists)])
    members = [d for D in lists for d in D]
    return xp.asarray(first, dtype=np.int32), xp.asarray(members, dtype=np.int32)


def max_pool_maps(
    input,
    maps,
    kernel_size=1,
    stride=None,
    padding=0,
    ceil_mode=False,
    maps_stride=None,
    return_indices=False,
):
    """The largest value in some maps and, of each, in a window of pixels.

    input           (N, C, H, W)
    maps            int: groups of so many maps that follow each other; or a list with the input
                    maps of each result map, also a list
    kernel_size, stride, padding   int or (vertical, horizontal); stride is kernel_size where it is
                    not given, padding at most half of kernel_size. With the default, 1, only maps
                    are pooled (maxout)
    ceil_mode       also windows that reach beyond the last rows
    maps_stride     from the first map of a group to that of the next; None: the group size
    return_indices  returns (y, indices): an int64 array of y's shape, (map * H + row) * W + column
                    of each winner

    Returns (N, F, OH, OW), F the number of groups or lists. Raises ValueError where shapes do not
    fit, and where groups would leave the last maps out.
    """
    op = MaxPoolMaps(maps, kernel_size, stride, padding, ceil_mode, maps_stride)
    y = op(input)
    return (y, op.where.astype(np.int64)) if return_indices else y


def cases():
    yield Case(max_pool_maps, (separated(2, 6, 3, 5),), {"maps": 3}, label="maxout")
    x = separated(2, 7, 5, 4)
    options = {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}
    yield Case(max_pool_maps, (x,), {"maps": 3, "maps_stride": 2, **options}, label="overlap-pad")
    lists = [[4, 0, 2], [1], [2, 3, 4, 5], [5, 0]]
    yield Case(
        max_pool_maps, (x,), {"maps": lists, "kernel_size": 3, "ceil_mode": True}, label="lists"
    )
    yield Case(
        max_pool_maps, (-abs(x),), {"maps": 7, "kernel_size": 2, "padding": 1}, label="negative"
    )
