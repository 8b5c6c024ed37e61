"""The algorithms of a convolution beside each other: `minicnn bench conv2d --algorithms`.

Seven loops, windows as columns of a matrix, sums of shifted pictures, tiles of Fourier and of
Winograd: each that can take the shape is called for all three results (y and both gradients) and
compared with the loops; then they are timed in turn. What the ladder is about is in
minicnn/ops/fast/README.md.
"""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np

from minicnn.basics.writing import write_atomically
from minicnn.bench import machine, timing
from minicnn.bench.rows import conv
from minicnn.engine import devices
from minicnn.engine.kernel import algorithm
from minicnn.ops import conv2d
from minicnn.ops.fast import choose, known_filters
from minicnn.ops.fast.conv2d import ALGORITHMS
from minicnn.ops.windows import windows

SHAPE = "16->64 7x7 46x68"  # a layer of the lecture on a small picture
EXAMPLE = f"'{SHAPE}', and stride=2 padding=3 dilation=1 groups=2 batch=8 where they differ"
FILES = {"loops": "ops/conv2d.py"} | {name: f"ops/fast/{name}.py" for name in ALGORITHMS}
RESULTS = {"y": "forward", "gx": "grad_input", "gw": "grad_weight"}
TOLERANCE = 1e-5


def layer_of(text):
    """A row of the bench (rows.py) from maps -> filters, the size of a filter, that of a picture.
    Raises ValueError for another text."""
    found = re.fullmatch(r"(\d+)->(\d+) +(\d+)x(\d+),? +(\d+)x(\d+)((?:,? +[a-z]+=\d+)*)", text)
    more = dict(re.findall(r"([a-z]+)=(\d+)", found[7])) if found else {}
    known = {"stride", "padding", "dilation", "groups", "batch"}
    if not found or not set(more) <= known:
        raise ValueError(
            f"--shape {text!r}: write maps, filters, their size, the picture's: {EXAMPLE}"
        )
    C, F, K, L, H, W = (int(n) for n in found.groups()[:6])
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "batch": 1}
    options |= {name: int(value) for name, value in more.items()}
    batch, groups = options.pop("batch"), options["groups"]
    if 0 in (C, F, K, L, H, W, batch, groups, options["stride"], options["dilation"]):
        raise ValueError(f"--shape {text!r}: only padding may be 0")
    if C % groups or F % groups:
        raise ValueError(
            f"--shape {text!r}: {groups} groups do not divide {C} maps and {F} filters"
        )
    dilation = options.pop("dilation")
    row = conv(text, (batch, C, H, W), (F, C // groups, K, L), **options)
    row.options["dilation"] = dilation
    return row


def why_not(name, result, w_shape, y_shape, geometry, groups):
    """Why an algorithm cannot give this result of this layer; "" where it can."""
    if name == "shift_and_add":
        if result == "gx":
            return "not for gx: gy has as many maps as there are filters"
        return "" if groups == 1 else "not for groups"
    if name == "direct" and not choose.can_use_direct(result, w_shape, geometry, np.float32):
        return "needs FMA instructions; gx no stride with dilation, no padding beyond the filter"
    if name == "fourier" and not choose.can_use_fourier(w_shape, geometry, np.float32):
        return "needs stride and dilation 1, filters up to 11x11 and not above 100,000 of them"
    if name == "winograd" and not choose.can_use_winograd(w_shape, geometry, np.float32):
        return "only for filters of 3x3, stride and dilation 1"
    if name in ("few_blocks", "few_maps", "matrix_product"):
        if w_shape[2:] != (1, 1) or geometry != choose.SIMPLEST:
            return "only for filters of 1x1, stride 1, no padding"
        if name == "few_maps" and result != "y":
            return "only forward"
        if name == "few_blocks" and result == "gw":
            return "not for gw"
        if name == "few_blocks" and not choose.few_blocks_can(y_shape, np.float32):
            return "needs FMA instructions, and 512 pixels"
        if result == "gw" and y_shape[0] > 1:
            return "not for gw of several pictures"
    return ""


def calls(row):
    """{result: {algorithm: function without arguments that returns the result}}, {result:
    {algorithm: why not}}, {result: the algorithm that choose.py takes}."""
    x, w, b = row.arrays()
    s, p, d = (row.options[name] for name in ("stride", "padding", "dilation"))
    geometry, groups = (s, s, p, p, d, d), row.options["groups"]
    y = np.empty((len(x), len(w), *windows("conv2d", x, w, geometry)), x.dtype)
    gy = row.gradient(y.shape)
    arrays = {"y": (x, w, b), "gx": (gy, w), "gw": (gy, x)}
    outputs = {"y": y, "gx": np.empty_like(x), "gw": np.empty_like(w)}
    kernels = {result: getattr(conv2d, f"conv2d_{name}") for result, name in RESULTS.items()}
    functions, reasons = {}, {}
    for result, part in RESULTS.items():
        arguments = *arrays[result], *geometry, groups, outputs[result]
        functions[result] = {"loops": _loops(kernels[result], arguments)}
        reasons[result] = {}
        for name, module in ALGORITHMS.items():
            reason = why_not(name, result, w.shape, y.shape, geometry, groups)
            if reason:
                reasons[result][name] = reason
            else:
                functions[result][name] = _alone(getattr(module, part), arguments)
    names = {r: choose.convolution(r, w.shape, y.shape, geometry, groups) for r in RESULTS}
    return functions, reasons, names


def _loops(kernel, arguments):
    def call():
        with algorithm("simple"):
            kernel(*arguments)
        return arguments[-1]

    return call


def _alone(function, arguments):
    def call():
        known_filters.forget()  # each result alone: nothing is left over from another one
        function(*arguments, {})
        return arguments[-1]

    return call


def ladder(shape=SHAPE, threads=None, repeats=9, json_file=None, plot=None, say=print):
    """Measures all algorithms on a layer; returns all that was measured as a dict. Raises
    ValueError for a shape that is none, Different where an algorithm gives another result."""
    row = layer_of(shape)
    devices.set_num_threads(threads or devices.get_num_threads())
    functions, reasons, chosen = calls(row)
    found = {"shape": shape, "repeats": repeats, "machine": machine.describe(), "rows": []}
    say(machine.sentence(found["machine"]))
    for result, sides in functions.items():
        output = sides["loops"]()
        truth = output.copy()
        for function in sides.values():
            output.fill(np.nan)  # or one that writes nothing would be right
            timing.compare({result: function()}, {result: truth}, TOLERANCE, "the loops")
        seconds = timing.alternate(sides.values(), repeats)
        for name, times in zip(sides, seconds, strict=True):
            line = {"result": result, "algorithm": name, "chosen": name == chosen[result]}
            found["rows"].append(line | asdict(timing.Times.of(times)))
    found["not"] = reasons
    for line in lines(found):
        say(line)
    if json_file:
        write_atomically(json_file, json.dumps(found, indent=1) + "\n")
    if plot:
        from minicnn.bench import pictures

        pictures.ladder_bars(found).savefig(Path(plot))
    return found


def _ms(seconds):
    ms = 1e3 * seconds
    return f"{ms:.3g}" if ms < 100 else f"{ms:.0f}"


def lines(found):
    """The ladder as lines of text: milliseconds, and how many times as fast as the loops."""
    seconds = {(row["algorithm"], row["result"]): row["median"] for row in found["rows"]}
    taken = {(row["algorithm"], row["result"]) for row in found["rows"] if row["chosen"]}
    yield f"\nconv2d {found['shape']}, each result alone; * is what choose.py takes\n"
    yield f"{'algorithm':16} {'file':28}" + "".join(
        f"{r + ' ms':>10} {'gain':>7} " for r in RESULTS
    )
    for name in dict.fromkeys(row["algorithm"] for row in found["rows"]):
        line = f"{name:16} {FILES[name]:28}"
        for result in RESULTS:
            time = seconds.get((name, result))
            if time is None:
                line += f"{'':>10} {'':>7} "
            else:
                gain = f"{seconds['loops', result] / time:.1f}"
                mark = "*" if (name, result) in taken else " "
                line += f"{_ms(time):>10} {gain:>7}{mark}"
        yield line.rstrip()
    yield ""
    for name in ALGORITHMS:
        why = {r: reasons[name] for r, reasons in found["not"].items() if name in reasons}
        for reason in dict.fromkeys(why.values()):
            results = ", ".join(r for r in why if why[r] == reason)
            yield f"{name} ({results}): {reason}"
