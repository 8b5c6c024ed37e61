"""What test_mpi.py starts three times with mpiexec: python by_mpi.py FOLDER

Whatever is to be tried with processes is tried here one after another, for to start one takes a
second or two. Each writes what its commands returned to FOLDER/status-RANK.json.
"""

import json
import sys
from pathlib import Path

from mpi4py import MPI
from support.shared_runs import SCENES, VARIED, drawn_once

from minicnn.cli import main
from minicnn.datasets import DataError
from minicnn.engine.devices import get_num_threads
from minicnn.learning import mpi
from minicnn.learning.pixels import Pixels
from minicnn.learning.progress import Progress
from minicnn.learning.world import World, standing, world

SIZE = "x".join(map(str, SCENES["size"]))
DATA = [f"data.{name}={SIZE if name == 'size' else value}" for name, value in SCENES.items()]
TRAIN = ["train", "patch", "--set", *DATA]
TRAIN += [f"{name}={value}" for name, value in VARIED.items()]
LONG = ["--steps", "20"]


def interrupted(self, done, *numbers, real=Progress.step):
    """A Ctrl-C in the last process, after 4 steps."""
    real(self, done, *numbers)
    if done == 4 and world().rank == 2:
        raise KeyboardInterrupt


def damaged(self, batch, real=Pixels.loss):
    """A picture that the second process cannot read."""
    if world().rank == 1:
        raise DataError("p3.png: is damaged")
    return real(self, batch)


def everything(folder):
    """[what each command returned], the last one apart."""
    rank = world().rank
    statuses = [main([*TRAIN, *LONG, "--out", f"{folder}/three"])]
    two = MPI.COMM_WORLD.Split(rank < 2)
    if rank < 2:
        with standing(World(mpi.Mpi(2, two))):
            statuses.append(main([*TRAIN, *LONG, "--out", f"{folder}/two"]))
    Progress.step, real = interrupted, Progress.step
    statuses.append(main([*TRAIN, "--steps", "8", "--out", f"{folder}/stopped"]))
    Progress.step = real
    if rank < 2:
        with standing(World(mpi.Mpi(2, two))):
            statuses.append(main(["resume", f"{folder}/stopped"]))
    statuses.append(main(["evaluate", f"{folder}/three", "--json"]))
    segment = ["segment", f"{folder}/pictures", "--model", f"{folder}/three"]
    statuses.append(main([*segment, "--out", f"{folder}/segmented"]))
    return statuses + [get_num_threads()]


if __name__ == "__main__":
    where = Path(sys.argv[1])
    with drawn_once():
        found = everything(where)
    (where / f"status-{world().rank}.json").write_text(json.dumps(found))
    Pixels.loss = damaged
    sys.exit(main([*TRAIN, *LONG, "--out", f"{where}/failed"]))
