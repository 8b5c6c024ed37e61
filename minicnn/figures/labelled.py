"""Pictures with their labels laid over them, legends, contact sheets."""

import numpy as np

from minicnn.basics.printing import printable
from minicnn.datasets.dataset import DataError
from minicnn.datasets.splits import evenly
from minicnn.images.labels import VOID
from minicnn.images.painting import SEVERAL, overlay


def proportions(size):
    """Height / width of a picture (H, W), for the size of a figure that shows it; bounded, because
    a strip of 3 x 10,000 pixels would ask for a figure of gigabytes."""
    return float(np.clip(size[0] / size[1], 1 / 5, 5))


def legend(figure, classes, colours, shares=None, columns=None, void=False, several=False):
    """Puts a legend below everything in `figure`: a patch of colour and a name for each class, and
    its share in percent where `shares` (floats, summing to 1) are given; `several`: and one for
    pixels of one of several classes. Returns the legend."""
    from matplotlib.patches import Patch

    names = [printable(name) for name in classes]
    if shares is not None:
        names = [f"{name} {100 * share:.1f} %" for name, share in zip(names, shares, strict=True)]
    patches = [Patch(facecolor=c / 255, edgecolor="0.4") for c in np.asarray(colours)]
    if several:
        names.append("one of several")
        patches.append(Patch(facecolor=np.divide(SEVERAL, 255), edgecolor="0.4"))
    if void:
        names.append("void")
        patches.append(Patch(facecolor="0.2", edgecolor="0.4"))
    columns = columns or min(len(names), 5)
    made = figure.legend(patches, names, loc="outside lower center", ncols=columns, frameon=False)
    for text in made.get_texts():
        text.set_parse_math(False)  # a class may be called «$5»
    return made


def contact_sheet(dataset, split="train", count=12, columns=3, alpha=0.5, shares=None):
    """A figure of `count` pictures of a split, evenly spread over it, each beside itself with its
    labels laid over, and the legend. Pictures that cannot be read are shown as their error.

    `columns` pairs in a row. Raises DataError if the split is empty.
    """
    from matplotlib.figure import Figure

    names = dataset.names(split)
    if not names:
        raise DataError(f"{dataset.name} has no pictures in its split {split!r} to show")
    chosen = evenly(names, count)
    count = len(chosen)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.9 * columns, 1.65 * rows + 0.9), dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    void = several = False
    for axes in cells:
        axes.axis("off")
    for axes, name in zip(cells, chosen, strict=False):
        axes.set_title(printable(name), fontsize=7, pad=2, parse_math=False)
        try:
            picture = dataset.read(name)
        except DataError as error:
            axes.text(
                0.5,
                0.5,
                printable(str(error)),
                ha="center",
                wrap=True,
                fontsize=6,
                parse_math=False,
            )
            continue
        void |= bool((picture.labels == VOID).any())
        several |= has_several(picture.labels, dataset.classes)
        axes.imshow(pair(picture, dataset.colours, alpha))
    title = f"{printable(dataset.name)}: {count} of {len(names)} pictures of {split}"
    figure.suptitle(title, fontsize=10, parse_math=False)
    legend(figure, dataset.classes, dataset.colours, shares, void=void, several=several)
    return figure


def has_several(labels, classes):
    """Whether there are pixels of one of several classes: see datasets/several.py."""
    return bool(((labels >= len(classes)) & (labels != VOID)).any())


def pair(picture, colours, alpha=0.5):
    """uint8 (H, 2W + gap, 3): a picture and, to its right, itself under its labels."""
    gap = np.full((picture.image.shape[0], max(picture.image.shape[1] // 60, 1), 3), 255, np.uint8)
    return np.hstack([picture.image, gap, overlay(picture.image, picture.labels, colours, alpha)])
