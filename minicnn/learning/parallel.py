r"""Synchronous SGD: several processes compute a part of each step, and all make the same update.

Let process k have a batch whose loss l_k is the mean over c_k pixels. One process that had all
these batches as one would take the mean over all pixels, and, gradients being linear, learn from

    l = sum_k c_k l_k / sum_k c_k        g = sum_k c_k g_k / sum_k c_k

So each multiplies its gradient by its count, all are added up, and the sum is divided by the sum of
the counts. (The mean of the means would be another thing: a picture with ten labelled pixels would
weigh as much as one with ten thousand.) The gradients of all parameters lie in one flat buffer,
because every message costs some time, however short it is. All begin with the same weights and add
the same numbers, so all make the same step, and no weights need to be sent.

How many batches a step has is said by `config.processes`: as many as there were processes when the
training began. Batch k of step i has the number i N + k, and from this number follows which
pictures it is made of, in which variant, and what is drawn at random meanwhile, whoever computes
it. Hence a training can go on with any other number of processes: with fewer, each takes several
batches of a step, one after another; with more, some have nothing to do.

Sources: Chen, Monga, Bengio, Jozefowicz 2016 (synchronous); Goyal et al. 2017 (what N times the
batch asks of the learning rate); Thakur, Rabenseifner, Gropp 2005 (how MPI adds up).
"""

import itertools

import numpy as np

from minicnn.basics.notebooks import say
from minicnn.engine import randomness
from minicnn.engine.devices import get_num_threads, move
from minicnn.engine.launching import launches
from minicnn.learning.errors import TrainingError
from minicnn.learning.interrupts import defer_interrupt
from minicnn.learning.run import Run
from minicnn.learning.world import joined, world


class SharedRun(Run):
    """A Run whose steps have `config.processes` batches, computed by all processes there are. The
    first alone has the folder, and speaks."""

    def __init__(self, config, network, task, folder=None, quiet=False, schedule=None):
        self.world = world()
        first = self.world.first
        folder, quiet = folder if first else None, quiet or not first
        super().__init__(config, network, task, folder, quiet, schedule)
        self.hook, self.clock = self._average, self.world.clock
        ours = [k for k in range(config.processes) if self._is_mine(k)]
        self.each = len(ours)  # batches of a step that are computed here
        sizes = [p.size for p in self.optimizer.parameters]
        self.buffer = np.zeros(sum(sizes) + len(sizes), np.float32)
        self.counted = self.told = np.zeros(3)  # pixels, and times those the loss, the share right

    def _is_mine(self, number):
        """Whether the batch of this number is computed here."""
        return number % self.config.processes % self.world.size == self.world.rank

    # ---------------------------------------------------------------------------------- one step
    def feed(self, last):
        every = self.config.processes
        loader = self.task.feed(every * self.steps_done, every * last)
        loader.only = self._is_mine  # nothing else need be read
        return loader

    def batches(self, loader):
        """(step, [(number, batch), ...]): this process's part of the steps. Of a batch that was
        passed over nothing is there; the step is made all the same, for others may have theirs."""
        coming, held = (one for one in loader if self._is_mine(one[0])), None
        for step in itertools.count(self.steps_done):
            if step >= self.pace.total:
                return
            mine, end = [], (step + 1) * self.config.processes
            while len(mine) < self.each:
                held = held or next(coming, None)
                if held is None or held[0] >= end:
                    break
                mine.append(held)
                held = None
            yield step, mine

    def step(self, batches):
        """`Run.step`, with what several batches have in common."""
        step, mine = next(batches)
        launched = launches.total()
        self.optimizer.steps_done = step
        self.network.share_done = self.pace.share(step)

        self.optimizer.zero_grad()
        self.counted = np.zeros(3)
        for number, batch in mine:
            randomness.manual_seed(self.config.seed, number)
            loss, right = self.task.loss(batch)
            if loss is not None:
                count = self.task.counted(batch)
                self.counted += count, count * loss.item(), count * right
                (loss * count).backward()
        self.hook(self.optimizer.parameters)
        count, loss, right = self.told
        if not count:  # nobody had anything to learn from
            return None
        loss, right = loss / count, right / count
        if self.before_update is not None:
            self.before_update(step, loss)
        rate = self.optimizer.rate
        with defer_interrupt():
            self.optimizer.step()
            self.steps_done = step + 1

        self.launches = launches.total() - launched
        return loss, right, rate

    def _average(self, parameters):
        """The hook: from each process's gradients, times its count, the gradient of all batches. A
        parameter that nobody has used keeps None, as it would alone."""
        places = np.cumsum([0, *(p.size for p in parameters)])
        for p, a, b in zip(parameters, places, places[1:], strict=False):
            self.buffer[a:b] = 0 if p.grad is None else move(p.grad, "cpu").ravel()
        end = places[-1]
        self.buffer[end:] = [p.grad is not None for p in parameters]
        self.told = self.world.add(self.buffer, *self.counted)
        if self.told[0]:
            self.buffer[:end] /= np.float32(self.told[0])
        for p, a, b, used in zip(parameters, places, places[1:], self.buffer[end:], strict=False):
            gradient = self.buffer[a:b].reshape(p.shape)
            p.grad = move(gradient, p.device) if used else None
        self._clip(parameters)

    # ------------------------------------------------------------------------------ all the others
    @joined()
    def fit(self, minutes=None):
        if not self.quiet:
            threads = get_num_threads()
            say(
                f"{self.world.size} processes with {threads} thread{'s' * (threads > 1)} each; "
                f"a step is {self.config.processes} batches"
            )
        self.log.records = self.world.share(self.log.records)
        super().fit(self.world.share(minutes))
        # of a training that was resumed, only the first process has read the best weights
        self.network.load_state_dict(self.world.share(self.network.state_dict()))
        return self

    def validate(self, count=None):
        if self.task.deals:
            return self.world.share(self.task.validate(count))
        return self.world.once(lambda: self.task.validate(count))

    def left_out(self, loader):
        every = [found for one in self.world.gather(super().left_out(loader)) for found in one]
        reasons = dict.fromkeys(why for _, why in every)
        together = {why: [n for names, w in every if w == why for n in names] for why in reasons}
        return [(list(dict.fromkeys(names)), why) for why, names in together.items()]


def run_of(config, network, task, folder=None, quiet=False):
    """The Run of a training, for as many processes as it was begun with, and as there are."""
    kind = Run if config.processes == world().size == 1 else SharedRun
    return kind(config, network, task, folder, quiet)


def agree(config, network):
    """All processes take the first one's config and weights. Raises TrainingError if another has
    other pictures."""
    if world().size == 1:
        return
    digests = world().gather(config.data.digest)
    for rank, digest in enumerate(digests):
        if digest != digests[0]:
            raise TrainingError(
                f"{config.data.name}: process {rank} has other pictures, or deals them otherwise, "
                "than process 0; install the same data on every machine"
            )
    found, weights = world().share((vars(config), network.state_dict()))
    if not world().first:
        vars(config).update(found)
        network.load_state_dict(weights)
