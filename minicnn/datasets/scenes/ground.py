"""The ground seen from above: which kind lies where, and the marks on its roads.

Shapes are functions of X and Z in metres that are true inside. Noise and perspective come later, in
scene_land.py.
"""

import numpy as np


class Ground:
    """What lies where: kinds of ground painted one over another.

    layers   list of (label, where): `where(X, Z)` is true on the layer; later ones lie on top
    paint    list of `tone(X, Z, pixel)`: how much lighter the roads are at a point, 1 for no mark
    """

    def __init__(self, base):
        self.base, self.layers, self.paint = base, [], []

    def add(self, label, where):
        self.layers.append((label, where))

    def labels(self, x, z):
        """The label at points of the ground."""
        result = np.full(np.shape(x), self.base, np.uint8)
        for label, where in self.layers:
            result = np.where(where(x, z), np.uint8(label), result)
        return result

    def marks(self, x, z, pixel):
        """The tone of the roads at points of the ground; `pixel` is the width of a pixel there."""
        tone = np.ones(np.shape(x), np.float32)
        for mark in self.paint:
            tone = tone * mark(x, z, pixel)
        return tone


def strip_along(centre, width, slope=0.0, bend=0.0):
    """A road or river that runs away from the camera."""
    return lambda x, z: np.abs(x - centre - slope * z - bend * z * z) < width / 2


def strip_across(near, far, slope=0.0, wobble=0.0, phase=0.0):
    """A road, a river or a lake between two distances, with a wavy shore."""

    def where(x, z):
        shift = slope * x + wobble * np.sin(x / (4 * wobble + 1e-6) + phase) * 0.7
        return (z > near + shift) & (z < far + shift)

    return where


def blob(x0, z0, rx, rz, phase):
    """A pond, a lawn or a square: an ellipse with a dented border."""

    def where(x, z):
        dx, dz = (x - x0) / rx, (z - z0) / rz
        angle = np.arctan2(dz, dx)
        return np.hypot(dx, dz) < 1 + 0.15 * np.sin(3 * angle + phase) + 0.1 * np.sin(5 * angle)

    return where


def line(distance, width, pixel):
    """How much of a pixel of `pixel` metres a painted line covers at this distance from it."""
    half = np.maximum(width, pixel) / 2
    return (np.abs(distance) < half) * np.minimum(1, width / (2 * half))


def lane_marks(centre, width, slope=0.0, bend=0.0, kerb=0.0):
    """The marks of a `strip_along`: dashes in the middle, lines at the sides or kerbs."""

    def tone(x, z, pixel):
        across = x - centre - slope * z - bend * z * z
        dashes = line(across, 0.15, pixel) * ((z / 7) % 1 < 0.5)
        inside = np.abs(across) < width / 2 + kerb
        if not kerb:
            return 1 + inside * (
                0.5 * dashes + 0.4 * line(np.abs(across) - width / 2 + 0.3, 0.12, pixel)
            )
        pavement = inside & (np.abs(across) > width / 2)
        edge = line(np.abs(across) - width / 2, 0.2, pixel)
        return 1 + 0.5 * dashes + 0.10 * pavement - 0.35 * edge

    return tone


def zebra(near, left, right):
    """A zebra crossing of 3 m."""

    def tone(x, z, pixel):
        here = (np.abs(z - near - 1.5) < 1.5) & (x > left) & (x < right)
        return 1 + 0.5 * here * (x % 1.1 < 0.55) * np.clip(1.6 - 3 * pixel, 0, 1)

    return tone


def slabs(pitch, depth):
    """Joints between square paving slabs."""

    def tone(x, z, pixel):
        joints = line((x / pitch + 0.5) % 1 * pitch - pitch / 2, 0.04, pixel)
        joints = np.maximum(joints, line((z / pitch) % 1 * pitch - pitch / 2, 0.04, pixel))
        return 1 - depth * joints * np.clip(2 - 8 * pixel / pitch, 0, 1)

    return tone
