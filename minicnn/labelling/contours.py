"""Contours: from how strongly each pixel looks like an edge to lines of one pixel.

    across = normals(strength)             the direction across the line, at each pixel
    lines = thinned(strength)              what is not the strongest across its line becomes 0
    strength = gradients(image)            edges without any learning, the peer of models/edges.py

A detector answers beside an edge, too, only less. Of the pixels across a line the strongest is kept
(Canny 1986). Where the line runs is read from the curvature of the strength itself: across a ridge
it bends most. With the second derivatives of the smoothed strength, H = [[a, b], [b, c]], the
direction in which it bends down most is the eigenvector of the smallest eigenvalue, at the angle

    phi = 1/2 atan2(2 b, a - c) + pi / 2

as found by setting the derivative of  d^T H d,  d = (cos phi, sin phi),  to 0.

Source: Canny 1986; Dollar, Zitnick 2013 (the ridge's own curvature, 1.01 as margin).
"""

import numpy as np

from minicnn.images.colour import rgb_to_yuv

SMOOTH = 2.0  # pixels, of the Gaussian before second derivatives
MARGIN = 1.01  # by which a neighbour has to be stronger: plateaus are kept
SIGMAS = (1.0, 2.0, 4.0)  # pixels, of the gradients
# How much they count, for brightness and for the two colours together, scale by scale: the best of
# four that were tried on the 20 held-out pictures of BSDS, see lectures/results/README.md.
WEIGHTS = ((0.2, 0.5), (0.7, 1.5), (1.0, 3.0))
HALF = 30.0  # the sum, in grey levels, at which an edge has the strength 1/2


def normals(strength):
    """float (H, W): the angle of the line's normal, in radians, x to the right, y down."""
    from scipy.ndimage import gaussian_filter

    bend = {
        name: gaussian_filter(strength, SMOOTH, order=order, mode="nearest")
        for name, order in (("xx", (0, 2)), ("xy", (1, 1)), ("yy", (2, 0)))
    }
    return 0.5 * np.arctan2(2 * bend["xy"], bend["xx"] - bend["yy"]) + np.pi / 2


def thinned(strength):
    """float32 (H, W): the strength where it is the greatest across its line, 0 elsewhere."""
    from scipy.ndimage import map_coordinates

    strength = np.asarray(strength, np.float32)
    angle = normals(strength)
    rows, columns = np.indices(strength.shape, np.float32)
    down, right = np.sin(angle), np.cos(angle)
    kept = strength.copy()
    for side in (-1, 1):
        places = rows + side * down, columns + side * right
        beside = map_coordinates(strength, places, order=1, mode="nearest")
        kept[strength * MARGIN < beside] = 0
    return kept


def changes(image):
    """float32 (6, H, W), in grey levels: how much brightness, and how much colour, changes around
    each pixel of uint8 (H, W, 3), for each of SIGMAS. The derivatives of a Gaussian, times sigma,
    so that an edge counts alike at each scale."""
    from scipy.ndimage import gaussian_gradient_magnitude

    planes, found = rgb_to_yuv(image), []
    for sigma in SIGMAS:
        y, u, v = (
            gaussian_gradient_magnitude(plane, sigma, mode="nearest", truncate=3) * sigma
            for plane in planes
        )
        found += [y, np.hypot(u, v)]
    return np.stack(found)


def gradients(image):
    """float32 (H, W), from 0 to 1: `changes`, weighted and summed to one strength."""
    total = np.tensordot(np.array(WEIGHTS, np.float32).ravel(), changes(image), axes=1)
    return total / (total + HALF)
