"""Trees: broad-leaved ones, conifers, bushes, and woods that close the view.

A tree is a trunk and a crown. The crown is a heap of ellipses (or a stack of triangles), drawn from
the dark underside to the sunlit top; looking it up at places that noise has moved gives it a leafy
outline, and the same noise that makes grass makes its leaves.
"""

import numpy as np

from minicnn.datasets.scenes.drawing import ellipse, fractal, noise, tinted
from minicnn.datasets.scenes.world import LEAFINESS, TREE, vary


def draw_tree(world, rng, x, z, height, kind="broad"):
    """Draws a tree of kind 'broad', 'conifer' or 'bush' that stands at (x, z)."""
    trunk_height = {"broad": 0.3, "conifer": 0.1, "bush": 0.0}[kind] * height
    crown, shades = crown_shapes(rng, height, trunk_height, kind)
    bark = vary(np.array([0.30, 0.24, 0.19]), rng, 0.2)
    leaf = vary(world.leaf, rng, 0.16) * (0.75 if kind == "conifer" else 0.9)
    offset = rng.uniform(0, 30, 2)
    lean = rng.normal(0, 0.03) * height
    thick = 0.035 * height * np.exp(rng.normal(0, 0.2))

    if trunk_height:
        top = trunk_height + 0.25 * height
        trunk = [(-thick, 0), (thick, 0), (thick * 0.6 + lean, top), (-thick * 0.6 + lean, top)]
        _paint_trunk(world, np.array(trunk), x, z, bark, offset)
    polygons = world.camera.stand(crown, x + lean, z)
    scale = world.camera.focal / z * world.camera.size[0]  # pixels per metre
    found = world.canvas.stencil(polygons, shades, margin=int(0.04 * height * scale) + 1)
    if found is None:
        return
    box, drawn = found
    right, down = world.camera.right[box] * z, world.camera.down[box] * z
    leaves = fractal(right * 1.1 + offset[0], down * 1.1 + offset[1], 4, 0.8)
    drawn = _displace(
        drawn, leaves, noise(right * 1.9 + offset[1], down * 1.9), 0.035 * height * scale
    )
    shade = drawn.astype(np.float32) / 255
    colour = lit_leaves(world, leaf, leaves, shade)
    world.canvas.put(box, drawn > 0, world.hazed(colour, z), TREE)


def crown_shapes(rng, height, trunk_height, kind):
    """Polygons in metres around the foot of the tree, and their shades from 1 (dark) to 255."""
    if kind == "conifer":
        levels, polygons = 6, []
        for k in range(levels):
            low = trunk_height + (height - trunk_height) * k / levels
            high = min(height, low + (height - trunk_height) * 0.33)
            wide = 0.23 * height * (1 - k / (levels + 0.5)) * np.exp(rng.normal(0, 0.08))
            polygons.append(
                np.array([(-wide, low), (wide, low), (wide * 0.1, high), (-wide * 0.1, high)])
            )
        return polygons, [int(90 + 24 * k) for k in range(levels)]
    middle = (height + trunk_height) / 2
    rx, ry = (0.34 if kind == "broad" else 0.8) * height, (height - trunk_height) / 2
    count = 13
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count)) * 0.62
    centres = np.stack([reach * np.cos(angle) * rx, middle + reach * np.sin(angle) * ry], 1)
    centres = np.concatenate([[[0, middle]], centres[np.argsort(centres[:, 1])]])
    size = np.concatenate([[0.7], rng.uniform(0.32, 0.55, count)])
    lift = (centres[:, 1] - middle) / ry
    shades = np.clip(140 + 100 * lift + rng.normal(0, 18, count + 1), 40, 255).astype(int)
    polygons = [ellipse(cx, cy, s * rx, s * ry) for (cx, cy), s in zip(centres, size, strict=True)]
    return polygons, [int(s) for s in shades]


def tree_shadow(world, x, z, height, kind="broad"):
    """Casts the crown's shadow on the ground."""
    foot = 0.3 * height if kind == "broad" else 0.1 * height
    crown = ellipse(0, (height + foot) / 2, 0.3 * height, (height - foot) / 2)
    world.cast([(x + cx, cy, z) for cx, cy in crown])


def draw_wood(world, rng, z, height, left=-1e3, right=1e3, foot=0.0):
    """Draws a wall of trees across the view at distance z, from X = left to right."""
    camera, canvas = world.camera, world.canvas
    seat = rng.uniform(0, 30, 4)
    left, right = max(left, -3 * camera.half * z), min(right, 3 * camera.half * z)
    if left >= right:
        return
    xs = np.linspace(left, right, 160)
    tops = (
        1 + 0.2 * noise(xs / height * 0.7 + seat[0], xs * 0) + 0.10 * noise(xs / height * 3, xs * 0)
    )
    tops = height * np.clip(tops, 0.5, 1.6)
    outline = [
        (left, foot, z),
        *[(a, b, z) for a, b in zip(xs, tops, strict=True)],
        (right, foot, z),
    ]
    found = canvas.stencil([camera.project(outline)])
    leaf = vary(world.leaf, rng, 0.14) * 0.85
    if found is None:
        return
    box, drawn = found
    x, y = camera.right[box] * z, camera.height - camera.down[box] * z
    leaves = fractal(x * 0.9 + seat[2], y * 0.9 + seat[3], 4, 0.8)
    # Crowns stand before each other: big bumps that are lit from above.
    bumps = noise(x / height * 1.6 + seat[1], y / height * 1.6)
    drawn = _displace(drawn, leaves, leaves, 0.02 * height * camera.focal / z * camera.size[0])
    shade = np.clip(0.35 + 0.35 * y / height + 0.16 * bumps, 0.05, 1)
    colour = lit_leaves(world, leaf, leaves, shade)
    canvas.put(box, drawn > 0, world.hazed(colour, z), TREE)


def lit_leaves(world, leaf, leaves, shade):
    """Colours of leaves under `shade` (0 dark to 1 sunlit)."""
    tone = 1 + LEAFINESS * leaves
    colour = tinted(leaf * world.ambient * 0.8, tone)
    return colour + tinted(leaf * world.sunlight * 0.9, tone * shade)


def _paint_trunk(world, points, x, z, bark, offset):
    found = world.canvas.stencil(world.camera.stand([points], x, z))
    if found is not None:
        box, drawn = found
        right, down = world.camera.right[box] * z - x, world.camera.down[box] * z
        side = 0.6 + 0.4 * np.sign(world.sun[0]) * right / (np.abs(points[:, 0]).max() + 1e-6)
        stripes = 1 + 0.15 * noise(right * 9 + offset[0], down * 2)
        colour = tinted(bark * world.ambient, stripes)
        colour += tinted(bark * world.sunlight, stripes * np.clip(side, 0, 1))
        world.canvas.put(box, drawn > 0, world.hazed(colour, z), TREE)


def _displace(drawn, across, along, amount):
    """Looks `drawn` up at pixels moved by noise of this amount, which frays its outline."""
    rows, columns = drawn.shape
    i = np.arange(rows)[:, None] + (amount * across).astype(np.int32)
    j = np.arange(columns)[None, :] + (amount * along).astype(np.int32)
    return drawn[np.clip(i, 0, rows - 1), np.clip(j, 0, columns - 1)]
