"""The products of direct.py: gw[c,t] = sum_m gy[c,m] x[m + offset[t]], in blocks of registers.

The rows of the product are taps, which read x as it lies; its columns are filters. For these gy is
turned over, some lines at a time: pixel by pixel all filters. What lies beside the picture is 0.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.ops.fast.register_blocks import rows_block, turn_over

products = Kernel(
    "direct_products",
    "x[N, numbers], step, int64 offsets[T], gy[N, F, OH, OW], width, lines, rows, columns, "
    "parts[number, groups, T, filters]; F % groups == 0; T % rows == 0; filters % 16 == 0; "
    "filters * groups >= F; lines >= 1"
    "; highest(offsets) + step * (groups - 1) + (OH - 1) * width + OW <= numbers",
)


@helper
def turn(gy, first, last, OW, place, apart, out):
    """out, in lines of `apart` numbers: one line of 16 maps of gy, pixel by pixel all maps. The
    maps begin at `first`, `place` numbers further on; behind the last one stands the last again."""
    numbers = gy.ravel()
    starts = np.minimum(first + place, last)
    for j in range(0, OW, 16):
        if OW >= 16:
            j = min(j, OW - 16)
        if last + j + 16 <= numbers.size:
            turn_over(numbers[j:], starts, out[j * apart :], apart, min(16, OW - j))
        else:
            for e in range(j, OW):
                for f in range(16):
                    out[e * apart + f] = numbers[starts[f] + e]


@helper
def add_products(place, offsets, rows, right, pixels, out):
    """out (T, filters of a block) += the products of some pixels, `rows` taps at a time."""
    for t in range(0, len(offsets), rows):
        rows_block(place, offsets[t : t + rows], right, pixels, out[t : t + rows], False)


@products.cpu
def products_cpu(x, step, offsets, gy, width, lines, rows, columns, parts):
    """The gradient (groups, T, filters) as the sum of `parts`, each over some pieces of `lines`
    lines of the pictures; the filters of a block are `columns`, of the last
    one what is left."""
    N, F, OH, OW = gy.shape
    number, groups, _, most = parts.shape
    filters, pieces = F // groups, (OH + lines - 1) // lines
    apart = most + 31  # numbers from pixel to pixel of gy, turned over: never a power of two,
    apart = apart - apart % 16 + 16 * (apart // 16 % 2 == 0)  # which caches do not like
    for part in prange(number):
        parts[part] = 0
        turned = np.zeros(lines * width * apart, gy.dtype)  # 0 beside the pictures
        places, pixels = OH * OW * np.arange(16), apart * np.arange(lines * width)
        for piece in range(part, N * groups * pieces, number):
            n, g, top = piece // (groups * pieces), piece // pieces % groups, piece % pieces * lines
            count, maps = min(lines, OH - top), n * F + g * filters
            for c in range(0, most, 16):
                for i in range(count):
                    first = ((maps + min(c, filters - 1)) * OH + top + i) * OW
                    last = ((maps + filters - 1) * OH + top + i) * OW
                    turn(gy, first, last, OW, places, apart, turned[i * width * apart + c :])
            place, depth = x[n, g * step + top * width :], pixels[: count * width - width + OW]
            for c in range(0, most, columns):
                out = parts[part, g, :, c : c + columns]
                add_products(place, offsets, rows, turned[c:], depth, out)
