"""Masks drawn anew, by what the network has seen, on 10 x 10 cells, and by the picture's borders.

Proposals come from edges alone: that of a cat ends where its white paws begin. The network knows
that cats have paws, and roughly where. So, for each class,

    1. the box of a region, a bit larger, is cut into 10 x 10 cells; 100 logistic regressions say of
       each cell whether it belongs to the object, from the features of the region and its mask
    2. that goes onto superpixels, whose borders are those of the picture: each takes the mean of
       the cells over its pixels
    3. one more logistic regression decides of each superpixel, from that mean and from whether the
       region had it: kept where that is at least as likely as not

    boxes = enlarged(regions.boxes)
    refinement = fit_refinement(features, to_cells(masks, boxes), to_cells(objects, boxes) >= 0.5)
    votes = [refinement.votes(features, masks, leaves, objects) for each picture]
    refinement = refinement.with_votes(votes)
    inside = refinement.refined(features, masks, leaves)     bool (R, L), the superpixels of each
    inside[:, leaves]                                        bool (R, H, W)

Source: Hariharan et al. 2014, section 3.4, and the program that came with it. There a region that
learns has J >= 0.7 with an object of the class.
"""

from dataclasses import dataclass, replace

import numpy as np

from minicnn.labelling.proposals.overlaps import common
from minicnn.labelling.regions.logistic import logistic_regression, probabilities
from minicnn.labelling.regions.regions import boxes_of

CELLS = 10
PAD = 16 / (227 - 2 * 16)  # of the box's height and width, on each side, as in the crops
NORM = 20.0  # features are scaled so that their mean length is this
C_CELLS, C_VOTES = 0.01, 1.0
LEAST = 100 / (500 * 375)  # of the picture: superpixels that are larger vote in training
UNSURE = 0.2  # of the cells: superpixels below it that the region did not have do not


def enlarged(boxes, pad=PAD):
    """float64 (R, 4): the boxes larger by `pad` of their height and width on each side; they may
    reach beyond the picture."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    margin = pad * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + margin * [-1, -1, 1, 1]


def to_cells(masks, boxes, cells=CELLS):
    """float32 (R, cells, cells): the share of each cell of a box that its mask fills, exactly, also
    where a side of a cell runs through pixels. masks  bool (R, H, W); boxes  (R, 4)."""
    found = np.zeros((len(masks), cells, cells), np.float32)
    for k, (mask, (top, left, bottom, right)) in enumerate(zip(masks, boxes, strict=True)):
        down, across = (
            _shares(low, high, n, cells)
            for low, high, n in zip((top, left), (bottom, right), mask.shape, strict=True)
        )
        found[k] = down @ mask.astype(np.float32) @ across.T
    return found


def _shares(low, high, pixels, cells):
    """float32 (cells, pixels): which share of each of the cells between `low` and `high` each pixel
    takes, along one side."""
    ends = np.linspace(low, high, cells + 1)[:, None]
    first = np.arange(pixels)[None]
    both = np.minimum(ends[1:], first + 1) - np.maximum(ends[:-1], first)
    return (np.maximum(both, 0) / max((high - low) / cells, 1e-9)).astype(np.float32)


def to_pixels(values, box, size):
    """float32 (H, W): of each pixel the value (cells, cells) of the cell in which its middle lies,
    0 outside of the box (top, left, bottom, right)."""
    padded = np.pad(np.asarray(values, np.float32), 1)  # a frame of 0 around the cells
    places = []
    for low, high, pixels, cells in zip(box[:2], box[2:], size, np.shape(values), strict=True):
        cell = np.floor((np.arange(pixels) + 0.5 - low) / max(high - low, 1e-9) * cells)
        places.append(np.clip(cell, -1, cells).astype(np.int64) + 1)
    return padded[np.ix_(*places)]


def onto_superpixels(values, boxes, leaves):
    """float32 (R, L): the mean over each superpixel, `leaves` int (H, W) from 0, of what the cells
    (R, cells, cells) in the boxes (R, 4) say of its pixels."""
    areas = np.bincount(leaves.ravel())
    found = np.zeros((len(values), len(areas)), np.float32)
    for row, cells, box in zip(found, values, boxes, strict=True):
        weights = to_pixels(cells, box, leaves.shape).ravel()
        row[:] = np.bincount(leaves.ravel(), weights, len(areas)) / np.maximum(areas, 1)
    return found


def mostly_inside(masks, leaves):
    """bool (R, L): whether at least half of each superpixel lies in each of the masks."""
    return 2 * common(leaves, masks).T >= np.bincount(leaves.ravel())


@dataclass(frozen=True)
class Refinement:
    """What redraws the masks of one class.

    weight, bias  float32 (100, F + 100), (100,): one regression a cell, for F features as they
                  come, and the 100 cells of the mask
    vote          float32 (3,): of a superpixel's mean over the cells, whether the region had it,
                  and 1. At first: the cells alone, from 0.5 on
    """

    weight: np.ndarray
    bias: np.ndarray
    vote: np.ndarray

    def cells(self, features, cells):
        """float32 (R, 10, 10): how likely each cell belongs to the object. features  (R, F); cells
        (R, 10, 10): shares of the mask."""
        inputs = _together(features, cells)
        if inputs.shape[1] != self.weight.shape[1]:
            raise ValueError(
                f"this refinement learnt from {self.weight.shape[1] - CELLS**2} features of a "
                f"region, and got {inputs.shape[1] - CELLS**2}"
            )
        return probabilities(inputs, self.weight, self.bias).reshape(-1, CELLS, CELLS)

    def coarse(self, features, masks, leaves):
        """(float32 (R, L), bool (R, L)): the mean of the cells over each superpixel; whether the
        mask has it. masks bool (R, H, W), each with a pixel at least; leaves int (H, W)."""
        boxes = enlarged(boxes_of(masks))
        cells = self.cells(features, to_cells(masks, boxes))
        return onto_superpixels(cells, boxes, leaves), mostly_inside(masks, leaves)

    def votes(self, features, masks, leaves, objects):
        """float32 (M, 3): the superpixels of a picture from which the vote is learnt: mean over the
        cells, whether the region had it, whether the object has it. objects bool (R, H, W): the
        object of each of the regions."""
        mean, had = self.coarse(features, masks, leaves)
        large = np.bincount(leaves.ravel()) > LEAST * leaves.size
        counted = large & _possible(mean, had)
        columns = mean, had, mostly_inside(objects, leaves)
        return np.stack([column[counted] for column in columns], axis=1).astype(np.float32)

    def with_votes(self, votes):
        """This Refinement, its vote learnt from a list of what `votes` gave for each picture; as it
        is where there is nothing to learn from."""
        votes = np.concatenate([np.zeros((0, 3), np.float32), *votes])
        if not len(votes):
            return self
        weight, bias = logistic_regression(votes[:, :2], votes[:, 2:], C_VOTES)
        return replace(self, vote=np.array([*weight[0], bias[0]], np.float32))

    def refined(self, features, masks, leaves):
        """bool (R, L): the superpixels of each region, drawn anew, of those of a kind that has
        voted. Of a region that would vanish, the mask stays as it was."""
        mean, had = self.coarse(features, masks, leaves)
        inside = mean * self.vote[0] + had * self.vote[1] + self.vote[2] >= 0
        inside &= _possible(mean, had)
        empty = ~inside.any(axis=1)
        inside[empty] = had[empty]
        return inside

    def arrays(self):
        """{name: array} of what is learnt; `Refinement(**arrays)` is it again."""
        return {"weight": self.weight, "bias": self.bias, "vote": self.vote}


def fit_refinement(features, cells, targets):
    """The Refinement of a class whose vote is not learnt yet.

    features  (N, F) of regions that fit an object of the class, N at least 1
    cells     (N, 10, 10): shares of their masks, see `to_cells`
    targets   bool (N, 10, 10): whether half of each cell belongs to the object
    """
    features = np.asarray(features, np.float32)
    scale = NORM / max(float(np.linalg.norm(features, axis=1).mean()), 1e-9)
    inputs = _together(scale * features, cells)
    weight, bias = logistic_regression(
        inputs, np.reshape(targets, (len(inputs), CELLS**2)), C_CELLS
    )
    weight[:, : features.shape[1]] *= scale  # so that features may come as they are
    return Refinement(weight, bias, np.array([1, 0, -0.5], np.float32))


def _possible(mean, had):
    return (mean > UNSURE) | had


def _together(features, cells):
    features = np.asarray(features, np.float32)
    flat = np.reshape(cells, (len(features), CELLS**2))
    return np.concatenate([features, flat], axis=1)
