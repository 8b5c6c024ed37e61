"""A training on drawn scenes for several processes, and the same by one process without any of
learning/parallel.py."""

import contextlib
import functools

import numpy as np
import pytest

import minicnn
from minicnn import datasets
from minicnn.datasets.scenes import dataset as drawn
from minicnn.learning import training
from minicnn.learning.pixels import Pixels, epochs_of

SCENES = {"size": (24, 32), "train": 7, "val": 3, "test": 4}
# turned and cut pictures have void corners, so that each has another number of labelled pixels
VARIED = {"width": 0.2, "rotate": 25, "rescale": 0.2, "balance": 0.5, "lr": 0.01}
VARIED["validations"] = 1  # the best weights are the last


@contextlib.contextmanager
def drawn_once():
    """Inside, each scene is drawn once: that takes longer than a step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawn, "draw_scene", functools.cache(drawn.draw_scene))
        yield


def scenes(out=None, steps=20, model="patch", settings=VARIED, **options):
    options = {"out": out, "steps": steps, "settings": settings, "data_options": SCENES} | options
    return minicnn.train(model, "scenes", quiet=True, **options)


def furthest(run, other):
    """The largest difference between the weights of two trainings, or {name: array}."""
    a, b = (r if isinstance(r, dict) else r.network.state_dict() for r in (run, other))
    assert a.keys() == b.keys()
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


class Together(Pixels):
    """N pictures of one size as one batch: what several processes have to be equal to."""

    def feed(self, first, last):
        count = self.config.pictures_meant
        order = epochs_of(len(self.pictures), self.config.seed, first * count, last * count)
        how = {"start": first * count, "batch_size": count, "collate": self.collate}
        return datasets.Loader(self.pictures, order, self._variant, **how)

    def collate(self, items):
        numbers, parts = zip(*items, strict=True)
        inputs, labels, names, weights = zip(*parts, strict=True)
        levels = [np.concatenate(level) for level in zip(*inputs, strict=True)]
        return numbers[0] // len(items), (levels, np.concatenate(labels), names, weights[0])


@functools.cache
def one_process(count, steps=20):
    """A training by one process with `count` pictures in a batch."""

    def meant(config, network):
        config.pictures_meant = count

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "agree", meant)
        patch.setattr(training, "task_for", Together)
        return scenes(steps=steps)
