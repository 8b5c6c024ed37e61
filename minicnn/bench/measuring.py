"""A row of the bench: compared, timed, judged.

A row with a target is timed in two runs, apart in time, with all other rows in between: a machine
that was in the mood to favour one side may have changed its mind. It is reached if both runs reach
it, so the slower of them stands for the row. Of runs while others were at work nothing is said.
"""

from dataclasses import asdict

from minicnn.bench import others, our_sides, ours, timing
from minicnn.bench.rows import SEED
from minicnn.engine.kernel import chosen_algorithm

RUNS = 2
TRIES = 8  # inputs of a network, one of which has to agree closely
ROUGH = 0.02  # of the size of a gradient: what the others may differ by
LOWER = 0.95  # of the target, for the lower quartile


def measure(row, twins, device="cpu", repeats=9, phases=None):
    """A dict for each phase of a row (or for those in `phases`), with one run. Raises
    timing.Different if the sides do not compute the same."""
    mine = our_sides.side(row, device)
    other = twins.side(row, mine, device) if twins else None
    error = None
    if other:
        error = compare(row, mine, other)
    work, found = mine.work(), []
    for phase, function in mine.phases.items():
        if phases and phase not in phases:
            continue
        sides = [function] + ([other.phases[phase]] if other else [])
        with others.look() as look:
            seconds = timing.alternate(sides, repeats, finish=finisher(device, twins))
        run = {"turns": len(seconds[0]), "others": look.cores}
        run |= {"ours": asdict(timing.Times.of(seconds[0])), "torch": None, "ratio": None}
        if other:
            run["torch"] = asdict(timing.Times.of(seconds[1]))
            run["ratio"] = asdict(timing.ratio(*seconds))
        result = {"op": row.op, "row": row.name, "phase": phase, "error": error}
        result |= {"target": row.targets.get(phase), "runs": [run]}
        result["operations"], result["bytes"] = work[phase]
        found.append(judge(result))
    return found


def compare(row, mine, other, closely=True):
    """The largest difference of what both sides compute; raises timing.Different.

    Of a network one of TRIES inputs must give the same gradients. Where a number lies next to the
    kink of a ReLU, or two pixels of a pool's window are nearly equal, rounding decides on which
    side it is or which one is the largest: one such number in a million, and all gradients below it
    are others. In float64 both sides were seen to be right, each with its own. Of a batch a few
    crops are compared closely, and all of them at the end to ROUGH; so is a large picture, of
    millions of numbers, where it is not asked for more (`closely`)."""
    cut = 4e-3 if chosen_algorithm() == "tf32" else 0
    allowed = max(row.tolerance, cut)
    if not hasattr(mine, "draw"):
        pair = mine.results(), other.results()
        if row.op == "dropout":
            pair = [ours.drawn_results(results, row.arrays()[0]) for results in pair]
        return timing.compare(*pair, allowed)
    error = None
    for seed in range(TRIES if closely else 0):
        mine.draw(seed, some=True)
        other.take(mine)
        try:
            error = timing.compare(mine.results(), other.results(), allowed)
            break
        except timing.Different:
            if seed == TRIES - 1:
                raise
    mine.draw(SEED)
    other.take(mine)
    timing.compare(mine.results(), other.results(), max(ROUGH, cut))
    return error


def add_run(result, run):
    """One more run of a row, as `measure` returned it."""
    result["runs"].append(run)
    return judge(result)


def judge(result):
    """Fills in which run stands for the row (its `ours`, `torch`, `ratio`, `turns`), and whether
    the target is `reached`, or `why` nothing can be said."""
    runs, quiet, target = result["runs"], _quiet(result), result["target"]
    stand = quiet[-RUNS:] or runs
    result |= min(stand, key=lambda run: run["ratio"]["median"] if run["ratio"] else 0)
    result |= {"reached": None, "why": None}
    if target and result["ratio"] and len(quiet) >= RUNS:
        result["reached"] = all(reaches(run["ratio"], target) for run in stand)
    elif len(quiet) < len(runs):
        result["why"] = others.words(max(run["others"] for run in runs if run not in quiet))
    elif target and result["ratio"]:
        result["why"] = "one run"
    return result


def reaches(ratio, target):
    return ratio["median"] >= target and ratio["lower"] >= LOWER * target


def lacks_a_run(result):
    """Whether a verdict needs one more run."""
    return bool(result["target"] and result["ratio"]) and len(_quiet(result)) < RUNS


def _quiet(result):
    return [run for run in result["runs"] if not others.disturbed(run["others"])]


def finisher(device, twins):
    """A function that waits until the GPU has done everything; on the CPU there is no waiting."""
    if device != "gpu":
        return lambda: None
    import cupy

    def wait():
        cupy.cuda.get_current_stream().synchronize()
        if twins:
            twins.torch.cuda.synchronize()

    return wait
