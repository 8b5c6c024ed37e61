"""How different two colours look: to most people, and to those who lack a kind of cone.

Distances are Euclidean in CIELAB (CIE 1976): 2 is just seen side by side, 10 is plain. Deuteranopia
and protanopia, together some 2 % of all men, are simulated by the matrices of Machado, Oliveira and
Fernandes 2009 (severity 1), which act on linear RGB.
"""

import numpy as np

DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
SRGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = SRGB_TO_XYZ.sum(axis=1)


def views(colours):
    """float64 (3, N, 3): uint8 colours (N, 3) in CIELAB as seen with all cones, without those for
    green, and without those for red."""
    part = np.asarray(colours, float).reshape(-1, 3) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return np.stack([_lab(linear @ m.T) for m in (np.eye(3), DEUTERANOPIA, PROTANOPIA)])


def _lab(linear):
    xyz = linear.clip(0, 1) @ SRGB_TO_XYZ.T / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def distances(colours, others):
    """float64 (N, M): how far each colour (N, 3) is from each of `others` (M, 3) for whoever tells
    the two apart worst."""
    a, b = views(colours), views(others)
    return np.sqrt(((a[:, :, None] - b[:, None]) ** 2).sum(axis=-1)).min(axis=0)
