"""Sheets of pictures: what was given, what is true, and what the networks say."""

from textwrap import wrap

import numpy as np

from minicnn.basics.printing import printable
from minicnn.figures.labelled import has_several, legend
from minicnn.figures.style import TEXT
from minicnn.images.labels import VOID
from minicnn.images.painting import colour_map

PICTURE_HEIGHT = 1.9  # inches
SMALLEST_NAMED = 0.03  # regions of at least this share of the picture get their name written in


def prediction_sheet(pictures, predictions, classes, colours, title=None):
    """Rows of input, truth and prediction, with the accuracy of each picture and a legend.

    pictures     a list of Pictures; predictions  label maps, int (H, W), one for each
    classes      names; colours  uint8 (K, 3)
    """
    return compare_sheet(pictures, {"prediction": predictions}, classes, colours, title)


def compare_sheet(pictures, results, classes, colours, title=None, table=None):
    """Rows of input, truth, and what several networks made of it, with the accuracies.

    results  {heading: list of label maps, int (H, W), one for each picture}
    table    a list of rows of text, the first of them the heads: drawn above the legend
    """
    from matplotlib.figure import Figure

    headings, count = ["input", "truth", *results], len(pictures)
    if not count or any(len(maps) != count for maps in results.values()):
        raise ValueError("a sheet needs pictures, and of every network one label map for each")
    aspect = float(np.median([p.labels.shape[1] / p.labels.shape[0] for p in pictures]))
    cell = float(np.clip(PICTURE_HEIGHT * aspect, 2.4, 4.5))  # room for the headings
    tall = min(cell / aspect, 3.2) + 0.24
    below = 0.36 * len(table) + 0.3 if table else 0
    size = (cell * len(headings) + 0.2, tall * count + below + 1.3)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    grid = figure.add_gridspec(
        count + bool(table), len(headings), height_ratios=[tall] * count + [below] * bool(table)
    )
    for row, picture in enumerate(pictures):
        maps = [picture.labels, *(maps[row] for maps in results.values())]
        axes = [figure.add_subplot(grid[row, k]) for k in range(len(headings))]
        axes[0].imshow(picture.image)
        for k, labels in enumerate(maps, start=1):
            axes[k].imshow(colour_map(labels, colours))
            write_names(axes[k], labels, classes)
        shares = (accuracy(picture.labels, labels, len(classes)) for labels in maps[1:])
        notes = ["", "", *(f"{share:.0%} right" for share in shares)]
        for a, heading, note in zip(axes, headings, notes, strict=True):
            a.axis("off")
            parts = [heading] * (row == 0) + [note] * bool(note)
            a.set_title(": ".join(parts), fontsize=TEXT, pad=4, parse_math=False)
    if table:
        draw_rows(figure.add_subplot(grid[count, :]), table)
    if title:
        figure.suptitle(title, fontsize=TEXT + 2, parse_math=False)
    void = any((picture.labels == VOID).any() for picture in pictures)
    several = any(has_several(picture.labels, classes) for picture in pictures)
    made = legend(figure, classes, colours, void=void, several=several)
    for text in made.get_texts():
        text.set_fontsize(TEXT - 1)
    return figure


def accuracy(truth, prediction, classes=VOID):
    """Share of the pixels with the label of a class that are right; NaN if there are none."""
    known = truth < classes
    return float((truth == prediction)[known].mean()) if known.any() else float("nan")


def write_names(axes, labels, classes):
    """Writes its name into every large region of a label map, for readers to whom the colours look
    alike: at the point farthest from the border of the region, if there is room for it. In a narrow
    picture a name is broken between its words; one that is still too wide is left to the legend."""
    from matplotlib.patheffects import withStroke

    height, width = labels.shape
    outline = [withStroke(linewidth=2.5, foreground="black")]
    style = {"color": "white", "fontsize": TEXT - 3, "path_effects": outline, "clip_on": True}
    letter = 0.65 * (TEXT - 3) / 72 / _inches_per_pixel(axes, labels.shape)  # in pixels
    taken = []  # (y, x, half the height, half the width) of the names that are written
    for name, y, x in _places(labels, classes):
        lines = wrap(printable(name), max(1, int(width / letter)), break_long_words=False)
        high, wide = 0.8 * letter * len(lines) + 0.5, 0.5 * letter * max(map(len, lines), default=0)
        if 2 * wide > width or 2 * high > height:
            continue
        x, y = np.clip(x, wide, width - wide), np.clip(y, high, height - high)
        if any(abs(y - v) < high + h and abs(x - u) < wide + w for v, u, h, w in taken):
            continue
        taken.append((y, x, high, wide))
        name = "\n".join(lines)
        axes.text(x, y, name, ha="center", va="center", parse_math=False, **style)


def _inches_per_pixel(axes, size):
    """About how large a picture of `size` pixels will be drawn: before the layout is made, axes are
    a little smaller than after it."""
    box = axes.get_position()
    across, down = axes.figure.get_size_inches()
    return min(box.width * across / size[1], box.height * down / size[0])


def _places(labels, classes):
    """(name, y, x) of every region with room for a name, the largest first."""
    from scipy.ndimage import distance_transform_edt, label

    found = []
    for k, name in enumerate(classes):
        regions, _ = label(labels == k)
        sizes = np.bincount(regions.ravel())
        for region in np.flatnonzero(sizes >= SMALLEST_NAMED * labels.size):
            if region == 0:  # what is not of this class
                continue
            # The border of the picture counts as a border too, so the name stays inside.
            depth = distance_transform_edt(np.pad(regions == region, 1))[1:-1, 1:-1]
            y, x = np.unravel_index(depth.argmax(), depth.shape)
            if depth[y, x] >= 0.05 * labels.shape[0]:
                found.append((sizes[region], name, y, x))
    return [place for _, *place in sorted(found, reverse=True)]


def draw_rows(axes, rows, size=TEXT):
    """Rows of text, the heads on top, as a table that takes the place of the axes."""
    axes.axis("off")
    made = axes.table(cellText=rows[1:], colLabels=rows[0], cellLoc="left", loc="center")
    made.auto_set_font_size(False)
    made.set_fontsize(size)
    made.auto_set_column_width(range(len(rows[0])))
    made.scale(1, 1.6 * size / TEXT)
    for (row, _), cell in made.get_celld().items():
        cell.set_edgecolor("0.8")
        cell.PAD = 0.03
        if row == 0:
            cell.set_text_props(weight="bold")
