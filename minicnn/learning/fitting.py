"""The loop around `Run.step`: looks at validation pictures, checkpoints, a limit in minutes, and
what is done when something goes wrong. Whatever stops a training, it can go on."""

import numpy as np

from minicnn.datasets import DataError
from minicnn.learning.checkpoints import BEST, LAST, restore
from minicnn.learning.config import STEPS, Best
from minicnn.learning.errors import Diverged
from minicnn.learning.interrupts import defer_interrupt, terminable
from minicnn.learning.planning import LOOKS, TRIMS, looks_due, new_total, stalled
from minicnn.learning.progress import Progress
from minicnn.learning.world import Elsewhere

OVERTIME = 1.05  # of the minutes: then a training stops wherever it is

at_end = []  # called with a Run that has come to its end; figures/methods.py adds its curves


def fit(run, minutes=None, clock=None):
    """Trains to the last step; `Run.fit` says more. `clock`, for tests, gives the seconds."""
    with terminable():
        return _Fitting(run, minutes, clock or run.clock).run_all()


class _Fitting:
    def __init__(self, run, minutes, clock):
        self.run, self.minutes, self.config = run, minutes, run.config
        self.limit = None if minutes is None else 60 * minutes
        self.progress, self.clock = Progress(run, self.limit, clock), clock
        self.begun = self.saved = clock()
        if self.limit is not None:  # whoever resumes it looks at `val` at the same steps
            self.config.pace = run.pace.pieces
        self.trims, self.looking = 0, 0.0  # looking: seconds

    # ---------------------------------------------------------------------------------- the loop
    def run_all(self):
        run = self.run
        run.begun_at = run.steps_done
        run.network.train()
        run.before_update = self._before_update
        loader = run.feed(self._last_step())
        try:
            if self._look_due(self._looked_at(), run.steps_done):  # an interrupt came in between
                self._look()
            # A loss that overflows is noticed below, in words; numpy need not warn before.
            with loader, np.errstate(over="ignore", invalid="ignore"):
                batches = run.batches(loader)
                while run.steps_done < run.pace.total and not self._time_is_over():
                    before = run.steps_done
                    try:
                        learnt = run.step(batches)
                    except StopIteration:  # the last pictures were passed over
                        break
                    if learnt is None:
                        continue
                    loss, right, rate = learnt
                    self.progress.step(run.steps_done, loss, right)
                    if run.steps_done // 10 > before // 10:
                        run.log.write(step=run.steps_done, rate=rate, **self.progress.recent())
                    if self._look_due(before, run.steps_done):
                        self._look()
                    self._trim()
            if run.steps_done == 0 and (why := self._left_out(loader)):
                raise DataError(f"nothing was learnt: {'; '.join(why)}")
            if self._looked_at() < run.steps_done:
                self._look()
        except KeyboardInterrupt as stop:
            with defer_interrupt():  # whoever is impatient presses twice
                run.save()
            self.progress.close()
            raise type(stop)(f"stopped after step {run.steps_done}{self._go_on()}") from None
        except Exception as error:
            self.progress.close()
            self._failed(error)
            raise
        run.save()
        self.progress.close()
        for sentence in self._left_out(loader):
            self.progress.say(f"left out {sentence}")
        self._finish()
        return run

    def _last_step(self):
        """What is drawn up to: of a training in minutes, nobody knows how many steps there are."""
        return self.run.pace.total if self.limit is None else STEPS

    def _before_update(self, step, loss):
        """Between the loss of a step and what is learnt from it: only weights whose loss is a
        number are kept."""
        if not np.isfinite(loss):
            raise Diverged(self._message_of_divergence(step, loss))
        every, done = self.config.training.checkpoint_steps, self.run.steps_done
        if every:
            due = done // every > self.config.step // every
        else:
            due = self.clock() - self.saved > self.config.training.checkpoint_seconds
        if due:
            self.run.save()
            self.saved = self.clock()

    # -------------------------------------------------------------------------------- the minutes
    def _time_is_over(self):
        if self.limit is None or self.clock() - self.begun < OVERTIME * self.limit:
            return False
        run = self.run
        self.progress.say(
            f"{self.minutes:g} minutes are over at step {run.steps_done} of {run.pace.total}"
            f"{self._go_on()}"
        )
        return True

    def _trim(self):
        """Moves the end to where the measured speed says that the minutes end."""
        run, spent = self.run, self.clock() - self.begun
        if self.limit is None or run.steps_done >= run.pace.total:
            return
        if spent < (self.trims + 1) / TRIMS * self.limit:
            return
        self.trims = int(spent / self.limit * TRIMS)
        per_step = self.progress.seconds_per_step()
        if per_step is None:
            return
        looks = self.progress.looks_left() * (self.progress.seconds_per_look or 0)
        total = new_total(run.steps_done, self.limit - spent - looks, per_step, run.pace)
        if total is not None:
            run.pace.move_end(run.steps_done, total)
            self.config.pace, self.config.total_steps = run.pace.pieces, total

    # --------------------------------------------------------------------------- validation looks
    def _look_due(self, before, now):
        """Whether a look at `val` lies between these two steps."""
        looks, share = max(1, self.config.training.validations), self.run.pace.share
        return looks_due(share(now), looks) > looks_due(share(before), looks)

    def _looked_at(self):
        """The last step at which `val` was looked at."""
        looks = (r["step"] for r in self.run.log.records if "val_accuracy" in r)
        return max(looks, default=0)

    def _look(self):
        """Scores the network on `val`, logs it, and keeps the weights if they are the best."""
        run = self.run
        if not len(run.task.val):
            return
        begun = self.clock()
        count = self.config.val_pictures or len(run.task.val)
        self.progress.say(f"step {run.steps_done}: looking at {count} validation pictures", True)
        try:
            found = run.validate(self.config.val_pictures)
        except Diverged as error:  # the last step spoilt the weights; they are not saved
            raise Diverged(f"step {run.steps_done}: {error}; try a lower lr") from None
        run.network.train()
        if not np.isfinite(found["val_accuracy"]):
            self.progress.say(f"step {run.steps_done}: no validation picture could be counted")
            return
        with defer_interrupt():
            run.log.write(step=run.steps_done, **found)
            if self.config.best is None or found["val_accuracy"] > self.config.best.val_accuracy:
                self.config.best = Best(run.steps_done, found["val_accuracy"], found.get("sure"))
                run.save_best()
            fell = self.config.stalls and stalled(self.config.stalls, found, run.steps_done)
        if fell:
            self.progress.say(f"step {run.steps_done}: it stalls, the rate is divided by 10")
        second = run.task.second(found) + run.task.looked_at()
        self.progress.say(
            f"step {run.steps_done}: validation {run.task.accuracy} "
            f"{found['val_accuracy']:.1%}, {second}"
        )
        self.progress.looked(self.clock() - begun)
        self.looking += self.clock() - begun
        while self._looks_are_too_dear():
            self.config.training.validations -= 1

    def _looks_are_too_dear(self):
        """Whether those that are left take longer than was planned, and can be fewer."""
        left, each = self.progress.looks_left(), self.progress.seconds_per_look
        return bool(self.limit) and left > 1 and self.looking + left * each > LOOKS * self.limit

    # ------------------------------------------------------------------------------------ the end
    def _left_out(self, loader):
        """Sentences about the pictures that were passed over."""
        return [
            f"{len(names)} of the pictures, {why}: {names[0]}{' ...' * (len(names) > 1)}"
            for names, why in self.run.left_out(loader)
            if names
        ]

    def _failed(self, error):
        """After an exception: what is worth keeping is kept, and a sentence says how to go on."""
        run = self.run
        if not self._worth_keeping():  # what learnt nothing shall not look like a trained network
            if run.folder is not None:
                for file in (run.folder / LAST, run.folder / "log.jsonl"):
                    file.unlink(missing_ok=True)
            return
        if not isinstance(error, Diverged):
            run.save()
        if isinstance(error, Elsewhere):
            raise Elsewhere(f"{error}{self._go_on()}") from None
        if isinstance(error, DataError) and run.folder:
            hint = f"mend it, then minicnn resume {run.folder} (or add --skip-bad)"
            raise DataError(f"{error}; {hint}") from None

    def _worth_keeping(self):
        """Whether steps are done, or, which may have taken as long, what is before the first; or
        whether it is not of this call."""
        run = self.run
        return run.steps_done > 0 or run.resumed or run.task.early or run.task.teaches

    def _go_on(self):
        folder = self.run.folder
        return f"; go on with: minicnn resume {folder}" if folder else ""

    def _message_of_divergence(self, step, loss):
        kept = "stopped"
        if self.run.folder and self._worth_keeping():
            where = self.run.folder
            kept = f"the last good weights, of step {self.config.step}, are in {where}"
        lr = self.config.training.lr
        return (
            f"the loss became {loss} at step {step}: {kept}. Usually the learning rate ({lr}) is "
            f"too high; try --set lr={lr / 5:g}"
        )

    def _finish(self):
        """The weights that did best on `val` are the result."""
        run = self.run
        if run.best_weights is None and self.config.best and run.folder:  # from before a resume
            run.best_weights = restore(run.folder / BEST)[0].state_dict()
        if run.best_weights is not None:
            run.network.load_state_dict(run.best_weights)
        run.network.eval()
        if run.best_weights is None:
            run.save_best()
        run.task.finish(run)
        if self.config.overfit_one:
            self.progress.say(run.task.learnt_by_heart(run.steps_done))
        for do in at_end:
            do(run)
