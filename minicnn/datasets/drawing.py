"""Brushes for drawn pictures: noise, a pinhole camera, and a canvas of colours, labels, instances.

Lengths are metres, the camera stands at the origin of the ground plane, X points to the right, Y up
and Z away from the camera. Nothing here knows what a scene is made of.
"""

import functools

import numpy as np
from PIL import Image, ImageDraw

TILE = 256  # side of the noise tile
GRAIN = 8  # pixels of the tile from one bump of the noise to the next


@functools.cache
def noise_tile():
    """A periodic tile of smooth noise with mean 0 and standard deviation 1."""
    noise = np.random.Generator(np.random.Philox(2014)).standard_normal((TILE, TILE))
    frequency = np.fft.fftfreq(TILE)
    low_pass = np.exp(-(frequency**2) * GRAIN**2 * 1.5)
    tile = np.fft.ifft2(np.fft.fft2(noise) * low_pass[:, None] * low_pass).real
    tile = ((tile - tile.mean()) / tile.std()).astype(np.float32)
    tile.setflags(write=False)  # shared by all threads
    return tile.ravel()


def noise(u, v):
    """Smooth noise at the points (u, v): one bump per unit, mean 0, standard deviation 1."""
    i = (np.asarray(v, np.float32) * GRAIN).astype(np.int32) & (TILE - 1)
    j = (np.asarray(u, np.float32) * GRAIN).astype(np.int32) & (TILE - 1)
    return noise_tile()[i * TILE + j]


def fractal(u, v, octaves=3, gain=0.6):
    """Noise at several scales at once: each octave twice as fine and `gain` times as strong."""
    total = noise(u, v)
    for octave in range(1, octaves):
        # the shift keeps the octaves from lining up at the origin
        total = total + gain**octave * noise(u * 2**octave + 9.7, v * 2**octave + 3.1)
    return total


def mix(a, b, share):
    """(1 - share) a + share b, for colours: `share` gets a last axis."""
    share = np.asarray(share, np.float32)[..., None]
    return np.asarray(a, np.float32) * (1 - share) + np.asarray(b, np.float32) * share


class Camera:
    """A pinhole camera that looks along Z, shifted and rolled in its picture plane.

    focal    distance of the picture plane, in picture heights
    height   of the camera over the ground, metres
    horizon  where the horizon crosses the picture: 0 the middle, -0.5 the upper border
    pan      where the vanishing point lies: 0 the middle, in picture heights
    roll     radians

    The ray through a pixel is (right, -down, 1); both are (H, W) arrays. `half` is the largest
    |right| of an unrolled, unpanned picture.
    """

    def __init__(self, size, focal=1.0, height=1.7, horizon=0.0, pan=0.0, roll=0.0):
        self.size, self.focal, self.height = size, focal, height
        self.horizon, self.pan = horizon, pan
        self.cos, self.sin = np.cos(roll), np.sin(roll)
        rows, columns = size
        y = ((np.arange(rows, dtype=np.float32) + 0.5) / rows - 0.5)[:, None]
        x = ((np.arange(columns, dtype=np.float32) + 0.5 - columns / 2) / rows)[None, :]
        self.right = ((self.cos * x + self.sin * y - pan) / focal).astype(np.float32)
        self.down = ((self.cos * y - self.sin * x - horizon) / focal).astype(np.float32)
        self.half = columns / rows / 2 / focal

    def project(self, points):
        """(n, 3) points in metres, Z > 0, to (n, 2) pixel coordinates (column, row)."""
        x, y, z = np.asarray(points, np.float64).reshape(-1, 3).T
        right = x / z * self.focal + self.pan
        down = (self.height - y) / z * self.focal + self.horizon
        rows, columns = self.size
        column = (self.cos * right - self.sin * down) * rows + columns / 2 - 0.5
        row = (self.sin * right + self.cos * down) * rows + rows / 2 - 0.5
        return np.stack([column, row], axis=1)


class Canvas:
    """What is being drawn: colours (0 to 1), labels, and instances, nearest things painted last."""

    def __init__(self, size):
        self.colour = np.zeros((*size, 3), np.float32)
        self.labels = np.zeros(size, np.uint8)
        self.instances = np.zeros(size, np.int32)

    def stencil(self, polygons, values=None, margin=0):
        """Draws filled polygons (pixel coordinates) one over the other, and nothing on the canvas.

        Returns (box, drawn): the slices of the part of the picture that they touch, and uint8
        values, 0 where there is nothing; `values` are 1 to 255 or RGB triples (then `drawn` has a
        third axis and a mask comes from a second call). None if they miss the picture.
        """
        points = np.concatenate(polygons)
        rows, columns = self.labels.shape
        left, top = np.maximum(np.floor(points.min(0)).astype(int) - margin, 0)
        right, bottom = np.floor(points.max(0)).astype(int) + 1 + margin
        right, bottom = min(right, columns), min(bottom, rows)
        if left >= right or top >= bottom:
            return None
        rgb = values is not None and np.ndim(values[0]) == 1
        image = Image.new("RGB" if rgb else "L", (int(right - left), int(bottom - top)))
        draw = ImageDraw.Draw(image)
        for number, polygon in enumerate(polygons):
            value = 255 if values is None else values[number]
            value = tuple(int(v) for v in value) if rgb else int(value)
            draw.polygon([(x - left, y - top) for x, y in polygon], fill=value)
        return (slice(top, bottom), slice(left, right)), np.asarray(image)

    def put(self, box, mask, colour, label, instance=0):
        """Paints `colour` (of the box's shape, or one) where `mask` is true."""
        np.copyto(self.colour[box], np.asarray(colour, np.float32), where=mask[..., None])
        self.labels[box][mask] = label
        self.instances[box][mask] = instance

    def shade(self, polygon, strength, on):
        """Darkens what lies in the polygon and carries one of the labels `on`: a cast shadow."""
        found = self.stencil([polygon])
        if found is not None:
            box, drawn = found
            mask = (drawn > 0) & np.isin(self.labels[box], on)
            self.colour[box][mask] *= 1 - strength


def ellipse(x, y, rx, ry, corners=14):
    """The corners of an ellipse, (corners, 2)."""
    angle = np.arange(corners) * (2 * np.pi / corners)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)
