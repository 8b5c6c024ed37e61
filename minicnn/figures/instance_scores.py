"""How well objects are found: precision against recall of each class, and what the wrong ones
are."""

import numpy as np

from minicnn.basics.printing import printable
from minicnn.datasets.colours import palette
from minicnn.figures.style import TEXT
from minicnn.learning.false_positives import KINDS

RIGHT = "#009E73"
COLOURS = ("#56B4E9", "#0072B2", "#E69F00", "#D55E00", "0.6")  # of KINDS


def instance_scores_figure(scores, title=None):
    """Two axes of InstanceScores: precision against recall of each class of which there are
    objects, each precision also raised to the best that comes at a larger recall; and of its first
    regions, as many as there are objects, how many are right, and wrong in which way."""
    from matplotlib.figure import Figure

    known = [k for k, count in enumerate(scores.objects) if count]
    names = [printable(scores.classes[scores.counted[k]]) for k in known]
    figure = Figure(figsize=(12, 5), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    areas = scores.ap()
    for k, name, colour in zip(known, names, palette(len(known)) / 255, strict=True):
        precision, recall, _ = scores.ranked(scores.counted[k]).curve()
        raised = np.maximum.accumulate(precision[::-1])[::-1]  # below it lies AP
        label = f"{name}: {100 * areas[k]:.1f}"
        left.plot(recall, precision, color=colour, lw=0.8, alpha=0.5)
        left.step(np.r_[0, recall], np.r_[raised[:1], raised], color=colour, label=label)
    left.set(xlim=(0, 1), ylim=(0, 1.02))
    left.set_xlabel("recall", fontsize=TEXT)
    left.set_ylabel("precision", fontsize=TEXT)
    left.set_title(f"AP$^r$ at 0.5, mean {100 * scores.mean_ap():.1f}", fontsize=TEXT)
    _bars(right, scores.false_positives()[known] / scores.objects[known, None], names)
    if known:
        for text in left.legend(fontsize=TEXT - 3, loc="upper right").get_texts():
            text.set_parse_math(False)
    for axes in (left, right):
        axes.tick_params(labelsize=TEXT - 2)
        axes.spines[["top", "right"]].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=TEXT + 1, parse_math=False)
    return figure


def _bars(axes, shares, names):
    """A bar for each class: right, and wrong by kind; shorter than 100 % where fewer regions were
    found than there are objects."""
    start = np.zeros(len(shares))
    places = np.arange(len(names))[::-1]
    for k, (name, colour) in enumerate(zip(("right", *KINDS), (RIGHT, *COLOURS), strict=True)):
        axes.barh(places, shares[:, k], left=start, color=colour, label=name, edgecolor="white")
        start += shares[:, k]
    axes.set_yticks(places, names, parse_math=False)
    axes.set(xlim=(0, 1))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axes.set_title("the first regions, as many as there are objects", fontsize=TEXT)
    if names:
        axes.legend(fontsize=TEXT - 3, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
