"""How time grows with the side of the picture, with the number of maps and with the batch.

On paper a line in double logarithmic scales has the power as its slope: time ~ size^slope. With the
pixels of a picture a network should grow with slope 1; a slope above it says that large pictures
fall out of the caches. Small sizes lie above the line, because each call costs something, and make
it flatter; so the slope between the two largest sizes stands beside that of all.
"""

import numpy as np

from minicnn.bench import measuring, others, our_sides, timing
from minicnn.bench.network_rows import STEP, Whole
from minicnn.bench.rows import BOTH, conv

SIDES = (60, 120, 240, 480, 960)
MAPS = (8, 16, 32, 64, 128, 256)
BATCHES = (1, 2, 4, 8, 16)
MOST_PIXELS = 1.05  # the target for the slope of time against pixels
CLOSELY = 3  # sizes, from the smallest on, of which results are compared to the last digits
TURNS = 5  # at most: a line through five points forgives more than a single ratio


def experiments():
    """(name, what grows, [(size, row)], phase, target)"""
    sides = [(s * s, Whole("multi-scale", (s, s))) for s in SIDES]
    yield "training step of multi-scale", "pixels", sides, STEP, MOST_PIXELS
    maps = [(c, conv(f"{c} maps", (1, c, 60, 80), (c, c, 7, 7), padding=3)) for c in MAPS]
    yield "7x7 from as many maps to as many, 60x80", "maps", maps, BOTH, None
    batches = [
        (n, conv(f"batch {n}", (n, 16, 120, 160), (64, 16, 7, 7), padding=3)) for n in BATCHES
    ]
    yield "7x7 16->64, 120x160", "batch", batches, BOTH, None


def curves(twins, repeats=TURNS, plan=experiments):
    """A dict for each experiment, as it is measured: sizes, seconds of both sides, slopes. Raises
    timing.Different if the sides do not compute the same."""
    for name, what, points, phase, target in plan():
        busiest, sizes, seconds = 0, [], {"ours": []} | ({"torch": []} if twins else {})
        for number, (size, row) in enumerate(points):
            mine = our_sides.side(row)
            sides = [mine.phases[phase]]
            if twins:
                other = twins.side(row, mine)
                measuring.compare(row, mine, other, closely=number < CLOSELY)
                sides.append(other.phases[phase])
            with others.look() as look:
                measured = timing.alternate(sides, min(repeats, TURNS))
            busiest = max(busiest, look.cores or 0)
            sizes.append(size)
            for kept, times in zip(seconds.values(), measured, strict=True):
                kept.append(timing.Times.of(times).median)
        slopes = {side: slope(sizes, times) for side, times in seconds.items()}
        last = {side: slope(sizes[-2:], times[-2:]) for side, times in seconds.items()}
        text = ", ".join(
            f"{side} {s:.2f} (at the end {last[side]:.2f})" for side, s in slopes.items()
        )
        text = f"growth of {name} with {what}: slope {text}"
        reached, verdict = others.verdict(target and slopes["ours"] <= target, busiest)
        if target:
            text += f"; at most {target:g}: {verdict}"
        result = {"name": name, "against": what, "sizes": sizes, "seconds": seconds}
        result["others"] = busiest
        yield result | {
            "slopes": slopes,
            "last": last,
            "target": target,
            "reached": reached,
            "text": text,
        }


def slope(sizes, seconds):
    """The power p of the best line through (log size, log seconds): seconds ~ size^p."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
