"""761 numbers for a pixel, from 33 channels of a picture: what stands there, and around it.

    of each channel                                                                 23 x 33 = 759
        its value at the pixel                                                   1
        mean and variance over each of 3 x 3 squares of 5 x 5 pixels around it  18
        mean and variance over its whole column, and over its whole row          4
    how far down the pixel is, y / H, and how far from the middle, |x / W - 1/2|                2

The squares end where the picture does; one that lies outside altogether has the pixel's value in
both places. All means and variances come from integral images, so that a whole row of the picture
costs no more than a square.

68,000 pixels of a small photograph have 52 million features: they are made for some pixels at a
time (a row, or those that were drawn to learn from), used, and forgotten.

Source: S. Gould's DARWIN library (as papers.md has it), after Gould, Fulton, Koller 2009.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, prange
from minicnn.images.filter_bank import NAMES, channels
from minicnn.images.integral import integral_image, window_sum

GRID, SIDE = 3, 5  # squares across, and pixels across a square
FIRST = -7  # where the first square begins, from the pixel on: int(-1.5 * 5)
EACH = 1 + 2 * GRID * GRID + 4  # features of a channel
COUNT = len(NAMES) * EACH + 2

shapes = "planes[C, H, W], sums[C, H + 1, W + 1], squares[C, H + 1, W + 1]"
pixel_features = Kernel(
    "pixel_features", f"{shapes}, int64 rows[P], int64 columns[P], out[23 * C, P]"
)


@pixel_features.cpu
def pixel_features_cpu(planes, sums, squares, rows, columns, out):
    height, width = planes.shape[1:]
    for c in prange(len(planes)):
        s, q, to = sums[c], squares[c], out[23 * c : 23 * c + 23]
        for p in range(len(rows)):
            to[0, p] = planes[c, rows[p], columns[p]]
        for k in range(11):  # nine squares, the column, the row
            for p in range(len(rows)):
                y, x = rows[p], columns[p]
                top, bottom, left, right = 0, height, 0, width
                if k < 9:
                    top, left = y - 7 + 5 * (k // 3), x - 7 + 5 * (k % 3)
                    top, bottom = max(top, 0), min(top + 5, height)
                    left, right = max(left, 0), min(left + 5, width)
                elif k == 9:
                    left, right = x, x + 1
                else:
                    top, bottom = y, y + 1
                if top < bottom and left < right:
                    n = (bottom - top) * (right - left)
                    mean = window_sum(s, top, left, bottom, right) / n
                    variance = window_sum(q, top, left, bottom, right) / n - mean * mean
                    to[1 + 2 * k, p] = mean
                    to[2 + 2 * k, p] = max(variance, 0.0)
                else:
                    to[1 + 2 * k, p] = to[2 + 2 * k, p] = planes[c, y, x]


class PixelFeatures:
    """The features of one picture, uint8 (H, W, 3), for any of its pixels."""

    def __init__(self, image):
        self.planes = channels(image)
        self.sums = integral_image(self.planes)
        self.squares = integral_image(self.planes * self.planes)

    def at(self, rows, columns):
        """float32 (761, P) of the pixels at these places, int (P,) each."""
        height, width = self.planes.shape[1:]
        rows, columns = (np.ascontiguousarray(v, np.int64) for v in (rows, columns))
        found = np.empty((COUNT - 2, len(rows)))
        pixel_features(self.planes, self.sums, self.squares, rows, columns, found)
        place = np.stack([rows / height, abs(columns / width - 0.5)])
        return np.concatenate([found, place]).astype(np.float32)

    def __iter__(self):
        """float32 (761, W) of one row after another, from above."""
        height, width = self.planes.shape[1:]
        for y in range(height):
            yield self.at(np.full(width, y), np.arange(width))
