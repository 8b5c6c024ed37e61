"""The levels of a pyramid convolved together: the tiles of all of them, one after the other, are
the rows of one product for each frequency (fourier.py).

Under many filters a product of four or of twelve tiles takes hardly less time than one of 48, for
it waits for the spectra of the filters, 17 MB of them under 256x64 filters. So the coarse levels
come nearly for free; and in a training the spectra of gw, as many again, are not made and
transformed back for each level, but come out summed. When that saves time, says choose.py.
"""

import numpy as np

from minicnn.ops.fast import choose, fourier


def can_use(xs, w, ys, geometry, groups):
    """Whether the levels xs, of which none may be empty, go together, and hold numbers that tiles
    may mix."""
    if not isinstance(w, np.ndarray) or not w.size:
        return False
    shapes = [y.shape for y in ys]
    return (
        all(x.size for x in xs)
        and choose.levels_together(w.shape, shapes, geometry, groups, w.dtype)
        and all(fourier.alike(None, x=x) for x in xs)
        and fourier.alike(None, w=w)
    )


def can_use_gradients(gys):
    """The same of the gradients of their results."""
    return all(fourier.alike(None, gy=gy) for gy in gys)


def forward(xs, w, b, geometry, ys, keep):
    fourier.forward_of(xs, w, b, *geometry[2:4], 1, ys, keep)


def grad_input(gys, w, geometry, gxs, keep):
    fourier.grad_input_of(gys, w, *geometry[2:4], 1, gxs, keep)


def grad_weight(gys, xs, geometry, gw, keep):
    fourier.grad_weight_of(gys, xs, *geometry[2:4], 1, gw, keep)
