"""The networks that are measured, as data like the operations in rows.py."""

from dataclasses import dataclass

from minicnn import models
from minicnn.bench.rows import operation_rows

PREDICTION, STEP, FEATURES = "prediction", "training step", "features"


@dataclass(frozen=True)
class Whole:
    """A whole network: a training step with its update, and a prediction, on a drawn scene. The
    picture is prepared (pyramid, normalisation) beforehand, in the same way for both sides."""

    op: str  # the name of the model
    size: tuple = (240, 320)
    target: tuple | None = None  # of predictions and features, of training steps
    tolerance: float = 1e-5
    slow: bool = False
    phases = PREDICTION, STEP
    settings = {}  # of the recipe, changed

    @property
    def name(self):
        return "{}x{}".format(*self.size)

    @property
    def targets(self):
        return {phase: self.target[phase == STEP] for phase in self.phases if self.target}


@dataclass(frozen=True)
class Crops(Whole):
    """A training step, with its update, of a network that names whole pictures, on a batch of drawn
    crops; without dropout, which the row `dropout` measures. Classes derived from this one keep the
    dropout of their recipe, as Whole does."""

    size: int = 56
    batch: int = 1
    phases = (STEP,)
    words = "{size}x{size}, batch {batch}"

    @property
    def name(self):
        return self.words.format(size=self.size, batch=self.batch)

    @property
    def settings(self):
        return {"size": self.size, "dropout": 0.0}


@dataclass(frozen=True)
class Regions(Crops):
    """What a network says of regions that were cut out, and a step that learns of them."""

    phases = FEATURES, STEP
    words = "{batch} regions of {size}x{size}"

    @property
    def settings(self):
        return {"size": self.size}


@dataclass(frozen=True)
class Bags(Crops):
    """A step of a network that learns pixels from labels of pictures, and a prediction. As a rule
    its features do not learn, and what they say is kept, so that a step begins behind them."""

    features: str = "frozen"

    @property
    def phases(self):
        return (PREDICTION, STEP) if self.features == "frozen" else (STEP,)

    @property
    def words(self):
        learn = "" if self.features == "frozen" else ", features learn"
        return "{batch} pictures of {size}x{size}" + learn

    @property
    def settings(self):
        return {"side": self.size, "features": self.features}


@dataclass(frozen=True)
class Drawn(Crops):
    """A network whose features are not learnt by its steps: the features of a picture, a
    prediction, and a step that learns of single pixels."""

    phases = FEATURES, PREDICTION, STEP
    words = "{size}x{size}, steps of {batch} pixels"

    @property
    def settings(self):
        return {"side": self.size}


TARGETS = {  # (of predictions and features, of training steps)
    "patch": (1.5, 1.5),
    "single-scale": (2.3, 2.5),
    "multi-scale": (2.3, 2.5),
    "recurrent": (2.3, 2.5),
    "alexnet": (1.2, 1.2),
    "sds": (1.2, 1.2),
    "weak": (1.2, 1.2),
    "feedback": (1.2, 1.2),
}


def model_rows():
    """All networks for pixels that learn by gradients from the picture on."""
    for name, (cls, _) in models.MODELS.items():
        if cls.task != "pixels" or cls.learnt_by:
            continue
        yield Whole(name, target=TARGETS.get(name))


def batch_rows():
    """AlexNet, small and as published; three layers; regions, bags and drawn pixels."""
    for size, batch in ((56, 128), (227, 32)):
        yield Crops("alexnet", size, TARGETS["alexnet"], slow=True, batch=batch)
    yield Crops("three-layers", 56, batch=32)
    yield Regions("sds", 56, TARGETS["sds"], batch=64)
    for features in ("frozen", "tuned"):
        yield Bags("weak", 112, TARGETS["weak"], batch=16, features=features)
    yield Drawn("feedback", 128, TARGETS["feedback"], batch=500)


def models_with_steps():
    """The names of all networks that have a training step here."""
    return list(dict.fromkeys(row.op for row in (*model_rows(), *batch_rows())))


def missing_models():
    """The networks of the lecture that have a target but do not exist yet."""
    return [name for name in TARGETS if name not in models.MODELS]


def all_rows():
    """Every row, quick ones first."""
    return [*operation_rows(), *model_rows(), *batch_rows()]
