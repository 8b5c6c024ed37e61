"""What proposals are made of, and they themselves: edges, a hierarchy as a map of how strong each
boundary is, the best regions."""

import numpy as np

from minicnn.datasets.colours import palette
from minicnn.figures.labelled import proportions
from minicnn.figures.style import TEXT
from minicnn.labelling.proposals.proposer import SCALES

BEST = 20  # regions that are drawn
CELL = 2.6  # inches


def proposal_figures(proposer, image, count=BEST):
    """{"edges", "hierarchy", "proposals": Figure} of a picture, uint8 (H, W, 3)."""
    found = proposer(image, count)
    return {
        "edges": edges_figure(image, found.strengths),
        "hierarchy": hierarchy_figure(image, found.hierarchies),
        "proposals": regions_figure(image, found, count),
    }


def edges_figure(image, strengths, scales=SCALES):
    """The strength of edges at each scale, dark where it is strong."""
    names = [f"edges of it at {scale:g} of its size" for scale in scales]
    return _row(image, strengths, names)


def hierarchy_figure(image, h):
    """The boundaries of the four trees of Hierarchies: the higher two regions are joined, the
    darker the line between them."""
    maps = [saliency(h, tree) for tree in h.trees]
    names = ["combined", *(f"{scale:g} of the size, aligned" for scale in SCALES)]
    return _row(image, maps, [f"hierarchy: {name}" for name in names])


def saliency(h, tree):
    """float (2 H - 1, 2 W - 1): at each place between two pixels the altitude at which their leaves
    are joined; pixels themselves lie at even places, and are 0."""
    joined = _joined(tree, h.edges)
    count = len(h.areas)
    codes = h.edges.min(axis=1) * count + h.edges.max(axis=1)
    order = np.argsort(codes)
    height, width = h.leaves.shape
    found = np.zeros((2 * height - 1, 2 * width - 1))
    for across, place in ((True, np.s_[::2, 1::2]), (False, np.s_[1::2, ::2])):
        a, b = (h.leaves[:, :-1], h.leaves[:, 1:]) if across else (h.leaves[:-1], h.leaves[1:])
        pair = np.minimum(a, b).astype(np.int64) * count + np.maximum(a, b)
        differ = a != b
        values = np.zeros(a.shape)
        values[differ] = joined[order[np.searchsorted(codes[order], pair[differ])]]
        found[place] = values
    corners = [found[:-1:2, 1::2], found[2::2, 1::2], found[1::2, :-1:2], found[1::2, 2::2]]
    found[1::2, 1::2] = np.max(corners, axis=0)
    return found


def _joined(tree, edges):
    """float (E,): the altitude of the lowest node above both leaves of each pair."""
    a, b = edges.T.copy()
    while (a != b).any():  # a node's number is smaller than its parent's
        lower = a < b
        a = np.where(lower, tree.parents[a], a)
        b = np.where(~lower & (a != b), tree.parents[b], b)
    return tree.altitudes[a]


def regions_figure(image, found, count=BEST):
    """The first `count` of the Proposals, each on the picture, with what the forest expects of
    it."""
    from matplotlib.figure import Figure

    count = max(1, min(count, len(found)))
    columns = min(5, count)
    rows = -(-count // columns)
    aspect = proportions(image.shape)
    size = (CELL * columns, (CELL * aspect + 0.28) * rows)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    colours = palette(count)
    for axes in cells:
        axes.axis("off")
    for k, axes in zip(range(min(count, len(found))), cells, strict=False):
        mask = found.mask(k)
        painted = image // 3
        painted[mask] = (0.75 * image[mask] + 0.25 * colours[k]).astype(np.uint8)
        axes.imshow(painted)
        axes.set_title(f"{k + 1}: {found.scores[k]:.2f} expected", fontsize=TEXT - 2, pad=2)
    return figure


def _row(image, maps, names):
    from matplotlib.figure import Figure

    aspect, count = proportions(image.shape), len(maps) + 1
    columns = min(3, count) if count != 4 else 2
    rows = -(-count // columns)
    size = (1.6 * CELL * columns, (1.6 * CELL * aspect + 0.3) * rows)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    cells[0].imshow(image)
    cells[0].set_title("the picture", fontsize=TEXT)
    for axes, plane, name in zip(cells[1:], maps, names, strict=False):
        top = max(float(plane.max()), 1e-9)
        axes.imshow(1 - plane / top, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
        axes.set_title(name, fontsize=TEXT)
    return figure
