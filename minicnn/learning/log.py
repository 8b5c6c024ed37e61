"""What a training leaves of its course: log.jsonl, a record a line."""

import json
from pathlib import Path

from minicnn.basics import typed
from minicnn.basics.writing import write_atomically


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
