"""Objects in the scene: painted where they stand, mirrored in the water, with their shadow."""

import numpy as np

from minicnn.datasets.scenes.drawing import mix, noise, tinted
from minicnn.datasets.scenes.world import FOREGROUND, WATER


def draw_object(world, rng, x, z, shapes, number):
    """Stands `shapes` at (x, z) and paints them as foreground object `number`."""
    polygons, values = _stand(world, shapes, x, z)
    side, offset = 0.13 * np.sign(world.sun[0]), rng.uniform(0, 30, 2)
    found = world.canvas.stencil(polygons, values)
    if found is None:
        return
    box_, drawn = found
    mask = drawn.any(axis=2)
    paint = np.moveaxis(drawn, 2, 0).astype(np.float32) / 255
    right, down = world.camera.right[box_] * z - x, world.camera.down[box_] * z
    half = max(np.abs(np.concatenate([np.asarray(p)[:, 0] for p, _ in shapes])).max(), 0.1)
    tone = 1 + side * right / half + 0.012 * noise(right * 5 + offset[0], down * 5 + offset[1])
    colour = paint * tinted(world.ambient + 0.6 * world.sunlight, tone)
    world.canvas.put(box_, mask, world.hazed(colour, z), FOREGROUND, number)


def object_reflection(world, x, z, shapes):
    """Mirrors a boat in the water before it: its shapes upside down, darkened."""
    upside_down = [(np.asarray(corners) * [1, -1], colour) for corners, colour in shapes]
    polygons, values = _stand(world, upside_down, x, z)
    found = world.canvas.stencil(polygons, values)
    if found is not None:
        box_, drawn = found
        mask = drawn.any(axis=2) & (world.canvas.labels[box_] == WATER)
        paint = np.moveaxis(drawn, 2, 0).astype(np.float32) / 255
        below = world.canvas.colour[:, *box_]
        np.copyto(below, mix(below, paint * world.ambient[:, None, None], 0.5), where=mask)


def object_shadow(world, x, z, shapes):
    """Casts the shadow of the object's two outer thirds of height as one polygon."""
    points = np.concatenate([np.asarray(p, np.float64) for p, _ in shapes])
    left, right, high = points[:, 0].min(), points[:, 0].max(), points[:, 1].max()
    corners = [(left, 0), (right, 0), (right * 0.8, high * 0.9), (left * 0.8, high * 0.9)]
    world.cast([(x + cx, cy, z) for cx, cy in corners])


def _stand(world, shapes, x, z):
    """The shapes at (x, z) as polygons in the picture, and their colours from 1 to 255."""
    polygons = world.camera.stand([corners for corners, _ in shapes], x, z)
    values = np.clip(np.array([colour for _, colour in shapes]) * 255, 1, 255)
    return polygons, values
