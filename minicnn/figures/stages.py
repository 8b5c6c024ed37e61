"""The stages of a labelling, one figure each: superpixels, a CRF, a tree of segments, a cover, a
Potts model, what the whole picture says."""

import numpy as np

from minicnn.figures.grouping import RED, borders
from minicnn.figures.labelled import legend, proportions
from minicnn.figures.proposals import proposal_figures
from minicnn.figures.sheets import write_names
from minicnn.figures.style import TEXT
from minicnn.images.painting import overlay
from minicnn.labelling.cover import entropy
from minicnn.labelling.probabilities import softmax
from minicnn.labelling.superpixels import region_means
from minicnn.labelling.tree import cut

WHITE = (255, 255, 255)


def stage_figures(image, scores, features, labelling, classes, colours):
    """{name: Figure} of what a Labelling does with a picture, in order; {} for argmax.

    image  uint8 (H, W, 3), as the network sees it; scores  (K, H, W); features  (C, h, w) or None
    """
    if labelling.name == "argmax":
        return {}
    if labelling.name.startswith("prior"):
        return prior_figures(image, scores, labelling, classes, colours)
    if labelling.name == "potts":
        return potts_figures(image, scores, labelling, classes, colours)
    if labelling.name == "proposals":
        return proposal_figures(labelling.proposer, image)
    regions = labelling.regions(image)
    pixels = scores.argmax(axis=0)
    means = region_means(softmax(scores), regions)
    grouped = means.argmax(axis=1)[regions]
    first = [("regions", borders(image, regions)), ("their mean colours", painted(image, regions))]
    named = {"each pixel by itself": pixels, "superpixels": grouped}
    drawn = {"superpixels": _figure(image, first, named, classes, colours)}
    if labelling.name == "crf":
        agreed = labelling(image, scores)
        named = {"superpixels": grouped, "CRF": agreed}
        last = [changed(image, grouped, agreed)]
        drawn["crf"] = _figure(image, [], named, classes, colours, last=last)
    if labelling.name == "cover":
        cover = labelling.cover(image, scores, features, regions)
        drawn["tree"] = tree_figure(image, regions, cover.parents, cover.heights)
        drawn["cover"] = cover_figure(image, regions, cover, grouped, classes, colours)
    return drawn


def prior_figures(image, scores, labelling, classes, colours, most=4):
    """Where the classes that the picture most likely shows are probable, before and after that
    counts, and what it is smoothed by."""
    found, own = labelling.prior(image, scores), labelling.pooling
    order = np.argsort(-found.shown, kind="stable")[:most]
    alone = own.probabilities(scores)
    maps = [(f"{classes[k]} at each pixel", alone[k]) for k in order]
    maps += [(f"times {found.shown[k]:.0%}, {classes[k]}", found.y[k]) for k in order]
    named = {"each pixel by itself": scores.argmax(axis=0), "with the prior": found.pixels}
    drawn = {"prior": _figure(image, maps, named, classes, colours)}
    if found.regions is None:
        return drawn
    name = labelling.name.removeprefix("prior-")
    first = [(name, smoothed_by(image, found.regions, colours))]
    named = {"with the prior": found.pixels, f"smoothed by {name}": found.labels}
    last = [changed(image, found.pixels, found.labels)]
    return drawn | {name: _figure(image, first, named, classes, colours, last=last)}


def smoothed_by(image, regions, colours, most=20):
    """uint8 (H, W, 3): superpixels, int (H, W), by their borders; boxes (N, 4), the first `most`;
    or segments, [(class, mask), ...], in the colours of their classes."""
    if isinstance(regions, list):
        shown = image // 3
        for k, mask in regions:
            shown[mask] = (0.6 * image[mask] + 0.4 * np.asarray(colours[k])).astype(np.uint8)
        return shown
    if regions.shape == image.shape[:2]:
        return borders(image, regions)
    shown = image.copy()
    for top, left, bottom, right in regions[:most]:
        shown[top:bottom, [left, right - 1]] = RED
        shown[[top, bottom - 1], left:right] = RED
    return shown


def potts_figures(image, scores, labelling, classes, colours, most=8):
    """Where the classes that the picture has most of are probable, and what the Potts model makes
    of that."""
    probabilities, pixels = softmax(scores), scores.argmax(axis=0)
    agreed = labelling(image, scores)
    shares = probabilities.mean(axis=(1, 2))
    order = np.argsort(-shares, kind="stable")[:most]
    maps = [(f"{classes[k]}: {shares[k]:.0%}", probabilities[k]) for k in order]
    named = {"each pixel by itself": pixels, "with its neighbours": agreed}
    last = [changed(image, pixels, agreed)]
    return {
        "scores": _figure(image, [*maps, ("the picture", image)], {}, classes, colours),
        "potts": _figure(image, [], named, classes, colours, last=last),
    }


def changed(image, before, after):
    """(title, picture): what is labelled otherwise than before, the rest of the picture dark."""
    shown, differ = image // 3, before != after
    shown[differ] = image[differ]
    return f"changed: {differ.mean():.1%} of the pixels", shown


def painted(image, regions):
    """uint8 (H, W, 3): every region in its mean colour. `regions` any ints (H, W)."""
    _, places = np.unique(regions, return_inverse=True)
    places = places.reshape(regions.shape)
    means = region_means(np.moveaxis(image, 2, 0), places)
    return np.rint(means).astype(np.uint8)[places]


def tree_figure(image, regions, parents, heights, levels=6):
    """The tree cut at several heights, each time with a third of the segments before."""
    from matplotlib.figure import Figure

    count = (len(parents) + 1) // 2
    panels = []
    for level in range(levels):
        left = max(1, round(count / 3**level))
        height = heights[len(parents) - left]  # of the last merging that leaves so many
        nodes = cut(parents, heights, height)
        found = len(np.unique(nodes))
        title = f"{found} segment{'s' * (found > 1)}, up to height {height:.0f}"
        panels.append((title, borders(painted(image, nodes[regions]), nodes[regions], WHITE)))
        if left == 1:
            break
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    aspect = proportions(image.shape)
    size = (4.2 * columns, (4.2 * aspect + 0.35) * rows)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    for axes, (title, picture) in zip(cells, panels, strict=False):
        axes.imshow(picture)
        axes.set_title(title, fontsize=TEXT)
    return figure


def cover_figure(image, regions, cover, grouped, classes, colours):
    """How pure the superpixels are expected to be, and the segments that were chosen instead; which
    these are; the labels of the superpixels and of the cover. `cover` is a grouping.Cover."""
    cost = entropy(cover.distributions)
    count, largest = len(cover.chosen), np.log(cover.distributions.shape[1])
    chosen = cover.chosen[regions]
    used, above = len(np.unique(cover.chosen)), (cover.chosen >= count).mean()
    panels = [
        ("entropy of the superpixels", cost[:count][regions]),
        ("entropy of the chosen segments", cost[chosen]),
        (
            f"{used} segments, {above:.0%} from above",
            borders(painted(image, chosen), chosen, WHITE),
        ),
    ]
    named = {"superpixels": grouped, "cover": cover.labels[regions]}
    return _figure(image, panels, named, classes, colours, largest)


def _figure(image, first, named, classes, colours, largest=1.0, last=()):
    """Panels (title, picture or map) first, then label maps {title: (H, W)} over the image, then
    panels again, in rows of at most three, and the legend. Maps are shown from 0, dark, to
    `largest`."""
    from matplotlib.figure import Figure

    count = len(first) + len(named) + len(last)
    columns = count if count <= 3 else 3 if count == 9 else -(-count // 2)
    rows = -(-count // columns)
    aspect = proportions(image.shape)
    size = (4.2 * columns, (4.2 * aspect + 0.35) * rows + 0.6)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    left = iter(cells)
    for title, shown in first:
        _panel(figure, next(left), title, shown, largest)
    for title, labels in named.items():
        axes = next(left)
        axes.imshow(overlay(image, labels.astype(np.uint8), colours, 0.6))
        write_names(axes, labels, classes)
        axes.set_title(title, fontsize=TEXT)
    for title, shown in last:
        _panel(figure, next(left), title, shown, largest)
    if named:
        for text in legend(figure, classes, colours).get_texts():
            text.set_fontsize(TEXT - 1)
    return figure


def _panel(figure, axes, title, shown, largest):
    """A picture (H, W, 3), or a map (H, W) with a bar of its colours."""
    drawn = axes.imshow(shown, vmin=0, vmax=largest, cmap="magma")
    axes.set_title(title, fontsize=TEXT)
    if shown.ndim == 2:
        figure.colorbar(drawn, ax=axes, shrink=0.7)
