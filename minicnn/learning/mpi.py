"""How a process meets those that mpiexec has started beside it: three things that they do together,
by mpi4py. What is made of them stands in world.py."""

import os
import socket

from minicnn.engine.devices import get_num_threads, set_num_threads
from minicnn.learning.errors import TrainingError

# Where a process that was started finds its rank, and how many there are: Open MPI; MPICH, Intel
# MPI, Slurm; Slurm with PMIx.
LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
)
INSTALL = "pip install mpi4py mpich"


def launched():
    """(rank, size) as mpiexec tells them, before MPI is asked; (0, 1) without it."""
    for rank, size in LAUNCHERS:
        if rank in os.environ and os.environ.get(size, "").isdecimal():
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


class One:
    """How a process that is alone meets the others."""

    rank, size = 0, 1

    def add(self, array):
        """Puts into `array` its sum over all processes."""

    def gather(self, value):
        """The values of all processes, a list in the order of their ranks."""
        return [value]

    def share(self, value):
        """The value of the first process."""
        return value


class Mpi:
    """The same by MPI, for `size` processes: those of a communicator, by default all. Raises
    TrainingError if they cannot meet."""

    def __init__(self, size, comm=None):
        try:
            from mpi4py import MPI
        except ImportError:
            raise TrainingError(
                f"mpiexec has started {size} processes, and mpi4py, by which they talk, is not "
                f"installed: {INSTALL}"
            ) from None
        except RuntimeError as error:  # there is no libmpi
            raise TrainingError(f"mpi4py finds no library of MPI ({error}): {INSTALL}") from None
        self.mpi, self.comm = MPI, comm or MPI.COMM_WORLD
        self.rank, self.size = self.comm.Get_rank(), self.comm.Get_size()
        if self.size != size:
            name = MPI.Get_library_version().split(",")[0].split("\n")[0]
            raise TrainingError(
                f"mpiexec has started {size} processes, and each sees {self.size}: the library "
                f"that mpi4py has found, {name}, is not that of this mpiexec; take the one beside "
                "python"
            )

    def add(self, array):
        self.comm.Allreduce(self.mpi.IN_PLACE, array)

    def gather(self, value):
        return self.comm.allgather(value)

    def share(self, value):
        return self.comm.bcast(value)


def share_cores(by):
    """Gives each process its part of the cores on which it may run, unless it has fewer threads
    already; returns how many processes are on this machine."""
    here = socket.gethostname()
    whole = range(os.cpu_count() or 1)
    mine = set(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else whole)
    places = [cores for host, cores in by.gather((here, mine)) if host == here]
    rivals = sum(bool(cores & mine) for cores in places)  # mpiexec may have given each its own
    set_num_threads(max(1, min(get_num_threads(), len(mine) // rivals)))
    return len(places)
