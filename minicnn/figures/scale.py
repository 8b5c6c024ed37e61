"""The lecture's slide on scale: what is seen at twice the size is found one level farther down."""

import numpy as np

from minicnn.figures.labelled import proportions
from minicnn.figures.network import grey
from minicnn.figures.style import TEXT
from minicnn.images.pyramid import halve


def halved(image):
    """uint8 (H/2, W/2, 3): the picture at half its size, as the pyramid makes it."""
    planes = halve(np.moveaxis(image, 2, 0).astype(np.float32))
    return np.rint(np.moveaxis(planes, 0, 2)).clip(0, 255).astype(np.uint8)


def responses(network, image):
    """[(maps, h, w), ...]: the features of each level of the pyramid of a picture."""
    with network.watch(["stages"]) as seen:
        network.predict(image)
    return [maps.numpy()[0] for maps in seen["stages"]]


def scale_sheet(network, image):
    """A picture above and its half below, level by level, each with the map that answers most, of a
    MultiScale network. Levels of one size stand under each other: their maps agree. By how much
    they differ is the mean difference over the standard deviation of all maps."""
    from matplotlib.figure import Figure

    pictures = [image, halved(image)]
    rows = [responses(network, picture) for picture in pictures]
    levels = len(rows[0])
    if levels < 2:
        raise ValueError("scale_sheet: a network of one scale has no next level")
    shared = rows[0][1]
    best = int(np.argmax(shared.std(axis=(1, 2))))
    wide = 3.0
    tall = wide * proportions(image.shape)
    size = ((levels + 1) * wide, 4 * tall + 1.6)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(4, levels + 1, squeeze=False)
    for axes in cells.ravel():
        axes.axis("off")
    for row, (picture, maps) in enumerate(zip(pictures, rows, strict=True)):
        for level, features in enumerate(maps):
            step = 2**level
            above, below = cells[2 * row : 2 * row + 2, row + level]
            above.imshow(picture[::step, ::step])
            text = f"level {level}, {len(picture[::step])} pixels high"
            above.set_title(f"{'half as large' if row else 'a picture'}: {text}", fontsize=TEXT - 4)
            below.imshow(grey(features[best]), cmap="gray", vmin=0, vmax=1)
            if row and level + 1 < levels:
                error = np.abs(features - rows[0][level + 1]).mean()
                share = error / max(rows[0][level + 1].std(), 1e-12)
                text = f"differs from the map above by {share:.1%}"
                below.set_title(text, fontsize=TEXT - 4)
    figure.suptitle(
        f"The same weights look at every level (map {best}): twice the size, one level farther",
        fontsize=TEXT,
    )
    return figure
