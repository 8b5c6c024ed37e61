"""Figures of numbers: how a training went, and which class is taken for which."""

import numpy as np

from minicnn.basics.printing import printable
from minicnn.figures.style import TEXT

# Blue and orange are told apart by every eye (Okabe and Ito's colours).
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"


def curves(records, title=None, what="pixels"):
    """Loss and accuracy over the steps of a training, from the records (dicts) of its log.

    Records with `loss` and `accuracy` give the lines, those with `val_accuracy` and
    `val_class_accuracy` or `val_top5` the points; an empty log, or one of either kind alone, is
    drawn too. `what` is right or wrong: pixels, pictures.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), dpi=110, layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    trained = [r for r in records if "loss" in r]
    looked = [r for r in records if "val_accuracy" in r]
    _line(losses, trained, "loss", BLUE, None)
    _line(accuracies, trained, "accuracy", BLUE, "training")
    _points(accuracies, looked, "val_accuracy", ORANGE, "o", f"validation, {what}")
    _points(accuracies, looked, "val_class_accuracy", GREEN, "s", "validation, mean of classes")
    _points(accuracies, looked, "val_top5", GREEN, "s", "validation, among the best five")
    _points(accuracies, looked, "val_objects", GREEN, "s", "validation, of those that are objects")
    losses.set_ylabel("loss", fontsize=TEXT)
    accuracies.set_ylabel(f"share of {what} that are right", fontsize=TEXT)
    losses.set_ylim(0, 1.05 * max((r["loss"] for r in trained), default=1))
    accuracies.set_ylim(0, 1)
    accuracies.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    for axes in (losses, accuracies):
        axes.set_xlabel("step", fontsize=TEXT)
        axes.tick_params(labelsize=TEXT - 2)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(left=0)
    if trained or looked:
        accuracies.legend(fontsize=TEXT - 2, loc="best")
    if looked:
        best = max(looked, key=lambda r: r["val_accuracy"])
        accuracies.set_title(
            f"best on validation: {best['val_accuracy']:.1%} at step {best['step']}", fontsize=TEXT
        )
    if title:
        figure.suptitle(title, fontsize=TEXT + 1)
    return figure


def _line(axes, records, name, colour, label):
    axes.plot(
        [r["step"] for r in records], [r[name] for r in records], color=colour, lw=2, label=label
    )


def _points(axes, records, name, colour, marker, label):
    known = [r for r in records if name in r]
    if known:
        steps, values = [r["step"] for r in known], [r[name] for r in known]
        axes.plot(steps, values, color=colour, marker=marker, ms=6, lw=1, ls="--", label=label)


def confusion_figure(confusion, title=None):
    """The confusion matrix (a Confusion) as a table of per cents: each row is a true
    class and adds up to 100, so that the diagonal is the accuracy of each class."""
    from matplotlib.figure import Figure

    shares, classes = confusion.rows(), [printable(name) for name in confusion.classes]
    count = len(classes)
    side = max(5.5, 1.8 + (0.62 if count <= 40 else 0.19) * count)
    figure = Figure(figsize=(side + 0.8, side), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = TEXT - 2 if count <= 12 else max(5, 130 // count)
    for i in range(count):
        for j in range(count):
            if shares[i, j] >= 0.005:
                colour = "white" if shares[i, j] > 0.55 else "black"
                text = f"{100 * shares[i, j]:.0f}"
                axes.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    # A row without a number is a class that does not occur in these pictures.
    totals = confusion.matrix.sum(axis=1) / max(confusion.matrix.sum(), 1)
    names = [f"{name} ({100 * share:.0f} %)" for name, share in zip(classes, totals, strict=True)]
    style = {"fontsize": max(size, 7), "parse_math": False}
    axes.set_yticks(range(count), names, **style)
    axes.set_xticks(range(count), classes, rotation=45, ha="right", **style)
    axes.set_ylabel(f"truth (share of all {confusion.what})", fontsize=TEXT)
    axes.set_xlabel("prediction", fontsize=TEXT)
    axes.set_title(
        title
        or f"{confusion.what} right: {confusion.pixel_accuracy:.1%}, "
        f"mean of classes: {confusion.class_accuracy:.1%}",
        fontsize=TEXT,
    )
    return figure


def precision_recall(scores, people=None):
    """Precision against recall of BoundaryScores by name, the best F of each marked. `people`:
    (precision, recall) of one person against the others, a point of its own."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 5.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    recall = np.linspace(0.01, 1, 200)
    for f in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):  # lines of equal F
        with np.errstate(divide="ignore", invalid="ignore"):
            level = f * recall / (2 * recall - f)
        axes.plot(recall, np.where((level > 0) & (level <= 1), level, np.nan), color="0.85", lw=0.8)
        axes.text(1.0, f / (2 - f), f"F {f}", fontsize=TEXT - 4, color="0.6", va="center")
    for (name, one), colour in zip(scores.items(), (BLUE, ORANGE, GREEN, "0.3"), strict=False):
        precision, found = one.curve()
        drawn = found > 0
        label = f"{name}: {one.ods:.3f}"
        axes.plot(found[drawn], precision[drawn], color=colour, label=label)
        best = int(np.argmin(np.abs(one.thresholds - one.threshold)))
        axes.plot(found[best], precision[best], "o", color=colour)
    if people is not None:
        axes.plot(people[1], people[0], "k*", markersize=11, label="one person against the others")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("recall", fontsize=TEXT)
    axes.set_ylabel("precision", fontsize=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    if scores or people is not None:
        axes.legend(fontsize=TEXT - 2, loc="lower left")
    return figure
