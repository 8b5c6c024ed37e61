"""What many machines would be worth: a model on paper, with the parameters of real networks."""

import json
import math

from minicnn.bench import machines
from minicnn.bench.machines import Net


def test_seconds_of_an_exchange():
    net = Net("slow", 1e-3, 1e6)
    assert math.isclose(net.seconds(2, 4e6), 3e-3 + 4.0)  # half of it there, half of it back
    assert math.isclose(net.seconds(16, 4e6), 12e-3 + 2 * 15 / 16 * 4)
    assert net.seconds(1, 4e6) == 0


def test_where_it_stops_paying():
    net = Net("slow", 1e-3, 1e6)
    assert net.most(1.0, 4e6) == 1  # two exchange for 4 s what each computes in 1
    assert net.most(8.1, 4e6) is None and net.most(7.0, 4e6) == 4  # T(8) is 7.01 s


def test_tables_of_real_networks():
    found = list(machines.rows(seconds=lambda *network: 0.1))
    sizes = {row["model"]: row["parameters"] for row in found}
    assert sizes["alexnet, faithful"] == 60_965_224 and len(found) == len(machines.ROWS)
    for row in found:
        assert row["bytes"] >= 4 * row["parameters"]
        for use, seconds in zip(row["used"].values(), row["exchange"].values(), strict=True):
            assert math.isclose(use, 0.1 / (0.1 + seconds))
    text = "\n".join(machines.lines(found))
    assert text.count("\n| multi-scale |") == 4 and "| 243.86 | 128 | 0.1 |" in text


def test_seconds_from_a_file_of_bench(tmp_path):
    file = tmp_path / "bench.json"
    rows = [
        {"op": op, "row": row, "phase": "training step", "runs": [{"ours": {"median": seconds}}]}
        for op, row, seconds in (
            ("patch", "240x320", 0.04),
            ("alexnet", "56x56, batch 32", 0.5),
            ("alexnet", "227x227, batch 32", 9.0),  # by the recipe ours: not the faithful network
        )
    ]
    file.write_text(json.dumps({"rows": rows}))
    found = {row["model"]: row["step"] for row in machines.rows(2, machines.measured_in(file))}
    assert found == {"patch": 0.02, "alexnet": 0.5}
