"""What a training block by block, as Grangier, Bottou and Collobert did it, has before it.

The blocks are runs of their own, in OUT/block-1, OUT/block-2, ...; OUT/greedy.json holds the plan,
so that `resume OUT` knows what is left to do. The training is `train_greedily` in training.py.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from minicnn import models
from minicnn.basics.options import merge_options
from minicnn.basics.typed import number
from minicnn.basics.writing import lock_folder, write_atomically
from minicnn.learning.checkpoints import LAST, PLAN
from minicnn.learning.config import SEEDS
from minicnn.learning.old_formats import from_header
from minicnn.learning.resuming import resumed


@dataclass
class Plan:
    """What `train` is given for every block."""

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
    def blocks(self):
        """How many there are. Raises ValueError for a model without, and for a bad number."""
        cls, _ = models.find(self.model)
        if "blocks" not in cls.DEFAULTS:
            raise ValueError(f"{self.model} has no blocks to train one by one; patch has")
        given = {k: v for k, v in self.settings.items() if k == "blocks"}
        return merge_options(self.model, cls.DEFAULTS, given, cls.RANGES)["blocks"]

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
        """Trains every block, or goes on with it if it was begun; returns the Runs. `train` is that
        of training.py, `others` its device and quiet; `moved_to`: where the data are, if they have
        moved. The plan is saved at the first block, if the data are those of before."""
        runs = []
        for count in range(1, self.blocks + 1):
            out = folder and Path(folder) / f"block-{count}"
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
                frozen = ",".join(f"blocks.{k}" for k in range(count - 1))
                given = asdict(self) | {"out": out, "start": runs[-1] if runs else None} | others
                given["settings"] = self.settings | {"blocks": count, "freeze": frozen}
                runs.append(train(**given))
            except KeyboardInterrupt as stop:
                hint = f"; go on with: minicnn resume {folder}" if folder else ""
                said = str(stop).partition(";")[0] or "stopped"
                raise type(stop)(f"{said} of block {count}{hint}") from None
        return runs
