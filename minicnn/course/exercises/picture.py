"""A picture of a difference: what is expected, what is there, and how far apart they are."""

import numpy as np

CELL, GAP, TOP = 46, 24, 26
LOW, HIGH = np.array([33, 102, 172.0]), np.array([230, 97, 1.0])  # blue to orange, through white


def plane(array, at):
    """The last two dimensions of an array, at the place that is wrong."""
    array = np.asarray(array, float)
    if array.ndim < 2:
        return array.reshape(1, -1)
    return array[tuple(at[:-2])]


def draw(difference, path):
    """Writes the PNG; returns the path. Orange is above zero, blue below; the first wrong element
    has a frame."""
    from PIL import Image, ImageDraw

    expected, got = (
        plane(a, difference.at)[:16, :16] for a in (difference.expected, difference.got)
    )
    panels = {"expected": expected, "yours": got, "yours - expected": got - expected}
    rows, columns = expected.shape
    cell = max(CELL, 110 // columns)
    width = len(panels) * (columns * cell + GAP) + GAP
    image = Image.new("RGB", (width, rows * CELL + TOP + GAP), "white")
    pen = ImageDraw.Draw(image)
    first = (0, 0, *difference.at)[-2:]
    for k, (name, values) in enumerate(panels.items()):
        left = GAP + k * (columns * cell + GAP)
        pen.text((left, 8), name, fill="black")
        largest = np.nanmax(np.abs(values), initial=1e-30, where=np.isfinite(values))
        for i, j in np.ndindex(*values.shape):
            value = values[i, j]
            box = (left + j * cell, TOP + i * CELL, left + (j + 1) * cell, TOP + (i + 1) * CELL)
            pen.rectangle(box, fill=colour(value / largest), outline=(200, 200, 200))
            text = f"{value:.3g}" if value or k < 2 else ""
            pen.text((box[0] + 5, box[1] + CELL // 3), text, fill="black")
        if max(first) < 16:
            i, j = first
            box = (left + j * cell, TOP + i * CELL, left + (j + 1) * cell, TOP + (i + 1) * CELL)
            pen.rectangle(box, outline="black", width=3)
    image.save(path)
    return path


def colour(share):
    """From LOW at -1 over white at 0 to HIGH at 1; grey for what is no number."""
    if not np.isfinite(share):
        return (150, 150, 150)
    end = HIGH if share > 0 else LOW
    return tuple(int(c) for c in 255 + (end - 255) * min(abs(share), 1) * 0.8)
