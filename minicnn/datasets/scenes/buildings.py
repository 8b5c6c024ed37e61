"""Buildings: boxes of walls with windows in perspective, some with a pitched roof.

A wall is painted pixel by pixel: the ray through the pixel meets the wall's plane at s metres along
it and t metres above the ground, and (s, t) decides between plaster, bricks, window and cornice.
"""

import numpy as np

from minicnn.datasets.scenes.drawing import fractal, mix, noise, tinted
from minicnn.datasets.scenes.world import BUILDING, stone, vary


class Style:
    """How the walls of one building look."""

    def __init__(self, rng, blind=None):
        paints = [stone(rng), vary(np.array([0.70, 0.62, 0.48]), rng, 0.15)]
        paints += [
            vary(np.array([0.58, 0.36, 0.27]), rng, 0.15),
            vary(np.array([0.75] * 3), rng, 0.1),
        ]
        self.paint = paints[rng.choice(4, p=[0.64, 0.12, 0.14, 0.1])]
        self.pitch, self.storey = rng.uniform(2.4, 6), rng.uniform(2.9, 4)
        self.wide, self.tall = rng.uniform(0.35, 0.65), rng.uniform(0.4, 0.62)
        self.glass = vary(np.array([0.16, 0.20, 0.25]), rng, 0.25)
        self.frame = rng.uniform() < 0.5
        self.rough, self.stains = rng.uniform(0.025, 0.07), rng.uniform(0.01, 0.05)
        self.bricks = 0.06 if rng.uniform() < 0.25 else 0.0
        self.panels = rng.uniform(0.6, 2.5) if rng.uniform() < 0.35 else 0.0
        # the share of the window columns that are walled up, in runs; blind walls have hardly any
        self.blind = rng.uniform(-1.6, 1.4) if blind is None else blind
        self.offset = rng.uniform(0, 30, 4)
        self.shops = rng.uniform() < 0.35
        self.roof = (
            vary(np.array([0.45, 0.28, 0.22]), rng, 0.25) if rng.uniform() < 0.6 else stone(rng)
        )

    def wall(self, s, t, height, light, scale):
        """Colours of a wall at s metres along it and t up; `scale` pixels show one metre."""
        seat = self.offset
        speck = noise(s * 14 + seat[0], t * 14 + seat[1])
        stain = fractal(s / 5 + seat[2], t / 7 + seat[3], 2)
        tone = 1 + self.rough * speck + self.stains * stain
        if self.bricks:
            visible = np.clip(scale * 0.3 - 0.8, 0, 1)
            tone = tone - self.bricks * visible * ((t * 3.3) % 1 < 0.22)
        tone = tone + 0.12 * (t > height - 0.35) - 0.15 * (t < 0.5)
        if self.panels:
            joint = np.minimum(s / self.panels % 1, t / self.panels % 1) * self.panels
            tone = tone - 0.15 * (joint < 0.06) * np.clip(scale * 0.1 - 0.2, 0, 1)
        colour = tinted(self.paint * light, tone)
        column, row = np.floor(s / self.pitch), np.floor(t / self.storey)
        a, b = s / self.pitch - column - 0.5, t / self.storey - row - 0.52
        open_ = noise(column * 0.31 + seat[1], row * 0.05 + seat[0]) > self.blind
        open_ &= (row + 1) * self.storey < height + 0.3
        if self.shops:
            open_ |= row == 0
        x, y = np.abs(a) / self.wide, np.abs(b) / self.tall
        near = np.maximum(x, y)
        pane = open_ & (near < 0.5)
        gleam = 1 + 0.5 * np.clip(noise(column * 3.7, row * 2.9 + seat[3]), -1, 1.5) + 0.4 * b
        glass = tinted(self.glass, gleam)
        if self.frame:
            rim = open_ & (near < 0.6) & ~pane
            colour = colour * (1 + 0.25 * rim.astype(np.float32))
            cross = (x < 0.06) | (np.abs(b + 0.05) < 0.02)
            glass = mix(glass, self.paint * light * 1.2, cross & (scale > 6))
        return np.where(pane, glass, colour)


def draw_building(world, rng, left, right, near, far, height, style=None, pitched=None, roof=None):
    """Draws the box between X = left, right and Z = near, far; `pitched` adds a gable roof."""
    style = style or Style(rng)
    pitched = height < 9 and rng.uniform() < 0.6 if pitched is None else pitched
    near, far = max(near, 0.9), max(far, 1.0)
    ridge = height + 0.33 * (right - left) * rng.uniform(0.7, 1.3) if pitched else height
    middle = (left + right) / 2
    if pitched:
        for edge, facing in ((right, 1), (left, -1)):
            if facing * (edge if world.camera.height < height else facing) < 0 or near > 1:
                slope = [(edge, height, near), (edge, height, far), (middle, ridge, far)]
                slope.append((middle, ridge, near))
                _roof(world, slope, style, near, (facing * 0.5, 0.85, 0))
    if left > 0:
        _wall(world, style, "side", left, near, far, height, (-1, 0, 0))
    elif right < 0:
        _wall(world, style, "side", right, near, far, height, (1, 0, 0))
    _wall(world, style, "front", near, left, right, height, (0, 0, -1), ridge)


def building_shadow(world, left, right, near, far, height):
    """Casts the shadow of the box's front and of its far side."""
    for x in (left, right):
        world.cast([(x, 0, near), (x, height, near), (x, height, far), (x, 0, far)])
    world.cast([(left, 0, near), (left, height, near), (right, height, near), (right, 0, near)])


def _wall(world, style, kind, place, start, end, height, normal, ridge=None):
    camera = world.camera
    if kind == "front":
        corners = [(start, 0, place), (end, 0, place), (end, height, place), (start, height, place)]
        if ridge and ridge > height:
            corners.insert(3, ((start + end) / 2, ridge, place))
    else:
        corners = [(place, 0, start), (place, 0, end), (place, height, end), (place, height, start)]
    found = world.canvas.stencil([camera.project(corners)])
    if found is None:
        return
    box, drawn = found
    right, down = camera.right[box], camera.down[box]
    if kind == "front":
        z = np.float32(place)
        s = right * z - start
    else:
        steep = np.where(np.abs(right) < 1e-3, 1e-3 * np.sign(place), right)
        z = np.clip(place / steep, start, end)
        s = z - start
    t = camera.height - down * z
    scale = camera.focal / z * camera.size[0]
    colour = style.wall(s, t, height, world.lit(normal), scale)
    world.canvas.put(box, drawn > 0, world.hazed(colour, z), BUILDING)


def _roof(world, corners, style, z, normal):
    found = world.canvas.stencil([world.camera.project(corners)])
    if found is not None:
        box, drawn = found
        down = world.camera.down[box] * z
        tiles = (
            1
            + 0.06 * np.sign(np.sin(down * 18))
            + 0.06 * noise(down * 3, world.camera.right[box] * z)
        )
        colour = tinted(style.roof * world.lit(normal), tiles)
        world.canvas.put(box, drawn > 0, world.hazed(colour, z), BUILDING)
