"""Tiny data sets of whole pictures on disk: squares of the colour of their class, with noise."""

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}


def square(name, seed, size=(30, 34)):
    """uint8 (H, W, 3) that shows the class `name`."""
    noise = np.random.default_rng(seed).integers(-30, 31, (*size, 3))
    return np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)


def make_image_folder(root, counts=None, size=(30, 34)):
    """A data set as ImageNet is unpacked, {split: pictures of a class}; returns its folder."""
    for split, count in (counts or {"train": 6, "val": 3}).items():
        for c, name in enumerate(COLOURS):
            folder = root / split / name
            folder.mkdir(parents=True)
            for k in range(count):
                image = square(name, [c, k, len(split)], size)
                Image.fromarray(image).save(folder / f"{split}{k}.png")
    return root
