"""Answers at the points of a lattice over a padded picture: brought to every pixel of the picture,
or compared with its labels at those points. For the recurrent network, whose instances have a
lattice each."""

from typing import NamedTuple

import numpy as np

from minicnn import functional as F
from minicnn.datasets import VOID
from minicnn.engine.tensor import Tensor


class Answer(NamedTuple):
    """What an instance says: scores (N, classes, h, w), of which the first is that of the pixel
    (first, first) of the padded picture and the others lie `every` pixels apart; and the picture
    that it has seen."""

    seen: Tensor
    scores: Tensor
    first: int
    every: int


def spread(answer, margin, size, shift=(0, 0)):
    """An Answer at every pixel of a picture of `size`; `shift`: how many rows and columns of it
    were cut away first."""
    _, scores, first, every = answer
    middle = (every - 1) // 2
    skip = max(0, -(-(margin + middle - first) // every))
    begin = first + every * skip - margin - middle
    scores = scores[:, :, skip:, skip:]
    full = F.interpolate(scores, scale_factor=every, mode="bilinear", align_corners=False)
    top, left = (begin + k for k in shift)
    down, across = (max(0, n - m) for n, m in zip(size, full.shape[2:], strict=True))
    full = F.pad(full, (left, across, top, down), mode="replicate")
    return full[:, :, : size[0], : size[1]]


def loss_of(answer, margin, labels, weight):
    """The loss of an Answer at those of its points that lie in the picture."""
    _, scores, first, every = answer
    skip = max(0, -(-(margin - first) // every))
    start = first + every * skip - margin
    at_points = labels[:, start::every, start::every]
    rows, columns = (
        min(n, m - skip) for n, m in zip(at_points.shape[1:], scores.shape[2:], strict=True)
    )
    scores = scores[:, :, skip : skip + rows, skip : skip + columns]
    at_points = np.ascontiguousarray(at_points[:, :rows, :columns])
    if (at_points == VOID).all():  # nothing to learn here, for once
        return (scores * 0).sum()
    return F.cross_entropy(scores, at_points, weight, ignore_index=VOID)
