"""How to time two programs so that the numbers mean something.

What can go wrong, and what is done about it here:

- *The first call is another thing.* It compiles kernels, makes plans, asks the system for memory.
  So both sides are called twice before anything is measured.
- *A machine is not the same all the time.* It warms up, a neighbour takes a core. Who measures all
  of A and then all of B compares two machines. So the sides take turns, A B A B, in one process,
  and each pair of neighbours gives a ratio of its own.
- *One number says nothing about its own worth.* Times have a floor and a long tail: a mean follows
  whoever disturbed it. We give the median and the quartiles, between which half of the calls lie.
- *Threads of one side wait in a loop for work* after each call, those of a matrix product for about
  30 ms, and take the core from the other. So there is a pause before each turn.
- *What was used last lies in the cache.* In a training the same network runs again and again. So
  each turn calls its side twice, and the second call counts; both sides get the same.
- *Work that nobody did is fast.* So is a wrong result. Both sides first show that they give the
  same numbers, results and gradients (`compare`); only then are they timed.
- *A ratio of two slow programs can be splendid.* So next to it stands how much arithmetic was done
  in a second, and which share that is of what this machine can do at all (machine.py).
"""

import gc
import time
from dataclasses import dataclass

import numpy as np

PAUSE = 0.05  # seconds before each turn
ENOUGH = 0.2  # seconds of measured time: quick work gets more turns, up to MORE times as many
MORE = 3


@dataclass(frozen=True)
class Times:
    """Seconds of one call: the median, and the quartiles around it."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, seconds):
        lower, median, upper = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
        return cls(median, lower, upper)


def alternate(sides, repeats=9, pause=PAUSE, finish=lambda: None):
    """Calls the functions in `sides` in turn; returns a list of seconds for each, all of the same
    length, at least `repeats`. `finish` waits for a device that works on its own."""
    for function in sides:
        function()
    start = time.perf_counter()
    for function in sides:
        function()
    finish()
    once = time.perf_counter() - start
    turns = max(repeats, min(MORE * repeats, int(ENOUGH * len(sides) / max(once, 1e-9))))
    seconds = [[] for _ in sides]
    collecting = gc.isenabled()
    gc.disable()  # it would strike whoever happens to be at work
    try:
        for _ in range(turns):
            for function, kept in zip(sides, seconds, strict=True):
                time.sleep(pause)
                function()
                finish()
                start = time.perf_counter()
                function()
                finish()
                kept.append(time.perf_counter() - start)
            if collecting and once > 0.05:
                gc.collect()  # between two turns, where nobody is at work
    finally:
        if collecting:
            gc.enable()
    return seconds


def ratio(ours, theirs):
    """How many times as fast we are, as Times: the ratio of the medians, and the quartiles of the
    ratios of neighbours."""
    neighbours = Times.of(np.array(theirs) / np.array(ours))
    return Times(float(np.median(theirs) / np.median(ours)), neighbours.lower, neighbours.upper)


class Different(ValueError):
    """Two sides that do not compute the same."""


def compare(ours, theirs, tolerance, whose="PyTorch"):
    """The largest relative difference, |a - b| / |b| in the Euclidean norm, of two dicts of arrays
    with the same names. Raises Different if it is above `tolerance`, or shapes differ."""
    if set(ours) != set(theirs):
        raise Different(f"one side has {sorted(ours)}, the other {sorted(theirs)}")
    worst = 0.0
    for name, b in theirs.items():
        a, b = np.asarray(ours[name], np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            raise Different(f"{name} is {a.shape} here and {b.shape} in {whose}")
        size = np.linalg.norm(b)
        error = float(np.linalg.norm(a - b) / (size if size > 0 else 1))
        if not error <= tolerance:  # a NaN, too
            raise Different(
                f"{name} here and in {whose} differ by {error:.1e} of its size ({tolerance:.0e} "
                "is allowed), so nothing was timed"
            )
        worst = max(worst, error)
    return worst
