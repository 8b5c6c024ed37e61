"""One training: the network, what it learns, and how. `Run.step` is the loop of every chapter;
what surrounds it, so that nothing is lost, is in fitting.py, what several processes make of it
in parallel.py."""

import time

from minicnn import optim
from minicnn.engine import randomness
from minicnn.engine.compiling_ahead import compile_ahead
from minicnn.engine.launching import launches
from minicnn.engine.tensor import Tensor
from minicnn.learning import checkpoints, fine_tuning
from minicnn.learning.checkpoints import BEST, LAST
from minicnn.learning.config import Stalls
from minicnn.learning.fitting import fit
from minicnn.learning.interrupts import defer_interrupt
from minicnn.learning.log import Log
from minicnn.learning.planning import Pace


class Run:
    """A network in training.

    config      all that describes it (Config); `folder` is where checkpoints lie, or None
    network     what learns, some of it perhaps frozen; `task` what it learns, and from what
    steps_done  how many; `log` holds the records (dicts) written so far
    hook        called with the parameters between backward and the step of the optimizer, when
                their gradients are known: clips them, if the options of the training say so; of
                several processes (parallel.py) averages them before
    schedule    step -> factor on the learning rate; by default as the options say
    resumed     whether it goes on from a checkpoint that was there before
    clock       gives the seconds by which a training in minutes is planned
    """

    resumed = False

    def __init__(self, config, network, task, folder=None, quiet=False, schedule=None):
        self.config, self.network, self.task = config, network, task
        self.folder, self.quiet = folder, quiet
        self.steps_done = self.begun_at = self.launches = 0  # launches: GPU kernels in a step
        self.log = Log(folder and folder / "log.jsonl")
        self.best_weights = None
        self.pace = Pace(config.total_steps, config.pace)
        learning = {path: p for path, p in network.named_parameters() if p.requires_grad}
        groups = fine_tuning.groups(config, learning)
        self.learning = {path: p for group, _ in groups for path, p in group.items()}
        o = config.training
        self.optimizer = optim.SGD(
            [{"params": [*group.values()], "lr": rate} for group, rate in groups],
            o.lr,
            o.momentum,
            weight_decay=o.weight_decay,
            schedule=schedule or self._schedule(),
        )
        self.hook, self.clock = self._clip, time.monotonic
        self.before_update = None  # called with (step, loss), see fitting.py

    def _schedule(self):
        o = self.config.training
        if o.schedule != "plateau":
            return self.pace.schedule(lambda n: optim.named_schedule(o.schedule, n, o.warm_up))
        self.config.stalls = self.config.stalls or Stalls()  # of real steps, so it is not stretched

        def fall(step):  # `agree` may put another Stalls there
            return optim.plateau(self.config.stalls.divided)(step)

        return optim.warm_up(fall, o.warm_up) if o.warm_up else fall

    def _clip(self, parameters):
        if self.config.training.clip:
            optim.clip_grad_norm_(parameters, self.config.training.clip)

    def step(self, batches):
        """Draws a batch and learns from it: (loss, share right, rate). None: it taught nothing."""
        number, batch = next(batches)
        if number == self.begun_at and self.optimizer.parameters[0].device == "cpu":
            compile_ahead(lambda: self._rehearse(batch))
        launched = launches.total()
        randomness.manual_seed(self.config.seed, number)  # dropout draws from it
        self.optimizer.steps_done = number
        self.network.share_done = self.pace.share(number)

        loss, right = self.task.loss(batch)
        if loss is None:
            return None
        if self.before_update is not None:
            self.before_update(number, loss.item())
        self.optimizer.zero_grad()
        loss.backward()
        self.hook(self.optimizer.parameters)
        rate = self.optimizer.rate
        with defer_interrupt():
            self.optimizer.step()
            self.steps_done = number + 1

        self.launches = launches.total() - launched
        return loss.item(), right, rate

    def _rehearse(self, batch):
        """What of `step` calls kernels."""
        self.task.loss(batch)[0].backward()
        self.optimizer.step()

    def feed(self, last):
        """What `batches` draws from, up to the step `last`: see Task.feed."""
        return self.task.feed(self.steps_done, last)

    def batches(self, loader):
        """What the loader hands out, up to the end, wherever that lies by then."""
        for step, batch in loader:
            if step >= self.pace.total:
                return
            yield step, batch

    def validate(self, count=None):
        """What the task finds on `val`."""
        return self.task.validate(count)

    def left_out(self, loader):
        """What the task says was passed over."""
        return self.task.left_out(loader)

    def fit(self, minutes=None):
        """Trains to the last step, in so many minutes if given; returns the Run. An interrupt
        (Ctrl-C) saves and says how to go on."""
        return fit(self, minutes)

    # ------------------------------------------------------------------------------- keeping it
    def save(self):
        """Writes the checkpoint from which `resume` goes on."""
        if self.folder is None:
            return
        self.config.step = self.steps_done
        arrays = self.network.state_dict()
        for path, v in zip(self.learning, self.optimizer.velocity, strict=True):
            arrays[checkpoints.VELOCITY + path] = Tensor(v).numpy()
        checkpoints.save(self.folder / LAST, arrays, self.config.to_json())

    def save_best(self):
        """The weights of this moment are the best so far."""
        self.best_weights = {k: v.copy() for k, v in self.network.state_dict().items()}
        if self.folder is not None:
            now = self.config.to_json() | {"step": self.steps_done}
            checkpoints.save(self.folder / BEST, self.best_weights, now)

    # ------------------------------------------------------------------------------- showing it
    def __repr__(self):
        config, where = self.config, f", in {self.folder}" if self.folder else ""
        best = config.best
        scored = (
            f", {best.val_accuracy:.1%} of the validation {self.task.what} right" if best else ""
        )
        name = f"{config.model} on {config.data.name}"
        return f"<Run: {name}, step {self.steps_done} of {config.total_steps}{scored}{where}>"
