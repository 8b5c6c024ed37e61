"""Balanced classes among pixels that are drawn: each counts as much as `balance` says, also one
that has fewer pixels in a picture than are drawn of it."""

import numpy as np
import pytest

from minicnn import datasets, models
from minicnn.datasets import Picture
from minicnn.learning.config import Config, TrainingOptions
from minicnn.learning.pixels import Pixels

LABELS = np.zeros((40, 50), np.uint8)
LABELS.ravel()[:990], LABELS.ravel()[990:1000], LABELS.ravel()[1900:] = 1, 2, 255
COUNTS = np.array([900, 990, 10])


class One(datasets.Dataset):
    """One picture, of which ten pixels are of the last class."""

    name, classes = "one", ("much", "more", "little")
    _names = {"train": ["p"], "val": [], "test": []}  # noqa: RUF012

    def read(self, name):
        return Picture(name, np.zeros((*LABELS.shape, 3), np.uint8), LABELS)


def parts(patches, balance):
    """How much each class has to say in a step."""
    training = TrainingOptions(patches=patches, balance=balance, flip=False)
    shares = (COUNTS / COUNTS.sum()).tolist()
    config = Config("patch", list(One.classes), {}, 0, training=training, class_shares=shares)
    config.seed = 0
    task = Pixels(models.find("patch")[0](3, width=0.1), config, One())
    with task.feed(0, 1) as loader:
        ((_, batch),) = loader
    _, labels, _, weight = batch
    weight = np.ones(3) if weight is None else weight
    found = weight * np.bincount(labels[labels != 255], minlength=3)
    assert np.isclose(task.counted(batch), found.sum())
    return found / found.sum()


@pytest.mark.parametrize("patches", [0, 600, 1500, 1899, 1900, 10**6])
@pytest.mark.parametrize("balance", [0, 0.5, 1])
def test_each_class_has_its_part(patches, balance):
    wanted = COUNTS ** (1 - balance)
    exact = patches in (0, 1900, 10**6)
    found = parts(patches, balance)
    np.testing.assert_allclose(found, wanted / wanted.sum(), atol=1e-6 if exact else 0.06)
