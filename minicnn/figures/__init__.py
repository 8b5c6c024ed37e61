"""Figures: everything returns a matplotlib `Figure` of its own, made without pyplot.

There is no global state, and no display is needed. Save one with `figure.savefig("sheet.png")`; a
notebook shows it by itself.
"""

from minicnn.figures.labelled import colour_map, contact_sheet, legend, overlay, pair
from minicnn.figures.scores import confusion_figure, curves

__all__ = [
    "colour_map",
    "confusion_figure",
    "contact_sheet",
    "curves",
    "legend",
    "overlay",
    "pair",
]
