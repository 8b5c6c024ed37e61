"""`minicnn bench`: how fast is every operation and every network, and how fast is PyTorch?

from minicnn.bench import bench
bench(["relu", "multi-scale"])

rows.py      what is measured: shapes and targets, as data; network_rows.py: whole networks
timing.py    how to time honestly; others.py: whether the machine was ours alone
our_sides.py our side of a row: ours.py, our_networks.py, our_batches.py
twins.py     PyTorch's side; twin_sides.py, twin_networks.py: of networks
machine.py   the ceilings of this machine
measuring.py compares, times and judges a row; running.py chooses, prints, keeps
growth.py    time against side, maps and batch; processes.py, alone.py: memory, first step
ladder.py    the algorithms of a convolution beside each other (--algorithms)
steps.py     where the time of a training step goes (--profile)
"""

from minicnn.bench.running import bench

__all__ = ["bench"]
