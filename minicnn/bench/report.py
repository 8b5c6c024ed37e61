"""Results as lines of a table, and as a page:

python -m minicnn.bench bench.json        # Markdown, on standard output
"""

from minicnn.bench import others
from minicnn.bench.machine import sentence

HEAD = (
    f"{'row':52} {'phase':16} {'ours ms':>8} {'torch ms':>8} {'ratio':>6} "
    f"{'of half the turns':>17} {'GFLOP/s':>8} {'share':>6}  target"
)


def line_of(result, machine):
    """One line for one phase of a row."""
    mine, other, ratio = result["ours"], result["torch"], result["ratio"]
    name = f"{result['op']} {result['row']}"
    line = f"{name:52} {result['phase']:16} {_ms(mine):>8} "
    if other:
        spread = f"{ratio['lower']:.2f} to {ratio['upper']:.2f}"
        line += f"{_ms(other):>8} {ratio['median']:6.2f} {spread:>17} "
    else:
        spread = f"{1e3 * mine['lower']:.3g} to {1e3 * mine['upper']:.3g} ms"
        line += f"{'':>8} {'':>6} {spread:>17} "
    rate, share = shares(result, machine)
    return (line + f"{rate:>8} {share:>6}  {verdict(result)}").rstrip()


def shares(result, machine):
    """(GFLOP/s or GB/s, share of what this machine can do, empty where nobody knows that) of our
    side, as text."""
    done, unit = (result["operations"], "GFLOP/s") if result["operations"] else (None, "GB/s")
    rate = (done or result["bytes"]) / result["ours"]["median"] / 1e9
    best = machine["ceilings"]
    share = f"{rate / best[unit]:.0%}" if best else ""
    return f"{rate:.0f}" if done else f"{rate:.0f} GB/s", share


def verdict(result):
    goal = "" if result["target"] is None else f"{result['target']:g}"
    if result["reached"] is not None:
        return f"{goal} {'reached' if result['reached'] else 'missed'}"
    if result["why"] is None:
        return goal
    return f"{goal}, {result['why']}: no verdict" if goal else result["why"]


def other_run(result):
    """The median ratio of the run that does not stand for the row."""
    medians = [run["ratio"]["median"] for run in result["runs"] if run["ratio"] != result["ratio"]]
    return f"{medians[-1]:.2f}" if medians else ""


def _ms(times):
    ms = 1e3 * times["median"]
    return f"{ms:.3g}" if ms < 10 else f"{ms:.0f}"


def page(found):
    """Everything of a bench (the dict of --json) as lines of Markdown."""
    yield from (sentence(found["machine"]) + ".", "")
    if found.get("busy"):
        yield from (f"{others.beside(found['busy'])}.", "")
    yield from (found["how"], "")
    yield (
        "| | | minicnn, ms | PyTorch, ms | ratio (half of the turns) | other run "
        "| GFLOP/s | share | target |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for result in found["rows"]:
        ratio, rate = result["ratio"], shares(result, found["machine"])
        cells = [f"{result['op']} {result['row']}", result["phase"], _ms(result["ours"])]
        if ratio:
            cells.append(_ms(result["torch"]))
            cells.append("{median:.2f} ({lower:.2f} to {upper:.2f})".format(**ratio))
            cells.append(other_run(result))
        else:
            cells += ["", "", ""]
        goal = verdict(result)
        goal = f"**{goal}**" if result["reached"] is False else goal
        cells += [rate[0], rate[1], goal]
        yield f"| {' | '.join(cells)} |"
    yield ""
    for part in ("memory", "growth", "first_step"):
        yield from (f"- {result['text']}" for result in found.get(part, []))
    yield from (f"- not measured: {s['row']}, {s['reason']}" for s in found["skipped"])
