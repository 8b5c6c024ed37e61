"""Several processes without MPI: threads, each in a World of its own, of which one runs at a time.

Random numbers and Numba's threads belong to the whole process, so there is a baton. Whoever runs
has it, and gives it away where a process would wait for the others.
"""

import pickle
import threading

from minicnn.learning.world import World, standing

PATIENCE = 60  # seconds, after which the others will not come any more


class Meeting:
    """Where so many threads meet."""

    def __init__(self, size):
        self.size, self.baton = size, threading.Lock()
        self.barrier = threading.Barrier(size, timeout=PATIENCE)
        self.left = [None] * size


class Standing:
    """One of them: what World wants of MPI."""

    def __init__(self, meeting, rank):
        self.meeting, self.rank, self.size = meeting, rank, meeting.size

    def gather(self, value):
        meeting = self.meeting
        meeting.left[self.rank] = pickle.dumps(value)  # nothing is shared, as between processes
        meeting.baton.release()
        try:
            meeting.barrier.wait()
            found = [pickle.loads(one) for one in meeting.left]
            meeting.barrier.wait()
        finally:
            meeting.baton.acquire()
        return found

    def add(self, array):
        array[...] = sum(self.gather(array))

    def share(self, value):
        return self.gather(value if self.rank == 0 else None)[0]


def together(size, function):
    """What function(rank) gives, or raises, in each of so many processes: a list."""
    meeting, outcomes = Meeting(size), [None] * size

    def process(rank):
        with standing(World(Standing(meeting, rank), beside=size)), meeting.baton:
            try:
                outcomes[rank] = function(rank)
            except BaseException as error:
                outcomes[rank] = error

    threads = [threading.Thread(target=process, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def all_right(outcomes):
    """The outcomes, if none of them is an error."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes
