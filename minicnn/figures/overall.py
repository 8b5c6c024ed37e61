"""Every system of the lecture in one picture: how much is right, against seconds."""

from minicnn.figures.published import against_seconds, write_beside
from minicnn.figures.sheets import draw_rows
from minicnn.figures.style import TEXT

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def overall_figure(table, rows):
    """A point for each row whose seconds are known, its first measure in per cent, in the colour of
    its data set; where the lecture or a paper has both, a hollow square, and a line from there to
    ours if it is of the same pictures. Below, the table.

    table  what inference/overall.py loads
    rows   the same as rows of text, the heads on top
    """
    from matplotlib.figure import Figure

    below = 0.25 * len(rows) + 0.2
    figure = Figure(figsize=(15, 7.5 + below), dpi=100, layout="constrained")
    axes, room = figure.subplots(2, 1, height_ratios=[7.5, below])
    colours, named = {}, []  # a colour for each data set that has a point
    for row in table["rows"]:
        ours, theirs = (_point(row, *of) for of in ((row["scores"], row["seconds"]), _said(row)))
        if not (ours or theirs):
            continue
        colour = colours.setdefault(row["data"], COLOURS[len(colours) % len(COLOURS)])
        if ours and theirs and "on" not in row["lecture"]:  # else it was measured on other pictures
            axes.plot(*zip(theirs, ours, strict=True), color="0.8", lw=1, zorder=1)
        if theirs:
            axes.plot(*theirs, "s", color=colour, mfc="none", ms=8, zorder=2)
            named.append((*theirs, "", colour))  # no name shall hide it
        if ours:
            first = not any(line.get_label() == row["data"] for line in axes.lines)
            axes.plot(*ours, "o", color=colour, ms=9, zorder=3, label=row["data"] if first else "")
            measure = next(iter(row["scores"]))
            title = row["title"] + (f", {measure}" if measure != "pixels" else "")
            named.append((*ours, title, colour))
    against_seconds(axes, "pixels that are right, or another measure where it is named")
    if named:
        axes.plot([], [], "s", color="0.3", mfc="none", ms=8, label="lecture, paper")
        axes.legend(fontsize=TEXT - 1, loc="lower right")
    figure.suptitle(table["title"], fontsize=TEXT, parse_math=False)
    draw_rows(room, rows, TEXT - 4)
    write_beside(axes, named)
    return figure


def _said(row):
    return row["lecture"], row["lecture"].get("seconds")


def _point(row, scores, seconds):
    """(seconds, per cent) of the row's first measure, or None."""
    share = scores.get(next(iter(row["scores"])))
    return None if share is None or seconds is None else (seconds, 100 * share)
