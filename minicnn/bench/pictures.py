"""Pictures of the bench: ratios as bars with their targets, growth as lines, the ladder of
algorithms."""

import math

from minicnn.bench.rows import BOTH, FORWARD
from minicnn.figures.style import TEXT

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"  # told apart by every eye
MOST = 32  # bars in a column


def ratio_bars(found):
    """A bar for each row, PyTorch's time over ours: blue where the target (a black mark) is
    reached, orange where it is missed, grey without one or without a verdict. A ring is the
    forward pass alone."""
    from matplotlib.figure import Figure

    rows = [row for row in found["rows"] if row["ratio"]]
    forward = {(r["op"], r["row"]): r for r in rows if r["phase"] == FORWARD}
    bars = [row for row in rows if row["phase"] != FORWARD]
    columns = max(1, -(-len(bars) // MOST))
    tall = -(-len(bars) // columns)
    size = (1 + 7 * columns, 1.9 + 0.26 * tall)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    every = [row["ratio"]["median"] for row in rows] + [row["target"] or 1 for row in bars]
    span = min(0.5, 0.8 * min(every)), max(3.0, 2.2 * max(every))
    for number, axes in enumerate(figure.subplots(1, columns, squeeze=False)[0]):
        _column(axes, bars[number * tall : (number + 1) * tall], forward, tall, span)
    figure.supxlabel("times as fast as PyTorch", fontsize=TEXT - 1)
    figure.suptitle(
        "Forward and backward; blue reaches its target (black mark),\n"
        "orange misses it, grey has none, or no verdict; ring: forward alone",
        fontsize=TEXT - 1,
    )
    return figure


def _column(axes, bars, forward, tall, span):
    for place, row in enumerate(bars):
        ratio, target = row["ratio"]["median"], row["target"]
        colour = {None: GREY, True: BLUE, False: ORANGE}[row["reached"]]
        axes.barh(place, ratio - span[0], left=span[0], color=colour, height=0.72)
        number = f"{ratio:.2f}" if ratio < 9.95 else f"{ratio:.0f}"
        axes.text(span[1], place, number, ha="right", va="center", fontsize=(TEXT - 2))
        if target:
            axes.plot([target, target], [place - 0.45, place + 0.45], color="black", lw=2.5)
        alone = forward.get((row["op"], row["row"]))
        if alone:
            axes.plot(alone["ratio"]["median"], place, "o", mfc="white", mec="black", ms=5)
    names = [f"{r['op']} {r['row']}" + _phase(r) for r in bars]
    axes.set_yticks(range(len(bars)), names, fontsize=(TEXT - 2), parse_math=False)
    axes.set_ylim(tall - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(*span)
    ticks = [t for t in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) if span[0] <= t <= span[1]]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks], fontsize=(TEXT - 2))
    axes.minorticks_off()
    axes.axvline(1, color="black", lw=1)
    axes.spines[["top", "right"]].set_visible(False)


def _phase(row):
    return "" if row["phase"] == BOTH else f", {row['phase']}"


def growth_lines(found):
    """Seconds against size in double logarithmic scales, both sides, the slopes in the legend."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    results = found["growth"]
    figure = Figure(figsize=(5.2 * len(results), 4.8), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        for (side, seconds), colour, mark in zip(
            result["seconds"].items(), (BLUE, ORANGE), "os", strict=False
        ):
            name = {"ours": "minicnn", "torch": "PyTorch"}[side]
            label = f"{name}, slope {result['slopes'][side]:.2f}"
            ms = [1e3 * s for s in seconds]
            axes.loglog(result["sizes"], ms, f"{mark}-", color=colour, lw=2, label=label)
        axes.set_title(result["name"], fontsize=(TEXT - 2))
        axes.set_xlabel(result["against"], fontsize=(TEXT - 2))
        axes.set_ylabel("milliseconds", fontsize=(TEXT - 2))
        squares = result["against"] == "pixels"
        names = [f"{math.isqrt(n)}²" if squares else str(n) for n in result["sizes"]]
        axes.set_xticks(result["sizes"], names, fontsize=(TEXT - 2))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.tick_params(labelsize=(TEXT - 2))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=(TEXT - 2))
    return figure


def ladder_bars(found):
    """Of each result of a convolution the milliseconds of each algorithm, on one logarithmic scale;
    blue is the one that choose.py takes. Beside the bars, how many times as fast as the loops."""
    from matplotlib.figure import Figure

    results = list(dict.fromkeys(row["result"] for row in found["rows"]))
    names = list(dict.fromkeys(row["algorithm"] for row in found["rows"]))
    figure = Figure(figsize=(11, 1.7 + 0.42 * len(names)), dpi=110, layout="constrained")
    ms = [1e3 * row["median"] for row in found["rows"]]
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        rows = [row for row in found["rows"] if row["result"] == result]
        slowest = next(row["median"] for row in rows if row["algorithm"] == "loops")
        for row in rows:
            place, time = names.index(row["algorithm"]), 1e3 * row["median"]
            axes.barh(place, time, color=BLUE if row["chosen"] else GREY, height=0.72)
            gain = slowest / row["median"]
            text = f"{time:.3g}" if time < 100 else f"{time:.0f}"
            if row["algorithm"] != "loops":
                text += f" ({gain:.1f} times)" if gain < 10 else f" ({gain:.0f} times)"
            axes.text(1.15 * time, place, text, va="center", fontsize=(TEXT - 2))
        axes.set_xscale("log")
        axes.set_xlim(0.5 * min(ms), 15 * max(ms))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), names, fontsize=(TEXT - 2), parse_math=False)
        axes.set_title({"y": "y", "gx": "gradient of x", "gw": "gradient of w"}[result])
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("milliseconds; blue: the algorithm that is taken", fontsize=TEXT - 1)
    figure.suptitle(f"conv2d {found['shape']}: how many times as fast as the loops")
    return figure
