"""What a training says while it runs: a bar in a terminal and a notebook, a line every half minute
where the output is a file."""

import statistics
import sys
import time
from collections import deque

from minicnn.basics.notebooks import Bar, in_notebook, say
from minicnn.learning.planning import looks_due

WARM = 5  # steps that are timed before anything is said of the time that is left
FIRST = 2  # steps that may compile kernels, and are not timed
FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"  # tqdm's own guess left out


class Progress:
    """Step, loss, share of right answers, speed and time left of a Run.

    limit  seconds that the training may take, or None
    clock  for tests: gives the seconds
    """

    SECONDS_BETWEEN_LINES = 30

    def __init__(self, run, limit=None, clock=time.monotonic):
        self.run, self.limit, self.clock = run, limit, clock
        self.done, self.steps = run.steps_done, 0  # steps: in this process
        self.losses, self.accuracies = deque(maxlen=50), deque(maxlen=50)
        self.seconds = deque(maxlen=50)  # of the last steps
        self.seconds_per_look = None
        self.begun = self.mark = self.last_line = clock()
        self.bar = None
        total = run.pace.total
        if not run.quiet and in_notebook():
            self.bar = Bar(total, self.done)
        elif not run.quiet and sys.stderr.isatty():
            from tqdm.std import tqdm

            options = {"unit": "step", "dynamic_ncols": True, "bar_format": FORMAT}
            self.bar = tqdm(total=total, initial=self.done, **options)

    def step(self, done, loss, accuracy):
        """Takes note of one finished step."""
        now = self.clock()
        self.steps += 1
        if self.steps > FIRST:
            self.seconds.append(now - self.mark)
        self.mark = now
        self.losses.append(loss)
        self.accuracies.append(accuracy)
        if self.bar is not None:
            self.bar.total = self.run.pace.total
            self.bar.set_postfix_str(self._figures() + self._left(), refresh=False)
            self.bar.update(done - self.done)
        self.done = done
        if self.bar is None and now - self.last_line > self.SECONDS_BETWEEN_LINES:
            self.say(f"step {done}/{self.run.pace.total}: {self._figures()}{self._left()}")
            self.last_line = now

    def looked(self, seconds):
        """Takes note of a look at validation pictures, which is no part of a step."""
        self.seconds_per_look = seconds
        self.mark = self.clock()

    def seconds_per_step(self):
        """The median of the last steps, their feeding included; None before it is worth saying."""
        return statistics.median(self.seconds) if len(self.seconds) >= WARM else None

    def looks_left(self):
        """How often `val` will still be looked at."""
        looks = max(1, self.run.config.training.validations) if len(self.run.task.val) else 0
        left = looks - looks_due(self.run.pace.share(self.run.steps_done), looks)
        return min(left, self.run.pace.total - self.run.steps_done)  # one a step at most

    def seconds_left(self):
        """Of the steps and looks that are left, within the limit; None before that is known."""
        per_step = self.seconds_per_step()
        if per_step is None:
            return None
        steps, looks = self.run.pace.total - self.run.steps_done, self.looks_left()
        left = steps * per_step + looks * (self.seconds_per_look or 0)
        if self.limit is not None:
            left = min(left, max(0, self.limit - (self.clock() - self.begun)))
        return left

    def recent(self):
        """Means over the last 50 steps at most, for the log."""
        per_step = self.seconds_per_step()
        each = {} if per_step is None else {"steps_per_second": round(1 / max(per_step, 1e-9), 3)}
        means = {"loss": _mean(self.losses), "accuracy": _mean(self.accuracies)}
        return {name: round(value, 6) for name, value in means.items()} | each

    def say(self, text, passing=False):
        """A line of its own; a `passing` one only where there is no bar to disturb."""
        if self.run.quiet or (passing and self.bar is None):
            return
        if passing:
            self.bar.set_postfix_str(text)
        elif self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        else:
            say(text)

    def close(self):
        if self.bar is not None:
            if self.losses:  # else the bar would go on saying what it did last
                self.bar.set_postfix_str(self._figures())
            self.bar.close()

    def _figures(self):
        return f"loss {_mean(self.losses):.3f}, accuracy {_mean(self.accuracies):.1%}"

    def _left(self):
        """How fast it goes, and for how long; "" before that is known."""
        left = self.seconds_left()
        if left is None:
            return ""
        return f", {1 / max(self.seconds_per_step(), 1e-9):.1f} steps/s, {duration(left)} left"


class Line:
    """Says how far something else than steps is, every half minute; `name` stands before it."""

    def __init__(self, name="", quiet=False, clock=time.monotonic):
        self.name, self.quiet, self.clock, self.last = name, quiet, clock, clock()

    def due(self):
        """Whether half a minute has passed since this was last true."""
        now = self.clock()
        if passed := now - self.last > Progress.SECONDS_BETWEEN_LINES:
            self.last = now
        return passed

    def __call__(self, text):
        if not self.quiet and self.due():
            say(f"{self.name}: {text}")


def _mean(values):
    return sum(values) / len(values) if values else float("nan")


def duration(seconds):
    """Seconds as 1:02:03, or 2:03 within the hour."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
