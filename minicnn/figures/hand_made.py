"""What the traditional way measures around a pixel, as pictures."""

from minicnn.figures.labelled import proportions
from minicnn.figures.network import grey
from minicnn.figures.style import TEXT

COLUMNS, SIDE = 6, 2.1  # panels in a line; inches


def channels_figure(planes, names):
    """The channels of a picture, (C, H, W), each in grey by its own extremes, as a Figure."""
    from matplotlib.figure import Figure

    lines = -(-len(planes) // COLUMNS)
    size = (COLUMNS * SIDE, lines * (SIDE * proportions(planes.shape[1:]) + 0.28))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    for axes, plane, name in zip(cells, planes, names, strict=False):
        axes.imshow(grey(plane), cmap="gray", vmin=0, vmax=1)
        axes.set_title(name, fontsize=TEXT - 3)
    return figure
