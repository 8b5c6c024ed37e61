"""Jitter: a training picture is never seen twice in the same way.

A network shall call a tree a tree when it stands a little nearer, leans, or is seen in a mirror.
Showing it such pictures costs nothing and acts like more data. Labels go through the same map as
the picture; what comes from outside of the picture is void.

Source: Farabet et al. 2013, section 5: flips, rotation by up to 8 degrees, scale 0.9 to 1.1.
"""

import math

import numpy as np

from minicnn.images.labels import VOID
from minicnn.images.light import relight


def jitter(image, labels, rng, flip=True, rotate=0.0, rescale=0.0, light=0.0):
    """A random variant of uint8 image (H, W, 3) and labels (H, W), of the same size.

    flip     mirrors one picture in two
    rotate   largest angle, degrees
    rescale  largest enlargement: 0.1 draws a factor between 1/1.1 and 1.1
    light    how much the light differs, up to 1; see light.py
    """
    if flip and rng.random() < 0.5:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if light:
        image = relight(image, rng, light)
    if not rotate and not rescale:
        return image, labels
    angle = math.radians(rng.uniform(-rotate, rotate))
    factor = math.exp(rng.uniform(-1, 1) * math.log1p(rescale))
    return turn_and_scale(image, labels, angle, factor, rng.random(2))


def turn_and_scale(image, labels, angle, factor, place=(0.5, 0.5)):
    """The picture enlarged by `factor` and turned by `angle` (radians), cut to its own size.

    place  where in the enlarged picture the cut lies (or where in the cut the smaller picture
           lies), from 0, at the top or left, to 1
    """
    from scipy.ndimage import affine_transform

    size = np.array(labels.shape)
    cos, sin = math.cos(angle) / factor, math.sin(angle) / factor
    matrix = np.array([[cos, sin], [-sin, cos]])  # from a pixel of the result to one of the picture
    middle = (size - 1) / 2
    slack = (1 - 1 / factor) * (np.asarray(place) - 0.5) * size
    offset = middle + slack - matrix @ middle
    turned = np.empty_like(image)
    for c in range(image.shape[2]):
        # beyond its border the picture goes on as in a mirror: a black edge would be learnt
        affine_transform(
            image[..., c], matrix, offset, output=turned[..., c], order=1, mode="mirror"
        )
    moved = affine_transform(labels, matrix, offset, order=0, mode="grid-constant", cval=VOID)
    return turned, moved
