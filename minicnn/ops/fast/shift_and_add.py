r"""conv2d on the CPU under few input maps: sums of shifted pictures.

Number the K L C weights of a filter, its *taps*, t = (k, u, v). Then convolution is a sum of
pictures, each of them a map of x that is shifted and weighted:

    y[c] = b[c] + sum_t  w[c,t] S_t x          S_t: map k, moved up by d u and left by d v
    gw[c,t] = sum_m  gy[c,m] (S_t x)[m]        m: all pixels

Nothing is copied for that. Stored line after line, with `width` numbers to a line, a picture moves
when one starts to read it elsewhere: pixel m = i width + j of the result meets the number m +
offsets[t]. The last columns of each line then meet what stands at the beginning of the next one;
they are computed with all others, since a long loop is a fast loop, and thrown away. Under a stride
s the pixels are sorted first (phases.py): those whose coordinates leave the same remainders when
divided by s are neighbours for the result, and become a picture of their own.

The sums are in shifted.py. In im2col.py each number of a window is copied before it meets
the F filters, which is a bargain for 256 filters and none for 16; transforms (fourier.py) of F
maps of gy are none either where each meets only three maps of x.

In gw what is thrown away is multiplied by zero, and so are, in y, the numbers that fill up the taps
to a multiple of four: 0 for numbers, not for an infinity. An x that holds one is left to im2col.
"""

from minicnn.engine.devices import get_num_threads
from minicnn.ops.fast.phases import frame
from minicnn.ops.fast.shifted import STRIP, shifted_products, shifted_sums


def lines_of_a_strip(y_shape, width, threads):
    """How many lines of the result make a strip: equally many in all, for each thread."""
    lines = max(1, STRIP // width)
    strips = -(-y_shape[2] // lines)
    return -(-y_shape[2] // (-(-strips // threads) * threads))


def forward(x, w, b, sh, sw, ph, pw, dh, dw, groups, y, keep):
    numbers, offsets, width, _ = frame(x, w.shape, sh, sw, ph, pw, dh, dw)
    lines = lines_of_a_strip(y.shape, width, get_num_threads())
    shifted_sums(numbers, offsets, w.reshape(len(w), -1), b, width, lines, y)


def grad_weight(gy, x, sh, sw, ph, pw, dh, dw, groups, gw, keep):
    numbers, offsets, width, _ = frame(x, gw.shape, sh, sw, ph, pw, dh, dw)
    lines = lines_of_a_strip(gy.shape, width, get_num_threads())
    gw[...] = shifted_products(numbers, offsets, gy, width, lines).reshape(gw.shape)
