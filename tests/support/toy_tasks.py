"""Tasks that stand in no room: proof that the training loop asks for nothing but a Task."""

import numpy as np

from minicnn import functional as F
from minicnn import nn
from minicnn.engine.tensor import Tensor
from minicnn.learning.config import Config, TrainingOptions
from minicnn.learning.run import Run
from minicnn.learning.task import Drawn, Task
from minicnn.models.model import Model


def run_of(task, network, steps, folder=None, quiet=True, **training):
    """A Run of `steps` steps with a Task (a class) that no model has."""
    options = TrainingOptions(**{"warm_up": 0, "weight_decay": 0.0} | training)
    config = Config("toy", ["no", "yes"], {}, 0, training=options, seed=0, total_steps=steps)
    return Run(config, network, task(network, config), folder, quiet)


class Weight(Model):
    """A network of one number."""

    def __init__(self):
        self.w = nn.Parameter(np.ones(1, np.float32))


class Clock:
    """A clock that moves when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def timed(clock, per_step, per_picture, looked_at=50, compiling=0.0):
    """A Task whose steps take `per_step(step)` seconds by the clock, its first one `compiling`
    more, and whose looks take `per_picture` for each of `looked_at`; `spent` are the seconds of its
    looks."""

    class Timed(Task):
        pictures = range(10)
        val = range(looked_at)
        spent = 0.0

        def feed(self, first, last):
            return Drawn((step, step) for step in range(first, last))

        def loss(self, batch):
            clock.now += per_step(batch) + (compiling if batch == 0 else 0)
            return F.sum(self.network.w * self.network.w), 0.5

        def validate(self, count=None):
            seconds = (len(self.val) if count is None else count) * per_picture
            clock.now += seconds
            self.spent += seconds
            return {"val_accuracy": 0.5}

        def second(self, found):
            return "nothing else"

    return Timed


class Bags(Task):
    """Bags of points of which one may be red; what is known of a bag is only whether one is. The
    network scores each point, and the best one speaks for its bag."""

    what = "bags"

    def __init__(self, network, config):
        super().__init__(network, config)
        self.pictures, self.val = range(0, 40), range(40, 60)

    def bag(self, number):
        random = np.random.default_rng([1, number])
        points, red = random.uniform(0, 0.6, (5, 3)), number % 2
        points[random.integers(5), 0] += 0.7 * red
        return points.astype(np.float32), red

    def feed(self, first, last):
        return Drawn(
            (step, [self.bag((4 * step + k) % 40) for k in range(4)]) for step in range(first, last)
        )

    def _scores(self, bags):
        points = Tensor(np.stack([points for points, _ in bags]))
        return self.network(points.reshape(-1, 3)).reshape(len(bags), 5).amax(1)

    def loss(self, batch):
        scores, labels = self._scores(batch), np.array([label for _, label in batch])
        two = F.concat([(scores * 0.0).reshape(-1, 1), scores.reshape(-1, 1)], dim=1)
        return F.cross_entropy(two, labels), float(((scores.numpy() > 0) == labels).mean())

    def validate(self, count=None):
        bags = [self.bag(k) for k in self.val]
        called = self._scores(bags).numpy() > 0
        return {"val_accuracy": float(np.mean(called == np.array([label for _, label in bags])))}

    def second(self, found):
        return "the best point of each"


class Regions(Task):
    """Crops with their masks, a quarter of them foreground: the network sees the crop and, beside
    it, what the mask leaves of it."""

    what = "regions"

    def __init__(self, network, config):
        super().__init__(network, config)
        self.pictures = self.val = range(30)

    def regions(self, step, count=8):
        """(crops (N, 6, 8, 8), classes (N,)): background is grey noise, foreground is brighter
        within its mask."""
        random = np.random.default_rng([2, step])
        labels = (np.arange(count) % 4 == 0).astype(np.int64)
        crops = random.normal(0, 0.3, (count, 3, 8, 8))
        masks = np.zeros((count, 1, 8, 8))
        masks[:, :, 2:6, 2:6] = 1
        crops += masks * labels[:, None, None, None]
        return np.concatenate([crops, crops * masks], axis=1).astype(np.float32), labels

    def feed(self, first, last):
        return Drawn((step, self.regions(step)) for step in range(first, last))

    def loss(self, batch):
        crops, labels = batch
        (x,) = self.tensors([crops])
        scores = self.network(x)
        return F.cross_entropy(scores, labels), float((scores.numpy().argmax(1) == labels).mean())

    def validate(self, count=None):
        right = [self.loss(self.regions(10**6 + k))[1] for k in range(4)]
        return {"val_accuracy": float(np.mean(right))}

    def second(self, found):
        return "a quarter is foreground"


class OfRegions(nn.Module):
    """Scores (N, 2) of crops (N, 6, 8, 8)."""

    def __init__(self):
        self.first, self.last = nn.Conv2d(6, 8, 3), nn.Linear(8, 2)

    def forward(self, x):
        return self.last(F.mean(F.relu(self.first(x)), dim=(2, 3)))
