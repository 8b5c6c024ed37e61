"""What a segment looks like to the network: a masked, elastic max-pooling of dense features.

A grid of G x G cells is laid over the segment's bounding box. In each cell, of each feature, the
maximum is taken over the places that are in the segment and in the cell; 0 where there are none:

    D_k[y, x, c] = max of F_c(p) over places p of segment k with cell(p) = (y, x)

So large and small segments have descriptors of one length, C x G x G, and their shape counts.

The segments are the nodes of a tree. Its leaves are put in an order in which the leaves below any
node stand side by side; then the places of a node are one slice of one list, and the kernel walks
over it twice: once for the bounding box, once for the maxima.

Source: Farabet et al. 2012; Farabet et al. 2013, section 3.3.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, prange
from minicnn.labelling.tree import leaf_ranges

pool_masked = Kernel(
    "pool_masked",
    "features[P, C], int64 rows[P], int64 columns[P], int64 first[K], int64 last[K], "
    "out[K, grid, grid, C]; highest(last) <= P; highest(first) < P",
)


@pool_masked.cpu
def pool_masked_cpu(features, rows, columns, first, last, out):
    """features (P, C): the places of segment k are first[k] .. last[k] - 1, at the given rows and
    columns of the map. out (segments, G, G, C), zeros at first."""
    grid = out.shape[1]
    for k in prange(out.shape[0]):
        top, left = rows[first[k]], columns[first[k]]
        bottom, right = top, left
        for p in range(first[k], last[k]):
            top, bottom = min(top, rows[p]), max(bottom, rows[p])
            left, right = min(left, columns[p]), max(right, columns[p])
        empty = np.ones((grid, grid), np.bool_)
        for p in range(first[k], last[k]):
            y = (rows[p] - top) * grid // (bottom + 1 - top)
            x = (columns[p] - left) * grid // (right + 1 - left)
            for c in range(features.shape[1]):
                if empty[y, x] or features[p, c] > out[k, y, x, c]:
                    out[k, y, x, c] = features[p, c]
            empty[y, x] = False


def pool_segments(features, regions, parents, grid, nodes=None):
    """float32 (2N-1, grid, grid, C): the descriptor of every node of a tree.

    features  float (C, h, w); coarser than the picture they count for the pixels around the middle
    regions   int (H, W): the leaves; parents  as from `merge_tree`
    nodes     int: of these nodes only
    """
    order, first, last = leaf_ranges(parents)
    owner, places = _owners(regions, features.shape[1:])
    rank = np.argsort(order)[owner]  # where in the order the leaf of each place stands
    sequence = np.argsort(rank, kind="stable")
    ends = np.searchsorted(rank[sequence], np.arange(len(order) + 1))
    first, last = ends[first], ends[last]
    if nodes is not None:
        first, last = first[nodes], last[nodes]
    places = places[sequence]
    rows, columns = np.divmod(places, features.shape[2])
    values = np.ascontiguousarray(features.reshape(len(features), -1).T[places], np.float32)
    out = np.zeros((len(first), grid, grid, len(features)), np.float32)
    pool_masked(values, rows, columns, first, last, out)
    return out


def middles(pixels, places):
    """int (places,): the pixel in the middle of each of the places that divide a row of pixels."""
    each = -(-pixels // places)
    return np.minimum(np.arange(places) * each + each // 2, pixels - 1)


def _owners(regions, size):
    """(owners int64 (P,), places int64 (P,)): the region of each place of a map of size (h, w), the
    one of the pixel in its middle. A region too small to own a place shares the one around a pixel
    of its own, so that none is without."""
    height, width = regions.shape
    down, across = -(-height // size[0]), -(-width // size[1])  # pixels to a place
    rows, columns = middles(height, size[0]), middles(width, size[1])
    owners = regions[rows[:, None], columns].ravel()
    everyone, pixels = np.unique(regions, return_index=True)
    lost = ~np.isin(everyone, owners)
    y, x = np.divmod(pixels[lost], width)
    shared = y // down * size[1] + x // across
    places = np.concatenate([np.arange(owners.size), shared])
    return np.concatenate([owners, everyone[lost]]).astype(np.int64), places
