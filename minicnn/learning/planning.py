"""How long a training is: which share of it is over, and what fits into so many minutes."""

LOOKS = 0.15  # of the time, at most, is spent on looking at validation pictures
AT_LEAST = 4  # looks, if that can be; then at fewer pictures each
ENOUGH = 10  # pictures, if that can be: which of four weights does best on three says nothing
PATIENCE = 2  # looks without anything better, until the schedule `plateau` divides the rate
DIVISIONS = 3  # of the rate, at most (Krizhevsky et al. 2012)
TRIMS = 40  # times that a training in minutes compares its speed with its plan


class Pace:
    """Which share of a training is over after so many steps.

    A training in minutes does not know how fast it will be, and yet its rate has to fall to its
    end. So the number of steps may be changed on the way: from then on the share grows faster or
    slower, without a jump. pieces: [[step, total from that step on], ...], kept with the run, so
    that a resumed one has the very rates of an uninterrupted one.
    """

    def __init__(self, total, pieces=None):
        self.pieces = [list(piece) for piece in pieces or [[0, total]]]

    @property
    def total(self):
        return self.pieces[-1][1]

    def share(self, step):
        """From 0 to 1."""
        over = 0.0
        for (begin, total), after in zip(self.pieces, [*self.pieces[1:], None], strict=True):
            if after is None or step < after[0]:
                return over + (1 - over) * (step - begin) / (total - begin)
            over += (1 - over) * (after[0] - begin) / (total - begin)

    def move_end(self, step, total):
        """From `step` on the training shall have `total` steps."""
        self.pieces.append([step, total])

    def schedule(self, make):
        """The schedule make(total) of rates, stretched so that it ends when the training does."""
        planned = make(self.pieces[0][1])
        return lambda step: planned(step if len(self.pieces) == 1 else self._planned(step))

    def _planned(self, step):
        """At which step of the first plan the training would be as far."""
        return self.share(step) * self.pieces[0][1]


def looks_that_fit(seconds, per_picture, looks, pictures):
    """(how often, at how many pictures) `val` can be looked at in LOOKS of so many seconds, if a
    picture takes `per_picture`; `looks` and `pictures` at most, one of each at least."""
    allowed = LOOKS * seconds / max(per_picture, 1e-9)  # predictions
    at_all = int(min(looks, allowed // max(pictures, 1)))
    if at_all >= min(looks, AT_LEAST):
        return at_all, pictures
    looks = int(min(looks, AT_LEAST, max(1, at_all, allowed // ENOUGH)))
    return looks, int(max(1, min(pictures, allowed // looks)))


def looks_due(share, looks):
    """How many of so many looks at `val`, evenly spread over a training, are due when this share of
    it is over; the last one at its end."""
    return int(share * looks + 1e-9)


def steps_that_fit(seconds, per_step, per_look, looks):
    """How many steps of `per_step` seconds are left between the looks; one at least."""
    return max(1, int((seconds - looks * per_look) / max(per_step, 1e-9)))


def new_total(steps_done, left, per_step, pace):
    """How many steps a training shall have that has `left` seconds for its steps, if that differs
    from its plan by more than a hundredth; else None."""
    total = steps_done + max(1, int(left / max(per_step, 1e-9)))
    return total if abs(total - pace.total) > 0.01 * pace.total else None


def stalled(stalls, found, step):
    """Notes in `stalls` what a look at `val` has found after so many steps; whether the rate is
    divided now, because PATIENCE looks in a row were no better than the best before."""
    if found["val_accuracy"] > stalls.best:
        stalls.best, stalls.looks = found["val_accuracy"], 0
        return False
    stalls.looks += 1
    if stalls.looks < PATIENCE or len(stalls.divided) == DIVISIONS:
        return False
    stalls.divided.append(step)
    stalls.looks = 0
    return True
