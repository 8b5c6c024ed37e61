"""Figures: everything returns a matplotlib `Figure` of its own, made without pyplot.

There is no global state, and no display is needed. Save one with `figure.savefig("sheet.png")`; a
notebook shows it by itself.
"""

from minicnn.figures.graph import draw_graph
from minicnn.figures.grouping import borders, grouping_sheet
from minicnn.figures.hand_made import channels_figure
from minicnn.figures.instances import instance_figure
from minicnn.figures.labelled import contact_sheet, legend, pair
from minicnn.figures.network import feature_maps, filters, planes
from minicnn.figures.objects import boundary_sheet, object_sheet
from minicnn.figures.overall import overall_figure
from minicnn.figures.photographs import answer_sheet, class_sheet
from minicnn.figures.published import published_figure
from minicnn.figures.scale import scale_sheet
from minicnn.figures.scores import confusion_figure, curves, precision_recall
from minicnn.figures.sheets import accuracy, compare_sheet, prediction_sheet
from minicnn.figures.tables import draw_table
from minicnn.images.painting import colour_map, overlay

__all__ = [
    "accuracy",
    "answer_sheet",
    "borders",
    "boundary_sheet",
    "channels_figure",
    "class_sheet",
    "colour_map",
    "compare_sheet",
    "confusion_figure",
    "contact_sheet",
    "curves",
    "draw_graph",
    "draw_table",
    "feature_maps",
    "filters",
    "grouping_sheet",
    "instance_figure",
    "legend",
    "object_sheet",
    "overall_figure",
    "overlay",
    "pair",
    "planes",
    "precision_recall",
    "prediction_sheet",
    "published_figure",
    "scale_sheet",
]
