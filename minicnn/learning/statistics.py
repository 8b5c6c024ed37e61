"""What a network for whole pictures wants to know of its training pictures before it learns: their
mean, and in which colours they vary most.

    covariance of the RGB values of all pixels, in shares of full brightness  =  P diag(l) P^T

A training picture gets P (a l) added to each of its pixels, a = (a1, a2, a3) drawn anew from
N(0, colour_noise) each time: light that is stronger or of another colour leaves what is seen as it
is. Source: Krizhevsky, Sutskever, Hinton 2012, section 4.1.
"""

import contextlib
from typing import NamedTuple

import numpy as np

from minicnn.datasets.dataset import DataError
from minicnn.datasets.splits import evenly

BATCH = 128  # pictures, of which weights may begin
ENOUGH = 10_000  # pictures: more change no digit that matters


class Statistics(NamedTuple):
    """mean  float32 (3, size, size), grey levels, of the middles of the pictures
    axes  float64 (3, 3), grey levels: the columns are P l
    small  names of pictures that are smaller than a crop, and were enlarged
    some  float32 (BATCH, 3, size, size), evenly spread crops, or fewer"""

    mean: np.ndarray
    axes: np.ndarray
    small: list
    some: np.ndarray


def measure(network, pictures, most=ENOUGH):
    """The Statistics of a Split, as the network cuts its pictures; of `most` evenly spread ones.
    Those that cannot be read are passed over: the training will speak of them."""
    size, count = network.options["size"], 0
    total, products, small, some = np.zeros((size, size, 3)), np.zeros((3, 3)), [], []
    places = evenly(range(len(pictures)), most)
    shown = {*evenly(places, BATCH)}
    for k in places:
        with contextlib.suppress(DataError):
            picture = pictures[k]
            if min(picture.image.shape[:2]) < size:
                small.append(picture.name)
            frame = network.frame(picture.image)
            part = network.part(frame)
            if k in shown:
                some.append(part)
            part = part.astype(np.float32)
            flat = part.reshape(-1, 3)
            total += part
            products += flat.T @ flat
            count += 1
    mean = total / max(count, 1)
    overall = mean.mean(axis=(0, 1))
    covariance = products / max(count, 1) / size**2 - np.outer(overall, overall)
    values, vectors = np.linalg.eigh(covariance / 255**2)
    mean = np.moveaxis(mean, 2, 0).astype(np.float32)
    some = network.normalise(np.stack(some)) if some else np.empty((0, *mean.shape), np.float32)
    return Statistics(mean, 255 * vectors * values, small, some)


def tint(axes, sd, rng):
    """float32 (3,): the grey levels that are added to red, green and blue, drawn from `rng`."""
    return (np.asarray(axes) @ rng.normal(0, sd, 3)).astype(np.float32)
