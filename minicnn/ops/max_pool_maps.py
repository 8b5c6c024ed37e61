r"""Max pooling over maps and pixels, the lecture's 3-D pooling.

    y[n,c,i,j] = max over d in D(c), over u, v of  x~[n, d, s i + u, s j + v]

D(c) are the input maps that result map c looks at, and x~ is x with `padding` values of minus
infinity around it. With filters for edges of all orientations in one D(c), the result does not
depend on which of them answered, just as it does not depend on where in the window it did.

    D(c) = {c}                          max_pool2d
    D(c) = {t c, ..., t c + g - 1}      groups of g maps, a new one every t maps
    the same, windows of 1x1            maxout: a learnt nonlinearity, the largest of g lines
    lists of maps                       anything else; they may overlap and differ in length

Shapes: x (N, C, H, W), y (N, F, OH, OW), F = (C - g) / t + 1 or the number of lists, OH and OW as
in max_pool2d. The kernels get the lists laid end to end, that of c from `first[c]` to
`first[c + 1]` in `members`; and turned round, for each map the results that look at it.

Gradient: y moves with the winner and with nothing else. Forward notes its place in the whole stack
of maps, (d H + row) W + column, and then

    gx[n,d,p,q] = sum of gy[n,c,i,j] over the results (c, i, j) whose winner is (d, p, q)

read from gx's side, as in max_pool2d: each pixel asks the results that could have seen it.

Of equal values the first wins, in the order of map, row, column; the order within a list of maps
does not matter. A NaN wins over everything, so that it is seen at the end.

Source: the lecture's slide «structure of a layer»; Goodfellow et al. 2013 for maxout.
"""

import numpy as np

from minicnn.engine.cases import Case, separated
from minicnn.engine.devices import array_module, empty_like
from minicnn.engine.kernel import Kernel, cuda_beside, prange
from minicnn.engine.op import contiguous, hands_over
from minicnn.engine.tensor import Tensor
from minicnn.ops.map_lists import end_to_end, lists_of_maps
from minicnn.ops.pooling import Pool2d

max_pool_maps_forward = Kernel(
    "max_pool_maps_forward",
    "x[N, C, H, W], int32 first[F + 1], int32 members[M], K, L, sh, sw, ph, pw, "
    "y[N, F, OH, OW], int32 where[N, F, OH, OW]"
    "; pooled(OH, H, K, sh, ph); pooled(OW, W, L, sw, pw)"
    "; highest(members) < C; highest(first) <= M",
)
max_pool_maps_backward = Kernel(
    "max_pool_maps_backward",
    "gy[N, F, OH, OW], int32 where[N, F, OH, OW], int32 first[C + 1], int32 results[M], "
    "K, L, sh, sw, ph, pw, gx[N, C, H, W]"
    "; pooled(OH, H, K, sh, ph); pooled(OW, W, L, sw, pw)"
    "; highest(results) < F; highest(first) <= M",
)


@max_pool_maps_forward.cpu
def max_pool_maps_forward_cpu(x, first, members, K, L, sh, sw, ph, pw, y, where):
    N, C, H, W = x.shape
    F, OH, OW = y.shape[1:]
    for nc in prange(N * F):
        n, c = nc // F, nc % F
        for i in range(OH):
            for j in range(OW):
                best, winner = x.dtype.type(-np.inf), -1
                for m in range(first[c], first[c + 1]):
                    d = members[m]
                    for p in range(max(i * sh - ph, 0), min(i * sh - ph + K, H)):
                        for q in range(max(j * sw - pw, 0), min(j * sw - pw + L, W)):
                            value = x[n, d, p, q]
                            if winner < 0 or value > best or value != value:
                                best, winner = value, (d * H + p) * W + q
                y[n, c, i, j] = best
                where[n, c, i, j] = winner


@max_pool_maps_backward.cpu
def max_pool_maps_backward_cpu(gy, where, first, results, K, L, sh, sw, ph, pw, gx):
    N, C, H, W = gx.shape
    OH, OW = gy.shape[2:]
    for nd in prange(N * C):
        n, d = nd // C, nd % C
        for p in range(H):
            for q in range(W):
                total = gx.dtype.type(0)
                for m in range(first[d], first[d + 1]):
                    c = results[m]
                    for u in range(K):
                        for v in range(L):
                            i, j = p + ph - u, q + pw - v
                            if i % sh == 0 and j % sw == 0:
                                i, j = i // sh, j // sw
                                if 0 <= i < OH and 0 <= j < OW:
                                    if where[n, c, i, j] == (d * H + p) * W + q:
                                        total += gy[n, c, i, j]
                gx[n, d, p, q] = total


# -------------------------------------------------------------- the same on a GPU: max_pool_maps.cu
TEXT = cuda_beside(__file__)

max_pool_maps_forward.gpu(TEXT, sizes=lambda x, *_: (_[-1].size, *_[-1].shape[1:], *x.shape[1:]))

max_pool_maps_backward.gpu(TEXT, sizes=lambda gy, *_: (_[-1].size, *gy.shape[1:], *_[-1].shape[1:]))


class MaxPoolMaps(Pool2d):
    name = "max_pool_maps"

    def __init__(self, maps, kernel_size, stride, padding, ceil_mode, maps_stride):
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.maps, self.maps_stride = maps, maps_stride

    def check(self, x):
        super().check(x)
        lists_of_maps(self.maps, self.maps_stride, x.shape[1])

    def forward(self, x):
        x, xp = contiguous(x), array_module(x)
        self.shape, self.geometry = x.shape, (*self.window, *self.stride, *self.padding)
        self.lists = lists_of_maps(self.maps, self.maps_stride, x.shape[1])
        y = empty_like(x, (x.shape[0], len(self.lists), *self.output_size(x)))
        self.where = xp.empty(y.shape, dtype=np.int32)
        max_pool_maps_forward(x, *end_to_end(self.lists, xp), *self.geometry, y, self.where)
        return y

    @hands_over
    def backward(self, gy):
        looking = [[c for c, D in enumerate(self.lists) if d in D] for d in range(self.shape[1])]
        gx, lists = empty_like(gy, self.shape), end_to_end(looking, array_module(gy))
        max_pool_maps_backward(contiguous(gy), self.where, *lists, *self.geometry, gx)
        return gx


def max_pool_maps(
    input: Tensor,
    maps: int | list,
    kernel_size: int | tuple = 1,
    stride: int | tuple | None = None,
    padding: int | tuple = 0,
    ceil_mode: bool = False,
    maps_stride: int | None = None,
    return_indices: bool = False,
) -> Tensor | tuple:
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
    options = {"maps": lists, "kernel_size": 3, "ceil_mode": True}
    yield Case(max_pool_maps, (x,), options, label="lists")
    options = {"maps": 7, "kernel_size": 2, "padding": 1}
    yield Case(max_pool_maps, (-abs(x),), options, label="negative")
