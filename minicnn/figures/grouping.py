"""What a labelling does with a picture: its regions, their labels, and what a CRF changes."""

import numpy as np

from minicnn.figures.labelled import legend, proportions
from minicnn.figures.sheets import accuracy, write_names
from minicnn.figures.style import TEXT
from minicnn.images.painting import overlay

RED = (255, 40, 40)


def borders(image, regions, colour=RED):
    """uint8 (H, W, 3): the image with the last pixels of every region, to its right and below, in
    a colour. `regions` int (H, W)."""
    edge = np.zeros(regions.shape, bool)
    edge[:, :-1] |= regions[:, :-1] != regions[:, 1:]
    edge[:-1] |= regions[:-1] != regions[1:]
    marked = image.copy()
    marked[edge] = colour
    return marked


def grouping_sheet(pictures, regions, results, classes, colours, title=None):
    """Rows of the picture with the borders of its regions, the truth, and each labelling laid over
    the picture, with its accuracy.

    pictures  a list of Pictures; regions  int (H, W), one array for each
    results   {heading: list of label maps, uint8 (H, W)}; from the second on, pixels whose label
              differs from that of the map before are framed in white
    classes   names; colours  uint8 (K, 3)
    """
    from matplotlib.figure import Figure

    count = len(pictures)
    if not count or any(len(maps) != count for maps in (regions, *results.values())):
        raise ValueError("a sheet needs pictures, and for each its regions and its label maps")
    headings = ["regions", "truth", *results]
    cell = 3.3
    size = (
        cell * len(headings),
        (cell * proportions(pictures[0].labels.shape) + 0.3) * count + 0.9,
    )
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    for axes, picture, found, *maps in zip(
        figure.subplots(count, len(headings), squeeze=False),
        pictures,
        regions,
        *results.values(),
        strict=True,
    ):
        axes[0].imshow(borders(picture.image, found))
        axes[0].set_title(f"regions: {found.max() + 1}", fontsize=TEXT)
        before = None
        for a, heading, labels in zip(axes[1:], headings[1:], [picture.labels, *maps], strict=True):
            a.imshow(overlay(picture.image, labels, colours, 0.6))
            write_names(a, labels, classes)
            right = (
                f": {accuracy(picture.labels, labels, len(classes)):.0%} right"
                if heading != "truth"
                else ""
            )
            a.set_title(heading + right, fontsize=TEXT, parse_math=False)
            if before is not None and (changed := labels != before).any():
                a.contour(changed, levels=[0.5], colors="white", linewidths=1.5)
            before = labels if heading != "truth" else None
        for a in axes:
            a.axis("off")
    if title:
        figure.suptitle(title, fontsize=TEXT + 2, parse_math=False)
    for text in legend(figure, classes, colours, void=True).get_texts():
        text.set_fontsize(TEXT - 1)
    return figure
