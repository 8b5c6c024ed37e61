"""What an engineer measured around a pixel before networks learnt what to measure: 33 channels.

    17  a bank of filters on CIELab: Gaussians (sigma 1, 2, 4) of L, a and b; derivatives across and
        down (sigma 2, 4), and Laplacians of Gaussians (sigma 1, 2, 4, 8), of L alone
     3  red, green, blue
     9  a histogram of oriented gradients: how strongly L rises in each of 9 directions nearby
     4  local binary patterns: whether the neighbour to the right, above, to the left, below is
        brighter

Each is a plane of about 0 to 1, or -1 to 1. Pictures end in copies of their last rows and columns.

Source: the filters are those of Shotton et al. 2006, with HOG (Dalal, Triggs 2005) and LBP (Ojala
et al. 2002) as S. Gould's DARWIN library has them; where we do not know its numbers (the cell of
the histogram), ours are written here.
"""

import numpy as np

from minicnn.images.colour import rgb_to_lab

BLURS, SLOPES, BLOBS = (1, 2, 4), (2, 4), (1, 2, 4, 8)
LONGER = 3  # the sigma of a derivative along the edge, in those across it
ORIENTATIONS = 9  # of unsigned gradients, 20 degrees each
CELL = 8  # pixels, side of the square whose gradients are counted
CLIP = (0.1, 0.5)  # shares below and above are cut off, and what is left becomes 0 to 1
FLAT = 0.02  # gradients in L / 100, summed over a cell: about what noise is worth
NEIGHBOURS = ((0, 1), (-1, 0), (0, -1), (1, 0))  # right, above, left, below

NAMES = (
    [f"{plane} blurred, sigma {s}" for s in BLURS for plane in "Lab"]
    + [f"L derived {way}, sigma {s}" for s in SLOPES for way in ("across", "down")]
    + [f"L Laplacian, sigma {s}" for s in BLOBS]
    + ["red", "green", "blue"]
    + [f"gradients at {20 * k} degrees" for k in range(ORIENTATIONS)]
    + [f"brighter {where}" for where in ("right", "above", "left", "below")]
)


def channels(image):
    """uint8 (H, W, 3) to float64 (33, H, W), in the order of NAMES."""
    lab = rgb_to_lab(image)
    lab = np.stack([lab[0] / 100, (lab[1] + 128) / 255, (lab[2] + 128) / 255])
    colours = np.moveaxis(image, 2, 0) / 255
    parts = [filter_bank(lab), colours, gradient_histogram(lab[0]), binary_patterns(lab[0])]
    return np.concatenate(parts)


def filter_bank(lab):
    """(17, H, W): what the filters answer to planes (3, H, W) of L, a and b."""
    from scipy.ndimage import gaussian_filter, gaussian_laplace

    found = [gaussian_filter(plane, s, mode="nearest") for s in BLURS for plane in lab]
    for s in SLOPES:  # times sigma, so that an edge answers alike at both
        across, down = (LONGER * s, s), (s, LONGER * s)
        found.append(s * gaussian_filter(lab[0], across, order=(0, 1), mode="nearest"))
        found.append(s * gaussian_filter(lab[0], down, order=(1, 0), mode="nearest"))
    found += [s * s * gaussian_laplace(lab[0], s, mode="nearest") for s in BLOBS]
    return np.stack(found)


def gradient_histogram(plane):
    """(9, H, W) of a plane (H, W): in the square around each pixel, which share of its gradients,
    counted by their length, has which direction. A direction and its opposite count as one, and one
    between two of the nine counts for both in proportion."""
    from scipy.ndimage import uniform_filter

    padded = np.pad(plane, 1, mode="edge")
    across, down = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    length = np.hypot(across, down)
    place = np.arctan2(down, across) % np.pi * (ORIENTATIONS / np.pi)  # 0 to 9
    lower = np.floor(place).astype(int) % ORIENTATIONS
    rest = place % 1
    counted = np.zeros((ORIENTATIONS, *plane.shape))
    rows, columns = np.indices(plane.shape)
    counted[lower, rows, columns] = length * (1 - rest)
    counted[(lower + 1) % ORIENTATIONS, rows, columns] += length * rest
    counted = np.stack([uniform_filter(c, CELL, mode="nearest") for c in counted])
    whole = np.sqrt((counted**2).sum(axis=0)) + FLAT / CELL**2
    low, high = CLIP
    return (np.clip(counted / whole, low, high) - low) / (high - low)


def binary_patterns(plane):
    """(4, H, W) of a plane (H, W): 1 where the neighbour is brighter than the pixel, else 0."""
    height, width = plane.shape
    padded = np.pad(plane, 1, mode="edge")
    return np.stack(
        [
            padded[1 + down : 1 + down + height, 1 + right : 1 + right + width] > plane
            for down, right in NEIGHBOURS
        ]
    ).astype(np.float64)
