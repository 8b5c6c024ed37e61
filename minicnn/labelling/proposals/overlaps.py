"""How well are the objects found among regions? J = common pixels / pixels of both.

    counts = common(leaves, objects)                    of each leaf, in each object
    j = overlaps(regions, areas, counts, sizes)         of each region with each object

J_i is the mean over all objects of all pictures of the best J among the regions; recall at 0.5 the
share of the objects with a best J of 0.5 at least.

Source: Pont-Tuset, Van Gool 2015; papers: Arbelaez et al. 2014, section 6.
"""

import numpy as np


def common(leaves, masks):
    """int64 (L, O): the pixels of each leaf, `leaves` int (H, W), in each mask, bool (H, W)."""
    count = int(leaves.max()) + 1
    columns = [np.bincount(leaves[mask], minlength=count) for mask in masks]
    return np.stack(columns, axis=1) if columns else np.zeros((count, 0), np.int64)


def overlaps(regions, areas, counts, sizes):
    """float32 (N, O): J of each of the regions, bool (N, L), with each object. areas (L,) of the
    leaves; counts (L, O) as `common` gives them; sizes (O,) of the objects."""
    regions = regions.astype(np.float32)
    both = regions @ counts.astype(np.float32)
    either = (regions @ areas.astype(np.float32))[:, None] + np.asarray(sizes, np.float32) - both
    return both / np.maximum(either, 1)


def mask_overlaps(regions, objects):
    """float32 (N, O): J of masks, bool (N, H, W) and (O, H, W)."""
    a = regions.reshape(len(regions), -1).astype(np.float32)
    b = objects.reshape(len(objects), -1).astype(np.float32)
    both = a @ b.T
    return both / np.maximum(a.sum(axis=1)[:, None] + b.sum(axis=1) - both, 1)


def best_at(j, counts):
    """float32 (len(counts), O): the best J of each object among the first so many regions; 0 where
    there is none. j (N, O), the regions in their order."""
    best = np.maximum.accumulate(j, axis=0) if len(j) else np.zeros((1, j.shape[1]), np.float32)
    return np.stack([best[min(n, len(best)) - 1] for n in counts])
