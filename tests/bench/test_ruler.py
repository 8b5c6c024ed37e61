"""The ruler: what counts as a turn, as a ratio, as reached, as quiet. Clocks are ours, and so are
the disturbances; no test depends on how fast anything is."""

import os
from types import SimpleNamespace

import pytest

from minicnn.bench import growth, measuring, others, processes, report, running, timing
from minicnn.bench.rows import BOTH, FORWARD, conv, layer

ROW = layer("relu", (1, 3, 6, 8), both=1.2)


class Clock:
    """A clock that only moves when somebody works."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def worker(self, seconds):
        """A function that takes so many seconds: always, or as the list has it, call by call."""
        several = iter(seconds if isinstance(seconds, list) else [])

        def work():
            self.now += next(several, 0.0) if isinstance(seconds, list) else seconds

        return work


@pytest.fixture
def clock(monkeypatch):
    fake = Clock()
    monkeypatch.setattr(timing, "time", fake)
    return fake


# ------------------------------------------------------------------------------------------- turns
@pytest.mark.parametrize("seconds", [1e-7, 3e-5, 0.0011, 0.0019])
def test_short_calls_are_repeated_within_a_turn(seconds, clock):
    calls, together = timing.calls_of_a_turn(clock.worker(seconds))
    assert together == pytest.approx(calls * seconds) and together >= 0.002
    assert calls <= 1 + 10 * 0.002 / seconds


def test_long_calls_are_not(clock):
    assert timing.calls_of_a_turn(clock.worker(0.002)) == (1, 0.002)


def test_a_slow_first_call_does_not_make_turns_short(clock):
    calls, together = timing.calls_of_a_turn(clock.worker([0.0015] + 1000 * [0.0001]))
    assert together >= 0.002 and calls >= 20


def test_seconds_are_those_of_one_call(clock):
    sides = [clock.worker(0.0004), clock.worker(0.1)]
    ours, theirs = timing.alternate(sides, repeats=5)
    assert ours == pytest.approx([0.0004] * len(ours)) and theirs == pytest.approx([0.1] * 5)


def test_a_disturbed_turn_does_not_move_the_ratio(clock):
    """Twice as fast in each pair, while the machine is slow for two pairs and a neighbour strikes
    one side in a third. The ratio of the medians would be 20."""
    warm, turns = [1.0, 1.0], ([1.0, 1, 1, 10, 10], [2.0, 2, 92, 20, 20])
    # of each turn a call to warm up, and the one that counts
    ours, theirs = (clock.worker(warm + [s for t in side for s in (0.0, t)]) for side in turns)
    seconds = timing.alternate([ours, theirs], repeats=5)
    assert timing.ratio(*seconds).median == pytest.approx(2.0)


# --------------------------------------------------------------------------------- others at work
@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of which the test says how many seconds its processors worked for whom."""
    found = SimpleNamespace(wall=100.0, own=5.0, children=0.0, other=50.0, stolen=0.0, idle=9.0)
    stat = tmp_path / "stat"

    def numbers():
        tick = os.sysconf("SC_CLK_TCK")
        busy = found.own + found.children + found.other
        every = busy - 1, 0.5, 0.5, found.idle, 3, 4, 5, found.stolen, 0, 0
        stat.write_text("cpu  " + " ".join(str(round(tick * n)) for n in every) + "\ncpu0 1 2\n")
        return stat

    class Stat:
        def read_text(self):
            return numbers().read_text()

    monkeypatch.setattr(others, "STAT", Stat())
    fake_time = SimpleNamespace(perf_counter=lambda: found.wall, process_time=lambda: found.own)
    monkeypatch.setattr(others, "time", fake_time)
    times = SimpleNamespace(times=lambda: (0, 0, found.children, 0, found.wall), sysconf=os.sysconf)
    monkeypatch.setattr(others, "os", times)
    return found


@pytest.mark.parametrize(
    "own, children, other, stolen, cores",
    [
        (2.0, 0.0, 0.0, 0.0, 0.0),
        (2.0, 0.0, 1.0, 0.0, 1.0),
        (0.5, 1.0, 0.12, 0.0, 0.12),  # our children are ours
        (1.0, 0.0, 0.0, 0.3, 0.3),  # what the host gave to other machines
    ],
)
def test_what_others_took(own, children, other, stolen, cores, machine):
    with others.look() as found:
        machine.wall += 1
        machine.own += own
        machine.children += children
        machine.other += other
        machine.stolen += stolen
        machine.idle += 7
    assert found.cores == pytest.approx(cores, abs=0.011)
    assert others.disturbed(found.cores) == (cores > 0.1)


def test_a_short_look_tells_nothing(machine):
    with others.look() as found:
        machine.wall += 0.2
        machine.other += 0.2
    assert found.cores is None and not others.disturbed(found.cores)


@pytest.mark.parametrize("text", [None, "", "intr 5\n", "cpu  1 2 3\n", "cpu  a b c d e f g h\n"])
def test_a_system_that_tells_nothing(text, monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    if text is not None:
        stat.write_text(text)
    monkeypatch.setattr(others, "STAT", stat)
    monkeypatch.setattr(others, "SHORTEST", 0.0)
    assert not others.can_tell()
    with others.look() as found:
        pass
    assert found.cores is None


@pytest.mark.skipif(not others.STAT.exists(), reason="/proc")
def test_this_machine_tells():
    assert others.can_tell()


# ----------------------------------------------------------------------------------------- judging
def run(median, lower=None, quiet=True):
    ratio = {"median": median, "lower": median if lower is None else lower, "upper": median + 1}
    times = {"median": 1.0, "lower": 1.0, "upper": 1.0}
    return {"turns": 9, "others": 0.02 if quiet else 0.7, "ours": times, "torch": times} | {
        "ratio": ratio
    }


@pytest.mark.parametrize(
    "runs, reached, stands, why",
    [
        ([run(1.3), run(1.25)], True, 1.25, None),
        ([run(1.2, 1.15), run(1.2, 1.15)], True, 1.2, None),
        ([run(1.3), run(1.19)], False, 1.19, None),
        ([run(1.3), run(1.25, 1.13)], False, 1.25, None),  # the lower quartile: 0.95 of 1.2 is 1.14
        ([run(1.3)], None, 1.3, "one run"),
        ([run(1.3), run(1.3, quiet=False)], None, 1.3, "others took 0.7 of a core"),
        ([run(1.1, quiet=False), run(1.2, quiet=False)], None, 1.1, "others took 0.7 of a core"),
        # a third run takes the place of the disturbed one, whose ratio does not count
        ([run(1.3), run(0.9, quiet=False), run(1.4)], True, 1.3, None),
        ([run(1.3), run(1.9, quiet=False), run(1.1)], False, 1.1, None),
    ],
)
def test_two_quiet_runs_decide(runs, reached, stands, why):
    result = measuring.judge({"target": 1.2, "runs": runs})
    assert (result["reached"], result["ratio"]["median"], result["why"]) == (reached, stands, why)
    assert measuring.lacks_a_run(result) == (reached is None)
    words = {True: "1.2 reached", False: "1.2 missed", None: f"1.2, {why}: no verdict"}
    assert report.verdict(result) == words[reached]
    other = {r["ratio"]["median"] for r in runs} - {stands}
    assert report.other_run(result) in {"", *(f"{m:.2f}" for m in other)}


def test_without_a_target_a_disturbance_is_said_all_the_same():
    result = measuring.judge({"target": None, "runs": [run(1.3, quiet=False)]})
    assert report.verdict(result) == "others took 0.7 of a core" and result["reached"] is None
    assert not measuring.lacks_a_run(result)


@pytest.fixture
def no_timing(monkeypatch):
    """The bench of one row, whose runs the test gives."""
    runs, calls = [], []

    def measure(row, twins, device, repeats, phases=None):
        calls.append((row.name, phases))
        wanted = phases or [FORWARD, BOTH]
        return [
            measuring.judge(
                {"op": row.op, "row": row.name, "phase": phase, "operations": 0, "bytes": 1e6}
                | {"target": row.targets.get(phase), "error": 0.0, "runs": [runs.pop(0)]}
            )
            for phase in wanted
        ]

    torch = SimpleNamespace(set_num_threads=lambda n: None, __version__="0")
    monkeypatch.setattr(running, "measure", measure)
    monkeypatch.setattr(running, "load_twins", lambda *_: SimpleNamespace(torch=torch))
    monkeypatch.setattr(running.machine, "ceilings", lambda torch: {"GFLOP/s": 1.0, "GB/s": 1.0})
    second = conv("picture", (1, 3, 12, 14), (4, 3, 7, 7), 1.3)
    monkeypatch.setattr(running, "all_rows", lambda: [ROW, second])
    return runs, calls


def test_the_second_run_comes_after_all_rows_and_has_the_phases_with_a_target(no_timing):
    runs, calls = no_timing
    runs += [run(1.0), run(1.3), run(1.0), run(1.2), run(1.25), run(1.4)]
    lines = []
    found = running.bench(["relu", "conv2d"], say=lines.append)
    relu, picture = ROW.name, "picture"
    assert calls == [(relu, None), (picture, None), (relu, [BOTH]), (picture, [BOTH])]
    assert [r["reached"] for r in found["rows"]] == [None, True, None, False]
    assert [len(r["runs"]) for r in found["rows"]] == [1, 2, 1, 2]
    assert sum("Second run" in line for line in lines) == 1
    assert not any("Once more" in line for line in lines)


def test_a_disturbed_run_is_repeated_once(no_timing):
    runs, calls = no_timing
    runs += [run(1.0), run(1.3, quiet=False), run(1.3), run(1.3)]
    lines = []
    found = running.bench(["relu"], say=lines.append)
    assert found["rows"][1]["reached"] is True and len(found["rows"][1]["runs"]) == 3
    assert any("Once more, where others were at work" in line for line in lines)
    runs += [run(1.0)] + 3 * [run(1.3, quiet=False)]
    found = running.bench(["relu"], say=lines.append)
    assert found["rows"][1]["reached"] is None and not runs
    assert lines[-1].endswith("1.2, others took 0.7 of a core: no verdict")


def test_growth_and_first_steps_get_no_verdict_either(monkeypatch):
    @others.contextlib.contextmanager
    def busy():
        yield SimpleNamespace(cores=0.6)

    monkeypatch.setattr(others, "look", busy)
    monkeypatch.setattr(timing, "SHORTEST", 0.0)
    monkeypatch.setattr(timing, "PAUSE", 0.0)
    monkeypatch.setattr(processes, "child", lambda *_: {"first": 1.0, "second": 1.0})
    import minicnn

    for result in processes.first_step("m", minicnn.engine.devices):
        assert (
            result["reached"] is None and "no verdict, others took 0.6 of a core" in result["text"]
        )
    points = [(n, layer("relu", (n, 3, 4, 5))) for n in (1, 4)]
    (result,) = growth.curves(None, 1, lambda: [("ReLU", "batch", points, BOTH, 1e9)])
    assert result["reached"] is None and "at most 1e+09: no verdict" in result["text"]


def test_a_system_that_tells_nothing_says_so_once(no_timing, monkeypatch, tmp_path):
    runs, _ = no_timing
    monkeypatch.setattr(others, "STAT", tmp_path / "none")
    runs += [run(1.0), run(1.3), run(1.3)]
    lines = []
    running.bench(["relu"], say=lines.append)
    assert sum("does not tell what other processes do" in line for line in lines) == 1
