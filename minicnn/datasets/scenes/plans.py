"""Plans of places: a street, a square, a country road, a meadow, a lake, a quay.

A plan chooses the ground and puts mountains, houses, trees and foreground objects into a `Site`.
"""

import numpy as np

from minicnn.datasets.scenes.ground import blob, lane_marks, slabs, strip_across, strip_along, zebra
from minicnn.datasets.scenes.world import GRASS, ROAD, WATER


def far(rng, low, high):
    """A distance: as likely between 5 and 10 m as between 50 and 100 m."""
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))


def nearest(site):
    """The distance of the ground at the lower border of the picture (or what counts as near)."""
    camera = site.world.camera
    return float(np.clip(camera.height * camera.focal / max(0.5 - camera.horizon, 0.05), 1.5, 60))


def people(site, count, low, high, kinds=("person",)):
    for _ in range(count):
        z = max(far(site.rng, low, high), 1.6)
        site.thing(str(site.rng.choice(kinds)), site.across(z), z)


def trees(site, count, low, high, avoid=0.0):
    kinds = ["broad", "conifer", "bush"]
    kind = str(site.rng.choice(kinds, p=[0.6, 0.25, 0.15]))
    for _ in range(count):
        z, rng = far(site.rng, low, high), site.rng
        each = kind if rng.uniform() < 0.7 else str(rng.choice(kinds))
        height = rng.uniform(1, 2.2) if each == "bush" else rng.uniform(4, 14)
        x = site.across(z, 1.2)
        if abs(x) < avoid:
            x = np.copysign(avoid + abs(x), x)
        site.tree(x, z, height, each)


def row_of_houses(site, z, depth, low, high, cover=1.0, **options):
    """Buildings side by side that face the camera."""
    half = site.world.camera.half * z * 1.3
    x = -half - site.rng.uniform(0, 8) - site.world.camera.pan * z
    end = half - site.world.camera.pan * z
    while x < end:
        wide = site.rng.uniform(0.7, 2.0) * max(low, 7)
        if site.rng.uniform() < cover:
            site.building(
                x,
                x + wide,
                z + site.rng.uniform(0, 0.1) * z,
                z * 1.1 + depth,
                site.rng.uniform(low, high),
                **options,
            )
        x += wide * site.rng.uniform(1.0, 1.05 if cover == 1 else 1.5)


def street(site):
    """A street that runs away from the camera, with houses on one side or both."""
    rng, near = site.rng, nearest(site)
    width, centre = rng.uniform(6, 14), rng.uniform(-3, 3)
    site.ground.base = ROAD if rng.uniform() < 0.75 else GRASS
    site.ground.add(ROAD, strip_along(centre, width + 4))
    if rng.uniform() < 0.6:
        site.ground.paint.append(lane_marks(centre, width, kerb=rng.uniform(1.5, 5)))
    if rng.uniform() < 0.3:
        at = near * rng.uniform(1.2, 3)
        site.ground.paint.append(zebra(at, centre - width / 2, centre + width / 2))
    low = rng.uniform(4, 14)
    for side in rng.permutation([-1, 1])[: 1 if rng.uniform() < 0.35 else 2]:
        edge, z = centre + side * (width / 2 + rng.uniform(1.5, 5)), rng.uniform(-4, 6)
        while z < 110:
            long = rng.uniform(8, 24)
            deep = edge + side * rng.uniform(8, 14)
            if z + long > near * 0.5 and rng.uniform() < 0.88:
                site.building(
                    min(edge, deep),
                    max(edge, deep),
                    max(z, 0.9),
                    z + long,
                    low * rng.uniform(0.6, 1.6),
                )
            z += long + (0 if rng.uniform() < 0.7 else rng.uniform(2, 12))
    if rng.uniform() < 0.5:
        site.wood(rng.uniform(110, 180), rng.uniform(8, 16))
    trees(site, int(rng.integers(0, 5)), max(near, 6), 60, avoid=width / 2 + abs(centre))
    people(site, int(rng.integers(1, 4)), near, near * 7, ("person", "sign", "person"))
    for _ in range(int(rng.integers(1, 5))):
        z = far(rng, max(near, 4), max(near * 8, 40))
        x = centre + rng.choice([-1, 1]) * width * 0.3 + rng.normal(0, 0.5)
        site.thing("car", x, z, view="front" if rng.uniform() < 0.85 else None)


def square(site):
    """Houses across the view, with a road, a square or a lawn before them."""
    rng, near = site.rng, nearest(site)
    site.ground.base = ROAD if rng.uniform() < 0.7 else GRASS
    if rng.uniform() < 0.45:
        site.ground.paint.append(slabs(rng.uniform(0.6, 2.5), rng.uniform(0.1, 0.3)))
    z = far(rng, max(near * 1.15, 7), max(near * 4, 40))
    tall = rng.uniform(5, 22)
    row_of_houses(site, z, 12, tall * 0.6, tall * 1.2, cover=rng.choice([1.0, 0.7]))
    if rng.uniform() < 0.4:
        site.ground.add(GRASS, strip_across(z * 0.6, z * 0.95, rng.normal(0, 0.05)))
    if rng.uniform() < 0.3:
        site.ground.add(GRASS, blob(site.across(z), z * 0.6, z * 0.4, z * 0.2, rng.uniform(0, 6)))
    trees(site, int(rng.integers(0, 4)), max(near * 1.1, 5), z * 1.5)
    people(site, int(rng.integers(1, 5)), near, z, ("person", "car", "sign", "person"))


def country_road(site):
    """A road through meadows or towards mountains."""
    rng, near = site.rng, nearest(site)
    if rng.uniform() < 0.7:
        width = rng.uniform(3, 9)
        site.ground.add(
            ROAD, strip_along(rng.normal(0, 2), width, rng.normal(0, 0.1), rng.normal(0, 0.003))
        )
    else:
        at = near * rng.uniform(1.1, 2.5)
        site.ground.add(ROAD, strip_across(at, at * rng.uniform(1.4, 2.5), rng.normal(0, 0.12)))
    landscape(site, near)
    if rng.uniform() < 0.4:
        z = rng.uniform(25, 80)
        x = site.across(z)
        site.building(x, x + rng.uniform(7, 14), z, z + 9, rng.uniform(3, 6), pitched=True)
    trees(site, int(rng.integers(1, 6)), max(near, 6), 80, avoid=5)
    people(site, int(rng.integers(1, 4)), near, near * 6, ("person", "animal", "sign", "car"))


def meadow(site):
    """Grass before a wood, with animals."""
    rng, near = site.rng, nearest(site)
    landscape(site, near)
    if rng.uniform() < 0.65:
        site.wood(far(rng, max(near * 1.2, 9), 60), rng.uniform(6, 16))
    if rng.uniform() < 0.3:
        z = near * rng.uniform(1.5, 4)
        site.ground.add(WATER, strip_across(z, z * rng.uniform(1.3, 2.2), rng.normal(0, 0.1), 1.0))
    trees(site, int(rng.integers(1, 6)), max(near, 5), 60)
    people(site, int(rng.integers(1, 5)), near, near * 6, ("animal", "animal", "person"))


def landscape(site, near):
    """Woods and mountains on the horizon."""
    rng = site.rng
    site.mountains = int(rng.choice([0, 1, 2, 3], p=[0.25, 0.25, 0.25, 0.25]))
    if rng.uniform() < 0.6:
        site.wood(far(rng, max(near * 2, 40), 250), rng.uniform(7, 15))


def lake(site):
    """A lake or the sea, from a shore or from the water."""
    rng, near = site.rng, nearest(site)
    site.waves = float(rng.choice([0.0, 0.03, 0.08, 0.25, 0.7]))
    site.mountains = int(rng.choice([0, 1, 2, 3], p=[0.3, 0.25, 0.25, 0.2]))
    site.ground.base = str_choice(rng, GRASS, ROAD, 0.65)
    begin = near * rng.choice([0.2, 1.15, 1.6, 2.5], p=[0.35, 0.25, 0.25, 0.15])
    end = 1e6 if rng.uniform() < 0.35 else far(rng, begin * 6 + 20, begin * 20 + 200)
    site.ground.add(
        WATER, strip_across(begin, end, rng.normal(0, 0.08), 0.15 * begin, rng.uniform(0, 6))
    )
    if end < 1e5:
        site.shore = end
        if rng.uniform() < 0.7:
            site.wood(end * 1.05, rng.uniform(0.6, 1.4) * min(14, 0.08 * end + 4))
        if rng.uniform() < 0.35:
            row_of_houses(site, end * 1.03, 10, 4, 10, cover=0.35)
    for _ in range(int(rng.integers(0, 4))):
        z = far(rng, max(begin * 1.3, 6), begin * 12 + 30)
        site.thing("boat", site.across(z), z)
    if begin > near:
        trees(site, int(rng.integers(0, 3)), max(near, 4), max(begin, 5))
        people(site, int(rng.integers(0, 3)), near, begin, ("person", "sign", "animal"))


def quay(site):
    """A river in a town: a promenade, the water, houses on the other side."""
    rng, near = site.rng, nearest(site)
    site.waves = float(rng.choice([0.0, 0.03, 0.08, 0.4]))
    site.ground.base = ROAD
    begin = near * rng.choice([0.2, 1.3, 2.0])
    end = begin * rng.uniform(3, 8) + 8
    site.ground.add(WATER, strip_across(begin, end, rng.normal(0, 0.04)))
    site.shore, tall = end, rng.uniform(6, 20)
    row_of_houses(site, end * 1.04, 12, tall * 0.7, tall * 1.3, cover=rng.choice([1.0, 0.75]))
    trees(site, int(rng.integers(0, 4)), end * 1.01, end * 1.03)
    for _ in range(int(rng.integers(0, 3))):
        z = far(rng, max(begin * 1.2, 5), end)
        site.thing("boat", site.across(z), z)
    if begin > near:
        people(site, int(rng.integers(1, 4)), near, begin, ("person", "person", "sign"))


def str_choice(rng, a, b, share):
    return a if rng.uniform() < share else b


PLANS = (street, square, country_road, meadow, lake, quay)
SHARES = (0.16, 0.17, 0.13, 0.17, 0.23, 0.14)
