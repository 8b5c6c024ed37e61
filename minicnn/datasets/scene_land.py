"""The land of a scene: sky, mountains, and the ground with its grass, roads and water.

Everything here is a function of the ray through a pixel, evaluated for the whole picture at once.
The sky and the mountains depend on the elevation |down| only, so the lower half of the picture
first gets their mirror image, and the water simply keeps it.
"""

import numpy as np

from minicnn.datasets.drawing import fractal, mix, noise
from minicnn.datasets.scene_world import GRASS, MOUNTAIN, ROAD, SKY, WATER, stone, vary


class Ground:
    """What lies where: a function of X and Z that paints one kind of ground over another.

    layers   list of (label, where): `where(X, Z)` is true on the layer; later ones lie on top
    """

    def __init__(self, base):
        self.base, self.layers = base, []

    def add(self, label, where):
        self.layers.append((label, where))

    def labels(self, x, z):
        """The label at points of the ground."""
        result = np.full(np.shape(x), self.base, np.uint8)
        for label, where in self.layers:
            result = np.where(where(x, z), np.uint8(label), result)
        return result


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


def draw_land(world, ground, rng, mountains=0, waves=0.5):
    """Paints sky, mountains and ground on the empty canvas. `waves`: 0 a mirror, 1 a rough sea."""
    camera, canvas = world.camera, world.canvas
    below = camera.down > 0
    # One bump of (u, v) noise grows towards the viewer, as tufts and waves do, and stays round.
    depth = np.abs(camera.down) + 0.012
    u, v = camera.right / depth, np.log(depth)
    z = np.minimum(camera.height / np.maximum(camera.down, 1e-4), 5000)
    x = camera.right * z
    labels = np.where(below, ground.labels(x, z), np.uint8(SKY))

    shift = rng.uniform(0, 30, 8)
    ripples = fractal(u * 1.3 + shift[0], v * 9 + shift[1], 3, 0.7)
    water = labels == WATER
    elevation = np.abs(camera.down) + np.where(water, waves * 0.05 * ripples * (depth + 0.05), 0)
    elevation = np.abs(elevation)
    colour = sky_colour(world, elevation, rng)
    peaks = draw_mountains(world, colour, elevation, mountains, rng)
    labels[peaks & ~below] = MOUNTAIN

    tone = vary(mix(world.zenith * 0.6, (0.22, 0.30, 0.30), rng.uniform(0, 0.6)), rng, 0.1)
    murk = np.clip(rng.uniform(0, 0.35) + rng.uniform(0.1, 0.6) * np.abs(camera.down), 0, 0.8)
    wet = mix(colour, tone, murk) * (1 + (0.02 + 0.12 * waves) * ripples[..., None])

    turf = fractal(u * 7 + shift[2], v * 7 + shift[3], 4, 0.8)
    speck = noise(u * 37 + shift[4], v * 37 + shift[5])
    stains = fractal(x / 6 + shift[6], z / 9 + shift[7], 2)
    grass = vary(world.leaf, rng, 0.12) * (1 + 0.22 * turf + 0.10 * stains)[..., None]
    paving = vary(world.stone, rng, 0.08)
    roughness = rng.uniform(0.01, 0.06)
    road = paving * (1 + roughness * speck + rng.uniform(0.01, 0.05) * stains)[..., None]
    light = world.lit((0, 1, 0))
    land = np.where((labels == GRASS)[..., None], grass, road) * light
    land = world.hazed(land, np.minimum(z, 800))
    canvas.colour[...] = np.where(
        (below & ~water)[..., None], land, np.where(water[..., None], wet, colour)
    )
    canvas.labels[...] = labels


def sky_colour(world, elevation, rng):
    """Colours of the sky for every pixel: a gradient, a glow around the sun, and clouds."""
    right = world.camera.right
    steep = rng.uniform(1.5, 5)
    colour = mix(world.rim, world.zenith, 1 - np.exp(-elevation * steep))
    side = np.clip(0.5 + 0.5 * np.sign(world.sun[0]) * right, 0, 1)
    colour *= (1 + rng.uniform(0, 0.15) * side)[..., None]
    # The clouds lie in a plane overhead, so they crowd and flatten towards the horizon.
    height = elevation + 0.12
    stretch = rng.uniform(0.6, 2.5)
    u = right / height * stretch * 0.5 + rng.uniform(0, 30)
    v = (1 / height) * rng.uniform(0.4, 1.2) + rng.uniform(0, 30)
    clouds = fractal(u, v, 4, rng.uniform(0.45, 0.65))
    threshold, sharpness = rng.uniform(-0.6, 1.6), rng.uniform(0.25, 1.2)
    if world.weather in ("overcast", "grey"):
        threshold, sharpness = threshold - 1.0, sharpness * 0.4
    cover = np.clip((clouds - threshold) * sharpness, 0, 1) * rng.uniform(0.25, 0.95)
    white = np.clip(world.ambient * 0.7 + world.sunlight * 0.75, 0, 1)
    belly = mix(white, world.ambient, np.clip(cover * 0.9 - 0.1, 0, 1))
    return mix_arrays(colour, belly, cover)


def mix_arrays(a, b, share):
    return a + (b - a) * share[..., None]


def draw_mountains(world, colour, elevation, ridges, rng):
    """Paints up to three ridges over the sky in `colour`, the farthest first; returns their mask."""
    right = world.camera.right
    peaks = np.zeros(right.shape, bool)
    rock = mix(stone(rng), world.leaf * 0.8, rng.uniform(0, 1))
    snow = rng.uniform() < 0.3
    top = rng.uniform(0.08, 0.42)
    grid = np.linspace(-4, 4, 400, dtype=np.float32)
    for number in range(ridges):
        near = (number + 1) / ridges
        seat, at = rng.uniform(0, 30, 2), rng.uniform(0.5, 1.1)
        shape = fractal(grid * at * 1.4 + seat[0], np.zeros(400) + seat[1], 5, 0.5)
        height = top * (1.15 - 0.75 * near) * np.clip(1 + 0.42 * shape, 0.12, 2.2)
        ridge = np.interp(right, grid, height)
        mask = elevation < ridge
        # Facing slopes: noise of the ground, stretched downhill.
        relief = fractal(right * 9 + seat[1], elevation * 5 + right * 4 * np.sign(world.sun[0]), 4)
        face = rock * (
            world.ambient + world.sunlight * np.clip(0.45 + 0.3 * relief, 0, 1)[..., None]
        )
        if snow:
            line = np.clip((elevation - ridge * 0.7) * 25 + 0.5 * relief, 0, 1)
            face = mix_arrays(face, (world.ambient + 0.5 * world.sunlight) * 0.95, line)
        haze = 1 - np.exp(-(1.3 - near) * 900 / world.visibility)
        face = mix(
            face, world.haze, np.clip(haze + 0.2 * (1 - elevation / (ridge + 0.02)), 0, 0.92)
        )
        np.copyto(colour, face, where=mask[..., None])
        peaks |= mask
    return peaks
