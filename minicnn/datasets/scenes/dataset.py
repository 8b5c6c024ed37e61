"""The data set `scenes`: outdoor pictures drawn by the program, with labels that are exactly right.

A scene is a place in metres (a street, a lake, a meadow) seen by a pinhole camera that may look up,
down or askew. The number of the scene decides everything; the size only decides how finely it is
drawn. What makes it hard is the lecture's point: calm water mirrors the sky, plain walls and roads
are of the same stone, grass and trees of the same leaves, so a small patch often fits two classes
and only what lies farther away tells them apart.
"""

import re

import numpy as np

from minicnn.datasets.dataset import Dataset, Picture
from minicnn.datasets.scenes.drawing import Camera, Canvas
from minicnn.datasets.scenes.plans import PLANS, SHARES
from minicnn.datasets.scenes.site import Site
from minicnn.datasets.scenes.world import World
from minicnn.datasets.stanford_background import StanfordBackground
from minicnn.engine.randomness import generator

SPLITS = {"train": 0, "val": 1_000_000, "test": 2_000_000}  # the number of the first scene
MOST = 16_000_000  # pixels: while one is drawn, 2 GB are in use


class Scenes(Dataset):
    """Drawn scenes, 8 classes. Nothing is stored: each is drawn when it is read.

    size              (height, width) of the pictures, at least 16 each
    seed              another seed, other scenes
    train, val, test  how many scenes each split has
    """

    name = "scenes"
    # Those of the photographs, so that a network trained on the one can be scored on the other.
    classes, colours = StanfordBackground.classes, StanfordBackground.colours

    def __init__(self, size=(240, 320), seed=0, train=400, val=50, test=100):
        numbers = {"seed": seed, "train": train, "val": val, "test": test}
        for name, number in numbers.items():
            whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
            if not whole or not 0 <= number <= 1_000_000:
                raise ValueError(
                    f"scenes: {name}={number!r} should be a whole number from 0 to 1000000"
                )
        self.size, self.seed = check_size(size), numbers.pop("seed")
        self.counts = numbers

    def names(self, split):
        if split not in SPLITS:
            raise ValueError(f"scenes: no split {split!r}; there are train, val and test")
        return [f"scene-{SPLITS[split] + k:06d}" for k in range(int(self.counts[split]))]

    def read(self, name):
        found = re.fullmatch(r"scene-(\d{6,7})", name)
        if not found:
            raise ValueError(f"scenes: {name!r} is not a name like 'scene-000017'")
        return draw_scene(self.seed, int(found[1]), self.size)


def check_size(size):
    """(height, width) as two ints, or a ValueError that says what is wrong."""
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"scenes: size={size!r} should be (height, width); on the command line 120x160"
        ) from None
    if min(height, width) < 16 or height * width > MOST:
        raise ValueError(
            f"scenes: size={size!r} should be at least 16x16 and at most "
            f"{MOST / 1e6:g} megapixels, for drawing takes some 130 bytes a pixel"
        )
    return height, width


def draw_scene(seed, index, size):
    """Draws scene number `index` of `seed` at size (height, width): a Picture."""
    size = check_size(size)
    rng = generator(seed, index)
    camera = Camera(
        size,
        focal=rng.uniform(0.8, 1.55),
        height=rng.uniform(1.4, 2.2) if rng.uniform() < 0.7 else rng.uniform(2.5, 9),
        horizon=rng.uniform(-0.44, 0.27),
        pan=rng.normal(0, 0.15),
        roll=float(np.clip(rng.normal(0, 0.04), -0.14, 0.14)),
    )
    canvas = Canvas(size)
    world = World(canvas, camera, rng)
    site = Site(world, rng)
    PLANS[rng.choice(len(PLANS), p=SHARES)](site)
    site.draw()
    image = expose(canvas.colour, rng)
    seen = np.bincount(canvas.instances.ravel()) > 0
    seen[0] = False
    instances = np.cumsum(seen, dtype=np.int32)[canvas.instances]  # the hidden ones get no number
    present = np.bincount(canvas.labels.ravel(), minlength=len(Scenes.classes))
    tags = tuple(c for c, count in zip(Scenes.classes, present, strict=True) if count)
    return Picture(f"scene-{index:06d}", image, canvas.labels, instances, tags)


def expose(colour, rng):
    """What lens and sensor make of the colours (3, H, W): soft edges, grain, 8 bits, and an
    exposure and a white balance that are off, so that a colour alone says little."""
    gain = np.exp(rng.normal(0.06, 0.18)) * rng.uniform(0.82, 1.18, 3)
    grain = rng.uniform(0.8, 3.2)
    soft = colour.copy()
    soft[:, 1:-1] += 0.5 * (0.5 * (colour[:, :-2] + colour[:, 2:]) - colour[:, 1:-1])
    colour = soft.copy()
    colour[:, :, 1:-1] += 0.5 * (0.5 * (soft[:, :, :-2] + soft[:, :, 2:]) - soft[:, :, 1:-1])
    colour *= (255 * gain).astype(np.float32)[:, None, None]
    # grain of brightness, and half as much of each colour
    colour += grain * rng.standard_normal(colour.shape[1:], np.float32)
    colour += 0.5 * grain * rng.standard_normal(colour.shape, np.float32)
    return np.moveaxis(np.clip(colour, 0, 255).astype(np.uint8), 0, 2).copy()
