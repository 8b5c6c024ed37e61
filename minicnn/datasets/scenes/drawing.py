"""Brushes for drawn pictures: noise, a pinhole camera, and a canvas of colours, labels, instances.

Lengths are metres, the camera stands at the origin of the ground plane, X points to the right, Y up
and Z away from the camera. Nothing here knows what a scene is made of.
"""

import functools

import numpy as np
from PIL import Image, ImageDraw

TILE = 512  # side of the noise tile
GRAIN = 16  # pixels of the tile from one bump of the noise to the next

CIRCLE = np.array([(np.cos(a), np.sin(a)) for a in np.arange(14) * (np.pi / 7)])


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


def noise(u, v, magnified=False):
    """Smooth noise at the points (u, v): one bump per unit, mean 0, standard deviation 1.

    It takes the nearest pixel of the tile, or interpolates where one bump fills much of the picture
    (`magnified`) and the pixels would show.
    """
    u, v = np.asarray(u, np.float32) * GRAIN, np.asarray(v, np.float32) * GRAIN
    tile, last = noise_tile(), TILE - 1
    i, j = np.floor(v).astype(np.int32), np.floor(u).astype(np.int32)
    if not magnified:
        return tile.take((i & last) * TILE + (j & last))
    a, b = v - i, u - j
    top, bottom, left, right = (i & last) * TILE, (i + 1 & last) * TILE, j & last, j + 1 & last
    upper = tile.take(top + left) * (1 - b) + tile.take(top + right) * b
    lower = tile.take(bottom + left) * (1 - b) + tile.take(bottom + right) * b
    return upper * (1 - a) + lower * a


def fractal(u, v, octaves=3, gain=0.6, magnified=False):
    """Noise at several scales at once: each octave twice as fine and `gain` times as strong."""
    total = noise(u, v, magnified)
    for octave in range(1, octaves):
        # the shift keeps the octaves from lining up at the origin
        fine = noise(u * 2**octave + 9.7, v * 2**octave + 3.1, magnified and octave < 2)
        total = total + gain**octave * fine
    return total


def tinted(colour, tone):
    """The colour (3,), darker and lighter from point to point: (3, *shape of tone)."""
    return _planes(colour, np.ndim(tone)) * np.asarray(tone, np.float32)


def mix(a, b, share):
    """(1 - share) a + share b, for colours (3,) or planes of colours (3, ...)."""
    dims = max(np.ndim(share), np.ndim(a) - 1, np.ndim(b) - 1)
    a, b = _planes(a, dims), _planes(b, dims)
    return a + (b - a) * np.asarray(share, np.float32)


def _planes(colour, dims):
    colour = np.asarray(colour, np.float32)
    return colour.reshape(3, *(1,) * dims) if colour.ndim == 1 else colour


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
        return np.stack(self._position(x / z, (self.height - y) / z), axis=1)

    def stand(self, polygons, x, z):
        """Projects upright polygons [(n, 2), ...] at distance z, X from x, Y from the ground."""
        flat = np.concatenate(polygons)
        position = self._position((flat[:, 0] + x) / z, (self.height - flat[:, 1]) / z)
        ends = np.cumsum([len(polygon) for polygon in polygons])
        return np.split(np.stack(position, axis=1), ends[:-1])

    def pixel(self, right, down):
        """The (rows, columns) of the pixels through which these rays go."""
        column, row = self._position(right, down)
        return np.rint(row).astype(np.int32), np.rint(column).astype(np.int32)

    def _position(self, right, down):
        x, y = right * self.focal + self.pan, down * self.focal + self.horizon
        rows, columns = self.size
        column = (self.cos * x - self.sin * y) * rows + columns / 2 - 0.5
        return column, (self.sin * x + self.cos * y) * rows + rows / 2 - 0.5


class Canvas:
    """What is being drawn, nearest things last: colours (3, H, W) from 0 to 1, labels, instances.

    Colours are three planes here, because numpy is several times faster along long last axes.
    """

    def __init__(self, size):
        self.colour = np.zeros((3, *size), np.float32)
        self.labels = np.zeros(size, np.uint8)
        self.instances = np.zeros(size, np.int32)
        self.shadow_image = Image.new("L", (size[1], size[0]))
        self.shadows = ImageDraw.Draw(self.shadow_image)

    def stencil(self, polygons, values=None, margin=0):
        """Fills polygons (pixel coordinates) one over the other, and nothing on the canvas.

        Returns (box, drawn): the slices of the part of the picture that they touch, and what was
        filled there: uint8 (h, w), 0 for nothing, or with RGB `values` (h, w, 3). None if they miss
        the picture.
        """
        points = np.concatenate(polygons)
        rows, columns = self.labels.shape
        left, top = np.maximum(np.floor(points.min(0)).astype(int) - margin, 0).tolist()
        right, bottom = (np.floor(points.max(0)).astype(int) + 1 + margin).tolist()
        right, bottom = min(right, columns), min(bottom, rows)
        if left >= right or top >= bottom:
            return None
        rgb = values is not None and np.ndim(values[0]) == 1
        image = Image.new("RGB" if rgb else "L", (right - left, bottom - top))
        draw = ImageDraw.Draw(image)
        for number, polygon in enumerate(polygons):
            value = 255 if values is None else values[number]
            value = tuple(int(v) for v in value) if rgb else int(value)
            draw.polygon((polygon - (left, top)).ravel().tolist(), fill=value)
        return (slice(top, bottom), slice(left, right)), np.asarray(image)

    def put(self, box, mask, colour, label, instance=0):
        """Paints planes of `colour` where `mask` (of the box's shape) is true."""
        np.copyto(self.colour[:, *box], colour, where=mask)
        np.copyto(self.labels[box], np.uint8(label), where=mask)
        np.copyto(self.instances[box], np.int32(instance), where=mask)

    def cast(self, polygon):
        """Adds a polygon (pixel coordinates) to the shadows that `darken` will lay."""
        self.shadows.polygon(polygon.ravel().tolist(), fill=1)

    def darken(self, strength, on):
        """Darkens what carries one of the labels `on` and lies in a cast shadow."""
        mask = (np.asarray(self.shadow_image) > 0) & np.isin(self.labels, on)
        self.colour *= 1 - strength * mask.astype(np.float32)


def ellipse(x, y, rx, ry):
    """The corners of an ellipse, (14, 2)."""
    return CIRCLE * (rx, ry) + (x, y)
