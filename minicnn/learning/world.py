"""The processes that work together, and what they tell each other.

    mpiexec -n 4 minicnn train multi-scale --data ...

MPI starts the same program several times, on one machine or on many. Each process has a number, its
rank; the first, rank 0, speaks and writes files.

Whatever is exchanged begins with a short message of eight numbers, which are added up over all
processes. Two of them say that somebody has failed, or was stopped. So whoever fails has one thing
to do: to join the next such message. Wherever the others are in their work, there they hear of it,
get the sentence, and end as well; nobody waits for one who is gone. (Who dies without a word, of a
lack of memory for instance, is missed by mpiexec, which ends the others.)

Without mpiexec there is one process, and all this comes to nothing. With it, the extra [mpi] is
needed: mpi4py, and a library of MPI.
"""

import contextlib
import functools
import socket
import threading
import time

import numpy as np

from minicnn.learning import mpi
from minicnn.learning.errors import Diverged, TrainingError
from minicnn.learning.interrupts import Terminated, defer_interrupt

FAILED, STOPPED, CLOCK, OWN = range(4)  # places in a message; those from OWN on are whose it is
LENGTH = 8


class Elsewhere(TrainingError):
    """Another process has failed; the message is its sentence."""


class World:
    """All processes, from where one of them stands.

    by           how they meet: see mpi.py
    rank, size   its number, and how many there are; `first`: whether it speaks and writes
    beside       how many of them are on this machine
    """

    def __init__(self, by, beside=1):
        self.by, self.rank, self.size = by, by.rank, by.size
        self.first, self.beside = self.rank == 0, beside
        self._joined = self._ended = False
        self._now = time.monotonic()

    # -------------------------------------------------------------------------------- exchanging
    def add(self, array, *numbers):
        """Puts into `array` its sum over all processes, and returns those of the numbers, float64,
        five at most."""
        return self._meet(numbers, lambda: self.by.add(array))[0]

    def gather(self, value):
        """The values of all processes, a list in the order of their ranks."""
        return self._meet((), lambda: self.by.gather(value))[1]

    def share(self, value=None):
        """The value of the first process, for all."""
        return self._meet((), lambda: self.by.share(value))[1]

    def once(self, function):
        """What function() gives, for all; only the first calls it, and the others wait."""
        if self.size == 1:
            return function()
        value = None
        if self.first:
            with alone():
                value = function()
        return self.share(value)

    def pool(self, scores):
        """Scores that each has counted of its pictures as those of all, for all."""
        pooled, *others = self.gather(scores)
        for other in others:
            pooled.take_in(other)
        return pooled

    def deal(self, items):
        """Those of a sequence that are this process's."""
        return items[self.rank :: self.size]

    def clock(self):
        """Seconds. Of several processes: when the first of them joined the last message, the same
        number for all, so that whatever is decided by it, all decide alike."""
        return time.monotonic() if self.size == 1 else self._now

    # ----------------------------------------------------------------------------- ending together
    @contextlib.contextmanager
    def joined(self):
        """Inside, if one fails all do, and nobody leaves before all are done."""
        if self.size == 1 or self._joined:
            yield self
            return
        self._joined = True
        try:
            yield self
            self._meet((), self._leave)
        except BaseException as error:
            if not self._ended:
                with contextlib.suppress(Exception, KeyboardInterrupt):
                    self._meet(error=error)
            raise
        finally:
            self._joined = self._ended = False

    def _leave(self):
        self._ended = True  # whoever is interrupted from here on is missed by nobody

    def _meet(self, numbers=(), exchange=None, error=None):
        """(sums of the numbers, what exchange() gives), unless this process, or another, ends with
        an error."""
        if self.size == 1:
            return np.array(numbers, np.float64), exchange() if exchange else None
        message, notes, result = np.zeros(LENGTH), None, None
        message[FAILED] = error is not None and not isinstance(error, KeyboardInterrupt)
        message[STOPPED] = isinstance(error, KeyboardInterrupt)
        message[CLOCK] = time.monotonic() if self.first else 0
        message[OWN : OWN + len(numbers)] = numbers
        with defer_interrupt():  # nobody is missing between two messages that belong together
            self.by.add(message)
            self._now = float(message[CLOCK])
            if message[FAILED] or message[STOPPED]:
                notes, self._ended = self.by.gather(_note(error)), True
            elif exchange is not None:
                result = exchange()
        if notes is not None:
            self._hear(notes)
        return message[OWN : OWN + len(numbers)], result

    def _hear(self, notes):
        """Raises what makes this process end as another one does."""
        failed = [(rank, note) for rank, note in enumerate(notes) if note and not note.stopped]
        if not failed:
            raise next(note for note in notes if note).stopped()
        rank, note = failed[0]
        kind = Diverged if note.diverged else Elsewhere
        raise kind(f"process {rank} of {self.size} on {note.host}: {note.text}")


class _Note:
    """What the others are told of an error."""

    def __init__(self, error):
        kinds = (Terminated, KeyboardInterrupt)
        self.stopped = next((kind for kind in kinds if isinstance(error, kind)), None)
        self.diverged, self.host = isinstance(error, Diverged), socket.gethostname()
        self.text = str(error)
        if not isinstance(error, ValueError | OSError | RuntimeError) or not self.text:
            self.text = f"{type(error).__name__}: {error}".removesuffix(": ")


def _note(error):
    return None if error is None else _Note(error)


# --------------------------------------------------------------------------------- which it is
class _OfThread(threading.local):
    world = None


_of_thread = _OfThread()


def world():
    """The World of this process."""
    return _of_thread.world or _started()


@functools.cache
def _started():
    _, size = mpi.launched()
    if size == 1:
        return World(mpi.One())
    by = mpi.Mpi(size)
    return World(by, mpi.share_cores(by))


@contextlib.contextmanager
def joined():
    """`World.joined` of this process; also a decorator of functions that all processes call."""
    with world().joined() as found:
        yield found


@contextlib.contextmanager
def standing(in_world):
    """Inside, this thread belongs to that World."""
    before, _of_thread.world = _of_thread.world, in_world
    try:
        yield in_world
    finally:
        _of_thread.world = before


def alone():
    """Inside, this process does as if there were no others."""
    return standing(World(mpi.One()))


def refuse_many(what):
    """TrainingError if several processes have been started for what one does."""
    if world().size > 1:
        raise TrainingError(f"{what} is the work of one process: start it without mpiexec")
