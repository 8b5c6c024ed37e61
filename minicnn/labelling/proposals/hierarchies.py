"""From the strength of edges to hierarchies of regions, at several scales over one partition.

    found = hierarchies([coarse, middle, fine])

Each strength, float (H, W), becomes a tree by itself. Its watershed cuts the picture into small
regions along the crests; a crest counts by as much as it runs where its edge runs (the oriented
watershed). Then the two neighbours between which the boundary is weakest on average are merged, and
so on to the whole picture; the mean at which two were merged is the altitude of the new region.

A coarse picture knows best whether there is an edge, a fine one where it is. So the trees are
aligned: each region of the finest partition takes the region of the coarse one in which most of it
lies, and two of them are as far apart as these are. Then all say something about the same
boundaries, and the mean of what they say gives one more tree.

higra does this: oriented watershed, mean-boundary hierarchies, alignment. Cousty, Najman and others
wrote it (Perret et al., Higra: Hierarchical Graph Analysis, SoftwareX 2019; licence CeCILL-B).

Source: Arbelaez et al. 2011, sections 4.1, 4.2; 2014, sections 3 and 4. Their spectral gradient is
left out: our edges come from a network that sees far around each pixel already.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.labelling.contours import normals
from minicnn.labelling.superpixels import GroupingError
from minicnn.labelling.tree import cut

LEAVES = 900  # regions at most in the finest partition: what is weaker is merged beforehand


@dataclass(frozen=True)
class Tree:
    """A binary tree over the leaves 0 .. L-1: parents int64 (2L-1,), the root its own; altitudes
    float64 (2L-1,), 0 at leaves, growing towards the root."""

    parents: np.ndarray
    altitudes: np.ndarray


@dataclass(frozen=True)
class Hierarchies:
    """Trees over one partition of a picture.

    leaves    int32 (H, W): the leaf of each pixel, from 0
    areas     int64 (L,): their pixels; rims  int64 (L,): pixel sides on the rim of the picture
    boxes     int64 (L, 4): top, left, bottom, right, the last two beyond
    edges     int64 (E, 2): leaves that touch; lengths  float64 (E,): pixel sides between them
    strengths  float64 (E,): the altitude at which they are joined, in the tree where it is highest
    trees     of Tree: the combined one first, then one for each scale as given
    """

    leaves: np.ndarray
    areas: np.ndarray
    rims: np.ndarray
    boxes: np.ndarray
    edges: np.ndarray
    lengths: np.ndarray
    strengths: np.ndarray
    trees: tuple


def load_higra():
    """The module. Raises GroupingError if it is not installed."""
    try:
        import higra
    except ImportError:
        raise GroupingError(
            "hierarchies of regions come from higra, which is not installed: pip install higra "
            "(the extra [regions])"
        ) from None
    return higra


def hierarchies(strengths, most=LEAVES):
    """The Hierarchies of strengths, float (H, W) from 0 to 1 each, the last of them the finest."""
    hg = load_higra()
    size = strengths[0].shape
    if min(size) < 2:  # no graph of pixels worth the name
        return _one_leaf(size, len(strengths))
    graph = hg.get_4_adjacency_graph(size)
    single = [_mean_boundaries(hg, graph, strength, size) for strength in strengths]
    leaves = _finest(hg, *single[-1], most).reshape(size)
    count = int(leaves.max()) + 1
    if count == 1:
        return _one_leaf(size, len(strengths))
    rag = hg.make_region_adjacency_graph_from_labelisation(graph, leaves.ravel())
    leaves = hg.CptRegionAdjacencyGraph.get_vertex_map(rag).reshape(size).astype(np.int64)
    ends = np.stack(rag.edge_list()).T.astype(np.int64)
    lengths = hg.rag_accumulate_on_edges(
        rag, hg.Accumulators.sum, edge_weights=np.ones(graph.num_edges())
    )
    aligned = hg.align_hierarchies(graph, leaves.ravel(), single)
    heights = [
        hg.rag_accumulate_on_edges(rag, hg.Accumulators.mean, edge_weights=a) for a in aligned
    ]
    combined = hg.binary_partition_tree_average_linkage(rag, np.mean(heights, axis=0), lengths)
    trees = [_tree(*combined)] + [_tree(*hg.bpt_canonical(rag, height)) for height in heights]
    # where in the combined tree two leaves come together, which their common boundary tells
    above = hg.attribute_lca_map(combined[0])
    strength = np.max([*heights, combined[1][above]], axis=0)
    return Hierarchies(
        leaves.astype(np.int32),
        np.bincount(leaves.ravel()),
        _rims(leaves, count),
        _boxes(leaves),
        ends,
        np.asarray(lengths, np.float64),
        np.asarray(strength, np.float64),
        tuple(trees),
    )


def cut_into(h, regions):
    """int32 (H, W), from 0: the combined tree of Hierarchies cut where it has at most so many
    regions."""
    tree, count = h.trees[0], len(h.areas)
    extra = count - regions
    height = tree.altitudes[count + extra - 1] if extra > 0 else 0.0
    nodes = cut(tree.parents, tree.altitudes, height)
    return np.unique(nodes, return_inverse=True)[1].astype(np.int32)[h.leaves]


def _mean_boundaries(hg, graph, strength, size):
    """(higra's tree, its altitudes) of one strength. Where two pixels meet, the mean of their
    strengths counts, and the direction of the stronger one."""
    strength = np.asarray(strength, np.float64)
    weights = hg.weight_graph(graph, strength.ravel(), hg.WeightFunction.mean)
    source, target, *_ = graph.edge_list()
    flat = strength.ravel()
    stronger = np.where(flat[source] >= flat[target], source, target)
    directions = normals(strength).ravel()[stronger] % np.pi
    return hg.mean_pb_hierarchy(graph, weights, size, directions.astype(np.float64))


def _finest(hg, tree, altitudes, most):
    """int64 (pixels,): a partition of at most so many regions, from 0: the leaves of a tree, the
    weakest boundaries left out if there are more."""
    extra = tree.num_leaves() - most  # so many mergings come first
    weakest = altitudes[tree.num_leaves() + extra - 1] if extra > 0 else -1.0
    basins = hg.labelisation_horizontal_cut_from_threshold(tree, altitudes, weakest)
    pixels = hg.rag_back_project_vertex_weights(hg.CptHierarchy.get_leaf_graph(tree), basins)
    return np.unique(pixels, return_inverse=True)[1].astype(np.int64)


def _tree(tree, altitudes):
    altitudes = np.array(altitudes, np.float64)
    return Tree(np.array(tree.parents(), np.int64), np.maximum.accumulate(altitudes))


def _rims(leaves, count):
    rims = [leaves[0], leaves[-1], leaves[:, 0], leaves[:, -1]]
    return np.bincount(np.concatenate(rims), minlength=count)


def _boxes(leaves):
    from scipy.ndimage import find_objects

    return np.array(
        [(r.start, c.start, r.stop, c.stop) for r, c in find_objects(leaves + 1)], np.int64
    )


def _one_leaf(size, scales):
    """A picture without an edge, all of it one region."""
    height, width = size
    tree = Tree(np.zeros(1, np.int64), np.zeros(1))
    return Hierarchies(
        np.zeros(size, np.int32),
        np.array([height * width]),
        np.array([2 * (height + width)]),
        np.array([[0, 0, height, width]]),
        np.zeros((0, 2), np.int64),
        np.zeros(0),
        np.zeros(0),
        (tree,) * (scales + 1),
    )
