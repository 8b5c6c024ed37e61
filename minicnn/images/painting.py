"""Labels as colours, alone and over the picture that they belong to."""

import numpy as np

from minicnn.images.labels import VOID

SEVERAL = (170, 170, 170)


def colour_map(labels, colours, void=(0, 0, 0)):
    """uint8 (H, W, 3): every label of uint8 (H, W) as its colour, void pixels as `void`, and those
    of one of several classes (datasets/several.py) as SEVERAL, a grey."""
    table = np.empty((256, 3), np.uint8)
    table[:] = SEVERAL
    table[VOID] = void
    table[: len(colours)] = colours
    return table[labels]


def overlay(image, labels, colours, alpha=0.5):
    """The image (uint8 (H, W, 3)) with the colours of its labels (uint8 (H, W)) laid over it.

    `colours` uint8 (K, 3); `alpha` 0 shows only the image, 1 only the colours. Void pixels show the
    image, darkened by half, so that they are not mistaken for a class.
    """
    if image.shape[:2] != labels.shape:
        raise ValueError(f"overlay: the image is {image.shape[:2]}, the labels are {labels.shape}")
    paint = colour_map(labels, colours)
    strength = np.where(labels == VOID, 0.5, alpha).astype(np.float32)[..., None]
    mixed = image * (1 - strength) + paint * strength
    return np.rint(mixed).astype(np.uint8)


def indexed(labels, colours):
    """A Pillow image, uint8 (H, W), whose palette holds the colours, uint8 (K, 3), and the indices
    the labels; those without a colour, as void, are black."""
    from PIL import Image

    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    picture = Image.fromarray(labels).convert("P")
    picture.putpalette(palette.ravel().tolist())
    return picture
