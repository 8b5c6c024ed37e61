"""Regions of one picture: what was found in it, or what is in it.

    found = Regions.of_masks(masks, classes, scores)
    truth = Regions.of_objects(objects, size)          Instances, as the data sets give them
    found[found.scores > 0], found[:10]                some of them
    for k in range(len(found)): found.masks[k], found.classes[k]

A class is the number of a label, as in label maps.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, repr=False)
class Regions:
    """R regions of a picture of H x W pixels; R may be 0.

    masks      bool (R, H, W)
    boxes      int64 (R, 4): top, left, bottom, right; the last two lie beyond. 0 0 0 0 for a mask
               without a pixel
    classes    int64 (R,)
    scores     float32 (R,); 1 for truths
    difficult  bool (R,), for truths: to find it is neither right nor wrong; or None: none is

    Raises ValueError for arrays that do not belong together.
    """

    masks: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    difficult: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.masks)
        if self.masks.ndim != 3 or self.masks.dtype != bool:
            raise ValueError(
                f"masks of regions are bool (R, H, W), not {self.masks.dtype} {self.masks.shape}"
            )
        shapes = {"boxes": (count, 4), "classes": (count,), "scores": (count,)}
        if self.difficult is not None:
            shapes["difficult"] = (count,)
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{count} regions need {name} of shape {shape}, not {getattr(self, name).shape}"
                )

    @classmethod
    def of_masks(cls, masks, classes, scores=None, difficult=None):
        """Regions whose boxes are those of their masks, (R, H, W). Without scores all are 1."""
        masks = np.asarray(masks, bool)
        scores = np.ones(len(masks)) if scores is None else scores
        difficult = None if difficult is None else np.asarray(difficult, bool)
        classes, scores = np.asarray(classes, np.int64), np.asarray(scores, np.float32)
        return cls(masks, boxes_of(masks), classes, scores, difficult)

    @classmethod
    def of_objects(cls, objects, size):
        """The truth of a picture of `size` (H, W): Instances (datasets.instances). One whose pixels
        nobody drew has its box as its mask, and is difficult."""
        if not objects:
            return cls.none(size)
        masks = np.zeros((len(objects), *size), bool)
        for mask, one in zip(masks, objects, strict=True):
            top, left, bottom, right = one.box
            mask[top:bottom, left:right] = (
                True if one.mask is None else one.mask[top:bottom, left:right]
            )
        difficult = [one.ignored or one.mask is None for one in objects]
        return cls.of_masks(masks, [one.label for one in objects], None, difficult)

    @classmethod
    def none(cls, size):
        """No regions, of a picture of `size` (H, W)."""
        return cls.of_masks(np.zeros((0, *size), bool), [])

    @property
    def size(self):
        """(H, W) of the picture."""
        return self.masks.shape[1:]

    def __len__(self):
        return len(self.masks)

    def __getitem__(self, chosen):
        """The Regions of a slice, of an array of places, or of a bool (R,)."""
        if isinstance(chosen, int | np.integer):
            chosen = [chosen]
        difficult = None if self.difficult is None else self.difficult[chosen]
        arrays = (self.masks, self.boxes, self.classes, self.scores)
        return Regions(*(array[chosen] for array in arrays), difficult)

    def __repr__(self):
        height, width = self.size
        return f"<{len(self)} Regions of a picture of {width} x {height}>"


def boxes_of(masks):
    """int64 (R, 4): top, left, bottom, right of each mask, bool (R, H, W), the last two beyond it;
    0 0 0 0 for one without a pixel."""
    boxes = np.zeros((len(masks), 4), np.int64)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size:
            box[:] = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    return boxes


def areas_of(boxes):
    """int64 (R,): how many pixels each of the boxes (R, 4) has."""
    boxes = np.asarray(boxes, np.int64).reshape(-1, 4)
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)


def common_of_boxes(boxes, others):
    """int64 (R, O): how many pixels two boxes, of (R, 4) and of (O, 4), have in common."""
    boxes, others = (np.asarray(b, np.int64).reshape(-1, 4) for b in (boxes, others))
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.maximum(high - low, 0).prod(axis=2)


def box_overlaps(boxes, others):
    """float32 (R, O): common pixels / pixels of both, of boxes (R, 4) and (O, 4)."""
    both = common_of_boxes(boxes, others)
    either = areas_of(boxes)[:, None] + areas_of(others) - both
    return (both / np.maximum(either, 1)).astype(np.float32)
