"""The table of times by operation."""

import numpy as np

from minicnn import Tensor
from minicnn import functional as F
from minicnn.engine.profiling import _of_thread, profile


def test_every_call_is_counted_and_nothing_is_left_behind():
    x = Tensor(np.ones((4, 5), "f4"), requires_grad=True)
    with profile() as table:
        for _ in range(2):
            (F.relu(x * 2.0) + x).sum().backward()
    assert {name: row[0] for name, row in table.rows.items()} == {
        "Mul": 2, "ReLU": 2, "Add": 2, "Sum": 2
    }  # fmt: skip
    assert all(forward > 0 and backward > 0 for _, forward, backward in table.rows.values())
    assert sum(f + b for _, f, b in table.rows.values()) < table.seconds
    lines = table.lines(steps=2)
    assert len(lines) == 1 + 4 + 1 + 1
    assert {line.split()[1] for line in lines[1:5]} == {"1"}
    assert not _of_thread.watchers


def test_without_a_profile_nothing_is_timed():
    y = F.relu(Tensor([1.0]))
    assert y.data.tolist() == [1]
    assert not _of_thread.watchers
