"""Tiny pictures of which only the class is known: a red or a green square somewhere on grey noise,
or the noise alone."""

import numpy as np
from PIL import Image

CLASSES = ("background", "cat", "dog")
COLOURS = ((110, 110, 110), (220, 40, 40), (40, 200, 60))
SIZE = (40, 48)


def tagged(label, seed, size=SIZE):
    """(uint8 (H, W, 3), uint8 (H, W)): a picture of class `label`, and its true labels."""
    rng = np.random.default_rng([label, seed])
    image = 110 + rng.integers(-25, 26, (*size, 3))
    labels = np.zeros(size, np.uint8)
    side = size[0] // 2
    top, left = rng.integers(0, size[0] - side + 1), rng.integers(0, size[1] - side + 1)
    if label:
        labels[top : top + side, left : left + side] = label
        image[labels == label] += np.array(COLOURS[label]) - 110
    return np.clip(image, 0, 255).astype(np.uint8), labels


def make_tagged(root, train=12, val=4, classes=CLASSES):
    """A folder of them as ImageNet is unpacked; returns it."""
    for split, count, first in (("train", train, 0), ("val", val, 1000)):
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for k in range(count):
                image, _ = tagged(CLASSES.index(name), first + k)
                Image.fromarray(image).save(folder / f"{name}{k}.png")
    return root
