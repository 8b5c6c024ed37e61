"""How long a process took: seconds in which it had a processor or did not want one. What it waits
while other programs have the processors is not its fault."""

import time

NOTICED = 0.02  # seconds from which on it is asked how long it has waited


class Clock:
    """Seconds since it was made, as processes see them that take turns: those in which one of them
    wanted a processor and got none are left out, where the system tells."""

    def __init__(self, *pids):
        self.begun, self.before = time.monotonic(), {pid: turns(pid) for pid in pids}

    def seconds(self):
        passed = time.monotonic() - self.begun
        if passed < NOTICED:
            return passed
        ran = waited = 0.0
        for pid, before in self.before.items():
            now = turns(pid)
            if before and now:  # else it has ended
                ran, waited = ran + now[0] - before[0], waited + now[1] - before[1]
        # two may have waited at the same time
        return max(passed - waited, min(ran, passed))


def turns(pid):
    """(seconds on a processor, seconds of waiting for one) of a process, or None."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            return tuple(int(text) / 1e9 for text in file.read().split()[:2])
    except (OSError, ValueError):
        return None
