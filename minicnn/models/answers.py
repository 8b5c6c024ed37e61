"""What an instance of a recurrent network says, and where: scores on a lattice of pixels."""

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

    def spread(self, margin, size, shift=(0, 0)):
        """The scores at every pixel of a picture of `size`; `shift`: how many rows and columns were
        cut away from it first."""
        _, scores, first, every = self
        middle = (every - 1) // 2
        skip = max(0, -(-(margin + middle - first) // every))
        begin = first + every * skip - margin - middle
        scores = scores[:, :, skip:, skip:]
        full = F.interpolate(scores, scale_factor=every, mode="bilinear", align_corners=False)
        top, left = (begin + k for k in shift)
        down, across = (max(0, n - m) for n, m in zip(size, full.shape[2:], strict=True))
        full = F.pad(full, (left, across, top, down), mode="replicate")
        return full[:, :, : size[0], : size[1]]

    def loss(self, margin, labels, weight, sets=()):
        """The loss at those of its points that lie in the picture; None if none has a label."""
        _, scores, first, every = self
        skip = max(0, -(-(margin - first) // every))
        start = first + every * skip - margin
        # what lies beyond a picture smaller than the cell is compared with its last row or column
        top, left = (min(start, max(0, side - 1)) for side in labels.shape[1:])
        at_points = labels[:, top::every, left::every]
        rows, columns = (
            min(n, m - skip) for n, m in zip(at_points.shape[1:], scores.shape[2:], strict=True)
        )
        scores = scores[:, :, skip : skip + rows, skip : skip + columns]
        at_points = np.ascontiguousarray(at_points[:, :rows, :columns])
        if (at_points == VOID).all():
            return None
        return F.cross_entropy_of_sets(scores, at_points, sets, weight, ignore_index=VOID)
