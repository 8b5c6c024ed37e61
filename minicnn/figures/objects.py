"""Sheets of objects, each with its mask and its class, and of the boundaries that people drew."""

import numpy as np

from minicnn.basics.printing import printable
from minicnn.datasets.colours import palette
from minicnn.datasets.dataset import DataError
from minicnn.datasets.instances import background_of, of_picture
from minicnn.datasets.splits import evenly
from minicnn.figures.labelled import proportions

CELL, COLUMNS, TEXT = 3.3, 3, 7  # inches, pictures in a row, points
GREY = np.array([140, 140, 140])


def object_sheet(dataset, split="train", count=12):
    """A Figure of `count` pictures of a split, evenly spread, their objects in colours and named
    after their classes; in stripes those that are ignored. Pictures that cannot be read are shown
    as their error. Raises DataError if the split is empty, or no picture that is shown has an
    object."""
    seen = []
    background = background_of(dataset)

    def draw(axes, picture):
        objects = of_picture(picture, background)
        seen.extend(objects)
        axes.imshow(painted_objects(picture.image, objects))
        for one in objects:
            top, left, _, _ = one.box
            name = printable(dataset.classes[one.label]) + " (ignored)" * one.ignored
            box = {"facecolor": "black", "alpha": 0.6, "pad": 1, "linewidth": 0}
            style = {"color": "white", "fontsize": TEXT - 1, "va": "top", "clip_on": True}
            axes.text(left, top, name, bbox=box, parse_math=False, **style)

    figure = _sheet(dataset, split, count, draw, lambda picture: "")
    if not seen:
        raise DataError(
            f"{dataset.name}: the {split} pictures that would be shown have no objects with masks"
        )
    return figure


def painted_objects(image, objects, alpha=0.6):
    """uint8 (H, W, 3): the picture with a colour of its own for each Instance that has a mask."""
    painted = image.astype(np.float32) * 0.75
    colours = palette(max(len(objects), 1))
    rows, columns = np.indices(image.shape[:2])
    for one, colour in sorted(
        zip(objects, colours, strict=False), key=lambda pair: -_area(pair[0])
    ):
        if one.mask is None:
            continue
        mask = one.mask & ((rows + columns) % 6 < 3) if one.ignored else one.mask
        painted[mask] = (1 - alpha) * image[mask] + alpha * (GREY if one.ignored else colour)
    return np.rint(painted).astype(np.uint8)


def _area(one):
    return 0 if one.mask is None else int(one.mask.sum())


def boundary_sheet(dataset, split="train", count=12):
    """A Figure of `count` pictures with what people drew in them: the more of them agree on a
    boundary, the darker it is."""

    def draw(axes, picture):
        share = picture.boundaries.mean(axis=0)
        grey = np.repeat(255 * (1 - share)[:, :, None], 3, axis=2).astype(np.uint8)
        axes.imshow(np.hstack([picture.image, grey]))

    return _sheet(
        dataset, split, count, draw, lambda picture: f": {len(picture.boundaries)} people"
    )


def _sheet(dataset, split, count, draw, about):
    from matplotlib.figure import Figure

    names = dataset.names(split)
    if not names:
        raise DataError(f"{dataset.name} has no pictures in its split {split!r} to show")
    chosen, pictures = evenly(names, count), []
    for name in chosen:
        try:
            pictures.append(dataset.read(name))
        except DataError as error:
            pictures.append(str(error))
    good = [p for p in pictures if not isinstance(p, str)]
    aspect = float(np.median([proportions(p.image.shape) for p in good] or [0.75]))
    wide = 2 if dataset.kind == "boundaries" else 1
    columns = min(max(1, COLUMNS // wide), len(chosen))
    rows = -(-len(chosen) // columns)
    size = (CELL * wide * columns, (CELL * aspect + 0.25) * rows + 0.3)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    for axes, name, picture in zip(cells, chosen, pictures, strict=False):
        bad = isinstance(picture, str)
        axes.set_title(
            printable(name) + ("" if bad else about(picture)),
            fontsize=TEXT,
            pad=2,
            parse_math=False,
        )
        if bad:
            style = {"ha": "center", "wrap": True, "fontsize": TEXT - 1, "parse_math": False}
            axes.text(0.5, 0.5, printable(picture), **style)
        else:
            draw(axes, picture)
    title = f"{printable(dataset.name)}: {len(chosen)} of {len(names)} pictures of {split}"
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
