"""When the levels of a pyramid are convolved together: the tiles of all of them, one after the
other, are the rows of one product for each frequency (fourier.py).

Under many filters a product of four or of twelve tiles takes hardly less time than one of 48, for
it waits for the spectra of the filters, 17 MB of them under 256x64 filters. So the coarse
levels come nearly for free; and in a training their spectra of gw, twice as many numbers, are not
made and transformed back for each level, but come out summed.
"""

import numpy as np

from minicnn.ops.fast import choose, fourier


def join(xs, w, ys, geometry, groups):
    """Whether fourier.py convolves all xs at once: on the CPU, where the largest of them wants its
    tiles for the result and both gradients."""
    if groups != 1 or not isinstance(w, np.ndarray):
        return False
    largest = max((y.shape for y in ys), key=lambda shape: shape[2] * shape[3])
    return (
        all(
            choose.convolution(result, w.shape, largest, geometry, 1, w.dtype) == "fourier"
            for result in ("y", "gx", "gw")
        )
        and all(fourier.alike(None, x=x) for x in xs)
        and fourier.alike(None, w=w)
    )
