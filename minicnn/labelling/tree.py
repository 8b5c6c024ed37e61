"""A tree of segments: from superpixels by and by to the whole picture.

    edges, weights = colour_distances(image, regions)
    parents, heights = merge_tree(edges, weights, count)

Kruskal 1956: take the edges of a graph from the lightest on, and keep each that joins two parts
which are not joined yet. What is kept is the minimum spanning tree. Each kept edge makes one
segment of two, so the order of merging is itself a tree: its leaves are the regions 0 .. N-1, each
kept edge is a node above the two parts that it joins, and the last node, 2N-2, is the whole
picture. A node's number is larger than those of its children, so a loop over the numbers goes from
the leaves up, and a loop backwards from the root down.

The height of a node is the weight of the edge that made it, 0 for a leaf; it grows towards the
root. The highest nodes below some height are a segmentation of the picture, one for each height.

Whether two nodes belong to one part is told by «union-find»: each part has one node, its latest, to
which all others point, over some steps; on the way the pointers are shortened.

Source: Felzenszwalb, Huttenlocher 2004 (the same order of merging, with a rule when to stop); as a
tree for labelling Farabet et al. 2012 and 2013, section 3.3.
"""

import numpy as np

from minicnn.engine.kernel import Kernel, helper
from minicnn.labelling.superpixels import colour_steps, neighbours, region_means

kruskal = Kernel(
    "kruskal",
    "int64 edges[E, 2], int64 order[E], int64 part[nodes], int64 parents[nodes], "
    "int64 made_by[nodes]; nodes % 2 == 1; 2 * highest(edges) < nodes; highest(order) < E",
)


@helper
def representative(part, k):
    """The latest node of the part that node k belongs to."""
    while part[k] != k:
        part[k] = part[part[k]]  # the next search is half as long
        k = part[k]
    return k


@kruskal.cpu
def kruskal_cpu(edges, order, part, parents, made_by):
    """Fills parents (2N-1,), and made_by (2N-1,): the edge that made each node, -1 for leaves.
    `part` (2N-1,) is the union-find, each entry its own number at first."""
    node = (part.size + 1) // 2  # the leaves are there already
    for e in order:
        a = representative(part, edges[e, 0])
        b = representative(part, edges[e, 1])
        if a != b:
            parents[a] = parents[b] = node
            part[a] = part[b] = node
            made_by[node] = e
            node += 1


def merge_tree(edges, weights, count):
    """(parents int64 (2N-1,), heights float64 (2N-1,)) of a connected graph of N = count nodes.

    edges    int (E, 2); weights  (E,): the smallest is merged first

    The root is its own parent. Raises ValueError if the graph is not connected.
    """
    parents, made_by = _kruskal(edges, weights, count)
    heights = np.zeros(2 * count - 1)
    heights[count:] = weights[made_by[count:]]
    return parents, heights


def minimum_spanning_tree(edges, weights, count):
    """int64 (N-1,): the edges, by their number, of the lightest tree that joins all nodes, from the
    lightest to the heaviest. Arguments and errors as for `merge_tree`."""
    return _kruskal(edges, weights, count)[1][count:]


def _kruskal(edges, weights, count):
    nodes = 2 * count - 1
    parents, made_by = np.arange(nodes), np.full(nodes, -1)
    order = np.argsort(weights, kind="stable")
    kruskal(np.ascontiguousarray(edges, np.int64), order, np.arange(nodes), parents, made_by)
    if (made_by[count:] < 0).any():
        raise ValueError(f"merge_tree: no tree joins the {count} nodes, for some are not connected")
    return parents, made_by


def colour_distances(image, regions):
    """(edges int64 (E, 2), weights (E,)): which regions touch, and how far their mean colours are
    apart, in grey levels."""
    edges, _, _ = neighbours(regions, colour_steps(image))
    means = region_means(np.moveaxis(image.astype(np.float64), 2, 0), regions)
    return edges, np.sqrt(((means[edges[:, 0]] - means[edges[:, 1]]) ** 2).sum(axis=1))


def leaf_ranges(parents):
    """(order int64 (N,), first (2N-1,), last (2N-1,)): the leaves in an order in which the leaves
    below any node k stand side by side, as order[first[k] : last[k]]."""
    count = (len(parents) + 1) // 2
    size = sums_of_leaves(np.ones(count, np.int64), parents)
    first = np.zeros(len(parents), np.int64)
    free = first.copy()  # where the next child of a node begins
    for k in range(len(parents) - 2, -1, -1):  # parents before children
        first[k] = free[k] = free[parents[k]]
        free[parents[k]] += size[k]
    order = np.empty(count, np.int64)
    order[first[:count]] = np.arange(count)
    return order, first, first + size


def sums_of_leaves(values, parents):
    """(2N-1, ...): for every node the sum of the values (N, ...) of the leaves below it."""
    sums = np.zeros((len(parents), *values.shape[1:]), values.dtype)
    sums[: len(values)] = values
    for k in range(len(parents) - 1):  # children before parents
        sums[parents[k]] += sums[k]
    return sums


def cut(parents, heights, height):
    """int64 (N,): for each leaf the highest of itself and its ancestors that is not above
    `height`."""
    top = np.arange(len(parents))
    for k in range(len(parents) - 2, -1, -1):
        if heights[parents[k]] <= height:
            top[k] = top[parents[k]]
    return top[: (len(parents) + 1) // 2]
