"""Superpixels: small regions of like colour, which seldom cross the border of an object.

    regions = superpixels(image)                     int32 (H, W), the number of each pixel's region
    means = region_means(probabilities, regions)     d_k,a = (1 / |S_k|) sum of p_i,a over i in S_k
    labels = means.argmax(axis=1)[regions]           one label for each superpixel

A network says what is where, but only roughly where: its scores are smooth. The picture knows the
border to the pixel. The segmentation is that of Felzenszwalb and Huttenlocher: regions grow
together along the smallest differences of colour, unless the difference between two is large
against what each contains. scikit-image has it; it is not what one comes here to read.

Source: Felzenszwalb, Huttenlocher 2004; as labelling Farabet et al. 2013, section 3.1.
"""

import numpy as np


class GroupingError(ValueError):
    """A grouping that cannot be made; the message says why and what to do."""


def superpixels(image, scale=50.0, sigma=1.2, min_size=50):
    """int32 (H, W): the region of each pixel, numbered from 0 without a gap.

    image     uint8 (H, W, 3)
    scale     larger makes larger regions; sigma  of the Gaussian that smoothes the picture before
    min_size  pixels; smaller regions are merged with a neighbour

    The defaults were chosen on the validation pictures of Stanford Background, 320 pixels wide.
    Raises GroupingError if scikit-image is not installed.
    """
    try:
        from skimage.segmentation import felzenszwalb
    except ImportError:
        raise GroupingError(
            "superpixels come from scikit-image, which is not installed: pip install scikit-image"
        ) from None
    if min(image.shape[:2]) < 2:  # nothing to grow together, and scikit-image refuses
        return np.zeros(image.shape[:2], np.int32)
    found = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size, channel_axis=-1)
    return np.unique(found, return_inverse=True)[1].reshape(found.shape).astype(np.int32)


def region_sizes(regions):
    """int64 (S,): how many pixels each region has."""
    return np.bincount(regions.ravel())


def region_means(maps, regions):
    """float64 (S, K): the mean of each of the maps (K, H, W) over each region."""
    flat = regions.ravel()
    sums = [np.bincount(flat, weights=plane.ravel()) for plane in maps]
    return np.stack(sums, axis=1) / region_sizes(regions)[:, None]


def neighbours(regions, pair_values):
    """Which regions touch, and what lies between them.

    pair_values  (across (H, W-1), down (H-1, W)): a number for each pair of neighbouring pixels

    Returns edges int64 (E, 2), the smaller number first; lengths (E,): how many pairs of pixels lie
    across each border; sums (E,): of their values.
    """
    count = int(regions.max()) + 1
    pairs = ((regions[:, :-1], regions[:, 1:]), (regions[:-1], regions[1:]))
    codes, values = [], []
    for (a, b), value in zip(pairs, pair_values, strict=True):
        differ = a != b
        a, b = a[differ].astype(np.int64), b[differ].astype(np.int64)
        codes.append(np.minimum(a, b) * count + np.maximum(a, b))
        values.append(value[differ])
    found, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    edges = np.stack([found // count, found % count], axis=1)
    lengths = np.bincount(inverse, minlength=len(found))
    return edges, lengths, np.bincount(inverse, np.concatenate(values), minlength=len(found))


def colour_steps(image):
    """(float64 (H, W-1), float64 (H-1, W)): the distance in colour, in grey levels, of each pixel
    from its right and from its lower neighbour."""
    planes = image.astype(np.float64)
    return tuple(np.sqrt((np.diff(planes, axis=axis) ** 2).sum(axis=2)) for axis in (1, 0))
