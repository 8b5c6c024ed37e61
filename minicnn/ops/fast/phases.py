r"""Pictures laid out so that the windows of a convolution need not be gathered: with their border
of zeros, and under a stride s cut into s x s phases.

Pixels whose coordinates leave the same remainders when divided by s are neighbours for the result
of a convolution with stride s: its windows start at every s-th pixel, so tap (u, v) of the filter
meets only pixels with the remainders of u and v. Each such phase becomes a picture of its own. Then
a k x k convolution with stride s on C maps is one with stride 1 and ceil(k/s) x ceil(k/s) taps on s
s C maps: 11x11/4 on 3 maps is 3x3 on 48.

Stored line after line, `width` numbers to a line, such a picture moves when one starts to read it
elsewhere: pixel m = i width + j of the result meets the number m + offset[t] under tap t = (k, u,
v), for all m. Where u, v belong to which phase the offsets know, so that no tap is added: of 3x3
taps on 48 maps, 432, they name the 363 of 11x11 on 3 maps. The last columns of each line meet what
stands at the beginning of the next one; they are computed with all others and thrown away.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, prange

lay_out = Kernel(
    "lay_out",
    "x[N, C, H, W], sh, sw, ph, pw, height, width, numbers[N, size]"
    "; C * sh * sw * height * width <= size",
)


@lay_out.cpu
def lay_out_cpu(x, sh, sw, ph, pw, height, width, numbers):
    """numbers: of each map the sh sw phases (a, b), each height x width: pixel (i sh + a - ph,
    j sw + b - pw) of x, or 0 beside it. What is left at the end is 0, too."""
    N, C, H, W = x.shape
    for line in prange(N * C * sh * height):
        n, k, a, i = (
            line // (C * sh * height),
            line // (sh * height) % C,
            line // height % sh,
            line % height,
        )
        p = i * sh + a - ph
        for b in range(sw):
            start = (((k * sh + a) * sw + b) * height + i) * width
            out = numbers[n, start : start + width]
            first = min(max((pw - b + sw - 1) // sw, 0), width)  # of the columns that lie in x
            end = max(min((W + pw - b + sw - 1) // sw, width), first)
            if p < 0 or p >= H:
                first = end = width
            out[:first] = 0
            out[end:] = 0
            if first < end:
                source, count = x[n, k, p, first * sw + b - pw :], end - first
                to = out[first:end]
                if sw == 1:  # the same, but a stride that the compiler knows is a faster loop
                    for j in range(count):
                        to[j] = source[j]
                elif sw == 2:
                    for j in range(count):
                        to[j] = source[2 * j]
                elif sw == 4:
                    for j in range(count):
                        to[j] = source[4 * j]
                else:
                    for j in range(count):
                        to[j] = source[sw * j]
        if line % (C * sh * height) == 0:
            numbers[n, C * sh * sw * height * width :] = 0


def frame(x, w_shape, sh, sw, ph, pw, dh, dw, least=0):
    """(x as above (N, numbers), the offset of each tap (C K L,), numbers to a line, numbers to a
    map of x); C maps of w see the first C maps of x. There are at least `least` numbers behind each
    offset."""
    (N, maps, H, W), (_, C, K, L) = x.shape, w_shape
    height, width = -(-(H + 2 * ph) // sh), -(-(W + 2 * pw) // sw)
    k, u, v = np.arange(C)[:, None, None], dh * np.arange(K)[:, None], dw * np.arange(L)
    plane = (k * sh + u % sh) * sw + v % sw
    offsets = ((plane * height + u // sh) * width + v // sw).ravel()
    of_a_map = sh * sw * height * width
    size = maps * of_a_map
    needed = max(size, int(offsets.max()) + (maps - C) * of_a_map + least)
    if (sh, sw, ph, pw) == (1, 1, 0, 0) and needed == size:
        return x.reshape(N, -1), offsets, width, of_a_map
    numbers = np.empty((N, needed), x.dtype)
    lay_out(x, sh, sw, ph, pw, height, width, numbers)
    return numbers, offsets, width, of_a_map


def interleaved(phases, sh, sw, ph, pw, x):
    """Writes x (N, C, H, W) from its phases (N, C sh sw, height, width): the way back, without what
    lies in the border."""
    (N, C), (height, width) = x.shape[:2], phases.shape[2:]
    phases = phases.reshape(N, C, sh, sw, height, width)
    for a in range(sh):
        for b in range(sw):
            first, left = -(-(ph - a) // sh), -(-(pw - b) // sw)  # of the lines and columns in x
            to = x[:, :, first * sh + a - ph :: sh, left * sw + b - pw :: sw]
            to[...] = phases[:, :, a, b, first : first + to.shape[2], left : left + to.shape[3]]
