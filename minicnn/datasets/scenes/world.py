"""What all things in one scene share: the labels, the sun, the air, the colours of the place."""

import numpy as np

from minicnn.datasets.scenes.drawing import mix

SKY, TREE, ROAD, GRASS, WATER, BUILDING, MOUNTAIN, FOREGROUND = range(8)
LEAFINESS = 0.15  # contrast of leaves, and of blades of grass
GROUND = (ROAD, GRASS)  # what shows cast shadows

# Colour of sunlight, of the shaded side, of the zenith and of the sky at the horizon, by weather.
WEATHER = {
    "noon": ((0.78, 0.75, 0.68), (0.42, 0.45, 0.50), (0.30, 0.50, 0.80), (0.72, 0.82, 0.92)),
    "morning": ((0.85, 0.72, 0.52), (0.38, 0.40, 0.47), (0.42, 0.58, 0.80), (0.93, 0.87, 0.78)),
    "evening": ((0.90, 0.56, 0.34), (0.33, 0.32, 0.42), (0.38, 0.44, 0.66), (0.98, 0.70, 0.48)),
    "overcast": ((0.25, 0.25, 0.24), (0.74, 0.76, 0.78), (0.58, 0.62, 0.67), (0.78, 0.80, 0.82)),
    "grey": ((0.12, 0.12, 0.12), (0.72, 0.74, 0.77), (0.58, 0.62, 0.68), (0.73, 0.75, 0.78)),
}


class World:
    """The canvas, the camera and everything that things in a scene need to look at home in it."""

    def __init__(self, canvas, camera, rng):
        self.canvas, self.camera = canvas, camera
        self.weather = str(rng.choice(list(WEATHER), p=[0.34, 0.17, 0.15, 0.18, 0.16]))
        sun, shade, zenith, rim = (np.array(c, np.float32) for c in WEATHER[self.weather])
        self.sunlight, self.ambient, self.zenith, self.rim = sun, shade, zenith, rim
        tint = rng.normal(0, 0.02, 3).astype(np.float32)
        self.zenith, self.rim = self.zenith + tint, self.rim + 0.5 * tint
        # unit vector towards the sun: left or right of the camera, in front of it or behind
        azimuth = rng.uniform(-2.6, 2.6)
        elevation = rng.uniform(0.35, 0.6) if self.weather == "evening" else rng.uniform(0.5, 1.1)
        across, up = np.cos(elevation), np.sin(elevation)
        self.sun = np.array([across * np.sin(azimuth), up, -across * np.cos(azimuth)])
        self.shadow = 0.45 * float(sun.mean()) / 0.74  # how dark cast shadows are
        self.visibility = float(np.exp(rng.uniform(np.log(200), np.log(1500))))
        self.haze = mix(self.rim, shade, 0.25)
        # Leaves and blades of one place resemble each other: fresh, dull, dry, autumn, dark green.
        leaves = [(0.30, 0.46, 0.16), (0.36, 0.42, 0.20), (0.52, 0.48, 0.26), (0.50, 0.40, 0.18)]
        leaves.append((0.20, 0.33, 0.17))
        self.leaf = np.array(leaves[rng.choice(5, p=[0.34, 0.24, 0.13, 0.1, 0.19])], np.float32)
        self.leaf = vary(self.leaf, rng, 0.1)
        self.stone = stone(rng)

    def lit(self, normal):
        """The light (RGB) that a surface with this unit normal receives."""
        return self.ambient + self.sunlight * max(0.0, float(np.dot(normal, self.sun)))

    def hazed(self, colour, distance):
        """How a colour looks through `distance` metres of air."""
        distance = np.asarray(distance, np.float32)
        return mix(colour, self.haze, 1 - np.exp(distance / -self.visibility))

    def cast(self, points):
        """Casts the shadow that the polygon `points` (metres) throws on flat ground."""
        points = np.array(points, np.float64).reshape(-1, 3)
        points[:, [0, 2]] -= points[:, 1:2] / self.sun[1] * self.sun[[0, 2]]
        points[:, 1] = 0
        if points[:, 2].min() > 0.8:  # else it reaches behind the camera
            self.canvas.cast(self.camera.project(points))


def vary(colour, rng, amount):
    """A colour like this one: lighter or darker, and a little warmer or colder."""
    brightness = np.exp(rng.normal(0, amount))
    warmth = rng.normal(0, amount * 0.4)
    return np.clip(colour * brightness * np.array([1 + warmth, 1, 1 - warmth]), 0.02, 1).astype(
        np.float32
    )


def stone(rng):
    """The colour of walls, roads and rocks. They share it, so that it does not give them away."""
    stones = [(0.52, 0.52, 0.53), (0.60, 0.57, 0.53), (0.44, 0.45, 0.48), (0.62, 0.55, 0.45)]
    stones.append((0.52, 0.42, 0.36))
    return vary(np.array(stones[rng.choice(5, p=[0.36, 0.22, 0.2, 0.13, 0.09])]), rng, 0.16)
