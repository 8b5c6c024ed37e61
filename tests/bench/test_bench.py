"""The bench: its rows, its honesty, what it says and keeps. No test depends on how fast anything
is."""

import dataclasses
import gc
import json
import math
import mmap
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, functional
from minicnn.bench import (
    alone,
    growth,
    ladder,
    machine,
    measuring,
    network_rows,
    others,
    our_networks,
    our_sides,
    ours,
    pictures,
    processes,
    report,
    rows,
    running,
)
from minicnn.bench.network_rows import (
    FEATURES,
    PREDICTION,
    STEP,
    Bags,
    Crops,
    Drawn,
    Regions,
    Whole,
)
from minicnn.bench.rows import BOTH, FORWARD, SEED, conv, layer, linear
from minicnn.bench.timing import Different, Times, alternate, compare, ratio
from minicnn.cli import main

BILINEAR = {"scale_factor": 4, "mode": "bilinear", "align_corners": False}
LRN = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, "scale": 50.0}
TINY = [  # one row for each operation of the bench, or more where the twin is written by hand
    layer("relu", (1, 3, 6, 8)),
    layer("tanh", (1, 3, 6, 8)),
    layer("dropout", (1, 40, 60, 80), p=0.5, tolerance=1e-2),
    layer("max_pool2d", (1, 3, 7, 9), "3/2", kernel_size=3, stride=2),
    layer("max_pool_maps", (1, 8, 6, 8), "4 maps", maps=4),
    layer("max_pool_maps", (1, 8, 6, 8), "4 maps, 2/2", maps=4, kernel_size=2),
    layer("interpolate", (1, 3, 5, 6), "bilinear x4", **BILINEAR),
    layer("cross_entropy", (1, 5, 6, 8), target=rows.classes(5, 1, 6, 8)),
    layer("local_response_norm", (1, 7, 3, 5), **LRN),
    layer("local_contrast_norm", (1, 3, 20, 24), "15x15", window=15),
    conv("picture", (1, 3, 12, 14), (4, 3, 7, 7), 1.3, padding=3, picture=True),
    conv("groups", (2, 4, 9, 8), (6, 2, 3, 3), 0.9, groups=2, stride=2),
    rows.table("fan-in 2", (1, 4, 9, 8), 6, 2, 3),
    linear("5->4", 5, 4, 3),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pauses, no long look at the machine, threads as before."""
    monkeypatch.setattr("minicnn.bench.timing.ENOUGH", 0.0)
    monkeypatch.setattr("minicnn.bench.timing.PAUSE", 0.0)
    monkeypatch.setattr("minicnn.bench.timing.SHORTEST", 0.0)
    monkeypatch.setattr("minicnn.bench.others.SHORTEST", math.inf)  # whoever else runs tests here
    monkeypatch.setattr(machine, "ceilings", lambda torch: {"GFLOP/s": 100.0, "GB/s": 10.0})
    before = minicnn.get_num_threads()
    yield
    minicnn.set_num_threads(before)


@pytest.fixture
def tiny(monkeypatch):
    """The bench has two rows: a convolution and ReLU."""
    chosen = [next(row for row in TINY if row.op == op) for op in ("conv2d", "relu")]
    monkeypatch.setattr(running, "all_rows", lambda: chosen)


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "minicnn.bench.twins", raising=False)
    monkeypatch.delattr("minicnn.bench.twins", raising=False)


def refused(capsys, arguments, *texts):
    assert main(["bench", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and all(text in err for text in texts), err


# ------------------------------------------------------------------------------------------ timing
def test_sides_are_warm_and_take_turns():
    calls = []
    sides = [lambda: calls.append("A"), lambda: calls.append("B")]
    seconds = alternate(sides, repeats=3, pause=0, finish=lambda: calls.append("."))
    warm = "AB." + "A.B."
    assert "".join(calls) == warm + 3 * ("A.A." + "B.B.")
    assert [len(s) for s in seconds] == [3, 3] and min(map(min, seconds)) >= 0
    assert gc.isenabled()


def test_quick_work_gets_more_turns(monkeypatch):
    monkeypatch.setattr("minicnn.bench.timing.ENOUGH", 10.0)
    assert len(alternate([lambda: None], repeats=2, pause=0)[0]) == 6


def test_median_and_quartiles():
    assert Times.of([5.0, 1, 2, 4, 3]) == Times(3.0, 2.0, 4.0)
    found = ratio([1.0, 2, 4], [2.0, 4, 16])
    assert found == Times(2.0, 2.0, 3.0)  # of 2, 2, 4
    # each pair has its own: one side was disturbed once, the machine slow for the last pair
    assert ratio([1.0, 9, 10], [2.0, 2, 20]).median == 2.0


def test_compare_finds_what_differs():
    right = {"y": np.array([3.0, 4.0]), "g": np.ones(2)}
    assert compare(right, right, 0) == 0
    assert compare({"y": np.array([3.0, 4.1]), "g": np.ones(2)}, right, 0.1) == pytest.approx(0.02)
    with pytest.raises(Different, match=r"g here and in PyTorch differ by 5\.0e-01"):
        compare({**right, "g": np.array([1.0, 1 + math.sqrt(0.5)])}, right, 0.1)
    with pytest.raises(Different, match="differ by nan"):
        compare({**right, "y": np.array([3.0, np.nan])}, right, 0.1)
    with pytest.raises(Different, match=r"y is \(3,\) here and \(2,\)"):
        compare({**right, "y": np.zeros(3)}, right, 0.1)
    with pytest.raises(Different, match="one side has"):
        compare({"y": right["y"]}, right, 0.1)


class OffBy:
    """A side whose gradients are off by as much as `errors` say, input by input."""

    def __init__(self, errors):
        self.errors, self.asked = errors, []

    def draw(self, seed, some=False):
        self.seed = seed
        self.asked.append((seed, some))

    def results(self):
        error = self.errors[self.seed] if self.asked[-1][1] else self.errors["all"]
        return {"g": np.array([3.0, 4.0 + 5 * error])}


class Exact(OffBy):
    def take(self, mine):
        self.draw(*mine.asked[-1])


def test_one_of_some_inputs_must_give_the_same_and_the_whole_batch_nearly():
    row, right = Whole("patch"), Exact(dict.fromkeys([*range(measuring.TRIES), "all"], 0.0))
    mine = OffBy({0: 1e-3, 1: 1e-6, "all": 0.01})
    assert measuring.compare(row, mine, right) == pytest.approx(1e-6, rel=1e-3)
    assert mine.asked == [(0, True), (1, True), (SEED, False)]
    for wrong in ({0: 1e-6, "all": 0.03}, dict.fromkeys(range(measuring.TRIES), 2e-5)):
        with pytest.raises(Different):
            measuring.compare(row, OffBy(wrong), right)


# -------------------------------------------------------------------------------------------- rows
def test_rows_name_what_exists():
    every = network_rows.all_rows()
    assert len({(row.op, row.name) for row in every}) == len(every)
    for row in every:
        assert row.op in minicnn.functional.__all__ or row.op in minicnn.models.MODELS
        assert set(row.targets) <= {FORWARD, BOTH, PREDICTION, STEP, FEATURES}
    assert {row.op for row in every if row.op in minicnn.functional.__all__} == {
        row.op for row in TINY
    }
    assert [row.slow for row in every] != [False] * len(every)
    assert not any(row.slow for row in running.choose([])[0])
    assert any(row.slow for row in running.choose([], everything=True)[0])


def test_numbers_are_the_same_each_time_and_no_input_twice():
    row = rows.table("", (1, 4, 9, 8), 6, 2, 3)
    for a, b in zip(row.arrays(), row.arrays(), strict=True):
        assert a.dtype == np.float32 and np.array_equal(a, b)
    assert len(np.unique(row.arrays()[0])) == 4 * 9 * 8
    assert np.array_equal(row.keywords()["table"], row.keywords()["table"])


def test_arithmetic_is_counted_by_the_formula():
    def both(row):
        work = ours.Operation(row).work()
        return work[FORWARD][0], work[BOTH][0]

    forward = 2 * (6 * 10 * 12) * (3 * 7 * 7)  # results times weights of each
    x, w = (1, 3, 16, 18), (6, 3, 7, 7)
    assert both(conv("", x, w)) == (forward, 3 * forward)
    assert both(conv("", x, w, picture=True)) == (forward, 2 * forward)
    forward = 2 * (6 * 2) * 9 * (9 * 8)  # edges times filter times pixels
    assert both(rows.table("", (1, 4, 9, 8), 6, 2, 3)) == (forward, 3 * forward)
    assert both(linear("", 5, 4, 3)) == (2 * 60, 3 * 2 * 60)
    for bias in (Tensor(np.ones(6, np.float32)), None):
        levels = [
            Tensor(np.ones((1, 3, n, 9), np.float32), requires_grad=n != 8) for n in (7, 8, 9)
        ]
        weight = Tensor(np.ones((6, 3, 7, 7), np.float32), requires_grad=True)
        apart = [functional.conv2d(x, weight, bias).sum() for x in levels]
        joined = [y.sum() for y in functional.conv2d_of_levels(levels, weight, bias)]
        assert ours.arithmetic(sum(joined)) == ours.arithmetic(sum(apart))
    relu = ours.Operation(layer("relu", (1, 3, 6, 8))).work()
    assert relu == {FORWARD: (0, 4 * 2 * 144), BOTH: (0, 4 * 4 * 144)}


@pytest.mark.parametrize(
    "row", [*network_rows.model_rows(), *network_rows.batch_rows()], ids=lambda row: row.op
)
def test_every_network_has_rates(row):
    """Those of its recipe, or a training's own, as the recurrent network's momentum; but it stays
    what it is."""
    found = our_networks.rates(minicnn.models.recipe(row.op, "ours"))
    assert 0 < found["lr"] < 1e-4 and 0.5 < found["momentum"] < 1 and found["weight_decay"] >= 0


BATCHES = [
    Crops("alexnet", 33, batch=3),
    Crops("three-layers", 24, batch=3),
    Regions("sds", 33, batch=3),
    Bags("weak", 48, batch=3),
    Bags("weak", 48, batch=3, features="tuned"),
    Drawn("feedback", 64, batch=20),
]


@pytest.mark.parametrize("row", BATCHES, ids=lambda row: f"{row.op}-{row.name}")
def test_batches_have_the_same_numbers_each_time(row):
    mine = our_sides.side(row)
    first, second = (mine.results() for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert set(mine.phases) == set(row.phases) <= set(mine.work())
    assert all(mine.work()[phase][0] > 0 for phase in row.phases)
    mine.draw(1, some=True)
    assert len(mine.results()["scores"]) == our_networks.SOME * (4 if row.op == "feedback" else 1)


@pytest.mark.parametrize("row", [Whole("multi-scale", (24, 32)), *BATCHES], ids=lambda row: row.op)
def test_a_step_changes_each_array_of_filters(row):
    """Else transforms of filters would be found ready, which no training finds."""
    mine = our_sides.side(row)
    before = {name: p.numpy().copy() for name, p in mine.learning.items()}
    mine.step()
    for name, p in mine.learning.items():
        assert p.ndim == 1 or (before[name] != p.numpy()).any(), name


def test_a_step_of_kept_features_teaches_what_lies_behind_them():
    frozen, tuned, drawn = (our_sides.side(row) for row in BATCHES[3:])
    assert {name.partition(".")[0] for name in frozen.learning} == {"head"}
    assert "conv1.weight" in tuned.learning
    assert set(drawn.learning) == {f"iterations.4.classifier.{n}" for n in ("weight", "bias")}


# --------------------------------------------------------------------------------- against PyTorch
@pytest.fixture
def twins():
    pytest.importorskip("torch")
    return running.load_twins("torch")


@pytest.mark.parametrize("row", TINY, ids=lambda row: f"{row.op}-{row.name}")
def test_both_sides_compute_the_same(row, twins):
    results = running.measure(row, twins, repeats=1)
    assert [r["phase"] for r in results] == [FORWARD, BOTH]
    assert all(0 <= r["error"] <= row.tolerance and r["ratio"]["median"] > 0 for r in results)


@pytest.mark.parametrize("model", ["patch", "single-scale", "multi-scale", "recurrent"])
def test_networks_have_the_same_loss_and_gradients(model, twins):
    results = running.measure(Whole(model, (24, 32), target=(2.0, 2.0)), twins, repeats=1)
    assert [r["phase"] for r in results] == [PREDICTION, STEP]
    assert results[0]["error"] < 1e-5 and results[0]["why"] == "one run"


@pytest.mark.parametrize("row", BATCHES, ids=lambda row: f"{row.op}-{row.name}")
def test_batches_have_the_same_loss_and_gradients(row, twins):
    results = running.measure(row, twins, repeats=1)
    assert [r["phase"] for r in results] == list(row.phases)
    assert results[0]["error"] < 1e-5


@pytest.mark.parametrize("row", [BATCHES[2], BATCHES[3], BATCHES[5]], ids=lambda row: row.op)
def test_a_wrong_batch_is_not_timed(row, twins, monkeypatch):
    right = twins.side

    def side(row, mine, device):
        other = right(row, mine, device)
        for p in other.learning.values():
            p.data *= 1.01
        return other

    monkeypatch.setattr(twins, "side", side)
    with pytest.raises(Different):
        running.measure(row, twins, repeats=1)


@pytest.mark.parametrize(
    "op, wrong",
    [
        ("local_response_norm", {"alpha": 2e-4}),
        ("interpolate", {"align_corners": True}),
        ("local_contrast_norm", {"window": 13}),
        ("max_pool_maps", {"maps": 2}),
        ("dropout", {"p": 0.4}),
    ],
)
def test_a_wrong_twin_is_not_timed(op, wrong, twins, monkeypatch):
    row = next(row for row in TINY if row.op == op)
    right = twins.side

    def side(row, mine, device):
        other = right(row, mine, device)
        other.options.update(wrong)
        other.gy = other.gy.new_ones(()).expand(other.forward().shape)
        return other

    monkeypatch.setattr(twins, "side", side)
    with pytest.raises(Different):
        running.measure(row, twins, repeats=1)


# ------------------------------------------------------------------------------------- the command
def test_alone_it_prints_and_keeps(tiny, tmp_path, capsys):
    file = tmp_path / "bench.json"
    arguments = ["conv2d", "relu", "--against", "none", "--repeats", "7", "--threads", "1"]
    assert main(["bench", *arguments, "--json", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[-4:]] == 2 * [["conv2d", "picture"]] + 2 * [
        ["relu", "3x6x8"]
    ]
    found = json.loads(file.read_text())
    assert found["complete"] and found["repeats"] == 7 and not found["skipped"]
    about = found["machine"]
    assert about["threads"] == 1 and about["seed"] == 0 and about["processor"]
    assert set(about["versions"]) == {"minicnn", "numpy", "numba", "scipy", "python"}
    assert [r["phase"] for r in found["rows"]] == 2 * [FORWARD, BOTH]
    for result in found["rows"]:
        assert result["turns"] >= 7
        assert 0 < result["ours"]["lower"] <= result["ours"]["median"] <= result["ours"]["upper"]
        assert result["torch"] is result["ratio"] is result["reached"] is None
    assert found["rows"][1]["target"] == 1.3 and list(tmp_path.iterdir()) == [file]


def fake_twins(**changed):
    """A second side that is our own, its results changed."""

    def side(row, mine, device="cpu"):
        same = {k: v.copy() for k, v in mine.results().items()}
        return SimpleNamespace(phases=mine.phases, results=lambda: same | changed)

    torch = SimpleNamespace(set_num_threads=lambda n: None, __version__="0")
    return SimpleNamespace(side=side, torch=torch, NETWORKS={})


def test_ratio_and_target_stand_in_the_line(tiny, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(running, "load_twins", lambda *_: fake_twins())
    file, plot = tmp_path / "bench.json", tmp_path / "bench.png"
    assert (
        main(["bench", "conv2d", "--repeats", "1", "--json", str(file), "--plot", str(plot)]) == 0
    )
    result = json.loads(file.read_text())["rows"][1]
    assert result["error"] == 0 and len(result["runs"]) == 2
    assert result["reached"] == all(measuring.reaches(run["ratio"], 1.3) for run in result["runs"])
    verdict = "1.3 reached" if result["reached"] else "1.3 missed"
    text = capsys.readouterr().out
    assert text.splitlines()[-1].endswith(verdict) and "1.3, one run: no verdict" in text
    assert "Second run, of the rows with a target" in text and "Once more" not in text
    assert plot.read_bytes().startswith(b"\x89PNG")
    lines = list(report.page(json.loads(file.read_text())))
    cells = [line.count("|") for line in lines if line.startswith("|")]
    assert cells == [10] * 4 and verdict in lines[-2]


def test_what_is_wrong_is_said_and_not_timed(tiny, monkeypatch, tmp_path, capsys):
    twins = fake_twins(**{"the output": np.zeros((1, 3, 6, 8))})
    monkeypatch.setattr(running, "load_twins", lambda *_: twins)
    file = tmp_path / "bench.json"
    assert main(["bench", "relu", "--repeats", "1", "--json", str(file)]) == 1
    assert "relu 3x6x8: skipped, WRONG: the output here and in PyTorch differ" in (
        capsys.readouterr().out
    )
    found = json.loads(file.read_text())
    assert found["rows"] == [] and "WRONG" in found["skipped"][0]["reason"]


def test_ctrl_c_keeps_what_was_measured(tiny, monkeypatch, tmp_path, capsys):
    measure = running.measure

    def stopped(row, *rest):
        if row.op == "relu":
            raise KeyboardInterrupt
        return measure(row, *rest)

    monkeypatch.setattr(running, "measure", stopped)
    file = tmp_path / "bench.json"
    assert main(["bench", "--against", "none", "--repeats", "1", "--json", str(file)]) == 130
    assert f"stopped after 2 results; they are in {file}" in capsys.readouterr().err
    found = json.loads(file.read_text())
    assert len(found["rows"]) == 2 and not found["complete"]


def test_an_operation_without_a_gpu_kernel_is_skipped(tiny, monkeypatch):
    def no_kernel(*_):
        raise NotImplementedError("relu has no GPU kernel yet")

    monkeypatch.setattr(running, "measure", no_kernel)
    found = running.bench(["relu"], "none", say=lambda text: None)
    assert found["skipped"] == [{"row": "relu 3x6x8", "reason": "relu has no GPU kernel yet"}]


def test_slow_rows_are_measured_where_nothing_else_is_chosen(monkeypatch):
    """Else `bench alexnet` would measure nothing, and say that all is well."""
    quick, slow = layer("relu", (1, 3, 6, 8)), layer("tanh", (1, 3, 6, 8))
    slow = dataclasses.replace(slow, slow=True)
    monkeypatch.setattr(running, "all_rows", lambda: [quick, slow])
    for names, everything, only, expected in (
        (["tanh"], False, "", [slow]),
        ([], False, "tanh", [slow]),
        ([], False, "", [quick]),
        (["relu", "tanh"], False, "", [quick]),
        ([], True, "", [quick, slow]),
        (["memory"], False, "", []),
    ):
        assert running.choose(names, everything, only)[0] == expected


def test_on_a_gpu_no_share_of_the_processor(monkeypatch):
    monkeypatch.setattr(machine, "gpu_status", lambda: (True, "an imagined GPU"))
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    about = machine.describe(None, "gpu")
    assert about["told"]["OPENBLAS_CORETYPE"] == "Haswell"
    about |= {"ceilings": {"GFLOP/s": 200, "GB/s": 50}}
    assert "(copy); OPENBLAS_CORETYPE=Haswell in the environment" in machine.sentence(about)
    about = machine.describe(None, "gpu")
    assert about["ceilings"] is None and machine.sentence(about).endswith("; an imagined GPU")
    result = {"op": "relu", "row": "3x6x8", "phase": BOTH, "torch": None, "ratio": None}
    result |= {"ours": {"median": 0.5, "lower": 0.5, "upper": 0.5}, "target": None, "why": None}
    result |= {"operations": 10**9, "bytes": 10**9, "reached": None, "runs": []}
    assert report.shares(result, about) == ("2", "")
    assert report.shares(result | {"operations": 0}, about) == ("2 GB/s", "")
    assert report.line_of(result, about).split()[-1] == "2" and "%" not in str(
        list(report.page({"machine": about, "how": "", "rows": [result], "skipped": []}))
    )


def test_beside_busy_processes(tiny, tmp_path, capsys, monkeypatch):
    started, alive, begin = [], [], subprocess.Popen

    def note(*args, **options):
        process = begin(*args, **options)
        if others.WORK in args[0]:
            started.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", note)
    measured = running.measure
    monkeypatch.setattr(
        running,
        "measure",
        lambda *a: alive.append([p.poll() for p in started]) or measured(*a),
    )
    file = tmp_path / "bench.json"
    arguments = ["relu", "--against", "none", "--repeats", "1", "--busy", "2"]
    assert main(["bench", *arguments, "--json", str(file)]) == 0
    assert alive == [[None, None]] and all(p.poll() is not None for p in started)
    assert "Beside 2 busy processes: no targets are judged." in capsys.readouterr().out
    found = json.loads(file.read_text())
    assert found["busy"] == 2 and "Beside 2 busy processes." in report.page(found)
    refused(capsys, ["--algorithms", "--busy", "1"], "--busy")


def test_a_busy_process_ends_with_its_parent():
    parent = (
        "import os, subprocess, sys\nfrom minicnn.bench.others import WORK\n"
        "command = [sys.executable, '-c', WORK, str(os.getpid())]\n"
        "print(subprocess.Popen(command).pid, flush=True)\n"
    )
    made = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, check=True)
    state = Path(f"/proc/{int(made.stdout)}/stat")
    if not state.parent.parent.joinpath("self").exists():
        pytest.skip("the system does not tell")
    until = time.monotonic() + 10
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until, "it still works"
        time.sleep(0.1)


def test_missing_models_are_named(monkeypatch):
    monkeypatch.setattr("minicnn.models.MODELS", {"multi-scale": None})
    known = set(network_rows.TARGETS) - {"multi-scale"}
    assert set(network_rows.missing_models()) == known


def test_mistakes_get_a_sentence(capsys, monkeypatch, tmp_path):
    refused(capsys, ["conf2d"], "no 'conf2d' here", "did you mean conv2d?", "first-step")
    refused(capsys, ["sigmoid"], "it has no row", "multi-scale")
    refused(capsys, ["relu", "--only", "7x7"], "no row among the chosen ones has '7x7'")
    refused(capsys, ["relu", "--json", str(tmp_path / "no/x.json")], "there is no folder")
    refused(capsys, ["relu", "--plot", "x.txt"], "has to end in .png, .pdf or .svg")
    refused(capsys, ["relu", "--plot", "x.png", "--against", "none"], "draws ratios to PyTorch")
    refused(capsys, ["--profile"], "name a model")
    for model in ("shallow", "edges", "alexnet"):
        refused(
            capsys, [model, "--profile"], f"{model} has no step of learning to name every pixel"
        )
    refused(capsys, ["relu", "--repeats", "0"], "whole number, 1 or more")
    monkeypatch.setattr(
        "minicnn.engine.devices.gpu_status", lambda: (False, "CUDA finds no device")
    )
    refused(capsys, ["relu", "--device", "gpu"], "cannot be used: CUDA finds no device")


def test_without_torch(tiny, no_torch, capsys):
    refused(capsys, ["relu", "--against", "torch"], "PyTorch cannot be used", "pip install torch")
    assert main(["bench", "relu", "--repeats", "1"]) == 0
    assert "minicnn is timed alone" in capsys.readouterr().out


# ----------------------------------------------------------------- growth, memory, the first step
def test_slope_is_the_power():
    sizes = np.array([1.0, 2, 4, 8])
    assert growth.slope(sizes, 3 * sizes**2) == pytest.approx(2)


def test_growth_is_measured_and_drawn():
    def plan():
        points = [(n, layer("relu", (n, 3, 4, 5))) for n in (1, 4)]
        yield "ReLU", "batch", points, BOTH, 1e9
        yield "ReLU", "pixels", points, FORWARD, None

    results = list(growth.curves(None, 1, plan))
    assert [r["sizes"] for r in results] == [[1, 4]] * 2
    assert results[0]["reached"] is True and "reached" in results[0]["text"]
    figure = pictures.growth_lines({"growth": results})
    assert [axes.get_xlabel() for axes in figure.axes] == ["batch", "pixels"]


def test_growth_of_a_wrong_twin_is_not_timed(monkeypatch, capsys):
    points = [(n, layer("relu", (n, 3, 4, 5))) for n in (1, 4)]
    twins = fake_twins(**{"the output": np.zeros((1, 3, 4, 5))})
    curves = growth.curves(twins, 1, lambda: [("ReLU", "batch", points, BOTH, None)])
    monkeypatch.setattr(growth, "curves", lambda *_: curves)
    monkeypatch.setattr(running, "load_twins", lambda *_: twins)
    assert main(["bench", "growth", "--repeats", "1"]) == 1
    assert "growth: skipped, WRONG: the output here and in PyTorch" in capsys.readouterr().out


def test_bars_show_targets():
    def result(phase, median, target=None):
        reached = None if target is None else median >= target
        row = {"op": "conv2d", "row": "7x7", "phase": phase, "ratio": {"median": median}}
        return row | {"target": target, "reached": reached}

    found = {"rows": [result(FORWARD, 2.0), result(BOTH, 4.0, 3), result(STEP, 1.5, 2)]}
    (axes,) = pictures.ratio_bars(found).axes
    bars = axes.patches
    assert [bar.get_x() + bar.get_width() for bar in bars] == [4, 1.5]
    assert bars[0].get_facecolor() != bars[1].get_facecolor()
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_linewidth() == 2.5]
    assert marks == [3, 2]
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "conv2d 7x7", "conv2d 7x7, training step"
    ]  # fmt: skip


def test_memory_and_first_step_are_judged(monkeypatch):
    def child(side, model, purpose, threads, cache=None):
        if purpose == "first-step":
            return {"first": 2.0, "second": 1.0}
        size = {"ours": 120, "torch": 80}[side] * 10**6
        return {"step": size, "process": 2 * size}

    monkeypatch.setattr(processes, "child", child)
    (result,) = processes.memory(
        ["m"], SimpleNamespace(NETWORKS={"m": None}), minicnn.engine.devices
    )
    assert result["ratio"] == 1.5 and not result["reached"]
    assert "ours 120 MB (whole process 240 MB), torch 80 MB" in result["text"]
    empty, warm = processes.first_step("m", minicnn.engine.devices)
    assert empty["reached"] and not warm["reached"] and "warm kernel cache: 2.0 s" in warm["text"]


def test_a_step_in_a_process_of_its_own():
    assert set(alone.main("ours", "patch", "first-step", (16, 20))) == {"first", "second"}
    with pytest.raises(RuntimeError, match="bench: the process for ours nonsense failed: .*nonsen"):
        processes.child("ours", "nonsense", "memory", 1)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_memory_of_this_process():
    before = alone.resident("VmRSS")
    kept = np.frombuffer(mmap.mmap(-1, 2**26), np.uint8)  # no memory that was freed before
    kept[:] = 1
    assert alone.resident("VmRSS") - before > 0.5 * kept.size
    assert alone.resident("VmHWM") >= alone.resident("VmRSS")


def test_the_machine_has_ceilings(monkeypatch):
    monkeypatch.undo()
    best = machine.ceilings(side=64, copied=2**12)
    assert best["GFLOP/s"] > 0 and best["GB/s"] > 0


# ------------------------------------------------------------------------- the ladder of algorithms
@pytest.mark.parametrize(
    "shape",
    [
        "2->3 3x2 9x8",
        "4->8 3x3, 9x8, groups=2 batch=2 padding=1",
        "2->3 3x3 9x8 stride=2 dilation=2",
        "5->4 1x1 6x7",
        "2->3 1x1 6x7 batch=2",
    ],
)
def test_the_ladder_has_what_can_take_the_shape(shape, capsys, tmp_path):
    """Each algorithm gives the loops' result, or the reason why it gives none."""
    files = tmp_path / "ladder.json", tmp_path / "ladder.png"
    options = ["--shape", shape, "--repeats", "1", "--json", str(files[0]), "--plot", str(files[1])]
    assert main(["bench", "conv2d", "--algorithms", *options]) == 0
    found, text = json.loads(files[0].read_text()), capsys.readouterr().out
    assert files[1].stat().st_size > 10_000
    for result, reasons in found["not"].items():
        measured = [row["algorithm"] for row in found["rows"] if row["result"] == result]
        assert measured[:2] == ["loops", "im2col"] and not set(measured) & set(reasons)
        assert {"loops", *ladder.ALGORITHMS} == {*measured, *reasons}
        assert all(reason in text for reason in reasons.values())
        chosen = [row for row in found["rows"] if row["result"] == result and row["chosen"]]
        assert len(chosen) == 1 and "*" in text


def test_a_wrong_algorithm_is_not_timed(monkeypatch, capsys):
    monkeypatch.setattr(ladder.ALGORITHMS["im2col"], "grad_weight", lambda *args: None)
    with pytest.raises(Different, match="gw here and in the loops differ"):
        ladder.ladder("2->3 3x3 9x8", repeats=1)


def test_mistakes_with_the_ladder_get_a_sentence(capsys):
    def no(*arguments):
        return lambda *texts: refused(capsys, [*arguments, "--repeats", "1"], *texts)

    no("relu", "--algorithms")("only conv2d has several algorithms")
    no("--shape", "2->3 3x3 9x8")("--shape goes with --algorithms")
    shape = ["conv2d", "--algorithms", "--shape"]
    no(*shape, "16-64 7x7")("write maps, filters", "16->64 7x7 46x68")
    no(*shape, "2->3 3x3 9x8 colour=2")("write maps, filters")
    no(*shape, "2->3 3x3 9x8 stride=0")("only padding may be 0")
    no(*shape, "2->3 3x3 9x8 groups=2")("2 groups do not divide 2 maps and 3 filters")
    no(*shape, "2->3 9x9 8x8")("the padded input is smaller than the filter")
    no("conv2d", "--algorithms", "--device", "emulated")("what runs on the CPU")
    no("conv2d", "--algorithms", "--plot", "x.txt")("has to end in .png, .pdf or .svg")
