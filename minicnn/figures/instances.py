"""What each instance of a recurrent network sees, and what it says, all at the same place."""

import numpy as np

from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.figures.labelled import proportions
from minicnn.figures.network import YUV_TO_RGB
from minicnn.figures.style import TEXT
from minicnn.images.normalise import YUV_MEAN, YUV_SPREAD
from minicnn.labelling.probabilities import softmax

PICTURE_HEIGHT = 2.3  # inches


def instance_figure(network, image, colours):
    """A line for each instance: the picture as it gets it, what was said before (a colour for each
    class, mixed by their probabilities), and what it says. The frame is the picture, around it lies
    the margin of zeros; each plane covers the pixels that it knows of.

    network  a models.recurrent.Recurrent;  image  uint8 (H, W, 3);  colours  uint8 (K, 3)
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    output = network.options["output"]
    network.change(output=16)  # every instance on the lattice that its pools leave
    (planes,), margin = network.preprocess(image), network.margin()
    with no_grad():
        x = Tensor(planes[None]).to(network.parameters()[0].device)
        answers = network.compose(x, network.stride)
    network.change(output=output)
    paint = _painter(planes, network.options["normalise"])
    rows, columns = planes.shape[1:]
    size = (
        3 * PICTURE_HEIGHT / proportions((rows, columns)) + 0.3,
        (PICTURE_HEIGHT + 0.6) * len(answers),
    )
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(len(answers), 3, squeeze=False)
    before = None
    for line, (p, answer) in zip(cells, enumerate(answers, start=1), strict=True):
        first, every = (before.first, before.every) if before else (0, 1)
        seen = paint(answer.seen.numpy()[0])
        said = _mixed(before.scores.numpy()[0], colours) if before else np.zeros((1, 1, 3))
        says = _mixed(answer.scores.numpy()[0], colours)
        _draw(line[0], seen, first, every)
        if before:
            _draw(line[1], said, first, every)
        _draw(line[2], says, answer.first, answer.every)
        titles = [f"instance {p} sees\n{_size(seen)} pixels"]
        titles += [f"and what instance {p - 1}\nhas said" if before else "\nand no answer yet"]
        titles += [f"it says {_size(says)} labels,\neach of a patch of {network.sees(p)} pixels"]
        for axes, title in zip(line, titles, strict=True):
            axes.set_title(title, fontsize=TEXT, loc="left")
            axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[], facecolor="#dddddd")
            axes.set_aspect("equal")
            frame = (margin, margin), image.shape[1], image.shape[0]
            axes.add_patch(Rectangle(*frame, fill=False, edgecolor="black", linewidth=1.2))
        before = answer
    return figure


def _painter(planes, normalise):
    """A function from what a network is given (C, h, w) to colours (h, w, 3) in 0..1. Of a picture
    that was normalised locally they are the differences from the surroundings, around grey; of one
    that comes both ways those as it is."""
    if normalise == "local":
        return lambda seen: (0.5 + 0.15 * np.einsum("cy,yhw->hwc", YUV_TO_RGB, seen)).clip(0, 1)
    if normalise == "both":
        return lambda seen: (
            np.einsum("cy,yhw->hwc", YUV_TO_RGB, seen[3:] * YUV_SPREAD + YUV_MEAN) / 255
        ).clip(0, 1)
    low, high = planes.min(), planes.max()
    return lambda seen: np.moveaxis((seen - low) / (high - low), 0, 2)


def _mixed(scores, colours):
    """(h, w, 3) in 0..1: the colours of the classes, mixed by their probabilities."""
    return np.einsum("khw,kc->hwc", softmax(scores), np.asarray(colours) / 255)


def _draw(axes, plane, first, every):
    """A plane whose first point lies at the pixel (first, first), the others `every` pixels on."""
    begin = first + 0.5 - every / 2
    height, width = (begin + every * n for n in plane.shape[:2])
    axes.imshow(plane, extent=(begin, width, height, begin), interpolation="nearest")


def _size(plane):
    return f"{plane.shape[1]}x{plane.shape[0]}"
