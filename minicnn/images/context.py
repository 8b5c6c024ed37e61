"""A box of a picture with what surrounds it, as a square of a fixed size; and a mask in the same
square.

    part = context(box, size)                where the pixels of the square lie in the picture
    part.of(image)                           uint8 (size, size, 3), 0 beyond the rim
    part.inside, mask[part.at] & part.inside

The box is made larger about its middle, so that it fills the square but for `around` pixels on each
side, and is then stretched to the square, whatever its proportions. A picture is resized smoothly,
a mask by the nearest pixel.

Source: Girshick et al. 2014 («warp» with a context of 16 of 227 pixels); Hariharan et al. 2014.
"""

from dataclasses import dataclass

import numpy as np

SHARE = 16 / 227  # of the square, on each side, that is context


@dataclass(frozen=True)
class Part:
    """Where a square lies in a picture.

    rows, columns  float (size + 1,): where its pixels begin and end, in pixels of the picture
    at             index arrays of the nearest pixel of the picture for each of the square
    inside         bool (size, size): what lies in the picture
    """

    rows: np.ndarray
    columns: np.ndarray
    at: tuple
    inside: np.ndarray

    def of(self, image):
        """uint8 (size, size, 3) of a picture, uint8 (H, W, 3); 0 where there is none."""
        from PIL import Image

        found = np.zeros((*self.inside.shape, 3), np.uint8)
        down, across = self.inside.any(axis=1), self.inside.any(axis=0)
        if not down.any() or not across.any():
            return found
        height, width = image.shape[:2]
        (top, bottom), (left, right) = (
            (max(sides[:-1][there].min(), 0), min(sides[1:][there].max(), most))
            for sides, there, most in ((self.rows, down, height), (self.columns, across, width))
        )
        # Pillow looks at the rows and columns that it needs, so only these are handed over
        y, x = int(top), int(left)
        piece = Image.fromarray(image[y : int(np.ceil(bottom)), x : int(np.ceil(right))])
        box = (left - x, top - y, right - x, bottom - y)
        size = int(across.sum()), int(down.sum())
        found[np.ix_(down, across)] = piece.resize(size, Image.Resampling.BILINEAR, box=box)
        return found


def context(box, size, shape):
    """The Part for a box (top, left, bottom, right) of a picture of `shape` (H, W)."""
    around = round(SHARE * size)
    factor = size / (size - 2 * around)
    sides, nearest, there = [], [], []
    for low, high, most in zip(box[:2], box[2:], shape, strict=True):
        middle, half = (low + high) / 2, max(high - low, 1) * factor / 2
        edges = middle - half + 2 * half * np.arange(size + 1) / size
        places = np.floor((edges[:-1] + edges[1:]) / 2).astype(np.int64)
        sides.append(edges)
        there.append((places >= 0) & (places < most))
        nearest.append(places.clip(0, most - 1))
    return Part(*sides, np.ix_(*nearest), there[0][:, None] & there[1])
