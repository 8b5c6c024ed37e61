"""A table of the lecture with our numbers beside its own, and accuracy drawn against seconds."""

from minicnn.figures.scores import BLUE, GREEN, ORANGE
from minicnn.figures.sheets import draw_rows
from minicnn.figures.style import TEXT

MARKS = {"lecture": (ORANGE, "s"), "ours": (BLUE, "o"), "faithful": (GREEN, "^")}


def published_figure(table, rows):
    """What is fast and right stands at the upper left: a point for each measurement of which both
    are known, and a line from the lecture's to ours. Below, the table.

    table  as inference/published.py describes it
    rows   the same as rows of text, the heads on top
    """
    from matplotlib.figure import Figure

    below = 0.3 * len(rows) + 0.2
    figure = Figure(figsize=(11.5, 6.2 + below), dpi=110, layout="constrained")
    axes, room = figure.subplots(2, 1, height_ratios=[6.2, below])
    named = []
    for column, (colour, marker) in MARKS.items():
        points = [p for row in table["rows"] if (p := _point(row, column))]
        if points:
            seconds, accuracies, _ = zip(*points, strict=True)
            axes.plot(seconds, accuracies, marker, color=colour, ms=9, label=column, zorder=3)
            named += [(x, y, text, colour) for x, y, text in points]
    for row in table["rows"]:
        pair = [p[:2] for column in ("lecture", "ours") if (p := _point(row, column))]
        if len(pair) == 2:
            axes.plot(*zip(*pair, strict=True), color="0.8", lw=1, zorder=1)
    against_seconds(axes, "pixels that are right")
    if named:
        axes.legend(fontsize=TEXT - 1, loc="lower right")
    figure.suptitle(table["title"], fontsize=TEXT, parse_math=False)
    draw_rows(room, rows, TEXT - 3)
    write_beside(axes, named)
    return figure


def against_seconds(axes, what):
    """Axes of shares in per cent, `what` they are of, against the time for a picture."""
    axes.set_xscale("log")
    axes.margins(0.12, 0.1)
    axes.xaxis.set_major_formatter(_seconds)
    axes.xaxis.set_minor_formatter(lambda s, _: _seconds(s) if f"{s:e}"[0] in "25" else "")
    axes.yaxis.set_major_formatter(lambda accuracy, _: f"{accuracy:g} %")
    axes.set_xlabel("time for a picture (logarithmic)", fontsize=TEXT)
    axes.set_ylabel(what, fontsize=TEXT)
    axes.tick_params(labelsize=TEXT - 2)
    axes.tick_params(axis="x", which="minor", labelsize=TEXT - 2, pad=5)  # their ticks are shorter
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _seconds(seconds, _=None):
    return f"{seconds:g} s"


def _point(row, column):
    """(seconds, per cent, text) of a measurement, or None."""
    entry = row[column]
    if entry["pixel_accuracy"] is None or entry["seconds_per_picture"] is None:
        return None
    seconds = entry["seconds_per_picture"]
    more = f" (> {seconds:g} s)" if entry.get("at_least") else ""
    return seconds, 100 * entry["pixel_accuracy"], row["title"] + more


def write_beside(axes, named):
    """Writes the names beside their points, (x, y, text, colour), each where it hides least: first
    to the right, else to the left, above, below, and then farther off, with a line to the point."""
    axes.figure.draw_without_rendering()  # now it is known where the points will be
    size = TEXT - 3
    scale = axes.figure.dpi / 72  # pixels of a typographic point
    places = [axes.transData.transform((x, y)) / scale for x, y, *_ in named]
    frame = axes.get_window_extent()
    left, right = frame.x0 / scale, frame.x1 / scale
    taken = [(u - 6, v - 6, u + 6, v + 6) for u, v in places]
    for (u, v), (x, y, text, colour) in zip(places, named, strict=True):
        wide, high, best = 0.58 * size * len(text), 1.3 * size, None
        for far in range(0, 90, 9):
            for du, dv in ((8, far), (8, -far), (-8 - wide, far), (-8 - wide, -far)):
                low = v + dv - high / 2
                box = (u + du, low, u + du + wide, low + high)
                hidden = sum(_overlap(box, other) for other in taken)
                hidden += 1e3 * (max(0, left - box[0]) + max(0, box[2] - right)) + far
                if best is None or hidden < best[0]:
                    best = hidden, (du, dv), box
        _, offset, box = best
        taken.append(box)
        line = {"arrowstyle": "-", "color": colour, "lw": 0.6} if abs(offset[1]) > 9 else None
        axes.annotate(
            text,
            (x, y),
            offset,
            textcoords="offset points",
            arrowprops=line,
            va="center",
            fontsize=size,
            color=colour,
            parse_math=False,
        )


def _overlap(a, b):
    """The area that two boxes (left, low, right, high) share."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0, wide) * max(0, high)
