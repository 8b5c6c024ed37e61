"""Normalisation of a picture. Locally, every neighbourhood gets zero mean and unit variance, so
that a wall in the sun and the same wall in the shade look alike to the network; or the picture as a
whole does, and keeps its colours; or all pictures together, as `normalise_fixed` does."""

import numpy as np

from minicnn.images.colour import rgb_to_yuv

PLANES = {"picture": 3, "local": 3, "both": 6}  # that a network is given, by its `normalise`
YUV_MEAN = np.array([112, 0, 0], np.float32)[:, None, None]  # about those of photographs
YUV_SPREAD = np.array([64, 24, 24], np.float32)[:, None, None]
RGB_MEAN = np.array([124, 116, 104], np.float32)[:, None, None]  # of ImageNet, about
RGB_SPREAD = np.float32(60)


def normalise_locally(planes, window=15, floor=4.0):
    """(x - mean) / max(standard deviation, floor), each plane for itself.

    planes  float32 (C, H, W), in grey levels
    window  side of the square neighbourhood; the picture is reflected at its border
    floor   grey levels; keeps the noise of a clear sky from being blown up
    Source: Farabet et al. 2013, section 4.
    """
    from scipy.ndimage import uniform_filter

    result = np.empty_like(planes)
    for plane, out in zip(planes, result, strict=True):
        mean = uniform_filter(plane, window, mode="reflect")
        centred = plane - mean
        variance = uniform_filter(plane.astype(np.float64) ** 2, window, mode="reflect") - (
            mean.astype(np.float64) ** 2
        )
        out[...] = centred / np.maximum(np.sqrt(np.maximum(variance, 0)), floor)
    return result


def normalise_whole(planes):
    """float32 (C, H, W) with zero mean and unit variance over all planes together.
    Source: Pinheiro, Collobert 2014."""
    return (planes - planes.mean()) / max(float(planes.std()), 1e-3)


def normalise_fixed(planes):
    """YUV planes, float32 (3, H, W) in grey levels, with about zero mean and unit variance over
    photographs: the same numbers for every picture, so that a blue sky is blue in each."""
    return (planes - YUV_MEAN) / YUV_SPREAD


def normalise_both(planes, window=15, floor=4.0):
    """float32 (6, H, W): YUV planes normalised locally, which shows edges and texture best, and
    below them the same planes as they are, since the former have lost their colours."""
    return np.concatenate([normalise_locally(planes, window, floor), normalise_fixed(planes)])


OF_YUV = {"local": normalise_locally, "both": normalise_both}


def normalised(image, how):
    """A picture, uint8 (H, W, 3), as float32 (PLANES[how], H, W): RGB of zero mean and unit
    variance ('picture'), or one of OF_YUV."""
    if how == "picture":
        return normalise_whole(np.moveaxis(image, 2, 0).astype(np.float32))
    return OF_YUV[how](rgb_to_yuv(image))


def normalise_rgb(image):
    """uint8 (..., H, W, 3) as float32 (..., 3, H, W): each channel less its mean over many
    photographs, in units of about their spread."""
    planes = np.moveaxis(image, -1, -3).astype(np.float32, order="C")
    planes -= RGB_MEAN
    planes /= RGB_SPREAD
    return planes
