"""What can go wrong with a training."""


class TrainingError(ValueError):
    """A run that cannot start or go on; the message says why."""


class Diverged(TrainingError):
    """A loss, or scores, that are no numbers: the weights of this moment are not worth keeping. The
    sentence is made in fitting.py."""
