"""The bench: chooses rows, compares, times, prints each line as it is there, keeps all as JSON."""

import json
from pathlib import Path

from minicnn import functional
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.writing import write_atomically
from minicnn.bench import growth, machine, others, processes, timing
from minicnn.bench.measuring import add_run, lacks_a_run, measure
from minicnn.bench.network_rows import all_rows, missing_models, models_with_steps
from minicnn.bench.report import HEAD, line_of
from minicnn.engine import devices

PARTS = ("memory", "growth", "first-step")  # beside the rows, by names of their own
HOW = (
    "Same numbers and shapes on both sides, results and gradients compared first; both warmed up, "
    "in turn A B A B in one process, same number of threads; calls below 2 ms repeated within a "
    "turn; seconds of a call, median and quartiles. Ratio: PyTorch / minicnn of each pair of "
    "turns, above 1 we are faster; its median and quartiles. A target is reached when the median "
    "reaches it and the lower quartile 0.95 of it, in two runs apart in time, of which the slower "
    "one stands here; no verdict where other processes took more than a tenth of a core. GFLOP/s "
    "of ours by the direct formula."
)


def load_twins(against, device="cpu"):
    """The module with PyTorch's side, or None. Raises ValueError if it is asked for and missing."""
    if against == "none":
        return None
    try:
        from minicnn.bench import twins

        if device == "gpu":
            twins.prepare_gpu()
    except (ImportError, RuntimeError) as error:
        if against == "torch":
            hint = "install it with pip install torch, or leave the option out"
            raise ValueError(f"--against torch: PyTorch cannot be used ({error}); {hint}") from None
        return None
    return twins


def choose(names, everything=False, only=""):
    """(rows, parts) that the names stand for: operations, models, or `memory`, `growth`,
    `first-step`; without names all of them. Raises ValueError for a name that is none."""
    rows = all_rows()
    known = list(dict.fromkeys([row.op for row in rows])) + list(PARTS)
    for name in names:
        if name not in known:
            hint, near = "it has no row; ", ""
            if name not in functional.__all__:
                hint, near = "", did_you_mean(name, known)
            raise ValueError(f"bench: no {name!r} here; {hint}there are {', '.join(known)}{near}")
    rows = [row for row in rows if not names or row.op in names]
    rows = [row for row in rows if only in f"{row.op} {row.name}"]
    if only and not rows:
        raise ValueError(f"bench: no row among the chosen ones has {only!r} in its name")
    parts = [part for part in PARTS if part in names or not (names or only)]
    quick = [row for row in rows if not row.slow]
    return quick if quick and not everything else rows, parts  # who names slow ones means them


def bench(
    names=(),
    against="auto",
    device="cpu",
    threads=None,
    repeats=9,
    everything=False,
    only="",
    json_file=None,
    plot=None,
    busy=0,
    say=lambda text: print(text, flush=True),
):
    """Measures, and returns all that was measured as a dict (as --json writes it).

    names       operations, models, `memory`, `growth`, `first-step`; none: all
    against     "torch", "none", or "auto": PyTorch if it is installed
    device      "cpu" or "gpu"; `threads`: of both sides, by default all
    repeats     turns of each side, at least
    everything  also takes the slow rows, which else are only taken where no others are chosen
    only        a text that the names of the rows have to hold
    json_file   written after each row; `plot`: a picture of the ratios, and beside it one of the
                growth if that was measured
    busy        so many other processes work meanwhile, on a laptop that has more to do; then no
                target is judged
    """
    rows, parts = choose(names, everything, only)
    devices.check_device(device)
    check_files(json_file, plot)
    devices.set_num_threads(threads or devices.get_num_threads())
    twins = load_twins(against, device)
    if twins:
        twins.torch.set_num_threads(devices.get_num_threads())
    elif against == "auto":
        say("PyTorch cannot be used here, so minicnn is timed alone.")
    if plot and not twins and "growth" not in parts:
        raise ValueError("--plot draws ratios to PyTorch, which does not take part")
    if not names and not only:
        say("All rows: half an hour with PyTorch on two cores; Ctrl-C keeps what is there.")
    if not others.can_tell():
        say("This system does not tell what other processes do: see yourself that they rest.")
    found = {"how": HOW, "repeats": repeats, "complete": False}
    found["machine"] = machine.describe(twins and twins.torch, device)
    found["busy"] = busy
    found |= {"rows": [], "skipped": [], **{part.replace("-", "_"): [] for part in parts}}
    say(machine.sentence(found["machine"]))
    if busy:
        say(f"{others.beside(busy)}: no targets are judged.")
    try:
        with devices.device(device), others.busy(busy):
            _rows(rows, twins, device, repeats, found, json_file, say)
            if not names:
                _skip(found, say, [(n, "there is no such model yet") for n in missing_models()])
            if device != "cpu":
                _skip(found, say, [(part, "only on the CPU") for part in parts])
                parts = []
            for part in parts:
                _part(part, twins, repeats, found, say)
                _save(found, json_file)
        found["complete"] = True
    except KeyboardInterrupt:
        kept = f"; they are in {json_file}" if json_file else ""
        raise KeyboardInterrupt(f"stopped after {len(found['rows'])} results{kept}") from None
    finally:
        _save(found, json_file)
        if plot:
            _draw(found, Path(plot))
    return found


AGAIN = (
    "Second run, of the rows with a target; of both runs the slower one is printed:",
    "Once more, where others were at work:",
)


def _rows(rows, twins, device, repeats, found, json_file, say):
    if rows:
        say("\n" + HEAD)
    measured = []
    for row in rows:
        results = _row(row, twins, device, repeats, found, say)
        measured.append((row, results))
        for result in results:
            found["rows"].append(result)
            say(line_of(result, found["machine"]))
        _save(found, json_file)
    for title in AGAIN if not found["busy"] else ():
        missing = [(row, [r for r in results if lacks_a_run(r)]) for row, results in measured]
        missing = [(row, results) for row, results in missing if results]
        if missing:
            say(f"\n{title}\n")
        for row, results in missing:
            phases = [result["phase"] for result in results]
            once_more = _row(row, twins, device, repeats, found, say, phases)
            for result, new in zip(results, once_more, strict=False):
                say(line_of(add_run(result, new["runs"][0]), found["machine"]))
            _save(found, json_file)


def _row(row, twins, device, repeats, found, say, phases=None):
    """What `measure` finds; nothing, with a word, where it finds that nothing can be measured."""
    try:
        return measure(row, twins, device, repeats, phases)
    except NotImplementedError as error:  # no GPU kernel yet
        _skip(found, say, [(f"{row.op} {row.name}", str(error))])
    except timing.Different as error:
        _skip(found, say, [(f"{row.op} {row.name}", f"WRONG: {error}")])
    return []


def _part(part, twins, repeats, found, say):
    kept = found[part.replace("-", "_")]
    if part == "memory":
        results = processes.memory(models_with_steps(), twins, devices)
    elif part == "first-step":
        results = processes.first_step("multi-scale", devices)
    else:
        results = growth.curves(twins, repeats)
    say("")
    try:
        for result in results:
            kept.append(result)
            say(result["text"])
    except timing.Different as error:
        _skip(found, say, [(part, f"WRONG: {error}")])


def _skip(found, say, skipped):
    for name, reason in skipped:
        found["skipped"].append({"row": name, "reason": reason})
        say(f"{name}: skipped, {reason}")


def _save(found, json_file):
    if json_file:
        write_atomically(json_file, json.dumps(found, indent=1) + "\n")


def check_files(json_file, plot):
    """Raises ValueError for files that could not be written, before anything is measured."""
    for file in filter(None, (json_file, plot)):
        if not Path(file).parent.is_dir():
            raise ValueError(f"{file}: there is no folder {Path(file).parent}")
    if plot and Path(plot).suffix not in (".png", ".pdf", ".svg"):
        raise ValueError(f"--plot {plot}: the name has to end in .png, .pdf or .svg")


def _draw(found, plot):
    from minicnn.bench import pictures

    if any(row["ratio"] for row in found["rows"]):
        pictures.ratio_bars(found).savefig(plot)
    if found.get("growth"):
        pictures.growth_lines(found).savefig(plot.with_stem(f"{plot.stem}-growth"))
