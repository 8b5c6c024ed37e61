"""How to time two programs so that the numbers mean something.

What can go wrong, and what is done about it here:

- *The first call is another thing.* It compiles kernels, makes plans, asks the system for memory.
  So both sides are called before anything is measured.
- *A machine is not the same all the time.* It warms up, a neighbour takes a core. Who measures all
  of A and then all of B compares two machines. So the sides take turns, A B A B, in one process,
  and each pair of neighbours gives a ratio of its own; their median is the ratio.
- *Somebody else is at work.* others.py looks how much, and then there is no verdict.
- *One number says nothing about its own worth.* Times have a floor and a long tail: a mean follows
  whoever disturbed it. We give the median and the quartiles, between which half of the calls lie.
- *A short call is shorter than what disturbs it.* So calls below 2 ms are repeated within a turn.
- *Threads of one side wait in a loop for work* after each call, those of a matrix product for about
  30 ms, and take the core from the other. So there is a pause before each turn.
- *What was used last lies in the cache.* In a training the same network runs again and again. So
  each turn calls its side once before the calls that count; both sides get the same.
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
SHORTEST = 0.002  # seconds of a turn


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
    """Calls the functions in `sides` in turn; returns a list of seconds of one call for each, all
    of the same length, at least `repeats`. `finish` waits for a device that works on its own."""
    for function in sides:
        function()
    finish()
    calls, once = zip(*(calls_of_a_turn(function, finish) for function in sides), strict=True)
    once = sum(once)
    turns = max(repeats, min(MORE * repeats, int(ENOUGH * len(sides) / max(once, 1e-9))))
    seconds = [[] for _ in sides]
    collecting = gc.isenabled()
    gc.disable()  # it would strike whoever happens to be at work
    try:
        for _ in range(turns):
            for function, count, kept in zip(sides, calls, seconds, strict=True):
                time.sleep(pause)
                function()
                finish()
                kept.append(_duration(function, count, finish) / count)
            if collecting and once > 0.05:
                gc.collect()  # between two turns, where nobody is at work
    finally:
        if collecting:
            gc.enable()
    return seconds


def calls_of_a_turn(function, finish=lambda: None):
    """(how many calls take at least 2 ms together, the seconds that they take)."""
    calls = 1
    while True:
        seconds = _duration(function, calls, finish)
        if seconds >= SHORTEST:
            return calls, seconds
        # half as many again as it seems to need; at most ten times as many, for these were slow
        wanted = int(1.5 * calls * SHORTEST / max(seconds, 1e-9))
        calls = min(10 * calls, max(calls + 1, wanted))


def _duration(function, calls, finish):
    start = time.perf_counter()
    for _ in range(calls):
        function()
    finish()
    return time.perf_counter() - start


def ratio(ours, theirs):
    """How many times as fast we are, as Times: median and quartiles of the ratios of neighbours."""
    return Times.of(np.array(theirs) / np.array(ours))


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
