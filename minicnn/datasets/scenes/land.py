"""The land of a scene: sky, mountains, and the ground with its grass, roads and water.

Everything here is a function of the ray through a pixel, evaluated for many pixels at once. The sky
and the mountains depend on the elevation |down| only, so the water, below the horizon, sees their
mirror image by the same formula.
"""

import numpy as np

from minicnn.datasets.scenes.drawing import fractal, mix, noise, tinted
from minicnn.datasets.scenes.world import GRASS, LEAFINESS, MOUNTAIN, ROAD, SKY, WATER, stone, vary


def draw_land(world, ground, rng, mountains=0, waves=0.5):
    """Paints sky, mountains and ground on the empty canvas. `waves`: 0 a mirror, 1 a rough sea."""
    camera, canvas = world.camera, world.canvas
    right, down = camera.right.ravel(), camera.down.ravel()
    canvas.labels[camera.down > 0], canvas.labels[camera.down <= 0] = ground.base, SKY
    labels, colour = canvas.labels.reshape(-1), canvas.colour.reshape(3, -1)  # views
    below = np.flatnonzero(down > 0)
    z = np.minimum(camera.height / np.maximum(down, 1e-4), 5000)
    x = right * z
    labels[below] = ground.labels(x[below], z[below])

    lake = np.flatnonzero(labels == WATER)
    ripples, swell = ripple(right[lake], down[lake], rng)
    elevation = np.abs(down)
    elevation[lake] = np.abs(elevation[lake] + waves * 0.06 * ripples * (elevation[lake] + 0.06))
    air = np.flatnonzero((labels == SKY) | (labels == WATER))
    colour[:, air] = sky_colours(world, right[air], elevation[air], rng)
    peaks = draw_mountains(world, colour, right, elevation, air, mountains, rng)
    labels[peaks[labels[peaks] == SKY]] = MOUNTAIN

    depth_tone = vary(mix(world.zenith * 0.6, (0.22, 0.30, 0.30), rng.uniform(0, 0.6)), rng, 0.1)
    murk = rng.uniform(0, 0.3) + rng.uniform(0, 0.4) * down[lake]
    shine = 1 + 0.15 * waves * ripples + 0.02 * min(1, 4 * waves) * swell
    colour[:, lake] = mix(colour[:, lake], depth_tone, np.clip(murk, 0, 0.7)) * shine

    lawn = np.flatnonzero(labels == GRASS)
    blades, patches = turf(right[lawn], down[lawn], rng), rng.uniform(0, 30, 2)
    blades = blades + 0.5 * fractal(x[lawn] / 7 + patches[0], z[lawn] / 7 + patches[1], 2)
    grass = tinted(vary(world.leaf, rng, 0.12) * world.lit((0, 1, 0)), 1 + 0.8 * LEAFINESS * blades)
    colour[:, lawn] = world.hazed(grass, np.minimum(z[lawn], 900))

    paved = np.flatnonzero(labels == ROAD)
    pixel = z[paved] / (camera.focal * camera.size[0])  # metres
    tone = asphalt(x[paved], z[paved], right[paved], down[paved], rng)
    tone = tone * ground.marks(x[paved], z[paved], pixel)
    road = tinted(vary(world.stone, rng, 0.08) * world.lit((0, 1, 0)), tone)
    colour[:, paved] = world.hazed(road, np.minimum(z[paved], 900))


def reflect(world, shore, waves):
    """Mirrors the far shore with its woods and houses in the water before it."""
    camera, canvas = world.camera, world.canvas
    where = np.nonzero(canvas.labels == WATER)
    right, down = camera.right[where], camera.down[where]
    depth = down + 0.012
    wobble = noise(right / depth * 2, np.log(depth) * 12) * (0.02 + waves) * 0.1 * depth
    i, j = camera.pixel(right, 2 * camera.height / shore - down + wobble)
    rows, columns = camera.size
    seen = (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
    i, j, there = i[seen], j[seen], tuple(w[seen] for w in where)
    solid = ~np.isin(canvas.labels[i, j], (SKY, MOUNTAIN, WATER))  # those are mirrored already
    i, j, there = i[solid], j[solid], tuple(w[solid] for w in there)
    image = mix(canvas.colour[:, i, j], world.ambient * 0.4, 0.2)
    canvas.colour[:, *there] = mix(canvas.colour[:, *there], image, 0.75 - 0.5 * waves)


def ripple(right, down, rng):
    """Waves, finer and flatter towards the horizon, and the broad swell that carries them."""
    seat, depth = rng.uniform(0, 30, 4), down + 0.012
    u, v = right / depth, np.log(depth)
    swell = noise(u * 0.5 + seat[2], v * 3 + seat[3])
    return fractal(u * 1.3 + seat[0], v * 9 + seat[1], 3, 0.7), swell


def turf(right, down, rng):
    """Tufts of grass: upright like leaves, not flat, hence round in the picture, and ever smaller
    towards the horizon: octaves of noise that come in and fade out with the distance."""
    level = -np.log2(down + 0.02) + 3.5
    octave = np.floor(level)
    fraction, size, seat = level - octave, np.exp2(octave), rng.uniform(0, 30, 2)
    total = 0.0
    for k, weight in enumerate((1 - fraction, 1.0, 0.85, 0.7 * fraction)):
        scale = size * 2**k
        total = total + weight * noise(right * scale + seat[0], down * scale + seat[1])
    return total


def asphalt(x, z, right, down, rng):
    """The tone of a road: fine speckles and broad stains."""
    seat, depth = rng.uniform(0, 30, 4), down + 0.012
    speck = noise(right / depth * 37 + seat[0], np.log(depth) * 37 + seat[1])
    stains = fractal(x / 6 + seat[2], z / 9 + seat[3], 2)
    return 1 + rng.uniform(0.025, 0.07) * speck + rng.uniform(0.01, 0.05) * stains


def sky_colours(world, right, elevation, rng):
    """Colours of the sky: a gradient, the sun and its glow, and clouds."""
    rim, zenith = world.rim, world.zenith
    dull = world.weather in ("overcast", "grey")
    if dull and rng.uniform() < 0.5:  # a bright sky over a dark horizon
        rim, zenith = zenith, rim
    colour = mix(rim, zenith, 1 - np.exp(-elevation * rng.uniform(1.5, 5)))
    colour *= 1 + rng.uniform(0, 0.15) * np.clip(0.5 + 0.5 * np.sign(world.sun[0]) * right, 0, 1)
    if world.sun[2] > 0.1 and not dull:  # the sun stands before the camera
        at_right, at_height = world.sun[0] / world.sun[2], world.sun[1] / world.sun[2]
        apart = np.hypot(right - at_right, elevation - at_height)
        glow = np.clip(np.exp(-apart * 5) * 0.6 + np.clip(3 - apart * 60, 0, 1), 0, 1)
        colour = mix(colour, np.minimum(world.ambient + world.sunlight, 1), glow)
    # The clouds lie in a plane overhead, so they crowd and flatten towards the horizon.
    height = elevation + 0.12
    stretch, rows = rng.uniform(0.3, 1.3), rng.uniform(0.4, 1.4)
    seat = rng.uniform(0, 30, 2)
    u, v = right / height * stretch + seat[0], rows / height + seat[1]
    clouds = fractal(u, v, 5, rng.uniform(0.45, 0.62), magnified=True)
    threshold, sharpness = rng.uniform(-0.8, 1.5), rng.uniform(0.25, 1.2)
    if dull:
        threshold, sharpness = threshold - 1.0, sharpness * 0.4
    cover = np.clip((clouds - threshold) * sharpness, 0, 1) * rng.uniform(0.25, 0.95)
    white = np.clip(world.ambient * 0.7 + world.sunlight * 0.75, 0, 1)
    belly = mix(white, world.ambient, np.clip(cover * 0.9 - 0.1, 0, 1))
    return mix(colour, belly, cover)


def draw_mountains(world, colour, right, elevation, where, ridges, rng):
    """Paints up to three ridges over the sky in the planes `colour`, the farthest first, at the
    pixels `where`; returns the pixels that show them."""
    rock = mix(stone(rng), world.leaf * 0.8, rng.uniform(0, 1))
    snow, top = rng.uniform() < 0.3, rng.uniform(0.08, 0.42)
    side, peaks = np.sign(world.sun[0]), []
    grid = np.linspace(-4, 4, 400, dtype=np.float32)
    for number in range(ridges):
        near = (number + 1) / ridges
        seat, at = rng.uniform(0, 30, 2), rng.uniform(0.5, 1.1)
        shape = fractal(grid * at * 1.4 + seat[0], np.zeros(400) + seat[1], 5, 0.5)
        height = top * (1.15 - 0.75 * near) * np.clip(1 + 0.42 * shape, 0.12, 2.2)
        ridge = np.interp(right[where], grid, height).astype(np.float32)
        inside = elevation[where] < ridge
        at, ridge = where[inside], ridge[inside]
        x, y = right[at], elevation[at]
        # Slopes: noise stretched downhill, lit from the side.
        relief = fractal(x * 9 + seat[1], y * 8 + x * 4 * side, 4)
        face = tinted(rock * world.ambient, np.ones_like(x))
        face += tinted(rock * world.sunlight, np.clip(0.45 + 0.3 * relief, 0, 1))
        face *= 1 + 0.06 * relief
        if snow:
            line = np.clip((y - ridge * 0.7) * 25 + 0.5 * relief, 0, 1)
            face = mix(face, (world.ambient + 0.5 * world.sunlight) * 0.95, line)
        air = 1 - np.exp(-(1.25 - near) * 700 / world.visibility)
        mist = np.clip(air + 0.15 * (1 - y / (ridge + 0.02)), 0, 0.85)
        colour[:, at] = mix(face, world.haze, mist)
        peaks.append(at)
    return np.concatenate(peaks) if peaks else np.zeros(0, int)
