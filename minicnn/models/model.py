"""What every network of the lecture has: options that are kept with its weights."""

import contextlib

from minicnn import nn
from minicnn.basics.options import merge_options
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor


class Model(nn.Module):
    """Base class of the lecture's networks.

    A subclass has `DEFAULTS`, the options of its architecture and preprocessing. They are stored
    with the weights, so a trained network knows how it wants its pictures.
    """

    task = "pixels"  # what it learns, see learning/task.py
    learnt_by = None  # the name of another task by which it learns that, see learning/tasks.py
    PARTS = ""  # the option that says how many parts it has which can be learnt one by one
    SPARE = ()  # names of options of which only training needs what they stand for: exported as 0

    DEFAULTS = {}
    RANGES = {}  # {name: (least, most)} of options that are numbers
    CHOICES = {}  # {name: values} of options that are words
    CHANGEABLE = ()  # names of options that a trained network may be given another value of
    # names of options that `start` keeps: how pictures are prepared, what weights of a shape mean
    PREPARATION = ()
    share_done = 0.0  # the share of the training that is over, for networks that learn by stages

    def __init__(self, classes, **options):
        self.classes = classes
        self.options = self.merged(options)

    @classmethod
    def begins_with(cls, options):
        """The shipped network whose weights a training with these options begins with, unless it
        is told another one; None: with nothing."""

    @classmethod
    def keeps(cls, options):
        """The names of the modules that never learn with these options."""
        return []

    def change(self, **options):
        """Gives options of `CHANGEABLE` other values, in a trained network too; returns self."""
        for name in options:
            if name not in self.CHANGEABLE:
                can = (
                    f"only {', '.join(self.CHANGEABLE)} can" if self.CHANGEABLE else "no option can"
                )
                raise ValueError(
                    f"{name}: of {type(self).__name__} {can} be changed after training"
                )
        self.options = self.merged(options, self.options)
        self.check_options()
        return self

    @classmethod
    def merged(cls, options, defaults=None):
        """All options: the defaults, by default those of the network, overridden by `options`.
        Raises ValueError for one that does not exist or cannot be."""
        merged = merge_options(cls.__name__, defaults or cls.DEFAULTS, options, cls.RANGES)
        for name, allowed in cls.CHOICES.items():
            if merged[name] not in allowed:
                raise ValueError(f"option {name}={merged[name]!r}: choose {' or '.join(allowed)}")
        return merged

    def adapted(self, arrays):
        """{name: array} of a network whose weights this one shall begin with, under the names that
        they have here."""
        return arrays

    def check_options(self):
        """Checks the options together, and computes what follows from them."""

    def tensors(self, arrays):
        """The arrays as Tensors on the network's device, in a list."""
        device = self.parameters()[0].device
        return [Tensor(array).to(device) for array in arrays]

    @contextlib.contextmanager
    def predicting(self):
        """Inside, the network is in prediction mode and nothing is recorded."""
        with self.evaluating(), no_grad():
            yield
