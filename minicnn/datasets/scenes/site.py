"""A place in the making: its ground, its things, and the order in which they are drawn.

Every thing is (distance, number, shadow, paint), the last two functions that draw.
"""

import numpy as np

from minicnn.datasets.scenes.buildings import building_shadow, draw_building
from minicnn.datasets.scenes.ground import Ground
from minicnn.datasets.scenes.land import draw_land, reflect
from minicnn.datasets.scenes.objects import OBJECTS
from minicnn.datasets.scenes.standing import draw_object, object_reflection, object_shadow
from minicnn.datasets.scenes.trees import draw_tree, draw_wood, tree_shadow
from minicnn.datasets.scenes.world import GRASS, GROUND, WATER


class Site:
    """A place in the making: what a plan fills, and `draw` then draws.

    ground     which kind of ground lies where
    mountains  number of ridges on the horizon
    waves      of all water: 0 a mirror, 1 a rough sea
    shore      distance of the far shore: what stands beyond is mirrored in the water
    rng        chooses. A thing gets its own generator when it is added, so that nothing else
               depends on whether it is seen
    """

    def __init__(self, world, rng):
        self.world, self.rng = world, rng
        self.ground, self.mountains, self.waves, self.shore = Ground(GRASS), 0, 0.2, None
        self.things, self.objects = [], 0

    def _fork(self):
        return np.random.Generator(np.random.Philox(int(self.rng.integers(2**62))))

    def _add(self, z, shadow, paint):
        self.things.append((z, len(self.things), shadow, paint))

    def across(self, z, reach=1.0):
        """A random X that the camera sees at distance z."""
        camera = self.world.camera
        return (self.rng.uniform(-reach, reach) * camera.half - camera.pan / camera.focal) * z

    def wet(self, x, z):
        """Whether there is water at (x, z)."""
        return self.ground.labels(np.float64(x), np.float64(z)) == WATER

    def tree(self, x, z, height, kind="broad"):
        rng, world = self._fork(), self.world
        if z > 0.35 * height and not self.wet(x, z):  # not right in front of the lens
            self._add(
                z,
                lambda: tree_shadow(world, x, z, height, kind),
                lambda: draw_tree(world, rng, x, z, height, kind),
            )

    def wood(self, z, height, left=-1e3, right=1e3, foot=0.0):
        rng, world = self._fork(), self.world
        self._add(z, None, lambda: draw_wood(world, rng, z, height, left, right, foot))

    def building(self, left, right, near, far, height, **options):
        rng, world = self._fork(), self.world
        self._add(
            near,
            lambda: building_shadow(world, left, right, near, far, height),
            lambda: draw_building(world, rng, left, right, near, far, height, **options),
        )

    def thing(self, kind, x, z, **options):
        """A foreground object of a kind of OBJECTS; only boats swim, and only on water."""
        rng, world = self._fork(), self.world
        shapes = OBJECTS[kind](rng, **options)
        if self.wet(x, z) != (kind == "boat"):
            return
        self.objects += 1
        number = self.objects

        def paint():
            if kind == "boat":
                object_reflection(world, x, z, shapes)
            draw_object(world, rng, x, z, shapes, number)

        self._add(z, lambda: object_shadow(world, x, z, shapes), paint)

    def draw(self):
        """The land, then the shadows that lie on it, then the things from far to near."""
        world = self.world
        draw_land(world, self.ground, self.rng, self.mountains, self.waves)
        order = sorted(self.things, key=lambda thing: (-thing[0], thing[1]))
        for _, _, shadow, _ in order:
            if shadow is not None:
                shadow()
        world.canvas.darken(world.shadow, GROUND)
        beyond = [thing for thing in order if self.shore and thing[0] >= self.shore]
        for *_, paint in beyond:
            paint()
        if beyond:
            reflect(world, self.shore, self.waves)
        for *_, paint in order[len(beyond) :]:
            paint()
