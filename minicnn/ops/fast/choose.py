"""Which algorithm runs: the rules for convolutions and linear layers. They look at shapes, the
dtype and the device, never at what was imported first.

    convolution("y", w_shape=(256, 64, 7, 7), y_shape=(1, 256, 60, 80))     'fourier'
    convolution("gw", w_shape=(4, 3, 7, 7), y_shape=(1, 4, 240, 320))       'shift_and_add'
    convolution("y", w_shape=(64, 64, 3, 3), y_shape=(1, 64, 120, 160))     'winograd'
    linear("gx", rows=4, w_shape=(4096, 1000))                              'strips'

Each name but 'loops' and 'numpy' is a file beside this one, or is explained in one (see README.md).
`with algorithm("simple"):` asks nobody here: the loops of the op's own file run. `with
algorithm("fast"):` takes Fourier tiles wherever they can be used.

How the numbers below were found: by measuring, in multiplications of a large product of matrices,
on the machine of README.md. Elsewhere a choice may be a little slower, and is right all the same.
"""

import math

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import chosen_algorithm
from minicnn.ops.fast import register_blocks
from minicnn.ops.fast.dft16 import SIDE
from minicnn.ops.fast.fourier import in_one_tile
from minicnn.ops.fast.shifted import FOUR, STRIP, strip_of
from minicnn.ops.fast.winograd import tiles_of
from minicnn.ops.fast.winograd_analysis import LANES

ALONE, ALONE_WITH_A_VECTOR = 1 << 18, 9216  # multiplications that OpenBLAS does on one thread
SIMPLEST = 1, 1, 0, 0, 1, 1  # stride, padding, dilation, each (vertical, horizontal)


# ------------------------------------------------------------------------------------ convolutions
def convolution(
    result, w_shape, y_shape, geometry=SIMPLEST, groups=1, dtype=np.float32, device="cpu"
):
    """The name of the algorithm for `result` of conv2d: 'y', 'gx' or 'gw'. w_shape (F, C / groups,
    K, L), y_shape (N, F, OH, OW), geometry (sh, sw, ph, pw, dh, dw)."""
    if device != "cpu":
        return "tiled_gpu" if dtype == np.float32 else "loops"  # float64 is there to check
    fourier = can_use_fourier(w_shape, geometry, dtype)
    if fourier and chosen_algorithm() == "fast":
        return "fourier"
    by_blocks = direct_saves_time(result, w_shape, y_shape, geometry, groups, dtype)
    if result != "gx" and few_input_maps(w_shape, y_shape, groups):
        return "direct" if by_blocks else "shift_and_add"
    works = [work_of_im2col(result, w_shape, y_shape, groups)]
    if by_blocks:
        works.append(work_of_direct(result, w_shape, y_shape, groups))
    if winograd_saves_time(works, w_shape, y_shape, geometry, groups, dtype):
        return "winograd"
    if fourier and work_of_fourier(w_shape, y_shape, geometry, groups) < min(works):
        return "fourier"
    if w_shape[2:] == (1, 1) and geometry == SIMPLEST:
        return one_by_one(result, w_shape, y_shape, groups, dtype, by_blocks)
    return "direct" if by_blocks else "im2col"


def levels_together(w_shape, y_shapes, geometry=SIMPLEST, groups=1, dtype=np.float32):
    """Whether several pictures under the same filters become one product of Fourier tiles: where
    the largest wants them for the result and both gradients."""
    largest = max(y_shapes, key=lambda shape: shape[2] * shape[3])
    return groups == 1 and all(
        convolution(result, w_shape, largest, geometry, groups, dtype) == "fourier"
        for result in ("y", "gx", "gw")
    )


def can_use_direct(result, w_shape, geometry, dtype):
    """Blocks in registers need an instruction for a product and a sum. float64, which is there to
    check, keeps the sums of im2col. gx goes by phases or by dilated taps, not by both, and no
    padding is wider than the filter."""
    sh, sw, ph, pw, dh, dw = geometry
    down, across = dh * (w_shape[2] - 1), dw * (w_shape[3] - 1)
    if result == "gx" and (max(sh, sw) > 1 < max(dh, dw) or ph > down or pw > across):
        return False
    return bool(dtype == np.float32 and register_blocks.shape())


def direct_saves_time(result, w_shape, y_shape, geometry, groups, dtype):
    """Whether blocks in registers may pay: for more than half of their rows, and pictures whose
    pixels are worth it that the filters are packed. Short lines are no long loops."""
    (F, C, _, _), (N, _, OH, OW), (sh, sw) = w_shape, y_shape, geometry[:2]
    if not can_use_direct(result, w_shape, geometry, dtype):
        return False
    rows = C * sh * sw if result == "gx" else F // groups
    if (sh, sw) != (1, 1) and result == "gx" and rows < 32:
        return False
    pixels = 2000 if result == "gx" else 512  # for gx the filters are packed backwards
    return rows > 4 and N * OH * OW >= pixels and OW >= 24


def can_use_fourier(w_shape, geometry, dtype):
    """Windows must lie side by side (stride and dilation 1), and a tile of 16x16 must have room for
    a filter and for as many results. Errors of 1e-7 are good enough for float32 only, and spectra
    of filters above 100 MB (a filter takes 1 kB) are not for caches."""
    F, C, K, L = w_shape
    sh, sw, _, _, dh, dw = geometry
    side_by_side = sh == sw == dh == dw == 1
    return bool(dtype == np.float32 and side_by_side and max(K, L) <= 11 and F * C <= 100_000)


def work_of_direct(result, w_shape, y_shape, groups):
    """Blocks in registers multiply as fast as any large product, but always eight rows at a time;
    the gradients are a quarter slower, for the zeros around gy and for gy turned over."""
    (F, C, K, L), (N, _, OH, OW) = w_shape, y_shape
    rows, others = (C, F // groups) if result == "gx" else (F // groups, C)
    work = N * OH * OW * groups * -(-rows // 8) * 8 * others * K * L
    return work if result == "y" else 5 * work // 4


def work_of_fourier(w_shape, y_shape, geometry, groups):
    """The transform of a tile takes as long as 34,000 multiplications, that of a filter as long as
    16,000, and at each of 130 frequencies a product of complex numbers is four of real ones."""
    (F, C, K, L), (N, _, OH, OW) = w_shape, y_shape
    tiles = N * -(-OH // (SIDE + 1 - K)) * -(-OW // (SIDE + 1 - L))
    ph, pw = geometry[2:4]
    if in_one_tile((N, C, OH + K - 1 - 2 * ph, OW + L - 1 - 2 * pw), w_shape, ph, pw):
        tiles = N
    return 34_000 * tiles * (C * groups + F) + 16_000 * F * C + 4 * 130 * tiles * F * C


def work_of_im2col(result, w_shape, y_shape, groups):
    """im2col copies each number of a window before it meets the F filters, which takes as long as
    50 multiplications; 20 in a forward pass whose windows are small, so that the copies stay in the
    nearest cache."""
    (F, C, K, L), (N, _, OH, OW) = w_shape, y_shape
    copying = 20 if result == "y" and C * K * L <= 256 else 50
    return N * OH * OW * C * groups * K * L * (F // groups + copying)


def can_use_winograd(w_shape, geometry, dtype):
    """3x3 windows side by side, and float32, for which errors of 4e-6 are good enough."""
    sh, sw, _, _, dh, dw = geometry
    return bool(dtype == np.float32 and sh == sw == dh == dw == 1 and w_shape[2:] == (3, 3))


def winograd_saves_time(works, w_shape, y_shape, geometry, groups, dtype):
    """Tiles of 6x6 against what takes so much work, and against Fourier tiles."""
    if not can_use_winograd(w_shape, geometry, dtype):
        return False
    if can_use_fourier(w_shape, geometry, dtype):
        works = [*works, work_of_fourier(w_shape, y_shape, geometry, groups)]
    return work_of_winograd(w_shape, y_shape, geometry, groups) < min(works)


def work_of_winograd(w_shape, y_shape, geometry, groups):
    """The transform of a tile takes as long as 2,000 multiplications, that of a filter as long as
    1,500, each for LANES maps together. A product of few tiles takes as long as one of 24 more. And
    to begin takes as long as 4 million."""
    (F, C, _, _), (N, _, OH, OW), (ph, pw) = w_shape, y_shape, geometry[2:4]
    tiles = tiles_of(N, OH + 2 - 2 * ph, OW + 2 - 2 * pw, ph, pw)
    maps = sum(-(-n // LANES) * LANES * groups for n in (C, F // groups))
    filters = F * -(-C // LANES) * LANES
    return 2000 * tiles * maps + 1500 * filters + 36 * (tiles + 24) * F * C + 4_000_000


def few_input_maps(w_shape, y_shape, groups):
    """A picture (up to 4 maps) under not many filters: nothing is copied, nothing transformed. For
    'y' and 'gw'; gx has as few maps as x, but gy has many."""
    F, C, K, L = w_shape
    few = groups == 1 and C <= 4 and FOUR <= F <= 32 and K * L >= 9
    return few and y_shape[2] * y_shape[3] >= 2 * STRIP  # and the picture is not tiny


def one_by_one(result, w_shape, y_shape, groups, dtype, by_blocks):
    """A 1x1 filter: the convolution is a product of matrices already. From 64 rows on it keeps all
    threads busy; to a handful it takes as long as reading x once. For gw blocks turn gy over, which
    pays for few filters on many maps."""
    filters, C = w_shape[0] // groups, w_shape[1]
    rows = C if result == "gx" else filters
    if result == "y" and filters <= FOUR:
        return "few_maps"
    if result != "gw" and rows < 64 and few_blocks_can(y_shape, dtype):
        return "few_blocks"
    if result == "y" and filters <= 16:
        return "few_maps"
    if result == "gw" and y_shape[0] == 1 and filters <= 16:
        return "matrix_product"
    if by_blocks and result == "gw" and filters <= 16 and C >= 128:
        return "direct"
    if by_blocks and result != "gw" and min(filters, C) >= 64:
        return "direct"
    if rows >= 64 and (result != "gw" or y_shape[0] == 1):
        return "matrix_product"
    return "im2col"


def few_blocks_can(y_shape, dtype):
    """Blocks in registers, on pictures whose pixels are worth it that the filters are packed."""
    enough = y_shape[2] * y_shape[3] >= 512
    return bool(dtype == np.float32 and enough and register_blocks.shape())


# ----------------------------------------------------------------------------------- linear layers
def linear(result, rows, w_shape, dtype=np.float32, device="cpu"):
    """The name of the algorithm for `result` of linear: 'y', 'gx' or 'gw', where x has so many
    rows. 'threads', 'rows' and 'strips' are explained in linear.py; 'numpy' (or cupy) is the
    product of BLAS, where that has so little to do that it does not call its own threads."""
    F, K = w_shape
    if device != "cpu" or little_for_blas(rows, F, K):
        return "numpy"
    if rows > 256 or F * K < 1 << 16:
        return "rows"
    if blocks_of_linear(result, rows, w_shape, dtype):
        return "linear_blocks"
    if result == "gx" and rows == 1:
        return "linear_row"
    if result != "gw" and 2 <= rows <= 16 and strip_of(K, get_num_threads()):
        return "strips"
    return "threads"


def little_for_blas(*sizes):
    """Whether OpenBLAS, which numpy brings, would do a product of matrices of these sizes on one
    thread: its own rule, for a matrix and a vector, and for two matrices; also if a size is 0.
    Threads of its own would go on waiting for work for some 30 ms, on cores that those of our
    kernels need next: a step of `feedback` took 16 ms for 6."""
    least, *others = sorted(sizes)
    if least == 1:
        return math.prod(others) <= ALONE_WITH_A_VECTOR
    return least * math.prod(others) <= ALONE


def blocks_of_linear(result, rows, w_shape, dtype):
    """Blocks in registers: y and gx of one row are no product of matrices; gw of many is one for
    which BLAS has caches in mind."""
    F, K = w_shape
    if dtype != np.float32 or not register_blocks.shape():
        return False
    least, most = {"y": (2, 256), "gx": (2, 256), "gw": (1, 64)}[result]
    return F % register_blocks.shape()[0] == K % 16 == 0 and least <= rows <= most
