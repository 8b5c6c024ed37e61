"""One training: its network, its optimizer, the loop, and what it writes.

The loop in `Run.fit` is the one that every chapter shows: forward, loss, backward, step. What
surrounds it keeps a run from being lost.
"""

import time

import numpy as np

from minicnn import datasets, optim
from minicnn.basics import displays
from minicnn.basics.writing import save_png
from minicnn.datasets import VOID
from minicnn.engine import randomness
from minicnn.engine.launching import launches
from minicnn.engine.tensor import Tensor
from minicnn.inference.evaluation import score
from minicnn.labelling.labelling import ScoresError
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import BEST, LAST
from minicnn.learning.feeding import check_labelled, class_weights, feed
from minicnn.learning.interrupts import undivided
from minicnn.learning.progress import Log, Progress


class TrainingError(ValueError):
    """A run that cannot start or go on; the message says why."""


class Diverged(TrainingError):
    """A loss that is no number: the weights of this moment are not worth keeping."""


class Run:
    """A network in training.

    network  the network; `config` all settings; `log` the records (dicts) written so far
    folder   where checkpoints lie, or None
    """

    def __init__(self, config, network, dataset, folder, quiet):
        self.config, self.network, self.dataset = config, network, dataset
        self.folder = folder
        self.step = self.begun_at = self.launches = 0  # launches: of GPU kernels, in the last step
        self.settings = config["training"]
        self.pictures = dataset.split("train")
        if config["overfit_one"]:
            self.pictures.names = self.pictures.names[:1]
        if not len(self.pictures):
            raise TrainingError(f"{dataset.name}: there are no pictures to train on")
        check_labelled(self.pictures, "train", config["skip_bad"])
        self.val = [] if config["overfit_one"] else dataset.split("val")
        if len(self.val):
            check_labelled(self.val, "val", config["skip_bad"])
        self.log = Log(folder and folder / "log.jsonl")
        self.quiet = quiet
        self.best_weights = None
        self.network.freeze(*self.frozen(self.settings))
        learning = [(path, p) for path, p in network.named_parameters() if p.requires_grad]
        self.learning = dict(learning)
        self.weight = self._class_weights()

    def __repr__(self):
        best, where = self.config["best"], f", in {self.folder}" if self.folder else ""
        scored = f", {best['val_accuracy']:.1%} of the validation pixels right" if best else ""
        name = f"{self.config['model']} on {self.config['data']['name']}"
        return f"<Run: {name}, step {self.step} of {self.config['total_steps']}{scored}{where}>"

    def _repr_html_(self):
        from minicnn.figures import curves

        curve = displays.picture(curves(self.log.records))
        return f"<div>{displays.paragraphs(repr(self))}{curve}</div>"

    # ------------------------------------------------------------------------------ preparations
    @staticmethod
    def frozen(settings):
        """The names of the modules that keep their weights."""
        return settings["freeze"].replace(",", " ").split()

    def _class_weights(self):
        """Weights of the classes in the loss, or None. Sampled pixels are drawn by weight, and
        then count alike."""
        if not self.settings["balance"] or self.settings["patches"]:
            return None
        weights = class_weights(self.config["class_shares"], self.settings["balance"])
        return weights.astype(np.float32)

    def plan(self, epochs, steps, minutes):
        """The number of steps to take."""
        given = [v for v in (epochs, steps, minutes) if v is not None]
        if len(given) > 1:
            raise TrainingError("give one of epochs, steps and minutes, not several")
        if given and given[0] <= 0:
            raise TrainingError(f"a training of length {given[0]} is no training")
        if steps is not None:
            return int(steps)
        if minutes is not None:
            seconds = self._seconds_per_step()
            # A prediction costs about a third of a step; each validation makes one per picture.
            looks = self.settings["validations"] * len(self.val) * seconds / 3
            return max(1, int((60 * minutes - min(looks, 30 * minutes)) / seconds))
        return max(1, round((5 if epochs is None else epochs) * len(self.pictures)))

    def _seconds_per_step(self):
        """Median over a few steps that change nothing; the first compiles kernels."""
        times = []
        with self._feed(0, 6) as loader:
            for _, inputs, labels in loader:
                start = time.perf_counter()
                loss, _ = self._loss(inputs, labels)
                loss.backward()
                times.append(time.perf_counter() - start)
        self.network.zero_grad()
        return float(np.median(times[1:] or times)) * 1.05  # the update itself, and reading

    def start_optimizer(self):
        s = self.settings
        schedule = optim.named_schedule(s["schedule"], self.config["total_steps"], s["warm_up"])
        self.optimizer = optim.SGD(
            list(self.learning.values()), s["lr"], s["momentum"], s["weight_decay"], schedule
        )

    def _feed(self, first, last):
        return feed(self.pictures, self.network.preprocess, self.config, first, last)

    def _loss(self, inputs, labels):
        return self.network.loss(self._tensors(inputs), labels, self.weight)

    def _tensors(self, inputs):
        device = self.network.parameters()[0].device
        return [Tensor(level).to(device) for level in inputs]

    # ---------------------------------------------------------------------------------- the loop
    def fit(self, minutes=None):
        """Trains to the last step. An interrupt (Ctrl-C) saves and says how to go on."""
        total = self.config["total_steps"]
        validate_every = max(1, total // max(1, self.settings["validations"]))
        progress = Progress(total, self.step, self.quiet)
        self.begun_at = self.step
        begun = saved = time.monotonic()
        optimizer = self.optimizer
        self.network.train()
        loader = self._feed(self.step, total)
        try:
            # An interrupt may have come while a validation was under way.
            if self.step // validate_every > self._validated() // validate_every:
                self._validate(progress)
            # A loss that overflows is noticed below, in words; numpy need not warn before.
            with loader, np.errstate(over="ignore", invalid="ignore"):
                for step, inputs, labels in loader:
                    launched = launches.total()
                    randomness.manual_seed(self.config["seed"], step)  # dropout draws from it
                    optimizer.steps_done, self.network.done = step, step / total
                    loss, scores = self._loss(inputs, labels)
                    if not np.isfinite(loss.item()):
                        raise Diverged(self._diverged(step, loss.item()))
                    if self._time_to_save(saved):  # only weights whose loss is a number
                        self.save()
                        saved = time.monotonic()
                    optimizer.zero_grad()
                    loss.backward()
                    if self.settings["clip"]:
                        optim.clip_grad_norm_(optimizer.parameters, self.settings["clip"])
                    rate = optimizer.rate
                    with undivided():
                        optimizer.step()
                        before, self.step = self.step, step + 1
                    self.launches = launches.total() - launched
                    progress.step(self.step, loss.item(), _accuracy(scores, labels))
                    if self.step // 10 > before // 10:
                        self.log.write(step=self.step, rate=rate, **progress.recent())
                    if self.step // validate_every > before // validate_every:
                        self._validate(progress)
                    if minutes and time.monotonic() - begun > 60 * minutes:
                        progress.say(f"{minutes} minutes are over at step {self.step} of {total}")
                        break
            if self._validated() < self.step:
                self._validate(progress)
        except KeyboardInterrupt:
            self.save()
            progress.close()
            hint = f"; go on with: minicnn resume {self.folder}" if self.folder else ""
            raise KeyboardInterrupt(f"stopped after step {self.step}{hint}") from None
        except Exception as error:
            progress.close()
            if self.step == 0:  # weights that learnt nothing shall not look like a trained network
                self._remove()
                raise
            if not isinstance(error, Diverged):
                self.save()
            if isinstance(error, datasets.DataError) and self.folder:
                hint = f"mend it, then minicnn resume {self.folder} (or add --skip-bad)"
                raise datasets.DataError(f"{error}; {hint}") from None
            raise
        self.save()
        progress.close()
        unreadable = [message for _, message in loader.skipped]
        for names, why in ((unreadable, "unreadable"), (loader.void, "all void")):
            if names:
                more = " ..." if len(names) > 1 else ""
                progress.say(f"left out {len(names)} of the pictures, {why}: {names[0]}{more}")
        self._finish()
        return self

    def _time_to_save(self, saved):
        every = self.settings["checkpoint_steps"]
        if every:
            return self.step // every > self.config["step"] // every
        return time.monotonic() - saved > self.settings["checkpoint_seconds"]

    def _diverged(self, step, loss):
        kept = "stopped"
        if self.folder:
            kept = f"the last good weights, of step {self.config['step']}, are in {self.folder}"
        return (
            f"the loss became {loss} at step {step}: {kept}. Usually the learning rate "
            f"({self.settings['lr']}) is too high; try --set lr={self.settings['lr'] / 5:g}"
        )

    def _validated(self):
        """The last step at which `val` was looked at."""
        return max((r["step"] for r in self.log.records if "val_accuracy" in r), default=0)

    def _validate(self, progress):
        """Scores the network on `val`."""
        if not len(self.val):
            return
        progress.say(f"step {self.step}: looking at {len(self.val)} validation pictures", True)
        skip_bad, order = self.config["skip_bad"], range(len(self.val))
        with datasets.Loader(self.val, order, skip_bad=skip_bad) as pictures:
            try:
                confusion, seconds = score(self.network, pictures, self.config["classes"])
            except ScoresError as error:  # the last step spoilt the weights; they are not saved
                raise Diverged(f"step {self.step}: {error}; try a lower lr") from None
        self.network.train()
        with undivided():
            self._note(confusion, seconds, progress)
        progress.restart_clock()

    def _note(self, confusion, seconds, progress):
        """Logs a validation, and keeps the weights if they are the best so far."""
        accuracy = round(confusion.pixel_accuracy, 6)
        self.log.write(
            step=self.step,
            val_accuracy=accuracy,
            val_class_accuracy=round(confusion.class_accuracy, 6),
            val_iou=round(confusion.mean_iou, 6),
            seconds_per_picture=round(seconds, 4),
        )
        progress.say(
            f"step {self.step}: validation pixel accuracy {accuracy:.1%}, "
            f"class accuracy {confusion.class_accuracy:.1%}"
        )
        if self.config["best"] is None or accuracy > self.config["best"]["val_accuracy"]:
            self.config["best"] = {"step": self.step, "val_accuracy": accuracy}
            self.best_weights = {k: v.copy() for k, v in self.network.state_dict().items()}
            if self.folder is not None:
                checkpoints.save(
                    self.folder / BEST, self.best_weights, self.config | {"step": self.step}
                )

    # ------------------------------------------------------------------------------- keeping it
    def save(self):
        """Writes the checkpoint from which `resume` goes on."""
        if self.folder is None:
            return
        self.config["step"] = self.step
        arrays = self.network.state_dict()
        for path, v in zip(self.learning, self.optimizer.velocity, strict=True):
            arrays[f"velocity/{path}"] = Tensor(v).numpy()
        checkpoints.save(self.folder / LAST, arrays, self.config)

    def _remove(self):
        if self.folder is not None:
            for file in (self.folder / LAST, self.folder / "log.jsonl"):
                file.unlink(missing_ok=True)

    def _finish(self):
        """The weights that did best on `val` are the result; curves are drawn from the log."""
        if self.best_weights is None and self.config["best"] and self.folder:  # before a resume
            self.best_weights, _ = checkpoints.load(self.folder / BEST)
        if self.best_weights is not None:
            self.network.load_state_dict(self.best_weights)
        self.network.eval()
        if self.folder is not None:
            if self.best_weights is None:
                checkpoints.save(self.folder / BEST, self.network.state_dict(), self.config)
            from minicnn.figures import curves

            save_png(curves(self.log.records), self.folder / "curves.png", dpi=120)


def _accuracy(scores, labels):
    """Share of the labelled pixels of a training batch that are right."""
    known, answers = labels != VOID, scores.numpy().argmax(axis=1)
    if answers.ndim > 1:  # else there are answers for the labelled pixels alone
        answers = answers[known]
    return float((answers == labels[known]).mean())
