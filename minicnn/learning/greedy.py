"""What a training part by part has before it: block by block, as Grangier, Bottou and Collobert
did it, or iteration by iteration, as `feedback` is trained.

The parts are runs of their own, in OUT/block-1, OUT/block-2, ... (OUT/iteration-1, ...);
OUT/greedy.json holds the plan, so that `resume OUT` knows what is left to do. The training is
`train_greedily` in training.py.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from minicnn import models
from minicnn.basics.typed import number
from minicnn.basics.writing import lock_folder, write_atomically
from minicnn.learning.checkpoints import LAST, PLAN
from minicnn.learning.config import SEEDS
from minicnn.learning.old_formats import from_header
from minicnn.learning.resuming import resumed


@dataclass
class Plan:
    """What is given for every part."""

    model: str
    data: str
    settings: dict[str, object] = field(default_factory=dict)
    epochs: float | None = None
    minutes: float | None = None
    steps: int | None = None
    recipe: str = "ours"
    fold: int | None = number(None, 0, 1e6)
    seed: int = number(0, 0, SEEDS)
    data_options: dict[str, object] | None = None
    overfit_one: bool = False
    skip_bad: bool = False

    @property
    def option(self):
        """The option of the network that says how many parts there are, and their name: blocks.
        Raises ValueError for a model without."""
        cls, _ = models.find(self.model)
        if not cls.PARTS:
            raise ValueError(f"{self.model} has no blocks to train one by one; patch has")
        return cls.PARTS

    @property
    def count(self):
        """How many parts there are. Raises ValueError for a model without, and a bad number."""
        cls, _ = models.find(self.model)
        given = models.recipe(self.model, self.recipe) | self.settings
        given = {k: v for k, v in given.items() if k in cls.DEFAULTS}
        return cls.merged(given)[self.option]

    def check(self):
        """Raises ValueError for what cannot be trained part by part, or not so."""
        self.count  # noqa: B018  refuses a model without
        if freeze := self.settings.get("freeze"):
            why = "parts that have learnt keep their weights anyway; leave freeze away"
            raise ValueError(f"freeze={freeze}: {self.model} is trained part by part, and {why}")

    def save(self, folder):
        write_atomically(Path(folder) / PLAN, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, folder):
        """The plan in a folder. Raises CheckpointError that names the file."""
        path = Path(folder) / PLAN
        try:
            found = json.loads(path.read_text())
        except (ValueError, RecursionError):
            found = None
        return from_header(cls, found, path)

    def run(self, folder, train, moved_to=None, **others):
        """Trains every part, or goes on with it if it was begun; returns the Runs. `train` is
        train_part of training.py, `others` its device and quiet; `moved_to`: where the data are, if
        they have moved. The plan is saved at the first part, if the data are those of before."""
        runs, option, plan = [], self.option, folder and Path(folder) / PLAN
        before = plan.read_text() if folder and plan.is_file() else None
        for count in range(1, self.count + 1):
            out = folder and Path(folder) / f"{option[:-1]}-{count}"
            try:
                if out and (out / LAST).is_file():
                    with lock_folder(out):
                        run = resumed(out, skip_bad=self.skip_bad, data=moved_to, **others)
                        if count == 1:  # it is the data set of before
                            self.save(folder)
                        runs.append(run.fit())
                    continue
                if out and count == 1:
                    self.save(folder)
                frozen = ",".join(f"{option}.{k}" for k in range(count - 1))
                given = asdict(self) | {"out": out, "start": runs[-1] if runs else None} | others
                given["settings"] = self.settings | {option: count, "freeze": frozen}
                runs.append(train(**given))
            except Exception:
                if out and count == 1 and not (out / LAST).is_file():  # nothing has begun
                    if before is None:
                        plan.unlink(missing_ok=True)
                    else:  # it was there before this call
                        write_atomically(plan, before)
                raise
            except KeyboardInterrupt as stop:
                hint = f"; go on with: minicnn resume {folder}" if folder else ""
                said = str(stop).partition(";")[0] or "stopped"
                raise type(stop)(f"{said} of {option[:-1]} {count}{hint}") from None
        return runs
