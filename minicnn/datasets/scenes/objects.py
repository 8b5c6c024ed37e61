"""Foreground objects: people, cars, animals, signs and boats.

Each is a list of (polygon, colour): corners in metres, x from the middle of the object, y from the
ground up, later polygons painted over earlier ones. standing.py puts them into the scene.
"""

import numpy as np

from minicnn.datasets.scenes.drawing import ellipse
from minicnn.datasets.scenes.world import vary

WHEEL, GLASS, METAL = (0.08, 0.08, 0.09), (0.18, 0.24, 0.30), (0.42, 0.43, 0.45)


def bright(rng):
    """Any paint: of a car, a coat, a hull. Grey and dark ones are common, as in life."""
    if rng.uniform() < 0.25:
        return np.full(3, rng.uniform(0.1, 0.85)) * (1 + rng.normal(0, 0.03, 3))
    hue, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.5)
    wave = np.cos(hue + np.array([0, 2.1, 4.2]))
    return np.clip(rng.uniform(0.3, 0.6) + depth * wave, 0.04, 1)


def box(left, bottom, right, top, slant=0.0):
    """A rectangle whose upper edge is moved to the right by `slant`."""
    return [(left, bottom), (right, bottom), (right + slant, top), (left + slant, top)]


def limb(x0, y0, x1, y1, thick):
    """A bar from one point to another."""
    dx, dy = x1 - x0, y1 - y0
    n = np.array([-dy, dx]) / (np.hypot(dx, dy) + 1e-9) * thick / 2
    a, b = np.array([x0, y0]), np.array([x1, y1])
    return [a - n, b - n, b + n, a + n]


def person(rng):
    """Somebody who stands or walks."""
    tall = rng.uniform(1.5, 1.9) if rng.uniform() < 0.8 else rng.uniform(0.9, 1.3)
    skin = vary(np.array([0.72, 0.52, 0.40]), rng, 0.25)
    coat, trousers, hair = (
        bright(rng),
        bright(rng) * 0.7,
        vary(np.array([0.25, 0.18, 0.12]), rng, 0.4),
    )
    stride, swing = rng.uniform(0.02, 0.22), rng.uniform(0.02, 0.2)
    shapes = [
        (limb(0.05, 0.50, stride, 0.03, 0.10), trousers),
        (limb(-0.05, 0.50, -stride, 0.03, 0.10), trousers * 0.85),
        (box(stride - 0.05, 0, stride + 0.08, 0.04), trousers * 0.4),
        (box(-stride - 0.05, 0, -stride + 0.08, 0.04), trousers * 0.4),
        (limb(0.10, 0.80, 0.12 + swing, 0.47, 0.065), coat * 0.8),
        (
            [(-0.11, 0.47), (0.11, 0.47), (0.14, 0.83), (0.05, 0.87), (-0.05, 0.87), (-0.14, 0.83)],
            coat,
        ),
        (limb(-0.10, 0.80, -0.12 - swing, 0.47, 0.065), coat * 0.9),
        (ellipse(-0.12 - swing, 0.46, 0.03, 0.03), skin),
        (ellipse(0.12 + swing, 0.46, 0.03, 0.03), skin),
        (box(-0.03, 0.85, 0.03, 0.90), skin),
        (ellipse(0, 0.935, 0.055, 0.068), skin),
        (ellipse(0, 0.965, 0.058, 0.042), hair),
    ]
    if rng.uniform() < 0.25:  # a skirt or a long coat
        shapes.insert(4, ([(-0.15, 0.28), (0.15, 0.28), (0.10, 0.55), (-0.10, 0.55)], coat * 0.95))
    wide = rng.uniform(0.95, 1.15)
    return [(np.array(p) * [tall * wide, tall], c) for p, c in shapes]


def car(rng, view=None):
    """A car, a van or a bus from its side, or a car from its front."""
    paint, kind = bright(rng), rng.choice(["side", "front", "van"], p=[0.5, 0.3, 0.2])
    kind = view or kind
    lamp = np.array([0.95, 0.85, 0.6])
    if kind == "front":
        return [
            (box(-0.80, 0, -0.55, 0.4), WHEEL), (box(0.55, 0, 0.80, 0.4), WHEEL),
            ([(-0.85, 0.22), (0.85, 0.22), (0.88, 0.85), (-0.88, 0.85)], paint),
            ([(-0.82, 0.82), (0.82, 0.82), (0.58, 1.42), (-0.58, 1.42)], paint * 0.9),
            ([(-0.70, 0.88), (0.70, 0.88), (0.52, 1.35), (-0.52, 1.35)], GLASS),
            (box(-0.80, 0.22, 0.80, 0.34), paint * 0.5), (box(-0.4, 0.42, 0.4, 0.58), paint * 0.4),
            (ellipse(-0.66, 0.63, 0.13, 0.09), lamp), (ellipse(0.66, 0.63, 0.13, 0.09), lamp),
            (box(-0.2, 0.28, 0.2, 0.38), (0.9, 0.9, 0.85)),
        ]  # fmt: skip
    if kind == "van":
        long, high = rng.uniform(4.8, 9), rng.uniform(2.2, 2.9)
        half, panes = long / 2, int(rng.integers(1, 6))
        shapes = [
            ([(-half, 0.35), (half, 0.35), (half, 1.2), (half - 0.4, high), (-half, high)], paint)
        ]
        for k in range(panes):
            left = half - 1.3 - k * 1.25
            if left > -half:
                shapes.append((box(left, 1.3, left + 1.05, high - 0.3), GLASS))
        shapes.append((box(-half, 0.75, half, 0.9), paint * 0.7))
        axles = (-half * 0.62, half * 0.62)
    else:
        back = rng.uniform(-1.9, -1.2)
        roof = [(-2.05, 0.85), (1.25, 0.85), (0.55, 1.42), (back + 0.5, 1.42)]
        glass = [(-1.45, 0.88), (1.02, 0.88), (0.47, 1.34), (back + 0.65, 1.34)]
        body = [(-2.1, 0.3), (2.1, 0.3), (2.1, 0.7), (1.25, 0.88), (-2.1, 0.92)]
        shapes = [(roof, paint * 0.95), (glass, GLASS), (box(-0.35, 0.86, -0.25, 1.4), paint * 0.9)]
        shapes += [(body, paint), (box(-2.1, 0.3, 2.1, 0.42), paint * 0.6)]
        shapes += [
            (box(1.95, 0.6, 2.1, 0.72), lamp),
            (box(-2.1, 0.68, -1.98, 0.82), (0.7, 0.1, 0.08)),
        ]
        axles = (-1.3, 1.32)
    for x in axles:
        shapes += [(ellipse(x, 0.33, 0.33, 0.33), WHEEL), (ellipse(x, 0.33, 0.17, 0.17), METAL)]
    return shapes


def animal(rng):
    """A cow, a sheep, a horse or a dog, from its side."""
    kind = rng.choice(["cow", "sheep", "horse", "dog"], p=[0.35, 0.25, 0.25, 0.15])
    long, high = {"cow": (2.0, 1.4), "sheep": (1.1, 0.8), "horse": (2.0, 1.6), "dog": (0.8, 0.6)}[
        kind
    ]
    coats = [(0.42, 0.27, 0.17), (0.15, 0.13, 0.12), (0.82, 0.80, 0.75), (0.60, 0.42, 0.26)]
    coat = vary(np.array(coats[2 if kind == "sheep" else rng.integers(4)]), rng, 0.15)
    grazes, legs = rng.uniform() < 0.5, coat * (0.35 if kind == "sheep" else 0.8)
    neck = (0.62, 0.25) if grazes else (0.66, 1.12 if kind in ("horse", "dog") else 0.92)
    fat = {"cow": 0.27, "sheep": 0.32, "horse": 0.22, "dog": 0.2}[kind]
    shapes = []
    for x in (-0.38, -0.28, 0.27, 0.37):
        shapes.append((limb(x, 0.6, x + rng.normal(0, 0.03), 0, 0.075), legs))
    shapes.append((limb(-0.45, 0.8, -0.55, 0.4, 0.04), legs))
    shapes.append((limb(0.35, 0.75, *neck, 0.17), coat * 0.95))
    shapes.append((ellipse(0, 0.68, 0.48, fat), coat))
    shapes.append((ellipse(0.0, 0.60, 0.40, fat * 0.6), coat * 0.9))
    shapes.append(
        (limb(neck[0] - 0.04, neck[1] + 0.02, neck[0] + 0.15, neck[1] - 0.14, 0.14), legs * 1.1)
    )
    if kind == "cow":
        spots = vary(np.array([0.85, 0.82, 0.78]), rng, 0.1)
        for x in rng.uniform(-0.32, 0.3, 3):
            shapes.append((ellipse(x, rng.uniform(0.6, 0.8), rng.uniform(0.05, 0.13), 0.09), spots))
    turn = 1 if rng.uniform() < 0.5 else -1
    return [(np.array(p) * [turn * long, high], c) for p, c in shapes]


def sign(rng):
    """A road sign, a board on two posts, or a street lamp."""
    kind = rng.choice(["round", "triangle", "board", "lamp"], p=[0.3, 0.25, 0.25, 0.2])
    white, red = np.array([0.9, 0.9, 0.88]), np.array([0.75, 0.12, 0.10])
    if kind == "lamp":
        high = rng.uniform(4, 7)
        return [
            (box(-0.07, 0, 0.07, high), METAL), (limb(0, high, 0.9, high + 0.2, 0.1), METAL),
            (box(0.7, high + 0.05, 1.2, high + 0.28), (0.85, 0.82, 0.7)),
        ]  # fmt: skip
    high, wide = rng.uniform(2.0, 2.6), rng.uniform(0.35, 0.5)
    if kind == "board":
        long, paint = rng.uniform(0.8, 2.2), bright(rng)
        shapes = [(box(-long * 0.8, 0, -long * 0.8 + 0.1, high), METAL)]
        shapes += [(box(long * 0.8 - 0.1, 0, long * 0.8, high), METAL)]
        shapes += [(box(-long, high - 0.2, long, high + long * 0.8), white)]
        shapes += [(box(-long + 0.06, high - 0.14, long - 0.06, high + long * 0.8 - 0.06), paint)]
        for k in range(3):
            y = high + long * (0.08 + 0.22 * k)
            shapes.append(
                (box(-long * 0.8, y, long * rng.uniform(0.2, 0.8), y + long * 0.1), white)
            )
        return shapes
    shapes = [(box(-0.04, 0, 0.04, high + 0.3), METAL)]
    if kind == "round":
        rim, face = (red, white) if rng.uniform() < 0.6 else (white, np.array([0.12, 0.25, 0.6]))
        shapes += [
            (ellipse(0, high, wide, wide), rim),
            (ellipse(0, high, wide * 0.75, wide * 0.75), face),
        ]
        shapes.append((box(-wide * 0.5, high - 0.08, wide * 0.5, high + 0.08), (0.1, 0.1, 0.1)))
    else:
        for scale, colour in ((1, red), (0.66, white)):
            corners = [(-wide * scale, high - wide * 0.55 * scale), (0, high + wide * 1.15 * scale)]
            corners.append((wide * scale, high - wide * 0.55 * scale))
            shapes.append((corners, colour))
    return shapes


def boat(rng):
    """A rowing boat, a motor boat or a sailing boat."""
    kind, long, paint = rng.choice(["row", "motor", "sail"]), rng.uniform(3, 8), bright(rng)
    high = 0.13 * long
    hull = [(-0.42 * long, 0), (0.38 * long, 0), (0.52 * long, high), (-0.48 * long, high * 0.9)]
    shapes = [
        (hull, paint),
        (box(-0.47 * long, high * 0.72, 0.5 * long, high * 0.9), (0.9, 0.9, 0.88)),
    ]
    if kind == "motor":
        cabin = [
            (-0.3 * long, high),
            (0.2 * long, high),
            (0.1 * long, high * 2.2),
            (-0.28 * long, high * 2.2),
        ]
        shapes += [
            (cabin, (0.85, 0.85, 0.83)),
            (box(-0.2 * long, high * 1.3, 0.08 * long, high * 1.9), GLASS),
        ]
    if kind == "sail":
        sail, mast = vary(np.array([0.9, 0.88, 0.82]), rng, 0.1), 1.25 * long
        shapes.append((box(-0.05, high, 0.07, mast), METAL))
        shapes.append(
            ([(0.1, high * 1.4), (0.42 * long, high * 1.4), (0.1, mast * 0.96)], sail * 0.9)
        )
        shapes.append(([(-0.08, high * 1.5), (-0.4 * long, high * 1.5), (-0.06, mast)], sail))
    turn = 1 if rng.uniform() < 0.5 else -1
    return [(np.array(p) * [turn, 1], c) for p, c in shapes]


OBJECTS = {"person": person, "car": car, "animal": animal, "sign": sign, "boat": boat}
