"""Other light: a training picture as it would look at dusk, at night, in fog, or without colours.

The camera and the hour of the day decide how bright, how warm and how grey a picture is; what
stands in it stays what it is. A network that has seen the sea at noon only takes a grey sea for a
road. Labels do not change.

Colours of training pictures are changed at random since Krizhevsky et al. 2012, section 4.1, there
along the directions in which natural pictures vary (learning/statistics.py); here by what makes
light differ out of doors.
"""

import numpy as np

from minicnn.images.colour import RGB_TO_YUV

BRIGHTNESS = RGB_TO_YUV[0]
FOG = np.array([205, 210, 215], np.float32)  # grey levels
WARM = np.array([0.45, 0.0, -0.45], np.float32)  # logarithms of the factors on red, green, blue


def relight(image, rng, strength):
    """A random variant of uint8 image (H, W, 3) in other light.

    strength  from 0, which changes nothing, to 1: a gamma between a half and two, one picture in
              eight at night, one in six in fog, one in six nearly grey
    """
    warmth, exposure, colours = rng.uniform(-1, 1, 3) * strength
    kind = rng.random()
    saturation = np.exp(0.5 * colours)
    factors = np.exp(WARM * warmth)
    gamma = 2.0**-exposure
    fog = 0.0
    if kind < 1 / 8 * strength:  # at night it is dark, bluish, and colours are weak
        factors = rng.uniform(0.2, 0.5) * np.exp(WARM * min(0.0, warmth - 0.3))
        saturation *= 0.5
    elif kind < (1 / 8 + 1 / 6) * strength:
        fog = rng.uniform(0.2, 0.6) * strength
    elif kind < (1 / 8 + 2 / 6) * strength:
        saturation *= rng.uniform(0, 0.2)
    levels = 255 * (np.arange(256, dtype=np.float32) / 255) ** np.float32(gamma)
    x = levels[image] * factors.astype(np.float32)
    grey = x @ BRIGHTNESS
    x = grey[..., None] + np.float32(saturation) * (x - grey[..., None])
    x += np.float32(fog) * (FOG - x)
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
