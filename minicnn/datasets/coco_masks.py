"""The label map and the Instances of one picture of COCO, from its annotations."""

import numpy as np

from minicnn.datasets import run_lengths
from minicnn.datasets.dataset import DataError
from minicnn.datasets.instances import instance
from minicnn.images.labels import VOID, read_ids


def instance_masks(path, about, size, label_of):
    """(labels uint8 (H, W), Instances) of polygons and run lengths. `label_of` {category: label}; 0
    is background. The smaller an object, the later it is painted; crowds last, as void, where
    nothing else is."""
    found = []
    for one in about["annotations"]:
        where = f"{path}: annotation {one.get('id')} of {about['file_name']}"
        label = _label(one, label_of, where)
        try:
            mask = _mask(one.get("segmentation"), size)
        except ValueError as error:
            raise DataError(f"{where}: {error}") from None
        if not mask.any():
            raise DataError(f"{where}: has an area of 0 pixels")
        found.append(instance(label, mask, bool(one.get("iscrowd", 0))))
    labels = np.zeros(size, np.uint8)
    for one in sorted(found, key=lambda one: -int(one.mask.sum())):
        if not one.ignored:
            labels[one.mask] = one.label
    for one in found:
        if one.ignored:
            labels[one.mask & (labels == 0)] = VOID
    return labels, tuple(found)


def _mask(segmentation, size):
    if isinstance(segmentation, dict):
        mask = run_lengths.decode(segmentation)
        if mask.shape != size:
            (h, w), (rows, columns) = size, mask.shape
            raise ValueError(f"its mask is {columns} x {rows}, but the picture is {w} x {h}")
        return mask
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("has no segmentation: neither polygons nor run lengths")
    return run_lengths.fill(segmentation, size)


def panoptic_masks(path, about, size, label_of, things):
    """(labels uint8 (H, W), Instances) of a picture whose colours are numbers of segments.
    `things`: the categories whose segments are objects."""
    (one,) = about["annotations"][:1]
    file = path.with_suffix("") / str(one.get("file_name"))
    ids = read_ids(file)
    if ids.shape != size:
        (h, w), (rows, columns) = size, ids.shape
        raise DataError(f"{file}: is {columns} x {rows}, but the picture is {w} x {h}")
    labels, found = np.full(size, VOID, np.uint8), []
    listed = {0}
    for segment in one.get("segments_info", []):
        where = f"{path}: segment {segment.get('id')} of {file.name}"
        label, mask = _label(segment, label_of, where), ids == segment.get("id")
        listed.add(segment.get("id"))
        if not mask.any():
            raise DataError(f"{where}: has an area of 0 pixels")
        crowd = bool(segment.get("iscrowd", 0))
        labels[mask] = VOID if crowd else label
        if segment["category_id"] in things:
            found.append(instance(label, mask, crowd))
    if strange := set(np.unique(ids).tolist()) - listed:
        raise DataError(
            f"{file}: holds the segment {min(strange)}, which {path.name} does not list"
        )
    return labels, tuple(found)


def _label(one, label_of, where):
    category = one.get("category_id")
    if isinstance(category, list | dict) or category not in label_of:
        raise DataError(f"{where}: there is no category {category!r}")
    return label_of[category]
