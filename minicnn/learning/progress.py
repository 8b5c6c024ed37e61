"""What a training says while it runs, and the log that it leaves."""

import json
import sys
import time
from collections import deque
from pathlib import Path

from minicnn.basics import typed
from minicnn.basics.notebooks import Bar, in_notebook, say


class Progress:
    """Step, loss, accuracy, pictures a second and time left: a bar in a terminal and a notebook, a
    line every half minute where the output is a file."""

    SECONDS_BETWEEN_LINES = 30

    def __init__(self, total, start=0, quiet=False):
        self.total, self.done, self.quiet = total, start, quiet
        self.losses, self.accuracies = deque(maxlen=50), deque(maxlen=50)
        self.times = deque([time.monotonic()], maxlen=51)
        self.last_line = time.monotonic()
        self.bar = None
        if not quiet and in_notebook():
            self.bar = Bar(total, start)
        elif not quiet and sys.stderr.isatty():
            from tqdm.std import tqdm

            self.bar = tqdm(total=total, initial=start, unit="picture", dynamic_ncols=True)

    def step(self, done, loss, accuracy):
        """Takes note of one finished step."""
        self.losses.append(loss)
        self.accuracies.append(accuracy)
        self.times.append(time.monotonic())
        if self.bar is not None:
            self.bar.set_postfix_str(self._figures(), refresh=False)
            self.bar.update(done - self.done)
        self.done = done
        if self.bar is None and time.monotonic() - self.last_line > self.SECONDS_BETWEEN_LINES:
            left = (self.total - done) / max(self.rate(), 1e-9)
            self.say(
                f"step {done}/{self.total}: {self._figures()}, {self.rate():.1f} pictures/s, "
                f"{_clock(left)} left"
            )
            self.last_line = time.monotonic()

    def rate(self):
        """Pictures a second over the last steps."""
        return (len(self.times) - 1) / max(self.times[-1] - self.times[0], 1e-9)

    def restart_clock(self):
        """Pictures a second from now on: what was done since the last step was no step."""
        self.times.clear()
        self.times.append(time.monotonic())

    def recent(self):
        """Means over the last 50 steps at most, for the log."""
        return {
            "loss": round(_mean(self.losses), 6),
            "accuracy": round(_mean(self.accuracies), 6),
            "pictures_per_second": round(self.rate(), 3),
        }

    def say(self, text, passing=False):
        """A line of its own; a `passing` one only where there is no bar to disturb."""
        if self.quiet or (passing and self.bar is None):
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


class Log:
    """Records as JSON lines in a file (and in `records`); without a path only in memory."""

    def __init__(self, path=None):
        self.path = path and Path(path)
        self.records = read_log(self.path) if self.path and self.path.exists() else []

    def write(self, **record):
        self.records.append(record)
        if self.path is not None:
            with open(self.path, "a") as file:
                file.write(json.dumps(record) + "\n")

    def cut_after(self, step):
        """Forgets what was logged after the checkpoint from which a run goes on."""
        self.records = [r for r in self.records if r["step"] <= step]
        if self.path is not None:
            from minicnn.basics.writing import write_atomically

            write_atomically(self.path, "".join(json.dumps(r) + "\n" for r in self.records))


class LogError(ValueError):
    """A log that cannot be read; the message names the file and the line."""


def read_log(path):
    """The records of a log, dicts of numbers with a `step`; a last line that a kill cut short is
    left out. Raises LogError for any other line that is no record."""
    path, records = Path(path), []
    if not path.is_file():
        raise LogError(f"{path}: is no plain file, so no log of a training")
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            records.append(_record(line))
        except (ValueError, RecursionError) as error:
            if number == len(lines) and not line.endswith(b"\n"):
                break
            reason = str(error) if type(error) is typed.Malformed else "it is no JSON"
            raise LogError(
                f"{path}, line {number}: not what a training logs ({reason}); remove this line, "
                "the weights do not need it"
            ) from None
    return records


def _record(line):
    """One line of a log as a dict."""
    record = typed.read(dict[str, object], json.loads(line))
    for name in ("step", "accuracy") if "loss" in record else ("step",):
        if name not in record:
            raise typed.Malformed(f"{name} is missing")
    typed.check(typed.read(int, record["step"], "step"), "step", range=(0, 1e9))
    for name, value in record.items():
        unknown = name != "loss" and value != value  # NaN: the mean of nothing
        if not unknown:
            typed.read(float, value, typed.named(name))
    return record


def _mean(values):
    return sum(values) / len(values) if values else float("nan")


def _clock(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
